"""The file in which answers of upstreams are kept: https://requests-cache.readthedocs.io/"""

import contextlib
import fcntl
import itertools
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone
from requests.adapters import BaseAdapter
from requests_cache import CachedSession
from requests_cache.backends import BaseCache
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict

logger = logging.getLogger(__name__)

# How long an answer may be served beyond its own time when upstream fails. With that time, at most a week, it stays
# below the six months that TMDB allows.
KEEP_STALE = timedelta(days=170)
TRIM_EVERY = 256  # answers that one process stores
OPEN_TIMEOUT = 5000  # milliseconds to wait for others when the file is opened
BUSY_TIMEOUT = 200  # milliseconds to wait for others from then on

_numbers = itertools.count()  # of caches in memory, which have no other names


class Table(SQLiteDict):
    """Waits for other writers as long as the connection's time-out says, and ends the transaction of a failed write.

    Its parent tries for ever to begin one, while nobody can read, and leaves a failed one open.
    """

    @contextlib.contextmanager
    def _acquire_sqlite_lock(self):
        with self._lock:
            assert self._connection  # noqa: S101 - only connection() comes here, when it has opened one
            self._connection.execute("BEGIN IMMEDIATE")
            self._active_transaction = True
            try:
                yield
                self._connection.commit()
            finally:
                self._active_transaction = False
                if self._connection.in_transaction:
                    self._connection.rollback()

    def be_brief(self) -> None:
        """Wait for nobody from now on: whoever waits keeps others from reading."""
        self.busy_timeout = BUSY_TIMEOUT
        with self.connection() as connection:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")


class Cache(SQLiteCache):
    """Keeps itself in bounds. An answer that cannot be kept is an answer all the same."""

    def __init__(self, path: str, **options: Any) -> None:
        BaseCache.__init__(self, cache_name=path)
        self.responses = Table(path, table_name="responses", serializer="json", **options)
        self.redirects = Table(path, table_name="redirects", serializer=None, lock=self.responses._lock, **options)
        self.responses.be_brief()
        self.redirects.be_brief()
        self.saved = 0

    def save_response(self, *args, **kwargs):
        with _best_effort():
            super().save_response(*args, **kwargs)
            self.saved += 1
            if self.saved % TRIM_EVERY == 1:
                with self.responses.connection(commit=True) as connection:
                    trim(connection, settings.CACHE_MAX_MB * 1_000_000)

    def delete(self, *args, **kwargs):
        with _best_effort():
            super().delete(*args, **kwargs)


@contextlib.contextmanager
def _best_effort() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:  # busy, full, or damaged, which the next one to read finds out
        logger.warning("The HTTP cache cannot be written: %s", error)


def trim(connection: sqlite3.Connection, max_bytes: float) -> int:
    """Delete what is too old to be served, and the oldest while there is more than `max_bytes`; say how many.

    The space is used again, but not given back. Of the last, a fifth more goes, so that this does not come often.
    """
    limit = (timezone.now() - KEEP_STALE).timestamp()
    deleted = connection.execute("DELETE FROM responses WHERE expires < ?", [limit]).rowcount
    if _bytes_used(connection) > max_bytes:
        while _bytes_used(connection) > 0.8 * max_bytes:
            oldest = "DELETE FROM responses WHERE key IN (SELECT key FROM responses ORDER BY expires LIMIT 100)"
            found = connection.execute(oldest).rowcount
            if not found:
                break
            deleted += found
    connection.execute("DELETE FROM redirects WHERE value NOT IN (SELECT key FROM responses)")
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
    deleted = 0
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('responses', 'redirects')")
        if tables.fetchone()[0] == 2:
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


def new_session(adapter: BaseAdapter, is_kept: Callable[[requests.Response], bool]) -> CachedSession:
    """A session whose requests all go through `adapter`, redirects too, and that keeps answers in CACHE_DIR.

    Where that folder is no use, answers are kept in memory.
    """
    session = CachedSession(
        backend=_open(),
        stale_if_error=int(KEEP_STALE.total_seconds()),
        allowable_codes=(200, 307, 404),
        # The library deletes what it is told not to keep, also when it merely says that it has nothing.
        filter_fn=lambda response: response.status_code == HTTPStatus.GATEWAY_TIMEOUT or is_kept(response),
    )
    session.max_redirects = 3  # each takes a slot
    session.headers["User-Agent"] = settings.MUSICBRAINZ_USER_AGENT
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def _open() -> Cache:
    if file := cache_file():
        try:
            return Cache(str(file), wal=True, busy_timeout=OPEN_TIMEOUT)
        except sqlite3.OperationalError as error:
            logger.warning("Answers of upstreams are kept in memory only: %s", error)
    return Cache(f"http_cache_{next(_numbers)}", use_memory=True)


def cache_file() -> Path | None:
    """The HTTP cache, readable for its owner only, or None where CACHE_DIR is no use; a damaged one is set aside."""
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    try:
        settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.with_suffix(".lock").touch(mode=0o600)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time looks and repairs
            with contextlib.suppress(FileExistsError):
                # Only a new file is opened here: closing one that SQLite has open would drop SQLite's own locks.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            if _is_damaged(file):
                aside = file.with_name(f"{file.name}.damaged-{timezone.now():%Y%m%d%H%M%S}")
                logger.warning("The HTTP cache is damaged and was set aside as %s", aside.name)
                file.rename(aside)
                for extra in ("-wal", "-shm"):
                    file.with_name(file.name + extra).unlink(missing_ok=True)
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR is no use: %s", error)
        return None
    return file


def _is_damaged(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=OPEN_TIMEOUT / 1000)) as connection:
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return True
