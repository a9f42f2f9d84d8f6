"""What `/health?verbose` tells staff."""

import pytest

from accounts.services import create_token
from integrations import tmdb
from selections.models import ImportedRow
from tests.conftest import assert_problem, client_of
from tests.factories import UserFactory

VERBOSE = "/health?verbose"


@pytest.fixture
def staff(db):
    return UserFactory(username="chief", is_staff=True)


def test_staff_see_how_each_part_does(staff, settings):
    ImportedRow.objects.create(user=staff, fingerprint="x", kind="movie", state="review", reason="Two fit")
    for _ in range(3):
        tmdb.upstream.admission.record_failure()

    body = client_of(staff).get(VERBOSE).json()

    assert (body["status"], body["version"], body["database"]["is_writable"]) == ("healthy", settings.VERSION, True)
    assert body["disk"]["cache"]["total"] > body["disk"]["cache"]["free"] > 0
    breakers = {name: upstream["circuit_breaker"] for name, upstream in body["upstreams"].items()}
    assert breakers == {"tmdb": "open", "musicbrainz": "closed", "coverart": "closed"}
    assert body["upstreams"]["tmdb"]["asked_again_at"].endswith("Z")
    assert body["imports"] == {"rows_to_decide": 1}
    assert body["jobs"]["flush_tokens"] == {"state": "not run yet", "started_at": None, "ended_at": None}


def test_a_session_of_the_admin_or_an_api_token_is_enough(staff, client, anonymous):
    client.force_login(staff)
    _, secret = create_token(staff, name="monitor", scope="read")

    assert client.get(VERBOSE).status_code == 200
    assert anonymous.get(VERBOSE, headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_others_are_refused(api, anonymous, client, user):
    client.force_login(user)

    assert_problem(anonymous.get(VERBOSE), 401, "Not authenticated")
    for refused in (api, client):
        assert_problem(refused.get(VERBOSE), 403)


def test_the_plain_answer_asks_for_no_user(staff, client, django_assert_num_queries):
    client.force_login(staff)

    with django_assert_num_queries(1):
        answer = client.get("/health?x=1", headers={"Authorization": "Bearer stale"})

    assert answer.json().keys() == {"status", "version"}
