from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.models import Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
from integrations import musicbrainz, tmdb

CONFIRMED = "false: the title comes from a file that a member imported, and its source has not been asked yet."
PARTIAL_DATE = "YYYY, YYYY-MM or YYYY-MM-DD, as precise as known."


class BlankAsNullField(serializers.CharField):
    """Text that is stored as "" if it is unknown, and returned as null."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"read_only": True, "allow_null": True})

    def to_representation(self, value):
        return value or None


@extend_schema_field(serializers.ChoiceField(["year", "month", "day"], allow_null=True))
class PrecisionField(BlankAsNullField):
    """What is known of a date."""


class ImageField(serializers.URLField):
    """The full address of a TMDB image in one size."""

    def __init__(self, size: str, **kwargs):
        self.size = size
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value):
        return tmdb.image_url(value, self.size)


class NamesField(serializers.ListField):
    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"child": serializers.CharField(), "read_only": True})


# Base classes have no docstrings, as the API's document would show them for their subclasses.


class CatalogSerializer(serializers.ModelSerializer):
    def build_standard_field(self, field_name, model_field):
        if model_field.blank and isinstance(model_field, models.CharField | models.TextField):
            return BlankAsNullField, {"help_text": model_field.help_text} if model_field.help_text else {}
        return super().build_standard_field(field_name, model_field)


class RowSerializer(serializers.Serializer):
    @classmethod
    def many_init(cls, *args, **kwargs):
        # Without arguments it is a field. REST framework's serializer of a list refers to its rows in a cycle, so they
        # would stay until the garbage collector finds them.
        return SimpleNamespace(data=[*map(show_as(cls), args[0])]) if args else super().many_init(**kwargs)

    def to_representation(self, row):
        return show_as(type(self))(row)


@cache
def show_as(serializer: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """What shows a row as a serializer's fields say, made once: REST framework makes the fields for each request."""
    fields = {name: field for name, field in serializer().fields.items() if field.source != "*"}
    names, sources = tuple(fields), [field.source for field in fields.values()]
    get = attrgetter(*sources, "__class__")  # one more than is used, as for a single one it would return no tuple
    changes = [(name, show) for name, field in fields.items() if (show := show_value(field))]

    def show_row(row: Any) -> dict[str, Any]:
        shown = dict(zip(names, get(row)))  # noqa: B905 - without the last one
        for name, show in changes:
            shown[name] = show(shown[name])
        return shown

    return show_row


def show_value(field: Any) -> Callable[[Any], Any] | None:
    """What shows a value of a field; None if the renderer does."""
    if isinstance(field, BlankAsNullField):
        return lambda text: text or None
    if isinstance(field, RowSerializer):
        show_row = show_as(type(field))
        return lambda row: row and show_row(row)
    if isinstance(child := getattr(field, "child", None), RowSerializer):
        show_each = show_as(type(child))
        return lambda rows: [show_each(row) for row in rows]
    return field.to_representation if isinstance(field, ImageField) else None


class WorkSerializer(RowSerializer, CatalogSerializer):
    title = serializers.CharField(source="shown_title", read_only=True)


class DetailsSerializer(CatalogSerializer):
    genres = NamesField()
    cached = serializers.SerializerMethodField(help_text="Whether it came from the catalog, not from its source.")

    def get_cached(self, row) -> bool:
        return bool(self.context["cached"])


class WorkDetailsSerializer(WorkSerializer, DetailsSerializer):
    def to_representation(self, work):
        return super().to_representation(work) | {"cached": self.get_cached(work)}


class MovieSearchSerializer(serializers.Serializer):
    query = serializers.CharField(max_length=200, help_text="A title, or words of it; or an address.")
    page = serializers.IntegerField(min_value=1, max_value=tmdb.MAX_PAGE, default=1)
    year = serializers.IntegerField(min_value=1800, max_value=2100, required=False, help_text="Year of a release.")


class AlbumSearchSerializer(serializers.Serializer):
    query = serializers.CharField(max_length=200, help_text="A title, an artist, or words of both; or an address.")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=25)
    offset = serializers.IntegerField(min_value=0, max_value=1_000_000, default=0)
    fold = serializers.BooleanField(default=False, help_text="Return one hit for all releases of a release group.")


class MovieLookupSerializer(serializers.Serializer):
    url = serializers.CharField(max_length=500, help_text="The address or id of a movie on TMDB or IMDb.")

    def validate_url(self, value) -> int | str:
        if address := tmdb.read_address(value):
            return address
        raise serializers.ValidationError("Enter the address or id of a movie on TMDB or IMDb.")


class AlbumLookupSerializer(serializers.Serializer):
    url = serializers.CharField(
        max_length=500, help_text="The address or id of a release or release group on MusicBrainz."
    )

    def validate_url(self, value) -> tuple[str, UUID]:
        if address := musicbrainz.read_address(value):
            return address
        raise serializers.ValidationError("Enter the address or id of a release or release group on MusicBrainz.")


class CreditsSerializer(serializers.Serializer):
    limit = serializers.IntegerField(
        min_value=1, max_value=tmdb.MAX_CAST, default=10, help_text="Maximum length of each list."
    )


class MovieHitSerializer(serializers.Serializer):
    tmdb_id = serializers.IntegerField()
    title = serializers.CharField()
    original_title = BlankAsNullField()
    release_date = serializers.DateField(allow_null=True)
    poster_url = ImageField("w342", source="poster_path")
    overview = BlankAsNullField()
    vote_average = serializers.FloatField(help_text="TMDB's, from 0 to 10.")


class MoviePageSerializer(serializers.Serializer):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["tmdb", "catalog"], help_text="`catalog` if TMDB could not be asked."
    )
    page = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    total_results = serializers.IntegerField()
    results = MovieHitSerializer(many=True)


class MovieDetailsSerializer(WorkDetailsSerializer):
    poster_url = ImageField("w342", source="picture")
    backdrop_url = ImageField("w1280", source="backdrop_path")

    class Meta:
        model = Movie
        fields = read_only_fields = [
            *("tmdb_id", "title", "original_title", "release_date", "poster_url", "backdrop_url", "overview"),
            *("overview_language", "vote_average", "vote_count", "runtime", "tagline", "status", "imdb_id", "genres"),
            "cached",
        ]


class MovieCreditSerializer(CatalogSerializer):
    tmdb_id = serializers.IntegerField(source="person.tmdb_id")
    name = serializers.CharField(source="person.name")
    profile_url = ImageField("w185", source="person.profile_path")


class CastSerializer(MovieCreditSerializer):
    class Meta:
        model = MovieCast
        fields = ["tmdb_id", "name", "character", "order", "profile_url"]


class CrewSerializer(MovieCreditSerializer):
    job = BlankAsNullField()

    class Meta:
        model = MovieCrew
        fields = ["tmdb_id", "name", "department", "job", "profile_url"]


class MovieCreditsSerializer(serializers.Serializer):
    cast = CastSerializer(many=True)
    crew = CrewSerializer(many=True)


class PickedWorkSerializer(WorkSerializer):
    cached_at = serializers.DateTimeField()
    confirmed = serializers.BooleanField(source="is_confirmed", read_only=True, help_text=CONFIRMED)


class PickedMovieSerializer(PickedWorkSerializer):
    """A movie in a week."""

    poster_path = BlankAsNullField(source="picture", help_text="On TMDB's image server; see `poster_url`.")
    poster_url = ImageField("w342", source="picture")

    class Meta:
        model = Movie
        fields = ["id", "tmdb_id", "title", "original_title", "release_date", "poster_path", "poster_url", "overview"]
        fields += ["overview_language", "cached_at", "confirmed"]


class AlbumHitSerializer(serializers.Serializer):
    musicbrainz_id = serializers.UUIDField()
    title = serializers.CharField()
    artist = BlankAsNullField()
    release_date = BlankAsNullField(help_text=PARTIAL_DATE)
    country = BlankAsNullField()
    score = serializers.IntegerField(help_text="0 to 100, relative to the best hit.")
    cover_art_url = BlankAsNullField()
    release_group_id = serializers.UUIDField(allow_null=True)
    editions = serializers.IntegerField(help_text="How many releases it represents: 1 without `fold`.")
    edition_ids = serializers.ListField(child=serializers.UUIDField(), help_text="Their ids, the most useful first.")


class AlbumPageSerializer(serializers.Serializer):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["musicbrainz", "catalog"], help_text="`catalog` if MusicBrainz could not be asked."
    )
    count = serializers.IntegerField()
    offset = serializers.IntegerField()
    results = AlbumHitSerializer(many=True)


class AlbumDetailsSerializer(WorkDetailsSerializer):
    cover_art_url = BlankAsNullField(source="picture")

    class Meta:
        model = Album
        fields = read_only_fields = [
            *("musicbrainz_id", "release_group_id", "title", "artist", "release_date", "country", "status"),
            *("primary_type", "genres", "cover_art_url", "cached"),
        ]


class ArtistSerializer(CatalogSerializer):
    musicbrainz_id = serializers.UUIDField(source="artist.musicbrainz_id")
    sort_name = BlankAsNullField(source="artist.sort_name")
    disambiguation = BlankAsNullField(source="artist.disambiguation")
    artist_type = BlankAsNullField(source="artist.artist_type")
    country = BlankAsNullField(source="artist.country")
    begin = BlankAsNullField(source="artist.begin", help_text=PARTIAL_DATE)
    end = BlankAsNullField(source="artist.end", help_text=PARTIAL_DATE)
    order = serializers.IntegerField(source="position")

    class Meta:
        model = AlbumArtist
        fields = [
            *("musicbrainz_id", "name", "sort_name", "disambiguation", "artist_type", "country", "begin", "end"),
            *("join_phrase", "order"),
        ]


class AlbumCreditsSerializer(serializers.Serializer):
    artists = ArtistSerializer(many=True)


class PickedAlbumSerializer(PickedWorkSerializer):
    """An album in a week: with a full date, and its precision."""

    artist = serializers.CharField(source="shown_artist", read_only=True)
    release_date = serializers.DateField(source="release_day", allow_null=True, help_text="Missing parts are 01.")
    release_date_precision = PrecisionField(help_text="Null without a date.")
    cover_art_url = BlankAsNullField(source="picture")

    class Meta:
        model = Album
        fields = ["id", "musicbrainz_id", "title", "artist", "release_date", "release_date_precision", "cover_art_url"]
        fields += ["cached_at", "confirmed"]


class LinkSerializer(serializers.Serializer):
    type = serializers.CharField(help_text="MusicBrainz' term, such as `official homepage` or `wikidata`.")
    url = serializers.URLField()


class ArtistDetailsSerializer(DetailsSerializer):
    links = LinkSerializer(many=True)

    class Meta:
        model = Artist
        fields = read_only_fields = [
            *("musicbrainz_id", "name", "sort_name", "disambiguation", "artist_type", "area", "country"),
            *("begin", "end", "ended", "bio", "genres", "links", "cached"),
        ]


class PersonSerializer(serializers.ModelSerializer):
    profile_url = ImageField("w185", source="profile_path")

    class Meta:
        model = Person
        fields = read_only_fields = ["tmdb_id", "name", "profile_url"]
