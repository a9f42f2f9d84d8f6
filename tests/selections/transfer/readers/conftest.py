import csv

import pytest

from selections.transfer.readers import files, rows


@pytest.fixture
def tenth(monkeypatch):
    """A tenth of all limits, which are reached in a tenth of the time."""
    for module, name in [
        *((files, name) for name in ("MAX_UNPACKED", "MAX_ENTRIES", "MAX_DIRECTORY", "MAX_LINE", "MAX_LINES")),
        (rows, "MAX_ROWS"),
    ]:
        monkeypatch.setattr(module, name, getattr(module, name) // 10)
    usual = csv.field_size_limit(files.MAX_LINE)
    yield
    csv.field_size_limit(usual)
