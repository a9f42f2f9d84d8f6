"""TMDB's export of an account's ratings: https://www.themoviedb.org/settings/import-list"""

from integrations.values import integer

from . import cells
from .rows import LeftOut, Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("TMDb ID", "Type", "Name", "Your Rating", "Date Rated")


def _read_title(record: Record, reading: Reading) -> Row:
    """A movie that was rated; the column `Rating` is everyone's average."""
    if record["type"].casefold() != "movie":
        raise LeftOut("Series and episodes, not imported")
    if not (record["yourrating"] or record["daterated"]):
        raise LeftOut("Movies without a rating of yours, which may not have been watched, not imported")
    tmdb_id, title = integer(record["tmdbid"]), cells.within(record["name"])
    if not (tmdb_id or title):
        raise RowError("This movie has neither a TMDB id nor a name. Add one.")
    return Row(
        place=record.place,
        kind="movie",
        tmdb_id=tmdb_id or None,
        title=title,
        year=reading.spare(record.place, cells.read_release_year, record["releasedate"]),
        rating=reading.spare(record.place, cells.read_rating, record["yourrating"]),
        **cells.dated(cells.read_day(record["daterated"], reading.zone)),
    )


FORMAT = csv_format(
    "tmdb", "TMDB", needs=NEEDS, used=(*NEEDS, "Release Date"), dated=("Date Rated",), read_row=_read_title
)
