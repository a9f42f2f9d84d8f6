"""Back up the whole database into one file and restore it, while the site reads and writes it.

SQLite: https://www.sqlite.org/lang_vacuum.html#vacuuminto and https://www.sqlite.org/backup.html; PostgreSQL:
https://www.postgresql.org/docs/current/app-pgdump.html
"""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils import timezone

from catalog.models import Album, Movie
from catalog.progress import counted
from selections.models import Week

from .outages import first_line

MAGIC = {b"SQLite format 3\0": "SQLite", b"PGDMP": "PostgreSQL"}  # how such files begin
# Lines in a dump's table of contents: extensions belong to the server's operator and are neither dropped nor
# created, except for the one that searches need.
EXTENSION = re.compile(r"^(?=\d+; \d+ \d+ (?:EXTENSION -|COMMENT - EXTENSION) )", re.MULTILINE)
LOCK_TIMEOUT = 30  # seconds that a restore waits for other transactions
LOCK_ALL = """
DO $$
DECLARE give_up_at timestamptz := clock_timestamp() + interval '{seconds} seconds';
BEGIN
    LOOP
        BEGIN
            LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > give_up_at THEN
                RAISE EXCEPTION 'others are writing all the time. Try again later, or stop the server first';
            END IF;
            PERFORM pg_sleep(0.01);
        END;
    END LOOP;
END
$$
"""


FORMER_APPS = {"token_blacklist"}  # of earlier versions: a migration of ours drops their tables
COUNTED: dict[str, type[Model]] = {"account": get_user_model(), "week": Week, "movie": Movie, "album": Album}


class BackupError(CommandError):
    """A backup cannot be written or restored."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason.rstrip('.')}.")


def back_up(file: Path, *, force: bool = False) -> str:
    """Write a snapshot of the database into a new file that only its owner may read, verify it, and say what is in it.

    With `force` an existing file is overwritten. Raises BackupError, and leaves no partial file behind.
    """
    with _temporary_file(file, force=force) as part:
        if connection.vendor == "sqlite":
            copy_sqlite(_live_file(), part)
            return check_sqlite(part)[0]
        contents = _dump(part)
        _refuse_foreign(_tables_in(part))
        return contents


def restore(file: Path, *, force: bool = False) -> tuple[str, bool]:
    """Replace everything in the database with a backup, or nothing if that fails.

    Returns what is in the database now, and whether the backup is from an older version, so that migrations must be
    run. If there are accounts, it needs `force`. Raises BackupError.
    """
    product = _product_of(file)
    if product != connection.display_name:
        raise BackupError(
            f"{file} is a backup of {product}, and this site uses {connection.display_name}: restore it where it came "
            "from, and use copy_database to move from one to the other"
        )
    if connection.vendor == "sqlite":
        connection.close()
        return restore_sqlite(file, _live_file(), force=force)
    return _restore_dump(file.absolute(), force=force)


def _product_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from None
    for magic, product in MAGIC.items():
        if start.startswith(magic):
            return product
    raise BackupError(f"{file} is not a backup: neither an SQLite database nor a PostgreSQL dump in custom format")


@contextlib.contextmanager
def _temporary_file(file: Path, *, force: bool) -> Iterator[Path]:
    """An empty file beside this one, which replaces it once it has been filled."""
    if file.is_dir():
        raise BackupError(f"{file} is a folder: name a file")
    if file.exists() and not file.is_file():  # which the file would replace, as root even /dev/null
        raise BackupError(f"{file} is not a file: choose another name")
    _refuse_existing(file, force=force)
    if connection.vendor == "sqlite" and file.exists() and _live_file().exists() and file.samefile(_live_file()):
        raise BackupError(f"{file} is the database itself: choose another name")
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name[:20]}.", delete=False) as opened:
            part = Path(opened.name)  # mode 600
        try:
            yield part
            with part.open("rb") as filled:
                os.fsync(filled.fileno())
            _refuse_existing(file, force=force)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from None


def _refuse_existing(file: Path, *, force: bool) -> None:
    if file.exists() and not force:
        raise BackupError(f"{file} exists: choose another name, or use --force to overwrite it")


def _refuse_foreign(tables: set[str]) -> None:
    if missing := {"django_migrations", *(model._meta.db_table for model in COUNTED.values())} - tables:
        raise BackupError(f"This is not a backup of Wrong Opinions: it has no table {min(missing)}")


def _refuse_accounts(count: int | None, *, force: bool) -> None:
    if count and not force:
        raise BackupError(f"The database has {counted(count, 'account')}: use --force to replace all of its data")


def _describe(cursor: Any) -> str:
    """What a database holds, such as `2 accounts, 1 week`."""
    found = []
    for name, model in COUNTED.items():
        cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}"')  # noqa: S608 - our own name
        (count,) = cursor.fetchone()
        found.append(counted(count, name))
    return ", ".join(found)


def _is_older(applied: set[tuple[str, str]]) -> bool:
    """Whether a database with these migrations lacks some of ours. Raises BackupError if this code lacks some of
    them."""
    known = MigrationLoader(None).disk_migrations
    replaced = {old for migration in known.values() for old in migration.replaces}
    if unknown := {(app, name) for app, name in applied - set(known) - replaced if app not in FORMER_APPS}:
        app, name = max(unknown)
        raise BackupError(f"The backup is from a newer version, with migrations such as {app}.{name}: update the site")
    return any(key not in applied and not migration.replaces for key, migration in known.items())


# SQLite


def _live_file() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextlib.contextmanager
def _open(file: Path, *, mode: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(
        sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)
    ) as opened:
        yield opened


def copy_sqlite(live: Path, copy: Path) -> None:
    """Write a snapshot of the database into an empty file, without deleted rows. Others go on reading and writing."""
    try:
        with _open(live, mode="ro") as source:
            source.execute("VACUUM INTO ?", [str(copy.absolute())])
    except sqlite3.Error as error:
        raise BackupError(f"The database {live.name} cannot be copied: {error}") from None


def check_sqlite(file: Path) -> tuple[str, set[tuple[str, str]]]:
    """What a copy holds, and its migrations. Raises BackupError where it is damaged or not a backup of this site."""
    try:
        with _open(file, mode="ro") as copy:
            if (said := copy.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise BackupError(f"The backup is damaged: {first_line(said)}")
            _refuse_foreign({name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")})
            if orphan := copy.execute("PRAGMA foreign_key_check").fetchone():
                raise BackupError(f"The backup is damaged: a row in {orphan[0]} refers to a missing row in {orphan[2]}")
            return _describe(copy.cursor()), set(copy.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.Error as error:
        raise BackupError(f"The backup is damaged: {error}") from None


def restore_sqlite(file: Path, live: Path, *, force: bool = False) -> tuple[str, bool]:
    """As restore(), from one file into another, which others may have open."""
    if live.exists() and file.samefile(live):
        raise BackupError(f"{file} is the database itself: choose a backup")
    contents, applied = check_sqlite(file)
    is_older = _is_older(applied)
    accounts = _count_accounts(live)
    if accounts is None and not force:
        raise BackupError(f"The database {live.name} is damaged: stop the server, then use --force to set it aside")
    _refuse_accounts(accounts, force=force)
    try:
        if accounts is None:
            _set_aside(live)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(live, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with _open(file, mode="ro") as source, _open(live, mode="rw") as target:
            give_up_at = time.monotonic() + LOCK_TIMEOUT

            def watch(status: int, remaining: int, total: int) -> None:
                if status != sqlite3.SQLITE_DONE and time.monotonic() > give_up_at:
                    raise TimeoutError(None, "others are writing to it all the time")

            source.backup(target, progress=watch)  # in one transaction: others see all of it or nothing
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BackupError(f"The database {live.name} cannot be written: {reason}") from None
    return contents, is_older


def _count_accounts(live: Path) -> int | None:
    """How many accounts a database has; None where it is damaged."""
    if not live.exists() or not live.stat().st_size:
        return 0
    table = COUNTED["account"]._meta.db_table
    try:
        with _open(live, mode="ro") as opened:
            is_there = opened.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
            return opened.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] if is_there else 0  # noqa: S608
    except sqlite3.OperationalError as error:
        raise BackupError(f"The database {live.name} cannot be read: {error}") from None
    except sqlite3.DatabaseError:
        return None


def _set_aside(live: Path) -> None:
    """Rename a damaged database and its log, which must not be applied to the next one."""
    aside = f"{live.name}.damaged-{timezone.now():%Y%m%d%H%M%S}"
    for extra in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            live.with_name(live.name + extra).rename(live.with_name(aside + extra))


# PostgreSQL


def _dump(file: Path) -> str:
    """What is in the dump, counted in the snapshot that it is made of."""
    try:
        _refuse_pooler()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            contents = _describe(cursor)
            _run("pg_dump", "--format=custom", "--no-password", f"--snapshot={snapshot}", f"--file={file.absolute()}")
    except DatabaseError as error:
        raise BackupError(f"The database cannot be read: {first_line(error)}") from None
    return contents


def _restore_dump(file: Path, *, force: bool) -> tuple[str, bool]:
    tables = _tables_in(file)
    _refuse_foreign(tables)
    migrations = _run("pg_restore", "--data-only", "--table=django_migrations", "--file=-", str(file))
    is_older = _is_older(set(re.findall(r"^\d+\t([^\t]+)\t([^\t]+)\t", migrations, re.MULTILINE)))
    try:
        _refuse_pooler()
        there = set(connection.introspection.table_names())
        users = COUNTED["account"]
        accounts = users._default_manager.count() if users._meta.db_table in there else 0
    except DatabaseError as error:
        raise BackupError(f"The database cannot be read: {first_line(error)}") from None
    _refuse_accounts(accounts, force=force)
    ours = {*tables, *connection.introspection.django_table_names()} & there
    with tempfile.TemporaryDirectory() as folder:
        script, contents = Path(folder) / "restore.sql", Path(folder) / "contents"
        contents.write_text(EXTENSION.sub(";", _run("pg_restore", "--list", str(file))), encoding="utf-8")
        options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", f"--use-list={contents}"]
        _run("pg_restore", *options, f"--file={script}", str(file))
        _drop_newer_settings(script)
        options = ["--no-psqlrc", "--no-password", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
        _run("psql", *options, "--single-transaction", *_commands(ours), f"--file={script}")
    connection.close()  # its prepared statements are for the tables that were dropped
    analyze(connection)
    with connection.cursor() as cursor:
        return _describe(cursor), is_older


def analyze(database: BaseDatabaseWrapper) -> None:
    """Tell PostgreSQL how the new rows are distributed, which its autovacuum does a minute later: until then, it would
    run queries in ways for empty tables."""
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")


def _drop_newer_settings(script: Path) -> None:
    """Comment out settings that pg_restore writes at the beginning even for servers that do not have them."""
    with script.open("r+b") as opened:
        head = opened.read(2000)
        opened.seek(0)
        opened.write(head.replace(b"\nSET transaction_timeout", b"\n--T transaction_timeout"))  # since version 17


def _commands(dropped: set[str]) -> list[str]:
    """What psql does before it runs the script, which itself would wait for locks indefinitely.

    It takes all locks at once or none: a transaction that holds one and waits for another could deadlock with it. It
    drops all tables at once: the script drops one after the other, and knows nothing of newer tables, columns and
    constraints that refer to them. A table that this code does not know may be of another program, and stays.
    """
    names = ", ".join(connection.ops.quote_name(name) for name in sorted(dropped))
    commands = [f"SET lock_timeout = '{LOCK_TIMEOUT}s'", "CREATE EXTENSION IF NOT EXISTS pg_trgm"]
    if names:
        commands += [LOCK_ALL.format(tables=names, seconds=LOCK_TIMEOUT), f"DROP TABLE {names}"]
    return [f"--command={command}" for command in commands]


def _tables_in(file: Path) -> set[str]:
    """The tables that a dump has rows for. Raises BackupError where it is damaged or not a dump."""
    listed = _run("pg_restore", "--list", str(file.absolute()))
    return set(re.findall(r"^\d+; \d+ \d+ TABLE DATA \S+ (\S+) ", EXTENSION.sub(";", listed), re.MULTILINE))


def _direct():
    """The connection to the database itself, even if the site uses a pooler."""
    return connections["direct" if "direct" in connections else "default"]


def _refuse_pooler() -> None:
    """Raise BackupError behind a pooler: settings of psql and pg_dump, such as an empty search path, would leak."""
    with _direct().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        if cursor.fetchone()[0] != cursor.connection.info.backend_pid:
            raise BackupError("PgBouncer or another pooler answers: set DATABASE_DIRECT_URL to the server's address")


def _run(program: str, *arguments: str) -> str:
    """The output of one of PostgreSQL's programs. Raises BackupError."""
    path = shutil.which(program)
    if path is None:
        raise BackupError(f"{program} is not on the PATH: install PostgreSQL's client programs in the server's version")
    # No shell; the database's address and password are in the environment, which other users cannot read.
    done = subprocess.run(  # noqa: S603
        [path, *arguments],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = re.findall(r"(?:error|ERROR|FATAL|detail|DETAIL): +(.+)", done.stderr)
        raise BackupError(f"{program} says: {'; '.join(said[:2]) or first_line(done.stderr)}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Our environment, with Django's connection in the variables that libpq's programs read."""
    from psycopg.pq import Conninfo  # an extra, which is installed where PostgreSQL is used

    variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    values = _direct().get_connection_params()
    return os.environ | {
        variable.decode(): str(values[name])
        for name, variable in variables.items()
        if variable and values.get(name) not in (None, "")
    }
