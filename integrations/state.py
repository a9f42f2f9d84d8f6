"""What all processes of a host know of an upstream: when it may be asked, whether it fails, whether it refuses us."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from django.conf import settings

LASTING = {"refused", "answered_at"}
DAMAGED = "damaged"  # set until somebody has dealt with it
SIZE = 4000  # bytes; a state has some two hundred


def _boot() -> str:
    """What tells this start of the machine from others, as the monotonic clock counts from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class HostState:
    """Values of one upstream, in a small JSON file that is read and written under a lock.

    Its times are those of the monotonic clock, so that the time of day may be set back and forth, and end with the
    machine's uptime: only LASTING values survive that, with times of day. What is no such file counts as empty. Where
    the folder is no use, the file is one in the folder for temporary files; where that is no use either, each process
    knows only itself.
    """

    @classmethod
    def of(cls, service: str) -> Self:
        """The state of `tmdb`, `musicbrainz` or `coverart`."""
        return cls(settings.CACHE_DIR / f"{service}.state")

    def __init__(self, path: Path) -> None:
        name = f"wrong-opinions-{os.getuid()}-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}-{path.name}"
        self.paths = [path, Path(tempfile.gettempdir()) / name]
        self.boot = _boot()
        self.lock = threading.Lock()
        self.memory: dict[str, Any] = {}

    @contextlib.contextmanager
    def change(self, *, must_be_shared: bool = False) -> Iterator[dict[str, Any]]:
        """The values, to look at and to change while nobody else does.

        Raises OSError where they must be shared, but no file can be written.
        """
        try:
            descriptor = self._open()
        except OSError:
            if must_be_shared:
                raise
            with self.lock:
                yield self.memory
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            values = self._read(os.pread(descriptor, SIZE, 0))
            before = json.dumps(values)
            yield values
            after = json.dumps(values)
            if after != before:
                try:
                    # A process that is killed between these two leaves an end that is not read.
                    os.ftruncate(descriptor, os.pwrite(descriptor, after.encode(), 0))
                except OSError:  # the disk is full
                    if must_be_shared:
                        raise
        finally:
            os.close(descriptor)  # unlocks, too

    def peek(self) -> dict[str, Any]:
        """The values, to look at; makes no file."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                return self._read(path.read_bytes()[:SIZE])
        return self.memory

    def _open(self) -> int:
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                descriptor = os.open(path, flags, 0o600)
                if path == self.paths[0] or os.fstat(descriptor).st_uid == os.geteuid():
                    return descriptor
                os.close(descriptor)
        raise OSError(f"neither {self.paths[0]} nor a temporary file can be written")

    def _read(self, content: bytes) -> dict[str, Any]:
        try:
            values, _ = json.JSONDecoder().raw_decode(content.decode())
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            values = {DAMAGED: True, "boot": self.boot} if content else {}
        if values.get("boot") != self.boot:
            values = {name: value for name, value in values.items() if name in LASTING}
        return values | {"boot": self.boot}


def seconds(values: dict[str, Any], name: str, now: float, horizon: float) -> float:
    """A time on the monotonic clock, or `now` where there is none that can be right: at most `horizon` ahead."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return now
    return float(value) if now < value <= now + horizon else now
