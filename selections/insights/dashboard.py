"""What the admin's first page says of picks and opinions, and what waits for a curator: everybody's, private or not."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Model, Q

from catalog.models import Album, Movie
from catalog.services import has_outdated_texts
from selections.models import MAX_RATING, ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import this_week, week_before, week_name

from . import charts
from .statistics import PICKS, Kind, count_works, top

MAX_CARDS = 24
WEEKS = 105  # two years, and this week

YearWeek = tuple[int, int]  # an ISO year and week


@dataclass(frozen=True)
class Shelf:
    """What is shown of a week's picks, person by person, movies first, and how many more there are."""

    picks: list[WeekMovie | WeekAlbum]
    more: int


@dataclass(frozen=True)
class Matter:
    """Rows that a curator should look at, and the `query` of the admin's list that shows just these."""

    model: type[Model]
    count: int
    words: str
    query: dict[str, str]


@dataclass(frozen=True)
class Figure:
    """A chart with what it says in words and as a table."""

    name: str
    title: str
    words: str
    none: str  # what to say where the table is empty
    heads: list[str]
    table: Sequence[tuple[str | int, ...]]
    chart: charts.Chart


def picks_of(week: YearWeek) -> Shelf:
    """The newest MAX_CARDS picks of this calendar week, in four queries."""
    newest: list[Any] = []
    total = 0
    for kind, model in PICKS.items():
        picks = model._default_manager.filter(week__year=week[0], week__week_number=week[1])
        total += picks.count()
        newest += picks.select_related(kind, "week__user").order_by("-added_at", "-id")[:MAX_CARDS]
    newest = sorted(newest, key=lambda pick: pick.added_at, reverse=True)[:MAX_CARDS]
    shown = sorted(newest, key=lambda pick: (pick.week.user.username, isinstance(pick, WeekAlbum), pick.position))
    return Shelf(picks=shown, more=total - len(shown))


def weeks_up_to(week: YearWeek) -> list[YearWeek]:
    """The last WEEKS calendar weeks, of which this is the latest."""
    monday = date.fromisocalendar(*week, 1)
    days = (monday - timedelta(weeks=ago) for ago in reversed(range(WEEKS)))
    return [(day.year, day.week) for day in (day.isocalendar() for day in days)]


def picks_by_week(weeks: Iterable[YearWeek]) -> dict[YearWeek, dict[Kind, int]]:
    """How many movies and albums were picked for each of these weeks, the earliest of which comes first."""
    counted: dict[YearWeek, dict[Kind, int]] = {week: dict.fromkeys(PICKS, 0) for week in weeks}
    first, last = min(counted), max(counted)
    for kind in PICKS:
        # By the weeks, which are found by their index, and not by the picks, of which there are more.
        rows = (
            Week.objects.since(*first)
            .until(*last)
            .order_by()
            .values_list("year", "week_number")
            .annotate(count=Count(f"{kind}_picks"))
        )
        for year, number, count in rows:
            counted[year, number][kind] = count
    return counted


def ratings(user) -> list[int]:
    """How often everybody gave each rating, from 1 to 10, without what is hidden from this member of staff."""
    histogram = [0] * MAX_RATING
    given = Opinion.objects.readable_by_staff(user).filter(rating__isnull=False).order_by().values_list("rating")
    for rating, count in given.annotate(count=Count("pk")):
        histogram[rating - 1] = count
    return histogram


def top_genres(kind: Kind) -> list[tuple[str, int]]:
    """The genres of most picks of all time, and how many have each, in two queries."""
    model = PICKS[kind]
    times = count_works(model._default_manager.order_by(), kind)
    works: Any = {"movie": Movie, "album": Album}[kind]
    picked = works.objects.filter(pk__in=model._default_manager.order_by().values(kind)).order_by()
    counted = top(times, ((pk, genre) for pk, genres in picked.values_list("pk", "genres") for genre in set(genres)))
    return [(row["name"], row["count"]) for row in counted]


def weekly_figure(week: YearWeek) -> Figure:
    counted = picks_by_week(weeks_up_to(week))
    names = {week: week_name(*week) for week in counted}
    values = [(names[week], of["movie"], of["album"]) for week, of in counted.items()]
    movies, albums = (sum(of[kind] for of in counted.values()) for kind in PICKS)
    # A label each quarter; one at the very end would stick out.
    ticks = [
        (n, str(year) if number == 1 else f"W{number}")
        for n, (year, number) in enumerate(counted)
        if number in {1, 14, 27, 40} and n < WEEKS - 9
    ]
    return Figure(
        name="weeks",
        title="Picks per week",
        words=f"From {values[0][0]} to {values[-1][0]}: {movies:,} movies above the line, {albums:,} albums below it.",
        none="Nobody has picked anything for two years.",
        heads=["Week", "Movies", "Albums"],
        table=[row for row in values if row[1] or row[2]],
        chart=charts.mirrored(
            [(name, up, down, f"{name}: {up:,} movies, {down:,} albums") for name, up, down in values], ticks
        ),
    )


def ratings_figure(user) -> Figure:
    histogram = ratings(user)
    given = sum(histogram)
    mean = sum(rating * count for rating, count in enumerate(histogram, 1)) / given if given else 0
    return Figure(
        name="ratings",
        title="Ratings",
        words=f"{given:,} ratings in half stars, {mean:.1f} of 10 on average.",
        none="Nobody has rated anything yet.",
        heads=["Half stars", "Ratings"],
        table=[(str(rating), count) for rating, count in enumerate(histogram, 1)] if given else [],
        chart=charts.columns(
            [(str(rating), count, f"{rating} of 10: {count:,}") for rating, count in enumerate(histogram, 1)]
        ),
    )


def genres_figure(kind: Kind) -> Figure:
    genres = top_genres(kind)
    return Figure(
        name=f"{kind}-genres",
        title=f"Top genres of {kind}s",
        words=f"The genres that most picks of {kind}s have; one may have several.",
        none=f"No {kind} with a known genre has been picked yet.",
        heads=["Genre", "Picks"],
        table=genres,
        chart=charts.rows([(name, count, f"{name}: {count:,}") for name, count in genres]),
    )


def is_half_filled() -> Q:
    """Whether a week has a movie but no album, or an album but no movie."""
    return lacks("movie") | lacks("album")


def lacks(kind: Kind) -> Q:
    """Whether a week has no pick of this kind, though one of the other."""
    # Not Exists(), which PostgreSQL would ask of each week.
    has = {of: Q(pk__in=model._default_manager.order_by().values("week")) for of, model in PICKS.items()}
    return ~has[kind] & has["album" if kind == "movie" else "movie"]


def matters(user, models: Collection[type[Model]]) -> list[Matter]:
    """What needs somebody's attention among the rows of these models, in one query each; only what there is.

    Weeks count when they are over where the user lives.
    """
    half_filled = is_half_filled() & week_before(*this_week(user))
    last_week = (date.fromisocalendar(*this_week(user), 1) - timedelta(weeks=1)).isocalendar()
    up_to_last = {"state": "half", "to": week_name(last_week.year, last_week.week)}
    known: list[tuple[type[Model], Q, str, dict[str, str]]] = [
        (ImportedRow, Q(state="review"), "Imported rows that wait for a decision", {"state__exact": "review"}),
        (Week, half_filled, "Past weeks with only movies or only albums", up_to_last),
        (Movie, has_outdated_texts(), "Movies whose texts are older than TMDB's terms allow", {"texts": "outdated"}),
        (Movie, Q(fetched_at=None), "Movies never fetched in full", {"fetched_at__isempty": "1"}),
        (Movie, Q(vanished_at__isnull=False), "Movies no longer on TMDB", {"vanished_at__isempty": "0"}),
        (Album, Q(cover_art_url="", own_cover=""), "Albums without a cover", {"cover_art_url__isempty": "1"}),
        (Album, Q(release_group_id=None), "Albums without a release group", {"release_group_id__isempty": "1"}),
        (Album, Q(fetched_at=None), "Albums never fetched in full", {"fetched_at__isempty": "1"}),
        (Album, Q(vanished_at__isnull=False), "Albums no longer on MusicBrainz", {"vanished_at__isempty": "0"}),
    ]
    counted = [
        Matter(model, model._default_manager.filter(condition).count(), words, query)
        for model, condition, words, query in known
        if model in models
    ]
    return [matter for matter in counted if matter.count]
