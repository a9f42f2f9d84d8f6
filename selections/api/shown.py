"""What several answers show of picks."""

from rest_framework import serializers

from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer
from selections.models import Position

from .serializers import WeekOfPickSerializer


class ShownPickSerializer(serializers.Serializer):
    """A pick for a card: with its week and its poster or cover."""

    kind = serializers.ChoiceField(["movie", "album"], source="pick.kind")
    week = WeekOfPickSerializer(source="pick.week")
    position = serializers.ChoiceField(Position.choices, source="pick.position")
    movie = PickedMovieSerializer(source="pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="pick.album", allow_null=True, default=None)
