"""JSON of other programs: lists, which are read one entry at a time, and objects."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from integrations.values import integer, mapping, text
from selections.weeks import LAST_YEAR

from . import cells, files
from .rows import FileError, Reading, Row, RowError

PIECE = 64 * 2**10  # characters that are read at a time
SIGN = re.compile(r"\s*([\[,\]])\s*")  # the characters before an entry, or after the last
DECODER = json.JSONDecoder()
MAX_ENTRY = 256 * 2**10  # characters; an entry has some hundreds
PEEK = 50  # entries of which the first object says what the list is


def entries(stream: TextIO, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each entry of a JSON list with its place, without loading the whole list. Raises FileError."""
    buffer: str | None = stream.read(1).removeprefix("\ufeff")
    named, number, ended = name or "the file", 0, False
    while buffer is not None and len(buffer) < MAX_ENTRY and not ended and (piece := stream.read(PIECE)):
        if flaw := files.find_flaw(piece):
            raise FileError(f"{flaw} in {named} after entry {number}. Download it again.")
        found, buffer, ended = _take(buffer + piece, first=number == 0)
        for entry in found:
            number += 1
            yield f"{name}, entry {number}" if name else f"entry {number}", entry
    if not ended:
        raise FileError(f"There is no JSON in {named} after entry {number}. Download it again.")


def _take(buffer: str, *, first: bool) -> tuple[list[Any], str | None, bool]:
    """The complete entries, the rest of the buffer (None if it is not a list), and whether the list ends."""
    found: list[Any] = []
    start = 0
    while sign := SIGN.match(buffer, start):
        if (sign[1] == "[") != (first and not found):
            return found, None, False
        if sign[1] == "]" or (sign[1] == "[" and buffer.startswith("]", sign.end())):
            return found, "", True
        try:
            entry, end = DECODER.raw_decode(buffer, sign.end())
        except ValueError:  # the rest of it may still be missing
            return found, buffer[start:], False
        except RecursionError:
            return found, None, False
        if end == len(buffer) and isinstance(entry, int | float):  # as may that of a number
            return found, buffer[start:], False
        found.append(entry)
        start = end
    rest = buffer[start:]
    return found, None if rest.strip() else rest, False


def first_entry(path: Path) -> dict[str, Any]:
    """The first object in a list; empty without one. Raises FileError."""
    with files.opened(path) as file:
        return next((entry for _, entry in islice(entries(file), PEEK) if isinstance(entry, dict)), {})


def read_object(path: Path) -> dict[str, Any]:
    """An object, as a whole; the first one of several, as in a file with one in each line. Raises FileError."""
    with files.opened(path) as file:
        content = file.read().removeprefix("\ufeff")
    if flaw := files.find_flaw(content):
        raise FileError(f"{flaw} in the file. Download it again.")
    try:
        return mapping(DECODER.raw_decode(content.lstrip())[0])
    except (ValueError, RecursionError):
        raise FileError("This is not valid JSON. Download it again.") from None


def collect(reading: Reading, placed: Iterable[tuple[str, Any]], read_entry: Callable[[Any], Row | None]) -> None:
    """Add the rows of entries, which are objects, each with its place."""

    def read_one(entry: Any) -> Row | None:
        if not isinstance(entry, dict):
            raise RowError("This entry is not about a movie or album.")
        return read_entry(entry)

    reading.collect(placed, read_one)


def numbered(what: str, found: object) -> Iterator[tuple[str, Any]]:
    """The entries of a list in an object, with their places."""
    for number, entry in enumerate(found if isinstance(found, list) else [], 1):
        yield f"{what}, entry {number}", entry


def movie_of(movie: dict[str, Any]) -> dict[str, Any]:
    """A row's ids, title and year from an object such as {"title", "year", "ids": {"imdb", "tmdb"}}."""
    ids, year = mapping(movie.get("ids")), integer(movie.get("year"), most=LAST_YEAR)
    imdb_id = text(ids.get("imdb"))
    imdb_id = imdb_id if re.fullmatch(r"tt[0-9]{5,12}", imdb_id) else ""
    work = cells.read_movie(integer(ids.get("tmdb")), text(movie.get("title")).strip(), imdb_id=imdb_id)
    return work | {"year": year if year and year >= cells.FIRST_RELEASE else None}
