"""What all answers that are made of figures have in common."""

from django.contrib.auth import get_user_model
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.views import APIView

NOBODY = OpenApiResponse(description="There is nobody of that name whom the caller may see")


class AboutUserSerializer(serializers.Serializer):
    user = serializers.CharField(max_length=50, default="me", help_text="A username, or `me`.")


@method_decorator([cache_control(private=True, no_cache=True), conditional_page], name="dispatch")
class FiguresView(APIView):
    """An answer for one person, which need not be sent again while it stays the same: a 304 by its ETag."""

    def find(self, name: str):
        """Who is asked about: `me` is the caller. Raises NotFound."""
        if name.lower() == "me":
            return self.request.user
        person = get_user_model().objects.visible_to(self.request.user).filter(username=name.lower()).first()
        if person is None:
            raise NotFound("User not found", code="user_not_found")
        return person

    def asked_about(self):
        """Whom `?user=` means. Raises ValidationError or NotFound."""
        asked = AboutUserSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return self.find(asked.validated_data["user"])
