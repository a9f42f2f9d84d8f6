"""The rate limit of an upstream: slots in time, first come, first served, shared by processes or by hosts."""

import math
from time import monotonic
from typing import TYPE_CHECKING

from .errors import RateLimited, advice
from .state import DAMAGED, HostState, Values, read_time

if TYPE_CHECKING:
    from .database_state import DatabaseState

# A longer wait comes from no queue of ours but from damage.
HORIZON = 3600  # seconds
MAX_PROMISE = 300  # seconds until refused callers are told to come back, however many they are


class RateLimiter:
    """Slots `interval` seconds apart. A process that dies loses only those it had reserved.

    Where the shared state is damaged, others may have reserved slots that are forgotten: the next one comes after
    `drain` seconds, the longest that web requests wait. Refused callers are promised a slot each and told to come back
    `lead` seconds before it: they then find a short queue, and the slots of those who stay away are used.
    """

    def __init__(
        self,
        host: HostState,
        interval: float,
        name: str,
        *,
        shared: "DatabaseState | None" = None,
        drain: float = 0,
        lead: float = 0,
    ) -> None:
        self.host, self.interval, self.name, self.drain, self.lead = host, interval, name, drain, lead
        self.shared: HostState | DatabaseState = shared or host

    def reserve(self, max_wait: float) -> float:
        """Reserve the next slot and return the seconds until it starts.

        Raises RateLimited, and reserves nothing, when that is more than `max_wait` seconds away; OSError, DatabaseError
        or InterfaceError where slots cannot be reserved at all.
        """
        with self.shared.change(must_be_shared=True) as values:
            now = monotonic()
            free_at = read_time(values, "free_at", now, HORIZON)
            if values.pop(DAMAGED, False):
                free_at = values["free_at"] = max(free_at, now + self.drain)
            refusal = self._promise(values, free_at, now) if free_at - now > max_wait else None
            if refusal is None:
                if free_at == now:  # the queue has run empty: promises are forgotten
                    values.pop("promised_at", None)
                start = max(free_at, now + self.shared.latency)
                values["free_at"] = start + self.interval
        if refusal:
            raise refusal  # not above, where it would keep the promise from being written
        return max(0, start - monotonic())

    def _promise(self, values: Values, start: float, now: float) -> RateLimited:
        """The error for a caller who is refused: its `retry_after` names a later moment than the last one did."""
        after = read_time(values, "promised_at", now, MAX_PROMISE) + self.interval
        slot = values["promised_at"] = min(max(start, after), now + MAX_PROMISE)
        retry_after = max(1, math.ceil(slot - now - self.lead))
        sentence = f"Too many requests are waiting for {self.name}. {advice(retry_after)}"
        return RateLimited(sentence, retry_after=retry_after)

    def queue_seconds(self) -> float:
        """The seconds until the first free slot; reserves nothing."""
        now = monotonic()
        return read_time(self.shared.peek(), "free_at", now, HORIZON) - now

    def distance(self) -> float:
        """The seconds to wait right before sending, as the request before may have overslept, or connected slowly.

        A fiftieth of the interval is left for those that are only a little late, so that nothing falls behind.
        """
        with self.host.change() as values:
            now = monotonic()
            start = read_time(values, "next_at", now, self.interval)
            values["next_at"] = start + 0.98 * self.interval
            return start - now
