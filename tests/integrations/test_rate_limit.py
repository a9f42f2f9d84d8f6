import heapq
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations import tmdb
from integrations.circuit_breaker import CircuitBreaker
from integrations.database_state import DatabaseState
from integrations.errors import RateLimited
from integrations.models import UpstreamState
from integrations.rate_limit import HORIZON, MAX_PROMISE, RateLimiter
from integrations.state import HostState
from tests.conftest import at_once

# Reserves as many slots as it is told, as fast as it can, and prints when each of them starts.
RESERVE = """
import sys
from pathlib import Path
from integrations.state import HostState
from integrations.rate_limit import RateLimiter
limiter = RateLimiter(HostState(Path(sys.argv[1])), 0.05, "MusicBrainz")
for _ in range(int(sys.argv[2])):
    limiter.reserve(1e6)
    print(limiter.host.memory["free_at"] - 0.05, flush=True)
"""

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="slots are in the database there")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "musicbrainz.state"


def limiter_of(path, interval):
    return RateLimiter(HostState(path), interval, "MusicBrainz")


@pytest.fixture
def frozen(monkeypatch):
    """The monotonic clock of limiters, which stands still unless a test moves it."""
    clock = [1000.0]
    monkeypatch.setattr("integrations.rate_limit.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def across_hosts(transactional_db):
    """Makes limiters as each host has one."""
    return lambda interval, **options: RateLimiter(
        HostState.of("musicbrainz"), interval, "MusicBrainz", shared=DatabaseState("musicbrainz"), **options
    )


def reserve_in_processes(path, count, slots):
    return [
        subprocess.Popen([sys.executable, "-c", RESERVE, str(path), str(slots)], stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]


def test_slots_are_an_interval_apart(path, frozen):
    limiter = limiter_of(path, 2)

    assert [limiter.reserve(10) for _ in range(4)] == pytest.approx([0, 2, 4, 6])


def told(limiter, max_wait=10):
    """When a caller who is turned away is told to come back."""
    with pytest.raises(RateLimited) as refusal:
        limiter.reserve(max_wait)
    assert f"Try again in {refusal.value.retry_after} second" in str(refusal.value)
    return refusal.value.retry_after


def test_refused_callers_reserve_nothing_and_are_told_to_come_back_one_after_the_other(path, frozen):
    limiter = RateLimiter(HostState(path), 30, "MusicBrainz", lead=4)
    limiter.reserve(0)

    assert [told(limiter), told(limiter), told(limiter)] == [26, 56, 86]
    assert limiter.reserve(40) == 30


def test_promises_are_forgotten_when_the_queue_is_empty(path, frozen):
    limiter = limiter_of(path, 30)
    limiter.reserve(0)
    assert [told(limiter), told(limiter), told(limiter)] == [30, 60, 90]
    frozen[0] += 31

    limiter.reserve(0)

    assert told(limiter) == 30


def test_callers_are_told_to_come_back_within_minutes(path, frozen):
    limiter = limiter_of(path, 30)
    limiter.reserve(0)

    assert max(told(limiter) for _ in range(20)) == MAX_PROMISE


@pytest.mark.parametrize("promised_at", ["soon", None, 1e12, -1e12, True, [1], math.nan])
def test_a_damaged_promise_is_none(path, frozen, promised_at):
    limiter = limiter_of(path, 30)
    limiter.reserve(0)
    with limiter.host.change() as values:
        values["promised_at"] = promised_at

    assert told(limiter) == 30


@pytest.mark.parametrize("callers", [20, 60, 150])
def test_callers_who_come_back_as_told_are_served_soon(path, frozen, callers):
    """Callers who all come at once, and then when they are told to; ten slots are waited for at a time."""
    limiter = RateLimiter(HostState(path), 1.05, "MusicBrainz", lead=3.15)
    coming = [(frozen[0], number, 0) for number in range(callers)]
    slots, retries = [], Counter()
    while coming:
        frozen[0], number, came = heapq.heappop(coming)
        try:
            slots.append(frozen[0] + limiter.reserve(10))
            retries[came] += 1
        except RateLimited as refusal:
            heapq.heappush(coming, (frozen[0] + refusal.retry_after, number, came + 1))

    assert max(retries) <= 2
    assert retries[2] <= callers / 20
    assert slots == pytest.approx([1000 + 1.05 * number for number in range(callers)])  # first come, first served


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\xff\xfe\0",
        b"x" * 5000,
        b"[" * 5000,
        b"null",
        b'{"boot": "another", "free_at": 1e99}',
        b'{"boot": "BOOT", "free_at": "soon"}',
        b'{"boot": "BOOT", "free_at": NaN}',
        b'{"boot": "BOOT", "free_at": Infinity}',
        b'{"boot": "BOOT", "free_at": true}',
        b'{"boot": "BOOT", "free_at": 1e12}',
    ],
)
def test_a_damaged_file_is_as_good_as_none(path, content, frozen):
    path.write_bytes(content.replace(b"BOOT", HostState(path).boot.encode()))

    assert limiter_of(path, 5).reserve(1) == 0
    assert limiter_of(path, 5).reserve(10) == pytest.approx(5)


def test_a_damaged_file_gives_no_slot_that_may_be_taken(path, frozen):
    first, second, third = (RateLimiter(HostState(path), 1, "MusicBrainz", drain=11) for _ in range(3))
    booked = [first.reserve(10) for _ in range(8)]
    path.write_bytes(b"garbage")

    assert told(second) == 11
    waits = [third.reserve(60), second.reserve(60), first.reserve(60)]
    assert waits == pytest.approx([11, 12, 13])
    assert max(booked) < min(waits) - 1


def test_a_circuit_does_not_hide_the_damage(settings, frozen):
    path = settings.CACHE_DIR / "musicbrainz.state"
    RateLimiter(HostState(path), 1, "MusicBrainz").reserve(1)
    path.write_bytes(b"garbage")
    CircuitBreaker("musicbrainz", "MusicBrainz").record_failure()

    assert RateLimiter(HostState(path), 1, "MusicBrainz", drain=11).reserve(20) == pytest.approx(11)


def test_what_a_killed_process_half_wrote_is_read_as_far_as_it_is_whole(path, frozen):
    limiter_of(path, 5).reserve(1)
    path.write_bytes(path.read_bytes() + b'1.5, "boot": "x"}')

    assert limiter_of(path, 5).reserve(10) == pytest.approx(5)


@pytest.mark.parametrize(
    "lose", [lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage")], ids=["deleted", "damaged"]
)
def test_a_process_remembers_its_own_slots_when_the_file_is_lost(path, lose, frozen):
    limiter = limiter_of(path, 5)
    limiter.reserve(1)
    lose(path)

    assert limiter.reserve(10) == pytest.approx(5)


def test_a_folder_that_cannot_be_written_has_a_file_among_the_temporary_ones(tmp_path, monkeypatch, frozen):
    """Root may write everywhere: a file in the folder's place stands for a read-only folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "cache").touch()
    first, second = (limiter_of(tmp_path / "cache" / "musicbrainz.state", 5) for _ in range(2))

    assert first.reserve(1) == 0
    assert second.reserve(10) == pytest.approx(5)


def test_a_link_of_another_user_is_not_written_through(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "cache").touch()
    (tmp_path / "precious").write_text("precious")
    state = HostState(tmp_path / "cache" / "musicbrainz.state")
    state.paths[1].symlink_to(tmp_path / "precious")

    with pytest.raises(OSError, match="can be written"):
        RateLimiter(state, 5, "MusicBrainz").reserve(1)

    assert (tmp_path / "precious").read_text() == "precious"


def test_a_request_keeps_its_distance_to_one_that_overslept(path, frozen):
    clock = frozen
    moments = []
    for slot, overslept in ((0, 0), (1, 0.2), (2, 0.01), (3, 0), (4, 0)):
        clock[0] = 1000 + slot + overslept
        moments.append(clock[0] + limiter_of(path, 1).distance())

    assert [round(moment - 1000, 2) for moment in moments] == [0, 1.2, 2.18, 3.16, 4.14]
    clock[0] = 1500
    assert limiter_of(path, 1).distance() == 0


@pytest.mark.real_http
def test_the_distance_is_kept_after_connecting(httpserver: HTTPServer, settings):
    """A connection that takes long to be made does not bring a request closer to the next one."""
    settings.TMDB_BASE_URL, settings.TMDB_INTERVAL = httpserver.url_for("").rstrip("/"), 0.01
    httpserver.expect_request("/movie/120").respond_with_json({"id": 120, "title": "x"})
    before = time.monotonic()

    tmdb.fetch_movie(120)

    assert before < HostState.of("tmdb").peek()["next_at"] < time.monotonic() + 0.01


@pytest.mark.parametrize("next_at", ["soon", None, 1e12, True, [1]])
def test_a_damaged_time_of_sending_is_none(path, next_at):
    state = HostState(path)
    with state.change() as values:
        values["next_at"] = next_at

    assert RateLimiter(state, 1.05, "MusicBrainz").distance() == 0


def test_the_time_of_day_does_not_matter(path, time_machine, frozen):
    limiter = limiter_of(path, 5)
    limiter.reserve(1)

    for moment in ("2020-01-01T00:00:00Z", "2036-01-01T00:00:00Z"):
        time_machine.move_to(moment)
        limiter.reserve(100)

    assert limiter.reserve(100) == pytest.approx(15)


def test_processes_share_the_slots_and_waste_none(path):
    processes = reserve_in_processes(path, 4, 20)

    starts = sorted(float(line) for process in processes for line in process.communicate()[0].split())

    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert len(starts) == 80
    assert min(gaps) > 0.049
    # The processes start one after the other, which may cost a slot; from then on none is lost.
    assert sum(gap > 0.052 for gap in gaps) <= 4


def test_a_killed_process_leaves_the_others_alone(path):
    killed, *others = reserve_in_processes(path, 3, 1000)
    for _ in range(50):
        killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    taken = [float(line) for line in killed.communicate()[0].split()]

    starts = sorted(float(line) for process in others for line in process.communicate()[0].split())

    assert len(starts) == 2000
    assert min(after - before for before, after in itertools.pairwise(starts)) > 0.049
    assert set(taken).isdisjoint(starts)
    assert set(json.loads(path.read_text())) == {"boot", "free_at"}


@needs_postgresql
def test_hosts_share_the_slots(across_hosts):
    first, second = across_hosts(200), across_hosts(200)

    waits = [limiter.reserve(1000) for limiter in (first, second, first, second)]

    assert waits == pytest.approx([0, 200, 400, 600], abs=50)


@needs_postgresql
def test_refused_callers_of_all_hosts_are_told_to_come_back_one_after_the_other(across_hosts):
    first, second = across_hosts(30, lead=4.5), across_hosts(30, lead=4.5)
    first.reserve(0)

    assert [told(second), told(first), told(second)] == pytest.approx([26, 56, 86], abs=10)
    assert second.reserve(40) == pytest.approx(30, abs=10)


@needs_postgresql
def test_a_promise_from_before_the_clock_was_set_back_is_none(across_hosts):
    limiter = across_hosts(30)
    limiter.reserve(0)
    UpstreamState.objects.update(promised_at=timezone.now() + timedelta(hours=1))

    assert told(limiter) == pytest.approx(30, abs=10)


@needs_postgresql
def test_simultaneous_reservations_of_hosts_are_an_interval_apart(across_hosts):
    limiters = [across_hosts(30) for _ in range(4)]

    def reserve(number):
        starts = []
        for _ in range(20):
            wait = limiters[number].reserve(float("inf"))
            starts.append(time.monotonic() + wait)
        return starts

    starts = sorted(start for some in at_once(4, reserve) for start in some)

    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert len(starts) == 80
    assert starts[-1] - starts[0] == pytest.approx(79 * 30, abs=10)
    assert min(gaps) > 20  # the answer is on its way for a moment, which here counts as waiting


@needs_postgresql
@pytest.mark.parametrize("shift", [timedelta(hours=-1), timedelta(days=-400)])
def test_a_clock_that_was_set_back_leaves_the_queue_as_long_as_it_was(across_hosts, shift):
    limiter = across_hosts(50)
    limiter.reserve(10)
    row = UpstreamState.objects.get()
    UpstreamState.objects.update(free_at=row.free_at - shift, booked_at=row.booked_at - shift)

    assert limiter.reserve(100) == pytest.approx(50, abs=15)
    assert limiter.reserve(200) == pytest.approx(100, abs=15)


@needs_postgresql
def test_a_time_beyond_reason_is_damage_in_the_database_too(across_hosts):
    limiter = across_hosts(50)
    limiter.reserve(10)
    UpstreamState.objects.update(free_at=timezone.now() + timedelta(seconds=2 * HORIZON))

    assert limiter.reserve(1) == pytest.approx(0, abs=0.1)
