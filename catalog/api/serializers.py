from uuid import UUID

from rest_framework import serializers

from catalog.models import UNKNOWN_ARTIST, Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
from integrations import musicbrainz, tmdb

CONFIRMED = "false: the title comes from a file that a member imported, and upstream has not been asked yet."


class BlankAsNullField(serializers.CharField):
    """Text that the database keeps as "" where it is unknown, and the API gives as null."""

    def __init__(self, **kwargs):
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value):
        return value or None


class ImageField(serializers.URLField):
    """The whole address of a TMDB image of one size."""

    def __init__(self, size: str, **kwargs):
        self.size = size
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value):
        return tmdb.image_url(value, self.size)


class NamesField(serializers.ListField):
    def __init__(self):
        super().__init__(child=serializers.CharField(), read_only=True)


class MovieSearchSerializer(serializers.Serializer):
    query = serializers.CharField(max_length=200, help_text="A title, or words of one; or an address.")
    page = serializers.IntegerField(min_value=1, max_value=tmdb.MAX_PAGE, default=1)
    year = serializers.IntegerField(min_value=1800, max_value=2100, required=False, help_text="Year of a release.")


class AlbumSearchSerializer(serializers.Serializer):
    query = serializers.CharField(max_length=200, help_text="A title, an artist, or words of both; or an address.")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=25)
    offset = serializers.IntegerField(min_value=0, max_value=1_000_000, default=0)
    fold = serializers.BooleanField(default=False, help_text="One hit for all releases of a release group.")


class MovieLookupSerializer(serializers.Serializer):
    url = serializers.CharField(max_length=500, help_text="An address of a movie at TMDB or IMDb, or its id there.")

    def validate_url(self, value) -> int | str:
        if address := tmdb.read_address(value):
            return address
        raise serializers.ValidationError("That is no address or id of a movie at TMDB or IMDb.")


class AlbumLookupSerializer(serializers.Serializer):
    url = serializers.CharField(
        max_length=500, help_text="An address of a release or release group at MusicBrainz, or its id there."
    )

    def validate_url(self, value) -> tuple[str, UUID]:
        if address := musicbrainz.read_address(value):
            return address
        raise serializers.ValidationError("That is no address or id of a release or release group at MusicBrainz.")


class CreditsSerializer(serializers.Serializer):
    limit = serializers.IntegerField(
        min_value=1, max_value=tmdb.MAX_CAST, default=10, help_text="At most so many, of each list."
    )


class MovieHitSerializer(serializers.Serializer):
    tmdb_id = serializers.IntegerField()
    title = serializers.CharField()
    original_title = BlankAsNullField()
    release_date = serializers.DateField(allow_null=True)
    poster_url = ImageField("w342", source="poster_path")
    overview = BlankAsNullField()
    vote_average = serializers.FloatField(help_text="TMDB's, 0 to 10.")


class MoviePageSerializer(serializers.Serializer):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`tmdb`, or `catalog` when TMDB could not be asked."
    )
    page = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    total_results = serializers.IntegerField()
    results = MovieHitSerializer(many=True)


class MovieDetailsSerializer(serializers.ModelSerializer):
    title = serializers.CharField(source="shown_title", read_only=True)
    original_title = BlankAsNullField()
    poster_url = ImageField("w342", source="picture")
    backdrop_url = ImageField("w1280", source="backdrop_path")
    overview = BlankAsNullField()
    tagline = BlankAsNullField()
    status = BlankAsNullField()
    imdb_id = BlankAsNullField()
    genres = NamesField()
    cached = serializers.SerializerMethodField(help_text="Whether it came from the catalog, not from TMDB just now.")

    class Meta:
        model = Movie
        fields = [
            "tmdb_id",
            "title",
            "original_title",
            "release_date",
            "poster_url",
            "backdrop_url",
            "overview",
            "vote_average",
            "vote_count",
            "runtime",
            "tagline",
            "status",
            "imdb_id",
            "genres",
            "cached",
        ]
        read_only_fields = fields

    def get_cached(self, movie) -> bool:
        return bool(self.context["cached"])


class CastSerializer(serializers.ModelSerializer):
    tmdb_id = serializers.IntegerField(source="person.tmdb_id")
    name = serializers.CharField(source="person.name")
    character = BlankAsNullField()
    profile_url = ImageField("w185", source="person.profile_path")

    class Meta:
        model = MovieCast
        fields = ["tmdb_id", "name", "character", "order", "profile_url"]


class CrewSerializer(serializers.ModelSerializer):
    tmdb_id = serializers.IntegerField(source="person.tmdb_id")
    name = serializers.CharField(source="person.name")
    department = BlankAsNullField()
    job = BlankAsNullField()
    profile_url = ImageField("w185", source="person.profile_path")

    class Meta:
        model = MovieCrew
        fields = ["tmdb_id", "name", "department", "job", "profile_url"]


class MovieCreditsSerializer(serializers.Serializer):
    cast = CastSerializer(many=True)
    crew = CrewSerializer(many=True)


class PickedMovieSerializer(serializers.ModelSerializer):
    """A movie as weeks show it: TMDB's bare path of the poster, unlike in search and details."""

    title = serializers.CharField(source="shown_title", read_only=True)
    original_title = BlankAsNullField()
    poster_path = BlankAsNullField(source="picture")
    overview = BlankAsNullField()
    cached_at = serializers.DateTimeField()
    confirmed = serializers.BooleanField(source="is_confirmed", read_only=True, help_text=CONFIRMED)

    class Meta:
        model = Movie
        fields = ["id", "tmdb_id", "title", "original_title", "release_date", "poster_path", "overview", "cached_at"]
        fields += ["confirmed"]


class AlbumHitSerializer(serializers.Serializer):
    musicbrainz_id = serializers.UUIDField()
    title = serializers.CharField()
    artist = BlankAsNullField()
    release_date = BlankAsNullField(help_text="YYYY, YYYY-MM or YYYY-MM-DD, as precisely as known.")
    country = BlankAsNullField()
    score = serializers.IntegerField(help_text="0 to 100, against the best hit.")
    cover_art_url = BlankAsNullField()
    release_group_id = serializers.UUIDField(allow_null=True)
    editions = serializers.IntegerField(help_text="How many releases it stands for: 1 without `fold`.")
    edition_ids = serializers.ListField(child=serializers.UUIDField(), help_text="Theirs, the most useful first.")


class AlbumPageSerializer(serializers.Serializer):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`musicbrainz`, or `catalog` when MusicBrainz could not be asked."
    )
    count = serializers.IntegerField()
    offset = serializers.IntegerField()
    results = AlbumHitSerializer(many=True)


class AlbumDetailsSerializer(serializers.ModelSerializer):
    title = serializers.CharField(source="shown_title", read_only=True)
    artist = BlankAsNullField()
    release_date = BlankAsNullField(help_text="YYYY, YYYY-MM or YYYY-MM-DD, as precisely as known.")
    country = BlankAsNullField()
    status = BlankAsNullField()
    primary_type = BlankAsNullField()
    genres = NamesField()
    cover_art_url = BlankAsNullField(source="picture")
    cached = serializers.SerializerMethodField(
        help_text="Whether it came from the catalog, not from upstream just now."
    )

    class Meta:
        model = Album
        fields = [
            "musicbrainz_id",
            "release_group_id",
            "title",
            "artist",
            "release_date",
            "country",
            "status",
            "primary_type",
            "genres",
            "cover_art_url",
            "cached",
        ]
        read_only_fields = fields

    def get_cached(self, album) -> bool:
        return bool(self.context["cached"])


class ArtistSerializer(serializers.ModelSerializer):
    musicbrainz_id = serializers.UUIDField(source="artist.musicbrainz_id")
    sort_name = BlankAsNullField(source="artist.sort_name")
    disambiguation = BlankAsNullField(source="artist.disambiguation")
    artist_type = BlankAsNullField(source="artist.artist_type")
    country = BlankAsNullField(source="artist.country")
    begin = BlankAsNullField(source="artist.begin", help_text="YYYY, YYYY-MM or YYYY-MM-DD.")
    end = BlankAsNullField(source="artist.end", help_text="YYYY, YYYY-MM or YYYY-MM-DD.")
    join_phrase = BlankAsNullField()
    order = serializers.IntegerField(source="position")

    class Meta:
        model = AlbumArtist
        fields = [
            "musicbrainz_id",
            "name",
            "sort_name",
            "disambiguation",
            "artist_type",
            "country",
            "begin",
            "end",
            "join_phrase",
            "order",
        ]


class AlbumCreditsSerializer(serializers.Serializer):
    artists = ArtistSerializer(many=True)


class PickedAlbumSerializer(serializers.ModelSerializer):
    """An album as weeks show it: with a whole day, and how much of it is known."""

    title = serializers.CharField(source="shown_title", read_only=True)
    artist = serializers.SerializerMethodField()
    release_date = serializers.DateField(source="release_day", allow_null=True, help_text="Missing parts are 01.")
    release_date_precision = BlankAsNullField(help_text="`year`, `month` or `day`.")
    cover_art_url = BlankAsNullField(source="picture")
    cached_at = serializers.DateTimeField()
    confirmed = serializers.BooleanField(source="is_confirmed", read_only=True, help_text=CONFIRMED)

    class Meta:
        model = Album
        fields = [
            "id",
            "musicbrainz_id",
            "title",
            "artist",
            "release_date",
            "release_date_precision",
            "cover_art_url",
            "cached_at",
            "confirmed",
        ]

    def get_artist(self, album) -> str:
        return album.artist or UNKNOWN_ARTIST


class LinkSerializer(serializers.Serializer):
    type = serializers.CharField(help_text="MusicBrainz' word, such as `official homepage` or `wikidata`.")
    url = serializers.URLField()


class ArtistDetailsSerializer(serializers.ModelSerializer):
    sort_name = BlankAsNullField()
    disambiguation = BlankAsNullField()
    artist_type = BlankAsNullField(help_text="Such as Person or Group.")
    area = BlankAsNullField(help_text="Where they come from: a country, or a place in one.")
    country = BlankAsNullField(help_text="ISO 3166-1; null where the area is a place.")
    begin = BlankAsNullField(help_text="Birth or founding: YYYY, YYYY-MM or YYYY-MM-DD, as precisely as known.")
    end = BlankAsNullField(help_text="Death or parting: YYYY, YYYY-MM or YYYY-MM-DD, as precisely as known.")
    bio = BlankAsNullField()
    genres = NamesField()
    links = LinkSerializer(many=True)
    cached = serializers.SerializerMethodField(
        help_text="Whether it came from the catalog, not from MusicBrainz just now."
    )

    class Meta:
        model = Artist
        fields = [
            "musicbrainz_id",
            "name",
            "sort_name",
            "disambiguation",
            "artist_type",
            "area",
            "country",
            "begin",
            "end",
            "ended",
            "bio",
            "genres",
            "links",
            "cached",
        ]
        read_only_fields = fields

    def get_cached(self, artist) -> bool:
        return bool(self.context["cached"])


class PersonSerializer(serializers.ModelSerializer):
    profile_url = ImageField("w185", source="profile_path")

    class Meta:
        model = Person
        fields = ["tmdb_id", "name", "profile_url"]
        read_only_fields = fields
