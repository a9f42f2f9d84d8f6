"""The rate limit of an upstream: slots in time, first come, first served, shared by processes or by hosts."""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from .errors import RateLimited, too_many
from .state import HostState, Values, after, seconds_until

if TYPE_CHECKING:
    from .models import DatabaseState

# A longer wait comes from no queue of ours but from damage.
HORIZON = 3600  # seconds
MAX_PROMISE = 300  # seconds until refused callers are told to come back, however many they are
# Web requests of a process that may wait long at a time: two threads stay free for those that need no upstream.
MAX_LONG_WAITS = max(1, settings.WEB_THREADS - 2)


class RateLimiter:
    """Slots some seconds apart, as the settings say. A process that dies loses only those it had reserved.

    Refused callers are promised a slot each and told to come back a little before it: they then find a short queue, and
    the slots of those who stay away are used.
    """

    def __init__(self, name: str, host: HostState, database: "DatabaseState | None" = None) -> None:
        self.name, self.host, self.database = name, host, database

    @property
    def interval(self) -> float:
        """The seconds between two slots; 0 without a rate limit."""
        interval: float = getattr(settings, f"{self.host.service.upper()}_INTERVAL", 0)
        return interval

    @property
    def slots(self) -> "HostState | DatabaseState":
        """What is shared by all who share the rate limit: the processes of this host, or all hosts."""
        return self.database if self.database and connection.vendor == "postgresql" else self.host

    def reserve(self, max_wait: float) -> float:
        """Reserve the next slot and return when it starts, on the monotonic clock.

        Raises RateLimited, and reserves nothing, when that is more than `max_wait` seconds away; OSError, DatabaseError
        or InterfaceError where slots cannot be reserved at all.
        """
        if not self.interval:
            return 0
        slots = self.slots
        with slots.change(must_be_shared=True) as values:
            queue = seconds_until(values, "free_at", HORIZON)
            refusal = self._promise(values, queue) if queue > max_wait else None
            if refusal is None:
                if not queue:  # promises are forgotten
                    values.pop("promised_at", None)
                start = after(max(queue, slots.latency))
                values["free_at"] = start + self.interval
        if refusal:
            raise refusal  # not above, where it would keep the promise from being written
        return start

    def _promise(self, values: Values, queue: float) -> RateLimited:
        """The error for a caller who is refused: its `retry_after` names a later moment than the last one did."""
        wait = max(queue, seconds_until(values, "promised_at", MAX_PROMISE) + self.interval)
        wait = min(wait, MAX_PROMISE)
        values["promised_at"] = after(wait)
        # Callers who come back are to find a queue half as long as it may be, and half of the long waits taken.
        lead = min(settings.MUSICBRAINZ_MAX_WAIT, MAX_LONG_WAITS * self.interval) / 2
        return too_many(f"are waiting for {self.name}", max(1, math.ceil(wait - lead)))

    def queue_seconds(self) -> float:
        """The seconds until the first free slot; reserves nothing."""
        return seconds_until(self.slots.peek(), "free_at", HORIZON)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Keep the distance to the request before, which may have overslept; in here the request is sent, and counted.

        A fiftieth of the interval is left for those that are only a little late, so that nothing falls behind.
        """
        distance = 0.98 * self.interval
        if distance:
            with self.host.change() as values:
                wait = seconds_until(values, "next_at", self.interval)
                values["next_at"] = after(wait + distance)
            time.sleep(wait)
        yield
        with self.host.change() as values:
            values["sent"] = values.get("sent", 0) + 1
            if distance:
                values["next_at"] = after(distance)
