"""Trakt's export, or one of its lists alone: https://trakt.tv/settings/data"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, text
from selections.models import MAX_RATING
from selections.models.plans import MAX_NOTE

from . import cells, files
from .json_files import collect, entries, first_entry, movie_of
from .rows import LeftOut, Reading, Row, RowError, program_format
from .tables import listed

HISTORY = re.compile(r"watched-history(?:-(\d{1,6}))?\.json", re.IGNORECASE)
RATINGS = "ratings-movies.json"
WATCHED = "watched-movies.json"
TIMES = ("watched_at", "last_watched_at", "rated_at")  # of an entry in the history, of watched movies, of ratings
LISTED = "listed_at"  # of an entry in the watchlist, or in a list of the user
WATCHLIST = "lists-watchlist.json"
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)  # Trakt's value for an unknown date
NEVER = datetime.max.replace(tzinfo=UTC)

type Entries = Iterator[tuple[str, Any]]  # of a list, with their places


def is_export(names: list[str]) -> bool:
    """Whether a ZIP with these file names is such an export."""
    return bool(_parts(names))


def _parts(names: list[str]) -> list[str]:
    """The parts of the history in order, from any folder; without a history the movies with their last time."""
    own = [path for path in names if not path.startswith("__MACOSX/")]
    found = ((HISTORY.fullmatch(_basename(path)), path) for path in own)
    parts = [path for _, path in sorted((int(part[1] or 0), path) for part, path in found if part)]
    return parts or [path for path in own if _basename(path).lower() == WATCHED][:1]


def _basename(path: str) -> str:
    return path.rpartition("/")[2]


def is_list(entry: dict[str, Any]) -> bool:
    """Whether a list with this first entry is one of Trakt's."""
    return bool(entry.keys() & {*TIMES, LISTED}) and bool(entry.keys() & {"movie", "show", "episode", "person"})


def read(path: Path, reading: Reading) -> None:
    """The movies of its history, the earliest first, with their ratings, and of the watchlist. Raises FileError.

    A list alone is told by its entries: the history, the movies with their last time, ratings, or a watchlist.
    """
    if files.shape(path) == "zip":
        with files.zip_archive(path) as archive:
            _read_export(reading, archive)
    else:
        is_watchlist = LISTED in first_entry(path)
        with files.opened(path) as file:
            if is_watchlist:
                _read_watchlist(reading, entries(file))
            else:
                _read_history(reading, entries(file))
    reading.mark_rewatches()


def _read_export(reading: Reading, archive: files.ZipArchive) -> None:
    parts = _parts(archive.names)
    ratings, watchlist = (
        [path for path in archive.names if _basename(path).lower() == name][:1] for name in (RATINGS, WATCHLIST)
    )
    watched = _read_history(reading, _entries(archive, parts))
    _add_ratings(reading, watched, _entries(archive, ratings))
    _read_watchlist(reading, _entries(archive, watchlist))
    if others := sorted({_basename(path) for path in {*archive.names} - {*parts, *ratings, *watchlist}}):
        reading.remarks.append(
            f"Not imported (only the history of movies, their ratings and the watchlist are): {listed(others)}."
        )


def _entries(archive: files.ZipArchive, paths: list[str]) -> Entries:
    for path in paths:
        with archive.opened(path) as file:
            yield from entries(file, _basename(path))


def _read_history(reading: Reading, history: Entries) -> list[datetime]:
    """Add its movies, the earliest first, and return when each was watched: NEVER if that is unknown."""
    watched: list[datetime] = []

    def read_entry(entry: dict[str, Any]) -> Row:
        _leave_out_shows(entry)
        watched_at, row = _read_watch(entry, reading)
        watched.append(watched_at)
        return row

    collect(reading, history, read_entry)
    in_order = sorted(zip(watched, reading.rows, strict=True), key=itemgetter(0))
    reading.rows[:] = [row for _, row in in_order]
    return [watched_at for watched_at, _ in in_order]


def _leave_out_shows(entry: dict[str, Any]) -> None:
    if entry.get("type") in ("episode", "season", "show") or ("show" in entry and "movie" not in entry):
        raise LeftOut("Episodes and shows, not imported")


def _read_watch(entry: dict[str, Any], reading: Reading) -> tuple[datetime, Row]:
    work = movie_of(mapping(entry.get("movie")))
    said = next((said for name in TIMES if (said := text(entry.get(name)))), "")
    watched_at = cells.read_instant(said, reading.zone)
    day = None if watched_at in (None, UNKNOWN) else cells.read_day(said, reading.zone)
    rating = integer(entry.get("rating"), most=MAX_RATING) if "rated_at" in entry else None
    plays = integer(entry.get("plays"))
    row = Row(
        rating=rating or None,
        said_at=watched_at if rating else None,
        rewatch=plays > 1 if plays else None,
        **work,
        **cells.dated(day),
    )
    return watched_at if watched_at and day else NEVER, row


def _add_ratings(reading: Reading, watched: list[datetime], ratings: Entries) -> None:
    """Give each rating to the last time that the movie was watched before the rating, or else to the first."""
    times: dict[Hashable, list[int]] = defaultdict(list)
    for number, row in enumerate(reading.rows):
        times[row.work].append(number)

    def read_rating(entry: Any) -> None:
        movie, said = mapping(mapping(entry).get("movie")), text(mapping(entry).get("rated_at"))
        rating = integer(mapping(entry).get("rating"), most=MAX_RATING)
        rated_at = cells.read_instant(said, UTC)
        if not movie or not rating:
            raise RowError(f"This entry is not a rating of a movie from 1 to {MAX_RATING}.")
        of_movie = times.get(Row(**movie_of(movie)).work)
        if of_movie is None:
            raise LeftOut("Ratings of movies that are not in the history, and so not in a week")
        before = [number for number in of_movie if watched[number] <= (rated_at or NEVER)]
        chosen = before[-1] if before else of_movie[0]
        reading.rows[chosen] = replace(reading.rows[chosen], rating=rating, said_at=rated_at)

    reading.collect(ratings, read_rating)


def _read_watchlist(reading: Reading, watchlist: Entries) -> None:
    """Add its movies."""

    def read_entry(entry: dict[str, Any]) -> Row:
        _leave_out_shows(entry)
        added_at = reading.spare(cells.read_instant, text(entry.get(LISTED)), zone=reading.zone)
        notes = text(entry.get("notes"), MAX_NOTE).strip()
        movie = movie_of(mapping(entry.get("movie")))
        return Row(added_at=added_at, notes=notes, is_planned=True, **movie)

    collect(reading, watchlist, read_entry)


FORMAT = program_format("Trakt", is_export=is_export, is_list=is_list, read=read)
