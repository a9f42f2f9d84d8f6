from rest_framework.permissions import SAFE_METHODS, BasePermission


class IsOwnerOrReadOnly(BasePermission):
    """Every member may read a week; only its owner may change it."""

    message = "Only the owner can modify this week"

    def has_object_permission(self, request, view, week):
        if getattr(view, "action", None) == "destroy":
            self.message = "Only the owner can delete this week"
        return request.method in SAFE_METHODS or week.user_id == request.user.pk
