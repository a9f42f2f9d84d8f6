"""The file of the cache, as requests-cache opens it. That package takes long to load: functions import this module."""

import contextlib
from collections.abc import Iterator

from requests_cache.backends.sqlite import SQLiteDict


class Table(SQLiteDict):
    @contextlib.contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        """Create the table, which needs no transaction: the library's own begins it again and again while others
        write, without end."""
        yield
