"""Backups of SQLite: files that are copied, damaged and set aside."""

import contextlib
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from django.db import connection

from selections.models import Week
from tests.factories import WeekFactory
from tests.instance.conftest import IS_SQLITE
from wrong_opinions import backup

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not IS_SQLITE, reason="about SQLite"),
]


@pytest.fixture
def copy(tmp_path, filled):
    """A backup, to be restored elsewhere."""
    backup.back_up(tmp_path / "copy.db")
    return tmp_path / "copy.db"


def ask(file, query):
    with contextlib.closing(sqlite3.connect(file)) as opened:
        return opened.execute(query).fetchall()


def test_a_copy_is_one_whole_file(copy, tmp_path):
    assert ask(copy, "PRAGMA integrity_check") == [("ok",)]
    assert ask(copy, "PRAGMA journal_mode") == [("delete",)]
    assert list(tmp_path.iterdir()) == [copy]


def test_what_was_deleted_is_not_in_a_copy(run, tmp_path):
    WeekFactory(notes="a secret that is gone").delete()

    run("backup", tmp_path / "backup")

    assert b"a secret that is gone" not in (tmp_path / "backup").read_bytes()


def test_restore_creates_a_missing_database(copy, tmp_path):
    live = tmp_path / "new.db"

    contents, is_older = backup.restore_sqlite(copy, live)

    assert (contents, is_older) == ("1 account, 1 week, 1 movie, 1 album", False)
    assert ask(live, "SELECT count(*) FROM selections_week") == [(1,)]
    assert stat.S_IMODE(live.stat().st_mode) == 0o600


def test_a_missing_database_is_not_backed_up(refusal, tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / "new.db")
    (tmp_path / "backup").write_text("precious")

    said = refusal("backup", tmp_path / "backup", "--force")

    assert said == "The database new.db cannot be copied: unable to open database file."
    assert [file.read_text() for file in tmp_path.iterdir()] == ["precious"]


def test_a_leftover_log_is_not_applied(copy, tmp_path):
    """As after a crash: rows that are only in the -wal file, of a database that nobody has open."""
    live = tmp_path / "live.db"
    shutil.copy(copy, live)
    with contextlib.closing(sqlite3.connect(live)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE selections_week SET notes = 'later'")
        writer.commit()
        for part in tmp_path.glob("live.db*"):
            shutil.copy(part, tmp_path / part.name.replace("live", "crashed"))
    crashed = tmp_path / "crashed.db"
    assert crashed.with_name("crashed.db-wal").stat().st_size > 0

    backup.restore_sqlite(copy, crashed, force=True)

    assert ask(crashed, "SELECT notes FROM selections_week") == ask(copy, "SELECT notes FROM selections_week")
    assert ask(crashed, "PRAGMA integrity_check") == [("ok",)]
    assert ask(crashed, "PRAGMA journal_mode") == [("wal",)]


def test_a_damaged_database_is_set_aside_by_force(copy, tmp_path):
    live = tmp_path / "live.db"
    live.write_bytes(b"garbage" * 1000)
    live.with_name("live.db-wal").write_bytes(b"more garbage")

    with pytest.raises(backup.BackupError, match=r"damaged: stop the server, then use --force to set it aside"):
        backup.restore_sqlite(copy, live)
    assert live.read_bytes().startswith(b"garbage")

    backup.restore_sqlite(copy, live, force=True)

    assert ask(live, "SELECT count(*) FROM selections_week") == [(1,)]
    assert {b"garbage", b"more ga"} <= {file.read_bytes()[:7] for file in tmp_path.glob("live.db.damaged-*")}
    assert not live.with_name("live.db-wal").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("DROP TABLE catalog_album", "This is not a backup of Wrong Opinions: it has no table catalog_album"),
        (
            "UPDATE selections_week SET user_id = 999",
            "damaged: a row in selections_week refers to a missing row",
        ),
    ],
)
def test_a_database_that_is_not_whole(copy, tmp_path, change, sentence):
    with contextlib.closing(sqlite3.connect(copy)) as opened:
        opened.execute(change)
        opened.commit()
    live = tmp_path / "live.db"

    with pytest.raises(backup.BackupError, match=sentence):
        backup.restore_sqlite(copy, live)

    assert not live.exists()


def test_a_damaged_page_is_found(copy, tmp_path):
    whole = bytearray(copy.read_bytes())
    whole[8192:12288] = os.urandom(4096)
    copy.write_bytes(whole)

    with pytest.raises(backup.BackupError, match="The backup is damaged"):
        backup.restore_sqlite(copy, tmp_path / "live.db")


def test_the_database_itself_is_refused_as_a_backup(refusal, tmp_path, filled):
    live = Path(connection.settings_dict["NAME"])
    (tmp_path / "link").symlink_to(live)

    for name in (live, tmp_path / "link"):
        assert "is the database itself" in refusal("backup", name, "--force")
        assert "is the database itself" in refusal("restore", name, "--force")

    assert Week.objects.get() == filled
