"""Four processes with four threads each search for sixty albums, while others may not wait: who gets which slot?

Asks a MusicBrainz that is a stand-in on loopback, such as one that refuses more than one request a second:

    uv run python -m tests.benchmarks.slots http://127.0.0.1:9100/ws/2 [--kill | --told]

With --kill one of the processes is killed in the middle. With --told three hosts search as web requests do, for sixty
callers at once who come back when they are told to. DATABASE_URL chooses where the slots are kept; with --told a
PostgreSQL database that has been migrated, as hosts share no files.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from queue import Empty, SimpleQueue

PROCESSES, THREADS, SEARCHES, HOSTS = 4, 4, 60, 3


def search(number: int) -> None:
    """Be one of the processes: search for each album of one's share, and print when each answer came."""
    import django

    django.setup()
    from integrations import musicbrainz
    from integrations.errors import IntegrationError

    albums: SimpleQueue[int] = SimpleQueue()
    for album in range(number, SEARCHES, PROCESSES):
        albums.put(album)

    def work() -> None:
        while True:
            try:
                album = albums.get_nowait()
            except Empty:
                return
            try:
                musicbrainz.search_releases(f"benchmark {os.getppid()} album {album}")
                outcome = "answered"
            except IntegrationError as error:
                outcome = f"failed: {error}"
            print(f"{time.monotonic():.3f} {outcome}", flush=True)  # noqa: T201

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def come_back(number: int) -> None:
    """Be one of the hosts, with as many web threads as usual: print how often each caller came, and when served."""
    import django

    django.setup()
    from django.conf import settings

    from integrations import deadline, musicbrainz
    from integrations.errors import IntegrationError

    web_threads = threading.Semaphore(settings.WEB_THREADS)
    begin = time.monotonic()

    def call(album: int) -> None:
        for retries in range(1000):
            try:
                with web_threads, deadline.at_most(14):
                    musicbrainz.search_releases(f"benchmark {os.getppid()} album {album}")
            except IntegrationError as error:
                time.sleep(error.retry_after or 1)
            else:
                print(retries, f"{time.monotonic() - begin:.1f}", flush=True)  # noqa: T201
                return

    for album in range(number, SEARCHES, HOSTS):
        threading.Thread(target=call, args=[album]).start()


def told(start: list[str], folder: str) -> None:
    processes = [
        subprocess.Popen(
            [*start, "--process", str(number), "--told"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"CACHE_DIR": f"{folder}/{number}"},
        )
        for number in range(HOSTS)
    ]
    answers = [line.split() for process in processes for line in process.communicate()[0].splitlines()]
    retries = [int(answer[0]) for answer in answers]
    seconds = sorted(float(answer[1]) for answer in answers)
    print(f"{len(answers)} served after {seconds[0]} to {seconds[-1]} s,")  # noqa: T201
    print(f"{sum(retries)} retries, {max(retries)} at most; callers by retries: {sorted(Counter(retries).items())}")  # noqa: T201


def refuse() -> list[float]:
    """The milliseconds that each of ten impatient callers needed to be told to come back later."""
    import django

    django.setup()
    from integrations import deadline, musicbrainz
    from integrations.errors import RateLimited

    took = []
    for number in range(10):
        begin = time.monotonic()
        try:
            with deadline.at_most(2):
                musicbrainz.search_releases(f"benchmark {os.getpid()} impatient {number}")
        except RateLimited:
            took.append(1000 * (time.monotonic() - begin))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a MusicBrainz on loopback")
    parser.add_argument("--kill", action="store_true", help="kill one of the processes after ten seconds")
    parser.add_argument("--told", action="store_true", help="let callers come back when they are told to")
    parser.add_argument("--process", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.process is not None:
        (come_back if asked.told else search)(asked.process)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
            "SECRET_KEY": "only for this benchmark",
            "CACHE_DIR": folder,
            "MUSICBRAINZ_BASE_URL": asked.url,
            "MUSICBRAINZ_USER_AGENT": "WrongOpinionsBenchmark/1.0 ( benchmark@example.org )",
        }
        start = [sys.executable, "-m", "tests.benchmarks.slots", asked.url]
        if asked.told:
            told(start, folder)
            return
        begin = time.monotonic()
        processes = [
            subprocess.Popen([*start, "--process", str(number)], stdout=subprocess.PIPE, text=True)
            for number in range(PROCESSES)
        ]
        time.sleep(10)
        if asked.kill:
            os.kill(processes[0].pid, signal.SIGKILL)
        refused = refuse()
        lines = [line for process in processes for line in process.communicate()[0].splitlines()]
        seconds = time.monotonic() - begin
    answered = sum(line.endswith("answered") for line in lines)
    moments = [float(line.split()[0]) for line in lines]
    print(f"{answered} answered, {len(lines) - answered} failed, in {seconds:.1f} s with the start of the processes,")  # noqa: T201
    print(f"{max(moments) - min(moments):.1f} s from the first to the last answer")  # noqa: T201
    print(f"{len(refused)} of 10 impatient callers refused, the slowest in {max(refused, default=0):.0f} ms")  # noqa: T201
    for line in lines:
        if not line.endswith("answered"):
            print(line)  # noqa: T201


if __name__ == "__main__":
    main()
