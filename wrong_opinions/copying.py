"""Copy everything in one database into another one, such as from SQLite to PostgreSQL or back.

Rows are read and written by the models, so that each database stores them in its own way. The indexes of searches need
not be copied: SQLite's triggers and PostgreSQL fill them.
"""

import contextlib
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max, Model
from django.db.utils import load_backend

from .backup import BackupError, analyze
from .outages import first_line
from .settings import database

TARGET = "target"
BATCH = 500  # rows
# Tables that `migrate` fills: their rows in the target are replaced.
OF_MIGRATE = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


class CopyError(BackupError):
    """The database cannot be copied."""


def connect(url: str) -> str:
    """The name of a connection to the database at an address. Creates its tables if there are none. Raises
    CopyError."""
    target = connection_to(url)
    if _place(target) == _place(connections[DEFAULT_DB_ALIAS]):
        raise CopyError("This is the database of the site itself: name another one")
    try:
        is_new = not target.introspection.table_names()
    except Error as error:
        if target.vendor != "sqlite":
            raise CopyError(f"The target cannot be used: {first_line(error)}") from None
        is_new = True  # there is no file
    if is_new:
        _migrate(url)
    return TARGET


def connection_to(url: str) -> BaseDatabaseWrapper:
    """The connection TARGET, to the database at this address. Raises ImproperlyConfigured."""
    place = connections.configure_settings({DEFAULT_DB_ALIAS: {}, TARGET: database(url, "The target")})[TARGET]
    connections[TARGET] = load_backend(place["ENGINE"]).DatabaseWrapper(place, TARGET)
    return connections[TARGET]


def _place(connection: BaseDatabaseWrapper) -> list[str]:
    return [str(connection.settings_dict[key]) for key in ("HOST", "PORT", "NAME")]


def _migrate(url: str) -> None:
    """Create the tables, in a separate process: migrations that fill columns only know the site's own database."""
    environment = os.environ | {"DATABASE_URL": url, "DATABASE_DIRECT_URL": ""}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--verbosity=0", "--skip-checks"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if done.returncode:
        raise CopyError(f"The target cannot be used: {done.stderr.strip().rpartition('\n')[2]}")


def tables() -> list[type[Model]]:
    """The models of all tables."""
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model._meta.managed and not model._meta.proxy]


def count(alias: str) -> int:
    """The number of rows in all tables."""
    return sum(model._base_manager.using(alias).count() for model in tables())


def copy(source: str, target: str, step: Callable[[int], None]) -> None:
    """Copy all rows in one transaction, and compare them then; step() is called with the number of those copied.

    Others cannot change an SQLite database meanwhile; of PostgreSQL this is a snapshot. Raises CopyError, and leaves
    the target as it was.
    """
    _refuse_outdated(source)
    _refuse_outdated(target)
    copied = 0
    with _snapshot(source), transaction.atomic(using=target):
        for model in tables():
            if model._meta.db_table not in OF_MIGRATE and model._base_manager.using(target).exists():
                raise CopyError(f"The target has rows in {model._meta.db_table}: name an empty database")
        ContentType.objects.using(target).all().delete()
        Group.objects.using(target).all().delete()
        for model in tables():
            with _told(model._meta.db_table):
                for batch in itertools.batched(_rows(model, source), BATCH, strict=False):
                    model._base_manager.using(target).bulk_create(batch)
                    copied += len(batch)
                    step(copied)
                _copy_sequence(model, source, target)
        with _told("Rows"):
            connections[target].check_constraints()
        for model in tables():
            with _told(model._meta.db_table):
                if checksum(model, source) != checksum(model, target):
                    raise CopyError(f"The rows of {model._meta.db_table} differ, so the target was left as it was")
        analyze(connections[target])


def checksum(model: type[Model], alias: str) -> tuple[int, int]:
    """The number of rows in a table, and a checksum of their values in any order."""
    fields = [field.attname for field in model._meta.concrete_fields]
    number = total = 0
    for row in _rows(model, alias):
        values = json.dumps([getattr(row, field) for field in fields], default=str, sort_keys=True)
        total += int.from_bytes(hashlib.sha256(values.encode()).digest())
        number += 1
    return number, total


def _rows(model: type[Model], alias: str) -> Iterator[Model]:
    return model._base_manager.using(alias).order_by().iterator(BATCH)


@contextlib.contextmanager
def _snapshot(alias: str) -> Iterator[None]:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Errors as CopyError: values that only the other database accepts, full disks, lost connections."""
    try:
        yield
    except (Error, ValueError) as error:
        raise CopyError(f"{what} cannot be copied: {first_line(error)}") from None


def _refuse_outdated(alias: str) -> None:
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CopyError(f"The {'target' if alias == TARGET else 'database'} is of an older version: run migrate there")


def _copy_sequence(model: type[Model], source: str, target: str) -> None:
    """Let the target go on with ids where the source would, so that ids of deleted rows are not used again."""
    if model._meta.auto_field is None:
        return
    highest = model._base_manager.using(source).aggregate(highest=Max("pk"))["highest"] or 0
    table, column = model._meta.db_table, str(model._meta.auto_field.column)
    highest = max(highest, _last_id(connections[source], table, column))
    with connections[target].cursor() as cursor:
        if connections[target].vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, highest])
        elif highest:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [table, column, highest])


def _last_id(connection: BaseDatabaseWrapper, table: str, column: str) -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        else:
            cursor.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence(%s, %s)::regclass)", [table, column])
        (last,) = cursor.fetchone() or (0,)
    return last or 0
