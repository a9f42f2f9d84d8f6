"""RateYourMusic's CSV of albums: https://rateyourmusic.com/user_albums_export"""

import html
import re
from datetime import tzinfo
from pathlib import Path

from . import cells, files
from .rows import Reading, Row, RowError
from .tables import Record, Table

LABEL = "a CSV of RateYourMusic"
NEEDED = ("RYM Album", "First Name", "Last Name", "Title", "Rating")
USED = (
    "First Name",
    "Last Name",
    "First Name localized",
    "Last Name localized",
    "Title",
    "Release_Date",
    "Rating",
    "Ownership",
    "Review",
    "Review Title",
)
# A link to an artist or an album may have its words with it, as in [Artist386,The Beatles].
LINK = re.compile(r"\[(?:artist|album|label|genre|film|list)\d+(?:,([^\[\]]*))?\]", re.IGNORECASE)
PICTURE = re.compile(r"\[(img|youtube)\].*?\[/\1\]", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"\[/?(?:b|center|color|i|list|quote|s|size|spoiler|u|url|\*)(?:=[^\[\]]*)?\]", re.IGNORECASE)


def read(path: Path, *, zone: tzinfo, kind: str = "") -> Reading:
    """Its albums, except those on the wish list; when they were heard is not known. Raises FileError."""
    reading, wishes = Reading("rateyourmusic"), []

    def read_row(record: Record) -> Row | None:
        if record["ownership"].casefold() == "w" and record["rating"] in ("", "0") and not record["review"]:
            wishes.append(record.place)
            return None
        return _read_album(record)

    with files.opened(path) as file:
        table = Table(file)
        table.require(*NEEDED, what=LABEL)
        table.collect(reading, USED, read_row)
    if wishes:
        reading.remarks.append(f"Albums on the wish list, not imported: {len(wishes):,}.")
    return reading


def _read_album(record: Record) -> Row:
    title = _unescaped(record["title"])
    if not title:
        raise RowError("This album has no title. Add it.")
    review = "\n\n".join(filter(None, [record["reviewtitle"], record["review"]]))
    return Row(
        place=record.place,
        kind="album",
        title=cells.within(title),
        artist=cells.within(_artist(record)),
        year=cells.read_release_year(record["releasedate"]),
        rating=cells.read_rating(record["rating"].strip("0") and record["rating"]),
        review=cells.read_text(_plain(review)),
        contains_spoilers="[spoiler" in review.casefold(),
    )


def _artist(record: Record) -> str:
    """First and last name, or the localized ones if these are empty."""
    name = f"{record['firstname']} {record['lastname']}".strip()
    return _unescaped(name or f"{record['firstnamelocalized']} {record['lastnamelocalized']}")


def _unescaped(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _plain(review: str) -> str:
    """The text of a review with BBCode and entities; `[sic]` is neither."""
    return html.unescape(TAG.sub("", LINK.sub(r"\1", PICTURE.sub("", review))))
