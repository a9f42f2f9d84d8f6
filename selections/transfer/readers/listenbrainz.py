"""ListenBrainz' export, or a list of listens alone: https://listenbrainz.org/settings/export/"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from integrations.values import integer, mapping, mbid, text

from . import files
from .json_files import entries
from .listens import Listen, collect
from .rows import FileError, Reading, RowError, program_format

PART = re.compile(r"(?:[^/]+/)?listens/\d+/\d+\.jsonl", re.IGNORECASE)


def is_export(names: list[str]) -> bool:
    return any(PART.fullmatch(name) for name in names)


def _is_listen(entry: dict[str, Any]) -> bool:
    return entry.keys() >= {"listened_at", "track_metadata"}


def read(path: Path, reading: Reading) -> None:
    """Its albums. Raises FileError."""
    read_part = entries if files.shape(path) == "list" else _lines
    parts = files.parts(path, PART)
    collect(reading, chain.from_iterable(read_part(file, name) for name, file in parts), _read_listen)


def _lines(file: TextIO, name: str = "") -> Iterator[tuple[str, Any]]:
    """The objects of a file that has one in each line."""
    lines = files.Lines(file, name)
    for line in lines:
        if line.strip():
            try:
                yield lines.place(), json.loads(line)
            except (ValueError, RecursionError):
                raise FileError(f"There is no JSON in {lines.place()}. Download it again.") from None


def _read_listen(entry: Any) -> Listen:
    said = mapping(entry)
    track, second = mapping(said.get("track_metadata")), integer(said.get("listened_at"))
    if not second:
        raise RowError("This listen has no time.")
    mapped, more = mapping(track.get("mbid_mapping")), mapping(track.get("additional_info"))
    return Listen(
        at=datetime.fromtimestamp(second, UTC),
        artist=text(track.get("artist_name")),
        album=text(track.get("release_name")),
        track=text(track.get("track_name")),
        release=mbid(mapped.get("release_mbid")) or mbid(more.get("release_mbid")),
    )


FORMAT = program_format("ListenBrainz", is_export=is_export, is_list=_is_listen, is_object=_is_listen, read=read)
