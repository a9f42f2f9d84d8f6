"""CSV for spreadsheets, with cells that a spreadsheet would take for formulas made harmless, and restored on reading.

Spreadsheets read a leading apostrophe as "this is text":
https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

# Spreadsheets skip invisible characters before a formula, including line breaks, and some accept full-width signs.
UNSEEN = r"\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
FORMULA = re.compile(rf"'*(?:[{UNSEEN}]*[=+\-@＝＋－＠]|[\t\r\n])")
BOM = "\ufeff"  # without it Excel takes UTF-8 for another encoding


def defuse(cell: str) -> str:
    """The cell, with a leading apostrophe if a spreadsheet would compute it; `restore()` removes that."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """The cell before `defuse()`."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


class _Echo:
    """A file for a csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def csv_line(cells: Iterable[object]) -> str:
    line: str = csv.writer(_Echo(), lineterminator="\r\n").writerow(cells)  # it returns what write() does
    return line


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The lines of a CSV file, its header first; a missing cell is empty."""
    yield BOM + csv_line(columns)
    for row in rows:
        yield csv_line(defuse(_as_text(row.get(name))) for name in columns)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return ", ".join(value) if isinstance(value, list) else str(value)
