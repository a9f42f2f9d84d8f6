"""What one member's files may cost, and that what can be stored can be taken along and brought back."""

import pytest

from selections.api import archive as api_archive
from tests.conftest import assert_problem

pytestmark = pytest.mark.django_db
EMPTY = {"format": "wrong-opinions", "version": 1, "weeks": []}


def test_one_import_at_a_time_is_read_in_a_process(api, settings, monkeypatch):
    settings.IMPORT_RATE = "1/hour"
    monkeypatch.setattr(api_archive, "IMPORT_WAIT", 0)
    with api_archive.IMPORTING:
        response = api.post("/api/import", EMPTY)

    assert_problem(response, 429, "Another import is running. Try again in 5 seconds.")
    assert (response.json()["code"], response.headers["Retry-After"]) == ("import_running", "5")
    assert api.post("/api/import", EMPTY).status_code == 200  # the refused one counts for nothing
    assert_problem(api.post("/api/import", EMPTY), 429)
    assert not api_archive.IMPORTING.locked()
