"""What the processes of a host share about an upstream: its rate limit and its health."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings

LASTING = {"refused", "answered_at"}
NO_NUMBERS = {"boot", "refused"}
DECODER = json.JSONDecoder()
SIZE = 4000  # bytes; a state has some two hundred

Values = dict[str, Any]


@functools.cache
def _boot() -> str:
    """Identifies this boot of the machine, as the monotonic clock counts from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class HostState:
    """Values of one upstream, in a small JSON file that is read and written under a lock.

    Times are those of the monotonic clock, which changes of the time of day do not affect. They are forgotten when the
    machine restarts; only LASTING values stay, with times of day. If the file is lost or damaged, a new one starts with
    what this process knew. If the folder cannot be written, the file is in the folder for temporary files; if that
    cannot be written either, nothing is shared between processes.
    """

    latency = 0.0  # seconds that a change takes

    def __init__(self, service: str) -> None:
        self.service = service
        self.boot = _boot()
        self.lock = threading.Lock()
        self.memory: Values = {}

    @property
    def path(self) -> str:
        return f"{settings.CACHE_DIR}/{self.service}.state"

    @property
    def temporary_path(self) -> str:
        """Where the state is if CACHE_DIR cannot be used."""
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:16]
        return f"{tempfile.gettempdir()}/wrong-opinions-{os.getuid()}-{digest}-{self.service}.state"

    @contextlib.contextmanager
    def change(self, *, must_be_shared: bool = False) -> Iterator[Values]:
        """The values, to read and change while other processes wait.

        Raises OSError if they must be shared, but no file can be written.
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
            before = os.pread(descriptor, SIZE, 0)
            values = self._read(before)
            yield values
            self.memory = values
            try:
                if (content := json.dumps(values).encode()) != before:
                    # If a process is killed between these two, the rest of the old content is ignored when read.
                    os.ftruncate(descriptor, os.pwrite(descriptor, content, 0))
            except OSError:  # the disk is full
                if must_be_shared:
                    raise
        finally:
            os.close(descriptor)  # unlocks, too

    def count(self, name: str) -> None:
        """Increase a counter for the operator."""
        with self.change() as values:
            values[name] = values.get(name, 0) + 1

    def peek(self) -> Values:
        """The values, to read; creates no file."""
        for path in (self.path, self.temporary_path):
            with contextlib.suppress(OSError):
                return self._read(Path(path).read_bytes()[:SIZE])
        return self.memory

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileNotFoundError):
                return os.open(self.path, flags, 0o600)
            settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, flags, 0o600)
        with contextlib.suppress(OSError):
            descriptor = os.open(self.temporary_path, flags, 0o600)
            if os.fstat(descriptor).st_uid == os.geteuid():
                return descriptor
            os.close(descriptor)
        raise OSError(f"neither {self.path} nor a temporary file can be written")

    def _read(self, content: bytes) -> Values:
        """The values in the file. If it is damaged, slots that other processes have reserved may be forgotten: the next
        slot then starts only after the longest wait of a web request."""
        try:
            values: Any = DECODER.raw_decode(content.decode())[0]
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            values = self.memory
            if content:
                drained_at = after(settings.MUSICBRAINZ_MAX_WAIT + settings.MUSICBRAINZ_INTERVAL)
                values = values | {"free_at": max(drained_at, values.get("free_at", 0))}
        elif values.get("boot") != self.boot:
            values = {name: value for name, value in values.items() if name in LASTING}
        sound = {name: value for name, value in values.items() if type(value) in {int, float} or name in NO_NUMBERS}
        return sound | {"boot": self.boot}


def after(seconds: float) -> float:
    """The time in this many seconds, on the monotonic clock."""
    return monotonic() + seconds


def seconds_until(values: Values, name: str, horizon: float) -> float:
    """The seconds until a time; 0 if it is past, missing, or further ahead than is possible."""
    left: float = values.get(name, 0) - monotonic()
    return left if 0 < left <= horizon else 0
