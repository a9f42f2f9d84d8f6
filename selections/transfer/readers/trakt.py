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
from .rows import FileError, Reading, Row, RowError
from .tables import listed

LABEL = "an export of Trakt"
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


def read(path: Path, *, zone: tzinfo, kind: str = "") -> Reading:
    """The movies of its history, the earliest first, with their ratings. Raises FileError."""
    reading = Reading("trakt")
    history = History(reading, zone)
    if files.shape(path) != "zip":
        with files.opened(path) as file:
            history.read(entries(file))
        history.finish()
        return reading
    with files.ZipArchive(path) as archive:
        parts = _parts(archive.names)
        for part in parts:
            with archive.opened(part) as file:
                history.read(entries(file, _basename(part)))
        watches = history.finish()
        ratings = [path for path in archive.names if _basename(path).lower() == RATINGS]
        for part in ratings[:1]:
            with archive.opened(part) as file:
                _add_ratings(reading, watches, entries(file, _basename(part)))
        if others := sorted({_basename(path) for path in {*archive.names} - {*parts, *ratings}}):
            reading.remarks.append(
                f"Not imported (only the history of movies and their ratings are): {listed(others)}."
            )
    return reading


class History:
    """The parts of a history, read one after the other."""

    def __init__(self, reading: Reading, zone: tzinfo) -> None:
        self._reading, self._zone = reading, zone
        self._watches: list[Watch] = []
        self._others = 0  # episodes and shows

    def read(self, part: Iterator[tuple[str, Any]]) -> None:
        for place, entry in part:
            try:
                if not isinstance(entry, dict):
                    raise RowError("This entry is not about a movie.")
                if entry.get("type") in ("episode", "season", "show"):
                    self._others += 1
                else:
                    watch = _read_watch(place, entry, self._zone)
                    self._reading.add(watch.row)
                    self._watches.append(watch)
            except RowError as error:
                self._reading.fail(place, str(error))

    def finish(self) -> list[Watch]:
        """Make the watched movies the reading's rows, the earliest first."""
        if self._others:
            self._reading.remarks.append(f"Episodes and shows, not imported: {self._others:,}.")
        self._watches.sort(key=lambda watch: watch.watched_at or NEVER)
        self._reading.rows[:] = [watch.row for watch in self._watches]
        return self._watches


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
        week=cells.week_of(day) if day else None,
        day=day,
        tmdb_id=tmdb_id or None,
        imdb_id=imdb_id,
        title=cells.within(title),
        year=year if year and year >= cells.FIRST_RELEASE else None,
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
    unwatched = 0
    for place, entry in ratings:
        movie, said = mapping(mapping(entry).get("movie")), text(mapping(entry).get("rated_at"))
        rating = integer(mapping(entry).get("rating"), most=MAX_RATING)
        try:
            rated_at = cells.read_instant(said, UTC)
        except RowError as error:
            reading.fail(place, str(error))
            continue
        if not movie or not rating:
            reading.fail(place, f"This entry is not a rating of a movie from 1 to {MAX_RATING}.")
            continue
        of_movie = next((times[known] for known in _keys(movie) if known in times), None)
        if of_movie is None:
            unwatched += 1
            continue
        before = [number for number in of_movie if (watches[number].watched_at or NEVER) <= (rated_at or NEVER)]
        chosen = before[-1] if before else of_movie[0]
        reading.rows[chosen] = replace(reading.rows[chosen], rating=rating, said_at=rated_at)
    if unwatched:
        reading.remarks.append(f"Ratings of movies that are not in the history, and so not in a week: {unwatched:,}.")


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
