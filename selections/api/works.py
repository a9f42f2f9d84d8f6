"""Picked movies and albums with those of their weeks that the caller may see."""

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import artists
from catalog.api.views import read_musicbrainz_id, read_tmdb_id
from catalog.models import Album, Movie, Person
from selections import reads
from selections.kinds import ALBUM, KINDS, MOVIE

from . import serializers


def with_selections[W: (Movie, Album)](works: QuerySet[W], user) -> QuerySet[W]:
    """The works that were picked in a week the user may see, by title, each with these picks, in two queries."""
    kind = KINDS[works.model.kind]
    picks = kind.picks._default_manager.visible_to(user)
    return (
        works.filter(Exists(picks.filter(**{kind.name: OuterRef("pk")})))
        .order_by("title_key", "id")
        .prefetch_related(Prefetch("picks", picks.latest_first(), to_attr="selections"))
    )


@extend_schema(tags=["movies"])
class MovieSelectionsView(ListAPIView):
    """The movies that were picked, by title, each with its weeks."""

    serializer_class = serializers.MovieWithSelectionsSerializer

    def get_queryset(self):
        return reads.list_picked(MOVIE, self.request.user.pk)  # type: ignore[arg-type]


@extend_schema(tags=["albums"])
class AlbumSelectionsView(ListAPIView):
    """The albums that were picked, by title, each with its weeks."""

    serializer_class = serializers.AlbumWithSelectionsSerializer

    def get_queryset(self):
        return reads.list_picked(ALBUM, self.request.user.pk)  # type: ignore[arg-type]


@extend_schema(
    tags=["artists"],
    parameters=[OpenApiParameter("musicbrainz_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    responses=serializers.ArtistWithAlbumsSerializer,
)
class ArtistView(APIView):
    problems = ["upstream_busy", "upstream_unavailable"]

    def get(self, request, musicbrainz_id):
        """An artist, with those of their albums that were picked.

        An artist who is unknown, or known from credits only, is looked up at MusicBrainz.
        """
        artist, cached = artists.get_artist(read_musicbrainz_id(musicbrainz_id))
        albums = with_selections(Album.objects.filter(pk__in=artist.credits.values("album")), request.user)
        serializer = serializers.ArtistWithAlbumsSerializer(
            vars(artist) | {"albums": albums}, context={"cached": cached}
        )
        return Response(serializer.data)


@extend_schema(
    tags=["people"],
    parameters=[OpenApiParameter("tmdb_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
    responses=serializers.PersonWithMoviesSerializer,
)
class PersonView(APIView):
    def get(self, request, tmdb_id):
        """An actor or member of a movie's crew, with those of their movies that were picked.

        Only people in the credits of movies in the catalog are known.
        """
        person = Person.objects.filter(tmdb_id=read_tmdb_id(tmdb_id)).first()
        if person is None:
            raise NotFound("Person not found")
        of_person = person.parts.order_by().values("movie").union(person.jobs.order_by().values("movie"))
        movies: Any = with_selections(Movie.objects.filter(pk__in=of_person), request.user).prefetch_related(
            Prefetch("cast", person.parts.exclude(character="")),
            Prefetch("crew", person.jobs.all()),
        )
        for movie in movies:
            movie.characters = [part.character for part in movie.cast.all()]
            movie.jobs = [credit.job for credit in movie.crew.all()]
        return Response(serializers.PersonWithMoviesSerializer(vars(person) | {"movies": movies}).data)
