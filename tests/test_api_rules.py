"""What holds for the whole API."""

import io
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer

from accounts.models import User
from selections.models import Position
from tests.conftest import assert_problem, client_of
from tests.factories import MovieFactory, WeekFactory
from wrong_opinions import api as ours
from wrong_opinions import formats
from wrong_opinions.wsgi import application


def routes(resolver=None, prefix=""):
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route.replace("^", "").removesuffix("$").replace(r"\Z", "")


def test_no_address_under_api_ends_with_a_slash():
    ours = [route for route in routes() if route.startswith("api/")]

    assert len(ours) > 15
    assert not [route for route in ours if route.endswith("/")]


@pytest.mark.parametrize("path", ["/api/weeks/", "/api/auth/login/", "/api/schema/", "/api/weeks/current/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_redirects(api, path, method):
    assert_problem(getattr(api, method)(path), 404)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/weeks/1/nothing", "/api/%00", "/api//weeks"])
def test_an_unknown_address_is_a_json_404(anonymous, path):
    assert_problem(anonymous.get(path), 404, "Not found")
    assert_problem(Client(enforce_csrf_checks=True).patch(path), 404, "Not found")


def test_other_pages_are_html(anonymous):
    response = anonymous.get("/nothing")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense", "application/problem+json"])
def test_json_whatever_is_accepted(api, accept):
    response = api.get("/api/auth/me", headers={"Accept": accept})

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_content_type_without_a_body_is_fine(api, user, method):
    week = WeekFactory(user=user)

    response = getattr(api, method)(f"/api/weeks/{week.pk}", content_type="application/json")

    assert response.status_code in {200, 204}


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"\xff\xfe", b'{"username": NaN}', b"{'username': 1}", b"9" * 5000, b"a=b&c=d"],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_is_not_json(anonymous, body, content_type):
    response = anonymous.generic("POST", "/api/auth/login", body, content_type=content_type)

    assert_problem(response, 400, "The body is not valid JSON")


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", b"[" + b"[]," * 2000 + b"[]]", b'{"a": [' + b"{" * 60],
)
def test_a_body_with_too_many_lists_is_not_even_parsed(anonymous, body):
    response = anonymous.generic("POST", "/api/auth/login", body, content_type="application/json")

    assert_problem(response, 400, "The body has too many lists and objects, or too deep ones")
    assert response.json()["code"] == "too_nested"


@pytest.mark.parametrize("text", ["[" * 9000, '"[{' * 3000, "\\[" * 3000, "]" * 9000])
def test_brackets_in_texts_are_just_text(api, text):
    response = api.post("/api/weeks", {"year": 2026, "week_number": 7, "notes": text})

    assert response.json()["notes"] == text


@pytest.mark.parametrize("body", ["[]", '"text"', "5", "null", "true"])
def test_a_body_that_is_not_an_object(anonymous, body):
    response = anonymous.generic("POST", "/api/auth/login", body, content_type="application/json")

    assert_problem(response, 422, "The body must be a JSON object")


@pytest.mark.parametrize(
    ("method", "address", "sent", "sentence"),
    [
        ("post", "/api/weeks", {"week_number": 7}, "Year is required."),
        ("post", "/api/weeks", {"year": 1899, "week_number": 7}, "Year must be at least 1900."),
        ("post", "/api/weeks", {"year": 2026, "week_number": "x"}, "Week number must be a whole number."),
        ("post", "/api/auth/login", {"username": "ada", "password": None}, "Password may not be null."),
        ("post", "/api/auth/register", {"username": "a" * 51}, "Username must have at most 50 characters."),
        ("get", "/api/weeks", {"page_size": "1000"}, "Page size must be at most 100."),
        ("get", "/api/movies/search", {}, "Query is required."),
        ("get", "/api/stats/compare", {"with": "me"}, "Compare yourself with another member."),
    ],
)
def test_invalid_input_is_a_sentence_for_people(api, method, address, sent, sentence):
    assert_problem(getattr(api, method)(address, sent), 422, sentence)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "", "application/json; charset=hex"]
)
def test_json_is_json_whatever_it_is_called(anonymous, content_type):
    response = anonymous.generic(
        "POST", "/api/auth/login", b'{"username": "a", "password": "b"}', content_type=content_type
    )

    assert_problem(response, 401)


def test_a_body_that_is_too_large(anonymous, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    response = anonymous.generic("POST", "/api/auth/login", b" " * 101, content_type="application/json")

    assert_problem(response, 413)


def environ_of(method, path, body=b"", **more):
    """A request as a server passes it to the WSGI application."""
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    } | more


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "", "application/json; charset=zlib", "text/x; CHARSET=rot13", "a/b; x*=utf-9''a"],
)
def test_a_body_is_read_whatever_its_charset(content_type):
    body = json.dumps({"username": "a", "password": "b"}).encode()
    headers = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type, "QUERY_STRING": "page=1"}
    statuses = []

    environ = environ_of("POST", "/api/auth/login", body, **headers)
    application(environ, lambda status, headers: statuses.append(status)).close()

    assert statuses == ["401 Unauthorized"]


@pytest.mark.django_db(transaction=True)
def test_head_has_no_body():
    answers = []

    body = application(environ_of("HEAD", "/health"), lambda status, headers: answers.append((status, dict(headers))))

    assert list(body) == []
    assert answers[0][0] == "200 OK"
    assert answers[0][1]["Content-Length"] == "41"


def test_a_bug_is_a_json_500_without_internals(api, monkeypatch):
    monkeypatch.setattr("selections.reads.week_by_name", lambda *name: 1 / 0)

    response = api.get("/api/weeks/current")

    assert_problem(response, 500, "Something went wrong on our side")
    assert "division" not in response.content.decode()


def test_a_busy_database_is_a_503(api, monkeypatch):
    def locked(*name):
        raise OperationalError("database is locked")

    monkeypatch.setattr("selections.reads.week_by_name", locked)

    response = api.get("/api/weeks/current")

    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "1"


def test_a_wrong_host_is_a_json_400(anonymous):
    response = anonymous.get("/api/auth/me", headers={"Host": "evil.example"})

    assert_problem(response, 400)
    assert "ALLOWED_HOSTS" in response.json()["detail"]


def test_health_answers_to_any_host_and_nothing_else_does(db, anonymous):
    statuses = {
        path: anonymous.get(path, headers={"Host": "10.0.0.7:8000"}).status_code
        for path in ("/health", "/health/", "/", "/api/schema", "/admin/login/")
    }

    assert statuses == {"/health": 200, "/health/": 400, "/": 400, "/api/schema": 400, "/admin/login/": 400}


def test_suspicious_requests_are_a_400():
    body, _ = ours.describe(SuspiciousOperation("internals"))

    assert (body["status"], "internals" in json.dumps(body)) == (400, False)


@pytest.mark.parametrize("method", ["put", "patch", "options", "delete"])
def test_another_method_is_a_405(api, method):
    assert_problem(getattr(api, method)("/api/auth/me"), 405)


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs", "/api/redoc", "/health"])
def test_problems_of_pages_and_documents_are_json_too(anonymous, path):
    assert_problem(anonymous.post(path, {}), 405)


def test_debug_changes_no_answer_of_the_api(anonymous, settings):
    settings.DEBUG = True

    assert_problem(anonymous.get("/api/nothing"), 404, "Not found")


def test_parameters_are_those_that_the_address_has(anonymous):
    for path, operations in anonymous.get("/api/schema").json()["paths"].items():
        for operation in operations.values():
            in_path = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))


# Health, documents, home


def test_health(anonymous):
    response = anonymous.get("/health", headers={"Authorization": "Bearer stale"})

    assert response.status_code == 200
    assert response.json() == {"status": "healthy", "version": "1.0.0"}


def test_health_without_a_database(anonymous, monkeypatch):
    def dead(*args):
        raise OperationalError("unable to open database file")

    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.utils.CursorWrapper.execute", dead)
        response = anonymous.get("/health")

    assert response.status_code == 503
    assert response.json()["status"] == "unhealthy"


@pytest.mark.parametrize("path", ["/", "/api/docs", "/api/redoc"])
def test_pages_take_nothing_from_elsewhere(anonymous, path):
    response = anonymous.get(path)

    page = response.content.decode()
    assert response.status_code == 200
    assert 'src="http' not in page
    assert 'rel="stylesheet" href="http' not in page
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def test_the_home_page_says_what_it_is_and_whose_data_it_shows(anonymous):
    page = anonymous.get("/").content.decode()

    assert "This product uses the TMDB API but is not endorsed or" in page
    assert "MusicBrainz" in page
    assert all(f'href="{path}"' in page for path in ("/api/docs", "/api/redoc", "/admin/"))


def test_the_document_is_openapi_3_1(anonymous):
    response = anonymous.get("/api/schema", headers={"Accept": "application/json"})

    document = response.json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]["/api/weeks/{id}/movies"]["post"]["responses"]) == {
        "201", "400", "401", "403", "404", "409", "413", "422", "429", "502", "503", "504",
    }  # fmt: skip
    assert "/api/weeks/current" in document["paths"]
    limited = {
        path
        for path, operations in document["paths"].items()
        if "429" in operations.get("post", {}).get("responses", {})
    }
    assert limited >= {"/api/auth/register", "/api/auth/login", "/api/auth/refresh"}
    assert "/api/auth/logout" not in limited
    assert "x-problems" not in response.content.decode()


# Other origins, HTTPS


def test_a_frontend_on_another_origin(settings, db):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.org"]
    headers = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}

    preflight = Client().options("/api/auth/login", headers=headers)
    refusal = Client().get("/api/auth/me", headers=headers)

    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert refusal.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Retry-After" in refusal.headers["Access-Control-Expose-Headers"]


def test_other_origins_are_strangers(db):
    response = Client().get("/api/auth/me", headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_api_sets_no_cookie_and_needs_no_csrf_token(user):
    client = Client(enforce_csrf_checks=True)

    response = client.post("/api/auth/login", {"username": "a", "password": "b"}, content_type="application/json")

    assert response.status_code == 401
    assert not response.cookies


def test_plain_http_is_refused_where_https_is_expected(rf):
    middleware = ours.RefusePlainHTTP(lambda request: "passed on")

    refused = middleware(rf.get("/api/weeks"))
    assert (refused.status_code, json.loads(refused.content)["code"]) == (403, "https_required")
    assert middleware(rf.get("/api/weeks", secure=True)) == "passed on"
    assert middleware(rf.get("/health")) == "passed on"


def test_what_an_answer_says_is_true_for_the_next_request(api, user):
    created = api.post("/api/weeks", {"year": 2026, "week_number": 7}).json()
    movie = MovieFactory()
    picked = api.post(f"/api/weeks/{created['id']}/movies", {"tmdb_id": movie.tmdb_id, "position": 1}).json()

    read = client_of(user).get(f"/api/weeks/{created['id']}").json()

    asked = {name: picked[name] for name in ("position", "added_at", "rewatch", "movie")}
    assert read["movies"] == [asked | {"my_opinion": None, "opinions_count": 0}]


ZONES = st.sampled_from([UTC, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata"), timezone(timedelta(hours=-9))])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2028\u2029"))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(-1e9, 1e9).map(lambda number: round(number, 3)),
    TEXTS,
    TEXTS.map(ErrorDetail),
    st.datetimes(datetime.fromisoformat("1970-01-01"), timezones=ZONES),  # before, offsets may have seconds
    st.dates(),
    st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.timedeltas(),
    st.sampled_from([gettext_lazy("Save"), Position.FIRST, User.Visibility.PRIVATE]),
)


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS | st.integers(-99, 99), inner)))
def test_json_is_what_rest_framework_writes(data):
    written, expected = formats.Renderer().render({"a": data}), JSONRenderer().render({"a": data})
    assert json.loads(written) == json.loads(expected)
