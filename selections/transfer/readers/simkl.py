"""Simkl's CSV and its JSON backup: https://simkl.com/apps/backup/"""

from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, rows, text
from selections.models import MAX_RATING

from . import cells, files
from .json_files import collect, movie_of, numbered, read_object
from .rows import LeftOut, Reading, Row, program_format
from .tables import Record, movie_format

NEEDS = ("SIMKL_ID", "Title", "Type", "Watchlist", "WatchedDate")
SERIES, UNSEEN = "Series and anime, not imported", "Movies not imported, as they are not completed"


def _check(record: Record) -> None:
    """A movie was completed; the memo is private."""
    if record["type"].casefold() not in ("movie", "movies"):
        raise LeftOut(SERIES)
    if record["watchlist"].casefold() != "completed":
        raise LeftOut(UNSEEN)


CSV = movie_format(
    "Simkl",
    needs=NEEDS,
    columns={
        "tmdb": "TMDB",
        "imdb": "IMDB",
        "title": "Title",
        "year": "Year",
        "rating": "Rating",
        "day": "WatchedDate",
    },
    check=_check,
)


def _is_object(data: dict[str, Any]) -> bool:
    return any("status" in entry for key in ("movies", "shows", "anime") for entry in rows(data.get(key))[:1])


def read(path: Path, reading: Reading) -> None:
    """Its completed movies. Raises FileError."""
    if files.shape(path) == "table":
        CSV.read(path, reading)
        return
    data = read_object(path)

    def read_entry(entry: dict[str, Any]) -> Row:
        if entry.get("status") != "completed":
            raise LeftOut(UNSEEN)
        day = cells.read_day(text(entry.get("last_watched_at")), reading.zone)
        rating = integer(entry.get("user_rating"), most=MAX_RATING) or None
        return Row(rating=rating, **movie_of(mapping(entry.get("movie"))), **cells.dated(day))

    collect(reading, numbered("movies", data.get("movies")), read_entry)
    reading.left_out[SERIES] += sum(1 for key in ("shows", "anime") for _ in numbered(key, data.get(key)))


FORMAT = program_format("Simkl", needs=NEEDS, is_object=_is_object, read=read)
