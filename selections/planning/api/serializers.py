from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.api.serializers import BlankAsNullField, PickedAlbumSerializer, PickedMovieSerializer
from selections.api.serializers import (
    MusicBrainzIdField,
    NotesField,
    OwnerSerializer,
    PositionField,
    SelectionSerializer,
    WholeNumberField,
)
from selections.kinds import KINDS
from selections.models import Challenge, ShortlistItem
from selections.models.plans import MAX_NOTE
from selections.weeks import WEEK_NAME


class PlanSerializer(serializers.ModelSerializer):
    """A movie or an album; the other one is null."""

    kind = serializers.ChoiceField(list(KINDS), read_only=True)
    movie = PickedMovieSerializer(allow_null=True, read_only=True)
    album = PickedAlbumSerializer(allow_null=True, read_only=True)
    note = BlankAsNullField()


class ShortlistItemSerializer(PlanSerializer):
    owner = OwnerSerializer(source="user")
    suggested_by = OwnerSerializer(
        source="suggester", allow_null=True, help_text="Null for the owner's own ideas, and for private members."
    )
    votes = serializers.IntegerField(source="vote_count", help_text="Votes by users whom the caller may see.")
    voted = serializers.BooleanField(source="has_voted", help_text="Whether the caller has voted for it.")

    class Meta:
        model = ShortlistItem
        fields = ["id", "owner", "kind", "movie", "album", "note", "suggested_by", "votes", "voted", "created_at"]
        read_only_fields = fields


class ChallengeSerializer(PlanSerializer):
    challenger = OwnerSerializer()
    member = OwnerSerializer(help_text="Who was challenged.")
    state = serializers.ChoiceField(Challenge.State.choices, read_only=True)
    pick = SelectionSerializer(
        allow_null=True, read_only=True, help_text="The pick that it became, as long as that exists."
    )

    class Meta:
        model = Challenge
        fields = ["id", "challenger", "member", "kind", "movie", "album", "note", "state", "pick"]
        fields += ["created_at", "answered_at"]
        read_only_fields = fields


class ProposalSerializer(serializers.Serializer):
    """A movie by its `tmdb_id`, or an album by its `musicbrainz_id`."""

    tmdb_id = WholeNumberField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True)
    musicbrainz_id = MusicBrainzIdField(required=False, allow_null=True)
    note = NotesField(default="", max_length=MAX_NOTE)
    for_is_required = False

    def get_fields(self):
        """`for` is a keyword in Python."""
        whom = "The username of the other member."
        if not self.for_is_required:
            whom = "The username of the member to whom you suggest it; for your own shortlist, leave it out."
        is_required = self.for_is_required
        name = serializers.CharField(max_length=50, required=is_required, allow_null=not is_required, help_text=whom)
        return super().get_fields() | {"for": name}

    def validate(self, attrs):
        """Also name the `kind` and the `external_id`."""
        given = [kind for kind in KINDS.values() if attrs.get(kind.id_field) is not None]
        if len(given) != 1:
            message = "Give the tmdb_id of a movie, or the musicbrainz_id of an album."
            raise serializers.ValidationError({"tmdb_id": message}, code="one_work")
        [kind] = given
        return attrs | {"kind": kind, "external_id": attrs[kind.id_field]}


class ProposeChallengeSerializer(ProposalSerializer):
    for_is_required = True


class ChangeShortlistItemSerializer(serializers.Serializer):
    note = NotesField(required=False, max_length=MAX_NOTE)


class AskDrawSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(list(KINDS), error_messages={"invalid_choice": "Kind must be movie or album."})


class DrawSerializer(serializers.Serializer):
    item = ShortlistItemSerializer()
    odds = serializers.FloatField(help_text="How likely it was to be drawn: its 1 + votes, as a share of all.")
    among = serializers.IntegerField(help_text="How many items could have been drawn, this one included.")


@extend_schema_field({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": WEEK_NAME}]})
class WeekField(serializers.Field):
    """The id of a week, or the ISO name of one of the caller's own weeks, as in addresses."""

    default_error_messages = {"invalid": "Week must be the id of a week or a name such as 2026-W07."}

    def to_internal_value(self, data) -> str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return value


class AcceptChallengeSerializer(serializers.Serializer):
    week = WeekField(help_text="A week of your own: its id, or its ISO name such as `2026-W07`.")
    position = PositionField()
