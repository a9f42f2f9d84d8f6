"""IMDb's CSV of ratings, and of a list or the watchlist: https://www.imdb.com/exports/"""

from .rows import LeftOut
from .tables import Record, movie_format

MOVIES = {"movie", "tvmovie", "video", "short", "tvshort", "tvspecial", "musicvideo"}  # of today and of older exports


def _check(record: Record) -> None:
    if "".join(record["titletype"].split()).casefold() not in MOVIES:
        raise LeftOut("Series, episodes and games, not imported")


FORMAT = movie_format(
    "IMDb",
    needs=("Const", "Title", "Title Type", "Your Rating", "Date Rated"),
    # A position is one in the list, not in a week; the date is that of the rating.
    columns={
        "imdb": "Const",
        "title": "Title",
        "year": "Year",
        "rating": "Your Rating",
        "day": "Date Rated",
        "listed": "Created",
        "note": "Description",
    },
    dated=("Release Date", "Created"),
    check=_check,
    may_be_watchlist=True,
)
