"""NeoDB's CSV of marks, of which movie_mark.csv and music_mark.csv are imported: https://neodb.social/users/data/"""

import re
from typing import Any

from . import cells
from .rows import LeftOut, Reading, Row, RowError
from .tables import Record, csv_format

NEEDS = ("title", "info", "links", "timestamp", "status", "rating", "comment")
KINDS = {"movie": "movie", "album": "album"}  # by the first part of the path of its own address
OWN = re.compile(r"https?://[^/\s]+/(movie|album|book|game|tv|podcast|performance)/")


def _read_mark(record: Record, reading: Reading) -> Row:
    """A movie or album that was completed."""
    links = record["links"].split()
    kinds = {found[1] for link in links if (found := OWN.match(link)) and "themoviedb.org" not in link}
    ids: dict[str, Any] = {}
    for link in links:
        ids |= cells.read_movie_id(link) or cells.read_album_id(link)
    is_album = "album" in kinds or ids.keys() & {"musicbrainz_id", "release_group_id"}
    if not is_album and not ("movie" in kinds or (ids and not kinds)):
        raise LeftOut("Books, series, games and others, not imported")
    if record["status"].casefold() not in ("complete", "completed"):
        raise LeftOut("Marks not imported, as they are not completed")
    if not (ids or record["title"]):
        raise RowError("This mark has neither an address with an id nor a title. Add one.")
    info = " ".join(record["info"].split())
    artist = re.search(r"(?:^| )(?:artist|musician):([^:]+?)(?: \w+:|$)", info) if is_album else None
    year = re.search(r"(?<!\d)(?:18|19|20)\d\d(?!\d)", info)
    return Row(
        kind="album" if is_album else "movie",
        title=cells.within(record["title"]),
        artist=cells.within(artist[1].strip()) if artist else "",
        year=int(year[0]) if year else None,
        rating=reading.spare(cells.read_optional_rating, record["rating"]),
        review=reading.spare(cells.read_text, record["comment"]) or "",
        **ids,
        **cells.dated(cells.read_day(record["timestamp"], reading.zone)),
    )


FORMAT = csv_format("NeoDB", needs=NEEDS, used=NEEDS, dated=("timestamp",), read_row=_read_mark)
