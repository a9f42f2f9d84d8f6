"""Answers of upstreams, kept in an SQLite file by requests-cache. While an answer is fresh, it is not asked for again.

Stale answers are kept and served when an upstream fails. An answer that cannot be stored is still returned.
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
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.utils import timezone

if TYPE_CHECKING:
    from .cache_table import Table  # requests-cache takes long to load, so that functions import it

logger = logging.getLogger(__name__)

# How long a stale answer may be served when upstream fails. Together with the time for which it is fresh, at most a
# week, this stays below the six months that TMDB allows.
KEEP_STALE = timedelta(days=170)
DELETE_OLDEST = """
    DELETE FROM responses WHERE key IN (
        SELECT key FROM responses ORDER BY expires LIMIT (SELECT 1 + count(*) / 20 FROM responses))
"""  # a twentieth
COUNT_BYTES = """
    SELECT page_count * page_size, (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
TRIM_EVERY = 256  # answers that one process stores
OPEN_TIMEOUT = 5000  # milliseconds to wait for other processes when the file is opened
BUSY_TIMEOUT = 200  # milliseconds to wait for them after that, during which no thread can read
RETRY = 60  # seconds after which a folder that could not be used is tried again


class Opened(NamedTuple):
    """A cache that this process has open, since a time on the monotonic clock; in memory if `identity` is None."""

    table: Table
    identity: tuple[int, int] | None
    at: float


_opened: dict[str, Opened] = {}  # by folder
_lock = threading.RLock()
_stored = itertools.count()  # counts those of this process; the first one makes it look for old ones


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
    """The answer, fresh or stale; None if there is none, or it cannot be read."""
    row = None
    with _best_effort(), _table().connection() as connection:
        row = connection.execute("SELECT value FROM responses WHERE key = ?", [key]).fetchone()
    try:
        kept = json.loads(row[0])
        answer = Answer(kept["body"], *map(datetime.fromisoformat, kept["moments"]))
    except (TypeError, ValueError, KeyError, RecursionError):  # there is none, or of an older version, or damaged
        return None
    is_kept = isinstance(answer.body, dict) and timezone.now() < answer.expires_at + KEEP_STALE
    return answer if is_kept else None


def keys(first: str, last: str) -> list[str]:
    """The keys from `first` to `last`."""
    with _best_effort(), _table().connection() as connection:
        found = connection.execute("SELECT key FROM responses WHERE key BETWEEN ? AND ?", [first, last])
        return [key for (key,) in found]
    return []


def store(key: str, answer: Answer) -> None:
    moments = [answer.said_at.isoformat(), answer.expires_at.isoformat()]
    # An object that JSON writes: requests-cache's own serializer takes 2 to 4 times as long.
    row = key, json.dumps({"body": answer.body, "moments": moments}), answer.expires_at.timestamp()
    with _best_effort(), _table().connection() as connection:
        connection.execute("INSERT OR REPLACE INTO responses (key, value, expires) VALUES (?, ?, ?)", row)
        if next(_stored) % TRIM_EVERY == 0:
            trim(connection, settings.CACHE_MAX_MB * 1_000_000)


def cache_file() -> Path:
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    return file


@contextlib.contextmanager
def _best_effort() -> Iterator[None]:
    """A block of one thread at a time, as requests-cache shares its connection between all.

    What cannot be read or stored just now is left out; a damaged file is deleted.
    """
    with _lock:
        try:
            yield
        except sqlite3.Error as error:
            logger.warning("The HTTP cache cannot be used: %s", error)
            if type(error) is sqlite3.DatabaseError:  # its subclasses are about busy files and full disks
                close()
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(OSError):
                        Path(f"{cache_file()}{suffix}").unlink()


def _table() -> Table:
    """The cache, which stays open, unless its file is deleted. If its folder cannot be used, answers are kept in memory
    until it can."""
    folder, file, now = str(settings.CACHE_DIR), cache_file(), monotonic()
    opened = _opened.get(folder)
    if opened and (opened.identity == _identity(file) if opened.identity else now < opened.at + RETRY):
        return opened.table
    if opened and opened.identity:
        _opened.pop(folder).table.close()  # type: ignore[no-untyped-call]
    try:
        _opened[folder] = Opened(_in_file(file), _identity(file), now)
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR cannot be used: %s", error)
        from .cache_table import Table

        in_memory = opened.table if opened and not opened.identity else Table("", "responses", use_memory=True)
        _opened[folder] = Opened(in_memory, None, now)
    return _opened[folder].table


def _identity(file: Path) -> tuple[int, int] | None:
    """What differs if a file is deleted and created again; None if there is none."""
    with contextlib.suppress(OSError):
        found = os.stat(file)  # noqa: PTH116 - for each answer
        return found.st_dev, found.st_ino
    return None


def _in_file(file: Path) -> Table:
    """A cache in the file, which only its owner may read. Raises OSError or sqlite3.Error."""
    from .cache_table import Table

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)  # opens only a new file: closing one that SQLite has open would drop SQLite's own locks
    give_up_at = monotonic() + OPEN_TIMEOUT / 1000
    while True:
        try:
            table = Table(file, "responses", wal=True, busy_timeout=OPEN_TIMEOUT)
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait for another process that creates the file, too, before it changes the journal's mode.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > give_up_at:
                raise
        sleep(0.01)
    with table.connection() as connection:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
    return table


def close() -> None:
    """Close the file; the next use opens it again."""
    with _lock:
        while _opened:
            _opened.popitem()[1].table.close()  # type: ignore[no-untyped-call]


def trim(connection: sqlite3.Connection, max_bytes: float) -> int:
    """Delete what is too old to be served, then the oldest answers while they exceed `max_bytes`; return how many.

    The file does not shrink, but its space is used again. If there is more than `max_bytes`, only 80 % of that stay, so
    that this is rarely needed.
    """
    too_old = (timezone.now() - KEEP_STALE).timestamp()
    deleted = connection.execute("DELETE FROM responses WHERE expires < ?", [too_old]).rowcount
    enough = max_bytes
    while connection.execute(COUNT_BYTES).fetchone()[1] > enough:
        found = connection.execute(DELETE_OLDEST).rowcount
        if not found:
            break
        deleted += found
        enough = 0.8 * max_bytes
    return deleted


def purge(*, everything: bool = False) -> tuple[int, int]:
    """Delete answers, as trim() does or all of them; return how many, and the number of bytes freed.

    Raises OSError or sqlite3.Error; harmless while serving.
    """
    file = cache_file()
    _in_file(file).close()  # type: ignore[no-untyped-call]
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        before, _ = connection.execute(COUNT_BYTES).fetchone()
        deleted = trim(connection, -1 if everything else settings.CACHE_MAX_MB * 1_000_000)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted, before - connection.execute(COUNT_BYTES).fetchone()[0]
