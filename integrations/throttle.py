"""Slots in time that all threads and processes of a host share."""

import fcntl
import math
import os
import time
from pathlib import Path

from .errors import RateLimited

# Waits beyond this come from no queue of ours but from a damaged file.
HORIZON = 3600  # seconds


def _boot() -> str:
    """What tells this start of the machine from others, as the clock below counts from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class Schedule:
    """Slots `interval` seconds apart, first come, first served.

    A file under a lock holds when the next slot is free, on the clock that counts from the start of the machine: the
    time of day may be set back and forth. A process that dies loses only the slots it had booked.
    """

    def __init__(self, path: Path, interval: float, name: str) -> None:
        self.path, self.interval, self.name = path, interval, name
        self.boot = _boot()

    def reserve(self, max_wait: float) -> float:
        """Book the next slot and return the seconds until it starts.

        Raises RateLimited, and books nothing, when that is more than `max_wait` seconds away; OSError without the file.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            now = time.monotonic()
            start = max(now, self._free_at(os.read(descriptor, 200), now))
            wait = start - now
            if wait > max_wait:
                raise RateLimited(
                    f"Too many requests are waiting for {self.name}; try again in a moment.",
                    retry_after=max(1, math.ceil(wait - max_wait)),
                )
            os.ftruncate(descriptor, os.pwrite(descriptor, f"{self.boot} {start + self.interval:.6f}\n".encode(), 0))
            return wait
        finally:
            os.close(descriptor)  # unlocks, too

    def _free_at(self, content: bytes, now: float) -> float:
        """When the next slot is free, or now where the file says nothing that can be right."""
        try:
            boot, free_at = content.decode().split()
            seconds = float(free_at)
        except ValueError:
            return now
        return seconds if boot == self.boot and 0 <= seconds <= now + HORIZON else now
