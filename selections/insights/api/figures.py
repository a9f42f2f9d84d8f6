"""Base classes and helpers for all responses with figures."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.views import APIView

from accounts.api.views import validated
from selections.insights import statistics
from selections.models import Week


class UserQuerySerializer(serializers.Serializer):
    user = serializers.CharField(max_length=50, default="me", help_text="A username, or `me`.")


class FiguresView(APIView):
    """A response for one user."""

    problems = ["user_not_found"]

    def read_query(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """The parameters of the query. Raises ValidationError."""
        return validated(serializer_class(data=self.request.query_params))

    def find_user(self, name: str) -> Any:
        """The user with this name; `me` is the caller. Raises NotFound."""
        if name.lower() == "me":
            return self.request.user
        user = get_user_model().objects.visible_to(self.request.user).filter(username=name.lower()).first()
        if user is None:
            raise NotFound("User not found", code="user_not_found")
        return user

    def check_size(self, advice: str) -> None:
        """Refuse to count what all members have, if that would take long. Raises ValidationError."""
        if Week.objects.all()[statistics.MAX_WEEKS :].exists():
            message = f"There are too many weeks for statistics of all members together. {advice}"
            raise ValidationError({"user": message}, code="too_many_to_count")

    def find_asked_user(self) -> Any:
        """The user that `?user=` names. Raises ValidationError or NotFound."""
        return self.find_user(self.read_query(UserQuerySerializer)["user"])
