"""Answers of upstreams, kept in an SQLite file: nothing is asked twice while its answer is fresh.

Stale answers are kept for when an upstream fails. An answer that cannot be stored is an answer all the same.
"""

import contextlib
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

_lock = threading.RLock()  # of the connections
_connections: dict[Path, sqlite3.Connection] = {}  # of this process, by file: one that all threads use
_stored = itertools.count()  # by this process, whose first answer makes it look for old ones


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
            trim(_connection(), settings.CACHE_MAX_MB * 1_000_000)


def close() -> None:
    """Close the file; the next use opens it again."""
    with _lock:
        while _connections:
            _connections.popitem()[1].close()


def _run(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """The rows, or none where the file cannot be used just now. A damaged file is deleted."""
    with _lock:
        try:
            return _connection().execute(statement, values).fetchall()
        except sqlite3.Error as error:
            logger.warning("The HTTP cache cannot be used: %s", error)
            if type(error) is sqlite3.DatabaseError:  # its subclasses are about busy files and full disks
                close()
                with contextlib.suppress(OSError):
                    _delete(cache_file())
            return []


def _connection() -> sqlite3.Connection:
    file = cache_file()
    if file not in _connections:
        _connections[file] = _open(file)
    return _connections[file]


def _open(file: Path) -> sqlite3.Connection:
    """A connection to the file. Where its folder cannot be used, answers are kept in memory."""
    try:
        try:
            return _connect(file)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            logger.warning("The HTTP cache is damaged and was deleted.")
            _delete(file)
            return _connect(file)
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR cannot be used: %s", error)
        return _connect(":memory:")


def _connect(file: Path | str, *, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """A connection to the file, which only its owner may read. Raises OSError or sqlite3.Error."""
    if isinstance(file, Path):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # Only a new file is opened here: closing one that SQLite has open would drop SQLite's own locks.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(file, timeout=OPEN_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # a power cut may lose the last answers, but nothing else
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA busy_timeout={1000 * busy_timeout:.0f}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def cache_file() -> Path:
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    return file


def _delete(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


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
    return int((pages - unused) * size)


def purge(*, everything: bool = False) -> tuple[int, int]:
    """The numbers of answers that were deleted, as trim() does or all, and of bytes that this gave back.

    Raises OSError or sqlite3.Error; harmless while serving.
    """
    file = cache_file()
    with contextlib.closing(_connect(file, busy_timeout=30)) as connection:
        before = _size(file)
        connection.execute("BEGIN IMMEDIATE")
        deleted = trim(connection, -1 if everything else settings.CACHE_MAX_MB * 1_000_000)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted, max(0, before - _size(file))


def _size(file: Path) -> int:
    """Bytes of the cache and of its log."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
