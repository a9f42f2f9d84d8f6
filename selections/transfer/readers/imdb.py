"""IMDb's CSV of ratings, and of a list or the watchlist: https://www.imdb.com/exports/"""

from . import cells
from .rows import LeftOut, Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("Const", "Title", "Title Type", "Your Rating", "Date Rated")
MOVIES = {"movie", "tvmovie", "video", "short", "tvshort", "tvspecial", "musicvideo"}  # of today and of older exports


def _read_title(record: Record, reading: Reading) -> Row:
    """A movie that was rated; its position is one in the list, not in a week, and its date that of the rating."""
    if "".join(record["titletype"].split()).casefold() not in MOVIES:
        raise LeftOut("Series, episodes and games, not imported")
    if not (record["yourrating"] or record["daterated"]):
        raise LeftOut("Movies without a rating, which may not have been watched, not imported")
    ids = cells.read_movie_id(record["const"])
    if not (ids or record["title"]):
        raise RowError("This movie has neither an IMDb id nor a title. Add one.")
    return Row(
        place=record.place,
        kind="movie",
        title=cells.within(record["title"]),
        year=reading.spare(record.place, cells.read_release_year, record["year"]),
        rating=reading.spare(record.place, cells.read_rating, record["yourrating"]),
        **ids,
        **cells.dated(cells.read_day(record["daterated"], reading.zone)),
    )


FORMAT = csv_format(
    "imdb", "IMDb", needs=NEEDS, used=(*NEEDS, "Year"), dated=("Date Rated", "Release Date"), read_row=_read_title
)
