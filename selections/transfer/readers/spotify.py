"""Spotify's extended streaming history: https://www.spotify.com/account/privacy/"""

import re
from itertools import chain
from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, text

from . import cells, files
from .json_files import entries
from .listens import Listen, collect
from .rows import FileError, LeftOut, Reading, RowError, program_format

PART = re.compile(r"(?:[^/]+/)?(?:Streaming_History_Audio|endsong)\w*(?:-\w+)?\.json", re.IGNORECASE)
SHORT_PART = re.compile(r"(?:[^/]+/)?StreamingHistory\w*\.json", re.IGNORECASE)  # in the account data
MIN_PLAYED = 30_000  # milliseconds, from which on Spotify counts a stream
ARTIST, ALBUM, TRACK = (f"master_metadata_{name}" for name in ("album_artist_name", "album_album_name", "track_name"))
SHORT = "This history of Spotify names no albums. Request the extended streaming history there, and import its ZIP."


def is_export(names: list[str]) -> bool:
    """Whether a ZIP has the history. Raises FileError for the account data, which name no albums."""
    if any(PART.fullmatch(name) for name in names):
        return True
    if any(SHORT_PART.fullmatch(name) for name in names):
        raise FileError(SHORT)
    return False


def is_list(entry: dict[str, Any]) -> bool:
    if entry.keys() >= {"endTime", "artistName", "trackName", "msPlayed"}:
        raise FileError(SHORT)
    return entry.keys() >= {"ts", "ms_played", ALBUM}


def read(path: Path, reading: Reading) -> None:
    """Its albums. Raises FileError."""

    def read_listen(entry: Any) -> Listen:
        said = mapping(entry)
        at = cells.read_instant(text(said.get("ts")), reading.zone)
        if not at:
            raise RowError("This stream has no time.")
        if (integer(said.get("ms_played")) or 0) < MIN_PLAYED:
            raise LeftOut("Streams of less than 30 seconds, not counted")
        return Listen(at=at, artist=text(said.get(ARTIST)), album=text(said.get(ALBUM)), track=text(said.get(TRACK)))

    parts = files.parts(path, PART)
    collect(reading, chain.from_iterable(entries(file, name) for name, file in parts), read_listen)


FORMAT = program_format(
    "Spotify", label="a streaming history of Spotify", is_export=is_export, is_list=is_list, read=read
)
