"""Comparing opinions; every figure is computed from opinions that the caller may read."""

from typing import Any

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
from selections.api.shown import ShownPickSerializer
from selections.insights import comparison
from selections.insights.statistics import MAX_WEEKS
from selections.models import Position
from selections.weeks import FIRST_YEAR, LAST_YEAR, WEEK_NAME, read_week_name, this_week

from .figures import FiguresView, UserQuerySerializer


class CompareQuerySerializer(serializers.Serializer):
    def get_fields(self):
        """`with` is a keyword in Python."""
        return {"with": serializers.CharField(max_length=50, help_text="The username of another member.")}


@extend_schema_field({"type": "string", "pattern": WEEK_NAME, "description": "An ISO week such as 2026-W07."})
class WeekNameField(serializers.CharField):
    """The year and number of a week by its ISO name."""

    default_error_messages = {"invalid_week": "Enter an ISO week such as 2026-W07."}

    def to_internal_value(self, data):
        return read_week_name(super().to_internal_value(data)) or self.fail("invalid_week")


class DisagreementsQuerySerializer(serializers.Serializer):
    week = WeekNameField(required=False)
    year = serializers.IntegerField(
        min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False, help_text="ISO year; not with `week`."
    )
    user = serializers.CharField(
        max_length=50,
        default="all",
        help_text="A username or `me`, for pairs with that user only, or `all`; "
        f"`all` needs a `week` where there are more than {MAX_WEEKS:,}.",
    )

    def validate(self, attrs):
        if "week" in attrs and "year" in attrs:
            raise serializers.ValidationError({"year": "Give either a week or a year."}, code="week_and_year")
        return attrs


class AgreementSerializer(serializers.Serializer):
    """How close two members' ratings are; null where they have no rated works in common."""

    n = serializers.IntegerField(help_text="Works that both rated.")
    enough = serializers.BooleanField(help_text=f"Whether there are at least {comparison.ENOUGH}.")
    agreement = serializers.FloatField(
        allow_null=True,
        help_text=f"0 to 1: `agreement_raw`, as if {comparison.DOUBT} more works agreed as by chance, so that a small "
        "overlap says less; null if there are not enough.",
    )
    agreement_raw = serializers.FloatField(allow_null=True, help_text="0 to 1: 1 - `mean_difference` / 9.")
    beyond_chance = serializers.FloatField(
        allow_null=True,
        help_text="1 if all ratings are the same, 0 if they are as close as the two members' ratings of any two of the "
        "works, negative if they are further apart; null if there are not enough.",
    )
    note = serializers.CharField(help_text="How the agreement compares with chance, or that there are not enough.")
    mean_difference = serializers.FloatField(allow_null=True, help_text="0 to 9 half stars, without sign.")
    harshness_gap = serializers.FloatField(
        allow_null=True, help_text="The mean of the caller's ratings minus theirs: below 0 if the caller is harsher."
    )


class QuarterSerializer(serializers.Serializer):
    year = serializers.IntegerField(help_text="ISO year.")
    quarter = serializers.IntegerField(help_text="1 to 4, by the Thursday of the week of the pick.")
    together = AgreementSerializer()


class PlacedOpinionSerializer(OwnedOpinionSerializer):
    """An opinion with its user, and the place of its pick."""

    week = WeekOfPickSerializer(source="pick.week")
    position = serializers.ChoiceField(Position.choices, source="pick.position")

    class Meta(OwnedOpinionSerializer.Meta):
        fields = [*OwnedOpinionSerializer.Meta.fields, "week", "position"]
        read_only_fields = fields


class DifferenceSerializer(serializers.Serializer):
    """A work that two members rated differently, on one pick or on two. It shows the caller's pick."""

    difference = serializers.IntegerField(help_text="The caller's rating minus theirs.")
    kind = serializers.ChoiceField(["movie", "album"], source="pick.kind")
    movie = PickedMovieSerializer(source="pick.movie", allow_null=True, default=None)
    album = PickedAlbumSerializer(source="pick.album", allow_null=True, default=None)
    mine = PlacedOpinionSerializer(source="one")
    theirs = PlacedOpinionSerializer(source="another")


class ComparisonSerializer(serializers.Serializer):
    user = OwnerSerializer(help_text="The member with whom the caller is compared.")
    together = AgreementSerializer()
    movies = AgreementSerializer()
    albums = AgreementSerializer()
    quarters = QuarterSerializer(many=True, help_text="The quarters with works in common, the latest first.")
    differences = DifferenceSerializer(
        many=True, help_text=f"The largest, at most {comparison.MAX_DIFFERENCES}; equal ratings are left out."
    )


class DisagreementSerializer(ShownPickSerializer):
    """A pick and two members' opinions on it."""

    difference = serializers.IntegerField(help_text="Half stars between the two ratings.")
    higher = OwnedOpinionSerializer(source="one")
    lower = OwnedOpinionSerializer(source="another")


class WrongOpinionsSerializer(serializers.Serializer):
    year = serializers.IntegerField(allow_null=True, help_text="ISO year; null for all years.")
    week_number = serializers.IntegerField(allow_null=True, help_text="ISO week; null for all weeks.")
    user = OwnerSerializer(allow_null=True, help_text="A member of each pair; null for any pair.")
    results = DisagreementSerializer(
        many=True,
        help_text=f"The largest differences, at most {comparison.MAX_WRONG}; equal ones with the later first.",
    )


class MarkedSerializer(ShownPickSerializer):
    """A pick with its ratings by other members."""

    n = serializers.IntegerField(help_text="Ratings.")
    mean = serializers.FloatField(help_text="Half stars.")


class LikingSerializer(serializers.Serializer):
    """Ratings by other members; all but `n` are null without any."""

    n = serializers.IntegerField(help_text="Ratings by others.")
    mean = serializers.FloatField(allow_null=True, help_text="Half stars.")
    hit_rate = serializers.FloatField(
        allow_null=True, help_text=f"0 to 1: the share of ratings of {comparison.HIT} half stars and more."
    )


class MarksSerializer(LikingSerializer):
    """Ratings by other members; all but `n` are null without any."""

    best = MarkedSerializer(allow_null=True, help_text="The pick with the highest mean.")
    worst = MarkedSerializer(allow_null=True, help_text="The pick with the lowest mean, possibly the same one.")


class RaterSerializer(serializers.Serializer):
    user = OwnerSerializer()
    n = serializers.IntegerField()
    mean = serializers.FloatField(help_text="Half stars.")


class ReportCardSerializer(serializers.Serializer):
    user = OwnerSerializer()
    together = MarksSerializer()
    movies = MarksSerializer()
    albums = MarksSerializer()
    by = RaterSerializer(many=True, source="raters", help_text="The other members, those with the most ratings first.")
    challenges = LikingSerializer(help_text="Of picks that other members made because the user challenged them.")


class ContrarianPickSerializer(serializers.Serializer):
    difference = serializers.SerializerMethodField(help_text="The rating minus TMDB's average: below 0 if harsher.")
    vote_average = serializers.FloatField(source="movie_pick.movie.vote_average", help_text="TMDB's, 0 to 10.")
    vote_count = serializers.IntegerField(source="movie_pick.movie.vote_count", help_text="TMDB's, 1 and more.")
    movie = PickedMovieSerializer(source="movie_pick.movie")
    opinion = PlacedOpinionSerializer(source="*")

    def get_difference(self, opinion: Any) -> float:
        return round(opinion.gap, comparison.DECIMALS)


class ContrarianSerializer(serializers.Serializer):
    user = OwnerSerializer()
    n = serializers.IntegerField(help_text="Movies that they rated and that have votes on TMDB.")
    mean_signed = serializers.FloatField(
        allow_null=True, help_text="The mean of their rating minus TMDB's average: below 0 if they are harsher."
    )
    mean_absolute = serializers.FloatField(allow_null=True, help_text="The mean distance from TMDB's average.")
    picks = ContrarianPickSerializer(
        many=True,
        help_text=f"The furthest from TMDB's average, up or down, at most {comparison.MAX_DIFFERENCES}.",
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
    """A week with its picks and the opinions on them that the caller may read."""

    movies = RememberedMovieSerializer(many=True)
    albums = RememberedAlbumSerializer(many=True)


class OnThisWeekSerializer(serializers.Serializer):
    user = OwnerSerializer()
    year = serializers.IntegerField(help_text="The ISO year of today in the caller's time zone.")
    week_number = serializers.IntegerField(help_text="The ISO week of today.")
    results = RememberedWeekSerializer(many=True, help_text="The weeks of that number in earlier years, newest first.")


@extend_schema(tags=["stats"], parameters=[CompareQuerySerializer], responses=ComparisonSerializer)
class CompareView(FiguresView):
    def get(self, request):
        """Compare the caller's ratings with another member's.

        A movie, or an album in any edition, that both rated counts once, with the latest rating of each, even if those
        are on different picks. Agreement says how close the ratings are, the harshness gap who rates lower.
        """
        other = self.find_user(self.read_query(CompareQuerySerializer)["with"])
        if other == request.user:
            raise ValidationError({"with": "Compare yourself with another member."}, code="oneself")
        return Response(ComparisonSerializer(comparison.compare(request.user, other)).data)


@extend_schema(
    tags=["stats"],
    parameters=[DisagreementsQuerySerializer],
    responses=WrongOpinionsSerializer,
)
class WrongOpinionsView(FiguresView):
    def get(self, request):
        """The largest differences between two members' ratings of one pick: of a week, of a year, or of all time."""
        query = self.read_query(DisagreementsQuerySerializer)
        name = query["user"].lower()
        person = None if name == "all" else self.find_user(name)
        year, week_number = query.get("week", (query.get("year"), None))
        if person is None and week_number is None:
            self.check_size("Choose a week or a user.")
        found = comparison.wrong_opinions(request.user, year=year, week_number=week_number, person=person)
        answer = {"year": year, "week_number": week_number, "user": person, "results": found}
        return Response(WrongOpinionsSerializer(answer).data)


@extend_schema(tags=["stats"], parameters=[UserQuerySerializer], responses=ReportCardSerializer)
class ReportCardView(FiguresView):
    def get(self, request):
        """How other members rated a user's picks."""
        card = comparison.report_card(request.user, self.find_asked_user())
        return Response(ReportCardSerializer(card).data)


@extend_schema(tags=["stats"], parameters=[UserQuerySerializer], responses=ContrarianSerializer)
class ContrarianView(FiguresView):
    def get(self, request):
        """Compare a user's ratings of movies with the average of TMDB's voters.

        Each movie counts once, with the latest rating. Movies without a rating or without votes on TMDB do not count.
        """
        found = comparison.contrarian(request.user, self.find_asked_user())
        return Response(ContrarianSerializer(found).data)


@extend_schema(tags=["stats"], parameters=[UserQuerySerializer], responses=OnThisWeekSerializer)
class OnThisWeekView(FiguresView):
    def get(self, request):
        """A user's picks in this ISO week of earlier years, with the opinions on them that the caller may read.

        The caller's time zone decides which week it is now. Week 53 is shown in week 53 only, which comes every five or
        six years.
        """
        person = self.find_asked_user()
        year, week_number = this_week(request.user)
        weeks = comparison.earlier_years(request.user, person, year=year, week_number=week_number)
        answer = {"user": person, "year": year, "week_number": week_number, "results": weeks}
        return Response(OnThisWeekSerializer(answer).data)
