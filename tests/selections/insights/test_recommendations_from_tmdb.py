"""Movies that TMDB recommends for those that the user likes best."""

import json
import threading

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalog.models import Movie
from tests import payloads
from tests.conftest import AGES, land
from tests.factories import (
    MovieFactory,
    PersonFactory,
)
from tests.selections.insights.recommended import (
    MOVIES,
    ask,
    directed,
    rated,
)

pytestmark = pytest.mark.usefixtures("now")


def hit(tmdb_id, **changes):
    return payloads.movie_hit(id=tmdb_id, title=f"Hit {tmdb_id}", media_type="movie", adult=False) | changes


def recommends(upstream, tmdb_id, *hits, **answer):
    answer = answer or {"json": payloads.movie_page(*hits)}
    return upstream.get(f"{payloads.TMDB}/movie/{tmdb_id}/recommendations", **answer)


@pytest.fixture
def favourite(user):
    return rated(user, MovieFactory(tmdb_id=120, title="The Fellowship of the Ring"), 10)


def test_tmdb_is_asked_about_the_highest_rated_movie(api, user, upstream, favourite):
    known = MovieFactory(tmdb_id=121, title="The Two Towers")
    own = rated(user, MovieFactory(tmdb_id=122), None)
    asked = recommends(upstream, 120, hit(121), hit(own.movie.tmdb_id), hit(603, release_date="", poster_path=None))

    body = ask(api, MOVIES)

    week = favourite.week
    lead = {
        "title": "The Fellowship of the Ring",
        "week_id": week.pk,
        "year": week.year,
        "week_number": week.week_number,
    }
    assert body["source"] == "tmdb"
    assert [result["movie"] for result in body["results"]] == [
        {
            "id": known.pk,
            "tmdb_id": 121,
            "title": "The Two Towers",
            "original_title": None,
            "release_date": None,
            "poster_path": None,
            "poster_url": None,
            "overview": None,
        },
        {
            "id": None,
            "tmdb_id": 603,
            "title": "Hit 603",
            "original_title": "The Matrix",
            "release_date": None,
            "poster_path": None,
            "poster_url": None,
            "overview": "A hacker wakes up.",
        },
    ]
    for result in body["results"]:
        assert result["because"] == [{"reason": "tmdb", "name": "The Fellowship of the Ring", "picks": [lead]}]
    assert not Movie.objects.filter(tmdb_id=603).exists()
    assert ask(api, MOVIES) == body
    assert asked.call_count == 1  # the second answer came from the cache


def test_tmdb_is_asked_about_at_most_five_movies_all_of_them_liked(api, user, upstream):
    for number in range(8):
        rated(user, MovieFactory(tmdb_id=100 + number), 3 + number)
    rated(user, MovieFactory(), None)
    for tmdb_id in range(104, 108):  # rated 7 to 10
        recommends(upstream, tmdb_id)

    assert ask(api, MOVIES) == {"source": "tmdb", "results": []}

    for number in range(2):
        rated(user, MovieFactory(tmdb_id=200 + number), 10)
    for number in range(2):
        recommends(upstream, 200 + number)
    ask(api, MOVIES)
    assert len([call for call in upstream.calls if "/recommendations" in call.request.url]) == 6


def test_series_and_adult_movies_are_left_out(api, upstream, favourite):
    recommends(upstream, 120, hit(603, media_type="tv"), hit(604, adult=True), {"id": "x"}, "garbage", hit(605))

    assert [result["movie"]["tmdb_id"] for result in ask(api, MOVIES)["results"]] == [605]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 401, "json": {"status_code": 7}},
        {"status": 404, "json": payloads.UNKNOWN},
        {"status": 429, "headers": {"Retry-After": "7"}},
        {"status": 503},
        {"body": "garbage"},
        {"json": {"results": None}},
        {"body": requests.ConnectionError("refused")},
    ],
)
def test_the_catalog_is_used_when_tmdb_fails(api, user, upstream, favourite, answer):
    director = PersonFactory()
    rated(user, directed(director), 6)
    new = directed(director)
    recommends(upstream, 120, **answer)

    body = ask(api, MOVIES)

    assert body["source"] == "catalog"
    assert [result["movie"]["id"] for result in body["results"]] == [new.pk]


def test_without_a_key_the_catalog_is_used(api, settings, favourite):
    settings.TMDB_API_KEY = ""

    assert ask(api, MOVIES) == {"source": "catalog", "results": []}


def test_one_failed_request_does_not_discard_the_others(api, user, upstream, favourite):
    rated(user, MovieFactory(tmdb_id=13), 9)
    recommends(upstream, 120, status=500)
    recommends(upstream, 13, hit(603))

    body = ask(api, MOVIES)

    assert body["source"] == "tmdb"
    assert [result["movie"]["tmdb_id"] for result in body["results"]] == [603]


def test_stale_answers_are_used_while_tmdb_is_down(api, upstream, favourite, time_machine):
    recommends(upstream, 120, hit(603))
    first = ask(api, MOVIES)
    time_machine.shift(2 * 24 * 3600)
    upstream.replace("GET", f"{payloads.TMDB}/movie/120/recommendations", status=500)

    assert ask(api, MOVIES) == first


@pytest.mark.real_http
def test_a_slow_tmdb_is_not_waited_for(api, httpserver: HTTPServer, settings, monkeypatch, favourite):
    monkeypatch.setattr("catalog.services.EXTRA_WAIT", 0.3)
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")
    release = threading.Event()

    def answer(request):
        release.wait(AGES)
        return Response(json.dumps(payloads.movie_page(hit(603))), content_type="application/json")

    httpserver.expect_request("/movie/120/recommendations").respond_with_handler(answer)

    first = ask(api, MOVIES)

    assert first == {"source": "catalog", "results": []}
    release.set()
    land()
    assert len(ask(api, MOVIES)["results"]) == 1  # what came too late was kept
