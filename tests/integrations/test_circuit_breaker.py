import errno
import json
import math
import threading
from pathlib import Path

import pytest

from integrations import musicbrainz, tmdb
from integrations.admission import Admission, HostState
from integrations.errors import IntegrationError, NotFound, RateLimited, Unavailable
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/120"


@pytest.fixture
def circuit():
    return Admission("TMDB", HostState("tmdb"))


def sent(circuit):
    """Whether a request is sent as the probe; the seconds to wait where it is refused."""
    try:
        return circuit.reserve(math.inf)[1]
    except IntegrationError as error:
        return error.retry_after


def ask():
    try:
        return tmdb.fetch_movie(120)
    except IntegrationError as error:
        return error


def test_a_failed_probe_opens_it_again(upstream, clock):
    upstream.get(MOVIE, status=500)
    for _ in range(3):
        ask()
    clock.shift(31)
    ask()
    clock.shift(29)

    assert "temporarily unavailable" in str(ask())
    assert len(upstream.calls) == 4


def test_half_open_it_refuses_all_but_one_probe(circuit, clock):
    for _ in range(3):
        circuit.record_failure()
    clock.shift(31)

    assert [sent(circuit) for _ in range(3)] == [True, 30, 30]


def test_a_probe_that_was_not_sent_leaves_it_to_the_next_request(circuit, clock, settings):
    settings.TMDB_INTERVAL = 90
    circuit.reserve(0)
    for _ in range(3):
        circuit.record_failure()
    clock.shift(31)

    with pytest.raises(RateLimited):
        circuit.reserve(0)

    assert [sent(circuit) for _ in range(2)] == [True, 30]


def test_of_requests_that_waited_until_it_is_half_open_one_is_the_probe(circuit, clock):
    slots = [circuit.reserve(math.inf) for _ in range(3)]
    for _ in range(3):
        circuit.record_failure()
    clock.shift(31)
    start, is_probe = slots.pop()
    with circuit.sending(start, is_probe=is_probe):
        pass

    for start, is_probe in slots:
        with pytest.raises(Unavailable), circuit.sending(start, is_probe=is_probe):
            pass


def test_a_full_queue_does_not_use_up_the_probe(upstream, settings, clock, transactional_db):
    settings.MUSICBRAINZ_INTERVAL = 90
    musicbrainz.upstream.admission.reserve(0)
    for _ in range(3):
        musicbrainz.upstream.admission.record_failure()
    clock.shift(31)

    for _ in range(2):
        with pytest.raises(RateLimited):
            musicbrainz.search_releases("x")


def test_a_probe_follows_redirects(upstream, clock):
    upstream.get(MOVIE, status=301, headers={"Location": f"{payloads.TMDB}/movie/121"})
    upstream.get(f"{payloads.TMDB}/movie/121", status=500)
    upstream.get(f"{payloads.TMDB}/movie/121", json=payloads.movie())
    for _ in range(3):
        tmdb.upstream.admission.record_failure()
    clock.shift(31)

    assert isinstance(ask(), Unavailable)
    assert ask().retry_after == 30
    clock.shift(31)
    assert ask().tmdb_id == 120
    assert ask().tmdb_id == 120


def test_only_failures_in_a_row_count(upstream):
    for status in (500, 500, 404, 500, 500):
        upstream.get(MOVIE, status=status, json=payloads.UNKNOWN)
    upstream.get(MOVIE, json=payloads.movie())

    outcomes = [ask() for _ in range(6)]

    assert isinstance(outcomes[2], NotFound)
    assert outcomes[5].tmdb_id == 120


@pytest.mark.parametrize(
    "answer",
    [
        *({"status": status} for status in (400, 401, 404, 429)),
        {"status": 503, "body": "exceeding the allowable rate limit"},
    ],
)
def test_a_refusal_is_no_failure(upstream, answer):
    upstream.get(MOVIE, **answer)

    for _ in range(5):
        ask()

    assert len(upstream.calls) == 5


def test_one_dead_upstream_leaves_the_others_alone(upstream):
    upstream.get(MOVIE, status=500)
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page())
    for _ in range(4):
        ask()

    assert musicbrainz.search_releases("x").count == 0


def test_zero_is_off(upstream, settings):
    settings.UPSTREAM_COOLDOWN = 0
    upstream.get(MOVIE, status=500)

    for _ in range(5):
        ask()

    assert len(upstream.calls) == 5


def test_an_open_circuit_reserves_no_slot(upstream, settings, transactional_db):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=500)
    settings.MUSICBRAINZ_INTERVAL = 0.01
    for number in range(3):
        with pytest.raises(Unavailable):
            musicbrainz.search_releases(f"album {number}")
    before = musicbrainz.upstream.state.peek()

    with pytest.raises(Unavailable, match="temporarily unavailable"):
        musicbrainz.search_releases("one more")

    assert musicbrainz.upstream.state.peek() == before | {"upstream_unavailable": 4}


@pytest.mark.real_http
def test_a_request_that_waits_when_it_opens_is_not_sent(httpserver, settings, transactional_db):
    settings.MUSICBRAINZ_BASE_URL, settings.MUSICBRAINZ_INTERVAL = httpserver.url_for(""), 0.3
    musicbrainz.upstream.admission.reserve(0)
    threading.Timer(0.1, lambda: [musicbrainz.upstream.admission.record_failure() for _ in range(3)]).start()

    with pytest.raises(Unavailable, match="temporarily unavailable"):
        musicbrainz.search_releases("x")

    assert not httpserver.log


def test_it_says_once_that_it_opens_and_once_that_it_closes(circuit, caplog):
    for _ in range(10):
        circuit.record_failure()
    circuit.record_success(is_accepted=True)
    circuit.record_success(is_accepted=True)

    assert [record.getMessage() for record in caplog.records] == [
        "TMDB fails and gets no requests for 30 seconds at a time",
        "TMDB answers again",
    ]


def test_processes_of_a_host_know_of_each_other_s_failures(circuit):
    for _ in range(3):
        circuit.record_failure()

    assert sent(Admission("TMDB", HostState("tmdb"))) == 30


def test_without_any_file_a_process_knows_its_own_failures(circuit, settings, tmp_path, monkeypatch):
    (tmp_path / "no folder").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no folder"))
    settings.CACHE_DIR = tmp_path / "no folder"

    for _ in range(3):
        circuit.record_failure()

    assert sent(circuit) == 30


def test_on_a_full_disk_answers_are_served(upstream, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    upstream.get(MOVIE, status=500)
    upstream.get(MOVIE, json=payloads.movie())
    monkeypatch.setattr("integrations.admission.os.pwrite", refuse)

    assert isinstance(ask(), Unavailable)
    assert ask().tmdb_id == 120


@pytest.mark.parametrize("content", [b'"x"', b'{"failures": "many"}', b'{"open_until": 1e300, "failures": 9}'])
def test_a_damaged_state_does_not_open_it_for_ever(circuit, clock, content):
    circuit.record_failure()
    Path(circuit.host.paths[0]).write_bytes(content)

    assert sent(circuit) in {True, False}


def test_a_damaged_time_is_ignored(circuit):
    circuit.record_failure()
    Path(circuit.host.paths[0]).write_text(json.dumps(circuit.host.peek() | {"open_until": 10**400}))

    assert sent(circuit) is False


def test_a_retry_after_of_hours_is_tried_again_earlier(upstream, clock):
    upstream.get(MOVIE, status=503, headers={"Retry-After": "86400"})
    upstream.get(MOVIE, json=payloads.movie())
    assert [ask().retry_after, ask().retry_after] == [3600, 3600]
    clock.shift(3601)

    assert ask().tmdb_id == 120


def test_a_shorter_retry_after_does_not_end_a_longer_one(circuit, clock):
    circuit.pause(30, is_too_fast=True)
    circuit.pause(5, is_too_fast=True)

    assert sent(circuit) == 30


def test_a_suspicion_ends_after_a_while_or_with_an_answer(circuit, clock):
    seen = []
    for end in (lambda: clock.shift(31), circuit.record_success):
        circuit.record_failure(is_slow=True)
        seen.append(circuit.is_suspect())
        end()
        seen.append(circuit.is_suspect())

    assert seen == [True, False, True, False]


def test_a_refused_key_is_logged_once_and_forgotten_when_it_works(circuit, caplog):
    for _ in range(3):
        circuit.record_refusal(401, "key")
    circuit.record_success()
    circuit.record_refusal(401, "key")
    circuit.record_success(is_accepted=True)
    circuit.record_refusal(401, "key")

    assert [record.getMessage() for record in caplog.records] == [
        "TMDB refuses our key or User-Agent (HTTP 401): see .env",
        "TMDB accepts us again",
        "TMDB refuses our key or User-Agent (HTTP 401): see .env",
    ]
