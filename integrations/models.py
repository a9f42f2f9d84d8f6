"""The rate limit of an upstream, shared by several hosts through a PostgreSQL database."""

import contextlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic

from django.db import connection, models, transaction
from django.utils import timezone

from .admission import Values


class UpstreamState(models.Model):
    """When an upstream may next be asked, for hosts that share a PostgreSQL database: see DatabaseState."""

    service = models.CharField(max_length=50, unique=True)
    free_at = models.DateTimeField(help_text="When the next slot is free, on the database's clock.")
    booked_at = models.DateTimeField(help_text="When a slot was last booked: tells a clock that was set back.")
    promised_at = models.DateTimeField(
        null=True, help_text="The slot that was last promised to a caller who was turned away."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(service=""), name="upstreamstate_service_present")]

    def __str__(self) -> str:
        return self.service

    def values(self, clock: float, ahead: float) -> Values:
        """Its times on the monotonic clock of this host. If `clock` was set back, the queue keeps its length."""
        ahead += max(0, self.booked_at.timestamp() - clock)
        times = {"free_at": self.free_at, "promised_at": self.promised_at}
        return {name: time.timestamp() - ahead for name, time in times.items() if time}


class DatabaseState:
    """The rate limit of one upstream in a row of the database, as values like those of HostState."""

    latency = 0.05  # seconds until a change is committed, at most; slots begin after that

    def __init__(self, service: str) -> None:
        self.service = service
        self.ahead = (-math.inf, math.inf)  # of this host's clock: lower and upper bound

    @contextlib.contextmanager
    def change(self) -> Iterator[Values]:
        """The values, to read and to change while no other host does. Raises DatabaseError or InterfaceError."""
        now = timezone.now()
        UpstreamState.objects.get_or_create(service=self.service, defaults={"free_at": now, "booked_at": now})
        with transaction.atomic():
            row = UpstreamState.objects.select_for_update().get(service=self.service)
            clock, ahead = self._clock()
            values = row.values(clock, ahead)
            yield values
            row.free_at = datetime.fromtimestamp(values["free_at"] + ahead, tz=UTC)
            promised_at = values.get("promised_at")
            row.promised_at = datetime.fromtimestamp(promised_at + ahead, tz=UTC) if promised_at else None
            row.booked_at = datetime.fromtimestamp(clock, tz=UTC)
            row.save()

    def peek(self) -> Values:
        """The values, to read."""
        row = UpstreamState.objects.filter(service=self.service).first()
        return row.values(*self._clock()) if row else {}

    def _clock(self) -> tuple[float, float]:
        """The database's time, and by how many seconds it is ahead of the monotonic clock of this host.

        The fastest answers tell it most precisely. Otherwise all waits would be too long by the time that an answer
        travels.
        """
        before = monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            clock = float(cursor.fetchone()[0])
        least, most = clock - monotonic(), clock - before
        if max(least, self.ahead[0]) <= min(most, self.ahead[1]):
            least, most = max(least, self.ahead[0]), min(most, self.ahead[1])
        self.ahead = least, most
        return clock, (least + most) / 2
