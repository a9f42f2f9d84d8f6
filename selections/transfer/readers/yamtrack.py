"""Yamtrack's CSV, of newer and older versions: https://github.com/FuzzyGrim/Yamtrack/wiki/Media-Import-Configuration"""

from decimal import ROUND_HALF_UP, Decimal

from integrations.values import integer
from selections.models import MAX_RATING

from . import cells
from .rows import LeftOut, Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("media_id", "source", "media_type", "title", "status")
# The end; else the start; else the last progress, under its newer or its older name. Not created_at, which is the same
# for all imported movies.
DATES = ("enddate", "startdate", "progressedat", "progresschanged")


def _read_movie(record: Record, reading: Reading) -> Row:
    """A movie that was completed."""
    if record["mediatype"].casefold() != "movie":
        raise LeftOut("Not imported, as they are no movies")
    if record["status"].casefold() != "completed":
        raise LeftOut("Movies not imported, as they are not completed")
    if record["notes"]:
        reading.left_out["Notes not imported, as they are private in Yamtrack"] += 1
    tmdb_id = integer(record["mediaid"]) if record["source"].casefold() == "tmdb" else None
    if not tmdb_id and not record["title"]:
        raise RowError("This movie has neither a TMDB id nor a title. Add one.")
    return Row(
        place=record.place,
        kind="movie",
        tmdb_id=tmdb_id or None,
        title=cells.within(record["title"]),
        rating=reading.spare(record.place, _read_score, record["score"]),
        **cells.dated(cells.read_day(record.first(*DATES), reading.zone)),
    )


def _read_score(cell: str) -> int | None:
    """Whole half stars of a decimal from 0 to 10; 0, the worst score in Yamtrack, becomes 1."""
    if not cell:
        return None
    score = cells.read_number(cell)
    if score > MAX_RATING:
        raise RowError(f"{cells.shown(cell)} is not a score. Enter 0 to {MAX_RATING}.")
    return max(1, int(score.quantize(Decimal(1), ROUND_HALF_UP)))


FORMAT = csv_format(
    "yamtrack",
    "Yamtrack",
    needs=NEEDS,
    used=(*NEEDS, *DATES, "score", "notes"),
    dated=DATES,
    read_row=_read_movie,
)
