"""RateYourMusic's CSV of albums: https://rateyourmusic.com/user_albums_export"""

import html
import re

from . import cells
from .rows import Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("RYM Album", "First Name", "Last Name", "Title", "Rating")
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
PICTURE = re.compile(r"\[(img|youtube)\](?:(?!\[\1\]).)*?\[/\1\]", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"\[/?(?:b|center|color|i|list|quote|s|size|spoiler|u|url|\*)(?:=[^\[\]]*)?\]", re.IGNORECASE)


def _read_album(record: Record, reading: Reading) -> Row:
    """An album; when it was heard is not known, or it is just wished for."""
    is_wish = record["ownership"].casefold() == "w" and record["rating"] in ("", "0") and not record["review"]
    title = _unescaped(record["title"])
    if not title:
        raise RowError("This album has no title. Add it.")
    review = "\n\n".join(filter(None, [record["reviewtitle"], record["review"]]))
    return Row(
        kind="album",
        title=cells.within(title),
        artist=cells.within(_artist(record)),
        year=reading.spare(cells.read_release_year, record["releasedate"]),
        rating=reading.spare(cells.read_optional_rating, record["rating"]),
        review=reading.spare(cells.read_text, _plain(review)) or "",
        contains_spoilers="[spoiler" in review.casefold(),
        is_planned=is_wish,
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


FORMAT = csv_format("RateYourMusic", needs=NEEDS, used=USED, read_row=_read_album)
