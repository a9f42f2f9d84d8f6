"""Statistics of picks and opinions that the caller may see."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.views import validated
from selections.api.serializers import OwnerSerializer
from selections.api.shown import ShownPickSerializer
from selections.insights import statistics
from selections.insights.scope import Scope
from selections.models import MAX_RATING
from selections.weeks import FIRST_YEAR, LAST_YEAR

from .figures import FiguresView


class StatsQuerySerializer(serializers.Serializer):
    user = serializers.CharField(
        default="me",
        max_length=50,
        help_text="`me`, a username, or `all`: all members whom the caller may see, together; "
        f"not with more than {statistics.MAX_WEEKS:,} weeks.",
    )


class YearSerializer(serializers.Serializer):
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)


class TotalsSerializer(serializers.Serializer):
    weeks = serializers.IntegerField(help_text="Includes future weeks, as all figures do.")
    complete_weeks = serializers.IntegerField(help_text="With at least one movie and one album.")
    movies = serializers.IntegerField(help_text="Picks of movies.")
    albums = serializers.IntegerField(help_text="Picks of albums.")
    distinct_movies = serializers.IntegerField()
    distinct_albums = serializers.IntegerField(help_text="Release groups; an album without one counts by itself.")
    repeats = serializers.IntegerField(
        help_text="Picks of a movie or release group that the same user had picked before, in any year."
    )
    first_times = serializers.IntegerField(help_text="Picks that are no rewatch: their `rewatch` is false.")
    rewatches = serializers.IntegerField(
        help_text="Picks of what the user had seen or heard before, here or elsewhere: their `rewatch` is true."
    )
    rewatch_unknown = serializers.IntegerField(help_text="The other picks: their `rewatch` is null.")
    hours_watched = serializers.FloatField(
        allow_null=True,
        help_text="The known runtimes of all movies picked, to a tenth of an hour; null if none is known.",
    )
    runtime_unknown = serializers.IntegerField(help_text="Picks of movies without a known runtime.")


class RatingsSerializer(serializers.Serializer):
    opinions = serializers.IntegerField(help_text="All opinions, including those without a rating.")
    rated = serializers.IntegerField(help_text="Opinions with a rating.")
    mean = serializers.FloatField(allow_null=True, help_text="To two decimals; null without ratings.")
    histogram = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=MAX_RATING,
        max_length=MAX_RATING,
        help_text="The numbers of ratings of 1, of 2, and so on up to 10.",
    )


class NameCountSerializer(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField(help_text="Picks.")


class PersonCountSerializer(NameCountSerializer):
    tmdb_id = serializers.IntegerField()


class ArtistCountSerializer(NameCountSerializer):
    musicbrainz_id = serializers.UUIDField()


class DecadeCountSerializer(NameCountSerializer):
    name = serializers.CharField(help_text="Such as 1990s.")
    first_year = serializers.IntegerField(help_text="Such as 1990.")


class TopSerializer(serializers.Serializer):
    """Up to ten of each, by how many picks have them, then by name."""

    movie_genres = NameCountSerializer(many=True, help_text="As TMDB names them.")
    album_genres = NameCountSerializer(many=True, help_text="As MusicBrainz names them.")
    directors = PersonCountSerializer(many=True)
    actors = PersonCountSerializer(many=True, help_text="In the first ten positions of the billing.")
    composers = PersonCountSerializer(many=True)
    artists = ArtistCountSerializer(many=True, help_text="By the albums' artist credits.")
    countries = NameCountSerializer(many=True, help_text="The albums' release countries: ISO 3166-1, or XW, XE.")
    languages = NameCountSerializer(many=True, help_text="The movies' original languages, mostly ISO 639-1.")
    movie_decades = DecadeCountSerializer(many=True)
    album_decades = DecadeCountSerializer(many=True, help_text="By the release dates of these editions.")


class OverviewSerializer(serializers.Serializer):
    user = OwnerSerializer(allow_null=True, help_text="The user that the figures are about; null for `all`.")
    totals = TotalsSerializer()
    current_streak = serializers.IntegerField(
        allow_null=True,
        help_text="Complete weeks in a row up to now; the current week counts once it is complete. Null for `all`.",
    )
    longest_streak = serializers.IntegerField(allow_null=True, help_text="Null for `all`.")
    ratings = RatingsSerializer(help_text="Given to picks of any member.")
    top = TopSerializer()


class StatisticsWeekSerializer(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True, help_text="Null if there is no week, and for `all`.")
    week_number = serializers.IntegerField()
    starts_on = serializers.DateField(help_text="Its Monday.")
    ends_on = serializers.DateField(help_text="Its Sunday.")
    state = serializers.ChoiceField(
        ["none", "empty", "partial", "complete"],
        help_text="No week; nothing picked; something picked; at least one movie and one album of one person.",
    )
    is_running = serializers.BooleanField(help_text="Whether it is this week, in the caller's time zone.")
    is_future = serializers.BooleanField()
    weeks = serializers.IntegerField(help_text="The number of users who have this week.")
    complete_weeks = serializers.IntegerField(help_text="The number of users who have completed it.")
    movies = serializers.IntegerField()
    albums = serializers.IntegerField()


class MonthSerializer(serializers.Serializer):
    month = serializers.IntegerField(min_value=1, max_value=12)
    weeks = serializers.IntegerField(help_text="The number of weeks of the year with their Thursday in it: 4 or 5.")
    movies = serializers.IntegerField()
    albums = serializers.IntegerField()
    picks = serializers.IntegerField(help_text="Movies and albums.")
    ratings = serializers.IntegerField(help_text="Given to picks of its weeks by any member.")
    mean_rating = serializers.FloatField(allow_null=True, help_text="To two decimals; null without ratings.")


class RatedPickSerializer(ShownPickSerializer):
    rating = serializers.FloatField(source="mean", help_text="The user's own rating; for `all` the mean.")
    ratings = serializers.IntegerField(help_text="The number of ratings.")


class DivisivePickSerializer(ShownPickSerializer):
    lowest = serializers.IntegerField()
    highest = serializers.IntegerField()
    ratings = serializers.IntegerField(help_text="The number of ratings.")


class LongPickSerializer(ShownPickSerializer):
    runtime = serializers.IntegerField(source="minutes", help_text="Minutes.")


class HighlightsSerializer(serializers.Serializer):
    """Null if there is none. If several are equal, the one with more ratings, then the earliest, movies first."""

    best = RatedPickSerializer(allow_null=True)
    worst = RatedPickSerializer(allow_null=True)
    most_divisive = DivisivePickSerializer(
        allow_null=True, help_text="With the ratings that are furthest apart; null if all ratings are the same."
    )
    longest_film = LongPickSerializer(allow_null=True)
    earliest_release = ShownPickSerializer(allow_null=True)


class YearFiguresSerializer(serializers.Serializer):
    """The fields that both responses about a year have in common."""

    user = OwnerSerializer(allow_null=True, help_text="The user that the figures are about; null for `all`.")
    year = serializers.IntegerField(help_text="ISO year.")
    months = MonthSerializer(many=True, help_text="All twelve; a week belongs to the month of its Thursday.")
    totals = TotalsSerializer()
    longest_streak = serializers.IntegerField(
        allow_null=True, help_text="Complete weeks of this year in a row. Null for `all`."
    )
    highlights = HighlightsSerializer()


class YearStatisticsSerializer(YearFiguresSerializer):
    weeks = StatisticsWeekSerializer(many=True, help_text="All 52 or 53.")
    ratings = RatingsSerializer(help_text="Given to picks of the year by any member.")


class YearInOpinionsSerializer(YearFiguresSerializer):
    busiest_month = MonthSerializer(
        allow_null=True, help_text="The month with the most picks, the earliest if there are several."
    )
    first_pick = ShownPickSerializer(allow_null=True)
    last_pick = ShownPickSerializer(allow_null=True)
    ratings_given = RatingsSerializer(help_text="Given to picks of the year by any member.")
    ratings_received = RatingsSerializer(help_text="Given by others to picks of the year.")
    top = TopSerializer()


class StatisticsView(FiguresView):
    def get_scope(self) -> Scope:
        """The scope of the query. Raises ValidationError or NotFound."""
        name = self.read_query(StatsQuerySerializer)["user"].lower()
        if name != "all":
            return Scope(self.request.user, self.find_user(name))
        self.check_size("Choose a user.")
        return Scope(self.request.user)


def read_year(raw: str) -> int:
    """The year of an address. Raises ValidationError."""
    return validated(YearSerializer(data={"year": raw}))["year"]


YEAR = OpenApiParameter(
    "year",
    {"type": "integer", "minimum": FIRST_YEAR, "maximum": LAST_YEAR},
    OpenApiParameter.PATH,
    description="ISO year.",
)


@extend_schema(tags=["stats"], parameters=[StatsQuerySerializer], responses=OverviewSerializer)
class OverviewView(StatisticsView):
    def get(self, request):
        """The numbers of a user's picks and ratings, and their most frequent genres, people, countries and decades."""
        scope = self.get_scope()
        user = scope.person and OwnerSerializer(scope.person).data
        return Response({"user": user} | statistics.overview(scope))


@extend_schema(
    tags=["stats"],
    parameters=[StatsQuerySerializer, YEAR],
    responses=YearStatisticsSerializer,
)
class ByYearView(StatisticsView):
    def get(self, request, year):
        """Each week and month of an ISO year, with its totals and highlights."""
        number, scope = read_year(year), self.get_scope()
        return Response(YearStatisticsSerializer(statistics.by_year(scope, number)).data)


@extend_schema(
    tags=["stats"],
    parameters=[StatsQuerySerializer, YEAR],
    responses=YearInOpinionsSerializer,
)
class YearInOpinionsView(StatisticsView):
    def get(self, request, year):
        """Return everything for a page that looks back on an ISO year.

        The week of a pick counts, not the date on which it was entered.
        """
        number, scope = read_year(year), self.get_scope()
        return Response(YearInOpinionsSerializer(statistics.year_in_opinions(scope, number)).data)
