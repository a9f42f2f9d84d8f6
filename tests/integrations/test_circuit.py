import pytest
import requests

from integrations import musicbrainz, tmdb
from integrations.circuit import Circuit
from integrations.errors import IntegrationError, NotFound, RateLimited, Unavailable
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/120"
FAILURES = [
    {"status": 500},
    {"status": 503},
    {"body": requests.ConnectionError("refused")},
    {"body": requests.Timeout()},
]


class Clock:
    seconds = 1000.0

    def shift(self, seconds):
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock, which time-machine leaves alone."""
    clock = Clock()
    monkeypatch.setattr("integrations.circuit.monotonic", lambda: clock.seconds)
    return clock


def ask():
    try:
        return tmdb.fetch_movie(120)
    except IntegrationError as error:
        return error


@pytest.mark.parametrize("failure", FAILURES)
def test_after_three_failures_it_is_left_alone(upstream, clock, failure):
    upstream.get(MOVIE, **failure)

    outcomes = [ask() for _ in range(6)]
    clock.shift(10)
    later = ask()

    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert len(upstream.calls) == 3
    assert "out of order" in str(later)
    assert (later.status, later.retry_after) == (503, 20)


def test_then_one_tries_and_the_others_follow(upstream, clock):
    for _ in range(3):
        upstream.get(MOVIE, status=500)
    upstream.get(MOVIE, json=payloads.movie())
    for _ in range(3):
        ask()
    clock.shift(31)

    assert ask().tmdb_id == 120


def test_a_failed_try_closes_the_door_again(upstream, clock):
    upstream.get(MOVIE, status=500)
    for _ in range(3):
        ask()
    clock.shift(31)
    ask()
    clock.shift(29)

    assert "out of order" in str(ask())
    assert len(upstream.calls) == 4


def test_while_one_tries_the_others_are_turned_away(clock):
    circuit = Circuit("TMDB", 30)
    for _ in range(3):
        circuit.failed()
    clock.shift(31)

    assert [circuit.seconds_to_wait() for _ in range(3)] == [0, 30, 30]


def test_who_may_try_but_cannot_leaves_it_to_the_next(clock):
    circuit = Circuit("MusicBrainz", 30)
    for _ in range(3):
        circuit.failed()
    clock.shift(31)
    circuit.seconds_to_wait()

    circuit.not_asked()

    assert [circuit.seconds_to_wait() for _ in range(2)] == [0, 30]


def test_a_full_queue_does_not_use_up_the_try(upstream, settings, clock):
    settings.MUSICBRAINZ_INTERVAL = 30
    settings.MUSICBRAINZ_MAX_WAIT = 5
    adapter = musicbrainz.session().get_adapter(payloads.MUSICBRAINZ)
    adapter.schedule.reserve(0)
    for _ in range(3):
        adapter.circuit.failed()
    clock.shift(31)

    for _ in range(2):
        with pytest.raises(RateLimited):
            musicbrainz.search_releases("x")


def test_only_failures_in_a_row_count(upstream):
    for status in (500, 500, 404, 500, 500):
        upstream.get(MOVIE, status=status)
    upstream.get(MOVIE, json=payloads.movie())

    outcomes = [ask() for _ in range(6)]

    assert isinstance(outcomes[2], NotFound)
    assert outcomes[5].tmdb_id == 120


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_refusal_is_no_failure(upstream, status):
    upstream.get(MOVIE, status=status)

    for _ in range(5):
        ask()

    assert len(upstream.calls) == 5


def test_being_too_fast_is_no_failure_of_musicbrainz(upstream):
    sentence = "Your requests are exceeding the allowable rate limit."
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=503, json={"error": sentence})

    for number in range(5):
        with pytest.raises(IntegrationError):
            musicbrainz.search_releases(f"album {number}")

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


def test_a_circuit_books_no_slot(upstream, settings):
    settings.MUSICBRAINZ_INTERVAL = 0.01
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=500)
    for number in range(3):
        with pytest.raises(Unavailable):
            musicbrainz.search_releases(f"album {number}")
    before = (settings.CACHE_DIR / "musicbrainz.slots").read_bytes()

    with pytest.raises(Unavailable, match="out of order"):
        musicbrainz.search_releases("one more")

    assert (settings.CACHE_DIR / "musicbrainz.slots").read_bytes() == before


def test_it_says_once_that_it_opens_and_once_that_it_closes(caplog):
    circuit = Circuit("TMDB", 30)

    for _ in range(10):
        circuit.failed()
    circuit.worked()
    circuit.worked()

    assert [record.getMessage() for record in caplog.records] == [
        "TMDB is left alone for 30 seconds at a time until it answers",
        "TMDB answers again",
    ]
