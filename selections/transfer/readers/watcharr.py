"""Watcharr's JSON export: https://watcharr.app/docs/"""

from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, text

from . import cells, files
from .json_files import collect, entries
from .rows import LeftOut, Reading, Row, program_format


def _is_list(entry: dict[str, Any]) -> bool:
    return "status" in entry and bool(mapping(entry.get("content")) or mapping(entry.get("game")))


def read(path: Path, reading: Reading) -> None:
    """Its finished movies, in the week of their last change. Raises FileError."""

    def read_entry(entry: dict[str, Any]) -> Row:
        content = mapping(entry.get("content"))
        if content.get("type") != "movie":
            raise LeftOut("Series and games, not imported")
        if entry.get("status") != "FINISHED":
            raise LeftOut("Movies not imported, as they are not finished")
        rating, thoughts = entry.get("rating"), text(entry.get("thoughts"), cells.MAX_TEXT + 1)
        released = text(content.get("release_date") or content.get("releaseDate"))
        return Row(
            year=reading.spare(cells.read_release_year, released[:10]),
            rating=reading.spare(cells.read_rating, str(rating)) if rating else None,
            review=reading.spare(cells.read_text, thoughts) or "",
            **cells.read_movie(integer(content.get("tmdbId")), text(content.get("title"))),
            **cells.dated(cells.read_day(text(entry.get("updatedAt")), reading.zone)),
        )

    with files.opened(path) as file:
        collect(reading, entries(file), read_entry)


FORMAT = program_format("Watcharr", is_list=_is_list, read=read)
