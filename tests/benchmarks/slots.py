"""Four processes with four threads each search for sixty albums, while others may not wait: who gets which slot?

Asks a MusicBrainz that is a stand-in on loopback, such as one that refuses more than one request a second:

    uv run python -m tests.benchmarks.slots http://127.0.0.1:9100/ws/2 [--kill]

With --kill one of the processes is killed in the middle. DATABASE_URL chooses where the slots are kept.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from queue import Empty, SimpleQueue

PROCESSES, THREADS, SEARCHES = 4, 4, 60


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


def refuse() -> list[float]:
    """The milliseconds that each of ten impatient callers needed to be told to come back later."""
    import django

    django.setup()
    from integrations import musicbrainz, patience
    from integrations.errors import RateLimited

    took = []
    musicbrainz.session()
    for number in range(10):
        begin = time.monotonic()
        try:
            with patience.at_most(14, turn=1):
                musicbrainz.search_releases(f"benchmark {os.getpid()} impatient {number}")
        except RateLimited:
            took.append(1000 * (time.monotonic() - begin))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a MusicBrainz on loopback")
    parser.add_argument("--kill", action="store_true", help="kill one of the processes after ten seconds")
    parser.add_argument("--process", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.process is not None:
        search(asked.process)
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
        arguments = [sys.executable, "-m", "tests.benchmarks.slots", asked.url, "--process"]
        begin = time.monotonic()
        processes = [
            subprocess.Popen([*arguments, str(number)], stdout=subprocess.PIPE, text=True)
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
