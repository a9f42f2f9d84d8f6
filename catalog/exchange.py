"""Tables that curators take out of the admin, edit elsewhere, and bring back: https://django-import-export.readthedocs.io/

The package gives the pages, and the order of things: read a file, show what it would do, do it. What single rows mean,
and every rule, is with the resources.
"""

import base64
import csv
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import tablib
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from import_export import resources, widgets
from import_export.formats import base_formats
from import_export.results import Error, Result, RowResult
from import_export.tmp_storages import BaseStorage

from .objects import is_overloaded
from .spreadsheets import defuse, restore

BOM = "\ufeff"  # or Excel reads UTF-8 as something else
MAX_BYTES = 1_500_000  # of a file: a page carries it, and Django takes no forms beyond 2.5 MB
MAX_ROWS = 5_000
MAX_CELL = 50_000  # characters
KEPT = 24 * 3600  # seconds that a preview can be confirmed
ROW = "row"  # the column that a row's number is put into
CHUNK = 500  # rows that an export reads at a time


class FileFault(Exception):
    """The file cannot be read; `str()` is a sentence for the person whose file it is."""


class Refused(Exception):
    """A row cannot be imported, so that nothing was; `str()` says why."""


class SignedFile(BaseStorage):
    """The file between preview and confirmation, as text that the preview's page carries: whoever confirms may meet
    another process or host, and who never does leaves nothing behind. It is signed, so that what is imported is what
    was looked at."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._signer = signing.TimestampSigner(salt=f"catalog.exchange.{options['purpose']}")

    def save(self, data: bytes) -> None:
        self.name = self._signer.sign(base64.urlsafe_b64encode(zlib.compress(data)).decode())

    def read(self) -> bytes:
        """Raises BadSignature."""
        return zlib.decompress(base64.urlsafe_b64decode(self._signer.unsign(self.name, max_age=KEPT)))

    def remove(self) -> None:
        """There is nothing to remove."""


class CSVFile(base_formats.CSV):
    """For spreadsheets: what they would take for a formula is defused, which reading takes back."""

    CONTENT_TYPE = "text/csv; charset=utf-8"

    def export_data(self, dataset: tablib.Dataset, **options: object) -> str:
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(dataset.headers)
        table.writerows([defuse(cell) if isinstance(cell, str) else cell for cell in row] for row in dataset)
        return BOM + text.getvalue()


class JSONFile(base_formats.JSON):
    """A list with an object for each row, as it is: nothing takes JSON for formulas."""

    def export_data(self, dataset: tablib.Dataset, **options: object) -> str:
        rows = (json.dumps(dict(zip(dataset.headers, row, strict=True)), ensure_ascii=False) for row in dataset)
        return "[\n" + ",\n".join(rows) + "\n]\n"


class CSVOrJSONFile(base_formats.Format):
    """Either, whatever it is called."""

    def get_title(self) -> str:
        return "CSV or JSON"

    def can_import(self) -> bool:
        return True

    def create_dataset(self, in_stream: bytes) -> tablib.Dataset:
        """The rows as text, with the number that a spreadsheet gives each. Raises FileFault."""
        text = _decode(in_stream)
        headers, rows = _read_json(text) if text.startswith(("[", "{")) else _read_csv(text)
        dataset = tablib.Dataset(headers=[ROW, *headers])
        for number, cells in rows:
            if len(dataset) == MAX_ROWS:
                raise FileFault(f"The file has more than {MAX_ROWS:,} rows: split it into several.")
            if any(len(cell) > MAX_CELL for cell in cells):
                raise _too_long(number)
            dataset.append([str(number), *cells])
        if not len(dataset):
            raise FileFault("The file has no rows below the names of its columns.")
        return dataset


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFault('This is UTF-16: save the file as UTF-8 (spreadsheets call it "CSV UTF-8"), and try again.')
    if b"\0" in data or data.startswith((b"PK\x03\x04", b"%PDF-")):
        raise FileFault("This looks like a spreadsheet or another binary file: save it as CSV (UTF-8), and try again.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileFault(f"Line {line} is not UTF-8: save the file as UTF-8, and try again.") from None
    if not (text := text.lstrip()):
        raise FileFault("The file is empty.")
    return text


def _read_csv(text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    first = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows = enumerate(_records(reader), start=1)
    names = [name.strip().lower() for name in next(rows)[1]]
    columns = _columns(names)

    def cells() -> Iterator[tuple[int, list[str]]]:
        for number, row in rows:
            if any(cell.strip() for cell in row[len(names) :]):
                raise FileFault(
                    f"Row {number} has more cells than there are columns: put quotation marks around text with commas."
                )
            if any(cell.strip() for cell in row):
                row += [""] * (len(names) - len(row))
                yield number, [restore(row[index]) for index in columns.values()]

    return list(columns), cells()


def _records(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    count = 0
    try:
        for row in reader:
            count += 1
            yield row
    except csv.Error as error:
        if "larger than" in str(error):  # the limit is the whole process's
            raise _too_long(count + 1) from None
        raise FileFault(f"Row {count + 1} is not as CSV has it: close its quotation marks, and try again.") from None


def _too_long(number: int) -> FileFault:
    return FileFault(f"Row {number} has a cell of more than {MAX_CELL:,} characters: shorten it.")


def _columns(names: list[str]) -> dict[str, int]:
    """Where each column is; those without a name are not read."""
    columns = {name: index for index, name in enumerate(names) if name and name != ROW}
    for name in columns:
        if names.count(name) > 1:
            raise FileFault(f"There are two columns called {in_short(name)}: give each its own name.")
    return columns


def _read_json(text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    if is_overloaded(text.encode(errors="replace")):
        raise FileFault("This JSON has more lists and objects than a list of rows: export it once more.")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise FileFault("This begins like JSON, but is none: export it once more.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileFault("This is JSON, but no list of rows, such as an export from here is.")
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name and name != ROW]
    for name in names:
        _as_text(name, 1)
    return names, ((number, [_as_text(row.get(name), number) for name in names]) for number, row in enumerate(rows, 1))


def _as_text(value: object, number: int) -> str:
    if isinstance(value, dict | list):
        raise FileFault(f"Row {number} has a list or an object in it: write text or a number instead.")
    text = "" if value is None else str(value)
    if re.search("[\0\ud800-\udfff]", text):
        raise FileFault(f"Row {number} has a sign in it that no text can have: take it out.")
    return text


def in_short(text: str) -> str:
    """What a file says, as a sentence may have it."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return f"“{printable[:40]}…”" if len(printable) > 40 else f"“{printable}”"


def same_text(one: str, other: str) -> bool:
    """Whether texts differ in nothing but in how spreadsheets end lines."""
    return re.sub(r"\r\n?", "\n", one) == re.sub(r"\r\n?", "\n", other)


class Cell(widgets.Widget):
    """A value as a table has it: days and instants as ISO 8601, lists with commas, numbers as numbers."""

    def render(self, value: object, obj: object = None, **options: object) -> str | int | None:
        if value is None or isinstance(value, int):
            return value
        if isinstance(value, date | datetime):
            return value.isoformat()
        return ", ".join(value) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Meant:
    """What a row would do: `state` is one of RowResult's, `words` say it, `cells` show it."""

    state: str
    words: str
    cells: list[str]


class TableResource(resources.Resource):
    """Rows that can be looked at before they change anything; then all of them do, or none.

    A preview writes nothing and locks nothing. `written` says what an import has done, for the history.
    """

    about: str  # what is read and what becomes of it, for whoever chooses a file
    preview: tuple[str, ...]  # the columns of a preview
    needed: tuple[tuple[str, ...], ...]  # of each group of columns a file must have one

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.written: list[tuple[int, list[Any], str]] = []  # flag, rows, and message of log entries

    def prepare(self, rows: list[dict[str, str]], user: Any) -> None:
        """Load what the rows are about; for a `user` who imports them, lock it in the order in which all do."""
        raise NotImplementedError

    def mean(self, row: dict[str, str]) -> Meant:
        """What the row means after those before it. Raises ValidationError."""
        raise NotImplementedError

    def store(self) -> None:
        """Write what all rows meant."""
        raise NotImplementedError

    @classmethod
    def get_display_name(cls) -> str:
        return cls.__name__

    def get_diff_headers(self) -> list[str]:
        return [ROW, *self.preview]

    def import_data(self, dataset: tablib.Dataset, dry_run: bool = False, **options: Any) -> Result:
        """Raises Refused, and IntegrityError where somebody else has just changed the same; nothing is done then."""
        if dry_run:
            return self._look(dataset, None)
        if "user" not in options:  # the package's own commands
            raise Refused("Import this in the admin, so that its history tells who did.")
        with transaction.atomic():
            result = self._look(dataset, options["user"])
            for error in result.base_errors:
                raise Refused(str(error.error))
            for invalid in result.invalid_rows:
                raise Refused(f"Row {invalid.values[0]}: {' '.join(invalid.error.messages)}")
            self.store()
        return result

    def _look(self, dataset: tablib.Dataset, user: Any) -> Result:
        missing = [group for group in self.needed if not set(group) & set(dataset.headers)]
        if missing:
            lacking = ", ".join(" or ".join(group) for group in missing)
            known = ", ".join(in_short(name) for name in dataset.headers[1:9])
            result = Result()
            result.append_base_error(Error(FileFault(f"The file lacks the column {lacking}; it has {known}.")))
            return result
        self.prepare(dataset.dict, user)
        result = self.import_data_inner(
            dataset, user is None, raise_errors=False, using_transactions=False, collect_failed_rows=False
        )
        for row in result.rows:
            for error in row.errors:  # nothing that a file could do
                raise error.error
        return result

    def import_row(self, row: dict[str, str], instance_loader: object, **options: Any) -> RowResult:
        result = RowResult()
        try:
            meant = self.mean(row)
        except ValidationError as error:
            result.import_type, result.validation_error = RowResult.IMPORT_TYPE_INVALID, error
        else:
            result.import_type, result.object_repr = meant.state, meant.words
            result.diff = [row[ROW], *meant.cells]
        return result

    def iter_queryset(self, queryset: Any) -> Iterable[Any]:
        return queryset.iterator(chunk_size=CHUNK)
