"""What happened, for clients that ask again and again."""

from django.conf import settings
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.views import validated
from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer, RowSerializer
from selections import reads
from selections.models import Event

from .serializers import OwnerSerializer, SelectionSerializer, WeekOfPickSerializer

MAX_EVENTS = 50  # in an answer
MAX_ID = 2**63 - 1


class AskEventsSerializer(serializers.Serializer):
    since = serializers.IntegerField(
        min_value=0, max_value=MAX_ID, default=0, help_text="The `cursor` of an earlier answer: only what is newer."
    )
    before = serializers.IntegerField(
        min_value=0, max_value=MAX_ID, required=False, help_text="The `next` of an earlier answer: only what is older."
    )

    def validate(self, attrs):
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            message = "There is no such parameter. Use before, since."
            raise serializers.ValidationError({unknown[0][:50]: message}, code="unknown_parameter")
        return attrs


class EventSerializer(RowSerializer):
    """Something that happened. It never says what an opinion says."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(Event.Kind.choices)
    at = serializers.DateTimeField()
    user = OwnerSerializer(help_text="Who did it; for a revealed week, its owner.")
    member = OwnerSerializer(allow_null=True, help_text="Whose week or shortlist it is, or who was challenged.")
    week = WeekOfPickSerializer(allow_null=True)
    pick = SelectionSerializer(allow_null=True, help_text="The pick that an opinion is on.")
    movie = PickedMovieSerializer(allow_null=True, help_text="What was picked, proposed or voted for: a movie,")
    album = PickedAlbumSerializer(allow_null=True, help_text="or an album.")


class EventsSerializer(serializers.Serializer):
    results = EventSerializer(many=True)
    cursor = serializers.IntegerField(help_text="For `since` in the next request.")
    next = serializers.IntegerField(allow_null=True, help_text="For `before`, if there are older ones.")


class EventsView(APIView):
    @extend_schema(tags=["events"], parameters=[AskEventsSerializer], responses=EventsSerializer)
    def get(self, request):
        """What happened, the newest first: who joined, completed a week, gave an opinion, voted or challenged you, and
        which weeks were revealed.

        To follow it, ask again with the last `cursor` as `since`, and with the `ETag` as `If-None-Match`: if nothing is
        new, the response is a 304.
        """
        asked = validated(AskEventsSerializer(data=request.query_params))
        since, before = asked["since"], asked.get("before", MAX_ID)
        ids, digest = reads.list_events(request.user.pk, since, before, MAX_EVENTS + 1)
        etag = f'W/"{settings.VERSION}-{digest}"'
        if unchanged := get_conditional_response(request, etag=etag):
            return unchanged
        shown = ids[:MAX_EVENTS]
        events = Event.objects.filter(pk__in=shown).for_list() if shown else []
        body = {
            "results": EventSerializer(events, many=True).data,
            "cursor": shown[0] if shown else since,
            "next": shown[-1] if len(ids) > MAX_EVENTS else None,
        }
        return Response(body, headers={"ETag": etag})
