"""How the upstreams are doing, for a page that the operator looks at: asks none of them, and waits for nobody.

All but the queue of MusicBrainz on PostgreSQL is what this host knows: each host asks by itself, from its own address.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from . import coverart, musicbrainz, tmdb
from .checks import check_upstreams
from .circuit import last_answer, pause, rest
from .state import HostState
from .throttle import Schedule

SERVICES = {"tmdb": tmdb.SERVICE, "musicbrainz": musicbrainz.SERVICE, "coverart": coverart.SERVICE}
CHECKS = {"tmdb": {"W001", "W003"}, "musicbrainz": {"W002", "W004"}, "coverart": set()}  # of integrations


@dataclass(frozen=True)
class Queue:
    """The requests that have booked a slot and wait for it, and how long one more would wait."""

    waiting: int
    seconds: float


@dataclass(frozen=True)
class Upstream:
    service: str  # as in SERVICES
    name: str
    troubles: list[str]  # settings to look at: no key, a refused one, no contact
    is_down: bool  # it fails, and is left alone until `asked_again_at`
    asked_again_at: datetime | None  # None: it is asked whenever somebody wants something of it
    answered_at: datetime | None  # last, with anything that can be read; None: never, as far as this host knows
    queue: Queue | None  # None where there is none, as requests go out side by side

    @property
    def is_well(self) -> bool:
        return not self.troubles and self.asked_again_at is None


def upstreams(services: Iterable[str] = tuple(SERVICES)) -> list[Upstream]:
    """How each of these is doing. One query on PostgreSQL, and no file is made."""
    warnings = check_upstreams(None)
    now = timezone.now()
    found = []
    for service in services:
        down = rest(service)
        wait = max(down, pause(service))
        found.append(
            Upstream(
                service=service,
                name=SERVICES[service],
                troubles=[
                    f"{warning.msg} {warning.hint}"
                    for warning in warnings
                    if str(warning.id).removeprefix("integrations.") in CHECKS[service]
                ],
                is_down=bool(down),
                asked_again_at=now + timedelta(seconds=wait) if wait else None,
                answered_at=last_answer(service),
                queue=_queue(_schedule(service)),
            )
        )
    return found


def _schedule(service: str) -> Schedule | None:
    if service == "tmdb":
        return tmdb.schedule(HostState.of(service)) if settings.TMDB_API_KEY else None
    return musicbrainz.schedule(HostState.of(service)) if service == "musicbrainz" else None


def _queue(schedule: Schedule | None) -> Queue | None:
    if schedule is None:
        return None
    seconds = schedule.booked()
    # The last slot that has begun is booked, too, but nobody waits for it; a thousandth of a slot is not one more.
    return Queue(waiting=max(0, math.ceil(seconds / schedule.interval - 0.001) - 1), seconds=seconds)
