"""Discogs' CSV of a collection: https://www.discogs.com/settings/exports"""

import re

from . import cells
from .rows import Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("Catalog#", "Artist", "Title", "release_id")
USED = (*NEEDS, "Rating", "Released")


def _read_release(record: Record, reading: Reading) -> Row:
    """An album that is owned: when it was heard is not known, and ids are those of Discogs."""
    if not record["title"]:
        raise RowError("This album has no title. Add it.")
    return Row(
        kind="album",
        title=cells.within(record["title"]),
        artist=cells.within(re.sub(r" \(\d+\)(?=$|,| &| /)|\*(?=$|,| &)", "", record["artist"])),
        year=reading.spare(cells.read_release_year, record["released"]),
        rating=reading.spare(cells.read_optional_rating, record["rating"], out_of=5),
    )


FORMAT = csv_format("Discogs", needs=NEEDS, used=USED, read_row=_read_release)
