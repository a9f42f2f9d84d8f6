import contextlib
import gzip
import json
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from uuid import UUID

import brotli
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations import cache, deadline, musicbrainz, tmdb
from integrations.errors import NotFound, RateLimited, Unavailable
from integrations.values import MAX_TEXT
from tests import payloads
from tests.conftest import at_once, forget_sessions, wait_until

MOVIE = f"{payloads.TMDB}/movie/120"


@pytest.mark.parametrize(
    ("status", "ours"), [(500, 502), (502, 502), (503, 503), (504, 504), (400, 502), (418, 502), (499, 502)]
)
def test_every_bad_status_is_an_error_of_ours(upstream, status, ours):
    upstream.get(MOVIE, status=status, headers={"Retry-After": "9"})

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert (failure.value.status, failure.value.retry_after) == (ours, 9)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", ["", "null", "[]", "3", "<html>404</html>", '{"id": 120, "titl', "[" * 100_000])
def test_an_unreadable_answer_is_an_error_and_is_not_cached(upstream, status, body):
    """Also with a 404, from a wrong address or a proxy: taken for an answer it would make the whole catalog vanish."""
    upstream.get(MOVIE, status=status, body=body)
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
    upstream.get(MOVIE, status=404, json=payloads.UNKNOWN)
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
    time_machine.move_to("2026-07-31T00:00:00Z", tick=False)  # after 180 days

    with pytest.raises(Unavailable):
        tmdb.fetch_movie(120)


def test_the_cache_file_is_for_its_owner_only_and_no_pickle(upstream, settings):
    upstream.get(MOVIE, json=payloads.movie())

    tmdb.fetch_movie(120)

    for file in settings.CACHE_DIR.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.CACHE_DIR.stat().st_mode) == 0o700
    with contextlib.closing(sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")) as connection:
        ((value,),) = connection.execute("SELECT value FROM responses").fetchall()
    assert json.loads(value)["body"]["id"] == 120


def test_a_damaged_cache_file_is_replaced(upstream, settings):
    settings.CACHE_DIR.mkdir()
    (settings.CACHE_DIR / "http_cache.sqlite").write_bytes(b"this is no database" * 1000)
    upstream.get(MOVIE, json=payloads.movie())

    assert [tmdb.fetch_movie(120).tmdb_id, tmdb.fetch_movie(120).tmdb_id] == [120, 120]

    assert len(upstream.calls) == 1


def test_a_damaged_page_is_found_at_the_next_start(upstream, settings):
    upstream.get(MOVIE, json=payloads.movie(overview="x" * 50_000))
    tmdb.fetch_movie(120)
    forget_sessions()
    file = settings.CACHE_DIR / "http_cache.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:16384] = b"\xff" * 12288
    file.write_bytes(content)

    assert tmdb.fetch_movie(120).tmdb_id == 120
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("value", ["{}", "[]", '{"id": "many"}', "nonsense", None, 5, b"\xff"])
def test_a_tampered_row_is_fetched_again(upstream, settings, value):
    upstream.get(MOVIE, json=payloads.movie())
    tmdb.fetch_movie(120)
    with contextlib.closing(sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")) as connection:
        connection.execute("UPDATE responses SET value = ?", [value])
        connection.commit()

    assert [tmdb.fetch_movie(120).tmdb_id, tmdb.fetch_movie(120).tmdb_id] == [120, 120]
    assert len(upstream.calls) == 2


def test_looking_for_damage_does_not_drop_the_locks_of_sqlite(upstream, settings):
    """If SQLite's locks are dropped, the next process that closes the file deletes the log that is still in use."""
    upstream.get(MOVIE, json=payloads.movie())
    tmdb.fetch_movie(120)
    cache.close()
    cache.get("")
    file = settings.CACHE_DIR / "http_cache.sqlite"
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM responses'); c.close()"

    subprocess.run([sys.executable, "-c", script, str(file)], check=True)

    assert file.with_name("http_cache.sqlite-wal").exists()


def test_a_folder_that_is_deleted_while_running(upstream, settings):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page())
    cache.get("")
    shutil.rmtree(settings.CACHE_DIR)

    assert musicbrainz.search_releases("x").count == 0


@pytest.mark.parametrize("key", ["0123456789abcdef0123456789abcdef", "a-read-access-token"])
@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/3/movie/120",
        "//elsewhere.example/3/movie/120",
        "http://api.themoviedb.org/3/movie/120",
        "https://api.themoviedb.org:8443/3/movie/120",
        "https://api.themoviedb.org:x/3/movie/120",
        "https://api.themoviedb.org@elsewhere.example/3/movie/120",
        "https://[api.themoviedb.org/3/movie/120",
        "\xff",
        "ftp://api.themoviedb.org/3/movie/120",
    ],
)
def test_a_redirect_to_another_server_is_no_answer(upstream, settings, key, location):
    settings.TMDB_API_KEY = key
    upstream.get(MOVIE, status=302, headers={"Location": location})
    upstream.get(MOVIE, json=payloads.movie())

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert (failure.value.status, len(upstream.calls)) == (502, 1)
    assert tmdb.fetch_movie(120).tmdb_id == 120


def test_a_redirect_on_the_same_server_is_followed(upstream):
    upstream.get(MOVIE, status=301, headers={"Location": f"{payloads.TMDB}/movie/120-moved"})
    upstream.get(f"{MOVIE}-moved", json=payloads.movie())

    assert tmdb.fetch_movie(120).tmdb_id == 120


def test_redirects_are_followed_three_times_at_most(upstream):
    hop = upstream.get(MOVIE, status=301, headers={"Location": MOVIE})

    with pytest.raises(Unavailable):
        tmdb.fetch_movie(120)

    assert hop.call_count == 1 + 3


def test_a_followed_redirect_takes_a_slot(upstream, settings, transactional_db):
    moved = f"{payloads.MUSICBRAINZ}/artist/{payloads.ARTIST}"
    hop = upstream.get(moved, status=301, headers={"Location": moved})
    settings.MUSICBRAINZ_INTERVAL = 60

    with pytest.raises(RateLimited):  # the second slot is a minute away
        musicbrainz.fetch_artist(UUID(payloads.ARTIST))

    assert hop.call_count == 1


def test_an_old_answer_is_served_without_a_trace_of_the_key(upstream, settings, time_machine, caplog):
    settings.TMDB_API_KEY = "0123456789abcdef0123456789abcdef"
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(MOVIE, json=payloads.movie())
    for status in (500, 401, 429, 503):
        upstream.get(MOVIE, status=status)
    tmdb.fetch_movie(120)
    time_machine.move_to("2026-02-03T00:00:00Z", tick=False)

    with caplog.at_level("DEBUG"):
        assert {tmdb.fetch_movie(120).tmdb_id for _ in range(4)} == {120}

    assert settings.TMDB_API_KEY not in caplog.text
    assert "refuses our key" in caplog.text


ASK = {
    f"{payloads.TMDB}/search/movie": lambda: tmdb.search_movies("x"),
    MOVIE: lambda: tmdb.fetch_movie(120),
    f"{payloads.MUSICBRAINZ}/release": lambda: musicbrainz.search_releases("x"),
    f"{payloads.MUSICBRAINZ}/artist/{payloads.ARTIST}": lambda: musicbrainz.fetch_artist(UUID(payloads.ARTIST)),
}


@pytest.mark.parametrize("address", ASK)
@pytest.mark.parametrize("body", [{}, {"error": "x"}, {"results": None, "releases": None}, {"id": None}])
def test_an_answer_without_what_was_asked_for_is_an_error(upstream, address, body):
    upstream.get(address, json=body)

    with pytest.raises(Unavailable) as failure:
        ASK[address]()

    assert failure.value.status == 502


@pytest.mark.parametrize("address", [address for address in ASK if address.endswith(("/movie", "/release"))])
def test_a_search_that_is_not_found_is_upstream_s_trouble(upstream, address):
    upstream.get(address, status=404, json=payloads.UNKNOWN)

    with pytest.raises(Unavailable):
        ASK[address]()


def test_without_a_writable_folder_the_cache_is_in_memory(upstream, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    settings.CACHE_DIR = tmp_path / "file" / "cache"
    upstream.get(MOVIE, json=payloads.movie())

    assert tmdb.fetch_movie(120) == tmdb.fetch_movie(120)
    assert len(upstream.calls) == 1


def test_without_a_place_for_slots_no_request_is_sent(upstream, settings, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    settings.CACHE_DIR = tmp_path / "file" / "cache"
    settings.TMDB_INTERVAL = 1

    with pytest.raises(Unavailable, match="TMDB cannot be asked") as failure:
        tmdb.search_movies("x")

    assert failure.value.status == 503


def in_chunks(body):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"


@pytest.mark.real_http
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "br"])
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size", [1, 300_000])
def test_answers_may_be_compressed_and_come_in_chunks(settings, encoding, is_chunked, size):
    body = json.dumps(payloads.movie(overview="ä" * size)).encode()
    body = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[encoding](body)
    head = [b"HTTP/1.1 200 OK", b"Content-Encoding: " + (encoding.encode() or b"identity")]
    head.append(b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(body))

    def serve(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(5000)
            connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + (in_chunks(body) if is_chunked else body))

    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TMDB_BASE_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        movie = tmdb.fetch_movie(120)
        thread.join()

    assert movie.overview == "ä" * min(size, MAX_TEXT)
    assert tmdb.fetch_movie(120) == movie


@pytest.mark.real_http
def test_connections_are_used_again(settings):
    """A new one for each request would cost a handshake each time, and a socket."""
    ports = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            ports.append(self.client_address[1])
            number = urlsplit(self.path).path.split("/")[-1]
            body = f'{{"id": {number}, "title": "x"}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        settings.TMDB_BASE_URL = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for number in range(1, 6):
            tmdb.fetch_movie(number)
        forget_sessions()
        server.shutdown()
        thread.join()

    assert len(ports) == 5
    assert len(set(ports)) == 1


@pytest.mark.real_http
def test_two_threads_stay_free_of_waiting_for_musicbrainz(httpserver: HTTPServer, settings, monkeypatch):
    assert settings.WEB_THREADS == 8
    monkeypatch.setattr(deadline, "CROWDED_WAIT", 0.05)
    settings.MUSICBRAINZ_BASE_URL = httpserver.url_for("/ws/2")
    outcomes = []

    def answer(request):
        wait_until(lambda: len(outcomes) >= 2)
        return Response('{"count": 0, "releases": []}', content_type="application/json")

    def search(number):
        try:
            outcomes.append(musicbrainz.search_releases(f"album {number}").count)
        except RateLimited as error:
            outcomes.append(error.retry_after)
        return number

    httpserver.expect_request("/ws/2/release").respond_with_handler(answer)

    at_once(8, search)

    assert min(outcomes[:2]) >= 1
    assert outcomes[2:] == [0] * 6


def test_retry_after_as_a_date(upstream, time_machine):
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(MOVIE, status=503, headers={"Retry-After": "Sun, 01 Feb 2026 00:00:30 GMT"})

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.retry_after == 30
