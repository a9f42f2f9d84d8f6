"""Yamtrack's CSV, of newer and older versions: https://github.com/FuzzyGrim/Yamtrack/wiki/Media-Import-Configuration"""

from integrations.values import integer

from . import cells
from .rows import LeftOut, Reading, Row
from .tables import Record, csv_format

NEEDS = ("media_id", "source", "media_type", "title", "status")
# The end; else the start; else the last progress, under its newer or its older name. Not created_at, which is the same
# for all imported movies.
DATES = ("enddate", "startdate", "progressedat", "progresschanged")


def _read_movie(record: Record, reading: Reading) -> Row:
    """A movie that was completed."""
    if record["mediatype"].casefold() != "movie":
        raise LeftOut("Not imported, as they are not movies")
    if record["status"].casefold() != "completed":
        raise LeftOut("Movies not imported, as they are not completed")
    if record["notes"]:
        reading.left_out["Notes not imported, as they are private in Yamtrack"] += 1
    tmdb_id = integer(record["mediaid"]) if record["source"].casefold() == "tmdb" else None
    return Row(
        rating=reading.spare(_read_score, record["score"]),
        **cells.read_movie(tmdb_id, record["title"]),
        **cells.dated(cells.read_day(record.first(*DATES), reading.zone)),
    )


def _read_score(cell: str) -> int | None:
    """A rating; 0, the worst score in Yamtrack, becomes 1."""
    return cells.read_rating(cell) if cell.strip("0.,") or not cell else 1


FORMAT = csv_format(
    "Yamtrack",
    needs=NEEDS,
    used=(*NEEDS, *DATES, "score", "notes"),
    dated=DATES,
    read_row=_read_movie,
)
