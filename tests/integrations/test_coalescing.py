import math
import re
import threading

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations import deadline, tmdb
from integrations.errors import IntegrationError, RateLimited, Unavailable
from tests import payloads
from tests.conftest import AGES, at_once, forget_sessions, land, wait_until

BODY = '{"id": 120, "title": "The Fellowship of the Ring"}'


@pytest.fixture
def slow(httpserver: HTTPServer, settings):
    """TMDB, which answers when it is released."""
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")
    release = threading.Event()

    def answer(request):
        release.wait(AGES)
        return Response(BODY, content_type="application/json")

    httpserver.expect_request("/movie/120").respond_with_handler(answer)
    yield release
    release.set()
    land()


def waiting():
    """How many callers wait for running requests."""
    return sum(len(future._condition._waiters) for future in list(tmdb.upstream.running.values()))


def ask(*_):
    try:
        return tmdb.fetch_movie(120).title
    except IntegrationError as error:
        return type(error).__name__


@pytest.mark.real_http
@pytest.mark.parametrize(
    "waiters",
    [50, pytest.param(49, id="one of those without a deadline sends it", marks=pytest.mark.patient)],
)
def test_simultaneous_requests_for_the_same_are_one(httpserver, slow, waiters):
    releasing = threading.Thread(target=lambda: (wait_until(lambda: waiting() == waiters), slow.set()))
    releasing.start()

    titles = at_once(50, ask)
    releasing.join()

    assert titles == ["The Fellowship of the Ring"] * 50
    assert len(httpserver.log) == 1


@pytest.mark.real_http
def test_they_share_a_failure_too(httpserver, settings):
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")

    def fail(request):
        wait_until(lambda: waiting() == 20)
        return Response("", 500)

    httpserver.expect_request("/movie/120").respond_with_handler(fail)

    assert at_once(20, ask) == ["Unavailable"] * 20
    assert len(httpserver.log) == 1


@pytest.mark.real_http
def test_what_the_cache_has_is_never_refused(slow, monkeypatch):
    slow.set()
    ask()
    monkeypatch.setattr(deadline, "long_waits", threading.BoundedSemaphore(1))
    deadline.long_waits.acquire()

    assert ask() == "The Fellowship of the Ring"


@pytest.mark.real_http
def test_after_the_deadline_the_answer_still_goes_to_the_cache(httpserver, slow):
    with deadline.at_most(0.2), pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.status == 504
    slow.set()
    land()
    assert ask() == "The Fellowship of the Ring"
    assert len(httpserver.log) == 1


@pytest.mark.real_http
def test_no_more_than_four_connections_of_a_process_are_open(settings):
    lock, open_now, most, are_four = threading.Lock(), [0], [0], threading.Event()

    def answer(request):
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
            if most[0] == 4:
                are_four.set()
        are_four.wait(AGES)
        with lock:
            open_now[0] -= 1
        return Response(f'{{"id": {request.path.split("/")[-1]}, "title": "x"}}', content_type="application/json")

    with HTTPServer(threaded=True) as server:
        settings.TMDB_BASE_URL = server.url_for("").rstrip("/")
        server.expect_request(re.compile("/movie/.*")).respond_with_handler(answer)
        found = at_once(6, lambda number: [tmdb.fetch_movie(10 * number + part).tmdb_id for part in range(1, 4)])
        forget_sessions()

    assert len(found) == 6
    assert most[0] == 4


@pytest.mark.patient
def test_commands_try_again_as_often_as_they_are_told(upstream, monkeypatch):
    waits = []
    monkeypatch.setattr("integrations.http.time.sleep", waits.append)
    monkeypatch.setattr("integrations.admission.monotonic", lambda: 1000.0 + sum(waits))
    upstream.get(f"{payloads.TMDB}/movie/120", status=429, headers={"Retry-After": "3"})

    with pytest.raises(RateLimited):
        tmdb.fetch_movie(120)

    assert waits == [3] * 4


@pytest.mark.patient
def test_a_web_request_waits_as_the_settings_say_and_a_command_without_end(settings, monkeypatch):
    settings.MUSICBRAINZ_MAX_WAIT = 10
    monkeypatch.setattr(deadline, "ANSWER_TIME", 4)
    monkeypatch.setattr(deadline, "monotonic", lambda: 1000.0)

    def waits(_=None):
        return deadline.seconds_for_slot(), deadline.seconds_left()

    assert deadline.UpstreamDeadlineMiddleware(waits)(None) == (10, 14)
    assert waits() == (math.inf, math.inf)


def test_an_inner_deadline_is_no_later_than_the_outer_one():
    with deadline.at_most(1), deadline.at_most(50):
        assert deadline.seconds_left() <= 1
        assert deadline.seconds_for_slot() <= 0.5


def test_a_request_that_cannot_start_leaves_nothing_behind(upstream, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    upstream.get(f"{payloads.TMDB}/movie/120", body=BODY)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            ask()

    assert not tmdb.upstream.running
    assert ask() == "The Fellowship of the Ring"
