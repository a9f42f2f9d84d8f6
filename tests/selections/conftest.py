"""Upstreams with a handful of works, which are found by title."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from selections.kinds import KINDS
from tests import payloads

TITLES = {603: ("The Matrix", "1999-03-30"), 949: ("Heat", "1995-12-15"), 841: ("Dune", "1984-12-14")}
TITLES |= {438631: ("Dune", "2021-09-15"), 348: ("Alien", "1979-05-25")}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request):
    """Movies, then albums."""
    return request.param


@pytest.fixture
def tmdb(upstream):
    """TMDB, which knows TITLES."""
    upstream.assert_all_requests_are_fired = False

    def search(request):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        hits = [
            payloads.movie_hit(id=known, title=title, original_title=title, release_date=day)
            for known, (title, day) in TITLES.items()
            if asked["query"].lower() in title.lower() and day.startswith(asked.get("primary_release_year", ""))
        ]
        return 200, {}, payloads.json_of(payloads.movie_page(*hits))

    def details(request):
        known = int(urlsplit(request.url).path.rpartition("/")[2])
        if known not in TITLES:
            return 404, {}, payloads.json_of(payloads.UNKNOWN)
        title, day = TITLES[known]
        return (
            200,
            {},
            payloads.json_of(payloads.movie(id=known, title=title, release_date=day, imdb_id=f"tt{known:07}")),
        )

    upstream.add_callback("GET", f"{payloads.TMDB}/search/movie", search)
    upstream.add_callback("GET", re.compile(rf"{payloads.TMDB}/movie/\d+"), details)
    upstream.get(f"{payloads.TMDB}/find/tt0000603", json={"movie_results": [payloads.movie_hit()]})
    return upstream


@pytest.fixture
def musicbrainz(upstream):
    """MusicBrainz, which knows one album in two editions."""
    upstream.assert_all_requests_are_fired = False
    other = payloads.release_hit(id="d5cdb7fd-c7e9-460a-9549-000000000002", date="2018", status="Bootleg")
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(other, payloads.release_hit()))
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", json=payloads.release())
    return upstream
