"""Yamtrack's CSV, of newer and older versions: https://github.com/FuzzyGrim/Yamtrack/wiki/Media-Import-Configuration"""

from collections import Counter
from datetime import tzinfo
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from integrations.values import integer
from selections.models import MAX_RATING

from . import cells, files
from .rows import Reading, Row, RowError
from .tables import Record, Table

LABEL = "a CSV of Yamtrack"
NEEDED = ("media_id", "source", "media_type", "title", "status")
# The end; else the start; else the last progress, under its newer or its older name. Not created_at, which is the same
# for all imported movies.
DATES = ("enddate", "startdate", "progressedat", "progresschanged")
USED = (*NEEDED, *DATES, "score", "notes")


def read(path: Path, *, zone: tzinfo, kind: str = "") -> Reading:
    """The movies that were completed. Raises FileError."""
    reading, left_out = Reading("yamtrack"), Counter[str]()
    with files.opened(path) as file:
        table = Table(file)
        table.require(*NEEDED, what=LABEL)
        table.collect(reading, USED, lambda record: _read_movie(record, zone, left_out))
    for what, count in sorted(left_out.items()):
        reading.remarks.append(f"{what}: {count:,}.")
    return reading


def _read_movie(record: Record, zone: tzinfo, left_out: Counter[str]) -> Row | None:
    if record["mediatype"].casefold() != "movie":
        left_out["Not imported, as they are no movies"] += 1
        return None
    if record["status"].casefold() != "completed":
        left_out["Movies not imported, as they are not completed"] += 1
        return None
    if record["notes"]:
        left_out["Notes not imported, as they are private in Yamtrack"] += 1
    tmdb_id = integer(record["mediaid"]) if record["source"].casefold() == "tmdb" else None
    if not tmdb_id and not record["title"]:
        raise RowError("This movie has neither a TMDB id nor a title. Add one.")
    day = cells.read_day(next(filter(None, (record[column] for column in DATES)), ""), zone)
    return Row(
        place=record.place,
        kind="movie",
        week=cells.week_of(day) if day else None,
        day=day,
        tmdb_id=tmdb_id or None,
        title=cells.within(record["title"]),
        rating=_read_score(record["score"]),
    )


def _read_score(cell: str) -> int | None:
    """Whole half stars of a decimal from 0 to 10; 0, the worst score in Yamtrack, becomes 1."""
    if not cell:
        return None
    score = cells.read_number(cell)
    if score > MAX_RATING:
        raise RowError(f"{cells.shown(cell)} is not a score. Enter 0 to {MAX_RATING}.")
    return max(1, int(score.quantize(Decimal(1), ROUND_HALF_UP)))
