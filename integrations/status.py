"""How the upstreams are doing, for a page of the operator's: sends no request, and waits for nothing.

All but the queue of MusicBrainz on PostgreSQL is what this host knows: each host has its own address.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.checks import Warning as CheckWarning
from django.utils import timezone

from . import coverart, musicbrainz, tmdb
from .checks import check_upstreams
from .http import Upstream
from .rate_limit import RateLimiter

UPSTREAMS = {upstream.service: upstream for upstream in (tmdb.upstream, musicbrainz.upstream, coverart.upstream)}


@dataclass(frozen=True)
class Queue:
    """The requests that wait for a slot, and how long one more would wait."""

    waiting: int
    seconds: float


@dataclass(frozen=True)
class UpstreamStatus:
    service: str  # as in UPSTREAMS
    name: str
    troubles: list[str]  # settings to look at: no key, a refused one, no contact
    is_down: bool  # it fails, and gets no requests until `asked_again_at`
    asked_again_at: datetime | None  # None: whenever there is a request
    answered_at: datetime | None  # last, with anything that can be read; None: never, as far as this host knows
    queue: Queue | None  # None where there is none, as requests go out side by side

    @property
    def is_well(self) -> bool:
        return not self.troubles and self.asked_again_at is None


def upstreams(services: Iterable[str] = tuple(UPSTREAMS)) -> list[UpstreamStatus]:
    """How each of these is doing. Two queries on PostgreSQL, and no file is created."""
    warnings = check_upstreams(None)
    return [_status(UPSTREAMS[service], warnings) for service in services]


def _status(upstream: Upstream, warnings: list[CheckWarning]) -> UpstreamStatus:
    cooldown = upstream.breaker.cooldown_left()
    wait = max(cooldown, upstream.breaker.pause_left())
    return UpstreamStatus(
        service=upstream.service,
        name=upstream.name,
        troubles=[f"{warning.msg} {warning.hint}" for warning in warnings if warning.obj == upstream.service],
        is_down=bool(cooldown),
        asked_again_at=timezone.now() + timedelta(seconds=wait) if wait else None,
        answered_at=upstream.breaker.last_answer(),
        queue=_queue(upstream.limiter),
    )


def _queue(limiter: RateLimiter) -> Queue | None:
    if not limiter.interval:
        return None
    seconds = limiter.queue_seconds()
    # The last slot that has begun is reserved, but nothing waits for it; a thousandth of a slot is not one more.
    slots = (seconds - limiter.slots.latency) / limiter.interval
    return Queue(waiting=max(0, math.ceil(slots - 0.001) - 1), seconds=seconds)
