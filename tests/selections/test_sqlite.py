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
    services.change_week(week, notes=f"{known}!")
"""

MAKE = """
import django, sys
django.setup()
from accounts.models import User
for name in sys.argv[1:]:
    User.objects.create_user(name, name + "@example.org")
"""
COUNT = """
import django
django.setup()
from selections.models import Week
print(Week.objects.count())
"""


@pytest.mark.real_http
def test_four_processes_write_without_a_locked_database(tmp_path):
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "x" * 60,
    }

    def start(*arguments):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, *arguments], env=environment, cwd=ROOT, **pipes)

    def finish(process):
        output, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
        return output

    names = ["one", "two", "three", "four"]
    finish(start("manage.py", "migrate", "-v0", "--skip-checks"))
    finish(start("-c", MAKE, *names))

    for process in [start("-c", WRITE, name) for name in names]:
        finish(process)

    assert finish(start("-c", COUNT)).strip() == "200"
    assert (tmp_path / "site.db").read_bytes()[18:20] == b"\x02\x02"  # as in WAL mode
