"""Slots in time for requests to an upstream: shared by all processes of a host, or by all hosts of a database."""

import math
import threading
from time import monotonic
from typing import Protocol, TypeGuard

from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .errors import RateLimited
from .state import DAMAGED, HostState, seconds

# Waits beyond this come from no queue of ours but from damage.
HORIZON = 3600  # seconds
TRIES = 10  # of a reservation that others are quicker with


class Schedule(Protocol):
    """Slots some interval apart, first come, first served."""

    interval: float  # seconds

    def close(self) -> None: ...

    def reserve(self, max_wait: float) -> float:
        """Book the next slot and return the seconds until it starts.

        Raises RateLimited, and books nothing, when that is more than `max_wait` seconds away; OSError, DatabaseError or
        InterfaceError where slots cannot be booked at all.
        """

    def booked(self) -> float:
        """The seconds until the first slot that nobody has booked; books nothing."""


def _refusal(name: str, wait: float, max_wait: float) -> RateLimited:
    sentence = f"Too many requests are waiting for {name}; try again in a moment."
    return RateLimited(sentence, retry_after=max(1, math.ceil(wait - max_wait)))


class HostSchedule:
    """The slots of one host. A process that dies loses only those it had booked.

    Where the file is damaged, others may have booked slots that nobody knows: the next one comes after `drain` seconds,
    the longest that web requests wait.
    """

    def __init__(self, state: HostState, interval: float, name: str, *, drain: float = 0) -> None:
        self.state, self.interval, self.name, self.drain = state, interval, name, drain
        self.free_at = 0.0  # as this process knows it, should the file be lost

    def reserve(self, max_wait: float) -> float:
        with self.state.change(must_be_shared=True) as values:
            now = monotonic()
            if values.pop(DAMAGED, False) or not _is_time(values.get("free_at", now), now):
                values["free_at"] = now + self.drain
            start = max(now, values.get("free_at", now), self.free_at)
            if is_booked := start - now <= max_wait:
                values["free_at"] = self.free_at = start + self.interval
        if not is_booked:
            raise _refusal(self.name, start - now, max_wait)
        return start - now

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
    SET free_at = {FREE_AT} + %(interval)s * interval '1 second', booked_at = clock_timestamp()
    WHERE service = %(service)s
    AND {FREE_AT} <= clock_timestamp() + %(max_wait)s * interval '1 second'
    RETURNING extract(epoch FROM free_at) - %(interval)s, extract(epoch FROM clock_timestamp())"""  # noqa: S608 - of constants
QUEUE = f"""SELECT extract(epoch FROM {FREE_AT}), extract(epoch FROM clock_timestamp())
    FROM integrations_upstreamstate WHERE service = %(service)s"""  # noqa: S608 - of constants
CREATE = """INSERT INTO integrations_upstreamstate (service, free_at, booked_at)
    VALUES (%(service)s, clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING"""


class DatabaseSchedule:
    """The slots of all hosts that share a PostgreSQL database, on its clock.

    It has one connection for all threads that ask, so that none of theirs is needed.
    """

    def __init__(self, service: str, interval: float, name: str) -> None:
        self.asked: dict[str, str | float] = {"service": service, "interval": interval, "horizon": HORIZON}
        self.interval, self.name = interval, name
        self.lock = threading.Lock()
        self.own: BaseDatabaseWrapper | None = None
        self.ahead = (-math.inf, math.inf)  # by how much the database's clock is ahead of ours, at least and at most

    def reserve(self, max_wait: float) -> float:
        with self.lock:
            try:
                wait, is_booked = self._reserve(max_wait)
            except (DatabaseError, InterfaceError):  # the server was restarted, perhaps
                self.close()
                wait, is_booked = self._reserve(max_wait)
        if not is_booked:
            raise _refusal(self.name, wait, max_wait)
        return wait

    def _reserve(self, max_wait: float) -> tuple[float, bool]:
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
                elif wait > max_wait:
                    return wait, False
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
