"""How many recorded movies and albums are found by their title, how many wrongly, and how many are to be decided?

Looks up each movie that a stand-in of TMDB has recorded, with its year, with a year that is one off, and without, and
each recorded release of its MusicBrainz with its artist. Another edition of a release's group is right. It starts the
stand-in, a folder with standin.py and its data, on a port of loopback:

    uv run python -m tests.benchmarks.matching ../upstream --port 9100

and ends with an error if anything is wrong, or a movie is not found by its title and year.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

START = 10  # seconds that the stand-in has to start


def load_world(folder: Path) -> Any:
    """What the stand-in has recorded."""
    spec = importlib.util.spec_from_file_location("standin", folder / "standin.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.World(folder / "data")


def start(folder: Path, port: int) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "standin.py", "--port", str(port), "--data", "data", "--mb-rate", "off"], cwd=folder
    )
    for _ in range(START * 10):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/__health").close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return process
    process.kill()
    sys.exit("The stand-in did not start.")


def set_up_django(port: int, folder: str) -> None:
    os.environ |= {
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
        "SECRET_KEY": "only for this benchmark, and long enough for tokens",
        "CACHE_DIR": folder,
        "DATABASE_URL": f"sqlite:///{folder}/matching.sqlite3",
        "TMDB_API_KEY": "a-read-access-token",
        "TMDB_BASE_URL": f"http://127.0.0.1:{port}/3",
        "TMDB_INTERVAL": "0.001",
        "MUSICBRAINZ_BASE_URL": f"http://127.0.0.1:{port}/ws/2",
        "MUSICBRAINZ_INTERVAL": "0.001",
        "MUSICBRAINZ_USER_AGENT": "WrongOpinions/0.1.0 ( dev@example.org )",
        "COVERART_BASE_URL": f"http://127.0.0.1:{port}/caa",
    }
    import django

    django.setup()


def movies(world: Any, apart: int | None) -> Iterator[tuple[Any, str]]:
    """A row for each movie with the id that is right; its year is so far apart, or missing."""
    from selections.transfer.readers.rows import Row

    for tmdb_id, movie in world.tmdb.rows.items():
        released = (movie.get("release_date") or "")[:4]
        year = int(released) + apart if released and apart is not None else None
        yield Row(place="", kind="movie", title=movie["title"], year=year), str(tmdb_id)


def albums(world: Any) -> Iterator[tuple[Any, str]]:
    """A row for each release with an artist, and the id of its group."""
    from selections.transfer.readers.rows import Row

    for musicbrainz_id, release in world.music.entities["release"].items():
        credited = release.get("artist-credit") or []
        artist = "".join(part["name"] + (part.get("joinphrase") or "") for part in credited if part.get("name"))
        if artist:
            group = (release.get("release-group") or {}).get("id") or musicbrainz_id
            yield Row(place="", kind="album", title=release["title"], artist=artist), group


def judge(rows: Iterable[tuple[Any, str]]) -> Counter[str]:
    from selections.transfer import resolving

    counts = Counter[str]()
    for row, right in rows:
        winner = resolving.ask(row, in_full=False).winner
        found = {winner.id, winner.group} if winner else set()
        result = "to decide" if not winner else "right" if right in found else "wrong"
        counts[result] += 1
        if result == "wrong":
            print(f"  wrong: {row} is taken for {winner}")  # noqa: T201
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("standin", type=Path, help="its folder")
    parser.add_argument("--port", type=int, default=9100)
    options = parser.parse_args()
    world = load_world(options.standin)
    process = start(options.standin, options.port)
    try:
        with tempfile.TemporaryDirectory() as folder:
            set_up_django(options.port, folder)
            results = {
                "movies by title and year": judge(movies(world, 0)),
                "movies, the year one off": judge(movies(world, 1)),
                "movies by title": judge(movies(world, None)),
                "albums by title and artist": judge(albums(world)),
            }
    finally:
        process.terminate()
    for what, counts in results.items():
        said = ", ".join(f"{counts[result]} {result}" for result in ("right", "wrong", "to decide"))
        print(f"{counts.total()} {what}: {said}")  # noqa: T201
    by_year = results["movies by title and year"]
    if by_year["right"] < by_year.total() or any(counts["wrong"] for counts in results.values()):
        sys.exit("Not all are right")


if __name__ == "__main__":
    main()
