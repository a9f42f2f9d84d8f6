"""TMDB's export of an account's ratings: https://www.themoviedb.org/settings/import-list"""

from .rows import LeftOut, Reading, Row
from .tables import Record, csv_format, movie_row

NEEDS = ("TMDb ID", "Type", "Name", "Your Rating", "Date Rated")


def _read_title(record: Record, reading: Reading) -> Row:
    """A movie that was rated; the column `Rating` is everyone's average."""
    if record["type"].casefold() != "movie":
        raise LeftOut("Series and episodes, not imported")
    if not (record["yourrating"] or record["daterated"]):
        raise LeftOut("Movies without a rating of yours, which may not have been watched, not imported")
    return movie_row(
        record,
        reading,
        tmdb=record["tmdbid"],
        title=record["name"],
        year=record["releasedate"],
        rating=record["yourrating"],
        day=record["daterated"],
    )


FORMAT = csv_format(
    "tmdb", "TMDB", needs=NEEDS, used=(*NEEDS, "Release Date"), dated=("Date Rated",), read_row=_read_title
)
