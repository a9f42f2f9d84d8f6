"""Figures of the admin's first page: picks and opinions of all members, and rows that need a curator's attention."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet

from catalog.models import Album, Movie
from catalog.progress import counted
from catalog.services import has_outdated_texts
from selections.kinds import ALBUM, KINDS, MOVIE, Kind
from selections.models import MAX_RATING, AnyPick, ImportedRow, Opinion, Week
from selections.weeks import YearWeek, this_week, week_before, week_name, weeks_between, weeks_later

from . import charts
from .statistics import count_works, top

MAX_CARDS = 24
WEEKS = 105  # two years, and this week
FEWEST_WEEKS = 53  # that a chart shows: a year, and this week
WORTH = 100  # a figure that took a second is kept for so many seconds


@dataclass(frozen=True)
class AttentionItem:
    """Rows that need a curator's attention, and the `query` of the admin's list that shows just these."""

    model: type[Model]
    count: int
    words: str
    query: dict[str, str]


@dataclass(frozen=True)
class Figure:
    """A chart with a description and a table."""

    name: str
    title: str
    words: str
    none: str  # the text for an empty table
    heads: list[str]
    table: Sequence[tuple[str | int, ...]]
    chart: charts.Chart


def remember[T](name: str, compute: Callable[[], T]) -> T:
    """The computed value, or an earlier one: kept for WORTH times as long as it took, so that figures of few rows are
    current, and those of a million do not slow every visit down.
    """
    key = f"dashboard-{name}"
    if (known := cache.get(key)) is not None:
        return known
    begin = time.perf_counter()
    value = compute()
    cache.set(key, value, WORTH * (time.perf_counter() - begin))
    return value


def picks_of(week: YearWeek) -> tuple[list[AnyPick], int]:
    """The newest MAX_CARDS picks of this calendar week, user by user, movies first, and the number of further ones."""
    newest: list[Any] = []
    total = 0
    for kind in KINDS.values():
        picks = kind.picks._default_manager.filter(week__year=week[0], week__week_number=week[1])
        total += picks.count()
        shown_first = picks.order_by("-added_at", "-id")[:MAX_CARDS].values("pk")  # sorted without their joined rows
        newest += kind.picks._default_manager.filter(pk__in=shown_first).select_related(kind.name, "week__user")
    newest = sorted(newest, key=lambda pick: (pick.added_at, pick.pk), reverse=True)[:MAX_CARDS]
    shown = sorted(newest, key=lambda pick: (pick.week.user.username, pick.kind == "album", pick.position))
    return shown, total - len(shown)


def picks_by_week(last: YearWeek) -> dict[YearWeek, dict[str, int]]:
    """The numbers of movies and albums that were picked for each of the WEEKS calendar weeks up to this one."""
    first = weeks_later(last, 1 - WEEKS)
    by_week = {week: dict.fromkeys(KINDS, 0) for week in weeks_between(first, last)}
    for kind in KINDS.values():
        # Through the weeks, which have an index, and not through the picks, as there are more of them.
        rows = (
            Week.objects.since(*first)
            .until(*last)
            .order_by()
            .values_list("year", "week_number")
            .annotate(count=Count(kind.related_picks))
        )
        for year, number, count in rows:
            by_week[year, number][kind.name] = count
    return by_week


def ratings(user: Any) -> list[int]:
    """How often each rating from 1 to 10 was given, without opinions that are hidden from this member of staff."""
    histogram = [0] * MAX_RATING
    given = Opinion.objects.readable_by_staff(user).filter(rating__isnull=False).order_by().values_list("rating")
    for rating, count in given.annotate(count=Count("pk")):
        histogram[rating - 1] = count
    return histogram


def top_genres(kind: Kind) -> list[tuple[str, int]]:
    """The genres with the most picks of all time, and their numbers, in two queries."""
    picks = kind.picks._default_manager.order_by()
    times = Counter(dict(count_works(picks, kind)))
    picked = kind.works._default_manager.filter(pk__in=picks.values(kind.name)).order_by()
    found = top(times, ((pk, genre) for pk, genres in picked.values_list("pk", "genres") for genre in set(genres)))
    return [(row["name"], row["count"]) for row in found]


def weekly_figure(week: YearWeek) -> Figure:
    by_week = remember(f"weeks-{week_name(*week)}", lambda: picks_by_week(week))
    first = next((n for n, of in enumerate(by_week.values()) if any(of.values())), 0)
    by_week = dict([*by_week.items()][min(first, WEEKS - FEWEST_WEEKS) :])
    names = {week: week_name(*week) for week in by_week}
    values = [(names[week], of["movie"], of["album"]) for week, of in by_week.items()]
    movies, albums = (sum(of[kind] for of in by_week.values()) for kind in KINDS)
    # A label each quarter; one at the very end would stick out.
    ticks = [
        (n, str(year) if number == 1 else f"W{number}")
        for n, (year, number) in enumerate(by_week)
        if number in {1, 14, 27, 40} and n < 0.92 * len(by_week)
    ]
    bars = [(name, up, down, f"{name}: {counted(up, 'movie')}, {counted(down, 'album')}") for name, up, down in values]
    return Figure(
        name="weeks",
        title="Picks per week",
        words=f"From {values[0][0]} to {values[-1][0]}: {counted(movies, 'movie')} above the line, "
        f"{counted(albums, 'album')} below it.",
        none="There are no picks in the last two years.",
        heads=["Week", "Movies", "Albums"],
        table=[row for row in values if row[1] or row[2]],
        chart=charts.mirrored(bars, ticks),
    )


def ratings_figure(user: Any) -> Figure:
    histogram = remember(f"ratings-{user.pk}", lambda: ratings(user))
    given = sum(histogram)
    mean = sum(rating * count for rating, count in enumerate(histogram, 1)) / given if given else 0
    return Figure(
        name="ratings",
        title="Ratings",
        words=f"{counted(given, 'rating')} in half stars, {mean:.1f} of 10 on average.",
        none="There are no ratings yet.",
        heads=["Half stars", "Ratings"],
        table=[(str(rating), count) for rating, count in enumerate(histogram, 1)] if given else [],
        chart=charts.columns(
            [(str(rating), count, f"{rating} of 10: {count:,}") for rating, count in enumerate(histogram, 1)]
        ),
    )


def genres_figure(kind: Kind) -> Figure:
    genres = remember(f"genres-{kind.name}", lambda: top_genres(kind))
    return Figure(
        name=f"{kind.name}-genres",
        title=f"Top {kind.name} genres",
        words=f"The most frequent genres of picked {kind.name}s, which may have several.",
        none=f"No {kind.name} with a known genre has been picked yet.",
        heads=["Genre", "Picks"],
        table=genres,
        chart=charts.rows([(name, count, f"{name}: {count:,}") for name, count in genres]),
    )


def half_filled(week: YearWeek) -> QuerySet[Any]:
    """The weeks before this one with a movie but no album, or with an album but no movie: a union of their keys."""
    # Not one condition with OR, for which databases would look for the picks of each week.
    lacking_album, lacking_movie = (
        kind.picks._default_manager.filter(week_before(*week, "week__"), ~Exists(other.picks_in(OuterRef("week"))))
        .order_by()
        .values("week")
        .distinct()
        for kind, other in ((MOVIE, ALBUM), (ALBUM, MOVIE))
    )
    return lacking_album.union(lacking_movie, all=True).order_by()


def attention_items(user: Any, models: Collection[type[Model]]) -> list[AttentionItem]:
    """The items that need attention in these models, in one query each; items without rows are omitted.

    Weeks count once they are over in the user's time zone.
    """
    week = this_week(user)
    up_to_last = {"state": "half", "to": week_name(*weeks_later(week, -1))}
    known: list[tuple[type[Model], Q, str, dict[str, str]]] = [
        (ImportedRow, Q(state="review"), "Imported rows to decide", {"state__exact": "review"}),
        (Movie, has_outdated_texts(), "Movies with texts older than TMDB's terms allow", {"texts": "outdated"}),
        (Movie, Q(fetched_at=None), "Movies never fetched in full", {"fetched_at__isempty": "1"}),
        (Movie, Q(vanished_at__isnull=False), "Movies no longer on TMDB", {"vanished_at__isempty": "0"}),
        (Album, Q(cover_art_url="", own_cover=""), "Albums without a cover", {"cover_art_url__isempty": "1"}),
        (Album, Q(release_group_id=None), "Albums without a release group", {"release_group_id__isempty": "1"}),
        (Album, Q(fetched_at=None), "Albums never fetched in full", {"fetched_at__isempty": "1"}),
        (Album, Q(vanished_at__isnull=False), "Albums no longer on MusicBrainz", {"vanished_at__isempty": "0"}),
    ]
    items = [
        AttentionItem(model, model._default_manager.filter(condition).count(), words, query)
        for model, condition, words, query in known
        if model in models
    ]
    if Week in models:
        half = remember(f"half-{week_name(*week)}", lambda: half_filled(week).count())
        items.insert(1, AttentionItem(Week, half, "Past weeks with only movies or only albums", up_to_last))
    return [item for item in items if item.count]
