from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.api.serializers import (
    ArtistDetailsSerializer,
    BlankAsNullField,
    NamesField,
    PersonSerializer,
    PickedAlbumSerializer,
    PickedMovieSerializer,
)
from catalog.models import Album, Movie
from integrations.values import mbid
from selections.models import (
    MAX_TEXT,
    POSITION_RULE,
    AnyPick,
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


class NotesField(serializers.CharField):
    """Text, stored unchanged; null and "" both mean none, and are returned as null."""

    def __init__(self, *, max_length=MAX_TEXT, **kwargs):
        super().__init__(allow_null=True, allow_blank=True, trim_whitespace=False, max_length=max_length, **kwargs)

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

    @staticmethod
    def to_representation(user):
        return {"id": user.pk, "username": user.username, "display_name": user.display_name or None}


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

    @staticmethod
    def to_representation(week):
        return {
            "id": week.pk,
            "user_id": week.user_id,
            "owner": OwnerSerializer.to_representation(week.user),
            "year": week.year,
            "week_number": week.week_number,
            "starts_on": week.starts_on,
            "ends_on": week.ends_on,
            "notes": week.notes or None,
            "is_complete": week.is_complete,
            "created_at": week.created_at,
            "updated_at": week.updated_at,
        }


class OpinionSerializer(serializers.ModelSerializer):
    """A user's opinion on a pick."""

    review = BlankAsNullField()

    class Meta:
        model = Opinion
        fields = ["rating", "review", "contains_spoilers", "created_at", "updated_at"]
        read_only_fields = fields

    @staticmethod
    def to_representation(opinion):
        return {
            "rating": opinion.rating,
            "review": opinion.review or None,
            "contains_spoilers": opinion.contains_spoilers,
            "created_at": opinion.created_at,
            "updated_at": opinion.updated_at,
        }


class MoviePickSerializer(serializers.ModelSerializer):
    movie = PickedMovieSerializer()

    class Meta:
        model = WeekMovie
        fields = ["position", "added_at", "rewatch", "movie"]

    @staticmethod
    def to_representation(pick):
        movie = PickedMovieSerializer.to_representation(pick.movie)
        return {"position": pick.position, "added_at": pick.added_at, "rewatch": pick.rewatch, "movie": movie}


class AlbumPickSerializer(serializers.ModelSerializer):
    album = PickedAlbumSerializer()

    class Meta:
        model = WeekAlbum
        fields = ["position", "added_at", "rewatch", "album"]

    @staticmethod
    def to_representation(pick):
        album = PickedAlbumSerializer.to_representation(pick.album)
        return {"position": pick.position, "added_at": pick.added_at, "rewatch": pick.rewatch, "album": album}


class DiscussedSerializer(serializers.ModelSerializer):
    # A pick with the values of PickQuerySet.with_opinions().
    my_opinion = OpinionSerializer(allow_null=True, read_only=True)
    opinions_count = serializers.IntegerField(help_text="The number of users with an opinion, including hidden ones.")


class DiscussedMovieSerializer(DiscussedSerializer, MoviePickSerializer):
    class Meta(MoviePickSerializer.Meta):
        fields = [*MoviePickSerializer.Meta.fields, "my_opinion", "opinions_count"]

    @staticmethod
    def to_representation(pick):
        return MoviePickSerializer.to_representation(pick) | discussion(pick)


class DiscussedAlbumSerializer(DiscussedSerializer, AlbumPickSerializer):
    class Meta(AlbumPickSerializer.Meta):
        fields = [*AlbumPickSerializer.Meta.fields, "my_opinion", "opinions_count"]

    @staticmethod
    def to_representation(pick):
        return AlbumPickSerializer.to_representation(pick) | discussion(pick)


def discussion(pick: AnyPick) -> dict:
    """The fields of DiscussedSerializer."""
    opinion = OpinionSerializer.to_representation(pick.my_opinion) if pick.my_opinion else None
    return {"my_opinion": opinion, "opinions_count": pick.opinions_count}  # type: ignore[union-attr]


class WeekFullSerializer(WeekSerializer):
    of_movie, of_album = DiscussedMovieSerializer, DiscussedAlbumSerializer
    movies = DiscussedMovieSerializer(many=True)
    albums = DiscussedAlbumSerializer(many=True)

    class Meta(WeekSerializer.Meta):
        fields = [*WeekSerializer.Meta.fields, "movies", "albums"]
        read_only_fields = fields

    @classmethod
    def to_representation(cls, week):
        return WeekSerializer.to_representation(week) | {
            "movies": [cls.of_movie.to_representation(pick) for pick in week.movies],
            "albums": [cls.of_album.to_representation(pick) for pick in week.albums],
        }


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


class SelectionSerializer(serializers.Serializer):
    """The week and user of a pick."""

    week_id = serializers.IntegerField()
    year = serializers.IntegerField(source="week.year")
    week_number = serializers.IntegerField(source="week.week_number")
    position = serializers.ChoiceField(Position.choices)
    added_at = serializers.DateTimeField()
    owner = OwnerSerializer(source="week.user")

    @staticmethod
    def to_representation(pick):
        return {
            "week_id": pick.week_id,
            "year": pick.week.year,
            "week_number": pick.week.week_number,
            "position": pick.position,
            "added_at": pick.added_at,
            "owner": OwnerSerializer.to_representation(pick.week.user),
        }


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
        fields = ["week_id", *MoviePickSerializer.Meta.fields, "previous_selections"]

    @staticmethod
    def to_representation(pick):
        return MoviePickSerializer.to_representation(pick) | previous_selections(pick)


class AlbumPickedSerializer(PickedSerializer, AlbumPickSerializer):
    class Meta(AlbumPickSerializer.Meta):
        fields = ["week_id", *AlbumPickSerializer.Meta.fields, "previous_selections"]

    @staticmethod
    def to_representation(pick):
        return AlbumPickSerializer.to_representation(pick) | previous_selections(pick)


def previous_selections(pick: AnyPick) -> dict:
    """The fields of PickedSerializer."""
    previous = [SelectionSerializer.to_representation(other) for other in pick.previous_selections]
    return {"week_id": pick.week_id, "previous_selections": previous}


class MovieWithSelectionsSerializer(PickedMovieSerializer):
    selections = SelectionSerializer(many=True)

    class Meta(PickedMovieSerializer.Meta):
        model = Movie
        fields = [*PickedMovieSerializer.Meta.fields, "selections"]

    @staticmethod
    def to_representation(movie):
        return PickedMovieSerializer.to_representation(movie) | selections(movie)


class AlbumWithSelectionsSerializer(PickedAlbumSerializer):
    selections = SelectionSerializer(many=True)

    class Meta(PickedAlbumSerializer.Meta):
        model = Album
        fields = [*PickedAlbumSerializer.Meta.fields, "selections"]

    @staticmethod
    def to_representation(album):
        return PickedAlbumSerializer.to_representation(album) | selections(album)


def selections(work) -> dict:
    return {"selections": [SelectionSerializer.to_representation(pick) for pick in work.selections]}


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

    @staticmethod
    def to_representation(movie):
        return MovieWithSelectionsSerializer.to_representation(movie) | {
            "characters": [part.character for part in movie.cast.all()],
            "jobs": [credit.job for credit in movie.crew.all()],
        }


class PersonWithMoviesSerializer(PersonSerializer):
    """A person, with those of their movies that were picked."""

    movies = MovieOfPersonSerializer(many=True)

    class Meta(PersonSerializer.Meta):
        fields = [*PersonSerializer.Meta.fields, "movies"]
        read_only_fields = fields


class WeekOfPickSerializer(serializers.ModelSerializer):
    owner = OwnerSerializer(source="user")

    class Meta:
        model = Week
        fields = ["id", "year", "week_number", "owner"]

    @staticmethod
    def to_representation(week):
        owner = OwnerSerializer.to_representation(week.user)
        return {"id": week.pk, "year": week.year, "week_number": week.week_number, "owner": owner}


class OwnedOpinionSerializer(OpinionSerializer):
    user = OwnerSerializer()

    class Meta(OpinionSerializer.Meta):
        fields = ["user", *OpinionSerializer.Meta.fields]
        read_only_fields = fields

    @staticmethod
    def to_representation(opinion):
        user = OwnerSerializer.to_representation(opinion.user)
        return {"user": user} | OpinionSerializer.to_representation(opinion)
