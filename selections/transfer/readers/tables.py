"""CSV as spreadsheets and other programs write it: https://www.rfc-editor.org/rfc/rfc4180, and its variants."""

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from catalog.text import printable
from integrations.values import integer
from selections.models.plans import MAX_NOTE

from . import cells, dates
from .files import MAX_LINE, Lines, opened
from .rows import MAX_NAMED, FileError, Format, Reading, Row, RowError, program_format

csv.field_size_limit(MAX_LINE)  # of the whole process, instead of the default of 128 KB


def key(name: str) -> str:
    """A column's name for comparison: `Watched Date`, `watched_date` and ` WatchedDate` are the same."""
    return re.sub(r"[\W_]+", "", name.casefold())


def listed(names: Iterable[str]) -> str:
    """Some names for a sentence; they come from the file, and may be of any length."""
    cut = [printable(name.strip()[:30]) for name in names]
    more = len(cut) - MAX_NAMED
    return ", ".join(cut[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a table; `record["watcheddate"]` is its cell in that column, stripped, or `""` without one."""

    place: str
    cells: dict[str, str]  # by key()
    surplus: int  # cells beyond the header

    def __getitem__(self, column: str) -> str:
        return self.raw(column).strip()

    def raw(self, column: str) -> str:
        """The cell with its surrounding spaces."""
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """The first cell of these columns that is not empty."""
        return next((cell for column in columns if (cell := self.cells.get(column, "").strip())), "")


class Table:
    """A CSV file whose header is read; its records are read one at a time, on demand. Raises FileError."""

    def __init__(
        self, file: TextIO, name: str = "", *, dated: Iterable[str] = (), order: str = "", header: str = ""
    ) -> None:
        """Dates in the columns `dated` are in this `order`, and are read as 2024-12-31; `header` is for a file that has
        none."""
        self._lines = Lines(file, name)
        self._named = name or "The file"
        self._dated, self._order = [key(column) for column in dated], order
        first = header or next((line for line in self._lines if line.strip()), None)
        separator = re.fullmatch(r'"?sep=([,;\t])"?', first.strip("\r\n"), re.IGNORECASE) if first else None
        if separator:  # a line that Excel writes and reads
            first = next((line for line in self._lines if line.strip()), None)
        if first is None:
            raise FileError(f"{self._named} is empty.")
        self._place = self._lines.place()  # of the header
        # Else the character that is most frequent between column names.
        delimiter = separator[1] if separator else max(",;\t", key=re.sub(r'"[^"]*"', "", first).count)
        # Blanks that follow a separator in the header also come before quotation marks, as in RateYourMusic's file.
        self._reader = csv.reader(
            chain([first], self._lines), delimiter=delimiter, skipinitialspace=f"{delimiter} " in first
        )
        columns = self._next(self._place) or []
        self._keys = [key(cell) for cell in columns]
        self._names = {key(cell): cell.strip() for cell in columns if key(cell)}
        counts = Counter(filter(None, self._keys))
        if twice := [name for column, name in self._names.items() if counts[column] > 1]:
            raise FileError(f"{self._place.capitalize()} has {listed(twice)} twice. Give each column its own name.")

    def has(self, *columns: str) -> bool:
        """Whether it has all these columns, in any spelling."""
        return all(key(column) in self._names for column in columns)

    def require(self, *columns: str, what: str) -> None:
        """Raise FileError if one of these columns of `what` is missing."""
        if missing := [column for column in columns if not self.has(column)]:
            raise FileError(f"{self._named} is not {what}. Missing: {listed(missing)}. It has {self.found()}.")

    def found(self) -> str:
        """The names of its columns, for a sentence."""
        names = listed(self._names.values())
        return f"the columns {names} in {self._place}" if names else f"no names of columns in {self._place}"

    def collect(self, reading: Reading, used: Iterable[str], read_row: Callable[[Record, Reading], Row | None]) -> None:
        """Add the rows that `read_row` returns for records, and a remark with the columns that are not `used`."""
        known = {key(column) for column in used}
        if ignored := [name for column, name in self._names.items() if column not in known]:
            reading.remarks.append(f"{self._named} has columns that are not imported: {listed(ignored)}.")

        def read_whole(record: Record) -> Row | None:
            if record.surplus:
                raise RowError("This row has more cells than there are columns. Put quotation marks around text.")
            return read_row(record, reading)

        if reading.collect(((record.place, record) for record in self.records()), read_whole) == 0:
            reading.remarks.append(f"{self._named} has no rows.")

    def records(self) -> Iterator[Record]:
        """Its rows, except blank ones; the place of each is the line on which it begins."""
        while True:
            place = self._lines.place(self._lines.number + 1)
            row = self._next(place)
            if row is None:
                return
            if any(cell.strip() for cell in row):
                said = dict(zip(self._keys, row, strict=False))
                said |= {name: dates.iso(said[name], self._order) for name in self._dated if name in said}
                yield Record(place, said, sum(1 for cell in row[len(self._keys) :] if cell.strip()))

    def _next(self, place: str) -> list[str] | None:
        """The row that begins at this place; None after the last."""
        try:
            row = next(self._reader, None)
        except csv.Error:  # a cell that never ends
            row, unclosed = None, True
        else:
            # The reader returns a row as soon as it is complete: only an open quotation mark makes it read to the end.
            unclosed = row is not None and self._lines.ended
        if unclosed:
            raise FileError(f"A quotation mark in the row that begins in {place} is never closed. Close it.")
        return row


@contextlib.contextmanager
def table_of(path: Path, reading: Reading, dated: Iterable[str] = (), *, header: str = "") -> Iterator[Table]:
    """The table in a file, whose dates in the columns `dated` are read as 2024-12-31. Raises FileError."""
    order, names = reading.dates, [key(column) for column in dated]
    if names and not order:
        with opened(path) as file:
            records = Table(file, header=header).records()
            order = dates.order_of(record[name] for record in records for name in names)
    with opened(path) as file:
        yield Table(file, dated=names, order=order, header=header)


def csv_format(
    program: str,
    *,
    needs: tuple[str, ...],
    used: tuple[str, ...],
    dated: tuple[str, ...] = (),
    read_row: Callable[[Record, Reading], Row | None],
) -> Format:
    """A program's CSV: `needs` are the columns without which it is another, `used` are all that are imported, and
    `dated` those of them that are dates."""

    label = f"a CSV of {program}"

    def read(path: Path, reading: Reading) -> None:
        with table_of(path, reading, dated) as table:
            table.require(*needs, what=label)
            table.collect(reading, used, read_row)

    return program_format(program, label=label, needs=needs, read=read)


def movie_format(
    program: str,
    *,
    needs: tuple[str, ...],
    columns: Mapping[str, str],
    dated: tuple[str, ...] = (),
    check: Callable[[Record], None] = lambda _: None,
    may_be_watchlist: bool = False,
) -> Format:
    """A program's CSV of movies. `columns` names those of `tmdb`, `imdb`, `title`, `year`, `rating`, `day`, `review`,
    and of a watchlist `listed` and `note`; `dated` are more columns that show the order of days and months; `check`
    raises LeftOut for what is not imported. It may be a watchlist, whose movies have neither a rating nor a day."""

    def read_row(record: Record, reading: Reading) -> Row:
        check(record)
        said = {thing: record[key(column)] for thing, column in columns.items()}
        spare = reading.spare
        tmdb_id = integer(said.get("tmdb"))
        ids = {"tmdb_id": tmdb_id} if tmdb_id else {"tmdb_id": None} | cells.read_movie_id(said.get("imdb", ""))
        movie = cells.read_movie(title=said["title"], **ids)
        movie["year"] = spare(cells.read_release_year, said["year"])
        if may_be_watchlist and not (said["rating"] or said["day"]):
            added_at = spare(cells.read_noon, said.get("listed", ""), zone=reading.zone)
            notes = spare(cells.within, said.get("note", ""), most=MAX_NOTE) or ""
            return Row(added_at=added_at, notes=notes, is_planned=True, **movie)
        return Row(
            rating=spare(cells.read_optional_rating, said["rating"]),
            review=spare(cells.read_text, said.get("review", "")) or "",
            **movie,
            **cells.dated(cells.read_day(said["day"], reading.zone)),
        )

    used = (*needs, *columns.values())
    return csv_format(program, needs=needs, used=used, dated=(columns["day"], *dated), read_row=read_row)
