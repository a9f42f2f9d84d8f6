import re
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from catalog import searching, services
from integrations.values import mbid

from . import serializers

# TMDB files composers and cinematographers under two more names, which are stored, but not in the contract.
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


@extend_schema(
    tags=["movies"],
    parameters=[OpenApiParameter("tmdb_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
    extensions={"x-upstream": True},
)
class MovieViewSet(ViewSet):
    """Movies, from the catalog or from TMDB."""

    lookup_field = "tmdb_id"
    lookup_value_regex = "[^/]+"

    @extend_schema(
        parameters=[
            serializers.MovieSearchSerializer,
            OpenApiParameter("tmdb_id", location=OpenApiParameter.PATH, exclude=True),
        ],
        responses=serializers.MoviePageSerializer,
    )
    @action(detail=False)
    def search(self, request):
        """Find movies by title, 20 a page."""
        asked = serializers.MovieSearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        source, page = searching.search_movies(**asked.validated_data)
        return Response(serializers.MoviePageSerializer({"source": source} | vars(page)).data)

    @extend_schema(
        parameters=[
            serializers.MovieLookupSerializer,
            OpenApiParameter("tmdb_id", location=OpenApiParameter.PATH, exclude=True),
        ],
        responses=serializers.MovieDetailsSerializer,
    )
    @action(detail=False)
    def lookup(self, request):
        """The movie that a pasted address means."""
        asked = serializers.MovieLookupSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        movie, cached = searching.look_up_movie(asked.validated_data["url"])
        return Response(serializers.MovieDetailsSerializer(movie, context={"cached": cached}).data)

    @extend_schema(responses=serializers.MovieDetailsSerializer)
    def retrieve(self, request, tmdb_id):
        """A movie's details; fetched from TMDB when it is new to the catalog."""
        movie, cached = services.get_movie(read_tmdb_id(tmdb_id))
        return Response(serializers.MovieDetailsSerializer(movie, context={"cached": cached}).data)

    @extend_schema(parameters=[serializers.CreditsSerializer], responses=serializers.MovieCreditsSerializer)
    @action(detail=True)
    def credits(self, request, tmdb_id):
        """The cast in billing order, and the key roles of the crew."""
        known_id = read_tmdb_id(tmdb_id)
        asked = serializers.CreditsSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        limit = asked.validated_data["limit"]
        movie, _ = services.get_movie(known_id)
        cast = movie.cast.select_related("person")[:limit]
        crew = movie.crew.filter(job__in=SHOWN_JOBS).select_related("person")[:limit]
        return Response(serializers.MovieCreditsSerializer({"cast": cast, "crew": crew}).data)


@extend_schema(
    tags=["albums"],
    parameters=[OpenApiParameter("musicbrainz_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    extensions={"x-upstream": True},
)
class AlbumViewSet(ViewSet):
    """Albums (releases), from the catalog or from MusicBrainz."""

    lookup_field = "musicbrainz_id"
    lookup_value_regex = "[^/]+"

    @extend_schema(
        parameters=[
            serializers.AlbumSearchSerializer,
            OpenApiParameter("musicbrainz_id", location=OpenApiParameter.PATH, exclude=True),
        ],
        responses=serializers.AlbumPageSerializer,
    )
    @action(detail=False)
    def search(self, request):
        """Find albums by title, artist or both."""
        asked = serializers.AlbumSearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        source, page = searching.search_albums(**asked.validated_data)
        return Response(serializers.AlbumPageSerializer({"source": source} | vars(page)).data)

    @extend_schema(
        parameters=[
            serializers.AlbumLookupSerializer,
            OpenApiParameter("musicbrainz_id", location=OpenApiParameter.PATH, exclude=True),
        ],
        responses=serializers.AlbumDetailsSerializer,
    )
    @action(detail=False)
    def lookup(self, request):
        """The album that a pasted address means: of a release group, the release that we know, or the most useful."""
        asked = serializers.AlbumLookupSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        album, cached = searching.look_up_album(asked.validated_data["url"])
        return Response(serializers.AlbumDetailsSerializer(album, context={"cached": cached}).data)

    @extend_schema(responses=serializers.AlbumDetailsSerializer)
    def retrieve(self, request, musicbrainz_id):
        """An album's details; fetched from MusicBrainz when it is new to the catalog."""
        album, cached = services.get_album(read_musicbrainz_id(musicbrainz_id))
        return Response(serializers.AlbumDetailsSerializer(album, context={"cached": cached}).data)

    @extend_schema(parameters=[serializers.CreditsSerializer], responses=serializers.AlbumCreditsSerializer)
    @action(detail=True)
    def credits(self, request, musicbrainz_id):
        """The artists as credited, in order."""
        known_id = read_musicbrainz_id(musicbrainz_id)
        asked = serializers.CreditsSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        album, _ = services.get_album(known_id)
        artists = album.artist_credit.select_related("artist")[: asked.validated_data["limit"]]
        return Response(serializers.AlbumCreditsSerializer({"artists": artists}).data)
