"""Several processes use one SQLite file, as gunicorn's workers do."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests.factories import UserFactory

ROOT = Path(__file__).resolve().parents[2]
# Reads, then writes what it read, in one transaction: processes lock each other out there without WAL and IMMEDIATE.
WRITE = """
import django, sys
django.setup()
from django.db import transaction
from accounts.models import User
from selections import services
user = User.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(1, 41):
    with transaction.atomic():
        known = user.weeks.count()
        week = services.create_week(user, year=2026, week_number=number, notes=str(known))
    services.change_week(week, notes=f"{known}!")
"""


@pytest.mark.real_http
@pytest.mark.django_db(transaction=True)
def test_processes_write_at_once_without_a_locked_database(tmp_path):
    users = UserFactory.create_batch(2)
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as file:
        connection.connection.backup(file)
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{path}",
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "x" * 60,
    }

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(user.pk)], env=environment, cwd=ROOT, **pipes)
        for user in users
    ]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 2
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()

    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 2
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM selections_week").fetchone() == (80,)
    assert path.read_bytes()[18:20] == b"\x02\x02"  # as in WAL mode
