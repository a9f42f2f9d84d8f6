"""Imports ten years by title, undisturbed and killed twice: how much time, CPU and memory, and is the result the same?

Asks a TMDB and a MusicBrainz that are a stand-in on loopback, with a catalogue of numbered works, such as

    ./start.sh 9100 --synthetic 1100 --mb-interval 0.1

    uv run python -m tests.benchmarks.imports http://127.0.0.1:9100 --interval 0.105

and ends with an error where a limit is missed. DATABASE_URL chooses the server on which it makes databases of its own.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import date, timedelta
from pathlib import Path

WEEKS = 520
FIRST = date(2015, 1, 5)
MAX_TIME = 1.1  # of what MusicBrainz' requests take at least
MAX_MEMORY = 150  # MB
IDS = {"movie": "3/movie/{}", "album": "ws/2/release/90000000-0000-4000-8000-{:012d}?inc=artist-credits&fmt=json"}


def get(url: str) -> dict:
    asked = urllib.request.Request(
        url, headers={"User-Agent": "benchmark/1.0 ( dev@example.org )", "Authorization": "Bearer x"}
    )
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


def post(url: str, body: dict | None = None) -> None:
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body or {}).encode(), method="POST")).close()


def write_file(site: str, path: Path) -> None:
    """Two movies and two albums a week, each by what a person would write down."""
    post(f"{site}/__control", {"mb-rate": "off"})
    numbers = [number for number in range(2 * WEEKS + 30) if number % 101][: 2 * WEEKS]  # the others are for adults
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Week", "Type", "Title", "Artist", "Released", "Rating"])
        for place, number in enumerate(numbers):
            iso = (FIRST + timedelta(weeks=place // 2)).isocalendar()
            week = f"{iso.year}-W{iso.week:02}"
            movie = get(f"{site}/{IDS['movie'].format(9000000 + number)}")
            table.writerow([week, "movie", movie["title"], "", (movie.get("release_date") or "")[:4], number % 10 + 1])
            album = get(f"{site}/{IDS['album'].format(number)}")
            artist = "".join(part["name"] + (part.get("joinphrase") or "") for part in album["artist-credit"])
            table.writerow([week, "album", album["title"], artist, "", ""])
    post(f"{site}/__control", {"mb-rate": "strict"})


class Instance:
    """A database and a cache of their own, with one person."""

    def __init__(self, folder: Path, site: str, interval: float) -> None:
        folder.mkdir()
        self.environment = os.environ | {
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only-for-a-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz",
            "CACHE_DIR": str(folder / "cache"),
            "TMDB_API_KEY": "a-token",
            "TMDB_BASE_URL": f"{site}/3",
            "TMDB_INTERVAL": str(interval / 10),
            "MUSICBRAINZ_BASE_URL": f"{site}/ws/2",
            "MUSICBRAINZ_USER_AGENT": "WrongOpinions/1.0.0 ( dev@example.org )",
            "MUSICBRAINZ_INTERVAL": str(interval),
            "COVERART_BASE_URL": f"{site}/caa",
        }
        if not os.environ.get("DATABASE_URL"):
            self.environment["DATABASE_URL"] = f"sqlite:///{folder / 'wrong_opinions.db'}"
        self.manage("migrate", "-v", "0")
        self.shell("from accounts.models import User; User.objects.all().delete(); User.objects.create_user('ada')")

    def manage(self, *arguments: str, **how) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "manage.py", *arguments], env=self.environment, check=True, **how)

    def shell(self, code: str) -> str:
        return self.manage("shell", "-v", "0", "-c", code, capture_output=True, text=True).stdout

    def start(self, file: Path) -> subprocess.Popen:
        command = [sys.executable, "manage.py", "import_selections", "ada", str(file), "--apply"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)

    def result(self) -> str:
        """What is in which week."""
        return self.shell(
            "from selections.models import *\n"
            "for model, work in ((WeekMovie, 'movie__tmdb_id'), (WeekAlbum, 'album__musicbrainz_id')):\n"
            "    order = ['week__year', 'week__week_number', 'position']\n"
            "    for row in model.objects.values_list(*order, work, 'opinions__rating').order_by(*order): print(*row)\n"
            "print(sorted(ImportedRow.objects.values_list('fingerprint', 'state', 'chosen')))\n"
        )


def asked(site: str) -> tuple[int, int]:
    """How many requests MusicBrainz had since the counters were reset, and how many all upstreams together."""
    stats = get(f"{site}/__stats")
    return stats["mb_requests"], sum(stats["requests"].values())


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site")
    parser.add_argument("--interval", type=float, default=0.105)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "ten-years.csv"
        write_file(options.site, file)
        whole = Instance(folder / "whole", options.site, options.interval)
        seconds, cpu, memory = timed(whole, file, options.site)
        requests, _ = asked(options.site)
        ratio = seconds / (requests * options.interval)
        say(f"{requests} requests to MusicBrainz in {seconds:.1f} s: {ratio:.3f} of the least")
        say(f"{cpu:.1f} s of CPU, {memory:.0f} MB")
        result = whole.result()
        say(f"{result.count(chr(10)) - 1} picks")

        timed(whole, file, options.site)
        _, more = asked(options.site)
        is_same = whole.result() == result
        say(f"A second run: {more} requests, {'the same' if is_same else 'ANOTHER'} result")

        killed = Instance(folder / "killed", options.site, options.interval)
        for _ in range(2):
            process = killed.start(file)
            time.sleep(seconds / 4)
            process.send_signal(signal.SIGKILL)
            process.wait()
            say(f"Killed with {killed.result().count(chr(10)) - 1} picks")
        timed(killed, file, options.site)
        is_whole = killed.result() == result
        say(f"Killed twice and resumed: {'the same' if is_whole else 'ANOTHER'} result")
    if ratio > MAX_TIME or memory > MAX_MEMORY or more or not is_same or not is_whole:
        sys.exit("A limit is missed")


def timed(instance: Instance, file: Path, site: str) -> tuple[float, float, float]:
    """The seconds that an import takes, those of CPU, all of it with HTTP, and the most memory it has, in MB."""
    post(f"{site}/__reset")
    begin = time.monotonic()
    process = instance.start(file)
    assert process.stdout
    say(process.stdout.read().rstrip().rpartition("Rows")[2])
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
