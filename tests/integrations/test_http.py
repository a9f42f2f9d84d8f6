import socket
import sqlite3
import stat
import threading
import time
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations import http, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound, RateLimited, Unavailable
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/120"


@pytest.mark.parametrize(
    ("status", "ours"), [(500, 502), (502, 502), (503, 503), (504, 504), (400, 502), (418, 502), (499, 502)]
)
def test_every_bad_status_is_an_error_of_ours(upstream, status, ours):
    upstream.get(MOVIE, status=status, headers={"Retry-After": "9"})

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert (failure.value.status, failure.value.retry_after) == (ours, 9)


@pytest.mark.parametrize("body", ["", "null", "[]", "3", "<html>", '{"id": 120, "titl', "[" * 100_000])
def test_an_unreadable_answer_is_an_error_and_is_not_cached(upstream, body):
    upstream.get(MOVIE, body=body)
    upstream.get(MOVIE, json=payloads.movie())

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.status == 502
    assert tmdb.fetch_movie(120).tmdb_id == 120


def test_an_old_answer_is_served_when_upstream_fails(upstream, time_machine):
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(MOVIE, json=payloads.movie(title="Old"))
    upstream.get(MOVIE, status=500)
    upstream.get(MOVIE, body="garbage")
    upstream.get(MOVIE, status=404)
    assert tmdb.fetch_movie(120).title == "Old"
    time_machine.move_to("2026-02-03T00:00:00Z", tick=False)

    assert [tmdb.fetch_movie(120).title, tmdb.fetch_movie(120).title] == ["Old", "Old"]
    with pytest.raises(NotFound):
        tmdb.fetch_movie(120)


def test_an_answer_older_than_six_months_is_not_served(upstream, time_machine):
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(MOVIE, json=payloads.movie())
    upstream.get(MOVIE, status=500)
    tmdb.fetch_movie(120)
    time_machine.move_to("2026-09-01T00:00:00Z", tick=False)

    with pytest.raises(Unavailable):
        tmdb.fetch_movie(120)


def test_the_cache_file_is_for_its_owner_only(upstream, settings):
    upstream.get(MOVIE, json=payloads.movie())

    tmdb.fetch_movie(120)

    for file in settings.CACHE_DIR.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.CACHE_DIR.stat().st_mode) == 0o700


def test_the_cache_is_no_pickle(upstream, settings):
    upstream.get(MOVIE, json=payloads.movie())

    tmdb.fetch_movie(120)

    connection = sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")
    ((value,),) = connection.execute("SELECT value FROM responses").fetchall()
    connection.close()
    assert (value if isinstance(value, str) else value.decode()).startswith("{")


def test_a_damaged_cache_file_is_set_aside(upstream, settings):
    settings.CACHE_DIR.mkdir()
    (settings.CACHE_DIR / "http_cache.sqlite").write_bytes(b"this is no database" * 1000)
    upstream.get(MOVIE, json=payloads.movie())

    assert tmdb.fetch_movie(120).tmdb_id == 120

    assert list(settings.CACHE_DIR.glob("http_cache.sqlite.damaged-*"))


def test_without_a_usable_folder_the_cache_is_in_memory(upstream, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHE_DIR = tmp_path / "file" / "cache"
    upstream.get(MOVIE, json=payloads.movie())

    assert tmdb.fetch_movie(120) == tmdb.fetch_movie(120)
    assert len(upstream.calls) == 1
    with pytest.raises(Unavailable, match="CACHE_DIR"):
        musicbrainz.search_releases("x")


@pytest.mark.real_http
def test_a_refused_connection(settings):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.TMDB_BASE_URL = f"http://127.0.0.1:{probe.getsockname()[1]}"

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.status == 503


@pytest.mark.real_http
def test_an_answer_that_does_not_come_in_time(httpserver: HTTPServer, settings, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", (0.2, 0.2))
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/movie/120").respond_with_handler(lambda request: time.sleep(0.7))

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.status == 504


@pytest.mark.real_http
def test_an_answer_that_breaks_off(settings):
    def serve(server):
        connection, _ = server.accept()
        connection.recv(5000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TMDB_BASE_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        with pytest.raises(Unavailable) as failure:
            tmdb.fetch_movie(120)
        thread.join()

    assert failure.value.status == 502


@pytest.mark.real_http
def test_two_threads_stay_free_of_waiting_for_musicbrainz(httpserver: HTTPServer, settings):
    assert settings.WEB_THREADS == 8
    settings.MUSICBRAINZ_BASE_URL = httpserver.url_for("/ws/2")
    release = threading.Event()
    outcomes = []

    def answer(request):
        release.wait(10)
        return Response('{"count": 0, "releases": []}', content_type="application/json")

    def search(number):
        try:
            musicbrainz.search_releases(f"album {number}")
        except IntegrationError as error:
            outcomes.append(error)
        else:
            outcomes.append(None)

    httpserver.expect_request("/ws/2/release").respond_with_handler(answer)
    musicbrainz.session()
    threads = [threading.Thread(target=search, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while len(outcomes) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)

    refused = list(outcomes)
    release.set()
    for thread in threads:
        thread.join()

    assert [type(error) for error in refused] == [RateLimited, RateLimited]
    assert all(error.retry_after >= 1 for error in refused)
    assert outcomes.count(None) == 6


def test_retry_after_as_a_date(upstream, time_machine):
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(MOVIE, status=503, headers={"Retry-After": "Sun, 01 Feb 2026 00:00:30 GMT"})

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.retry_after == 30


def test_kept_no_longer_than_tmdb_allows():
    assert timedelta(days=180) >= http.KEEP_STALE
