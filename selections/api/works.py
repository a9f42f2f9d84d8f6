"""What was picked: movies and albums with their weeks, as far as the caller may see those."""

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView

from catalog.models import Album, Movie
from selections.models import WeekAlbum, WeekMovie

from . import serializers


def with_selections[W: (Movie, Album)](works: QuerySet[W], user) -> QuerySet[W]:
    """Those that somebody picked in a week the user may see, by title, each with these picks: two queries."""
    model, work = (WeekMovie, "movie") if works.model is Movie else (WeekAlbum, "album")
    picks = model._default_manager.visible_to(user)
    return (
        works.filter(Exists(picks.filter(**{work: OuterRef("pk")})))
        .order_by("title_key", "id")
        .prefetch_related(Prefetch("picks", picks.latest_first()))
    )


@extend_schema(tags=["movies"])
class MovieSelectionsView(ListAPIView):
    """The movies that were picked, by title, each with its weeks."""

    serializer_class = serializers.MovieWithSelectionsSerializer

    def get_queryset(self):
        return with_selections(Movie.objects.all(), self.request.user)


@extend_schema(tags=["albums"])
class AlbumSelectionsView(ListAPIView):
    """The albums that were picked, by title, each with its weeks."""

    serializer_class = serializers.AlbumWithSelectionsSerializer

    def get_queryset(self):
        return with_selections(Album.objects.all(), self.request.user)
