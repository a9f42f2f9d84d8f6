"""One trial: where it happens, and what it found."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .site import Site

if TYPE_CHECKING:
    from .databases import PostgreSQL, Sqlite


class LeftOut(Exception):
    """This machine does not have what a trial needs."""


@dataclass
class Trial:
    """What a trial is given; `expect` prints one promise and remembers whether it was kept."""

    name: str
    root: Path  # the checkout that is served
    folder: Path
    database: Sqlite | PostgreSQL
    port: int
    seconds: float  # that loads and outages last
    broken: int = 0

    def expect(self, promise: str, holds: bool) -> None:
        print(f"  {'holds ' if holds else 'BROKEN'} {promise}", flush=True)  # noqa: T201
        self.broken += not holds

    def note(self, figure: str) -> None:
        print(f"         {figure}", flush=True)  # noqa: T201

    def site(self, *, place: Path | None = None, **settings: str) -> Site:
        """A site with a fresh database, which lies in `place` if that is given."""
        return Site(self.root, self.folder, self.port, self.database.fresh(self.name, place), **settings)

    def expect_only(self, statuses: dict[int, int], *allowed: int) -> None:
        """That there was no answer but those that are allowed."""
        odd = {status: count for status, count in statuses.items() if status not in allowed}
        self.expect(f"answers by status: {statuses} (allowed: {sorted(allowed)}; 0 is a cut connection)", not odd)


@contextlib.contextmanager
def tmpfs(size: str) -> Iterator[Path]:
    """A small disk of its own. Raises LeftOut where it cannot be mounted."""
    place = Path(tempfile.mkdtemp(prefix="trial-disk-"))
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
        if mounted.returncode:
            raise LeftOut("only root can mount a small disk")
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
