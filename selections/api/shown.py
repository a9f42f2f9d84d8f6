"""What several answers show of picks, and the opinions on them."""

from typing import Any

from rest_framework import serializers

from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer
from selections.models import Position

from .serializers import OwnedOpinionSerializer, WeekOfPickSerializer


class ShownPickSerializer(serializers.Serializer):
    """A pick for a card: with its week and its poster or cover."""

    kind = serializers.ChoiceField(["movie", "album"], source="pick.kind")
    week = WeekOfPickSerializer(source="pick.week")
    position = serializers.ChoiceField(Position.choices, source="pick.position")
    movie = PickedMovieSerializer(source="pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="pick.album", allow_null=True, default=None)


def shown_opinions(pick: Any) -> dict[str, Any]:
    """The `opinions` on a pick that the caller may read, as PickQuerySet.with_shown_opinions() finds them."""
    return {"opinions": [OwnedOpinionSerializer.to_representation(opinion) for opinion in pick.shown_opinions]}
