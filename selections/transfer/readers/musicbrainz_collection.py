"""A collection of MusicBrainz as its web service writes it: https://musicbrainz.org/doc/MusicBrainz_API"""

from functools import partial
from pathlib import Path
from typing import Any

from integrations.values import mbid, rows, text

from . import cells
from .json_files import collect, numbered, read_object
from .rows import Reading, Row, RowError, program_format

IDS = {"releases": "musicbrainz_id", "release-groups": "release_group_id"}


def _is_object(data: dict[str, Any]) -> bool:
    return any(mbid(entry.get("id")) for key in IDS for entry in rows(data.get(key))[:1])


def read(path: Path, reading: Reading) -> None:
    """Its albums, without weeks: when they were heard is not known. Raises FileError."""
    data = read_object(path)
    for key, field in IDS.items():
        collect(reading, numbered(key, data.get(key)), partial(_read_album, field, reading))


def _read_album(field: str, reading: Reading, entry: dict[str, Any]) -> Row:
    known = mbid(entry.get("id"))
    if not known:
        raise RowError("This entry has no MusicBrainz id.")
    credit = rows(entry.get("artist-credit"))
    day = text(entry.get("date") or entry.get("first-release-date"))
    values: dict[str, Any] = {
        "title": cells.within(text(entry.get("title"))),
        "artist": cells.within("".join(text(part.get("name")) + text(part.get("joinphrase")) for part in credit)),
        "year": reading.spare(cells.read_release_year, day),
        field: known,
    }
    return Row(kind="album", **values)


FORMAT = program_format("MusicBrainz", label="a collection of MusicBrainz", is_object=_is_object, read=read)
