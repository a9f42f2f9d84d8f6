"""What a request costs with 400 weeks of 4 people, and with 400,000 weeks of 4,000 people.

    DATABASE_URL=sqlite:////tmp/small.sqlite3 uv run python -m tests.benchmarks.crowd --keep \
        --people 4 --writers 1 --weeks 400 --opinions 500
    DATABASE_URL=sqlite:////tmp/large.sqlite3 uv run python -m tests.benchmarks.crowd --keep \
        --people 4000 --weeks 400000 --opinions 500000
    uv run python -m tests.benchmarks.growth sqlite:////tmp/small.sqlite3 sqlite:////tmp/large.sqlite3 [--json]

Each person has as many weeks and opinions in both, so that requests about one person compare. Each figure is the median
of several requests, at the best of several depths of the stack: Python keeps frames in chunks of 16 KB, and a function
that is called often at the end of one costs two system calls each time, which can treble the time of a page. `cpu` is
that of the process, and so leaves out a server of PostgreSQL; `wall` is the time until the answer. The goals are for
the CPU with SQLite: milliseconds, or a multiple of the small figure.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

DEPTHS = range(0, 60, 12)  # of the stack, in frames
ROWS = [  # the request; the goal with many weeks, in ms, or as a multiple of that with few
    ("/api/weeks?owner=me", "1.3 times"),
    ("/api/weeks/{week}", "1.3 times"),
    ("/api/weeks/current", "1.3 times"),
    ("/api/stats/overview", "1.3 times"),
    ("/api/movies/{movie}", "1.3 times"),
    ("/api/weeks", "10 ms"),
    ("/api/weeks?page=100", "10 ms"),
    ("/api/weeks?complete=true", "1000 ms"),
    ("/api/movies/selections", "20 ms"),
    ("/api/albums/selections", "20 ms"),
    ("/api/opinions", "15 ms"),
    ("/api/weeks/{week}/opinions", "8 ms"),
    ("/api/recommendations/movies", "100 ms"),
    ("/api/weeks?search=dofeku", "100 ms"),  # in one of 600 weeks
    ("/api/weeks?search=wolf", "100 ms"),  # in one of seven
    ("/api/weeks?search=amelie+wolf", "100 ms"),
    ("/api/weeks?search=東京", "100 ms"),
    ("/api/stats/wrong-opinions", "150 ms"),
    ("/admin/", "250 ms"),
    ("/admin/selections/week/", "80 ms"),
    ("/admin/selections/opinion/", "80 ms"),
    ("/admin/catalog/movie/", "80 ms"),
]


def measure(times: int, only: str) -> None:
    """Print, for each of the ROWS, the CPU and the time of a request in ms, and its queries, as JSON."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    import wrong_opinions.wsgi  # noqa: F401 - as a server starts
    from accounts.api.authentication import sign_in
    from accounts.models import User
    from selections.models import WeekMovie

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    person = User.objects.get(username="person0")  # a superuser, with weeks
    pick = WeekMovie.objects.select_related("week", "movie").filter(week__user=person).earliest("id")
    api = APIClient(headers={"Authorization": f"Bearer {sign_in(person, 'growth')['access_token']}"})
    site = Client()
    site.force_login(person)
    for path, _ in ROWS:
        if only not in path:
            continue
        address = path.format(week=pick.week.pk, movie=pick.movie.tmdb_id)
        client = site if path.startswith("/admin") else api
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        queries_count = len(queries)
        if answer.status_code not in {200, 422}:  # statistics of too many weeks are refused
            raise SystemExit(f"{address}: {answer.status_code} {answer.content.decode()[:500]}")
        taken = []
        for depth in DEPTHS:
            cpu, wall = [], []
            for _ in range(times):
                begin = time.process_time(), time.perf_counter()
                call_at(depth, client.get, address)
                cpu.append(time.process_time() - begin[0])
                wall.append(time.perf_counter() - begin[1])
            taken.append((1000 * statistics.median(cpu), 1000 * statistics.median(wall)))
        figures = dict(zip(("cpu", "wall"), min(taken), strict=True))
        print(json.dumps([path, figures | {"queries": queries_count}]), flush=True)  # noqa: T201


def call_at(depth: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function at this depth of the stack."""
    return call_at(depth - 1, function, *arguments) if depth else function(*arguments)


def figures_of(database: str, times: int, only: str) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.growth", "--measure", f"--times={times}", f"--only={only}"],
            env=os.environ
            | {
                "ENV_FILE": os.devnull,
                "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
                "SECRET_KEY": "only for this benchmark, and long enough for that",
                "CACHE_DIR": folder,
                "ALLOWED_HOSTS": "testserver",
                "DATABASE_URL": database,
            },
            stdout=subprocess.PIPE,
            check=True,
            encoding="utf-8",
        )
    return dict(map(json.loads, done.stdout.splitlines()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", metavar="URL", help="of the small database, then of the large one")
    parser.add_argument("--times", type=int, default=9, help="requests for each figure")
    parser.add_argument("--only", default="", help="only requests whose address contains this")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        return measure(asked.times, asked.only)
    small, large = (figures_of(database, asked.times, asked.only) for database in asked.databases)
    rows = []
    for path, goal in ROWS:
        if path in large:
            limit = float(goal.split()[0]) * (small[path]["cpu"] if goal.endswith("times") else 1)
            is_met = large[path]["cpu"] <= limit
            rows.append({"request": path, "small": small[path], "large": large[path], "goal": goal, "is_met": is_met})
    if asked.json:
        return print(json.dumps(rows, indent=2, ensure_ascii=False))  # noqa: T201
    print(f"{'':40} {'small':>15} {'large':>15}\n{'request':40} {'cpu':>7} {'wall':>7} {'cpu':>7} {'wall':>7} queries")  # noqa: T201
    for row in rows:
        numbers = [row[size][what] for size in ("small", "large") for what in ("cpu", "wall")]
        said = f"{row['goal']}{'' if row['is_met'] else ', missed'}"
        print(f"{row['request']:40}", *(f"{n:7.1f}" for n in numbers), f"{row['large']['queries']:7}", said)  # noqa: T201
    return None


if __name__ == "__main__":
    main()
