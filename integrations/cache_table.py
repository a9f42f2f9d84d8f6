"""The table of the cache's file, as requests-cache writes it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from requests_cache.backends.sqlite import SQLiteDict


class Table(SQLiteDict):
    """Is used by one thread at a time, waits up to `busy_timeout` for other writers, and rolls back failed writes.

    In the library's own class, threads share one connection at the same time, so some fail ("bad parameter or other API
    misuse") or find nothing. It also retries writes forever, while nothing can be read, and swallows the error of a
    failed write.
    """

    def __init__(self, path: Path | str, **options: Any) -> None:
        super().__init__(path, "responses", **options)

    @contextlib.contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock, super().connection(commit) as connection:
            yield connection

    @contextlib.contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        with self._lock:
            assert self._connection  # noqa: S101 - connection() has just opened it
            self._connection.execute("BEGIN IMMEDIATE")
            self._active_transaction = True
            try:
                yield
                self._connection.commit()
            finally:
                self._active_transaction = False
                if self._connection.in_transaction:
                    self._connection.rollback()
