"""Movary's history.csv and ratings.csv: https://docs.movary.org/"""

from dataclasses import replace
from pathlib import Path

from . import cells
from .rows import Reading, Row
from .tables import Record, csv_format, movie_row

NEEDS = ("title", "year", "tmdbId", "imdbId")
USED = (*NEEDS, "watchedAt", "comment", "userRating")


def _read_movie(record: Record, reading: Reading) -> Row:
    """A play of a movie, or a rating, whose date is not known."""
    row = movie_row(
        record,
        reading,
        tmdb=record["tmdbid"],
        imdb=record["imdbid"],
        title=record["title"],
        year=record["year"],
        rating=record["userrating"].strip("0") and record["userrating"],
        day=record["watchedat"],
    )
    return replace(row, review=reading.spare(record.place, cells.read_text, record["comment"]) or "")


CSV = csv_format("movary", "Movary", needs=NEEDS, used=USED, dated=("watchedAt",), read_row=_read_movie)


def read(path: Path, reading: Reading) -> None:
    """Its movies, those of a whole history with whether they had been seen before. Raises FileError."""
    CSV.read(path, reading)
    reading.mark_rewatches()


FORMAT = replace(CSV, read=read)
