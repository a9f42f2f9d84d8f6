"""Reads files, and says what is in them."""

import dataclasses
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from selections.transfer import readers

from . import shapes

RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
GROUP = "1b022e01-4da6-387b-8658-8678046e4cef"
BERLIN = ZoneInfo("Europe/Berlin")


def read(path, **options):
    return readers.read(path, zone=BERLIN, **options)


def filled(row):
    """What a row says, by name."""
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def entry(place, day="", **said):
    """What the row of a movie says, with the week of its day."""
    dated = date.fromisoformat(day) if day else None
    week = {"day": dated, "week": tuple(dated.isocalendar()[:2])} if dated else {}
    return {name: value for name, value in ({"place": place, "kind": "movie"} | week | said).items() if value != ""}


def read_all(path, **options):
    """What the rows of a file say, none of which fails."""
    reading = read(path, **options)
    assert reading.failures == []
    return [filled(row) for row in reading.rows]


def table(tmp_path, *lines):
    return shapes.write(tmp_path, "\n".join(lines))


def only(tmp_path, *lines, **options):
    """The values of a table's only row, except its place and kind."""
    (row,) = read_all(table(tmp_path, *lines), **options)
    return {name: value for name, value in row.items() if name not in ("place", "kind")}


def failure(tmp_path, *lines, **options):
    """Why the only row of a table cannot be read."""
    reading = read(table(tmp_path, *lines), **options)
    assert reading.rows == []
    ((place, sentence),) = reading.failures
    assert place == f"line {len(lines)}"
    assert sentence.endswith(".")
    return sentence


def skipped(tmp_path, *lines, **options):
    """Why a cell of a table's only row is not imported, although the row is."""
    reading = read(table(tmp_path, *lines), **options)
    assert (len(reading.rows), reading.failures) == (1, [])
    (sentence,) = reading.skipped_cells
    assert sentence in reading.remarks
    return sentence


def refusal(path, **options):
    """The one sentence with which a file is refused."""
    with pytest.raises(readers.FileError) as refused:
        read(path, **options)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 600
    return sentence


def written(tmp_path, content: bytes) -> Path:
    path = tmp_path / "download"
    path.write_bytes(content)
    return path
