"""Dates as spreadsheets and other programs write them: 2024/12/31, 2024-1-5, 31.12.2024, 12/31/2024."""

import re
from collections.abc import Iterable

from .rows import FileError

YEAR_FIRST = re.compile(r"\s*(\d{4})([/.-])(\d{1,2})\2(\d{1,2})(?!\d)", re.ASCII)
YEAR_LAST = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)(?!\d)", re.ASCII)
ORDERS = {"dmy": "the day, as in 31/12/2024", "mdy": "the month, as in 12/31/2024"}


def order_of(cells: Iterable[str]) -> str:
    """The order of days and months in the dates of a file, `dmy` or `mdy`; with points it is always the first.

    Raises FileError if the file does not decide it.
    """
    decided, unclear = set(), ""
    for cell in cells:
        found = YEAR_LAST.match(cell)
        if not found or found[2] == ".":
            continue
        first, second = int(found[1]), int(found[3])
        if first > 12 or second > 12:
            decided.add("dmy" if first > 12 else "mdy")
        elif first != second:
            unclear = found[0].strip()
    if unclear and len(decided) != 1:
        raise FileError(
            f"The date “{unclear}” may begin with the day or the month. Say which with --dates dmy or --dates mdy, or "
            "in the form of the admin."
        )
    return decided.pop() if len(decided) == 1 else "dmy"


def iso(cell: str, order: str) -> str:
    """A cell whose date, if it begins with one, is written as 2024-12-31; what follows, such as a time, is kept."""
    if found := YEAR_FIRST.match(cell):
        year, _, month, day = found.groups()
    elif found := YEAR_LAST.match(cell):
        day, sign, month, year = found.groups()
        if order == "mdy" and sign != ".":
            day, month = month, day
        if int(month) > 12:
            day, month = month, day
    else:
        return cell
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return cell
    rest = re.sub(r"^([T ])(\d:)", r"\g<1>0\2", cell[found.end() :])  # the hour of a time
    return f"{year if len(year) == 4 else f'20{year}'}-{month:0>2}-{day:0>2}{rest}"
