"""Every request that the OpenAPI document allows, and many that it does not, gets a response that the document
lists."""

import json
import re

import hypothesis
import pytest
import responses
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import payloads
from tests.conftest import access_token, delivered
from tests.factories import MovieOpinionFactory, UserFactory, WeekFactory
from wrong_opinions.wsgi import application

load_all_checks()
PLAIN = {"Accept-Encoding": "identity"}  # Schemathesis decompresses nothing that it asks over WSGI
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


# What a document cannot say: which addresses are those of movies and albums, which parameters exclude each other, and
# which members there are.
SAYS_LESS = {"GET /api/movies/lookup", "GET /api/albums/lookup", "GET /api/stats/wrong-opinions", "GET /api/shortlist"}
DOCUMENT = schemathesis.openapi.from_wsgi("/api/schema", application)
for operation in (operation for methods in DOCUMENT.raw_schema["paths"].values() for operation in methods.values()):
    operation.pop("security", None)  # every request is signed in: otherwise half of the bad ones are just a 401
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
    reading = access_token(user)

    @hypothesis.given(case=operation.as_strategy())
    def ask(case):
        token = reading if operation.method == "get" else access_token(user)  # others may end the session
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"} | PLAIN, checks=CHECKS)
        delivered()  # their random ids must not be drawn while Hypothesis generates the next request

    ask()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation in OPERATIONS
        for mode in GenerationMode
        if (operation.query and operation.method == "get" and not (mode.is_positive and operation.label in SAYS_LESS))
        or (mode.is_negative and operation.body and operation.label != "POST /api/import")
    ],
)
def test_requests_are_taken_and_refused_as_the_document_says(operation, mode, busy_upstream):
    user = UserFactory(username="ada")
    week = MovieOpinionFactory(user=user, movie_pick__week__user=user).pick.week
    known_objects = {"id": user.pk if "/users/" in operation.path else week.pk, "position": 1}
    known = {parameter.name for parameter in operation.query}
    members = {"owner", "user"} & known if operation.path in {"/api/weeks", "/api/opinions"} else set()

    @hypothesis.settings(max_examples=3)
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        # Most addresses ignore parameters that they do not know, and not every year has a week 53.
        if not set(case.query or {}) <= known or "W53" in str(case.query):
            return
        path = case.meta.components.get(ParameterLocation.PATH)
        if path and path.mode.is_positive:  # let a bad body get as far as to be read
            case.path_parameters |= {name: known_objects[name] for name in known_objects.keys() & case.path_parameters}
        if mode.is_positive:  # a name that the document allows may be that of no member
            case.query = (case.query or {}) | dict.fromkeys(members & set(case.query or {}), "me")
        check = positive_data_acceptance if mode.is_positive else negative_data_rejection
        case.call_and_validate(headers={"Authorization": f"Bearer {access_token(user)}"} | PLAIN, checks=[check])

    ask()


def test_empty_parameters_are_ignored(api):
    for operation in OPERATIONS:
        optional = [p.name for p in operation.query if not p.is_required]
        if operation.method == "get" and "{" not in operation.path and optional == [p.name for p in operation.query]:
            answers = [api.get(operation.path), api.get(operation.path, dict.fromkeys(optional, ""))]
            assert [answer.status_code for answer in answers] == [200, 200], operation.label


def test_every_operation_of_the_contract_is_described():
    labels = {operation.label for operation in OPERATIONS}

    assert {"POST /api/auth/register", "GET /api/movies/lookup", "DELETE /api/weeks/{id}/albums/{position}"} <= labels
    assert len(labels) == 90
