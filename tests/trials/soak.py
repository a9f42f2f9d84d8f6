"""Sixteen clients for ten minutes, with the job runner beside them: no 5xx, and neither memory nor descriptors grow.

    uv run python -m tests.trials.soak [--minutes 10] [--database sqlite|postgresql]

Every minute all regular jobs are due, so that they flush, back up and purge under load. Memory and descriptors of each
process of the site are read every few seconds; those of the last third of the time are compared with the third before.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from .databases import DATABASES
from .site import MEMBERS, UNPRIVILEGED, Site
from .trial import LeftOut, Trial

CLIENTS = 16
PAUSE = 0.05  # seconds of a client between two requests
SAMPLE_EVERY = 2  # seconds
MAX_GROWTH = 1.05  # of memory
MAX_MORE_MEMORY = 3  # MB
MAX_MORE_DESCRIPTORS = 3
READS = [
    "/health",
    "/api/auth/me",
    "/api/weeks/current",
    "/api/weeks?page_size=20",
    "/api/weeks?search=week",
    "/api/weeks?include=picks",
    "/api/rounds/current",
    "/api/events",
    "/api/shortlist",
    "/api/challenges",
    "/api/recommendations/movies",
    "/api/opinions",
    "/api/stats/overview",
    "/api/stats/wrong-opinions",
    "/api/stats/by-year/2026",
    "/api/stats/year-in-opinions/2026/card.svg",
    "/api/movies/selections",
    "/api/users",
    "/api/export?format=json",
    "/api/docs",
    "/admin/login/",
]
ALL_DUE = (
    "from django.utils import timezone as t; from wrong_opinions.models import Job; Job.objects.update(due_at=t.now())"
)
NUMBER = re.compile(r"\d+")
SAMPLES = "from selections.transfer import samples; samples.load()"


class Client(threading.Thread):
    """Reads most of the time, and otherwise creates, changes and deletes a week, or signs in."""

    def __init__(self, site: Site, number: int, is_over: threading.Event) -> None:
        super().__init__()
        self.site, self.number, self.is_over = site, number, is_over
        self.random = random.Random(number)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.seconds: list[float] = []
        self.sign_in()

    def sign_in(self) -> None:
        self.token = self.site.sign_in(f"member{self.number % MEMBERS}").json()["access_token"]

    def ask(self, method: str, path: str, body: object = None):
        answer = self.site.ask(method, path, body, token=self.token)
        self.answers[f"{method} {NUMBER.sub('…', path.partition('?')[0])}", answer.status] += 1
        self.seconds.append(answer.seconds)
        return answer

    def run(self) -> None:
        while not self.is_over.wait(PAUSE):
            match self.random.random():
                case chance if chance < 0.02:
                    self.sign_in()
                case chance if chance < 0.2:
                    self.write()
                case _:
                    self.ask("GET", self.random.choice(READS))

    def write(self) -> None:
        # Two clients are the same member: each has years of its own.
        asked = {
            "year": 1901 + 2 * self.random.randrange(90) + self.number // MEMBERS,
            "week_number": 7,
            "notes": "A week",
        }
        created = self.ask("POST", "/api/weeks", asked)
        if created.status == 201:
            path = f"/api/weeks/{created.json()['id']}"
            for method, body in (("PATCH", {"notes": "Another week"}), ("GET", None), ("DELETE", None)):
                answer = self.site.ask(
                    method, path, body, token=self.token, headers={"Content-Type": "application/json"}
                )
                self.answers[f"{method} /api/weeks/…", answer.status] += 1


class Meter:
    """Memory and descriptors of processes."""

    def __init__(self, processes: dict[str, int]) -> None:
        self.processes = processes
        self.samples: dict[str, list[tuple[float, int]]] = {name: [] for name in processes}

    def read(self) -> None:
        for name, pid in self.processes.items():
            status = Path(f"/proc/{pid}/status").read_text()
            descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            self.samples[name].append((int(status.split("VmRSS:")[1].split()[0]) / 1024, descriptors))

    def report(self, trial: Trial) -> None:
        for name, samples in self.samples.items():
            third = len(samples) // 3
            before, after = samples[third : 2 * third], samples[2 * third :]
            memory = [statistics.median(sample[0] for sample in part) for part in (before, after)]
            descriptors = [max(sample[1] for sample in part) for part in (before, after)]
            is_flat = memory[1] <= memory[0] * MAX_GROWTH + MAX_MORE_MEMORY
            trial.expect(f"{name}: {memory[0]:.0f} MB, then {memory[1]:.0f} MB", is_flat)
            trial.expect(
                f"{name}: {descriptors[0]} descriptors at most, then {descriptors[1]}",
                descriptors[1] <= descriptors[0] + MAX_MORE_DESCRIPTORS,
            )


def soak(trial: Trial) -> None:
    """Clients, jobs and time."""
    programs = [str(trial.database.programs)] if trial.database.vendor == "postgresql" else []
    settings = {
        "ACCESS_TOKEN_MINUTES": "600",
        "EXPORT_RATE": "off",
        "BACKUP_DIR": str(trial.folder / "backups"),
        "BACKUP_KEEP": "3",
        "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
    }
    with trial.site(**settings) as site, (trial.folder / "jobs.log").open("wb") as log:
        site.manage("shell", "--verbosity=0", "-c", SAMPLES)
        command = [*UNPRIVILEGED, sys.executable, "manage.py", "run_jobs"]
        runner = subprocess.Popen(command, cwd=site.root, env=site.environ, stdout=log, stderr=log)
        is_over = threading.Event()
        clients = [Client(site, number, is_over) for number in range(CLIENTS)]
        meter = Meter({f"worker {n}": pid for n, pid in enumerate(site.workers, 1)} | {"job runner": runner.pid})
        try:
            for client in clients:
                client.start()
            watch(site, meter, trial.seconds)
        finally:
            is_over.set()
            for client in clients:
                client.join()
            runner.terminate()
            code = runner.wait(60)
        report(trial, clients, (trial.folder / "jobs.log").read_text())
        meter.report(trial)
        trial.expect("the job runner ends at SIGTERM with exit code 0", code == 0)


def watch(site: Site, meter: Meter, seconds: float) -> None:
    end, due_at = time.monotonic() + seconds, time.monotonic() + 20
    while (now := time.monotonic()) < end:
        if now > due_at:
            site.manage("shell", "--verbosity=0", "-c", ALL_DUE)
            due_at = now + 60
        meter.read()
        time.sleep(SAMPLE_EVERY)


def report(trial: Trial, clients: list[Client], log: str) -> None:
    answers = sum((client.answers for client in clients), Counter())
    seconds = sorted(second for client in clients for second in client.seconds)
    statuses: Counter[int] = Counter()
    for (_, status), count in answers.items():
        statuses[status] += count
    bad = {what: count for what, count in answers.items() if what[1] >= 500 or what[1] == 0}
    trial.expect(f"{answers.total()} answers by status: {dict(statuses)}; failed: {bad}", not bad)
    odd = {what: count for what, count in answers.items() if what[1] not in {200, 201, 204, 409}} if not bad else {}
    trial.expect(f"other answers than expected: {odd}", not odd)
    for part in (0.5, 0.99):
        trial.note(f"{part:.0%} of the answers took at most {seconds[int(part * len(seconds))] * 1000:.0f} ms")
    ran = {name: log.count(f"Job {name}: ") for name in ("flush_tokens", "backup", "purge_cache")}
    trial.expect(f"jobs ran: {ran}", min(ran.values()) >= 2)
    refreshed = log.count("Job refresh_catalog failed: ")
    trial.expect(f"the catalog was not refreshed, as upstreams are out of reach: {refreshed} times", refreshed >= 2)
    kept = len(list((trial.folder / "backups").iterdir()))
    trial.expect(f"{kept} backups are kept", kept == min(3, ran["backup"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--port", type=int, default=8460, help="on loopback")
    asked = parser.parse_args()
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            database = DATABASES[asked.database](root, folder)
        except LeftOut as reason:
            raise SystemExit(f"Left out: {reason}") from None
        try:
            (folder / "site").mkdir()
            trial = Trial("soak", root, folder / "site", database, asked.port, asked.minutes * 60)
            soak(trial)
        finally:
            database.close()
    raise SystemExit(f"Broken: {trial.broken}" if trial.broken else 0)


if __name__ == "__main__":
    main()
