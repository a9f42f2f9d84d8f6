"""Scrobbles of Last.fm in the CSV files that tools write, of which one has no names of columns."""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from integrations.values import mbid

from . import cells, dates
from .files import Lines, opened
from .listens import Listen, collect
from .rows import Format, Reading, RowError, program_format
from .tables import Table, table_of

NEEDS = ("artist", "album", "track", "uts")
BY_TITLE = ("Artist", "Album", "Title", "Date")
MONTH = re.compile(r"(\d{1,2} [A-Z][a-z]{2} \d{4}),? (\d\d:\d\d)", re.ASCII)  # 05 Jan 2024 10:00, in UTC

type Scrobble = tuple[str, str, str, str, str]  # artist, album, track, time, release id


def has_no_header(first: str) -> bool:
    """Whether the first line of a file is a scrobble: artist, album, track, and a time such as 05 Jan 2024 10:00."""
    row = next(csv.reader([first]), [])
    return len(row) == 4 and bool(MONTH.fullmatch(row[3].strip()))


def read(path: Path, reading: Reading) -> None:
    """Its albums. Raises FileError."""

    def read_scrobble(said: Scrobble) -> Listen:
        artist, album, track, time, release = said
        return Listen(at=_read_time(time, reading), artist=artist, album=album, track=track, release=mbid(release))

    with opened(path) as file:
        first = next(Lines(file), "")
    if has_no_header(first):
        with opened(path) as file:
            collect(reading, _without_header(Lines(file)), read_scrobble)
        return
    with table_of(path, reading, ("Date",)) as table:
        collect(reading, _with_header(table), read_scrobble)


def _without_header(lines: Lines) -> Iterator[tuple[str, Scrobble]]:
    for row in csv.reader(lines):
        artist, album, track, time = ([cell.strip() for cell in row] + [""] * 4)[:4]
        if row:
            yield lines.place(), (artist, album, track, time, "")


def _with_header(table: Table) -> Iterator[tuple[str, Scrobble]]:
    for record in table.records():
        track, time = record.first("track", "title"), record.first("uts", "date")
        yield record.place, (record["artist"], record["album"], track, time, record["albummbid"])


def _read_time(cell: str, reading: Reading) -> datetime:
    """Seconds since 1970, a time in UTC such as 05 Jan 2024 10:00, or an instant."""
    try:
        if re.fullmatch(r"\d{9,10}", cell, re.ASCII):
            return datetime.fromtimestamp(int(cell), UTC)
        if found := MONTH.fullmatch(cell):
            return datetime.strptime(f"{found[1]} {found[2]}", "%d %b %Y %H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise RowError(f"{cells.shown(cell)} is not a time. Enter it as 05 Jan 2024 10:00.") from None
    at = cells.read_instant(dates.iso(cell, reading.dates), reading.zone)
    if not at:
        raise RowError("This listen has no time.")
    return at


FORMAT = program_format("Last.fm", label="a CSV of Last.fm", needs=NEEDS, has_no_header=has_no_header, read=read)
TITLED = Format(name="scrobbles", label="a CSV of scrobbles", needs=BY_TITLE, read=read)
