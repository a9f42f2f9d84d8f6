"""How the API answers when upstreams fail, over real sockets: a row for each fault, a column for each upstream."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Album, AlbumAlias, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
from catalog.services import COVER_RETRY
from integrations import coverart, deadline, http, transport
from selections.models import WeekAlbum, WeekMovie
from tests import faulty, payloads
from tests.conftest import AGES, assert_problem, land
from tests.factories import AlbumFactory, ArtistFactory, MovieFactory, WeekFactory

pytestmark = [pytest.mark.real_http, pytest.mark.patient]  # only the middleware limits the time of a request

# A fault of faulty.py: the API's status for TMDB's and for MusicBrainz', and its Retry-After. None is a fault that
# only the other one has.
FAULTS = {
    "304": (502, 502, None),
    "401": (502, 502, None),  # a 401 from us would make clients sign users out
    "403": (502, 502, None),
    "404": (404, 404, None),  # 502 for a search, as one that finds nothing is a 200
    "429": (429, 429, "1"),
    "429 retry": (429, 429, "20"),
    "500": (502, 502, None),
    "502": (502, 502, None),
    "503": (503, 503, None),
    "503 retry": (503, 503, "20"),
    "504": (504, 504, None),
    "rate limit": (None, 429, "1"),
    "rate limit retry": (None, 429, "20"),
    "shed": (None, 503, None),
    "redirects for ever": (502, 502, None),
    "redirects elsewhere": (502, 502, None),
    "too large": (502, 502, None),
    "timeout": (504, 504, None),
    "drip": (504, 504, None),
    "drip head": (504, 504, None),
    "refused": (503, 503, None),
    "reset": (503, 503, None),
    "reset midway": (502, 502, None),
    "truncated": (502, 502, None),
    "garbage": (503, 503, None),
    "garbage body": (502, 502, None),
    "no gzip": (502, 502, None),
    "html": (502, 502, None),
    "empty": (502, 502, None),
    "null": (502, 502, None),
    "list": (502, 502, None),
    "wrong types": (502, 502, None),
}
NEVER_END = {"timeout", "drip", "drip head"}
OPEN_CIRCUITS = ["500", "502", "503", "504", "shed", "refused", "reset", "reset midway", "truncated"]
ENDPOINTS = {"tmdb": ["search", "details", "pick"], "musicbrainz": ["search", "details", "artist", "pick"]}
STORED = [Movie, MovieCast, MovieCrew, Person, Album, AlbumAlias, AlbumArtist, Artist, WeekMovie, WeekAlbum]
RECOVERED = 31  # seconds: longer than UPSTREAM_COOLDOWN and than any Retry-After above
CELL = ("service", "fault", "status", "retry_after")


def cells(*faults):
    """The cells of these rows, which are what CELL names."""
    return [
        pytest.param(service, fault, status, FAULTS[fault][2], id=f"{service}-{fault}")
        for fault in faults
        for service, status in zip(["tmdb", "musicbrainz"], FAULTS[fault][:2], strict=True)
        if status
    ]


@pytest.fixture(scope="module")
def started():
    """The three upstreams, as to start them takes longer than most tests."""
    servers = {name: faulty.FaultyServer() for name in ("tmdb", "musicbrainz", "coverart")}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture
def servers(started, upstream, settings):
    """The three upstreams, healthy; all requests to them end with the test."""
    for name, server in started.items():
        server.healthy = getattr(faulty, name)
        server.paths.clear()
        setattr(settings, f"{name.upper()}_BASE_URL", server.url)
    yield started
    for server in started.values():
        server.become("healthy")
    land()


@pytest.fixture
def shorten_waits(monkeypatch, settings):
    """Waits a third of a second for what never ends; healthy upstreams have their usual time, on a busy machine."""
    settings.MUSICBRAINZ_MAX_WAIT = 0  # part of the time that any upstream has

    with monkeypatch.context() as patch:

        def shorten_waits(service, fault):
            if fault in NEVER_END and service == "coverart":
                patch.setattr(coverart, "DEADLINE", 0.3)
            elif fault in NEVER_END:
                patch.setattr(http, "TIMEOUT", (2, 0.2))
                patch.setattr(transport, "MAX_ANSWER_TIME", 0.3)
                patch.setattr(deadline, "ANSWER_TIME", 0.3)
                patch.setattr(deadline, "REQUEST_TIME", 0.3)

        shorten_waits.end = patch.undo
        yield shorten_waits


@pytest.fixture
def week(user):
    return WeekFactory(user=user)


@pytest.fixture
def ask(api, week):
    """Sends the API a request that needs this upstream."""

    def ask(service, endpoint, number=0):
        movie, album = 120 + number, f"{payloads.RELEASE[:-3]}{number:03}"
        artist = f"{payloads.ARTIST[:-3]}{900 + number}"  # not one of the artists that releases credit
        if endpoint == "search":
            kind = "movies" if service == "tmdb" else "albums"
            return api.get(f"/api/{kind}/search?query=x{number}")
        if endpoint == "details":
            return api.get(f"/api/movies/{movie}" if service == "tmdb" else f"/api/albums/{album}")
        if endpoint == "artist":
            return api.get(f"/api/artists/{artist}")
        if service == "tmdb":
            return api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": movie, "position": 1})
        return api.post(f"/api/weeks/{week.pk}/albums", {"musicbrainz_id": album, "position": 1})

    return ask


def assert_success(response, endpoint):
    assert response.status_code == (201 if endpoint == "pick" else 200), response.json()


def assert_calm(caplog, fault=None):
    """The log has no traceback, and no error except the operator's if the key is refused."""
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    errors = [record.getMessage() for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
    assert len(errors) == (fault in {"401", "403"})
    assert all("refuses our key or User-Agent" in error for error in errors)


@pytest.mark.parametrize(CELL, cells(*FAULTS))
def test_a_fault_is_a_problem_that_passes(
    servers, ask, clock, shorten_waits, caplog, service, fault, status, retry_after
):
    servers[service].become(fault)
    shorten_waits(service, fault)

    for number, endpoint in enumerate(ENDPOINTS[service]):
        response = ask(service, endpoint, number)

        assert_problem(response, 502 if (endpoint, fault) == ("search", "404") else status)
        assert response.json()["detail"][0].isupper()
        assert " " in response.json()["detail"]
        assert response.headers.get("Retry-After") == retry_after
        assert [model.__name__ for model in STORED if model.objects.exists()] == []
        if fault not in NEVER_END:  # else the next ones need not wait
            clock.shift(RECOVERED)

    servers[service].become("healthy")
    land()
    shorten_waits.end()
    clock.shift(RECOVERED)
    assert_success(ask(service, "pick"), "pick")
    assert_calm(caplog, fault)


@pytest.mark.parametrize(CELL, cells("404", "429 retry", "500", "timeout", "drip head", "garbage"))
def test_what_the_catalog_knows_is_shown_whatever_upstream_does(
    servers, ask, shorten_waits, caplog, service, fault, status, retry_after
):
    old = timezone.now() - timedelta(days=60)  # so that it is asked for again
    MovieFactory(tmdb_id=120, title="x0, as known", fetched_at=old)
    AlbumFactory(musicbrainz_id=f"{payloads.RELEASE[:-3]}000", title="x0, as known", fetched_at=old)
    ArtistFactory(musicbrainz_id=f"{payloads.ARTIST[:-3]}900", name="As known", fetched_at=old)
    servers[service].become(fault)
    shorten_waits(service, fault)

    found, details, *artist, pick = (ask(service, endpoint) for endpoint in ENDPOINTS[service])

    assert (found.json()["source"], found.json()["results"][0]["title"]) == ("catalog", "x0, as known")
    assert (details.json()["cached"], details.json()["title"]) == (True, "x0, as known")
    assert [(shown.json()["cached"], shown.json()["name"]) for shown in artist] in ([], [(True, "As known")])
    assert_success(pick, "pick")
    assert_calm(caplog, fault)


@pytest.mark.parametrize("service", ["tmdb", "musicbrainz"])
def test_a_slow_answer_is_an_answer(servers, ask, caplog, service):
    servers[service].become("slow")

    begin = time.monotonic()
    response = ask(service, "pick")

    assert_success(response, "pick")
    assert time.monotonic() - begin >= 0.2
    assert_calm(caplog)


@pytest.mark.parametrize(CELL, cells(*OPEN_CIRCUITS))
def test_an_outage_is_asked_about_three_times_and_then_now_and_then(
    servers, ask, clock, caplog, service, fault, status, retry_after
):
    servers[service].become(fault)

    responses = [ask(service, "details", number) for number in range(5)]

    assert [response.status_code for response in responses] == [status] * 3 + [503] * 2
    assert "is temporarily unavailable" in responses[4].json()["detail"]
    assert 20 < int(responses[4].headers["Retry-After"]) <= 30
    assert len(servers[service].paths) == (0 if fault == "refused" else 3)
    servers[service].become("healthy")
    assert_problem(ask(service, "details"), 503)
    clock.shift(RECOVERED)
    assert_success(ask(service, "details"), "details")
    assert_calm(caplog)


@pytest.mark.parametrize(CELL, cells("429 retry", "503 retry", "rate limit retry"))
def test_a_retry_after_is_kept_to_by_all(servers, ask, clock, service, fault, status, retry_after):
    servers[service].become(fault)
    ask(service, "details")
    servers[service].become("healthy")

    clock.shift(10)
    refused = ask(service, "search")

    assert_problem(refused, status)
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert len(servers[service].paths) == 1
    clock.shift(10.1)
    assert_success(ask(service, "search"), "search")


@pytest.mark.parametrize("fault", sorted(NEVER_END))
@pytest.mark.parametrize("service", ["tmdb", "musicbrainz"])
def test_only_the_first_waits_for_an_upstream_that_hangs(servers, ask, clock, shorten_waits, service, fault):
    servers[service].become(fault)
    shorten_waits(service, fault)

    first = ask(service, "details")
    land()  # the first request is given up, though its connection hangs on
    shorten_waits.end()  # from now on others would be waited for, for AGES
    begin = time.monotonic()
    later = [ask(service, "details", number) for number in (1, 2)]

    assert time.monotonic() - begin < AGES / 2
    for response in (first, *later):
        assert_problem(response, 504)
    servers[service].become("healthy")
    land()
    clock.shift(RECOVERED)
    assert_success(ask(service, "details"), "details")


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"404"}))  # a 404 says that there is no cover
def test_without_the_archive_only_covers_are_missing_and_come_later(
    servers, ask, clock, shorten_waits, caplog, time_machine, fault
):
    servers["coverart"].become(fault)
    shorten_waits("coverart", fault)

    for endpoint in ("search", "details"):
        response = ask("musicbrainz", endpoint)
        assert_success(response, endpoint)
        assert cover_of(response) is None
        clock.shift(RECOVERED)

    servers["coverart"].become("healthy")
    land()
    shorten_waits.end()
    clock.shift(RECOVERED)
    time_machine.move_to(timezone.now() + COVER_RETRY + timedelta(seconds=1))
    for endpoint in ("search", "details"):
        assert cover_of(ask("musicbrainz", endpoint)).startswith("https://coverartarchive.org/release")
    assert len(servers["musicbrainz"].paths) == 2  # what it said was kept
    assert_calm(caplog, fault)


def cover_of(response):
    body = response.json()
    return body["results"][0]["cover_art_url"] if "results" in body else body["cover_art_url"]


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize(
    "junk", [None, True, -1, 10**30, "\x00", "\ud800", "x" * 20_000, {"id": {}}], ids=lambda junk: repr(junk)[:9]
)
def test_odd_values_are_no_bug(servers, ask, caplog, junk, is_deep):
    def spoil(value):
        """The same with junk instead of all values except ids: either of the top-level values, or of the nested
        ones."""
        if isinstance(value, list):
            return [junk, *map(spoil, value)]
        if not isinstance(value, dict):
            return junk
        return {
            name: inner if name == "id" else spoil(inner) if is_deep or name in {"results", "releases"} else junk
            for name, inner in value.items()
        }

    for name, server in servers.items():
        healthy = getattr(faulty, name)
        server.healthy = lambda path, healthy=healthy: faulty.change(healthy(path), spoil)

    for service in ("tmdb", "musicbrainz"):
        for endpoint in ENDPOINTS[service]:
            assert_success(ask(service, endpoint), endpoint)
    assert_calm(caplog)
