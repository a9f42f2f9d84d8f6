"""Trakt's export, or its watched-history.json alone: https://trakt.tv/settings/data"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TextIO

from integrations.values import integer, mapping, text
from selections.models import MAX_RATING
from selections.weeks import LAST_YEAR

from . import cells, files
from .rows import FileError, Format, LeftOut, Reading, Row, RowError
from .tables import listed

HISTORY = re.compile(r"watched-history(?:-(\d{1,6}))?\.json", re.IGNORECASE)
RATINGS = "ratings-movies.json"
PIECE = 64 * 2**10  # characters that are read at a time
SIGN = re.compile(r"\s*([\[,\]])\s*")  # the characters before an entry, or after the last
DECODER = json.JSONDecoder()
MAX_ENTRY = 256 * 2**10  # characters; an entry has some hundreds
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)  # Trakt's value for an unknown date
NEVER = datetime.max.replace(tzinfo=UTC)

type Keys = list[tuple[object, ...]]  # the ids of a movie, the best first


@dataclass(frozen=True, slots=True)
class Watch:
    row: Row
    movie: Keys
    watched_at: datetime | None


def is_export(names: list[str]) -> bool:
    """Whether a ZIP with these file names is such an export."""
    return bool(_parts(names))


def _parts(names: list[str]) -> list[str]:
    """The parts of the history in order, from any folder."""
    found = ((HISTORY.fullmatch(_basename(path)), path) for path in names if not path.startswith("__MACOSX/"))
    return [path for _, path in sorted((int(part[1] or 0), path) for part, path in found if part)]


def _basename(path: str) -> str:
    return path.rpartition("/")[2]


def read(path: Path, zone: tzinfo, kind: str) -> Reading:
    """The movies of its history, the earliest first, with their ratings. Raises FileError."""
    reading = Reading("trakt", zone)
    if files.shape(path) != "zip":
        with files.opened(path) as file:
            _sort(reading, _read_history(reading, entries(file)))
        return reading
    with files.zip_archive(path) as archive:
        parts, watches = _parts(archive.names), []
        for part in parts:
            with archive.opened(part) as file:
                watches += _read_history(reading, entries(file, _basename(part)))
        _sort(reading, watches)
        ratings = [path for path in archive.names if _basename(path).lower() == RATINGS]
        for part in ratings[:1]:
            with archive.opened(part) as file:
                _add_ratings(reading, watches, entries(file, _basename(part)))
        if others := sorted({_basename(path) for path in {*archive.names} - {*parts, *ratings}}):
            reading.remarks.append(
                f"Not imported (only the history of movies and their ratings are): {listed(others)}."
            )
    return reading


def _read_history(reading: Reading, entries: Iterator[tuple[str, Any]]) -> list[Watch]:
    """Add the rows of a part of the history."""
    watches: list[Watch] = []

    def read_entry(placed: tuple[str, Any]) -> Row:
        place, entry = placed
        if not isinstance(entry, dict):
            raise RowError("This entry is not about a movie.")
        if entry.get("type") in ("episode", "season", "show"):
            raise LeftOut("Episodes and shows, not imported")
        watches.append(_read_watch(place, entry, reading.zone))
        return watches[-1].row

    reading.collect(((placed[0], placed) for placed in entries), read_entry)
    return watches


def _sort(reading: Reading, watches: list[Watch]) -> None:
    """Sort the movies by when they were watched, the earliest first."""
    watches.sort(key=lambda watch: watch.watched_at or NEVER)
    reading.rows[:] = [watch.row for watch in watches]


def _read_watch(place: str, entry: dict[str, Any], zone: tzinfo) -> Watch:
    movie = mapping(entry.get("movie"))
    ids = mapping(movie.get("ids"))
    tmdb_id, imdb_id, title = integer(ids.get("tmdb")), text(ids.get("imdb")), text(movie.get("title")).strip()
    imdb_id = imdb_id if re.fullmatch(r"tt[0-9]{5,12}", imdb_id) else ""
    if not (tmdb_id or imdb_id or title):
        raise RowError("This entry has neither an id of a movie nor a title.")
    said = text(entry.get("watched_at"))
    watched_at = cells.read_instant(said, zone)
    day = None if watched_at in (None, UNKNOWN) else cells.read_day(said, zone)
    year = integer(movie.get("year"), most=LAST_YEAR)
    row = Row(
        place=place,
        kind="movie",
        tmdb_id=tmdb_id or None,
        imdb_id=imdb_id,
        title=cells.within(title),
        year=year if year and year >= cells.FIRST_RELEASE else None,
        **cells.dated(day),
    )
    return Watch(row, _keys(movie), watched_at if day else None)


def _keys(movie: dict[str, Any]) -> Keys:
    ids = mapping(movie.get("ids"))
    keys: Keys = [
        (name, ids[name]) for name in ("trakt", "tmdb", "imdb", "slug") if isinstance(ids.get(name), int | str)
    ]
    return keys or [("title", text(movie.get("title")), integer(movie.get("year")))]


def _add_ratings(reading: Reading, watches: list[Watch], ratings: Iterator[tuple[str, Any]]) -> None:
    """Give each rating to the last time that the movie was watched before the rating, or else to the first."""
    times: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, watch in enumerate(watches):
        for known in watch.movie:
            times[known].append(number)

    def read_rating(entry: Any) -> None:
        movie, said = mapping(mapping(entry).get("movie")), text(mapping(entry).get("rated_at"))
        rating = integer(mapping(entry).get("rating"), most=MAX_RATING)
        rated_at = cells.read_instant(said, UTC)
        if not movie or not rating:
            raise RowError(f"This entry is not a rating of a movie from 1 to {MAX_RATING}.")
        of_movie = next((times[known] for known in _keys(movie) if known in times), None)
        if of_movie is None:
            raise LeftOut("Ratings of movies that are not in the history, and so not in a week")
        before = [number for number in of_movie if (watches[number].watched_at or NEVER) <= (rated_at or NEVER)]
        chosen = before[-1] if before else of_movie[0]
        reading.rows[chosen] = replace(reading.rows[chosen], rating=rating, said_at=rated_at)

    reading.collect(ratings, read_rating)


def entries(stream: TextIO, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each entry of a JSON list with its place, without loading the whole list. Raises FileError."""
    buffer: str | None = ""
    named, number, ended = name or "the file", 0, False
    while buffer is not None and len(buffer) < MAX_ENTRY and not ended and (piece := stream.read(PIECE)):
        if flaw := files.find_flaw(piece):
            raise FileError(f"{flaw} in {named} after entry {number}. Download it again.")
        found, buffer, ended = _take(buffer + piece.removeprefix("\ufeff"), first=number == 0)
        for entry in found:
            number += 1
            yield f"{name}, entry {number}" if name else f"entry {number}", entry
    if not ended:
        raise FileError(f"There is no JSON in {named} after entry {number}. Download it again.")


def _take(buffer: str, *, first: bool) -> tuple[list[Any], str | None, bool]:
    """The complete entries, the rest of the buffer (None if it is not a list), and whether the list ends."""
    found: list[Any] = []
    start = 0
    while sign := SIGN.match(buffer, start):
        if (sign[1] == "[") != (first and not found):
            return found, None, False
        if sign[1] == "]" or (sign[1] == "[" and buffer.startswith("]", sign.end())):
            return found, "", True
        try:
            entry, end = DECODER.raw_decode(buffer, sign.end())
        except ValueError:  # the rest of it may still be missing
            return found, buffer[start:], False
        except RecursionError:
            return found, None, False
        if end == len(buffer) and isinstance(entry, int | float):  # as may that of a number
            return found, buffer[start:], False
        found.append(entry)
        start = end
    rest = buffer[start:]
    return found, None if rest.strip() else rest, False


FORMAT = Format(name="trakt", label="an export of Trakt", program="Trakt", is_export=is_export, read=read)
