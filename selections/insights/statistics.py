"""Figures about picks and opinions that the viewer may see.

The week of a pick decides which year it belongs to, never the date on which it was entered.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, Left

from catalog.models import AlbumArtist, MovieCast, MovieCrew
from selections.kinds import ALBUM, KINDS, MOVIE, Kind
from selections.models import MAX_RATING, OpinionQuerySet, PickQuerySet
from selections.weeks import MONDAY, SUNDAY, THURSDAY, YearWeek, day_of, this_week, weeks_in_year, weeks_later

from .scope import Scope

MAX_WEEKS = 50_000  # for statistics of all members, which take about half a second then
MAX_NAMES = 10  # entries in a list of the most frequent
BILLED = 10  # the first positions of a cast, which count
COMPOSING = ["Composer", "Original Music Composer"]  # TMDB's names of the job

Row = dict[str, Any]
SEEN_BEFORE = {
    "first_times": Count("pk", filter=Q(rewatch=False)),
    "rewatches": Count("pk", filter=Q(rewatch=True)),
    "rewatch_unknown": Count("pk", filter=Q(rewatch=None)),
}
IDENTITY: dict[Kind, Any] = {
    MOVIE: F("movie_id"),
    ALBUM: Coalesce("album__release_group_id", "album__musicbrainz_id"),  # a release without a group counts by itself
}
ORIGIN: dict[Kind, Any] = {MOVIE: F("movie__original_language"), ALBUM: F("album__country")}
PLACE = ("week_number", "-kind", "position", "pick")  # the order of picks, in which movies come before albums
RUNTIME: dict[Kind, Any] = {MOVIE: F("movie__runtime"), ALBUM: Value(None, IntegerField())}


def overview(scope: Scope) -> Row:
    """Totals, streaks, ratings and the most frequent picks."""
    return {
        "totals": totals(scope),
        **streaks(scope),
        "ratings": summarize(given_by_week(scope)),
        "top": tops(scope),
    }


def by_year(scope: Scope, year: int) -> Row:
    """The weeks and months of an ISO year, with its totals and highlights."""
    scope = replace(scope, year=year)
    weeks, given = calendar(scope, year), given_by_week(scope)
    return {
        "user": scope.person,
        "year": year,
        "weeks": weeks,
        "months": months(year, weeks, given),
        "totals": totals(scope),
        "longest_streak": streaks(scope)["longest_streak"],
        "ratings": summarize(given),
        "highlights": load_picks(highlights(scope)),
    }


def year_in_opinions(scope: Scope, year: int) -> Row:
    """Everything for a page that looks back on an ISO year."""
    scope = replace(scope, year=year)
    given = given_by_week(scope)
    of_months = months(year, calendar(scope, year), given)
    busiest = max(of_months, key=lambda month: month["picks"])  # the first of them
    picks = load_picks(highlights(scope) | ends(scope))
    return {
        "user": scope.person,
        "year": year,
        "totals": totals(scope),
        "longest_streak": streaks(scope)["longest_streak"],
        "months": of_months,
        "busiest_month": busiest if busiest["picks"] else None,
        "first_pick": picks.pop("first"),
        "last_pick": picks.pop("last"),
        "highlights": picks,
        "ratings_given": summarize(given),
        "ratings_received": summarize(received(scope)),
        "top": tops(scope),
    }


def totals(scope: Scope) -> Row:
    """The numbers of picks and of first picks, and the hours that it takes to watch them."""
    weeks = scope.read(weeks_by_name)
    movies, albums = (scope.read(picks_by_work, kind) for kind in KINDS.values())
    timed = [work for work in movies if work.runtime is not None]
    movie_picks, album_picks, timed_picks = (sum(work.picks for work in works) for works in (movies, albums, timed))
    distinct_movies, distinct_albums = (len({work.identity for work in works}) for works in (movies, albums))
    firsts = distinct_movies + distinct_albums
    if scope.person is None or scope.year is not None:
        firsts = sum(count_firsts(scope, kind) for kind in KINDS.values())
    minutes = sum(work.runtime * work.picks for work in timed)
    return {
        "weeks": sum(week.weeks for week in weeks),
        "complete_weeks": sum(week.complete for week in weeks),
        "movies": movie_picks,
        "albums": album_picks,
        "distinct_movies": distinct_movies,
        "distinct_albums": distinct_albums,
        "repeats": movie_picks + album_picks - firsts,
        **{name: sum(getattr(work, name) for work in [*movies, *albums]) for name in SEEN_BEFORE},
        # Without any known runtime the hours are unknown; without any movie they are 0.
        "hours_watched": None if movie_picks and not timed else round(minutes / 60, 1),
        "runtime_unknown": movie_picks - timed_picks,
    }


def weeks_by_name(scope: Scope) -> QuerySet[Any, Any]:
    """The calendar weeks, each with the numbers of its weeks and of the complete ones."""
    counts = {"first": Min("pk"), "weeks": Count("pk"), "complete": Count("pk", filter=is_complete())}
    return scope.weeks.values_list("year", "week_number", named=True).annotate(**counts)


def picks_by_work(scope: Scope, kind: Kind) -> QuerySet[Any, Any]:
    """The movies or releases with the numbers of their picks."""
    shown = {"genres": F(f"{kind.name}__genres"), "released": F(f"{kind.name}__release_date")}
    works = count_works(scope.picks[kind], kind).annotate(identity=IDENTITY[kind], origin=ORIGIN[kind], **shown)
    return works.annotate(runtime=RUNTIME[kind], **SEEN_BEFORE)


def count_works(picks: PickQuerySet, kind: Kind) -> QuerySet[Any, Any]:
    """The ids of movies or albums with the number of these picks."""
    # Plus 0: for the bare column SQLite would follow its index and read the picks in random order, four times slower.
    works = picks.annotate(work=F(kind.name) + Value(0)).values_list("work", named=True)
    return works.annotate(picks=Count("pk"))


def is_complete() -> Q:
    """Whether a week has at least one movie and one album."""
    movies, albums = (kind.picks._default_manager.filter(week=OuterRef("pk")) for kind in KINDS.values())
    return Q(Exists(movies), Exists(albums))


def count_firsts(scope: Scope, kind: Kind) -> int:
    """The number of picks that are a user's first of a movie or release group; the others are repeats."""
    picks = replace(scope, year=None).picks[kind].values("week__user", work=IDENTITY[kind])
    if scope.year is None:
        return picks.distinct().count()
    return picks.annotate(first=Min("week__year")).filter(first=scope.year).count()


def streaks(scope: Scope) -> Row:
    """The current and the longest streak of complete weeks; None for all members together."""
    if scope.person is None:
        return {"current_streak": None, "longest_streak": None}
    complete = [(week.year, week.week_number) for week in scope.read(weeks_by_name) if week.complete]
    current, longest = count_streaks(complete, this_week(scope.person))
    return {"current_streak": current, "longest_streak": longest}


def count_streaks(complete: Iterable[YearWeek], running: YearWeek) -> tuple[int, int]:
    """The lengths of the current streak of complete weeks, and of the longest streak.

    The current week extends a streak if it is complete, and does not end one if it is not. Future weeks do not count.
    """
    current = longest = 0
    last = running
    for week in sorted(complete):
        if week > running:
            break
        current = current + 1 if week == weeks_later(last, 1) else 1
        longest, last = max(longest, current), week
    return (current if last >= weeks_later(running, -1) else 0), longest


type Ratings = list[tuple[int, int | None, int]]  # week number, rating (None is a review only), number of opinions


def given_by_week(scope: Scope) -> Ratings:
    """The opinions of these people."""
    return scope.read(ratings_given, timed=True)


def received(scope: Scope) -> Ratings:
    """The opinions of others on these users' picks."""
    return list(ratings_by_week(scope.opinions_on.exclude(user=F("week__user"))))


def ratings_given(scope: Scope) -> QuerySet[Any, Any]:
    return ratings_by_week(scope.opinions_given)


def ratings_by_week(opinions: OpinionQuerySet) -> QuerySet[Any, Any]:
    return opinions.values_list("week__week_number", "rating").annotate(count=Count("pk"))


def summarize(opinions: Ratings) -> Row:
    """The number of opinions and of ratings, their mean (None without any), and how often each rating was given."""
    histogram = [0] * MAX_RATING
    for _, rating, count in opinions:
        if rating is not None:
            histogram[rating - 1] += count
    rated = sum(histogram)
    total = sum(rating * count for rating, count in enumerate(histogram, 1))
    return {
        "opinions": sum(count for _, _, count in opinions),
        "rated": rated,
        "mean": round(total / rated, 2) if rated else None,
        "histogram": histogram,
    }


def calendar(scope: Scope, year: int) -> list[Row]:
    """Each of the 52 or 53 weeks of the scope's year, summed up over its people."""
    weeks = {week.week_number: week for week in scope.read(weeks_by_name)}
    movies_by_week, albums_by_week = (
        dict(scope.picks[kind].values_list("week__week_number").annotate(count=Count("pk"))) for kind in KINDS.values()
    )
    running = this_week(scope.viewer)
    rows = []
    for number in range(1, weeks_in_year(year) + 1):
        _, _, first, of_all, complete = weeks.get(number, (year, number, None, 0, 0))
        movies, albums = movies_by_week.get(number, 0), albums_by_week.get(number, 0)
        rows.append(
            {
                "id": first if scope.person is not None else None,
                "week_number": number,
                "starts_on": day_of((year, number), MONDAY),
                "ends_on": day_of((year, number), SUNDAY),
                "state": state_of(of_all, complete, movies + albums),
                "is_running": (year, number) == running,
                "is_future": (year, number) > running,
                "weeks": of_all,
                "complete_weeks": complete,
                "movies": movies,
                "albums": albums,
            }
        )
    return rows


def state_of(weeks: int, complete: int, picks: int) -> str:
    if complete:
        return "complete"
    if picks:
        return "partial"
    return "empty" if weeks else "none"


def months(year: int, weeks: list[Row], given: Ratings) -> list[Row]:
    """The twelve months, each with the weeks whose Thursday is in it: ISO assigns weeks to years in the same way."""
    rows = []
    for month in range(1, 13):
        in_it = [week for week in weeks if day_of((year, week["week_number"]), THURSDAY).month == month]
        numbers = {week["week_number"] for week in in_it}
        movies, albums = (sum(week[kind] for week in in_it) for kind in ("movies", "albums"))
        ratings = summarize([row for row in given if row[0] in numbers])
        rows.append(
            {
                "month": month,
                "weeks": len(in_it),
                "movies": movies,
                "albums": albums,
                "picks": movies + albums,
                "ratings": ratings["rated"],
                "mean_rating": ratings["mean"],
            }
        )
    return rows


def tops(scope: Scope) -> Row:
    """The most frequent picks: each list has up to ten entries, by the number of their picks, then by name.

    The database counts the picks of each work, and Python adds these up for the work's names: a join would read the
    credits of a work again for each of its picks.
    """
    films, records = (scope.read(picks_by_work, kind) for kind in KINDS.values())
    movies, albums = (Counter({work.work: work.picks for work in works}) for works in (films, records))
    people = scope.read(picked_people)
    return {
        "movie_genres": top(movies, ((film.work, genre) for film in films for genre in set(film.genres))),
        "album_genres": top(albums, ((record.work, genre) for record in records for genre in set(record.genres))),
        "directors": top(movies, (row for part, *row in people if part == "Director"), "tmdb_id"),
        "actors": top(movies, (row for part, *row in people if part == "Actor"), "tmdb_id"),
        "composers": top(movies, {tuple(row) for part, *row in people if part in COMPOSING}, "tmdb_id"),
        "artists": top(albums, scope.read(picked_artists), "musicbrainz_id"),
        "countries": top(albums, ((record.work, record.origin) for record in records if record.origin)),
        "languages": top(movies, ((film.work, film.origin) for film in films if film.origin)),
        "movie_decades": top_decades(movies, films),
        "album_decades": top_decades(albums, records),
    }


def picked_people(scope: Scope) -> QuerySet[Any, Any]:
    """The people of the movies with their parts, once for several jobs of the same name."""
    movies, fields = scope.picks[MOVIE].values("movie"), ("part", "movie", "person__name", "person__tmdb_id")
    crew = MovieCrew.objects.filter(movie__in=movies, job__in=["Director", *COMPOSING]).annotate(part=F("job"))
    cast = MovieCast.objects.filter(movie__in=movies, order__lt=BILLED).annotate(part=Value("Actor"))
    return crew.order_by().values_list(*fields).union(cast.order_by().values_list(*fields)).order_by()


def picked_artists(scope: Scope) -> QuerySet[Any, Any]:
    artists = AlbumArtist.objects.filter(album__in=scope.picks[ALBUM].values("album"))
    return artists.order_by().values_list("album", "artist__name", "artist__musicbrainz_id").distinct()


def top(times: Counter[int], names: Iterable[tuple[Any, ...]], *ids: str) -> list[Row]:
    """The names with the most picks, from rows of a work, a name and its `ids`."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for work, *name in names:
        counted[tuple(name)] += times[work]
    ranked = sorted((+counted).items(), key=lambda item: (-item[1], item[0]))[:MAX_NAMES]
    return [dict(zip(("name", *ids), name, strict=True)) | {"count": count} for name, count in ranked]


def top_decades(times: Counter[int], works: Iterable[Any]) -> list[Row]:
    rows = top(times, ((work.work, int(str(work.released)[:3]) * 10) for work in works if work.released))
    return [{"name": f"{row['name']}s", "count": row["count"], "first_year": row["name"]} for row in rows]


def highlights(scope: Scope) -> dict[str, Row | None]:
    """The highlights among the picks of the scope's year.

    The best and the worst are by the user's own rating, or for all members by the mean; the most divisive has
    the widest range of ratings. Among equals, more ratings come first, then the earliest week, then movies.
    """
    own, divided = rated_picks(scope, by=scope.person), rated_picks(scope).filter(spread__gt=0)
    films = located_picks(scope, MOVIE, minutes=F("movie__runtime")).filter(minutes__isnull=False)
    # The first day of a year or month.
    day_of_album = Left(Concat("album__release_date", Value("-01-01")), 10)
    releases = [
        located_picks(scope, MOVIE, day=Cast("movie__release_date", TextField())).filter(day__isnull=False),
        located_picks(scope, ALBUM, day=day_of_album).exclude(album__release_date=""),
    ]
    return {
        "best": own.order_by("-mean", "-ratings", *PLACE).first(),
        "worst": own.order_by("mean", "-ratings", *PLACE).first(),
        "most_divisive": divided.order_by("-spread", "-ratings", *PLACE).first(),
        "longest_film": films.order_by("-minutes", *PLACE).first(),
        "earliest_release": first_of(releases, "day", *PLACE),
    }


def ends(scope: Scope) -> dict[str, Row | None]:
    """The first and the last pick of the scope's year; in a week, movies come before albums."""
    picks = [located_picks(scope, kind) for kind in KINDS.values()]
    return {"first": first_of(picks, *PLACE), "last": first_of(picks, "-week_number", "kind", "-position", "-pick")}


def located_picks(scope: Scope, kind: Kind, **more: Any) -> QuerySet[Any, Row]:
    """The picks as rows with their places, and with more columns."""
    place = {"pick": F("pk"), "kind": Value(kind.name), "week_number": F("week__week_number")}
    return scope.picks[kind].values("position", **place, **more)


def rated_picks(scope: Scope, by: Any = None) -> QuerySet[Any, Row]:
    """The rated picks as rows with their places, and with the ratings by this person, or by anyone."""
    opinions = scope.opinions_on.filter(rating__isnull=False)
    if by is not None:
        opinions = opinions.filter(user=by)
    return opinions.values(
        kind=Case(When(movie_pick=None, then=Value("album")), default=Value("movie")),
        pick=Coalesce("movie_pick", "album_pick"),
        position=Coalesce("movie_pick__position", "album_pick__position"),
        week_number=F("week__week_number"),
    ).annotate(
        mean=Avg("rating"),
        ratings=Count("rating"),
        lowest=Min("rating"),
        highest=Max("rating"),
        spread=Max("rating") - Min("rating"),
    )


def first_of(rows: list[QuerySet[Any, Row]], *order: str) -> Row | None:
    """The first of the rows of both kinds in this order."""
    movies, albums = rows
    return movies.union(albums, all=True).order_by(*order).first()


def load_picks(rows: Mapping[str, Row | None]) -> dict[str, Row | None]:
    """The same rows with the picks themselves, in two queries; None for a pick that has just been removed."""
    found: dict[tuple[str, int], Any] = {}
    for name, kind in KINDS.items():
        pks = {row["pick"] for row in rows.values() if row and row["kind"] == name}
        picks = kind.picks._default_manager.select_related(name, "week__user").in_bulk(pks)
        found |= {(name, pk): pick for pk, pick in picks.items()}
    return {
        name: row | {"pick": found[row["kind"], row["pick"]]} if row and (row["kind"], row["pick"]) in found else None
        for name, row in rows.items()
    }
