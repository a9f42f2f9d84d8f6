"""Reads the files that people come with: FORMATS are told apart by what is in them, and become the same rows.

Nothing in here asks the database or the network.
"""

from datetime import tzinfo
from pathlib import Path

from . import (
    files,
    letterboxd,
    ours,
    plain,
    rateyourmusic,
    trakt,
    yamtrack,
)
from .rows import FileError, Reading, Row
from .tables import Table

__all__ = ["FORMATS", "FileError", "Reading", "Row", "read", "recognise"]

# What `read()` reads, and how a sentence calls it.
FORMATS = {
    "csv": "a plain CSV",
    "wrong-opinions": ours.LABEL,
    "letterboxd": "an export of Letterboxd",
    "trakt": "an export of Trakt",
    "yamtrack": yamtrack.LABEL,
    "rateyourmusic": rateyourmusic.LABEL,
}
JSON = "json"  # our own, which others read
# The columns by which a CSV is known; what has none of these is a plain one.
NEEDED = {
    "wrong-opinions": ours.NEEDED,
    "letterboxd": letterboxd.NEEDED,
    "yamtrack": yamtrack.NEEDED,
    "rateyourmusic": rateyourmusic.NEEDED,
}


def recognise(path: Path) -> str:
    """Which of FORMATS a file is, or `json` for our own export in JSON, by its content. Raises FileError."""
    match files.shape(path):
        case "zip":
            return _recognise_archive(path)
        case "object":
            return JSON  # whose reader says what is wrong where it is none of ours
        case "list":
            return "trakt"
    with files.opened(path) as file:
        table = Table(file)
    for name, columns in NEEDED.items():
        if table.has(*columns):
            return name
    if table.has(*letterboxd.FILM):  # whose dates are those of a click, in no diary
        raise FileError(
            "This file of Letterboxd does not say when films were watched: give diary.csv, or the whole ZIP."
        )
    plain.require(table)
    return "csv"


def _recognise_archive(path: Path) -> str:
    with files.Archive(path) as archive:
        if trakt.is_export(archive.names):
            return "trakt"
        if letterboxd.is_export(archive.names):
            return "letterboxd"
    raise FileError(
        "The ZIP has neither diary.csv, as Letterboxd's export does, nor watched-history.json, as Trakt's: "
        "give the export as it was downloaded."
    )


def read(path: Path, *, format: str = "", zone: tzinfo, kind: str = "") -> Reading:  # noqa: A002
    """The rows of a file, in this format or in the one that it is recognised as.

    Instants are days in this zone; `kind` is what the rows of a plain CSV are that don't say it. Raises FileError where
    the file as a whole is no use, or not in this format.
    """
    if not format or format == "trakt" or files.shape(path) != "table":
        found = recognise(path)
        if format and found != format:
            looks_like = FORMATS.get(found, "our own JSON")
            raise FileError(f"This is not {FORMATS[format]} but looks like {looks_like}: leave the format out.")
        format = found  # noqa: A001
    match format:
        case "wrong-opinions":
            return ours.read(path, zone=zone)
        case "letterboxd":
            return letterboxd.read(path, zone=zone)
        case "trakt":
            return trakt.read(path, zone=zone)
        case "yamtrack":
            return yamtrack.read(path, zone=zone)
        case "rateyourmusic":
            return rateyourmusic.read(path)
        case "csv":
            return plain.read(path, zone=zone, kind=kind)
    raise FileError("This is our own JSON, which is not read row by row.")
