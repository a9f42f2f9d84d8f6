"""The cost of the most frequent requests, as the server's CPU time and as a ratio to the floor.

    uv run python -m tests.benchmarks.reads [--json FILE]

Serves a new database with 100 weeks twice, in the same way, with one worker: by the site, and by floor.py, which makes
the same queries by hand. Both are asked in turns, and each figure is the median of these. The machine must be quiet:
where other programs take the CPU, threads compete less for the interpreter's lock, and the ratios change.
DATABASE_URL may name an empty database of PostgreSQL instead of a new SQLite file.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TURNS, REQUESTS, THREADS = 7, 160, 4
WEEKS, OTHERS = 100, 9
FIRST_MOVIE = 9_000_000
OVERVIEW = "An overview of some length. " * 8


def fill() -> str:
    """Make an account with its weeks, of two movies each, and others with one; returns an access token."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from accounts.api.authentication import sign_in
    from accounts.models import User
    from catalog.models import Movie
    from selections.models import Opinion, Week, WeekMovie

    user = User.objects.create_user("ann", "ann@example.com", "a password for benchmarks only")
    now = datetime.now(UTC)
    movies = [
        Movie(tmdb_id=FIRST_MOVIE + n, title=f"Movie {n}", title_key=f"movie {n}", overview=OVERVIEW, fetched_at=now)
        for n in range(2 * WEEKS)
    ]
    Movie.objects.bulk_create(movies)
    today = datetime.now(UTC).date()
    for n in range(WEEKS):
        year, number, _ = (today - timedelta(weeks=n)).isocalendar()
        week = Week.objects.create(user=user, year=year, week_number=number, notes="load")
        for position in (1, 2):
            pick = WeekMovie.objects.create(week=week, movie=movies[2 * n + position - 1], position=position)
            if n % 2:
                Opinion.objects.create(user=user, movie_pick=pick, rating=n % 10 + 1)
    year, number, _ = today.isocalendar()
    for n in range(OTHERS):  # with whom the user has a round
        other = User.objects.create(username=f"other-{n}", email=f"{n}@example.com")
        week = Week.objects.create(user=other, year=year, week_number=number, notes="load")
        for position in (1, 2):
            pick = WeekMovie.objects.create(week=week, movie=movies[2 * n + position], position=position)
            if n % 2:
                Opinion.objects.create(user=user, movie_pick=pick, rating=n % 10 + 1)
    return str(sign_in(user, "benchmark")["access_token"])


class Server:
    """gunicorn with one worker of our configuration."""

    def __init__(self, application: str, settings: str, port: int) -> None:
        self.port = port
        command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", "--workers=1", application]
        environ = os.environ | {"DJANGO_SETTINGS_MODULE": settings}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ)
        while self.status("GET", "/health") != 200:
            time.sleep(0.1)

    def status(self, method: str, path: str) -> int:
        try:
            return Client(self.port, "").ask(method, path)
        except OSError:
            return 0

    def cpu(self) -> float:
        """Seconds of CPU time that all threads of its worker have had."""
        master = self.process.pid
        (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        threads = Path(f"/proc/{worker}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Client:
    """A connection that is kept."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None) -> int:
        self.connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        response = self.connection.getresponse()
        response.read()
        return response.status


type Act = Callable[[Client, int], int]


def scenarios(ids: list[int]) -> dict[str, Act]:
    """What is measured: functions that make the n-th request and return its status."""

    def get(path: str) -> Act:
        return lambda client, n: client.ask("GET", path)

    def replace(client: Client, n: int) -> int:
        week = ids[n % THREADS]
        client.ask("DELETE", f"/api/weeks/{week}/movies/1?force=true")
        movie = FIRST_MOVIE + 2 * WEEKS - 1 - n % WEEKS
        return client.ask("POST", f"/api/weeks/{week}/movies", {"tmdb_id": movie, "position": 1})

    def rate(client: Client, n: int) -> int:
        path = f"/api/weeks/{ids[n % WEEKS]}/movies/2/opinion"
        return client.ask("PUT", path, {"rating": n % 10 + 1})

    return {
        "GET /health": get("/health"),
        "GET /api/auth/me": get("/api/auth/me"),
        "GET /api/weeks": get("/api/weeks?page=1&page_size=20"),
        "GET /api/weeks/{id}": lambda client, n: client.ask("GET", f"/api/weeks/{ids[n % WEEKS]}"),
        "GET /api/weeks/current": get("/api/weeks/current"),
        "GET /api/rounds/current": get("/api/rounds/current"),
        "GET /api/weeks?include=picks": get("/api/weeks?include=picks"),
        "GET /api/movies/{id}": lambda client, n: client.ask("GET", f"/api/movies/{FIRST_MOVIE + n % WEEKS}"),
        "GET /api/movies/selections": get("/api/movies/selections?page=1&page_size=20"),
        "GET /api/weeks/{id}/opinions": lambda client, n: client.ask("GET", f"/api/weeks/{ids[n % WEEKS]}/opinions"),
        "GET /api/opinions": get("/api/opinions"),
        "GET /api/stats/overview": get("/api/stats/overview"),
        "GET /api/recommendations/movies": get("/api/recommendations/movies"),
        "PATCH /api/weeks/{id}": lambda client, n: client.ask(
            "PATCH", f"/api/weeks/{ids[n % WEEKS]}", {"notes": f"note {n}"}
        ),
        "PUT opinion": rate,
        "DELETE and POST a movie": replace,
    }


def measure(server: Server, token: str, act: Act, requests: int) -> float:
    """Milliseconds of CPU time of a request, by several clients at once."""

    def work(number: int) -> None:
        client = Client(server.port, token)
        for n in range(number, requests, THREADS):
            if not 200 <= (status := act(client, n)) < 300:
                raise SystemExit(f"A request was answered {status}.")

    before = server.cpu()
    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1000 * (server.cpu() - before) / requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--port", type=int, default=8400, help="this one and the next are used, on loopback")
    parser.add_argument("--only", help="only requests with this text in their name")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
            "SECRET_KEY": "only for this benchmark, and long enough for that",
            "CACHE_DIR": folder,
            "ACCESS_TOKEN_MINUTES": "600",
        }
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/benchmark.db")
        import django

        django.setup()
        token = fill()
        from selections.models import Week

        ids = list(Week.objects.filter(user__username="ann").order_by("id").values_list("id", flat=True))
        site = Server("wrong_opinions.wsgi", "wrong_opinions.settings", asked.port)
        floor = Server("tests.benchmarks.floor:application", "tests.benchmarks.floor", asked.port + 1)
        try:
            compare(site, floor, token, ids, asked)
        finally:
            site.stop()
            floor.stop()


def compare(site: Server, floor: Server, token: str, ids: list[int], asked: argparse.Namespace) -> None:
    acts = {name: act for name, act in scenarios(ids).items() if (asked.only or "") in name}
    costs: dict[tuple[Server, str], list[float]] = defaultdict(list)
    for turn in range(TURNS + 1):
        for name, act in acts.items():
            for server in (site, floor) if name in list(scenarios(ids))[:4] else (site,):
                cost = measure(server, token, act, REQUESTS if turn else REQUESTS // 4)
                if turn:  # the first one compiles queries
                    costs[server, name].append(cost)
    report = {}
    for name in acts:
        cost, least, week = costs[site, name], costs[floor, name], costs[site, "GET /api/weeks/{id}"]
        own = report[name] = {"ms": round(median(cost), 3)}
        if least:
            own |= {"floor_ms": round(median(least), 3), "ratio": ratio(cost, least)}
        if week:
            own["weeks"] = ratio(cost, week)
        print(f"{name:34}" + "".join(f"{label} {figure:8.2f}   " for label, figure in own.items()))  # noqa: T201
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1))


def ratio(cost: list[float], other: list[float]) -> float:
    """The median of the ratios within a turn, during which the machine is about as fast for both."""
    return round(median(map(truediv, cost, other)), 2)


if __name__ == "__main__":
    main()
