"""Movary's history.csv, of plays, and ratings.csv, which has no dates: https://docs.movary.org/"""

from dataclasses import replace
from pathlib import Path

from .rows import Reading
from .tables import movie_format

CSV = movie_format(
    "Movary",
    needs=("title", "year", "tmdbId", "imdbId"),
    columns={
        "tmdb": "tmdbId",
        "imdb": "imdbId",
        "title": "title",
        "year": "year",
        "rating": "userRating",
        "day": "watchedAt",
        "review": "comment",
    },
)


def read(path: Path, reading: Reading) -> None:
    """Its movies, those of a whole history with whether they had been seen before. Raises FileError."""
    CSV.read(path, reading)
    reading.mark_rewatches()


FORMAT = replace(CSV, read=read)
