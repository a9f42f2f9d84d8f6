"""manage.py backup and restore, for real, on whichever database the tests run."""

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from selections import services
from selections.models import EarlierRating, Week, WeekMovie
from tests.commands import manage, manage_each
from tests.factories import MovieFactory, MovieOpinionFactory, UserFactory, WeekAlbumFactory, WeekFactory
from wrong_opinions import backup

pytestmark = pytest.mark.django_db(transaction=True)
IS_SQLITE = connection.vendor == "sqlite"
on_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="about SQLite")
on_postgresql = pytest.mark.skipif(IS_SQLITE, reason="about PostgreSQL")
FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """PostgreSQL's programs, where tests need them."""
    if not IS_SQLITE:
        monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"], *FOLDERS]))
        if not shutil.which("pg_dump"):
            pytest.skip("pg_dump is not installed here")


@pytest.fixture
def run(capsys):
    """Runs a command and gives what it wrote."""

    def run(*arguments, **options):
        call_command(*map(str, arguments), **options)
        return capsys.readouterr()

    return run


@pytest.fixture
def filled():
    """A bit of everything."""
    week = WeekFactory(notes="Straße; “quoted”\n\ttwo lines \\N \\.")
    MovieOpinionFactory(user=week.user, movie_pick__week=week, review="🎬")
    WeekAlbumFactory(week=week)
    return week


def rows():
    """All that the database holds."""
    return {
        model._meta.label: sorted(map(str, model._base_manager.values()))
        for model in apps.get_models()
        if model._meta.managed
    }


def refusal(run, *arguments, **options):
    with pytest.raises(CommandError) as refused:
        run(*arguments, **options)
    return str(refused.value)


def test_a_backup_is_restored(run, filled, tmp_path):
    before = rows()
    file = tmp_path / "a backup's file.db"

    said = run("backup", file)
    filled.user.delete()
    services.create_week(UserFactory(), year=2024, week_number=7)
    returned = run("restore", file, "--force")

    assert rows() == before
    assert Week.objects.mentioning("strasse").get() == filled
    assert said.out.startswith(f"{file}, 0.")
    assert said.out.endswith(" MB: 1 account, 1 week, 1 movie, 1 album.\n")
    assert returned.out == "Restored 1 account, 1 week, 1 movie, 1 album.\n"
    assert said.err == returned.err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    WeekFactory()  # new rows get new ids


def test_verbosity(run, tmp_path):
    file = tmp_path / "backup"

    assert run("backup", file, verbosity=0).out == run("restore", file, verbosity=0).out == ""
    assert len(run("backup", file, "--force", verbosity=2).out.splitlines()) == 2
    assert len(run("restore", file, verbosity=2).out.splitlines()) == 2


def test_a_file_is_only_overwritten_by_force(run, tmp_path):
    file = tmp_path / "backup"
    file.write_text("precious")

    assert refusal(run, "backup", file) == f"{file} exists: choose another name, or use --force to overwrite it."
    assert file.read_text() == "precious"

    run("backup", file, "--force")
    run("restore", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("", "is a folder: name a file."), ("nowhere/backup", "cannot be written: No such file or directory.")],
)
def test_a_place_that_cannot_be_written(run, tmp_path, place, sentence):
    assert refusal(run, "backup", tmp_path / place) == f"{tmp_path / place} {sentence}"


def test_accounts_are_only_overwritten_by_force(run, tmp_path, filled):
    run("backup", tmp_path / "backup")
    UserFactory()
    before = rows()

    said = refusal(run, "restore", tmp_path / "backup")

    assert said == "The database has 2 accounts: use --force to replace all of its data."
    assert rows() == before


def test_a_backup_is_of_one_moment_while_others_write(run, tmp_path):
    user, movies, stop = UserFactory(), [MovieFactory() for _ in range(2)], threading.Event()

    def write():
        """Weeks that have two picks, both or neither."""
        number = 0
        try:
            while not stop.is_set() and number < 5000:
                number += 1
                with transaction.atomic():
                    week = services.create_week(user, year=1900 + number // 50, week_number=1 + number % 50)
                    for position, movie in enumerate(movies, 1):
                        WeekMovie.objects.create(week=week, movie=movie, position=position)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(2):
            while Week.objects.count() < 15 * (number + 1):
                pass
            run("backup", tmp_path / f"{number}")
    finally:
        stop.set()
        writer.join()
    in_the_end = Week.objects.count()

    counts = []
    for number in range(2):
        said = run("restore", tmp_path / f"{number}", "--force").out
        counts.append(Week.objects.count())
        assert f" {counts[-1]} weeks," in said
        assert WeekMovie.objects.count() == 2 * counts[-1]
    assert 15 <= counts[0] < counts[1] <= in_the_end


def test_other_connections_see_a_whole_restore_or_none(run, tmp_path):
    user, movie = UserFactory(), MovieFactory()
    weeks = Week.objects.bulk_create(Week(user=user, year=2024, week_number=number) for number in range(1, 41))
    WeekMovie.objects.bulk_create(WeekMovie(week=week, movie=movie, position=1) for week in weeks)
    run("backup", tmp_path / "backup")
    Week.objects.filter(week_number__gt=5).delete()
    seen, stop, failed = set(), threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                # One statement, and so one moment, also where transactions see what others commit.
                seen.add(Week.objects.values_list("user__weeks__movie_picks__week").count())
                with transaction.atomic():
                    services.touch(Week.objects.order_by("pk")[0])
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(2):
            run("restore", tmp_path / "backup", "--force")
            assert Week.objects.count() == 40
            Week.objects.filter(week_number__gt=5).delete()
    finally:
        stop.set()
        for reader in readers:
            reader.join()

    assert failed == []
    assert seen <= {5 * 5, 40 * 40}


def test_a_restore_does_not_wait_for_ever(run, tmp_path, filled, monkeypatch):
    run("backup", tmp_path / "backup")
    monkeypatch.setattr(backup, "LOCK_TIMEOUT", 0.5)
    holding, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            services.touch(filled)
            holding.set()
            release.wait(300)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(300)
    try:
        said = refusal(run, "restore", tmp_path / "backup", "--force")
    finally:
        release.set()
        holder.join()

    assert "locked" in said or "lock timeout" in said or "others are writing" in said
    assert said.count("\n") == 0
    assert Week.objects.get() == filled


# What is no backup


def damage(file, kind):
    """Makes something else of a backup."""
    whole = file.read_bytes()
    match kind:
        case "missing":
            file.unlink()
        case "folder":
            file.unlink()
            file.mkdir()
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("user,week\nada,2026-W07\n")
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "only a head":
            file.write_bytes(whole[:16])
        case "the other kind":
            file.write_bytes((b"PGDMP" if IS_SQLITE else b"SQLite format 3\0") + bytes(100))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "cannot be read: No such file or directory."),
        ("folder", "cannot be read: Is a directory."),
        ("empty", "is not a backup: neither an SQLite database nor a PostgreSQL dump in custom format."),
        ("text", "is not a backup: neither an SQLite database nor a PostgreSQL dump in custom format."),
        ("cut", ""),
        ("only a head", ""),
        ("the other kind", "use export_selections and import_selections to move"),
    ],
)
def test_an_invalid_backup_changes_nothing(run, tmp_path, filled, kind, sentence):
    file = tmp_path / "backup"
    run("backup", file)
    damage(file, kind)
    before = rows()

    said = refusal(run, "restore", file, "--force")

    assert sentence in said
    assert "\n" not in said
    assert said.endswith(".")
    assert rows() == before


@pytest.fixture
def seen_migrations():
    """Lets the database believe that it has seen other migrations, and in the end the true ones."""
    recorder = MigrationRecorder(connection)
    true = list(recorder.migration_qs.values("app", "name", "applied"))
    yield recorder.migration_qs
    recorder.migration_qs.all().delete()
    recorder.migration_qs.bulk_create(recorder.Migration(**row) for row in true)


def test_a_backup_of_a_newer_version_is_refused(run, tmp_path, filled, seen_migrations):
    seen_migrations.create(app="selections", name="9999_to_come")
    run("backup", tmp_path / "backup")
    seen_migrations.filter(name="9999_to_come").delete()
    before = rows()

    said = refusal(run, "restore", tmp_path / "backup", "--force")

    assert said == (
        "The backup is from a newer version, with migrations such as selections.9999_to_come: update the site."
    )
    assert rows() == before


def test_a_backup_of_an_older_version_comes_back(run, tmp_path, filled, seen_migrations):
    """Also where the newer version has tables that refer to those in it."""
    with connection.schema_editor() as editor:
        editor.delete_model(EarlierRating)
    latest = seen_migrations.filter(app="selections").latest("id")
    latest.delete()
    try:
        run("backup", tmp_path / "backup")
        with connection.schema_editor() as editor:
            editor.create_model(EarlierRating)
        Week.objects.all().delete()

        said = run("restore", tmp_path / "backup", "--force")

        assert said.err == "The backup is from an older version. Run manage.py migrate.\n"
        assert Week.objects.get() == filled
        assert EarlierRating._meta.db_table not in connection.introspection.table_names()
    finally:
        if EarlierRating._meta.db_table not in connection.introspection.table_names():
            with connection.schema_editor() as editor:
                editor.create_model(EarlierRating)


# SQLite


@pytest.fixture
def copy(tmp_path, filled):
    """A backup, to be restored elsewhere."""
    backup.back_up(tmp_path / "copy.db")
    return tmp_path / "copy.db"


def ask(file, query):
    with contextlib.closing(sqlite3.connect(file)) as opened:
        return opened.execute(query).fetchall()


@on_sqlite
def test_a_copy_is_one_whole_file(copy, tmp_path):
    assert ask(copy, "PRAGMA integrity_check") == [("ok",)]
    assert ask(copy, "PRAGMA journal_mode") == [("delete",)]
    assert list(tmp_path.iterdir()) == [copy]


@on_sqlite
def test_what_was_deleted_is_not_in_a_copy(run, tmp_path):
    WeekFactory(notes="a secret that is gone").delete()

    run("backup", tmp_path / "backup")

    assert b"a secret that is gone" not in (tmp_path / "backup").read_bytes()


@on_sqlite
def test_restore_creates_a_missing_database(copy, tmp_path):
    live = tmp_path / "new.db"

    contents, is_older = backup.restore_sqlite(copy, live)

    assert (contents, is_older) == ("1 account, 1 week, 1 movie, 1 album", False)
    assert ask(live, "SELECT count(*) FROM selections_week") == [(1,)]
    assert stat.S_IMODE(live.stat().st_mode) == 0o600


@on_sqlite
def test_a_missing_database_is_not_backed_up(run, tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / "new.db")
    (tmp_path / "backup").write_text("precious")

    said = refusal(run, "backup", tmp_path / "backup", "--force")

    assert said == "The database new.db cannot be copied: unable to open database file."
    assert [file.read_text() for file in tmp_path.iterdir()] == ["precious"]


@on_sqlite
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


@on_sqlite
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


@on_sqlite
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


@on_sqlite
def test_a_damaged_page_is_found(copy, tmp_path):
    whole = bytearray(copy.read_bytes())
    whole[8192:12288] = os.urandom(4096)
    copy.write_bytes(whole)

    with pytest.raises(backup.BackupError, match="The backup is damaged"):
        backup.restore_sqlite(copy, tmp_path / "live.db")


@on_sqlite
def test_the_database_itself_is_refused_as_a_backup(run, tmp_path, filled):
    live = Path(connection.settings_dict["NAME"])
    (tmp_path / "link").symlink_to(live)

    for name in (live, tmp_path / "link"):
        assert "is the database itself" in refusal(run, "backup", name, "--force")
        assert "is the database itself" in refusal(run, "restore", name, "--force")

    assert Week.objects.get() == filled


# PostgreSQL


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


@on_postgresql
def test_the_password_is_in_the_environment_only(run, tmp_path, fake, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "s3cret/&")
    fake(
        "pg_dump",
        f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment; echo "pg_dump: error: No." >&2; exit 1',
    )

    said = refusal(run, "backup", tmp_path / "backup")

    assert said == "pg_dump says: No."
    assert "PGPASSWORD=s3cret/&\n" in (tmp_path / "environment").read_text()
    assert f"PGDATABASE={connection.settings_dict['NAME']}\n" in (tmp_path / "environment").read_text()
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert not (tmp_path / "backup").exists()


@on_postgresql
def test_a_server_of_another_version(run, tmp_path, fake):
    fake(
        "pg_dump",
        "echo 'pg_dump: error: aborting because of server version mismatch' >&2\n"
        "echo 'pg_dump: detail: server version: 19.1; pg_dump version: 15.10' >&2\nexit 1",
    )

    assert refusal(run, "backup", tmp_path / "backup") == (
        "pg_dump says: aborting because of server version mismatch; server version: 19.1; pg_dump version: 15.10."
    )


@on_postgresql
def test_missing_programs(run, tmp_path, monkeypatch):
    run("backup", tmp_path / "backup")
    monkeypatch.setenv("PATH", str(tmp_path))

    for what, program in (("backup", "pg_dump"), ("restore", "pg_restore")):
        assert refusal(run, what, tmp_path / "backup", "--force") == (
            f"{program} is not on the PATH: install PostgreSQL's client programs in the server's version."
        )


@on_postgresql
def test_a_restore_that_fails_in_the_middle_changes_nothing(run, tmp_path, filled):
    run("backup", tmp_path / "backup")
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW of_others AS SELECT notes FROM selections_week")
    filled.notes = "later"
    filled.save()
    before = rows()
    try:
        said = refusal(run, "restore", tmp_path / "backup", "--force")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW of_others")

    assert "depend on it" in said
    assert "\n" not in said
    assert rows() == before


@pytest.fixture
def extension():
    """One that nobody but an operator put there."""
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


@on_postgresql
def test_extensions_are_left_out_and_left_alone(run, tmp_path, filled, extension):
    run("backup", tmp_path / "backup")
    before = rows()

    run("restore", tmp_path / "backup", "--force")
    assert extension()

    extension.drop()
    run("restore", tmp_path / "backup", "--force")
    assert not extension()
    assert rows() == before


@on_postgresql
def test_the_extension_that_searches_need_is_created(run, tmp_path, filled):
    run("backup", tmp_path / "backup")
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")

    run("restore", tmp_path / "backup", "--force")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%_search'")
        assert cursor.fetchone()[0] == 3  # of weeks, movies and albums


@on_postgresql
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


@on_postgresql
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
