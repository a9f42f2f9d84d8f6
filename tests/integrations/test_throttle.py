import subprocess
import sys
import time

import pytest

from integrations.errors import RateLimited
from integrations.throttle import Schedule

# Reserves 20 slots as fast as it can and prints when each of them starts.
RESERVE = """
import sys, time
from pathlib import Path
from integrations.throttle import Schedule
schedule = Schedule(Path(sys.argv[1]), 0.05, "MusicBrainz")
for _ in range(20):
    wait = schedule.reserve(1000)
    print(time.monotonic() + wait)
"""


def test_slots_are_an_interval_apart(tmp_path):
    schedule = Schedule(tmp_path / "slots", 2, "MusicBrainz")

    waits = [schedule.reserve(10) for _ in range(4)]

    assert waits == pytest.approx([0, 2, 4, 6], abs=0.5)


def test_a_refused_caller_books_nothing_and_hears_when_to_come_back(tmp_path):
    schedule = Schedule(tmp_path / "slots", 30, "MusicBrainz")
    schedule.reserve(0)

    with pytest.raises(RateLimited) as refusal:
        schedule.reserve(10)
    with pytest.raises(RateLimited):
        schedule.reserve(10)

    assert refusal.value.retry_after == 20
    assert schedule.reserve(40) == pytest.approx(30, abs=0.5)


def test_after_a_pause_there_is_no_burst(tmp_path):
    schedule = Schedule(tmp_path / "slots", 0.05, "MusicBrainz")
    schedule.reserve(0)
    time.sleep(0.2)

    assert schedule.reserve(10) == 0
    assert schedule.reserve(10) > 0


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\xff\xfe\0", b"x" * 5000, b"another-boot 99999999.0\n", b"unknown nan\n", b"a inf"]
)
def test_a_damaged_file_is_as_good_as_none(tmp_path, content):
    path = tmp_path / "slots"
    path.write_bytes(content)

    assert Schedule(path, 5, "MusicBrainz").reserve(1) == 0
    assert Schedule(path, 5, "MusicBrainz").reserve(10) == pytest.approx(5, abs=0.5)


def test_a_time_beyond_reason_is_damage(tmp_path):
    path = tmp_path / "slots"
    schedule = Schedule(path, 5, "MusicBrainz")
    path.write_text(f"{schedule.boot} {time.monotonic() + 1e6:020.6f}\n")

    assert schedule.reserve(1) == 0


def test_processes_share_the_slots(tmp_path):
    path = tmp_path / "slots"
    processes = [
        subprocess.Popen([sys.executable, "-c", RESERVE, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    starts = sorted(float(line) for process in processes for line in process.communicate()[0].split())

    assert len(starts) == 80
    assert starts[-1] - starts[0] > 79 * 0.05 - 0.5  # without the lock it would be about a second
