"""Our own CSV, one row for each pick and opinion, as `export_selections --format csv` writes it."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog.spreadsheets import restore
from integrations.values import integer, mbid
from selections.models import MAX_TEXT

from . import cells
from .rows import FileError, Format, Reading, Row, RowError
from .tables import Record, table_of

LABEL = "a CSV of Wrong Opinions"
VERSION = "1"
NEEDS = ("format_version", "username", "year", "week_number", "kind")
COLUMNS = (
    "format_version",
    "username",
    "year",
    "week_number",
    "week_start",
    "kind",
    "position",
    "tmdb_id",
    "musicbrainz_id",
    "release_group_id",
    "title",
    "artist",
    "release_date",
    "added_at",
    "rating",
    "review",
    "contains_spoilers",
    "opinion_by",
    "opinion_at",
    "week_notes",
    "rewatch",
)
DATED = ("week_start", "added_at", "opinion_at")


def read(path: Path, reading: Reading) -> None:
    """One user's picks with that user's opinions on them. Raises FileError."""
    picks: dict[Hashable, int] = {}  # the index of each among the reading's rows
    owners: set[str] = set()

    def read_row(record: Record, reading: Reading) -> Row | None:
        _check(record, owners)
        row = _read_row(record, reading)
        pick = (row.week, row.kind, row.position, row.tmdb_id, row.musicbrainz_id, row.title, row.artist)
        if pick not in picks:
            picks[pick] = len(reading.rows)
            return row
        if row.has_opinion:
            known = reading.rows[picks[pick]]
            reading.rows[picks[pick]] = replace(row, place=known.place, added_at=known.added_at, notes=known.notes)
        return None

    with table_of(path, reading, DATED) as table:
        table.require(*NEEDS, what=LABEL)
        table.collect(reading, COLUMNS, read_row)


FORMAT = Format(name="wrong-opinions", label=LABEL, needs=NEEDS, read=read)


def _check(record: Record, owners: set[str]) -> None:
    """Raise FileError if the file is of another version, or not of one user."""
    if record["formatversion"] != VERSION:
        raise FileError(
            f"{record.place.capitalize()} has another format_version than {VERSION}. Export the file again."
        )
    owners.add(restore(record["username"]))
    if len(owners) > 1:
        raise FileError(f"{record.place.capitalize()} belongs to another person. Import the export of one person.")


def _read_row(record: Record, reading: Reading) -> Row:
    kind = record["kind"].casefold()
    if kind not in ("movie", "album", ""):
        raise RowError(f"{cells.shown(kind)} is not a kind. Enter movie or album.")
    year, number = (integer(record[column]) for column in ("year", "weeknumber"))
    if year is None or number is None:
        raise RowError("This row has no year and week_number. Add them.")
    spare = reading.spare
    said: dict[str, Any] = {
        "kind": kind,
        "week": cells.read_week(year, number),
        "notes": spare(cells.within, restore(record.raw("weeknotes")), most=MAX_TEXT) or "",
    }
    if not kind:
        return Row(**said)
    row = Row(
        position=spare(cells.read_position, record["position"]),
        tmdb_id=spare(_read_id, record["tmdbid"], read=integer, source="TMDB"),
        musicbrainz_id=spare(_read_id, record["musicbrainzid"], read=mbid, source="MusicBrainz"),
        release_group_id=spare(_read_id, record["releasegroupid"], read=mbid, source="MusicBrainz"),
        title=cells.within(restore(record.raw("title"))),
        artist=cells.within(restore(record.raw("artist"))),
        year=spare(cells.read_release_year, record["releasedate"]),
        added_at=spare(cells.read_instant, record["addedat"], zone=reading.zone),
        rewatch=spare(cells.read_rewatch, record["rewatch"]),
        **said,
    )
    if not (row.tmdb_id or row.musicbrainz_id or row.release_group_id or row.title.strip()):
        raise RowError("This row has neither an id nor a title. Add one.")
    return _with_opinion(row, record, reading)


def _with_opinion(row: Row, record: Record, reading: Reading) -> Row:
    """The row with its opinion, if that is the user's own."""
    if restore(record["opinionby"]) not in ("", restore(record["username"])):
        reading.left_out["Opinions of others, which are not imported"] += 1
        return row
    spare = reading.spare
    return replace(
        row,
        rating=spare(cells.read_rating, record["rating"]),
        review=spare(cells.within, restore(record.raw("review")), most=MAX_TEXT) or "",
        contains_spoilers=spare(cells.read_yes, record["containsspoilers"]) or False,
        said_at=spare(cells.read_instant, record["opinionat"], zone=reading.zone),
    )


def _read_id[T](cell: str, *, read: Callable[[str], T | None], source: str) -> T | None:
    found = read(cell)
    if cell and not found:
        raise RowError(f"{cells.shown(cell)} is not a {source} id. Correct or empty it.")
    return found
