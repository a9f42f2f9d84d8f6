"""Answers of upstreams, kept in an SQLite file: nothing is asked twice while its answer is fresh.

Stale answers are kept for when an upstream fails. An answer that cannot be stored is an answer all the same.
"""

import contextlib
import fcntl
import functools
import itertools
import json
import logging
import os
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

logger = logging.getLogger(__name__)

# How long a stale answer may be served when upstream fails. With the time for which it is fresh, at most a week, it
# stays below the six months that TMDB allows.
KEEP_STALE = timedelta(days=170)
TRIM_EVERY = 256  # answers that one process stores
OPEN_TIMEOUT = 5.0  # seconds to wait for other processes when the file is opened
BUSY_TIMEOUT = 0.2  # seconds to wait for them from then on: who waits keeps the threads of this process from reading

SCHEMA = """
    CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, body TEXT, said_at REAL, expires_at REAL);
    CREATE INDEX IF NOT EXISTS answers_expires_at ON answers (expires_at);
    DROP TABLE IF EXISTS responses;  -- these two were written by requests-cache
    DROP TABLE IF EXISTS redirects;
"""

_lock = threading.RLock()  # of the connection that all threads use
_stored = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """A JSON object, when the upstream gave it, and until when it is fresh."""

    body: dict[str, Any]
    said_at: datetime
    expires_at: datetime

    @property
    def is_fresh(self) -> bool:
        return timezone.now() < self.expires_at


def get(key: str) -> Answer | None:
    """The answer, fresh or stale; None where there is none that can be read."""
    return find(key, key).get(key)


def find(first: str, last: str) -> dict[str, Answer]:
    """The answers with keys from `first` to `last`, as get() has them, in the order in which they were given."""
    query = "SELECT key, body, said_at, expires_at FROM answers WHERE key BETWEEN ? AND ? AND expires_at > ?"
    limit = (timezone.now() - KEEP_STALE).timestamp()
    found: dict[str, Answer] = {}
    for key, body, *times in _run(f"{query} ORDER BY said_at", [first, last, limit]):
        with contextlib.suppress(ValueError, TypeError, OverflowError, OSError, RecursionError):
            said_at, expires_at = (datetime.fromtimestamp(moment, tz=UTC) for moment in times)
            if isinstance(content := json.loads(body), dict):
                found[key] = Answer(content, said_at, expires_at)
    return found


def store(key: str, answer: Answer) -> None:
    times = answer.said_at.timestamp(), answer.expires_at.timestamp()
    _run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", [key, json.dumps(answer.body), *times])
    if next(_stored) % TRIM_EVERY == 0:
        with _lock, contextlib.suppress(sqlite3.Error):
            trim(_open(settings.CACHE_DIR), settings.CACHE_MAX_MB * 1_000_000)


def close() -> None:
    """Close the file; the next use opens it again."""
    with _lock:
        if _open.cache_info().currsize:
            _open(settings.CACHE_DIR).close()
            _open.cache_clear()


def _run(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """The rows, or none where the file cannot be used just now. One that is damaged is replaced at the next use."""
    with _lock:
        try:
            return _open(settings.CACHE_DIR).execute(statement, values).fetchall()
        except sqlite3.Error as error:
            logger.warning("The HTTP cache cannot be used: %s", error)
            if not isinstance(error, sqlite3.OperationalError):
                close()
            return []


@functools.lru_cache(maxsize=1)
def _open(folder: Path) -> sqlite3.Connection:
    """The connection of this process. Where the folder cannot be used, answers are kept in memory."""
    if file := cache_file():
        try:
            return _connect(str(file))
        except sqlite3.OperationalError as error:
            logger.warning("Answers of upstreams are kept in memory only: %s", error)
    return _connect(":memory:")


def _connect(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=OPEN_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # a power cut may lose the last answers, but nothing else
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA busy_timeout={1000 * BUSY_TIMEOUT:.0f}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def trim(connection: sqlite3.Connection, max_bytes: float) -> int:
    """Delete what is too old to be served, and the oldest while there is more than `max_bytes`; return how many.

    The space is used again, but not given back. Of the last, a fifth more goes, so that this does not come often.
    """
    limit = (timezone.now() - KEEP_STALE).timestamp()
    deleted = connection.execute("DELETE FROM answers WHERE expires_at < ?", [limit]).rowcount
    if _bytes_used(connection) > max_bytes:
        while _bytes_used(connection) > 0.8 * max_bytes:
            oldest = "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY expires_at LIMIT 100)"
            found = connection.execute(oldest).rowcount
            if not found:
                break
            deleted += found
    return deleted


def _bytes_used(connection: sqlite3.Connection) -> int:
    pages, unused, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - unused) * size


def purge(*, everything: bool = False) -> tuple[int, int]:
    """The numbers of answers that were deleted, as trim() does or all, and of bytes that this gave back.

    Also deletes files that were set aside as damaged. Raises OSError or sqlite3.Error; harmless while serving.
    """
    file = cache_file()
    if file is None:
        raise OSError("CACHE_DIR cannot be written")
    before = _size(file)
    for aside in settings.CACHE_DIR.glob(f"{file.name}.damaged-*"):
        before += aside.stat().st_size
        aside.unlink(missing_ok=True)
    with contextlib.closing(_connect(str(file))) as connection:
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("BEGIN IMMEDIATE")
        deleted = trim(connection, -1 if everything else settings.CACHE_MAX_MB * 1_000_000)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return deleted, max(0, before - _size(file))


def _size(file: Path) -> int:
    """Bytes of the cache and of its log."""
    files = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in files if part.exists())


def cache_file() -> Path | None:
    """The HTTP cache, readable for its owner only, or None where CACHE_DIR cannot be used; sets a damaged one aside."""
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    try:
        settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.with_suffix(".lock").touch(mode=0o600)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time checks and repairs
            _create(file)
            if _is_damaged(file):
                aside = file.with_name(f"{file.name}.damaged-{timezone.now():%Y%m%d%H%M%S}")
                logger.warning("The HTTP cache is damaged and was set aside as %s", aside.name)
                file.rename(aside)
                for extra in ("-wal", "-shm"):
                    file.with_name(file.name + extra).unlink(missing_ok=True)
                _create(file)
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR cannot be used: %s", error)
        return None
    return file


def _create(file: Path) -> None:
    """Only a new file is opened here: closing one that SQLite has open would drop SQLite's own locks."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _is_damaged(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=OPEN_TIMEOUT)) as connection:
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return True
