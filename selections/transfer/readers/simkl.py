"""Simkl's CSV and its JSON backup: https://simkl.com/apps/backup/"""

from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, text
from selections.models import MAX_RATING

from . import cells, files
from .json_files import collect, movie_of, numbered, read_object
from .rows import Format, LeftOut, Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("SIMKL_ID", "Title", "Type", "Watchlist", "WatchedDate")
SERIES, UNSEEN = "Series and anime, not imported", "Movies not imported, as they are not completed"


def _read_record(record: Record, reading: Reading) -> Row:
    """A movie that was completed; the memo is private."""
    if record["type"].casefold() not in ("movie", "movies"):
        raise LeftOut(SERIES)
    if record["watchlist"].casefold() != "completed":
        raise LeftOut(UNSEEN)
    tmdb_id, title = integer(record["tmdb"]), cells.within(record["title"])
    ids = {"tmdb_id": tmdb_id} if tmdb_id else cells.read_movie_id(record["imdb"])
    if not (ids or title):
        raise RowError("This movie has neither an id nor a title. Add one.")
    return Row(
        place=record.place,
        kind="movie",
        title=title,
        year=reading.spare(record.place, cells.read_release_year, record["year"]),
        rating=reading.spare(record.place, cells.read_rating, record["rating"].strip("0") and record["rating"]),
        **ids,
        **cells.dated(cells.read_day(record["watcheddate"], reading.zone)),
    )


CSV = csv_format(
    "simkl",
    "Simkl",
    needs=NEEDS,
    used=(*NEEDS, "Year", "Rating", "TMDB", "IMDB"),
    dated=("WatchedDate",),
    read_row=_read_record,
)


def _is_object(data: dict[str, Any]) -> bool:
    return any("status" in mapping(entry) for key in ("movies", "shows", "anime") for entry in _some(data.get(key)))


def _some(entries: object) -> list[Any]:
    return entries[:1] if isinstance(entries, list) else []


def read(path: Path, reading: Reading) -> None:
    """Its completed movies. Raises FileError."""
    if files.shape(path) == "table":
        CSV.read(path, reading)
        return
    data = read_object(path)

    def read_entry(place: str, entry: dict[str, Any]) -> Row:
        if entry.get("status") != "completed":
            raise LeftOut(UNSEEN)
        day = cells.read_day(text(entry.get("last_watched_at")), reading.zone)
        rating = integer(entry.get("user_rating"), most=MAX_RATING) or None
        return Row(place=place, rating=rating, **movie_of(mapping(entry.get("movie"))), **cells.dated(day))

    collect(reading, numbered("movies", data.get("movies")), read_entry)
    reading.left_out[SERIES] += sum(1 for key in ("shows", "anime") for _ in numbered(key, data.get(key)))


FORMAT = Format(name="simkl", label="an export of Simkl", program="Simkl", needs=NEEDS, is_object=_is_object, read=read)
