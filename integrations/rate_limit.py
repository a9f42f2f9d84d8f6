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

# Our queues are never this long: a longer wait means that the state is damaged.
HORIZON = 3600  # seconds
MAX_LATE = 60  # seconds that requests which were late together may need to catch up
MAX_PROMISE = 300  # seconds after which refused callers are told to come back, at most
# How many web requests of a process may wait long at the same time: two threads stay free for other requests.
MAX_LONG_WAITS = max(1, settings.WEB_THREADS - 2)


class RateLimiter:
    """Slots at the interval that the settings say. If a process dies, only the slots that it had reserved are lost.

    Each refused caller is promised a slot and told to come back a little before it. Those who do find a short queue,
    and the slots of those who do not are used by others.
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
        """The state that is shared by the processes of this host or by all hosts, whichever share the rate limit."""
        return self.database if self.database and connection.vendor == "postgresql" else self.host

    def reserve(self, max_wait: float) -> float:
        """Reserve the next slot and return when it starts, on the monotonic clock.

        Raises RateLimited, and reserves nothing, if that is more than `max_wait` seconds away; OSError, DatabaseError
        or InterfaceError if slots cannot be reserved at all.
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
            raise refusal  # not raised above, as then the promise would not be written
        return start

    def _promise(self, values: Values, queue: float) -> RateLimited:
        """The error for a caller who is refused: its `retry_after` names a later moment than the last one did."""
        wait = max(queue, seconds_until(values, "promised_at", MAX_PROMISE) + self.interval)
        wait = min(wait, MAX_PROMISE)
        values["promised_at"] = after(wait)
        # Callers who come back should find half of the longest queue, and half of the long waits taken.
        lead = min(settings.MUSICBRAINZ_MAX_WAIT, MAX_LONG_WAITS * self.interval) / 2
        return too_many(f"are waiting for {self.name}", max(1, math.ceil(wait - lead)))

    def queue_seconds(self) -> float:
        """The seconds until the first free slot; reserves nothing."""
        return seconds_until(self.slots.peek(), "free_at", HORIZON)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """A block in which a request is sent and counted, at a distance from the previous one, which may have been sent
        late.

        The distance is a fiftieth shorter than the interval, so that requests that are slightly late can catch up.
        """
        distance = 0.98 * self.interval
        if distance:
            with self.host.change() as values:
                wait = seconds_until(values, "next_at", MAX_LATE)
                values["next_at"] = after(wait + distance)
            time.sleep(wait)
        yield
        with self.host.change() as values:
            values["sent"] = values.get("sent", 0) + 1
            if distance:
                values["next_at"] = after(max(distance, seconds_until(values, "next_at", MAX_LATE)))
