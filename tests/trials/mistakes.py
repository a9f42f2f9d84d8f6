"""Mistakes of operators, one at a time, in a deployment in which `manage.py doctor` finds nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .site import Site
from .trial import Trial

MAKE_LATE = "from wrong_opinions.models import Job; Job.objects.update(due_at='2026-01-01T00:00Z')"
FORGET_MIGRATION = (
    "from django.db import connection; from django.db.migrations.recorder import MigrationRecorder; "
    "MigrationRecorder(connection).migration_qs.filter(app='wrong_opinions').delete()"
)
BACK_AGAIN = "from wrong_opinions.models import Job; Job.objects.update(due_at='2126-01-01T00:00Z')"


class Upstream(BaseHTTPRequestHandler):
    """Answers everything, with a clock that can be moved."""

    ahead = 0  # seconds

    def do_GET(self) -> None:
        body = json.dumps({}).encode()
        self.send_response_only(200)
        self.send_header("Date", self.date_time_string(time.time() + self.ahead))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def doctor_finds_mistakes(trial: Trial) -> None:
    """The doctor finds nothing in a sound deployment, and each of twelve mistakes."""
    upstream = ThreadingHTTPServer(("127.0.0.1", trial.port + 1), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    address, env_file = f"http://127.0.0.1:{trial.port + 1}", trial.folder / "env"
    env_file.touch(mode=0o600)
    settings = {
        "ENV_FILE": str(env_file),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": f"http://127.0.0.1:{trial.port}",
        "BACKUP_DIR": str(trial.folder / "backups"),
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "TMDB_API_KEY": "only for trials",
        **{f"{name}_BASE_URL": address for name in ("TMDB", "MUSICBRAINZ", "COVERART")},
    }
    programs = [str(trial.database.programs)] if trial.database.vendor == "postgresql" else []
    settings["PATH"] = os.pathsep.join([*programs, os.environ["PATH"]])
    try:
        with trial.site(**settings) as site:
            if trial.database.vendor == "sqlite":
                trial.database.path.chmod(0o600)
            site.manage("run_jobs", "--once")
            code, said = doctor(site, "--skip=settings")
            trial.expect("nothing is found where nothing is wrong, but settings of a site without HTTPS", code == 0)
            for line in said.splitlines() if code else []:
                trial.note(line)
            _find_wrong_settings(trial, site)
            _find_wrong_states(trial, site)
    finally:
        upstream.shutdown()
        upstream.server_close()


def doctor(site: Site, *arguments: str, **settings: str) -> tuple[int, str]:
    command = [sys.executable, "manage.py", "doctor", *arguments]
    done = subprocess.run(command, cwd=site.root, env=site.environ | settings, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _expect_found(trial: Trial, mistake: str, sentence: str, result: tuple[int, str]) -> None:
    code, said = result
    found = next((line for line in said.splitlines() if sentence in line), "")
    trial.expect(f"{mistake}: {found or said.strip()[-300:]}", code == 1 and bool(found))


def _find_wrong_settings(trial: Trial, site: Site) -> None:
    mistakes = [
        ("a short key", "SECRET_KEY is weak", {"SECRET_KEY": "short"}),
        ("another port in SITE_URL", "is not this site", {"SITE_URL": "http://127.0.0.1:9"}),
        ("a name missing in ALLOWED_HOSTS", "to ALLOWED_HOSTS", {"SITE_URL": f"http://localhost:{site.port}"}),
        ("an upstream out of reach", "without success", {"MUSICBRAINZ_BASE_URL": "http://127.0.0.1:9"}),
        ("no folder for backups", "BACKUP_DIR is not set", {"BACKUP_DIR": ""}),
    ]
    for mistake, sentence, settings in mistakes:
        skipped = ["--skip=settings"] if "SECRET_KEY" not in settings else []
        _expect_found(trial, mistake, sentence, doctor(site, *skipped, **settings))
    sent = doctor(site, "--skip=settings", "--mail=you@example.org")
    _expect_found(trial, "a mail server that is not there", "No email can be sent", sent)


def _find_wrong_states(trial: Trial, site: Site) -> None:
    env_file, backup = Path(site.environ["ENV_FILE"]), next(Path(site.environ["BACKUP_DIR"]).iterdir())
    manifest = site.root / "staticfiles" / "staticfiles.json"
    aside = manifest.with_suffix(".aside")

    def move_clock(seconds: int) -> None:
        Upstream.ahead = seconds

    states: list[tuple[str, str, Callable[[], object], Callable[[], object]]] = [
        (".env for all eyes", "chmod 600", lambda: env_file.chmod(0o644), lambda: env_file.chmod(0o600)),
        ("no collectstatic", "collectstatic", lambda: manifest.rename(aside), lambda: aside.rename(manifest)),
        ("a slow clock", "seconds behind", lambda: move_clock(60), lambda: move_clock(0)),
        ("old backups", "days old", lambda: os.utime(backup, (0, 0)), lambda: os.utime(backup)),
        ("no job runner", "start manage.py run_jobs", lambda: run(site, MAKE_LATE), lambda: run(site, BACK_AGAIN)),
        ("no migrate", "Run manage.py migrate", lambda: run(site, FORGET_MIGRATION), lambda: None),
    ]
    for mistake, sentence, make, undo in states:
        make()
        try:
            _expect_found(trial, mistake, sentence, doctor(site, "--skip=settings"))
        finally:
            undo()


def run(site: Site, code: str) -> None:
    site.manage("shell", "--verbosity=0", "-c", code)
