"""Outages of the database, which is unreachable, busy, read-only, full or damaged, and how they are reported."""

import logging
import os
import re
import sqlite3
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from django.db.migrations.exceptions import MigrationSchemaMissing

logger = logging.getLogger(__name__)

BUSY = "The database is busy or out of reach, and nothing was changed. Try again in a moment."
FULL = "The database has no space left, and nothing was changed. Try again later."
READ_ONLY = "25006"  # PostgreSQL's codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
DISK_FULL = "53100"
NO_TABLE, NO_COLUMN = "42P01", "42703"  # as before `migrate`; SQLite says it in words, as an OperationalError


def is_outage(error: BaseException | None) -> bool:
    """Whether the database failed, rather than our code."""
    if isinstance(error, (OperationalError, InterfaceError, MigrationSchemaMissing)):
        return True
    # SQLite raises exactly this class for a damaged file.
    return type(error) is DatabaseError or _code(error) in {READ_ONLY, NO_TABLE, NO_COLUMN}


def report(error: BaseException) -> str:
    """For the operator: which database, the reason, and what to do where it lacks migrations."""
    is_old = _code(error) in {NO_TABLE, NO_COLUMN} or re.match("no such (table|column)", str(error))
    advice = " Run manage.py migrate." if is_old else ""
    return f"The database {connection.settings_dict['NAME']} cannot be used: {first_line(error)}.{advice}"


def first_line(said: object) -> str:
    """What a database or one of its programs says, without details and without a full stop."""
    return str(said).strip().partition("\n")[0].rstrip(".")


def report_at_start() -> None:
    """Log an outage that every request would answer with a 503."""
    try:
        with connection.wrap_database_errors:
            connection.connect()
    except Error as error:
        logger.error(report(error))
    finally:
        connection.close()


def sentence(error: BaseException) -> str:
    """A sentence for users."""
    return FULL if _code(error) in {DISK_FULL, sqlite3.SQLITE_FULL} else BUSY


def _code(error: BaseException | None) -> object:
    cause = getattr(error, "__cause__", None)
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorcode", None)


def is_writable() -> bool:
    """Whether the database accepts changes, by one query. Raises DatabaseError if it does not answer."""
    is_sqlite = connection.vendor == "sqlite"
    read_only = "'off'" if is_sqlite else "current_setting('transaction_read_only')"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {read_only}, EXISTS (SELECT 1 FROM {get_user_model()._meta.db_table})")  # noqa: S608
        is_read_only = cursor.fetchone()[0] == "on"
    file = str(connection.settings_dict["NAME"])
    if is_sqlite and os.access(file, os.F_OK):  # not in memory
        log = f"{file}-wal"  # exists while connections are open, else SQLite creates it
        is_log_writable = os.access(log, os.W_OK) or (not Path(log).exists() and os.access(Path(file).parent, os.W_OK))
        return is_log_writable and os.access(file, os.W_OK)
    return not is_read_only
