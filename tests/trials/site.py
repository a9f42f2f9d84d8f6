"""A copy of the site as people run it: gunicorn, a database of its own, everything else in a temporary folder."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

PASSWORD = "a password for trials only"
MEMBERS = 8
# Root without the right to ignore file modes, so that read-only files are read-only for the site, too.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []


class Answer(NamedTuple):
    status: int  # 0 where the connection was refused, cut or silent
    seconds: float
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """One server. Its log is in `site.log` of the folder, what it writes to /tmp in `tmp`."""

    def __init__(self, root: Path, folder: Path, port: int, database_url: str, **settings: str) -> None:
        self.root, self.folder, self.port = root, folder, port
        (folder / "tmp").mkdir(exist_ok=True)
        self.environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only for trials, and as long as a key must be",
            "DATABASE_URL": database_url,
            "CACHE_DIR": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
            "TMDB_BASE_URL": "http://127.0.0.1:9",
            "MUSICBRAINZ_BASE_URL": "http://127.0.0.1:9",
            "COVERART_BASE_URL": "http://127.0.0.1:9",
            "LOGIN_RATE": "off",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=self.root, env=self.environ, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {done.stderr[-2000:]}")
        return done.stdout

    def start(self) -> None:
        """Serve, and return once there is an answer."""
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}"]
        if not (self.root / "gunicorn.conf.py").exists():
            command += [
                "wrong_opinions.wsgi",
                "--worker-class=gthread",
                "--workers=2",
                "--threads=8",
                "--no-control-socket",
            ]
        with (self.folder / "site.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*UNPRIVILEGED, *command],
                cwd=self.root, env=self.environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        if not self._answers(60, {200, 503}):
            self.stop(signal.SIGKILL)
            raise RuntimeError(f"The site does not start: {self.log()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End all processes of the server: kindly, or with SIGKILL."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if how == signal.SIGKILL else os.kill)(self.process.pid, how)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    @property
    def workers(self) -> list[int]:
        master = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def peak(self) -> float:
        """Megabytes that the largest worker had in memory at its worst moment."""
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers]
        return max(int(status.split("VmHWM:")[1].split()[0]) for status in statuses) / 1024

    def log(self) -> str:
        return (self.folder / "site.log").read_text(errors="replace")

    def is_healthy_within(self, seconds: float) -> bool:
        return self._answers(seconds, {200})

    def _answers(self, seconds: float, statuses: set[int]) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.ask("GET", "/health", timeout=2).status in statuses:
                return True
            time.sleep(0.05)
        return False

    def ask(
        self, method: str, path: str, body: object = None, *, token: str = "", client: str = "127.0.0.1",
        timeout: float = 30, headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own; `client` is the address on loopback that it comes from."""
        sent = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        begin = time.monotonic()
        connection = self.connection(client, timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, time.monotonic() - begin, dict(response.headers), content)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, time.monotonic() - begin, {}, str(error).encode())
        finally:
            connection.close()

    def connection(self, client: str, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=(client, 0))

    def sign_in(self, name: str = "member0", password: str = PASSWORD, client: str = "127.0.0.1") -> Answer:
        return self.ask("POST", "/api/auth/login", {"username": name, "password": password}, client=client)

    def tokens(self) -> list[str]:
        """An access token of each member."""
        return [self.sign_in(f"member{number}").json()["access_token"] for number in range(MEMBERS)]


class Clients:
    """Clients that ask until this context ends: each is a thread that calls ask() with its part of `share`."""

    share: Iterable[Any]

    def ask(self, part: Any) -> None:
        raise NotImplementedError

    def __enter__(self):
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=[part]) for part in self.share]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


class Load(Clients):
    """Members who create weeks as fast as the site answers, and a ledger of the writes that it has acknowledged."""

    def __init__(self, site: Site, tokens: list[str], notes: str = "") -> None:
        self.site, self.share, self.notes = site, tokens, notes
        self.answers: list[tuple[float, Answer]] = []  # with the moment of each
        self.acknowledged: dict[str, list[int]] = {token: [] for token in tokens}
        self.weeks = {token: ((2100 - n // 52, n % 52 + 1) for n in range(9000)) for token in tokens}

    def ask(self, token: str) -> None:
        while not self.is_over.is_set():
            year, number = next(self.weeks[token])
            asked = {"year": year, "week_number": number, "notes": self.notes}
            answer = self.site.ask("POST", "/api/weeks", asked, token=token)
            self.answers.append((time.monotonic(), answer))
            if answer.status == 201:
                self.acknowledged[token].append(answer.json()["id"])
            else:
                self.is_over.wait(0.05)

    @property
    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def between(self, begin: float, end: float) -> list[Answer]:
        """The answers that began and ended between two moments."""
        return [answer for at, answer in self.answers if begin <= at - answer.seconds and at <= end]

    def statuses(self) -> dict[int, int]:
        """How many answers of each status there were."""
        found = [answer.status for _, answer in self.answers]
        return {status: found.count(status) for status in sorted(set(found))}

    def lost(self) -> int:
        """How many acknowledged writes the site has lost."""
        missing = 0
        for token, acknowledged in self.acknowledged.items():
            known: set[int] = set()
            for page in range(1, len(acknowledged) // 100 + 9):
                path = f"/api/weeks?owner=me&page_size=100&page={page}"
                for _ in range(3):  # as the first may meet a connection that has just been lost
                    if (answer := self.site.ask("GET", path, token=token)).status == 200:
                        break
                results = answer.json()["results"]
                known |= {week["id"] for week in results}
                if not results:
                    break
            missing += len(set(acknowledged) - known)
        return missing
