"""POST /api/import."""

import json

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from catalog.models import (
    Movie,
)
from selections.models import Week
from selections.transfer import restoring
from tests.conftest import assert_problem, at_once, client_of

from .exports import changed, minimal

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_meanwhile_gets_a_401(user):
    data = minimal(weeks=[minimal()["weeks"][0] | {"week_number": number} for number in range(1, 40)])
    client = client_of(user)

    def act(number):
        if number == 0:
            accounts.delete_account(user)
            return 0
        return client.post("/api/import?dry_run=false", data).status_code

    results = at_once(2, act)

    assert results[1] in {200, 401}
    assert not Week.objects.exists()


def test_the_api_takes_a_file_with_a_byte_order_mark(now, api):
    body = json.dumps(minimal()).encode("utf-8-sig")

    assert api.generic("POST", "/api/import", body, content_type="application/json").json()["weeks_created"] == 1


def test_the_api_takes_a_file_back_after_a_dry_run(now, user, api):
    would = api.post("/api/import", minimal()).json()
    assert not Week.objects.exists()
    assert not Movie.objects.exists()

    did = api.post("/api/import?dry_run=false", minimal()).json()

    assert did == would | {"applied": True}
    assert did == {
        "applied": True,
        "profile": [],
        "weeks_created": 1,
        "weeks_existing": 0,
        "notes_filled": 0,
        "rewatches_filled": 0,
        "picks_created": 2,
        "picks_existing": 0,
        "picks_left_out": 0,
        "opinions_created": 1,
        "opinions_existing": 0,
        "opinions_left_out": 0,
        "shortlist_created": 0,
        "shortlist_existing": 0,
        "shortlist_left_out": 0,
        "opinions_of_others": 1,
        "movies_added": 1,
        "albums_added": 1,
        "remarks": [],
    }
    assert Week.objects.get().user == user


def test_an_api_token_imports_no_profile(now, user, api):
    _, secret = accounts.create_token(user, name="script", scope="full")
    data = minimal(user={"display_name": "Ada", "time_zone": "Asia/Tokyo", "visibility": "private"})
    script = APIClient(headers={"Authorization": f"Bearer {secret}"})

    report = script.post("/api/import?dry_run=false", data).json()

    user.refresh_from_db()
    assert (user.display_name, user.time_zone, user.visibility) == ("", "UTC", "members")
    assert (report["profile"], report["weeks_created"]) == ([], 1)
    assert report["remarks"] == [
        "An API token cannot change the account, so the profile was ignored. Sign in to import it."
    ]
    assert api.post("/api/import?dry_run=false", data).json()["profile"] == ["display_name", "time_zone", "visibility"]


def test_the_api_says_what_is_wrong_and_where(api):
    response = api.post("/api/import?dry_run=false", changed({"weeks[0].year": 1}))

    assert_problem(response, 422, "weeks[0].year: Must be a whole number from 1900 to 2100.")
    assert response.json()["errors"][0]["field"] == "weeks[0].year"
    assert not Week.objects.exists()


def test_imports_are_limited_by_account(now, user, api, settings):
    settings.IMPORT_RATE = "2/hour"
    assert [api.post("/api/import", minimal()).status_code for _ in range(2)] == [200, 200]

    response = api.post("/api/import?dry_run=false", minimal())

    assert_problem(response, 429, "Too many attempts. Try again in 60 minutes.")
    assert response.headers["Retry-After"] == "3600"
    assert not Week.objects.exists()


def test_a_user_who_is_deleted_during_an_import_is_not_signed_in(now, user, api):
    once = iter([True])

    def leave(execute, sql, *context):
        if 'FROM "selections_week"' in sql and next(once, False):
            User.objects.filter(pk=user.pk).delete()
        return execute(sql, *context)

    with connection.execute_wrapper(leave):
        response = api.post("/api/import?dry_run=false", minimal())

    assert_problem(response, 401)


def test_a_dry_run_is_said_with_true_or_false(api):
    assert_problem(api.post("/api/import?dry_run=perhaps", minimal()), 422)


def test_a_file_may_be_larger_than_other_bodies(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.IMPORT_MAX_MB = 0.01
    large = json.dumps(minimal(more="x" * 5000))
    too_large = json.dumps(minimal(more="x" * 10_000))

    assert api.generic("POST", "/api/import", large, content_type="application/json").status_code == 200
    response = api.generic("POST", "/api/import", too_large, content_type="application/json")
    assert_problem(response, 413, "The body is too large")


def test_a_file_that_is_no_json_is_a_400(api):
    for body in (b"{", b"\xff", b"[" * 100_000, b'{"format": NaN}'):
        assert_problem(api.generic("POST", "/api/import", body, content_type="application/json"), 400)


def test_one_import_at_a_time_is_read_in_a_process(api, settings, monkeypatch):
    settings.IMPORT_RATE = "1/hour"
    monkeypatch.setattr(restoring, "IMPORT_WAIT", 0)
    with restoring.IMPORTING:
        response = api.post("/api/import", minimal(weeks=[]))

    assert_problem(response, 429, "Another import is running. Try again in 5 seconds.")
    assert (response.json()["code"], response.headers["Retry-After"]) == ("import_running", "5")
    assert api.post("/api/import", minimal(weeks=[])).status_code == 200  # the refused one counts for nothing
    assert_problem(api.post("/api/import", minimal(weeks=[])), 429)
    assert not restoring.IMPORTING.locked()
