"""How people's opinions compare; every figure is of what the caller may read."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer
from selections.api.serializers import (
    DiscussedAlbumSerializer,
    DiscussedMovieSerializer,
    OwnedOpinionSerializer,
    OwnerSerializer,
    WeekFullSerializer,
    WeekOfPickSerializer,
)
from selections.insights import comparison
from selections.weeks import FIRST_YEAR, LAST_YEAR, WEEK_NAME, read_week_name, this_week

from .figures import NOBODY, AboutUserSerializer, FiguresView


class CompareWithSerializer(serializers.Serializer):
    def get_fields(self):
        """`with` is a word of Python's own."""
        return {"with": serializers.CharField(max_length=50, help_text="The username of somebody else.")}


@extend_schema_field({"type": "string", "pattern": WEEK_NAME, "description": "An ISO week such as 2026-W07."})
class WeekNameField(serializers.CharField):
    """The year and number of a week by its ISO name."""

    default_error_messages = {"invalid_week": "Write an ISO week as 2026-W07."}

    def to_internal_value(self, data):
        return read_week_name(super().to_internal_value(data)) or self.fail("invalid_week")


class WhichDisagreementsSerializer(serializers.Serializer):
    week = WeekNameField(required=False)
    year = serializers.IntegerField(
        min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False, help_text="ISO year; not with `week`."
    )
    user = serializers.CharField(
        max_length=50, default="all", help_text="A username or `me`: of pairs with them only; `all`: of any two."
    )

    def validate(self, attrs):
        if "week" in attrs and "year" in attrs:
            raise serializers.ValidationError({"year": "Ask for a week or for a year."}, code="week_and_year")
        return attrs


class AgreementSerializer(serializers.Serializer):
    """How near two people's ratings are; what needs ratings in common is null without."""

    n = serializers.IntegerField(help_text="Works that both rated.")
    enough = serializers.BooleanField(help_text=f"Whether these are {comparison.ENOUGH} at least.")
    agreement = serializers.FloatField(
        allow_null=True,
        help_text=f"0 to 1: `agreement_raw` * n / (n + {comparison.DOUBT}), so that little overlap proves little; "
        "null where there is not enough.",
    )
    agreement_raw = serializers.FloatField(allow_null=True, help_text="0 to 1: 1 - `mean_difference` / 9.")
    note = serializers.CharField(help_text="What the agreement is worth, in words.")
    mean_difference = serializers.FloatField(allow_null=True, help_text="0 to 9 half stars, without sign.")
    harshness_gap = serializers.FloatField(
        allow_null=True, help_text="The mean of mine minus theirs: below 0 where I am the harsher one."
    )


class QuarterSerializer(serializers.Serializer):
    year = serializers.IntegerField(help_text="ISO year.")
    quarter = serializers.IntegerField(help_text="1 to 4, by the Thursday of the week of the pick.")
    together = AgreementSerializer()


class PlacedOpinionSerializer(OwnedOpinionSerializer):
    """An opinion with whose it is, and where it was given."""

    week = WeekOfPickSerializer(source="pick.week")
    position = serializers.IntegerField(source="pick.position")

    class Meta(OwnedOpinionSerializer.Meta):
        fields = [*OwnedOpinionSerializer.Meta.fields, "week", "position"]
        read_only_fields = fields


class DifferenceSerializer(serializers.Serializer):
    """A work that two people rated differently, possibly on two picks and in two editions: here it is mine."""

    difference = serializers.IntegerField(help_text="Mine minus theirs.")
    kind = serializers.CharField(source="one.kind", help_text="`movie` or `album`.")
    movie = PickedMovieSerializer(source="one.movie_pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="one.album_pick.album", allow_null=True, default=None)
    mine = PlacedOpinionSerializer(source="one")
    theirs = PlacedOpinionSerializer(source="another")


class ComparisonSerializer(serializers.Serializer):
    user = OwnerSerializer(help_text="With whom the caller is compared.")
    together = AgreementSerializer()
    movies = AgreementSerializer()
    albums = AgreementSerializer()
    quarters = QuarterSerializer(many=True, help_text="Those with works in common, the latest first.")
    differences = DifferenceSerializer(
        many=True, help_text=f"The largest, at most {comparison.MAX_DIFFERENCES}; equal ratings are none."
    )


class DisagreementSerializer(serializers.Serializer):
    """A pick, and two people's opinions on it."""

    difference = serializers.IntegerField(help_text="Half stars between the two ratings.")
    kind = serializers.CharField(source="one.kind", help_text="`movie` or `album`.")
    week = WeekOfPickSerializer(source="one.pick.week")
    position = serializers.IntegerField(source="one.pick.position")
    movie = PickedMovieSerializer(source="one.movie_pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="one.album_pick.album", allow_null=True, default=None)
    higher = OwnedOpinionSerializer(source="one")
    lower = OwnedOpinionSerializer(source="another")


class WrongOpinionsSerializer(serializers.Serializer):
    year = serializers.IntegerField(allow_null=True, help_text="ISO year; null: of all time.")
    week_number = serializers.IntegerField(allow_null=True, help_text="ISO week; null: all weeks.")
    user = OwnerSerializer(allow_null=True, help_text="Who is part of each pair; null: anybody.")
    results = DisagreementSerializer(
        many=True, help_text=f"The largest differences, at most {comparison.MAX_WRONG}; of equal ones the later first."
    )


class MarkedSerializer(serializers.Serializer):
    """A pick with what others gave it."""

    n = serializers.IntegerField(help_text="Ratings.")
    mean = serializers.FloatField(help_text="Half stars.")
    kind = serializers.SerializerMethodField(help_text="`movie` or `album`.")
    week = WeekOfPickSerializer(source="pick.week")
    position = serializers.IntegerField(source="pick.position")
    movie = PickedMovieSerializer(source="pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="pick.album", allow_null=True, default=None)

    def get_kind(self, marked) -> str:
        return "movie" if hasattr(marked.pick, "movie_id") else "album"


class MarksSerializer(serializers.Serializer):
    """What others gave; all but `n` is null where they gave nothing."""

    n = serializers.IntegerField(help_text="Ratings by others.")
    mean = serializers.FloatField(allow_null=True, help_text="Half stars.")
    hit_rate = serializers.FloatField(
        allow_null=True, help_text=f"0 to 1: the share of ratings of {comparison.HIT} half stars and more."
    )
    best = MarkedSerializer(allow_null=True, help_text="The pick with the highest mean.")
    worst = MarkedSerializer(allow_null=True, help_text="That with the lowest, which may be the same one.")


class RaterSerializer(serializers.Serializer):
    user = OwnerSerializer()
    n = serializers.IntegerField()
    mean = serializers.FloatField(help_text="Half stars.")


class ReportCardSerializer(serializers.Serializer):
    user = OwnerSerializer()
    together = MarksSerializer()
    movies = MarksSerializer()
    albums = MarksSerializer()
    by = RaterSerializer(many=True, source="raters", help_text="Each of the others, those with the most ratings first.")


class ContrarianPickSerializer(serializers.Serializer):
    difference = serializers.SerializerMethodField(help_text="The rating minus the crowd's: below 0 where harsher.")
    vote_average = serializers.FloatField(source="movie_pick.movie.vote_average", help_text="TMDB's, 0 to 10.")
    vote_count = serializers.IntegerField(source="movie_pick.movie.vote_count", help_text="TMDB's, 1 and more.")
    movie = PickedMovieSerializer(source="movie_pick.movie")
    opinion = PlacedOpinionSerializer(source="*")

    def get_difference(self, opinion) -> float:
        return round(opinion.gap, comparison.DECIMALS)


class ContrarianSerializer(serializers.Serializer):
    user = OwnerSerializer()
    n = serializers.IntegerField(help_text="Movies that they rated, and somebody at TMDB, too.")
    mean_signed = serializers.FloatField(
        allow_null=True, help_text="The mean of their rating minus the crowd's: below 0 where they are harsher."
    )
    mean_absolute = serializers.FloatField(allow_null=True, help_text="The mean distance from the crowd.")
    picks = ContrarianPickSerializer(
        many=True, help_text=f"The furthest from the crowd, either way, at most {comparison.MAX_DIFFERENCES}."
    )


class RememberedMovieSerializer(DiscussedMovieSerializer):
    """A picked movie with the opinions on it that the caller may read."""

    opinions = OwnedOpinionSerializer(many=True, source="shown_opinions")

    class Meta(DiscussedMovieSerializer.Meta):
        fields = [*DiscussedMovieSerializer.Meta.fields, "opinions"]


class RememberedAlbumSerializer(DiscussedAlbumSerializer):
    """A picked album with the opinions on it that the caller may read."""

    opinions = OwnedOpinionSerializer(many=True, source="shown_opinions")

    class Meta(DiscussedAlbumSerializer.Meta):
        fields = [*DiscussedAlbumSerializer.Meta.fields, "opinions"]


class RememberedWeekSerializer(WeekFullSerializer):
    """A week with its picks, and what the caller may read about them."""

    movies = RememberedMovieSerializer(many=True, source="movie_picks")
    albums = RememberedAlbumSerializer(many=True, source="album_picks")


class OnThisWeekSerializer(serializers.Serializer):
    user = OwnerSerializer()
    year = serializers.IntegerField(help_text="The ISO year of today in the caller's time zone.")
    week_number = serializers.IntegerField(help_text="The ISO week of today.")
    results = RememberedWeekSerializer(many=True, help_text="The weeks of that number in earlier years, newest first.")


@extend_schema(tags=["stats"], parameters=[CompareWithSerializer], responses={200: ComparisonSerializer, 404: NOBODY})
class CompareView(FiguresView):
    def get(self, request):
        """How one's own ratings and another person's compare.

        A movie, or an album in any edition, that both rated counts once, with the latest rating of each, whichever
        picks those are on. Agreement says how near the ratings are, the harshness gap who gives less.
        """
        asked = CompareWithSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        other = self.find(asked.validated_data["with"])
        if other == request.user:
            raise ValidationError({"with": "Compare yourself with another member."}, code="oneself")
        return Response(ComparisonSerializer(comparison.compare(request.user, other)).data)


@extend_schema(
    tags=["stats"], parameters=[WhichDisagreementsSerializer], responses={200: WrongOpinionsSerializer, 404: NOBODY}
)
class WrongOpinionsView(FiguresView):
    def get(self, request):
        """The largest differences between any two people on one pick: of a week, of a year, or of all time."""
        asked = WhichDisagreementsSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        name = asked.validated_data["user"].lower()
        person = None if name == "all" else self.find(name)
        year, week_number = asked.validated_data.get("week", (asked.validated_data.get("year"), None))
        found = comparison.wrong_opinions(request.user, year=year, week_number=week_number, person=person)
        answer = {"year": year, "week_number": week_number, "user": person, "results": found}
        return Response(WrongOpinionsSerializer(answer).data)


@extend_schema(tags=["stats"], parameters=[AboutUserSerializer], responses={200: ReportCardSerializer, 404: NOBODY})
class ReportCardView(FiguresView):
    def get(self, request):
        """How others liked what somebody picked."""
        card = comparison.report_card(request.user, self.asked_about())
        return Response(ReportCardSerializer(card).data)


@extend_schema(tags=["stats"], parameters=[AboutUserSerializer], responses={200: ContrarianSerializer, 404: NOBODY})
class ContrarianView(FiguresView):
    def get(self, request):
        """How far somebody's ratings of movies are from those of TMDB's voters.

        Each movie counts once, with their latest rating of it. Without votes at TMDB, or without a rating, it counts
        not at all.
        """
        found = comparison.contrarian(request.user, self.asked_about())
        return Response(ContrarianSerializer(found).data)


@extend_schema(tags=["stats"], parameters=[AboutUserSerializer], responses={200: OnThisWeekSerializer, 404: NOBODY})
class OnThisWeekView(FiguresView):
    def get(self, request):
        """What somebody picked in this ISO week of earlier years, with the opinions on it that one may read.

        Which week is this one, the caller's time zone decides. Week 53 is remembered in another week 53 only: years
        that end with week 52 have none, so it comes back every five or six years.
        """
        person = self.asked_about()
        year, week_number = this_week(request.user)
        weeks = comparison.earlier_years(request.user, person, year=year, week_number=week_number)
        answer = {"user": person, "year": year, "week_number": week_number, "results": weeks}
        return Response(OnThisWeekSerializer(answer).data)
