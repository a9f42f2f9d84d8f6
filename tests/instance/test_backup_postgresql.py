"""Backups of PostgreSQL: its programs, its extensions, and poolers."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from django.db import connection

from selections.models import Week
from tests.commands import manage, manage_each
from tests.instance.conftest import IS_SQLITE, rows

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(IS_SQLITE, reason="about PostgreSQL"),
]


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a program of this name in the place of the true one."""

    def install(name, script):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o700)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


def test_the_password_is_in_the_environment_only(refusal, tmp_path, fake, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "s3cret/&")
    fake(
        "pg_dump",
        f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment; echo "pg_dump: error: No." >&2; exit 1',
    )

    said = refusal("backup", tmp_path / "backup")

    assert said == "pg_dump says: No."
    assert "PGPASSWORD=s3cret/&\n" in (tmp_path / "environment").read_text()
    assert f"PGDATABASE={connection.settings_dict['NAME']}\n" in (tmp_path / "environment").read_text()
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert not (tmp_path / "backup").exists()


def test_a_server_of_another_version(refusal, tmp_path, fake):
    fake(
        "pg_dump",
        "echo 'pg_dump: error: aborting because of server version mismatch' >&2\n"
        "echo 'pg_dump: detail: server version: 19.1; pg_dump version: 15.10' >&2\nexit 1",
    )

    assert refusal("backup", tmp_path / "backup") == (
        "pg_dump says: aborting because of server version mismatch; server version: 19.1; pg_dump version: 15.10."
    )


def test_missing_programs(run, refusal, tmp_path, monkeypatch):
    run("backup", tmp_path / "backup")
    monkeypatch.setenv("PATH", str(tmp_path))

    for what, program in (("backup", "pg_dump"), ("restore", "pg_restore")):
        assert refusal(what, tmp_path / "backup", "--force") == (
            f"{program} is not on the PATH: install PostgreSQL's client programs in the server's version."
        )


def test_a_restore_that_fails_in_the_middle_changes_nothing(run, refusal, tmp_path, filled):
    run("backup", tmp_path / "backup")
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW of_others AS SELECT notes FROM selections_week")
    filled.notes = "later"
    filled.save()
    before = rows()
    try:
        said = refusal("restore", tmp_path / "backup", "--force")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW of_others")

    assert "other objects depend on them; view of_others depends on table selections_week" in said
    assert "\n" not in said
    assert rows() == before


def test_what_a_newer_version_has_added_goes(run, tmp_path, filled):
    """As when going back: a foreign key between tables that are in the backup."""
    run("backup", tmp_path / "backup")
    before = rows()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE catalog_movie ADD COLUMN later_id bigint REFERENCES selections_week")

    run("restore", tmp_path / "backup", "--force")

    assert rows() == before
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "catalog_movie")
    assert "later_id" not in {column.name for column in columns}


@pytest.fixture
def make_foreign():
    """Makes a table of another program, whose name could be one of ours."""

    def make():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE catalog_product (name text)")
        return "catalog_product"

    yield make
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS catalog_product")


def test_tables_of_other_programs_stay(run, refusal, tmp_path, filled, make_foreign):
    run("backup", tmp_path / "backup")
    before = rows()
    foreign = make_foreign()

    run("restore", tmp_path / "backup", "--force")
    assert foreign in connection.introspection.table_names()

    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {foreign} ADD COLUMN week_id bigint REFERENCES selections_week")
    assert f"table {foreign} depends on table selections_week" in refusal("restore", tmp_path / "backup", "--force")
    assert rows() == before


@pytest.fixture
def extension():
    """An extension that the server's operator has created."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'")
        if not cursor.fetchone()[0]:
            pytest.skip("pg_stat_statements is not installed here")
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def is_there():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'")
            return bool(cursor.fetchone()[0])

    def drop():
        with connection.cursor() as cursor:
            cursor.execute("DROP EXTENSION IF EXISTS pg_stat_statements")

    is_there.drop = drop
    yield is_there
    drop()


def test_extensions_are_left_out_and_left_alone(run, tmp_path, filled, extension):
    run("backup", tmp_path / "backup")
    before = rows()

    run("restore", tmp_path / "backup", "--force")
    assert extension()

    extension.drop()
    run("restore", tmp_path / "backup", "--force")
    assert not extension()
    assert rows() == before


def test_queries_are_planned_for_the_restored_rows(run, tmp_path, filled):
    run("backup", tmp_path / "backup")

    run("restore", tmp_path / "backup", "--force")

    with connection.cursor() as cursor:
        cursor.execute("SELECT n_distinct FROM pg_stats WHERE tablename = 'selections_week' AND attname = 'notes'")
        assert cursor.fetchall()


def test_the_extension_that_searches_need_is_created(run, tmp_path, filled):
    run("backup", tmp_path / "backup")
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")

    run("restore", tmp_path / "backup", "--force")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%_search'")
        assert cursor.fetchone()[0] == 3  # of weeks, movies and albums


def test_settings_of_newer_clients_are_left_out(run, tmp_path, filled, fake):
    """As pg_restore 17 and later write them, for servers of any version."""
    true = shutil.which("pg_restore")
    fake(
        "pg_restore",
        f'{true} "$@" || exit\nfor option; do case "$option" in --file=/*)\n'
        'sed -i "0,/^SET /s//SET transaction_timeout = 0;\\nSET /" "${option#--file=}";; esac; done',
    )
    run("backup", tmp_path / "backup")
    before = rows()

    run("restore", tmp_path / "backup", "--force")

    assert rows() == before


@pytest.fixture
def pgbouncer(tmp_path):
    """The address of a PgBouncer in transaction mode, with one session for all."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if not program:
        pytest.skip("pgbouncer is not installed here")
    server = connection.get_connection_params()
    folder = Path(tempfile.mkdtemp(prefix="wo"))  # a socket's path is short
    settings = {
        "pool_mode": "transaction",
        "default_pool_size": 1,
        "listen_addr": "",
        "unix_socket_dir": folder,
        "auth_type": "any",
        "ignore_startup_parameters": "extra_float_digits",
    }
    address = f"host={server['host']} port={server.get('port', 5432)} user={server['user']}"
    lines = [f"[databases]\n{server['dbname']} = {address}\n[pgbouncer]"]
    (folder / "ini").write_text("\n".join(lines + [f"{name} = {value}" for name, value in settings.items()]))
    become = []
    if os.geteuid() == 0:  # as which it refuses to run
        shutil.chown(folder, "postgres")
        become = ["runuser", "-u", "postgres", "--"]
    process = subprocess.Popen([*become, program, "-q", folder / "ini"], stderr=subprocess.DEVNULL)
    while not (folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None
        time.sleep(0.05)
    yield f"postgres://{server['user']}@/{server['dbname']}?host={folder}&port=6432"
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder)


@pytest.mark.real_http
def test_through_pgbouncer_all_works_and_backups_go_past_it(filled, tmp_path, pgbouncer):
    server = connection.get_connection_params()
    direct = {"DATABASE_DIRECT_URL": f"postgres://{server['user']}@/{server['dbname']}?host={server['host']}"}
    connection.close()

    refused = manage("backup", f"{tmp_path}/refused", DATABASE_URL=pgbouncer)
    done = manage_each(
        f"backup {tmp_path}/backup",
        f"restore {tmp_path}/backup --force",
        "migrate",
        f"export_selections --output {tmp_path}/all",
        "check",
        DATABASE_URL=pgbouncer,
        **direct,
    )

    assert "PgBouncer or another pooler answers: set DATABASE_DIRECT_URL" in refused.stderr
    assert [command.returncode for command in done] == [0] * 5, done
    assert Week.objects.get() == filled
