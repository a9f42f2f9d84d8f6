import heapq
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations import tmdb
from integrations.admission import HORIZON, MAX_PROMISE, Admission, HostState
from integrations.errors import RateLimited
from integrations.models import DatabaseState, UpstreamState
from tests.conftest import at_once

# Reserves as many slots as it is told, as fast as it can, and prints when each of them starts.
RESERVE = """
import sys
from pathlib import Path
from django.conf import settings
settings.configure(
    WEB_THREADS=8, UPSTREAM_COOLDOWN=30, MUSICBRAINZ_INTERVAL=0.05, CACHE_DIR=Path(sys.argv[1])
)
from integrations.admission import Admission, HostState
limiter = Admission("MusicBrainz", HostState("musicbrainz"))
for _ in range(int(sys.argv[2])):
    print(limiter.reserve(1e6)[0], flush=True)
"""

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="slots are in the database there")


@pytest.fixture
def path(settings):
    settings.CACHE_DIR.mkdir()
    return settings.CACHE_DIR / "musicbrainz.state"


@pytest.fixture
def limiter_of(settings):
    """Makes a limiter as in another process: it only knows what is in the file."""

    def limiter_of(interval):
        settings.MUSICBRAINZ_INTERVAL = interval
        return Admission("MusicBrainz", HostState("musicbrainz"))

    return limiter_of


@pytest.fixture
def waits(clock):
    """The seconds until each slot that is reserved."""
    return lambda limiter, *max_waits: [round(limiter.reserve(most)[0] - clock.now, 6) for most in max_waits]


@pytest.fixture
def send(limiter_of, clock, monkeypatch):
    """Sends at a moment, which takes some seconds, and returns when it began."""

    def send(moment, takes=0):
        clock.now = moment
        with limiter_of(1).sending(moment, is_probe=False):
            began = clock.now
            clock.shift(takes)
        return round(began, 2)

    monkeypatch.setattr("integrations.admission.time.sleep", clock.shift)
    return send


@pytest.fixture
def across_hosts(transactional_db, settings):
    """Makes limiters as on different hosts."""

    def across_hosts(interval):
        settings.MUSICBRAINZ_INTERVAL = interval
        return Admission("MusicBrainz", HostState("musicbrainz"), DatabaseState("musicbrainz"))

    return across_hosts


def wait_for(limiter, max_wait):
    return limiter.reserve(max_wait)[0] - time.monotonic()


def told(limiter, max_wait=10):
    """When a caller who is turned away is told to come back."""
    with pytest.raises(RateLimited) as refusal:
        limiter.reserve(max_wait)
    assert f"Try again in {refusal.value.retry_after} second" in str(refusal.value)
    return refusal.value.retry_after


def reserve_in_processes(path, count, slots):
    return [
        subprocess.Popen(
            [sys.executable, "-c", RESERVE, str(path.parent), str(slots)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]


def test_slots_are_an_interval_apart(limiter_of, waits):
    assert waits(limiter_of(2), 10, 10, 10, 10) == [0, 2, 4, 6]


def test_refused_callers_reserve_nothing_and_are_told_to_come_back_one_after_the_other(limiter_of, waits, settings):
    limiter, settings.MUSICBRAINZ_MAX_WAIT = limiter_of(30), 8
    limiter.reserve(0)

    assert [told(limiter), told(limiter), told(limiter)] == [26, 56, 86]
    assert waits(limiter, 40) == [30]


def test_promises_are_forgotten_when_the_queue_is_empty(limiter_of, clock, settings):
    limiter, settings.MUSICBRAINZ_MAX_WAIT = limiter_of(30), 0
    limiter.reserve(0)
    assert [told(limiter), told(limiter), told(limiter)] == [30, 60, 90]
    clock.shift(31)

    limiter.reserve(0)

    assert told(limiter) == 30


def test_callers_are_told_to_come_back_within_minutes(limiter_of, clock, settings):
    limiter, settings.MUSICBRAINZ_MAX_WAIT = limiter_of(30), 0
    limiter.reserve(0)

    assert max(told(limiter) for _ in range(20)) == MAX_PROMISE


@pytest.mark.parametrize("callers", [20, 60, 150])
def test_callers_who_come_back_as_told_are_served_soon(limiter_of, clock, settings, callers):
    """Callers who all come at once, and then when they are told to; ten slots are waited for at a time."""
    limiter, settings.MUSICBRAINZ_MAX_WAIT = limiter_of(1.05), 10
    coming = [(clock.now, number, 0) for number in range(callers)]
    slots, retries = [], Counter()
    while coming:
        clock.now, number, came = heapq.heappop(coming)
        try:
            slots.append(limiter.reserve(10)[0])
            retries[came] += 1
        except RateLimited as refusal:
            heapq.heappush(coming, (clock.now + refusal.retry_after, number, came + 1))

    assert max(retries) <= 2
    assert retries[2] <= callers / 20
    assert slots == pytest.approx([1000 + 1.05 * number for number in range(callers)])  # first come, first served


def times(value, boot):
    """A file in which all times are this JSON, of a start of the machine."""
    return f'{{"boot": "{boot}", "free_at": {value}, "promised_at": {value}, "next_at": {value}}}'


@pytest.mark.parametrize("value", ['"soon"', "null", "NaN", "Infinity", "true", "1e12", "-1e12", "[1]"])
def test_times_that_cannot_be_right_are_none(limiter_of, path, settings, waits, send, value):
    limiter, settings.MUSICBRAINZ_MAX_WAIT = limiter_of(1), 0
    path.write_text(times(value, limiter.host.boot))

    assert send(1000) == 1000
    assert waits(limiter, 1) == [0]
    assert told(limiter, 0.5) == 1


def test_times_from_before_a_restart_of_the_machine_are_none(path, waits, limiter_of):
    path.write_text(times(1010, "another"))

    assert waits(limiter_of(5), 1, 10) == [0, 5]


@pytest.mark.parametrize("content", [b"garbage", b"\xff\xfe\0", b"x" * 5000, b"[" * 5000, b"null"])
def test_a_damaged_file_gives_no_slot_that_may_be_taken(limiter_of, path, settings, waits, content):
    settings.MUSICBRAINZ_MAX_WAIT = 10
    first, second, third = limiter_of(1), limiter_of(1), limiter_of(1)
    taken = waits(first, *[10] * 8)
    path.write_bytes(content)
    Admission("MusicBrainz", HostState("musicbrainz")).record_failure()  # it reads the damaged file first

    with pytest.raises(RateLimited):
        second.reserve(10)
    found = [waits(limiter, 60)[0] for limiter in (third, second, first)]
    assert found == [11, 12, 13]
    assert max(taken) < min(found) - 1


def test_what_a_killed_process_half_wrote_is_read_as_far_as_it_is_whole(limiter_of, path, waits):
    limiter_of(5).reserve(1)
    path.write_bytes(path.read_bytes() + b'1.5, "boot": "x"}')

    assert waits(limiter_of(5), 10) == [5]


@pytest.mark.parametrize("lose", ["unlink", "touch"])
def test_a_process_remembers_its_own_slots_when_the_file_is_lost(limiter_of, path, waits, lose):
    limiter = limiter_of(5)
    limiter.reserve(1)
    path.unlink()
    if lose == "touch":
        path.touch()

    assert waits(limiter, 10) == [5]


@pytest.fixture
def no_folder(settings, tmp_path, monkeypatch):
    """Root may write everywhere: a file in the folder's place stands for a read-only folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.CACHE_DIR.touch()


def test_a_folder_that_cannot_be_written_has_a_file_among_the_temporary_ones(no_folder, limiter_of, waits):
    first, second = limiter_of(5), limiter_of(5)

    assert waits(first, 1) + waits(second, 10) == [0, 5]


def test_a_link_of_another_user_is_not_written_through(no_folder, limiter_of, tmp_path):
    (tmp_path / "precious").write_text("precious")
    limiter = limiter_of(5)
    Path(limiter.host.paths[1]).symlink_to(tmp_path / "precious")

    with pytest.raises(OSError, match="can be written"):
        limiter.reserve(1)

    assert (tmp_path / "precious").read_text() == "precious"


def test_a_request_keeps_its_distance_to_one_that_overslept(send):
    assert [send(moment) for moment in (1000, 1001.2, 1002.01, 1003, 1004)] == [1000, 1001.2, 1002.18, 1003.16, 1004.14]
    assert send(1500) == 1500


def test_a_request_keeps_its_distance_to_one_that_was_sent_slowly(send):
    assert [send(1000, takes=0.4), send(1001)] == [1000, 1001.38]


def test_requests_that_are_late_together_keep_their_distance(limiter_of):
    """As after a moment in which no connection could be made."""
    limiter = limiter_of(0.3)

    def send_late(number):
        with limiter.sending(time.monotonic() - 1, is_probe=False):
            return time.monotonic()

    sent = at_once(4, send_late)

    assert min(after - before for before, after in itertools.pairwise(sent)) > 0.2


@pytest.mark.real_http
def test_the_distance_is_kept_after_connecting(httpserver: HTTPServer, settings):
    """A connection that takes long to be made does not bring a request closer to the next one."""
    settings.TMDB_BASE_URL, settings.TMDB_INTERVAL = httpserver.url_for("").rstrip("/"), 0.01
    httpserver.expect_request("/movie/120").respond_with_json({"id": 120, "title": "x"})
    before = time.monotonic()

    tmdb.fetch_movie(120)

    assert before < tmdb.upstream.state.peek()["next_at"] < time.monotonic() + 0.01


def test_the_time_of_day_does_not_matter(limiter_of, time_machine, waits):
    limiter, moments = limiter_of(5), []

    for moment in ("2026-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2036-01-01T00:00:00Z"):
        time_machine.move_to(moment)
        moments += waits(limiter, 100)

    assert moments == [0, 5, 10]


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

    found = [wait_for(limiter, 1000) for limiter in (first, second, first, second)]

    assert found == pytest.approx([0, 200, 400, 600], abs=50)


@needs_postgresql
def test_refused_callers_of_all_hosts_are_told_to_come_back_one_after_the_other(across_hosts, settings):
    first, second, settings.MUSICBRAINZ_MAX_WAIT = across_hosts(30), across_hosts(30), 9
    first.reserve(0)

    assert [told(second), told(first), told(second)] == pytest.approx([26, 56, 86], abs=10)
    assert wait_for(second, 40) == pytest.approx(30, abs=10)


@needs_postgresql
def test_a_promise_from_before_the_clock_was_set_back_is_ignored(across_hosts):
    limiter = across_hosts(30)
    limiter.reserve(0)
    UpstreamState.objects.update(promised_at=timezone.now() + timedelta(hours=1))

    assert told(limiter) == pytest.approx(30, abs=10)


@needs_postgresql
def test_simultaneous_reservations_of_hosts_are_an_interval_apart(across_hosts):
    limiters = [across_hosts(30) for _ in range(4)]

    found = at_once(4, lambda number: [limiters[number].reserve(float("inf"))[0] for _ in range(20)])

    starts = sorted(itertools.chain.from_iterable(found))
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

    assert wait_for(limiter, 100) == pytest.approx(50, abs=15)
    assert wait_for(limiter, 200) == pytest.approx(100, abs=15)


@needs_postgresql
def test_a_time_beyond_reason_is_damage_in_the_database_too(across_hosts):
    limiter = across_hosts(50)
    limiter.reserve(10)
    UpstreamState.objects.update(free_at=timezone.now() + timedelta(seconds=2 * HORIZON))

    assert wait_for(limiter, 1) == pytest.approx(0, abs=0.1)
