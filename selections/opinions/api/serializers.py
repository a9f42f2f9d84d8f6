from rest_framework import serializers

from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer
from selections.api.serializers import (
    NotesField,
    OpinionSerializer,
    OwnedOpinionSerializer,
    OwnerSerializer,
    SelectionSerializer,
    SwitchField,
    WeekOfPickSerializer,
    WholeNumberField,
)
from selections.kinds import KINDS
from selections.models import MAX_RATING, EarlierRating, Position


class GiveOpinionSerializer(serializers.Serializer):
    """A rating, a review, or both."""

    rating = WholeNumberField(
        min_value=1, max_value=MAX_RATING, allow_null=True, default=None, help_text="Half stars: 1 to 10."
    )
    review = NotesField(default="")
    contains_spoilers = SwitchField(default=False)

    def validate(self, attrs):
        if attrs["rating"] is None and not attrs["review"].strip():
            raise serializers.ValidationError({"rating": "Give a rating, a review, or both."}, code="required")
        return attrs


class EarlierRatingSerializer(serializers.ModelSerializer):
    class Meta:
        model = EarlierRating
        fields = ["rating", "until_at"]
        read_only_fields = fields


class FeedSerializer(OpinionSerializer):
    """An opinion with its user and its pick."""

    user = OwnerSerializer()
    kind = serializers.ChoiceField(list(KINDS))
    week = WeekOfPickSerializer()
    position = serializers.ChoiceField(Position.choices, source="pick.position")
    movie = PickedMovieSerializer(source="pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="pick.album", allow_null=True, default=None)

    class Meta(OpinionSerializer.Meta):
        fields = ["id", "user", "kind", "week", "position", *OpinionSerializer.Meta.fields, "movie", "album"]
        read_only_fields = fields


class DiscussedSelectionSerializer(SelectionSerializer):
    """A pick of a movie or album, with the opinions on it that the caller may read."""

    opinions = OwnedOpinionSerializer(many=True, source="shown_opinions")
