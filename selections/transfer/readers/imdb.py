"""IMDb's CSV of ratings, and of a list or the watchlist: https://www.imdb.com/exports/"""

from .rows import LeftOut, Reading, Row
from .tables import Record, csv_format, movie_row

NEEDS = ("Const", "Title", "Title Type", "Your Rating", "Date Rated")
MOVIES = {"movie", "tvmovie", "video", "short", "tvshort", "tvspecial", "musicvideo"}  # of today and of older exports


def _read_title(record: Record, reading: Reading) -> Row:
    """A movie that was rated; its position is one in the list, not in a week, and its date that of the rating."""
    if "".join(record["titletype"].split()).casefold() not in MOVIES:
        raise LeftOut("Series, episodes and games, not imported")
    if not (record["yourrating"] or record["daterated"]):
        raise LeftOut("Movies without a rating, which may not have been watched, not imported")
    return movie_row(
        record,
        reading,
        imdb=record["const"],
        title=record["title"],
        year=record["year"],
        rating=record["yourrating"],
        day=record["daterated"],
    )


FORMAT = csv_format(
    "imdb", "IMDb", needs=NEEDS, used=(*NEEDS, "Year"), dated=("Date Rated", "Release Date"), read_row=_read_title
)
