from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts import limits, security
from accounts import services as accounts
from accounts.api.authentication import InactiveAccount, InvalidCredentials, IsSignedIn
from accounts.api.views import no_content, no_store
from accounts.models import ApiToken

CALENDAR = "text/calendar"


class CalendarAddressSerializer(serializers.Serializer):
    url = serializers.CharField(
        help_text="The address for a calendar program. Anyone with this address can read your weeks."
    )


@no_store
@extend_schema(tags=["weeks"])
class CalendarTokenView(APIView):
    """The secret address of your weeks as a calendar."""

    permission_classes = [IsAuthenticated, IsSignedIn]
    problems = ["permission_denied"]

    @extend_schema(request=None, responses={201: CalendarAddressSerializer})
    def post(self, request):
        """Create the address of a calendar of your weeks. It is shown only once, and the previous one stops working."""
        secret = accounts.renew_calendar_token(request.user)
        security.record("token created", request, user_id=request.user.pk)
        url = f"{accounts.site_url(request)}{reverse('calendar')}?token={secret}"
        return Response({"url": url}, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request):
        """Disable your calendar: its address stops working. The response is 204 even if there was none."""
        if accounts.end_calendar_token(request.user):
            security.record("token revoked", request, user_id=request.user.pk)
        return no_content()


class CalendarView(APIView):
    """For calendar programs, which send no headers: the token in the address gives access to this view only."""

    authentication_classes = []
    permission_classes = [AllowAny]
    problems = ["invalid_credentials", "inactive_account", "too_many_attempts"]

    @extend_schema(
        tags=["weeks"],
        auth=[],
        parameters=[
            OpenApiParameter("token", required=True, description="The token from `POST /api/weeks/calendar-token`.")
        ],
        responses={(200, CALENDAR): OpenApiTypes.STR},
    )
    def get(self, request):
        """Your weeks as a calendar (iCalendar), with your picks, ratings and notes.

        Send the `ETag` back as `If-None-Match`: an unchanged calendar is a 304, which does not count towards any limit.
        """
        from selections.calendar import stamp, write_calendar  # here, as icalendar takes long to load

        token = accounts.find_token(request.query_params.get("token", ""), [ApiToken.Scope.CALENDAR])
        if token is None:
            raise InvalidCredentials("This calendar address is invalid or has been replaced. Create a new one.")
        if not token.user.is_active:
            raise InactiveAccount
        etag = quote_etag(stamp(token.user))  # before the weeks are read, in case they change meanwhile
        if unchanged := get_conditional_response(request, etag=etag):
            return unchanged
        limits.count_attempt("calendar", request, limits.account_id(token.user.pk))
        headers = {"Content-Disposition": 'inline; filename="wrong-opinions.ics"', "ETag": etag}
        return HttpResponse(write_calendar(token.user), content_type=f"{CALENDAR}; charset=utf-8", headers=headers)
