"""TMDB's export of an account's ratings or its watchlist: https://www.themoviedb.org/settings/import-list"""

from .rows import LeftOut
from .tables import Record, movie_format


def _check(record: Record) -> None:
    if record["type"].casefold() != "movie":
        raise LeftOut("Series and episodes, not imported")


FORMAT = movie_format(
    "TMDB",
    needs=("TMDb ID", "Type", "Name", "Your Rating", "Date Rated"),
    # The column `Rating` is everyone's average.
    columns={"tmdb": "TMDb ID", "title": "Name", "year": "Release Date", "rating": "Your Rating", "day": "Date Rated"},
    check=_check,
    may_be_watchlist=True,
)
