"""The result of reading any file: rows that say which movie or album belongs to which week, or to the shortlist."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID

from selections.models import MAX_RATING

MAX_ROWS = 100_000  # of one file; Row objects are held in memory
MAX_NAMED = 12  # columns, files or cells that are named in a report


class FileError(Exception):
    """The file cannot be read; `str()` is a sentence that says why, with the line if possible."""


class RowError(Exception):
    """This row cannot be read, but others may be; `str()` is a sentence that says why."""


class LeftOut(Exception):
    """This row is not imported, and that is no mistake; `str()` is the start of a remark that counts such rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A movie or album that was watched or heard; unknown values are None or empty.

    `place` is the row's place in the file, as Reading.collect() knows it: `line 17`, or `watched-history-2.json, entry
    5`.
    """

    place: str = ""
    kind: str  # movie, album; "" for a week with notes only
    week: tuple[int, int] | None = None  # ISO year and week
    day: date | None = None  # within that week; of several in one week the earlier ones come first
    position: int | None = None  # 1 or 2
    tmdb_id: int | None = None
    imdb_id: str = ""
    musicbrainz_id: UUID | None = None
    release_group_id: UUID | None = None
    title: str = ""
    artist: str = ""
    year: int | None = None  # of its release
    rewatch: bool | None = None  # whether it had been seen or heard before; None if the file does not say
    rating: int | None = None  # 1 to 10 half stars
    review: str = ""
    contains_spoilers: bool = False
    said_at: datetime | None = None  # when that opinion was given
    added_at: datetime | None = None  # when it was picked
    notes: str = ""  # of the week, or of what is planned
    evidence: str = ""  # why the file means it, if the file does not say so itself: `11 of 12 tracks heard`
    is_planned: bool = False  # it is on a watchlist: it has no week, and `added_at` is when it was put there

    def __str__(self) -> str:
        title = (
            self.title or self.imdb_id or str(self.tmdb_id or self.musicbrainz_id or self.release_group_id or "notes")
        )
        names = f"{self.artist}: {title}" if self.artist else title
        return f"{names} ({self.year})" if self.year else names

    @property
    def has_opinion(self) -> bool:
        return self.rating is not None or bool(self.review)

    @property
    def work(self) -> Hashable:
        """What identifies the work within a file."""
        known = self.tmdb_id or self.imdb_id or self.musicbrainz_id
        return self.kind, known or (self.title.casefold(), self.artist.casefold(), self.year)


@dataclass(slots=True)
class Reading:
    """The content of a file. Instants in it become days in `zone`; `kind` is that of rows that do not give one.

    `dates` is `dmy` or `mdy` if the user says how dates such as 1/2/2024 are to be read.
    """

    format: str
    zone: tzinfo
    kind: str = ""
    dates: str = ""
    best_rating: int = MAX_RATING  # that ratings of a plain CSV are out of
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)  # a sentence for each thing that was ignored, and why
    failures: list[tuple[str, str]] = field(default_factory=list)  # places and reasons of rows that cannot be read
    left_out: Counter[str] = field(default_factory=Counter)  # what was ignored, with the number of times
    place: str = ""  # of the entry that is being read
    skipped_cells: list[str] = field(default_factory=list)  # a sentence for each cell that its row can do without

    def spare[T](self, read_cell: Callable[..., T], cell: str, **options: Any) -> T | None:
        """The value of a cell that its row can do without; None, which is reported, if it cannot be read."""
        try:
            return read_cell(cell, **options)
        except RowError as error:
            self.skip_cells([str(error)])
            return None

    def skip_cells(self, sentences: Iterable[str]) -> None:
        """Report cells that their row can do without."""
        self.skipped_cells += [f"Imported without a cell, in {self.place}: {said}" for said in sentences]

    def mark_rewatches(self) -> None:
        """Mark rows whose work the file also has at an earlier time as rewatches, if it is a whole history that does
        not mark them itself."""
        first: dict[Hashable, Hashable] = {}
        dated = [(number, row) for number, row in enumerate(self.rows) if row.week]
        for number, row in sorted(dated, key=lambda numbered: (numbered[1].week, numbered[1].day or date.min)):
            when = (row.week, row.day)
            if first.setdefault(row.work, when) != when and row.rewatch is None:
                self.rows[number] = replace(row, rewatch=True)

    def summarize(self) -> None:
        """Add remarks on what was left out."""
        self.remarks += self.skipped_cells[:MAX_NAMED]
        if (more := len(self.skipped_cells) - MAX_NAMED) > 0:
            self.remarks.append(f"Imported without a cell for a reason like these: {more:,} more.")
        self.remarks += [f"{what}: {count:,}." for what, count in sorted(self.left_out.items()) if count]

    def collect[T](self, entries: Iterable[tuple[str, T]], read_row: Callable[[T], Row | None]) -> int:
        """Add the rows of these entries, each with its place, and return the number of entries.

        Raises FileError if there are too many.
        """
        count = 0
        for place, entry in entries:
            count += 1
            self.place = place
            try:
                row = read_row(entry)
            except LeftOut as reason:
                self.left_out[str(reason)] += 1
            except RowError as error:
                self.failures.append((place, str(error)))
            else:
                self.rows += [replace(row, place=place)] if row else []
            if len(self.rows) + len(self.failures) > MAX_ROWS:
                raise FileError(f"The file has more than {MAX_ROWS:,} rows. Split it into several.")
        return count


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format.

    A CSV is recognized by the columns that it `needs`, a ZIP by the names of its files, a list in JSON by its first
    entry, and an object by its keys. `read` adds to a reading, and raises FileError.
    """

    name: str
    label: str  # for sentences
    program: str = ""  # that writes it, to list for people
    read: Callable[[Path, Reading], None]
    needs: tuple[str, ...] = ()
    has_no_header: Callable[[list[str]], bool] | None = None  # whether these first lines of a table name no columns
    is_export: Callable[[list[str]], bool] | None = None
    is_list: Callable[[dict[str, Any]], bool] | None = None
    is_object: Callable[[dict[str, Any]], bool] | None = None

    @property
    def is_table(self) -> bool:
        return bool(self.needs) or not (self.is_list or self.is_object)


def program_format(program: str, *, label: str = "", **how: Any) -> Format:
    """The format of a program's files, which are called exports unless there is a `label`."""
    name = re.sub(r"\W", "", program).lower()
    return Format(name=name, label=label or f"an export of {program}", program=program, **how)
