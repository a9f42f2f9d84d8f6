from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.serializers import NullableTextField
from catalog.api.serializers import (
    ArtistDetailsSerializer,
    BlankAsNullField,
    NamesField,
    PersonSerializer,
    PickedAlbumSerializer,
    PickedMovieSerializer,
    RowSerializer,
)
from catalog.models import Album, Movie
from integrations.values import mbid
from selections.models import (
    MAX_TEXT,
    POSITION_RULE,
    Opinion,
    Position,
    Week,
    WeekAlbum,
    WeekMovie,
)
from selections.weeks import FIRST_YEAR, LAST_YEAR, weeks_in_year


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction: REST framework's own field also accepts strings."""

    def to_internal_value(self, data):
        if isinstance(data, bool) or not (isinstance(data, int) or (isinstance(data, float) and data.is_integer())):
            self.fail("invalid")
        return int(data)


class PositionField(WholeNumberField):
    default_error_messages = dict.fromkeys(["invalid", "null", "min_value", "max_value"], f"{POSITION_RULE}.")

    def __init__(self, **kwargs):
        super().__init__(min_value=min(Position), max_value=max(Position), **kwargs)


class SwitchField(serializers.BooleanField):
    """A JSON true or false: REST framework's own field also accepts "yes" and 1."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class RewatchField(SwitchField):
    def __init__(self):
        help_text = "Whether you had seen or heard it before; null if that is unknown."
        super().__init__(required=False, allow_null=True, help_text=help_text)


class NotesField(NullableTextField):
    """Text, stored unchanged; null and "" both mean none, and are returned as null."""

    def __init__(self, *, max_length=MAX_TEXT, **kwargs):
        super().__init__(trim_whitespace=False, max_length=max_length, **kwargs)


class OwnerSerializer(RowSerializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = BlankAsNullField()


class WeekSerializer(RowSerializer, serializers.ModelSerializer):
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


class OpinionSerializer(RowSerializer, serializers.ModelSerializer):
    """A user's opinion on a pick."""

    review = BlankAsNullField()

    class Meta:
        model = Opinion
        fields = ["rating", "review", "contains_spoilers", "created_at", "updated_at"]
        read_only_fields = fields


class MoviePickSerializer(RowSerializer, serializers.ModelSerializer):
    movie = PickedMovieSerializer()

    class Meta:
        model = WeekMovie
        fields = ["position", "added_at", "rewatch", "movie"]


class AlbumPickSerializer(RowSerializer, serializers.ModelSerializer):
    album = PickedAlbumSerializer()

    class Meta:
        model = WeekAlbum
        fields = ["position", "added_at", "rewatch", "album"]


class DiscussedSerializer(serializers.ModelSerializer):
    # A pick with the values of PickQuerySet.with_opinions().
    my_opinion = OpinionSerializer(allow_null=True, read_only=True)
    opinions_count = serializers.IntegerField(help_text="The number of users with an opinion, including hidden ones.")


class DiscussedMovieSerializer(DiscussedSerializer, MoviePickSerializer):
    class Meta(MoviePickSerializer.Meta):
        fields = [*MoviePickSerializer.Meta.fields, "my_opinion", "opinions_count"]


class DiscussedAlbumSerializer(DiscussedSerializer, AlbumPickSerializer):
    class Meta(AlbumPickSerializer.Meta):
        fields = [*AlbumPickSerializer.Meta.fields, "my_opinion", "opinions_count"]


class WeekFullSerializer(WeekSerializer):
    movies = DiscussedMovieSerializer(many=True)
    albums = DiscussedAlbumSerializer(many=True)

    class Meta(WeekSerializer.Meta):
        fields = [*WeekSerializer.Meta.fields, "movies", "albums"]
        read_only_fields = fields


def check_iso_week(attrs: dict) -> dict:
    """Raise ValidationError if the ISO year has no such week."""
    if attrs["week_number"] > weeks_in_year(attrs["year"]):
        message = f"The ISO year {attrs['year']} has no week {attrs['week_number']}."
        raise serializers.ValidationError({"week_number": message}, code="no_such_week")
    return attrs


class CreateWeekSerializer(serializers.Serializer):
    year = WholeNumberField(min_value=FIRST_YEAR, max_value=LAST_YEAR, help_text="ISO year.")
    week_number = WholeNumberField(min_value=1, max_value=53, help_text="ISO week.")
    notes = NotesField(default="")

    def validate(self, attrs):
        return check_iso_week(attrs)


class ChangeWeekSerializer(serializers.Serializer):
    notes = NotesField(required=False)
    year = WholeNumberField(
        min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False, help_text="ISO year; only with `week_number`."
    )
    week_number = WholeNumberField(min_value=1, max_value=53, required=False, help_text="ISO week; only with `year`.")

    def validate(self, attrs):
        for name, other in (("year", "week_number"), ("week_number", "year")):
            if name in attrs and other not in attrs:
                raise serializers.ValidationError({other: "A week is moved by year and week_number."}, code="required")
        return check_iso_week(attrs) if "year" in attrs else attrs


class ForceSerializer(serializers.Serializer):
    force = serializers.BooleanField(
        default=False,
        help_text="Without it, a request that would delete the opinions of others is rejected with 409, and a sentence "
        "names these users; with `true` they are deleted as well.",
    )


class MovePickSerializer(serializers.Serializer):
    position = PositionField(required=False)
    rewatch = RewatchField()


class ReplaceMovieSerializer(serializers.Serializer):
    tmdb_id = WholeNumberField(min_value=1, max_value=2**31 - 1)
    rewatch = RewatchField()


class PickMovieSerializer(ReplaceMovieSerializer):
    position = PositionField()


@extend_schema_field({"type": "string", "format": "uuid"})
class MusicBrainzIdField(serializers.Field):
    """A JSON string of 36 characters; REST framework's own field accepts other spellings, and numbers."""

    default_error_messages = {"invalid": "A MusicBrainz id is a UUID."}

    def to_internal_value(self, data):
        return mbid(data) or self.fail("invalid")

    def to_representation(self, value):
        return str(value)


class ReplaceAlbumSerializer(serializers.Serializer):
    musicbrainz_id = MusicBrainzIdField()
    rewatch = RewatchField()


class PickAlbumSerializer(ReplaceAlbumSerializer):
    position = PositionField()


class SelectionSerializer(RowSerializer):
    """The week and user of a pick."""

    week_id = serializers.IntegerField()
    year = serializers.IntegerField(source="week.year")
    week_number = serializers.IntegerField(source="week.week_number")
    position = serializers.ChoiceField(Position.choices)
    added_at = serializers.DateTimeField()
    owner = OwnerSerializer(source="week.user")


class PickedSerializer(serializers.ModelSerializer):
    """The response to a pick."""

    previous_selections = SelectionSerializer(
        many=True,
        read_only=True,
        help_text="The latest 50 earlier weeks, of users the caller may see, with the same movie, or any edition "
        "of the same album.",
    )


class MoviePickedSerializer(PickedSerializer, MoviePickSerializer):
    class Meta(MoviePickSerializer.Meta):
        fields = [*MoviePickSerializer.Meta.fields, "week_id", "previous_selections"]


class AlbumPickedSerializer(PickedSerializer, AlbumPickSerializer):
    class Meta(AlbumPickSerializer.Meta):
        fields = [*AlbumPickSerializer.Meta.fields, "week_id", "previous_selections"]


class MovieWithSelectionsSerializer(PickedMovieSerializer):
    selections = SelectionSerializer(many=True)

    class Meta(PickedMovieSerializer.Meta):
        model = Movie
        fields = [*PickedMovieSerializer.Meta.fields, "selections"]


class AlbumWithSelectionsSerializer(PickedAlbumSerializer):
    selections = SelectionSerializer(many=True)

    class Meta(PickedAlbumSerializer.Meta):
        model = Album
        fields = [*PickedAlbumSerializer.Meta.fields, "selections"]


class ArtistWithAlbumsSerializer(ArtistDetailsSerializer):
    """An artist, with those of their albums that were picked."""

    albums = AlbumWithSelectionsSerializer(many=True)

    class Meta(ArtistDetailsSerializer.Meta):
        fields = [*ArtistDetailsSerializer.Meta.fields, "albums"]
        read_only_fields = fields


class MovieOfPersonSerializer(MovieWithSelectionsSerializer):
    """A movie with a person's credits in it."""

    characters = NamesField(help_text="The roles they play, in billing order.")
    jobs = NamesField(help_text="TMDB's names of the jobs, such as Director.")

    class Meta(MovieWithSelectionsSerializer.Meta):
        fields = [*MovieWithSelectionsSerializer.Meta.fields, "characters", "jobs"]


class PersonWithMoviesSerializer(PersonSerializer):
    """A person, with those of their movies that were picked."""

    movies = MovieOfPersonSerializer(many=True)

    class Meta(PersonSerializer.Meta):
        fields = [*PersonSerializer.Meta.fields, "movies"]
        read_only_fields = fields


class WeekOfPickSerializer(RowSerializer, serializers.ModelSerializer):
    owner = OwnerSerializer(source="user")

    class Meta:
        model = Week
        fields = ["id", "year", "week_number", "owner"]


class OwnedOpinionSerializer(OpinionSerializer):
    user = OwnerSerializer()

    class Meta(OpinionSerializer.Meta):
        fields = ["user", *OpinionSerializer.Meta.fields]
        read_only_fields = fields
