"""Reads files of several formats, told apart by their content, into the same rows.

Each format is a module with a FORMAT; see `yamtrack.py`. No reader uses the database or the network.
"""

from datetime import tzinfo
from pathlib import Path

from . import files, letterboxd, ours, plain, rateyourmusic, trakt, yamtrack
from .rows import FileError, Reading, Row
from .tables import Table

__all__ = ["FORMATS", "JSON", "PROGRAMS", "FileError", "Reading", "Row", "read", "recognise"]

FORMATS = {module.FORMAT.name: module.FORMAT for module in (plain, ours, letterboxd, trakt, yamtrack, rateyourmusic)}
PROGRAMS = " and ".join(", ".join(known.program for known in FORMATS.values() if known.program).rsplit(", ", 1))
JSON = "json"  # our own export, which own_json.py reads


def recognise(path: Path) -> str:
    """The format of a file, by its content: a key of FORMATS, or JSON. Raises FileError."""
    match files.shape(path):
        case "zip":
            return _recognise_archive(path)
        case "object":
            return JSON  # if it is another JSON, its reader says what is wrong with it
        case "list":
            return trakt.FORMAT.name
    with files.opened(path) as file:
        table = Table(file)
    for name, known in FORMATS.items():
        if known.needs and table.has(*known.needs):
            return name
    if table.has(*letterboxd.FILM):  # its dates are those of a click, and it is not part of a diary
        raise FileError(
            "This file of Letterboxd does not say when films were watched. Import diary.csv or the whole ZIP."
        )
    plain.require(table)
    return plain.FORMAT.name


def _recognise_archive(path: Path) -> str:
    with files.zip_archive(path) as archive:
        for name, known in FORMATS.items():
            if known.is_export and known.is_export(archive.names):
                return name
    raise FileError(
        "The ZIP has neither diary.csv, as Letterboxd's export does, nor watched-history.json, as Trakt's. "
        f"{files.AS_DOWNLOADED}"
    )


def read(path: Path, *, format: str = "", zone: tzinfo, kind: str = "") -> Reading:  # noqa: A002
    """The rows of a file, in this format or else in the recognized one.

    Instants become days in this zone; `kind` applies to rows of a plain CSV that do not give one. Raises FileError if
    the file cannot be read, or is not in this format.
    """
    if not format or format == trakt.FORMAT.name or files.shape(path) != "table":
        found = recognise(path)
        if format and found != format:
            looks_like = FORMATS[found].label if found in FORMATS else "our own JSON"
            raise FileError(f"This is not {FORMATS[format].label} but looks like {looks_like}. Leave the format out.")
        format = found  # noqa: A001
    if format == JSON:
        raise FileError("This is our own JSON, which is not read row by row.")
    reading = FORMATS[format].read(path, zone, kind)
    reading.remarks += [f"{what}: {count:,}." for what, count in sorted(reading.left_out.items()) if count]
    return reading
