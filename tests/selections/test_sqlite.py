"""Several processes at one SQLite file, as gunicorn's workers are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Reads, then writes what it read, in one transaction: the kind that locks each other out without WAL and IMMEDIATE.
WRITE = """
import django, sys
django.setup()
from django.db import transaction
from accounts.models import User
from selections import services
user = User.objects.get(username=sys.argv[1])
for number in range(1, 51):
    with transaction.atomic():
        known = user.weeks.count()
        week = services.create_week(user, year=2026, week_number=number, notes=str(known))
    services.change_notes(week, f"{known}!")
"""


@pytest.mark.real_http
def test_four_processes_write_without_a_locked_database(tmp_path):
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "x" * 60,
    }

    def run(*arguments):
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert run("manage.py", "migrate", "-v0").wait() == 0
    names = ["one", "two", "three", "four"]
    make = f"import django; django.setup(); from accounts.models import User\nfor n in {names}: User.objects.create_user(n, n + '@e.org')"
    assert run("-c", make).wait() == 0

    processes = [run("-c", WRITE, name) for name in names]
    outcomes = [(process.communicate()[1], process.returncode) for process in processes]

    assert outcomes == [("", 0)] * 4
    count = run("-c", "import django; django.setup(); from selections.models import Week; print(Week.objects.count())")
    assert count.communicate()[0].strip() == "200"
    assert (tmp_path / "site.db-wal").exists() or (tmp_path / "site.db").read_bytes()[18:20] == b"\x02\x02"  # WAL
