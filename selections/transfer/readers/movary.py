"""Movary's history.csv and ratings.csv: https://docs.movary.org/"""

from dataclasses import replace
from pathlib import Path

from integrations.values import integer

from . import cells
from .rows import Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("title", "year", "tmdbId", "imdbId")
USED = (*NEEDS, "watchedAt", "comment", "userRating")


def _read_movie(record: Record, reading: Reading) -> Row:
    """A play of a movie, or a rating, whose date is not known."""
    tmdb_id, title = integer(record["tmdbid"]), cells.within(record["title"])
    ids = {"tmdb_id": tmdb_id} if tmdb_id else cells.read_movie_id(record["imdbid"])
    if not (ids or title):
        raise RowError("This movie has neither an id nor a title. Add one.")
    return Row(
        place=record.place,
        kind="movie",
        title=title,
        year=reading.spare(record.place, cells.read_release_year, record["year"]),
        rating=reading.spare(record.place, cells.read_rating, record["userrating"].strip("0") and record["userrating"]),
        review=reading.spare(record.place, cells.read_text, record["comment"]) or "",
        **ids,
        **cells.dated(cells.read_day(record["watchedat"], reading.zone)),
    )


CSV = csv_format("movary", "Movary", needs=NEEDS, used=USED, dated=("watchedAt",), read_row=_read_movie)


def read(path: Path, reading: Reading) -> None:
    """Its movies, those of a whole history with whether they had been seen before. Raises FileError."""
    CSV.read(path, reading)
    reading.mark_rewatches()


FORMAT = replace(CSV, read=read)
