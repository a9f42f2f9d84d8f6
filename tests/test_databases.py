"""What holds when the database is away, read-only, full, replaced or damaged: as a server and as commands see it."""

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction

from selections.models import Week
from tests.commands import ROOT, environment_of, manage, manage_each
from tests.conftest import assert_problem, client_of
from tests.factories import UserFactory, WeekFactory
from wrong_opinions import outages
from wrong_opinions.outages import report_at_start

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.real_http]
IS_SQLITE = connection.vendor == "sqlite"
on_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="about SQLite")
on_postgresql = pytest.mark.skipif(IS_SQLITE, reason="about PostgreSQL")
BUSY = "The database is busy or out of reach, and nothing was changed. Try again in a moment."


@pytest.fixture(autouse=True)
def fresh_connection():
    """Connections that a test has changed end with it."""
    yield
    connection.close()


@pytest.fixture
def write(user):
    """The responses to requests that write, with the checks of the connection that a server makes before and after
    each."""
    client, number = client_of(user), iter(range(1, 50))

    def write(notes=""):
        close_old_connections()
        response = client.post("/api/weeks", {"year": 2025, "week_number": next(number), "notes": notes})
        close_old_connections()
        return response

    return write


def make_read_only():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = on" if IS_SQLITE else "SET default_transaction_read_only = on")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite, which stores text")
def test_a_time_that_was_stored_with_an_offset_keeps_it(user):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET date_joined = '2026-11-27 14:00:00+02:00'")

    user.refresh_from_db()

    assert user.date_joined == datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_a_percent_sign_of_sql_is_written_twice():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'a %%', 'b %%s', %s", ["c %s %%"])

        assert cursor.fetchone() == ("a %", "b %s", "c %s %%")


def test_a_session_that_was_read_only_is_not_used_again(write):
    make_read_only()

    refused, accepted = write(), write()

    assert_problem(refused, 503, BUSY)
    assert refused.headers["Retry-After"] == "1"
    assert accepted.status_code == 201


@on_postgresql
def test_health_says_when_nothing_can_be_written(anonymous):
    make_read_only()

    response = anonymous.get("/health")

    assert response.status_code == 503
    assert (response.json()["detail"], response.json()["status"]) == ("The database is read-only", "unhealthy")


def test_health_is_one_query(anonymous, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert anonymous.get("/health").status_code == 200


def test_pages_and_the_admin_say_that_the_database_is_at_fault(client, monkeypatch):
    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.utils.CursorWrapper.execute", locked)
        response = client.get("/admin/")

    assert (response.status_code, response.content.decode()) == (503, BUSY)


# Full


@on_sqlite
def test_without_space_nothing_is_half_done(write):
    write()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # or pages that other tests have left free would take it
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")

    refused, accepted = write("x" * 9000), write("y" * 9000)

    assert_problem(refused, 503, "The database has no space left, and nothing was changed. Try again later.")
    assert accepted.status_code == 201
    assert Week.objects.count() == 2


@on_postgresql
def test_a_full_disk_of_the_server_is_said():
    with connection.cursor() as cursor, pytest.raises(OperationalError) as full:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$")

    assert outages.sentence(full.value) == "The database has no space left, and nothing was changed. Try again later."


# SQLite: the file


@pytest.fixture
def file():
    """The file of the database; put back, if it was moved."""
    file = Path(connection.settings_dict["NAME"])
    connection.close()
    aside = file.with_suffix(".aside")
    yield file
    connection.close()
    if aside.exists():
        aside.replace(file)


@on_sqlite
def test_a_file_that_was_deleted_acknowledges_nothing(write, file):
    assert write().status_code == 201
    file.rename(file.with_suffix(".aside"))

    refused = write()

    assert_problem(refused, 503, BUSY)
    assert not file.exists()


@on_sqlite
def test_a_command_writes_nothing_into_a_deleted_file(user, file):
    WeekFactory(user=user)  # opens a connection
    file.rename(file.with_suffix(".aside"))

    with pytest.raises(OperationalError, match="the file does not exist"):
        transaction.atomic().__enter__()


@on_sqlite
def test_a_file_that_came_back_is_used_at_once(write, file):
    write()
    file.rename(file.with_suffix(".aside"))
    refused = write()
    shutil.copy(file.with_suffix(".aside"), file)

    accepted = write()

    assert (refused.status_code, accepted.status_code) == (503, 201)
    connection.close()
    with sqlite3.connect(file) as copy:
        assert copy.execute("SELECT count(*) FROM selections_week").fetchone() == (2,)
    copy.close()


@on_sqlite
def test_a_folder_in_which_no_file_can_be_created(tmp_path):
    (tmp_path / "file").touch()
    elsewhere = connection.copy()
    elsewhere.settings_dict = connection.settings_dict | {"NAME": tmp_path / "file" / "site.db"}

    with pytest.raises(OperationalError, match="Not a directory"):
        elsewhere.prepare_database()


# PostgreSQL: connections


@on_postgresql
def test_a_terminated_connection_is_replaced(write):
    write()
    own = connection.copy()
    with own.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    own.close()

    assert write().status_code == 201


@on_postgresql
def test_after_a_failure_one_thread_tries_and_the_others_are_refused():
    from psycopg import OperationalError as Away

    from wrong_opinions.postgresql.base import CircuitBreaker

    def away():
        attempts.append("away")
        with pytest.raises(Away):
            breaker.connect(attempts.clear)  # what others are told meanwhile
        raise Away("connection refused")

    breaker, attempts = CircuitBreaker(), []
    breaker.retry_at = 0.001  # long ago

    with pytest.raises(Away, match="connection refused"):
        breaker.connect(away)
    with pytest.raises(Away, match="did not answer a moment ago"):
        breaker.connect(away)

    assert attempts == ["away"]
    breaker.retry_at = 0.001
    assert breaker.connect(lambda: "connected") == "connected"
    assert breaker.connect(lambda: "another") == "another"


# Commands


def assert_one_sentence(done):
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if "database" in line and " cannot be " in line]
    assert len(said) == 1, done
    assert said[0].endswith(".")


COMMANDS = ["check", "migrate", "flush_tokens", "backup new"]


def test_commands_report_a_damaged_database_in_a_sentence(tmp_path):
    (tmp_path / "site.db").write_bytes(b"garbage" * 1000)

    for done in manage_each(*COMMANDS, DATABASE_URL=f"sqlite:///{tmp_path}/site.db"):
        assert_one_sentence(done)


def test_commands_report_an_unreachable_server_in_a_sentence(tmp_path):
    url = "postgres://nobody@127.0.0.1:9/nowhere"

    for done in manage_each(*COMMANDS, "quickstart --no-serve", DATABASE_URL=url, TMDB_API_KEY="x"):
        assert_one_sentence(done)


def test_only_migrate_creates_a_database(tmp_path):
    for done in manage_each("check", "flush_tokens", "backup new", DATABASE_URL=f"sqlite:///{tmp_path}/site.db"):
        assert_one_sentence(done)

    assert not (tmp_path / "site.db").exists()


def test_commands_report_a_locked_database_in_a_sentence(tmp_path):
    file = tmp_path / "site.db"
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        done = manage("check", DATABASE_URL=f"sqlite:///{file}?timeout=1")
    other.close()

    assert_one_sentence(done)
    assert "locked" in done.stderr


def test_commands_report_a_read_only_database_in_a_sentence(tmp_path):
    """Root can write everything, so the command gives up that right."""
    file = tmp_path / "site.db"
    file.touch()
    file.chmod(0o400)
    command = [sys.executable, "manage.py", "check"]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is not installed here")
        command = ["setpriv", "--bounding-set", "-dac_override", *command]
    environment = environment_of(DATABASE_URL=f"sqlite:///{file}")

    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert_one_sentence(done)
    assert "readonly" in done.stderr


def test_a_server_that_starts_without_its_database_says_so(caplog, tmp_path):
    name = f"{tmp_path}/missing.db" if IS_SQLITE else "missing"
    connection.close()
    with caplog.at_level(logging.ERROR), pytest.MonkeyPatch.context() as patched:
        patched.setitem(connection.settings_dict, "NAME", name)
        report_at_start()

    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"The database {name} cannot be used: ")


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("accounts_user RENAME TO elsewhere", "elsewhere RENAME TO accounts_user"),
        ("accounts_user RENAME visibility TO elsewhere", "accounts_user RENAME elsewhere TO visibility"),
    ],
)
def test_a_database_that_lacks_migrations_is_an_outage_that_says_so(client, caplog, user, change, back):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {change}")
    try:
        response = client.post("/api/auth/login", {"username": user.username, "password": "x"}, "application/json")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {back}")

    assert_problem(response, 503, BUSY)
    assert caplog.messages[0].endswith(". Run manage.py migrate.")


def test_a_bug_is_not_an_outage(user):
    with transaction.atomic(), pytest.raises(Exception, match=r"(?i)unique") as clash, transaction.atomic():
        UserFactory(username=user.username)

    assert not outages.is_outage(clash.value)
