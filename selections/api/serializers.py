from datetime import date

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.api.serializers import BlankAsNullField, PickedAlbumSerializer, PickedMovieSerializer
from catalog.models import Album, Movie
from integrations.values import mbid
from selections.models import FIRST_YEAR, LAST_YEAR, Week, WeekAlbum, WeekMovie


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction: REST framework's own field takes strings, too."""

    def to_internal_value(self, data):
        if isinstance(data, bool) or not (isinstance(data, int) or (isinstance(data, float) and data.is_integer())):
            self.fail("invalid")
        return int(data)


class NotesField(serializers.CharField):
    """Text, kept as it was typed; null and "" both mean none, and are given as null."""

    def __init__(self, **kwargs):
        super().__init__(allow_null=True, allow_blank=True, trim_whitespace=False, max_length=10_000, **kwargs)

    def run_validation(self, data=serializers.empty):
        return super().run_validation(data) or ""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)

    def to_representation(self, value):
        return value or None


class OwnerSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = BlankAsNullField()


class WeekSerializer(serializers.ModelSerializer):
    owner = OwnerSerializer(source="user")
    notes = BlankAsNullField()
    starts_on = serializers.DateField(help_text="Its Monday.")
    ends_on = serializers.DateField(help_text="Its Sunday.")
    is_complete = serializers.BooleanField(help_text="Whether it has at least one movie and one album.")

    class Meta:
        model = Week
        fields = [
            "id",
            "user_id",
            "owner",
            "year",
            "week_number",
            "starts_on",
            "ends_on",
            "notes",
            "is_complete",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class MoviePickSerializer(serializers.ModelSerializer):
    movie = PickedMovieSerializer()

    class Meta:
        model = WeekMovie
        fields = ["position", "added_at", "movie"]


class AlbumPickSerializer(serializers.ModelSerializer):
    album = PickedAlbumSerializer()

    class Meta:
        model = WeekAlbum
        fields = ["position", "added_at", "album"]


class MoviePickedSerializer(MoviePickSerializer):
    """The answer to a pick."""

    class Meta(MoviePickSerializer.Meta):
        fields = ["week_id", *MoviePickSerializer.Meta.fields]


class AlbumPickedSerializer(AlbumPickSerializer):
    """The answer to a pick."""

    class Meta(AlbumPickSerializer.Meta):
        fields = ["week_id", *AlbumPickSerializer.Meta.fields]


class WeekFullSerializer(WeekSerializer):
    movies = MoviePickSerializer(many=True, source="movie_picks")
    albums = AlbumPickSerializer(many=True, source="album_picks")

    class Meta(WeekSerializer.Meta):
        fields = [*WeekSerializer.Meta.fields, "movies", "albums"]
        read_only_fields = fields


class CreateWeekSerializer(serializers.Serializer):
    year = WholeNumberField(min_value=FIRST_YEAR, max_value=LAST_YEAR, help_text="ISO year.")
    week_number = WholeNumberField(min_value=1, max_value=53, help_text="ISO week.")
    notes = NotesField(default="")

    def validate(self, attrs):
        try:
            date.fromisocalendar(attrs["year"], attrs["week_number"], 1)
        except ValueError:
            message = f"The ISO year {attrs['year']} has no week {attrs['week_number']}."
            raise serializers.ValidationError({"week_number": message}, code="no_such_week") from None
        return attrs


class ChangeWeekSerializer(serializers.Serializer):
    notes = NotesField(required=False)


class PickMovieSerializer(serializers.Serializer):
    tmdb_id = WholeNumberField(min_value=1, max_value=2**31 - 1)
    position = WholeNumberField(min_value=1, max_value=2)


@extend_schema_field({"type": "string", "format": "uuid"})
class MusicBrainzIdField(serializers.Field):
    """A JSON string of 36 characters; REST framework's own field takes other spellings, and numbers."""

    default_error_messages = {"invalid": "A MusicBrainz id is a UUID."}

    def to_internal_value(self, data):
        return mbid(data) or self.fail("invalid")

    def to_representation(self, value):
        return str(value)


class PickAlbumSerializer(serializers.Serializer):
    musicbrainz_id = MusicBrainzIdField()
    position = WholeNumberField(min_value=1, max_value=2)


class SelectionSerializer(serializers.Serializer):
    """When and by whom something was picked."""

    week_id = serializers.IntegerField()
    year = serializers.IntegerField(source="week.year")
    week_number = serializers.IntegerField(source="week.week_number")
    position = serializers.IntegerField()
    added_at = serializers.DateTimeField()
    owner = OwnerSerializer(source="week.user")


class MovieWithSelectionsSerializer(PickedMovieSerializer):
    selections = SelectionSerializer(many=True, source="picks")

    class Meta(PickedMovieSerializer.Meta):
        model = Movie
        fields = [*PickedMovieSerializer.Meta.fields, "selections"]


class AlbumWithSelectionsSerializer(PickedAlbumSerializer):
    selections = SelectionSerializer(many=True, source="picks")

    class Meta(PickedAlbumSerializer.Meta):
        model = Album
        fields = [*PickedAlbumSerializer.Meta.fields, "selections"]
