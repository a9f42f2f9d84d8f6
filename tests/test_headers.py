"""The headers of responses for caches and browsers."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from tests.endpoints import VIEWS
from tests.factories import MovieFactory, WeekFactory
from wrong_opinions.headers import Headers

OWN = {"/api/schema", "/api/export"}  # say something else


@pytest.mark.parametrize("address", sorted(address for address in VIEWS if "{" not in address and address not in OWN))
def test_no_shared_cache_keeps_an_answer(api, address):
    said = set(api.get(address).headers["Cache-Control"].split(", "))

    assert "no-store" in said or {"private", "no-cache"} <= said


def test_problems_and_pages_stay_out_of_shared_caches(api, anonymous, user):
    week = WeekFactory(user=user)
    answers = [
        api.get(f"/api/weeks/{week.pk}"),
        api.patch(f"/api/weeks/{week.pk}", {"notes": "x"}),
        api.get("/api/weeks/0"),
        anonymous.get("/api/auth/me"),
        anonymous.get("/api/nothing"),
        anonymous.get("/"),
        anonymous.get("/nothing"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 401, 404, 200, 404]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"private, no-cache"}


def test_headers_of_a_view_are_kept():
    view = Headers(lambda request: HttpResponse(headers={"Cache-Control": "no-store", "Permissions-Policy": "usb=()"}))

    response = view(RequestFactory().get("/"))

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Permissions-Policy"] == "usb=()"


@pytest.mark.parametrize(
    "path", ["/weeks", "/weeks/current", "/stats/overview", "/movies/1", "/movies/selections", "/opinions", "/users"]
)
def test_unchanged_answers_are_not_sent_again(api, settings, path):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    MovieFactory(tmdb_id=1, fetched_at=timezone.now())
    origin = {"Origin": "https://app.example"}
    first = api.get(f"/api{path}", headers=origin)

    again = api.get(f"/api{path}", headers=origin | {"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert set(again.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert again.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_an_unchanged_page_keeps_its_policy(anonymous):
    """Browsers replace the headers that they have stored by those of a 304, including the view's own policy."""
    first = anonymous.get("/api/docs")

    again = anonymous.get("/api/docs", headers={"If-None-Match": first.headers["ETag"]})

    assert "'unsafe-inline'" in first.headers["Content-Security-Policy"]
    assert (again.status_code, "Content-Security-Policy" in again.headers) == (304, False)


@pytest.mark.parametrize("path", ["/", "/api/docs", "/api/redoc", "/admin/login/", "/reset", "/nothing"])
def test_pages_have_all_features_of_browsers_off(anonymous, path):
    policy = anonymous.get(path).headers["Permissions-Policy"]

    assert all(feature.endswith("=()") for feature in policy.split(", "))
    assert "camera=()" in policy


def test_answers_of_the_api_need_no_features(api):
    assert "Permissions-Policy" not in api.get("/api/auth/me").headers


def test_the_icon_may_be_kept(anonymous):
    assert anonymous.get("/favicon.ico").headers["Cache-Control"] == "public, max-age=86400"
