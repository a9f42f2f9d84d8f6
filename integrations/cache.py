"""Answers of upstreams, kept in an SQLite file by requests-cache: nothing is asked twice while its answer is fresh.

Stale answers are kept for when an upstream fails. An answer that cannot be stored is an answer all the same.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

if TYPE_CHECKING:
    from .cache_table import Table  # requests-cache takes long to load, so that functions import it

logger = logging.getLogger(__name__)

# How long a stale answer may be served when upstream fails. With the time for which it is fresh, at most a week, it
# stays below the six months that TMDB allows.
KEEP_STALE = timedelta(days=170)
DELETE_OLDEST = """
    DELETE FROM responses WHERE key IN (
        SELECT key FROM responses ORDER BY expires LIMIT (SELECT 1 + count(*) / 20 FROM responses))
"""  # a twentieth
TRIM_EVERY = 256  # answers that one process stores
OPEN_TIMEOUT = 5000  # milliseconds to wait for other processes when the file is opened
BUSY_TIMEOUT = 200  # milliseconds to wait for them from then on: meanwhile no thread can read

_opened: dict[Path, Table] = {}  # by file
_lock = threading.RLock()
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
    with _best_effort():
        return _read(_table(), key)
    return None


def find(first: str, last: str) -> dict[str, Answer]:
    """The answers with keys from `first` to `last`, as get() has them, in the order in which they were given."""
    answers: dict[str, Answer] = {}
    with _best_effort():
        table = _table()
        with table.connection() as connection:
            found = connection.execute("SELECT key FROM responses WHERE key BETWEEN ? AND ?", [first, last]).fetchall()
        answers = {key: answer for (key,) in found if (answer := _read(table, key))}
    return dict(sorted(answers.items(), key=lambda item: item[1].said_at))


def store(key: str, answer: Answer) -> None:
    from requests_cache import CachedResponse

    response = CachedResponse(
        url=key,
        status_code=HTTPStatus.OK,
        content=json.dumps(answer.body).encode(),
        created_at=answer.said_at,
        expires=answer.expires_at,
    )
    with _best_effort():
        table = _table()
        table[_quoted(key)] = response
        if next(_stored) % TRIM_EVERY == 0:
            with table.connection(commit=True) as connection:
                trim(connection, settings.CACHE_MAX_MB * 1_000_000)


def close() -> None:
    """Close the file; the next use opens it again."""
    with _lock:
        while _opened:
            _opened.popitem()[1].close()  # type: ignore[no-untyped-call]


def _quoted(key: str) -> str:
    """The library writes keys into its SQL as they are."""
    return key.replace("'", "%27")


def _read(table: Table, key: str) -> Answer | None:
    response: Any = table.get(_quoted(key))
    try:
        body = response.json()
        answer = Answer(body, response.created_at, response.expires)
        is_kept = isinstance(body, dict) and timezone.now() < answer.expires_at + KEEP_STALE
    except (AttributeError, TypeError, ValueError, RecursionError):  # there is none, or it was tampered with
        return None
    return answer if is_kept else None


@contextlib.contextmanager
def _best_effort() -> Iterator[None]:
    """An answer that cannot be read or stored just now is an answer all the same. A damaged file is deleted."""
    try:
        yield
    except sqlite3.Error as error:
        logger.warning("The HTTP cache cannot be used: %s", error)
        if type(error) is sqlite3.DatabaseError:  # its subclasses are about busy files and full disks
            close()
            with contextlib.suppress(OSError):
                _delete(cache_file())


def _table() -> Table:
    with _lock:
        file = cache_file()
        if file not in _opened:
            _opened[file] = _open(file)
        return _opened[file]


def _open(file: Path) -> Table:
    """The cache in the file. Where its folder cannot be used, answers are kept in memory."""
    from .cache_table import Table

    try:
        try:
            return _in_file(file)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            logger.warning("The HTTP cache is damaged and was deleted.")
            _delete(file)
            return _in_file(file)
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR cannot be used: %s", error)
        return Table(uuid4().hex, use_memory=True)


def _in_file(file: Path) -> Table:
    """A cache in the file, which only its owner may read. Raises OSError or sqlite3.Error."""
    from .cache_table import Table

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        # Only a new file is opened here: closing one that SQLite has open would drop SQLite's own locks.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    table = Table(file, wal=True, busy_timeout=OPEN_TIMEOUT)
    with table.connection() as connection:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
    return table


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
    deleted = connection.execute("DELETE FROM responses WHERE expires < ?", [limit]).rowcount
    if _bytes_used(connection) > max_bytes:
        while _bytes_used(connection) > 0.8 * max_bytes:
            found = connection.execute(DELETE_OLDEST).rowcount
            if not found:
                break
            deleted += found
    return deleted


def _bytes_used(connection: sqlite3.Connection) -> int:
    pages, unused, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - unused) * size


def purge(*, everything: bool = False) -> tuple[int, int]:
    """The numbers of answers that were deleted, as trim() does or all, and of bytes that this gave back.

    Raises OSError or sqlite3.Error; harmless while serving.
    """
    file = cache_file()
    _in_file(file).close()  # type: ignore[no-untyped-call]
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
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
