"""Whatever the OpenAPI document allows, and much that it does not, gets an answer that the document names."""

import json
import re

import hypothesis
import pytest
import responses
import schemathesis
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import payloads
from tests.conftest import access_token
from tests.factories import MovieOpinionFactory, UserFactory, WeekFactory
from wrong_opinions.wsgi import application

load_all_checks()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


DOCUMENT = schemathesis.openapi.from_wsgi("/api/schema", application)
OPERATIONS = [result.ok() for result in DOCUMENT.get_all_operations()]


@pytest.fixture
def busy_upstream(upstream):
    """Upstreams that know everything."""
    upstream.assert_all_requests_are_fired = False

    def movie(request):
        number = int(re.search(r"/movie/(\d+)", request.url)[1])
        return (200, {}, json.dumps(payloads.movie(id=number)))

    def release(request):
        return (200, {}, json.dumps(payloads.release()))

    upstream.add_callback(responses.GET, re.compile(rf"{payloads.TMDB}/movie/\d+"), movie)
    upstream.get(re.compile(rf"{payloads.TMDB}/find/.*"), json={"movie_results": [{"id": 120}]})
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))
    upstream.add_callback(responses.GET, re.compile(rf"{payloads.MUSICBRAINZ}/release/.+"), release)
    upstream.get(re.compile(rf"{payloads.MUSICBRAINZ}/artist/.+"), json=payloads.artist())
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(payloads.release_hit()))
    upstream.get(re.compile(f"{payloads.COVERART}/.*"), status=404)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_answer_is_a_surprise(operation, busy_upstream):
    user = UserFactory(username="ada")
    MovieOpinionFactory(user=user, movie_pick__week=WeekFactory(pk=1, user=user, year=2026, week_number=7))

    @hypothesis.settings(
        max_examples=15 if operation.label == "POST /api/import" else 60,  # whole archives take long to think of
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {access_token(user)}"}, checks=CHECKS)

    ask()


def test_every_operation_of_the_contract_is_described():
    labels = {operation.label for operation in OPERATIONS}

    assert {"POST /api/auth/register", "GET /api/movies/lookup", "DELETE /api/weeks/{id}/albums/{position}"} <= labels
    assert len(labels) == 70
