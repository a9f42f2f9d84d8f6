"""The result of reading any file: rows that say which movie or album belongs to which week."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from pathlib import Path
from uuid import UUID

MAX_ROWS = 100_000  # of one file; Row objects are held in memory


class FileError(Exception):
    """The file cannot be read; `str()` is a sentence that says why, with the line if possible."""


class RowError(Exception):
    """This row cannot be read, but others may be; `str()` is a sentence that says why."""


class LeftOut(Exception):
    """This row is not imported, and that is no mistake; `str()` is the start of a remark that counts such rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A movie or album that was watched or heard; unknown values are None or empty.

    `place` is the row's place in the file: `line 17`, or `watched-history-2.json, entry 5`.
    """

    place: str
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
    notes: str = ""  # of the week

    def __str__(self) -> str:
        title = (
            self.title or self.imdb_id or str(self.tmdb_id or self.musicbrainz_id or self.release_group_id or "notes")
        )
        names = f"{self.artist}: {title}" if self.artist else title
        return f"{names} ({self.year})" if self.year else names

    @property
    def has_opinion(self) -> bool:
        return self.rating is not None or bool(self.review)


@dataclass(slots=True)
class Reading:
    """The content of a file. Instants in it become days in `zone`; `kind` is that of rows that do not give one."""

    format: str
    zone: tzinfo
    kind: str = ""
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)  # a sentence for each thing that was ignored, and why
    failures: list[tuple[str, str]] = field(default_factory=list)  # places and reasons of rows that cannot be read
    left_out: Counter[str] = field(default_factory=Counter)  # what was ignored, with the number of times

    def collect[T](self, entries: Iterable[tuple[str, T]], read_row: Callable[[T], Row | None]) -> int:
        """Add the rows of these entries, each with its place, and return the number of entries.

        Raises FileError if there are too many.
        """
        count = 0
        for place, entry in entries:
            count += 1
            try:
                row = read_row(entry)
            except LeftOut as reason:
                self.left_out[str(reason)] += 1
            except RowError as error:
                self.failures.append((place, str(error)))
            else:
                self.rows += [row] if row else []
            if len(self.rows) + len(self.failures) > MAX_ROWS:
                raise FileError(f"The file has more than {MAX_ROWS:,} rows. Split it into several.")
        return count


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format. A CSV is recognized by the columns that it `needs`, a ZIP by the names of its files."""

    name: str
    label: str  # for sentences
    program: str = ""  # that writes it, to list for people
    read: Callable[[Path, tzinfo, str], Reading]  # the last argument is the kind of rows that do not give one
    needs: tuple[str, ...] = ()
    is_export: Callable[[list[str]], bool] | None = None
