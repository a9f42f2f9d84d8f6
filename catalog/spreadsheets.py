"""Cells that a spreadsheet would take for formulas, made harmless and restored.

A quotation mark before them is what spreadsheets themselves read as "this is text":
https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

# Spreadsheets skip what is not seen before a formula, line breaks included, and some read full-width signs as others.
UNSEEN = r"\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
FORMULA = re.compile(rf"'*(?:[{UNSEEN}]*[=+\-@＝＋－＠]|[\t\r\n])")


def defuse(cell: str) -> str:
    """The cell with a quotation mark in front where a spreadsheet would compute it; `restore()` takes that off."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """What `defuse()` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
