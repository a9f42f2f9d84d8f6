"""The whole database as one file, and back, while others read and write it.

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
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils import timezone

from catalog.models import Album, Movie
from selections.models import Week

MAGIC = {b"SQLite format 3\0": "sqlite", b"PGDMP": "postgresql"}  # how such files begin
# In the list of a dump's contents: extensions are the server's business, not ours to drop or create.
EXTENSION = re.compile(r"^(?=\d+; \d+ \d+ (?:EXTENSION -|COMMENT - EXTENSION) )", re.MULTILINE)
LOCK_TIMEOUT = 30  # seconds that a restore waits for others to finish what they are at
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
                RAISE EXCEPTION 'others are writing without a pause: try again later, or stop the server first';
            END IF;
            PERFORM pg_sleep(0.01);
        END;
    END LOOP;
END
$$
"""


class Unusable(Exception):
    """No backup can be made of this, or nothing be restored from it; `str()` is a sentence for the operator."""


@dataclass(frozen=True)
class Contents:
    """How much a database holds."""

    people: int
    weeks: int
    movies: int
    albums: int

    def __str__(self) -> str:
        return f"{self.people} people, {self.weeks} weeks, {self.movies} movies, {self.albums} albums"


def counted() -> dict[str, str]:
    """The tables whose rows Contents counts."""
    models: dict[str, type[Model]] = {"people": get_user_model(), "weeks": Week, "movies": Movie, "albums": Album}
    return {name: model._meta.db_table for name, model in models.items()}


def back_up(file: Path, *, force: bool = False) -> Contents:
    """Write what the database holds at one moment into a new file, for its owner's eyes only, and check that.

    With `force` it may take the place of another. Raises Unusable, and leaves no half a file.
    """
    with _beside(file, force=force) as part:
        if connection.vendor == "sqlite":
            copy_sqlite(_live_file(), part)
            return check_sqlite(part)[0]
        contents = _dump(part)
        _refuse_foreign(_tables_in(part))
        return contents


def restore(file: Path, *, force: bool = False) -> tuple[Contents, bool]:
    """Put what a backup holds in the place of everything in the database, all of it or, where that fails, nothing; and
    say whether it is from an older version, so that there are migrations to run.

    Only with `force` where there are accounts. Raises Unusable.
    """
    kind = _kind_of(file)
    if kind != connection.vendor:
        raise Unusable(
            f"{file} is of {_product(kind)} and this site is on {_product(connection.vendor)}: a backup goes back to "
            "where it came from, and between them export_selections and import_selections lead"
        )
    if kind == "sqlite":
        connection.close()
        return restore_sqlite(file, _live_file(), force=force)
    return _restore_dump(file.absolute(), force=force)


def _kind_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}") from None
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    raise Unusable(f"{file} is no backup: neither a database of SQLite nor a dump of PostgreSQL in its custom format")


def _product(vendor: str) -> str:
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(vendor, vendor)


@contextlib.contextmanager
def _beside(file: Path, *, force: bool) -> Iterator[Path]:
    """An empty file that takes this one's name once it has been filled."""
    if file.is_dir():
        raise Unusable(f"{file} is a folder: name a file")
    _refuse_existing(file, force=force)
    if connection.vendor == "sqlite" and file.exists() and _live_file().exists() and file.samefile(_live_file()):
        raise Unusable(f"{file} is the database itself: choose another name")
    part = None
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:20]}.")  # mode 600
        os.close(handle)
        part = Path(name)
        yield part
        with part.open("rb") as filled:
            os.fsync(filled.fileno())
        _refuse_existing(file, force=force)
        part.replace(file)
        part = None
    except OSError as error:
        raise Unusable(f"{file} cannot be written: {error.strerror}") from None
    finally:
        if part:
            part.unlink(missing_ok=True)


def _refuse_existing(file: Path, *, force: bool) -> None:
    if file.exists() and not force:
        raise Unusable(f"{file} exists: choose another name, or --force to overwrite it")


def _is_older(applied: set[tuple[str, str]]) -> bool:
    """Whether the database that has seen these migrations lacks some. Raises Unusable where this code lacks some."""
    known = MigrationLoader(None).disk_migrations
    replaced = {old for migration in known.values() for old in migration.replaces}
    if unknown := applied - set(known) - replaced:
        app, name = max(unknown)
        raise Unusable(f"The backup is of a newer version, with migrations that this one lacks, such as {app}.{name}")
    return any(key not in applied and not migration.replaces for key, migration in known.items())


def _refuse_foreign(tables: set[str]) -> None:
    if missing := {"django_migrations", *counted().values()} - tables:
        raise Unusable(f"The backup is none of Wrong Opinions: there is no table {min(missing)} in it")


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
    """Write what the database holds now into an empty file, without what was deleted from it. Nobody waits for it."""
    try:
        with _open(live, mode="ro") as source:
            source.execute("VACUUM INTO ?", [str(copy.absolute())])
    except sqlite3.Error as error:
        raise Unusable(f"The database {live.name} cannot be copied: {error}") from None


def check_sqlite(file: Path) -> tuple[Contents, set[tuple[str, str]]]:
    """What is in a copy, and the migrations that it has seen. Raises Unusable where it is damaged, or none of ours."""
    try:
        with _open(file, mode="ro") as copy:
            if (said := copy.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise Unusable(f"The backup is damaged: {_first_line(said)}")
            _refuse_foreign({name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")})
            if orphan := copy.execute("PRAGMA foreign_key_check").fetchone():
                raise Unusable(f"The backup is damaged: a row of {orphan[0]} belongs to none of {orphan[2]}")
            counts = {
                name: copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - our own name
                for name, table in counted().items()
            }
            return Contents(**counts), set(copy.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.Error as error:
        raise Unusable(f"The backup is damaged: {error}") from None


def restore_sqlite(file: Path, live: Path, *, force: bool = False) -> tuple[Contents, bool]:
    """As restore(), of one file into another, which others may have open."""
    if live.exists() and file.samefile(live):
        raise Unusable(f"{file} is the database itself: there is nothing to restore")
    contents, applied = check_sqlite(file)
    is_older = _is_older(applied)
    people = _people_in(live)
    if people is None and not force:
        raise Unusable(f"The database {live.name} is damaged: stop the server, then --force sets it aside")
    if people and not force:
        raise _has_accounts(people)
    try:
        if people is None:
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
        raise Unusable(f"The database {live.name} cannot be written: {reason}") from None
    return contents, is_older


def _people_in(live: Path) -> int | None:
    """How many accounts a database has, 0 where there is none yet, and None where it cannot be read."""
    if not live.exists() or not live.stat().st_size:
        return 0
    table = counted()["people"]
    try:
        with _open(live, mode="ro") as opened:
            is_there = opened.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
            return opened.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] if is_there else 0  # noqa: S608
    except sqlite3.OperationalError as error:
        raise Unusable(f"The database {live.name} cannot be read: {error}") from None
    except sqlite3.DatabaseError:
        return None


def _set_aside(live: Path) -> None:
    """Rename a damaged database, and what belongs to it: nothing of it may get into the next one."""
    aside = f"{live.name}.damaged-{timezone.now():%Y%m%d%H%M%S}"
    for extra in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            live.with_name(live.name + extra).rename(live.with_name(aside + extra))


def _has_accounts(people: int) -> Unusable:
    return Unusable(f"The database has {people} accounts, which --force overwrites, with all that is theirs")


# PostgreSQL


def _dump(file: Path) -> Contents:
    """What is in the dump, counted in the same snapshot that it is made of."""
    try:
        _refuse_pooler()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            contents = _count(cursor)
            _run("pg_dump", "--format=custom", "--no-password", f"--snapshot={snapshot}", f"--file={file.absolute()}")
    except DatabaseError as error:
        raise Unusable(f"The database cannot be read: {_first_line(str(error))}") from None
    return contents


def _count(cursor) -> Contents:
    counts = {}
    for name, table in counted().items():
        cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - our own name
        (counts[name],) = cursor.fetchone()
    return Contents(**counts)


def _restore_dump(file: Path, *, force: bool) -> tuple[Contents, bool]:
    tables = _tables_in(file)
    _refuse_foreign(tables)
    migrations = _run("pg_restore", "--data-only", "--table=django_migrations", "--file=-", str(file))
    is_older = _is_older(set(re.findall(r"^\d+\t([^\t]+)\t([^\t]+)\t", migrations, re.MULTILINE)))
    try:
        _refuse_pooler()
        there = set(connection.introspection.table_names())
        people = get_user_model()._default_manager.count() if counted()["people"] in there else 0
    except DatabaseError as error:
        raise Unusable(f"The database cannot be read: {_first_line(str(error))}") from None
    if people and not force:
        raise _has_accounts(people)
    ours = {*tables, *connection.introspection.django_table_names()} & there
    with tempfile.TemporaryDirectory() as folder:
        # Not by pg_restore alone: it has no way to drop, in the same transaction, tables that are newer than the dump
        # and refer to those in it.
        script, contents = Path(folder) / "restore.sql", Path(folder) / "contents"
        contents.write_text(EXTENSION.sub(";", _run("pg_restore", "--list", str(file))), encoding="utf-8")
        options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", f"--use-list={contents}"]
        _run("pg_restore", *options, f"--file={script}", str(file))
        _drop_newer_settings(script)
        options = ["--no-psqlrc", "--no-password", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
        _run("psql", *options, "--single-transaction", *_commands(ours, ours - tables), f"--file={script}")
    connection.close()  # what it knows of the tables is no more
    with connection.cursor() as cursor:
        return _count(cursor), is_older


def _drop_newer_settings(script: Path) -> None:
    """Make comments of what pg_restore sets at the beginning whatever the server's version."""
    with script.open("r+b") as opened:
        head = opened.read(2000)
        opened.seek(0)
        opened.write(head.replace(b"\nSET transaction_timeout", b"\n--T transaction_timeout"))  # since version 17


def _commands(locked: set[str], dropped: set[str]) -> list[str]:
    """What psql does before it runs the script, which itself would wait for locks for ever.

    It takes all locks at once or none: whoever has one and waits for another could be locked out by it.
    """
    names = {name: connection.ops.quote_name(name) for name in sorted(locked)}
    commands = [f"SET lock_timeout = '{LOCK_TIMEOUT}s'"]
    if names:
        commands.append(LOCK_ALL.format(tables=", ".join(names.values()), seconds=LOCK_TIMEOUT))
    if dropped:
        commands.append(f"DROP TABLE {', '.join(names[name] for name in sorted(dropped))} CASCADE")
    return [f"--command={command}" for command in commands]


def _tables_in(file: Path) -> set[str]:
    """The tables that a dump has rows for. Raises Unusable where it is none, or damaged."""
    listed = _run("pg_restore", "--list", str(file.absolute()))
    return set(re.findall(r"^\d+; \d+ \d+ TABLE DATA \S+ (\S+) ", EXTENSION.sub(";", listed), re.MULTILINE))


def _direct():
    """The database itself, also where a pooler stands before it."""
    return connections["direct" if "direct" in connections else "default"]


def _refuse_pooler() -> None:
    """What psql and pg_dump set for their sessions would be left to others, such as an empty search path."""
    with _direct().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        if cursor.fetchone()[0] != cursor.connection.info.backend_pid:
            raise Unusable("PgBouncer or another pooler answers: set DATABASE_DIRECT_URL to the server's own address")


def _run(program: str, *arguments: str) -> str:
    """What one of PostgreSQL's programs writes. Raises Unusable."""
    path = shutil.which(program)
    if path is None:
        raise Unusable(f"{program} is not on the PATH: install PostgreSQL's client programs, of the server's version")
    # No shell; where the database is, and its password, stand in the environment, which others cannot read.
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
        said = re.findall(r"(?:error|ERROR|FATAL|detail): +(.+)", done.stderr)
        raise Unusable(f"{program} says: {'; '.join(said[:2]) or _first_line(done.stderr)}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Ours, with what libpq's programs read about the connection that Django has."""
    from psycopg.pq import Conninfo  # an extra, which is there where PostgreSQL is

    variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    values = _direct().get_connection_params()
    return os.environ | {
        variable.decode(): str(values[name])
        for name, variable in variables.items()
        if variable and values.get(name) not in (None, "")
    }


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
