"""Reads files of several formats, told apart by their content, into the same rows.

Each format is a module with a FORMAT; see `tmdb_account.py`. No reader uses the database or the network.
"""

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

from . import (
    discogs,
    files,
    imdb,
    json_files,
    lastfm,
    letterboxd,
    listenbrainz,
    movary,
    musicbrainz_collection,
    neodb,
    ours,
    plain,
    rateyourmusic,
    refused,
    ryot,
    simkl,
    spotify,
    tmdb_account,
    trakt,
    watcharr,
    yamtrack,
)
from .rows import FileError, Format, Reading, Row
from .tables import Table

__all__ = ["FORMATS", "JSON", "PROGRAMS", "FileError", "Reading", "Row", "read", "recognise"]

MODULES = (
    *(plain, ours, letterboxd, trakt, imdb, tmdb_account, simkl, movary, ryot, watcharr, yamtrack, neodb),
    *(rateyourmusic, discogs, musicbrainz_collection, listenbrainz, lastfm, spotify),
)
FORMATS = {known.name: known for known in (*(module.FORMAT for module in MODULES), lastfm.TITLED)}
PROGRAMS = " and ".join(", ".join(known.program for known in FORMATS.values() if known.program).rsplit(", ", 1))
UNKNOWN_JSON = f"This JSON is not an export of a program that is supported: {PROGRAMS}."
JSON = "json"  # our own export, which own_json.py reads
OUR_KEYS = ("format", "version", "exported_at", "user", "weeks", "opinions_given", "shortlist", "catalog")


def recognise(path: Path) -> str:
    """The format of a file, by its content: a key of FORMATS, or JSON. Raises FileError."""
    match files.shape(path):
        case "zip":
            return _recognise_archive(path)
        case "object":
            return _recognise_object(path)
        case "list":
            return _recognise_list(path)
    with files.opened(path) as file:
        first = files.first_lines(file)
    if name := _find(lambda known: known.has_no_header, first):
        return name
    with files.opened(path) as file:
        table = Table(file)
    for name, known in FORMATS.items():
        if known.needs and table.has(*known.needs):
            return name
    refused.check(table)
    plain.require(table)
    return plain.FORMAT.name


def _find[E](test_of: Callable[[Format], Callable[[E], bool] | None], evidence: E) -> str:
    """The first format whose test, if it has this one, says that this is a file of it; empty without one."""
    return next((name for name, known in FORMATS.items() if (test := test_of(known)) and test(evidence)), "")


def _recognise_archive(path: Path) -> str:
    with files.zip_archive(path) as archive:
        if name := _find(lambda known: known.is_export, archive.names):
            return name
    raise FileError(
        "The ZIP has neither diary.csv (Letterboxd) nor watched-history.json (Trakt), and no listens of ListenBrainz "
        f"or Spotify. {files.AS_DOWNLOADED}"
    )


def _recognise_list(path: Path) -> str:
    entry = json_files.first_entry(path)
    if name := _find(lambda known: known.is_list, entry):
        return name
    if not entry:
        return trakt.FORMAT.name  # an empty list has no rows in any format
    raise FileError(UNKNOWN_JSON)


def _recognise_object(path: Path) -> str:
    """Another program's object, or else our own JSON, whose reader says what is wrong with it."""
    if files.first_key(path) not in {"", *OUR_KEYS}:
        data = json_files.read_object(path)
        if name := _find(lambda known: known.is_object, data):
            return name
        if not data.keys() & set(OUR_KEYS):
            raise FileError(UNKNOWN_JSON)
    return JSON


def read(path: Path, *, format: str = "", zone: tzinfo, kind: str = "", dates: str = "") -> Reading:  # noqa: A002
    """The rows of a file, in this format or else in the recognized one.

    Instants become days in this zone; `kind` applies to rows of a plain CSV that do not give one, and `dates` is `dmy`
    or `mdy` for dates such as 1/2/2024. Raises FileError if the file cannot be read, or is not in this format.
    """
    if format not in FORMATS or not FORMATS[format].is_table or files.shape(path) != "table":
        found = recognise(path)
        if format and found != format:
            looks_like = FORMATS[found].label if found in FORMATS else "our own JSON"
            raise FileError(f"This is not {FORMATS[format].label} but looks like {looks_like}. Leave the format out.")
        format = found  # noqa: A001
    if format == JSON:
        raise FileError("This is our own JSON, which is not read row by row.")
    reading = Reading(format, zone, kind, dates)
    FORMATS[format].read(path, reading)
    if not reading.rows and len(reading.failures) > 1 and len({sentence for _, sentence in reading.failures}) == 1:
        raise FileError(f"All {len(reading.failures):,} rows have the same problem. {reading.failures[0][1]}")
    reading.summarize()
    return reading
