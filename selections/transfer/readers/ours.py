"""Our own CSV, one row for each pick and opinion, as `export_selections --format csv` writes it."""

from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from uuid import UUID

from catalog.spreadsheets import restore
from integrations.values import integer, mbid
from selections.models import MAX_TEXT

from . import cells, files
from .rows import FileError, Reading, Row, RowError
from .tables import Record, Table

LABEL = "a CSV of Wrong Opinions"
VERSION = "1"
NEEDED = ("format_version", "username", "year", "week_number", "kind")
COLUMNS = [
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
]


def read(path: Path, *, zone: tzinfo, kind: str = "") -> Reading:
    """One user's picks with that user's opinions on them. Raises FileError."""
    with files.opened(path) as file:
        return _Reader(zone).read(Table(file))


class _Reader:
    """Combines all records of a pick into one row."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._reading = Reading("wrong-opinions")
        self._known: dict[tuple[object, ...], int] = {}  # the index of each pick among the reading's rows
        self._owner = ""
        self._others = 0

    def read(self, table: Table) -> Reading:
        table.require(*NEEDED, what=LABEL)
        table.collect(self._reading, COLUMNS, self._read)
        if self._others:
            self._reading.remarks.append(f"Opinions of others, which are not imported: {self._others:,}.")
        return self._reading

    def _read(self, record: Record) -> Row | None:
        """The record's pick if it is new; else its opinion is added to the pick."""
        if record["formatversion"] != VERSION:
            raise FileError(
                f"{record.place.capitalize()} has another format_version than {VERSION}. Export the file again."
            )
        owner, said_by = restore(record["username"]), restore(record["opinionby"])
        if (self._owner or owner) != owner:
            raise FileError(f"{record.place.capitalize()} belongs to another person. Import the export of one person.")
        self._owner = owner
        row = _read_pick(record, self._zone)
        if said_by in ("", owner):
            row = _with_opinion(row, record, self._zone)
        else:
            self._others += 1
        pick = (row.week, row.kind, row.position, row.tmdb_id, row.musicbrainz_id, row.title, row.artist)
        if pick not in self._known:
            self._known[pick] = len(self._reading.rows)
            return row
        if row.rating or row.review:
            there = self._reading.rows[self._known[pick]]
            self._reading.rows[self._known[pick]] = replace(
                row, place=there.place, added_at=there.added_at, notes=there.notes
            )
        return None


def _read_pick(record: Record, zone: tzinfo) -> Row:
    kind = record["kind"].casefold()
    if kind not in ("movie", "album", ""):
        raise RowError(f"{cells.shown(kind)} is not a kind. Enter movie or album.")
    year, number = (integer(record[column]) for column in ("year", "weeknumber"))
    if year is None or number is None:
        raise RowError("This row has no year and week_number. Add them.")
    row = Row(
        place=record.place,
        kind=kind,
        week=cells.read_week(year, number),
        notes=cells.within(restore(record.raw("weeknotes")), MAX_TEXT),
    )
    if not kind:
        return row
    row = replace(
        row,
        position=cells.read_position(record["position"]),
        tmdb_id=_read_tmdb_id(record["tmdbid"]),
        musicbrainz_id=_read_mbid(record["musicbrainzid"]),
        release_group_id=_read_mbid(record["releasegroupid"]),
        title=cells.within(restore(record.raw("title"))),
        artist=cells.within(restore(record.raw("artist"))),
        year=cells.read_release_year(record["releasedate"]),
        added_at=cells.read_instant(record["addedat"], zone),
    )
    if not (row.tmdb_id or row.musicbrainz_id or row.release_group_id or row.title.strip()):
        raise RowError("This row has neither an id nor a title. Add one.")
    return row


def _with_opinion(row: Row, record: Record, zone: tzinfo) -> Row:
    return replace(
        row,
        rating=cells.read_rating(record["rating"]),
        review=cells.within(restore(record.raw("review")), MAX_TEXT),
        contains_spoilers=cells.read_yes(record["containsspoilers"]),
        said_at=cells.read_instant(record["opinionat"], zone),
    )


def _read_tmdb_id(cell: str) -> int | None:
    if cell and not integer(cell):
        raise RowError(f"{cells.shown(cell)} is not a TMDB id. Correct or empty it.")
    return integer(cell)


def _read_mbid(cell: str) -> UUID | None:
    if cell and not mbid(cell):
        raise RowError(f"{cells.shown(cell)} is not a MusicBrainz id. Correct or empty it.")
    return mbid(cell)
