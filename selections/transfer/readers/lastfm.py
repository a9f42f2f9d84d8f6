"""Scrobbles of Last.fm in the CSV files that tools write, of which one has no names of columns."""

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

from integrations.values import mbid

from . import cells
from .files import first_lines, opened
from .listens import Listen, collect
from .rows import Format, LeftOut, Reading, RowError, program_format
from .tables import Record, table_of

NEEDS = ("artist", "album", "track", "uts")
BY_TITLE = ("Artist", "Album", "Title", "Date")
MONTH = re.compile(r"(\d{1,2} [A-Z][a-z]{2} \d{4}),? (\d\d:\d\d)", re.ASCII)  # 05 Jan 2024 10:00, in UTC
HEADER = "artist,album,track,date"
FIRST_YEAR = 2002  # in which scrobbling began; devices without a clock say 1970
NO_TIME = "Listens without a time, not counted"


def has_no_header(first: list[str]) -> bool:
    """Whether the first lines of a file are scrobbles: artist, album, track, and a time such as 05 Jan 2024 10:00. The
    line of the track that is currently played has no time."""
    times = [row[3].strip() if len(row) == 4 else None for row in csv.reader(first)]
    return bool(times) and times[0] is not None and any(MONTH.fullmatch(time) for time in times if time)


def read(path: Path, reading: Reading) -> None:
    """Its albums. Raises FileError."""

    def read_listen(record: Record) -> Listen:
        return Listen(
            at=_read_time(record.first("uts", "date"), reading),
            artist=record["artist"],
            album=record["album"],
            track=record.first("track", "title"),
            release=mbid(record["albummbid"]),
        )

    with opened(path) as file:
        header = HEADER if has_no_header(first_lines(file)) else ""
    with table_of(path, reading, ("Date",), header=header) as table:
        collect(reading, ((record.place, record) for record in table.records()), read_listen)


def _read_time(cell: str, reading: Reading) -> datetime:
    """Seconds since 1970, a time in UTC such as 05 Jan 2024 10:00, or an instant."""
    at: datetime | None
    try:
        if re.fullmatch(r"\d{1,10}", cell, re.ASCII):
            at = datetime.fromtimestamp(int(cell), UTC)
        elif found := MONTH.fullmatch(cell):
            at = datetime.strptime(f"{found[1]} {found[2]}", "%d %b %Y %H:%M").replace(tzinfo=UTC)
        else:
            at = cells.read_instant(cell, reading.zone)
    except ValueError:
        raise RowError(f"{cells.shown(cell)} is not a time. Enter it as 05 Jan 2024 10:00.") from None
    if not at or at.year < FIRST_YEAR:
        raise LeftOut(NO_TIME)
    return at


FORMAT = program_format("Last.fm", label="a CSV of Last.fm", needs=NEEDS, has_no_header=has_no_header, read=read)
TITLED = Format(name="scrobbles", label="a CSV of scrobbles", needs=BY_TITLE, read=read)
