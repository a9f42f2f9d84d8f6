"""Slots in time for requests to an upstream: shared by all processes of a host, or by all hosts of a database."""

import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol, TypeGuard

from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .errors import RateLimited, advice
from .state import DAMAGED, HostState, seconds

# Waits beyond this come from no queue of ours but from damage.
HORIZON = 3600  # seconds
MAX_PROMISE = 300  # seconds until callers who are turned away are told to come back, however many they are
TRIES = 10  # of a reservation that others are quicker with


class Schedule(Protocol):
    """Slots some interval apart, first come, first served."""

    interval: float  # seconds

    def close(self) -> None: ...

    def reserve(self, max_wait: float) -> float:
        """Book the next slot and return the seconds until it starts.

        Raises what refusal() makes, and books nothing, when that is more than `max_wait` seconds away; OSError,
        DatabaseError or InterfaceError where slots cannot be booked at all.
        """

    def refusal(self) -> RateLimited:
        """The error for a caller who is turned away: its `retry_after` names a later moment than the last one did.

        Callers who come back as told find a short queue: each is promised a slot of their own and told to be there
        `lead` seconds before it, so that the slots of those who stay away are used. Nothing is booked. Where the queue
        runs empty, nobody keeps to promises, and they are forgotten.
        """

    def booked(self) -> float:
        """The seconds until the first slot that nobody has booked; books nothing."""


def _refusal(name: str, wait: float) -> RateLimited:
    retry_after = max(1, math.ceil(wait))
    return RateLimited(f"Too many requests are waiting for {name}. {advice(retry_after)}", retry_after=retry_after)


class HostSchedule:
    """The slots of one host. A process that dies loses only those it had booked.

    Where the file is damaged, others may have booked slots that nobody knows: the next one comes after `drain` seconds,
    the longest that web requests wait.
    """

    def __init__(self, state: HostState, interval: float, name: str, *, drain: float = 0, lead: float = 0) -> None:
        self.state, self.interval, self.name, self.drain, self.lead = state, interval, name, drain, lead
        self.free_at = 0.0  # as this process knows it, should the file be lost

    def reserve(self, max_wait: float) -> float:
        with self.state.change(must_be_shared=True) as values:
            now = monotonic()
            if values.pop(DAMAGED, False) or not _is_time(values.get("free_at", now), now):
                values["free_at"] = now + self.drain
            start = max(now, values.get("free_at", now), self.free_at)
            refusal = self._promise(values, start, now) if start - now > max_wait else None
            if refusal is None:
                if start == now:
                    values.pop("promised_at", None)
                values["free_at"] = self.free_at = start + self.interval
        if refusal:
            raise refusal  # not above, where it would keep the promise from being written
        return start - now

    def refusal(self) -> RateLimited:
        with self.state.change(must_be_shared=True) as values:
            now = monotonic()
            return self._promise(values, seconds(values, "free_at", now, HORIZON), now)

    def _promise(self, values: dict[str, Any], start: float, now: float) -> RateLimited:
        after = seconds(values, "promised_at", now, MAX_PROMISE) + self.interval
        slot = values["promised_at"] = min(max(start, after), now + MAX_PROMISE)
        return _refusal(self.name, slot - now - self.lead)

    def booked(self) -> float:
        now = monotonic()
        return seconds(self.state.peek(), "free_at", now, HORIZON) - now

    def close(self) -> None:
        """Nothing stays open."""


def delay(state: HostState, interval: float) -> float:
    """The seconds to wait after one's slot has come, as the one before may have overslept, or connected slowly.

    Whoever asks sends then, and says so with sent(). A fiftieth of the interval is left for those who are only a little
    late, so that nobody falls behind for their sake.
    """
    with state.change() as values:
        now = monotonic()
        sent_at = values.get("sent_at")
        after = sent_at + 0.98 * interval if _is_time(sent_at, now) else now
        start = min(max(now, after), now + interval)
        values["sent_at"] = start
        return start - now


def sent(state: HostState) -> None:
    """Say that a request has really gone out."""
    with state.change() as values:
        values["sent_at"] = monotonic()


def _is_time(value: object, now: float) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value <= now + HORIZON


# When the next slot is free. Where the clock was set back, the queue is as long as it was.
FREE_AT = """CASE
    WHEN clock_timestamp() < booked_at THEN clock_timestamp() + (free_at - booked_at)
    WHEN free_at > clock_timestamp() + %(horizon)s * interval '1 second' THEN clock_timestamp()
    ELSE greatest(free_at, clock_timestamp()) END"""
RESERVE = f"""UPDATE integrations_upstreamstate
    SET free_at = {FREE_AT} + %(interval)s * interval '1 second', booked_at = clock_timestamp(),
        promised_at = CASE WHEN {FREE_AT} > clock_timestamp() THEN promised_at END
    WHERE service = %(service)s
    AND {FREE_AT} <= clock_timestamp() + %(max_wait)s * interval '1 second'
    RETURNING extract(epoch FROM free_at) - %(interval)s, extract(epoch FROM clock_timestamp())"""  # noqa: S608 - of constants
QUEUE = f"""SELECT extract(epoch FROM {FREE_AT}), extract(epoch FROM clock_timestamp())
    FROM integrations_upstreamstate WHERE service = %(service)s"""  # noqa: S608 - of constants
# A promise beyond reason is from before the clock was set back.
PROMISE = f"""UPDATE integrations_upstreamstate
    SET promised_at = least(clock_timestamp() + %(max_promise)s * interval '1 second', greatest({FREE_AT},
        %(interval)s * interval '1 second' + CASE
            WHEN promised_at <= clock_timestamp() + %(max_promise)s * interval '1 second' THEN promised_at END))
    WHERE service = %(service)s
    RETURNING extract(epoch FROM promised_at), extract(epoch FROM clock_timestamp())"""  # noqa: S608 - of constants
CREATE = """INSERT INTO integrations_upstreamstate (service, free_at, booked_at)
    VALUES (%(service)s, clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING"""


class DatabaseSchedule:
    """The slots of all hosts that share a PostgreSQL database, on its clock.

    It has one connection for all threads that ask, so that none of theirs is needed.
    """

    def __init__(self, service: str, interval: float, name: str, *, lead: float = 0) -> None:
        self.asked: dict[str, str | float] = {
            "service": service,
            "interval": interval,
            "horizon": HORIZON,
            "max_promise": MAX_PROMISE,
        }
        self.interval, self.name, self.lead = interval, name, lead
        self.lock = threading.Lock()
        self.own: BaseDatabaseWrapper | None = None
        self.ahead = (-math.inf, math.inf)  # by how much the database's clock is ahead of ours, at least and at most

    def reserve(self, max_wait: float) -> float:
        wait, is_booked = self._try_twice(lambda: self._reserve(max_wait))
        if not is_booked:
            raise _refusal(self.name, wait - self.lead)
        return wait

    def refusal(self) -> RateLimited:
        wait, _ = self._try_twice(lambda: self._reserve(-1))
        return _refusal(self.name, wait - self.lead)

    def _try_twice[T](self, act: Callable[[], T]) -> T:
        with self.lock:
            try:
                return act()
            except (DatabaseError, InterfaceError):  # the server was restarted, perhaps
                self.close()
                return act()

    def _reserve(self, max_wait: float) -> tuple[float, bool]:
        """The seconds until the slot that is booked, and True; or until one that is only promised, and False."""
        if self.own is None:
            self.own = connection.copy()
            self.own.inc_thread_sharing()
        asked = self.asked | {"max_wait": min(max_wait, HORIZON)}
        with self.own.cursor() as cursor:
            for _ in range(TRIES):
                if (wait := self._ask(cursor, RESERVE, asked)) is not None:
                    return wait, True
                wait = self._ask(cursor, QUEUE, asked)
                if wait is None:
                    cursor.execute(CREATE, asked)
                elif wait > max_wait and (promised := self._ask(cursor, PROMISE, asked)) is not None:
                    return promised, False
        raise DatabaseError("no slot can be booked")

    def booked(self) -> float:
        with connection.cursor() as cursor:  # the caller's, as nobody waits here
            cursor.execute(QUEUE, self.asked)
            row = cursor.fetchone()
        return max(0.0, float(row[0] - row[1])) if row else 0.0

    def _ask(self, cursor, query: str, asked: dict[str, str | float]) -> float | None:
        """The seconds until the slot that the query is about; None where there is no row for it."""
        before = monotonic()
        cursor.execute(query, asked)
        if (row := cursor.fetchone()) is None:
            return None
        slot, now = map(float, row)
        return max(0, slot - self._ahead(now, before) - monotonic())

    def _ahead(self, now: float, before: float) -> float:
        """What to take from the database's time to get ours. The quickest answers tell it best: without it each wait
        would be as much too long as its answer was on its way."""
        least, most = now - monotonic(), now - before
        if max(least, self.ahead[0]) <= min(most, self.ahead[1]):
            least, most = max(least, self.ahead[0]), min(most, self.ahead[1])
        self.ahead = least, most
        return (least + most) / 2

    def close(self) -> None:
        if self.own is not None:
            self.own.close()
            self.own = None
