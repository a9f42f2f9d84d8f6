"""Everything of a person as a file: our JSON, which archive.py takes back, a CSV for spreadsheets, and what Letterboxd
imports (https://letterboxd.com/about/importing-data/).

Each is made of pieces of text, a year of the history after the other, so that memory does not grow with it. No query is
left open and no transaction is held in between: whoever takes the pieces may be slow, or never come for the rest.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from catalog import portable
from catalog.models import Album, Movie
from catalog.objects import write_instant
from catalog.spreadsheets import defuse, write_csv
from selections.models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import week_before

FORMAT, VERSION = "wrong-opinions", 1
WORKS = 25  # of the catalog at a time, each with up to a hundred credits
CSV_COLUMNS = [
    "format_version",
    "username",
    "year",
    "week_number",
    "week_start",
    "kind",
    "position",
    "tmdb_id",
    "musicbrainz_id",
    "release_group_id",
    "title",
    "artist",
    "release_date",
    "added_at",
    "rating",
    "review",
    "contains_spoilers",
    "opinion_by",
    "opinion_at",
    "week_notes",
]
LETTERBOXD_COLUMNS = ["tmdbID", "Title", "Year", "Rating10", "WatchedDate", "Rewatch", "Tags", "Review"]
LETTERBOXD_MOST = 1_000_000  # bytes of a file that Letterboxd takes


def file_name(user, ending: str) -> str:
    """Such as wrong-opinions-ada-2026-11-22.json."""
    return f"wrong-opinions-{user.username}-{timezone.localdate(timezone=user.zone)}{ending}"


# JSON


def to_json(user, year: int | None = None) -> Iterator[str]:
    """All that is the user's, or that of one ISO year; what others think of it as far as the user may read that, and
    what the catalog knows of the works, so that it needs no upstream to be taken back. A week, an opinion and a work is
    a line each.

    It has no e-mail address, nothing of sign-in, and no ids of our database.
    """
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": write_instant(timezone.now()),
        "user": {
            "username": user.username,
            "display_name": user.display_name or None,
            "time_zone": user.time_zone,
            "visibility": user.visibility,
        },
    }
    yield _dumps(head)[:-1] + ',\n"weeks": ['
    yield from _lines(_describe_week(week, user) for week in _weeks(user, year))
    yield '],\n"opinions_given": ['
    yield from _lines(map(_describe_given, _opinions_given(user, year)))
    yield '],\n"catalog": {"movies": ['
    yield from _lines(map(portable.describe_movie, _movies(user, year)))
    yield '], "albums": ['
    yield from _lines(map(portable.describe_album, _albums(user, year)))
    yield "]}}\n"


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line for each row of a JSON list."""
    start = "\n"
    for row in rows:
        yield start + _dumps(row)
        start = ",\n"
    if start != "\n":
        yield "\n"


def _of_year(year: int | None, week: str = "") -> Q:
    return Q() if year is None else Q(**{f"{week}year": year})


def _weeks(user, year: int | None = None) -> Iterator[Week]:
    """The user's weeks, the earliest first, with `told_opinions` of each pick, in seven queries a year."""
    weeks = Week.objects.filter(_of_year(year), user=user)
    for year in list(weeks.order_by("year").values_list("year", flat=True).distinct()):
        yield from (
            weeks.filter(year=year)
            .order_by("week_number")
            .prefetch_related(
                Prefetch("movie_picks", WeekMovie.objects.select_related("movie").order_by("position")),
                Prefetch("movie_picks__opinions", _told(user, "movie_pick"), to_attr="told_opinions"),
                Prefetch("album_picks", WeekAlbum.objects.select_related("album").order_by("position")),
                Prefetch("album_picks__opinions", _told(user, "album_pick"), to_attr="told_opinions"),
            )
        )


def _told(user, pick: str) -> QuerySet[Opinion]:
    """What the user may read of what is thought of picks of one kind, by whom, and of their own what they changed."""
    return (
        Opinion.objects.visible_to(user, pick)
        .select_related("user")
        .prefetch_related(Prefetch("earlier_ratings", EarlierRating.objects.filter(opinion__user=user)))
    )


def _told_by(pick: WeekMovie | WeekAlbum, user) -> list[Opinion]:
    """The pick's opinions, the user's own first, then by age."""
    opinions: list[Opinion] = getattr(pick, "told_opinions", [])
    return sorted(opinions, key=lambda said: (said.user_id != user.pk, said.created_at, said.user.username))


def _describe_week(week: Week, user) -> dict[str, Any]:
    def describe(picks: Iterable[WeekMovie] | Iterable[WeekAlbum]) -> list[dict[str, Any]]:
        return [
            {"position": pick.position, "added_at": write_instant(pick.added_at)}
            | _id_of(pick)
            | {"opinions": [_describe_told(said, user) for said in _told_by(pick, user)]}
            for pick in picks
        ]

    return {
        "year": week.year,
        "week_number": week.week_number,
        "notes": week.notes or None,
        "created_at": write_instant(week.created_at),
        "updated_at": write_instant(week.updated_at),
        "movies": describe(week.movie_picks.all()),
        "albums": describe(week.album_picks.all()),
    }


def _id_of(pick: WeekMovie | WeekAlbum) -> dict[str, int | str]:
    if isinstance(pick, WeekMovie):
        return {"tmdb_id": pick.movie.tmdb_id}
    return {"musicbrainz_id": str(pick.album.musicbrainz_id)}


def _describe_told(opinion: Opinion, user) -> dict[str, Any]:
    return {"by": opinion.user.username, "own": opinion.user_id == user.pk} | _describe_opinion(opinion)


def _describe_opinion(opinion: Opinion) -> dict[str, Any]:
    return {
        "rating": opinion.rating,
        "review": opinion.review or None,
        "contains_spoilers": opinion.contains_spoilers,
        "created_at": write_instant(opinion.created_at),
        "updated_at": write_instant(opinion.updated_at),
        "earlier_ratings": [
            {"rating": earlier.rating, "until_at": write_instant(earlier.until_at)}
            for earlier in reversed(opinion.earlier_ratings.all())
        ],
    }


def _opinions_given(user, year: int | None) -> Iterator[Opinion]:
    """What the user thinks of picks of others whom they may see, by week, in four queries a year."""
    given = (
        _told(user, "movie_pick")
        .filter(_of_year(year, "movie_pick__week__"), user=user)
        .exclude(movie_pick__week__user=user)
    )
    on_movies = given.select_related("movie_pick__movie", "movie_pick__week__user")
    given = (
        _told(user, "album_pick")
        .filter(_of_year(year, "album_pick__week__"), user=user)
        .exclude(album_pick__week__user=user)
    )
    on_albums = given.select_related("album_pick__album", "album_pick__week__user")
    years = set(on_movies.order_by().values_list("movie_pick__week__year", flat=True).distinct())
    years |= set(on_albums.order_by().values_list("album_pick__week__year", flat=True).distinct())
    for year in sorted(years):
        # Sorted here, as databases differ in how they sort names.
        yield from sorted(
            [*on_movies.filter(movie_pick__week__year=year), *on_albums.filter(album_pick__week__year=year)],
            key=_place_of,
        )


def _place_of(opinion: Opinion) -> tuple[int, str, str, int]:
    """What sorts opinions: no two have the same."""
    pick = opinion.pick
    return pick.week.week_number, pick.week.user.username, opinion.kind, pick.position


def _describe_given(opinion: Opinion) -> dict[str, Any]:
    week = opinion.pick.week
    return (
        {"owner": week.user.username, "year": week.year, "week_number": week.week_number, "kind": opinion.kind}
        | _id_of(opinion.pick)
        | _describe_opinion(opinion)
    )


def _movies(user, year: int | None) -> Iterator[Movie]:
    """Those of the user's picks, and of picks that they have an opinion on, by id."""
    picked = WeekMovie.objects.filter(_of_year(year, "week__"), week__user=user).values("movie")
    given = Opinion.objects.visible_to(user, "movie_pick").filter(_of_year(year, "movie_pick__week__"), user=user)
    movies = portable.with_credits(
        Movie.objects.filter(Q(pk__in=picked) | Q(pk__in=given.values("movie_pick__movie"))).order_by("tmdb_id")
    )
    return _in_parts(lambda last: movies.filter(tmdb_id__gt=last.tmdb_id) if last else movies)


def _albums(user, year: int | None) -> Iterator[Album]:
    """As _movies()."""
    picked = WeekAlbum.objects.filter(_of_year(year, "week__"), week__user=user).values("album")
    given = Opinion.objects.visible_to(user, "album_pick").filter(_of_year(year, "album_pick__week__"), user=user)
    albums = portable.with_artists(
        Album.objects.filter(Q(pk__in=picked) | Q(pk__in=given.values("album_pick__album"))).order_by("musicbrainz_id")
    )
    return _in_parts(lambda last: albums.filter(musicbrainz_id__gt=last.musicbrainz_id) if last else albums)


def _in_parts[W: (Movie, Album)](after: Callable[[W | None], QuerySet[W]]) -> Iterator[W]:
    """All that come `after` None, where each part comes after the last one of the part before."""
    last: W | None = None
    while part := list(after(last)[:WORKS]):
        yield from part
        last = part[-1]


# CSV


def to_csv(*users) -> Iterator[str]:
    """A line for each pick and opinion on it, of all the users; a pick without opinions has one, and so has a week
    without picks, for its notes. Each user's lines are what that user may read."""
    rows = (row for user in users for week in _weeks(user) for row in csv_rows(week, user))
    return write_csv(CSV_COLUMNS, rows)


def csv_rows(week: Week, user) -> Iterator[dict[str, Any]]:
    """The lines of a week, by column, with opinions where `told_opinions` of its picks were loaded."""
    start = {
        "format_version": VERSION,
        "username": user.username,
        "year": week.year,
        "week_number": week.week_number,
        "week_start": week.starts_on,
        "week_notes": week.notes,
    }
    picks: list[WeekMovie | WeekAlbum] = [*week.movie_picks.all(), *week.album_picks.all()]
    for pick in picks:
        picked = start | {"position": pick.position, "added_at": write_instant(pick.added_at)} | _csv_work(pick)
        opinions = _told_by(pick, user)
        for opinion in opinions:
            yield picked | {
                "rating": opinion.rating or "",
                "review": opinion.review,
                "contains_spoilers": str(opinion.contains_spoilers).lower(),
                "opinion_by": opinion.user.username,
                "opinion_at": write_instant(opinion.created_at),
            }
        if not opinions:
            yield picked
    if not picks:
        yield start


def _csv_work(pick: WeekMovie | WeekAlbum) -> dict[str, Any]:
    if isinstance(pick, WeekMovie):
        movie = pick.movie
        return {
            "kind": "movie",
            "tmdb_id": movie.tmdb_id,
            "title": movie.title,
            "release_date": movie.release_date or "",
        }
    album = pick.album
    return {
        "kind": "album",
        "musicbrainz_id": album.musicbrainz_id,
        "release_group_id": album.release_group_id or "",
        "title": album.title,
        "artist": album.artist,
        "release_date": album.release_date,
    }


# Letterboxd


def to_letterboxd(user) -> Iterator[str]:
    """The movies that the user picked up to this week, as whole files of up to LETTERBOXD_MOST bytes; one at least.

    Titles that a spreadsheet would compute are defused, as Letterboxd knows a movie by its id. The user's own reviews
    stay as they are: Letterboxd would show what defuses them.
    """
    header = _csv_line(LETTERBOXD_COLUMNS)
    room = LETTERBOXD_MOST - len(header)
    lines, left = [header], room
    for pick in _movies_watched(user):
        line = _letterboxd_line(pick, user, room)
        size = len(line.encode())
        if size > left:
            yield "".join(lines)
            lines, left = [header], room
        lines.append(line)
        left -= size
    yield "".join(lines)


def _csv_line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _movies_watched(user) -> Iterator[WeekMovie]:
    """The user's movies of all weeks that have begun, the earliest first, in two queries a year: with `own_opinions`,
    and whether it `was_seen` in an earlier week."""
    picks = WeekMovie.objects.filter(week__user=user, week__in=_begun(user))
    before = week_before(OuterRef("week__year"), OuterRef("week__week_number"), "week__")  # type: ignore[arg-type]
    seen = WeekMovie.objects.filter(before, week__user=user, movie=OuterRef("movie"))
    for year in list(picks.order_by("week__year").values_list("week__year", flat=True).distinct()):
        yield from (
            picks.filter(week__year=year)
            .annotate(was_seen=Exists(seen))
            .select_related("week", "movie")
            .order_by("week__week_number", "position")
            .prefetch_related(Prefetch("opinions", Opinion.objects.filter(user=user), to_attr="own_opinions"))
        )


def _begun(user) -> QuerySet[Week]:
    """The user's weeks without those to come, in which nothing was watched yet."""
    today = timezone.localdate(timezone=user.zone).isocalendar()
    return Week.objects.filter(user=user).until(today.year, today.week)


def _letterboxd_line(pick: WeekMovie, user, most: int) -> str:
    """The line of a pick, whose review is cut where it alone has more than so many bytes."""
    opinion: Opinion | None = next(iter(getattr(pick, "own_opinions", [])), None)
    review = opinion.review if opinion else ""
    cells = [
        pick.movie.tmdb_id,
        defuse(pick.movie.title),
        pick.movie.release_date.year if pick.movie.release_date else "",
        (opinion.rating if opinion else None) or "",
        _watched_on(pick, user),
        "Yes" if getattr(pick, "was_seen", False) else "",
        f"wrong-opinions, {pick.week.name}",
    ]
    line = _csv_line([*cells, review])
    if len(line.encode()) > most:
        # A quotation mark is written twice, so that half the bytes always fit.
        room = (most - len(_csv_line([*cells, ""]).encode())) // 2 - 10
        line = _csv_line([*cells, review.encode()[:room].decode(errors="ignore") + "…"])
    return line


def _watched_on(pick: WeekMovie, user) -> date:
    """The day on which it was picked if that is in its week, else the week's last day, but never a day to come."""
    day = pick.added_at.astimezone(user.zone).date()
    last = min(pick.week.ends_on, timezone.localdate(timezone=user.zone))
    return day if pick.week.starts_on <= day <= last else last


class _Pipe(io.RawIOBase):
    """A file that is taken away as fast as it is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self.pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def zipped(files: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """A ZIP file of these, by name, one in memory at a time."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(name, text.encode())
            yield pipe.take()
    yield pipe.take()
