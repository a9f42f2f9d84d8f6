import re
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from catalog import searching, services
from catalog.models import Album, Movie
from integrations.values import mbid

from . import serializers

TMDB_ID = OpenApiParameter("tmdb_id", OpenApiTypes.INT, OpenApiParameter.PATH)
MUSICBRAINZ_ID = OpenApiParameter("musicbrainz_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
# TMDB lists composers and cinematographers under two more jobs, which are stored but not part of the contract.
SHOWN_JOBS = ["Director", "Writer", "Screenplay", "Composer", "Producer", "Cinematography"]


def read_tmdb_id(raw: str) -> int:
    """A TMDB id from an address. Raises ValidationError."""
    if re.fullmatch(r"[0-9]{1,10}", raw) and 0 < int(raw) < 2**31:
        return int(raw)
    raise ValidationError({"tmdb_id": "A TMDB id is a positive whole number."}, code="invalid")


def read_musicbrainz_id(raw: str) -> UUID:
    """A MusicBrainz id from an address. Raises ValidationError."""
    if found := mbid(raw):
        return found
    raise ValidationError({"musicbrainz_id": "A MusicBrainz id is a UUID."}, code="invalid")


class WorkViewSet(ViewSet):
    lookup_value_regex = "[^/]+"
    problems = ["upstream_busy", "upstream_unavailable"]
    details: type[Serializer]

    def answer(self, found: tuple[Movie | Album, bool]) -> Response:
        """The details of a work, and whether it was in the catalog."""
        work, cached = found
        return Response(self.details(work, context={"cached": cached}).data)

    def read_query(self, serializer: type[Serializer]) -> dict[str, Any]:
        """The checked query parameters. Raises ValidationError."""
        query = serializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return query.validated_data


@extend_schema(tags=["movies"])
class MovieViewSet(WorkViewSet):
    """Movies, from the catalog or from TMDB."""

    lookup_field = "tmdb_id"
    details = serializers.MovieDetailsSerializer

    @extend_schema(parameters=[serializers.MovieSearchSerializer], responses=serializers.MoviePageSerializer)
    @action(detail=False)
    def search(self, request):
        """Find movies by title, 20 a page."""
        source, page = searching.search_movies(**self.read_query(serializers.MovieSearchSerializer))
        return Response(serializers.MoviePageSerializer({"source": source} | vars(page)).data)

    @extend_schema(
        parameters=[serializers.MovieLookupSerializer],
        responses=serializers.MovieDetailsSerializer,
        extensions={"x-problems": ["not_found"]},
    )
    @action(detail=False)
    def lookup(self, request):
        """The movie at a pasted address."""
        return self.answer(searching.look_up_movie(self.read_query(serializers.MovieLookupSerializer)["url"]))

    @extend_schema(parameters=[TMDB_ID], responses=serializers.MovieDetailsSerializer)
    def retrieve(self, request, tmdb_id):
        """A movie's details; fetched from TMDB if it is new to the catalog."""
        return self.answer(services.get_movie(read_tmdb_id(tmdb_id)))

    @extend_schema(parameters=[TMDB_ID, serializers.CreditsSerializer], responses=serializers.MovieCreditsSerializer)
    @action(detail=True)
    def credits(self, request, tmdb_id):
        """The cast in billing order, and the key roles of the crew."""
        known_id = read_tmdb_id(tmdb_id)
        limit = self.read_query(serializers.CreditsSerializer)["limit"]
        movie, _ = services.get_movie(known_id)
        cast = movie.cast.select_related("person")[:limit]
        crew = movie.crew.filter(job__in=SHOWN_JOBS).select_related("person")[:limit]
        return Response(serializers.MovieCreditsSerializer({"cast": cast, "crew": crew}).data)


@extend_schema(tags=["albums"])
class AlbumViewSet(WorkViewSet):
    """Albums (releases), from the catalog or from MusicBrainz."""

    lookup_field = "musicbrainz_id"
    details = serializers.AlbumDetailsSerializer

    @extend_schema(parameters=[serializers.AlbumSearchSerializer], responses=serializers.AlbumPageSerializer)
    @action(detail=False)
    def search(self, request):
        """Find albums by title, artist or both."""
        source, page = searching.search_albums(**self.read_query(serializers.AlbumSearchSerializer))
        return Response(serializers.AlbumPageSerializer({"source": source} | vars(page)).data)

    @extend_schema(
        parameters=[serializers.AlbumLookupSerializer],
        responses=serializers.AlbumDetailsSerializer,
        extensions={"x-problems": ["not_found"]},
    )
    @action(detail=False)
    def lookup(self, request):
        """The album at a pasted address. Of a release group, a release in the catalog, or else the most useful one."""
        return self.answer(searching.look_up_album(self.read_query(serializers.AlbumLookupSerializer)["url"]))

    @extend_schema(parameters=[MUSICBRAINZ_ID], responses=serializers.AlbumDetailsSerializer)
    def retrieve(self, request, musicbrainz_id):
        """An album's details; fetched from MusicBrainz if it is new to the catalog."""
        return self.answer(services.get_album(read_musicbrainz_id(musicbrainz_id)))

    @extend_schema(
        parameters=[MUSICBRAINZ_ID, serializers.CreditsSerializer], responses=serializers.AlbumCreditsSerializer
    )
    @action(detail=True)
    def credits(self, request, musicbrainz_id):
        """The artists as credited, in order."""
        known_id = read_musicbrainz_id(musicbrainz_id)
        limit = self.read_query(serializers.CreditsSerializer)["limit"]
        album, _ = services.get_album(known_id)
        artists = album.artist_credit.select_related("artist")[:limit]
        return Response(serializers.AlbumCreditsSerializer({"artists": artists}).data)
