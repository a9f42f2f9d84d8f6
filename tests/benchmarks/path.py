"""Which of our files and functions does a request enter, and how often?

Counts what runs on the way of a read, `GET /api/weeks/current`, and of a pick of a movie that the catalog does not
have, `POST /api/weeks/{id}/movies`: in all threads, from the first middleware to the response, without tests and
migrations. Each request is made once before it is counted (the pick for another movie), as a server has its modules,
URL patterns and connections ready. Start the stand-in for the upstreams or anything that answers like TMDB, then:

    uv run python -m tests.benchmarks.path http://127.0.0.1:9100/3
    uv run python -m tests.benchmarks.path http://127.0.0.1:9100/3 --list   # with every function and its calls

DATABASE_URL chooses the database, which is a new SQLite file otherwise.
"""

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "catalog", "integrations", "selections", "wrong_opinions")
MOVIES = (27205, 120)  # of TMDB: the first one warms everything up
TOOL = sys.monitoring.PROFILER_ID


def place(code: CodeType) -> tuple[str, str] | None:
    """The file and name of a function of ours; None for anything else, also for the body of a class or module."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or not code.co_flags & 0x2:  # CO_NEWLOCALS: functions, not modules
        return None
    file = str(path.relative_to(ROOT))
    if file.split("/")[0] not in APPS or "migrations" in file or code.co_name == "<module>":
        return None
    return file, code.co_qualname


def count(act) -> Counter[tuple[str, str]]:
    """How often each function of ours is called while `act` runs and until the threads that it starts end."""
    calls: Counter[tuple[str, str]] = Counter()

    def note(code: CodeType, offset: int) -> None:
        if (found := place(code)) is not None:
            calls[found] += 1

    before = set(threading.enumerate())
    sys.monitoring.use_tool_id(TOOL, "path")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.PY_START, note)
    sys.monitoring.set_events(TOOL, sys.monitoring.events.PY_START)
    try:
        act()
        for thread in set(threading.enumerate()) - before:
            thread.join()
    finally:
        sys.monitoring.set_events(TOOL, 0)
        sys.monitoring.free_tool_id(TOOL)
    return calls


def report(what: str, calls: Counter[tuple[str, str]], *, is_long: bool) -> None:
    files = Counter(file for file, _ in calls)
    print(f"{what}: {len(files)} files, {len(calls)} functions, {calls.total()} calls")  # noqa: T201
    for app in APPS:
        inside = [key for key in calls if key[0].startswith(f"{app}/")]
        if inside:
            print(f"  {app}: {len({file for file, _ in inside})} files, {len(inside)} functions")  # noqa: T201
    if is_long:
        for (file, name), number in sorted(calls.items()):
            print(f"    {number:4} {file} {name}")  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a TMDB on loopback, such as http://127.0.0.1:9100/3")
    parser.add_argument("--list", action="store_true", help="name every function")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
            "SECRET_KEY": "only for this benchmark, and long enough for tokens",
            "CACHE_DIR": folder,
            "TMDB_BASE_URL": asked.url,
            "TMDB_API_KEY": "a-read-access-token",
            "ALLOWED_HOSTS": "testserver",
        }
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/path.sqlite3")
        make_requests(is_long=asked.list)


def make_requests(*, is_long: bool) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from accounts.api.authentication import sign_in
    from accounts.models import User
    from catalog.models import Movie

    call_command("migrate", verbosity=0)
    user, _ = User.objects.get_or_create(username="benchmark", email="benchmark@example.org")
    Movie.objects.filter(tmdb_id__in=MOVIES).delete()
    client = Client(headers={"Authorization": f"Bearer {sign_in(user, 'a benchmark')['access_token']}"})

    def read() -> None:
        assert client.get("/api/weeks/current").status_code == 200

    def pick(tmdb_id: int, position: int) -> None:
        body = {"tmdb_id": tmdb_id, "position": position}
        response = client.post(f"/api/weeks/{week}/movies", body, content_type="application/json")
        assert response.status_code == 201, response.content

    week = client.get("/api/weeks/current").json()["id"]
    pick(MOVIES[0], 1)
    report("GET /api/weeks/current", count(read), is_long=is_long)
    report("POST /api/weeks/{id}/movies", count(lambda: pick(MOVIES[1], 2)), is_long=is_long)


if __name__ == "__main__":
    main()
