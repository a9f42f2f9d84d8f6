"""What `manage.py check` and the admin tell operators about upstreams; only `manage.py doctor` sends requests.

Except for MusicBrainz' queue on PostgreSQL, this is what this host knows: each host has its own IP address.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.checks import Warning as CheckWarning
from django.core.checks import register
from django.utils import timezone

from . import coverart, musicbrainz, tmdb
from .admission import Admission
from .errors import IntegrationError
from .http import Upstream

UPSTREAMS = {upstream.service: upstream for upstream in (tmdb.upstream, musicbrainz.upstream, coverart.upstream)}
# A small resource of each upstream.
PROBES = {
    "tmdb": "/configuration",
    "musicbrainz": "/artist/89ad4ac3-39f7-470e-963a-56509c546377",
    "coverart": "/release/76df3287-6cda-33eb-8e9a-044b5e15ffdd/front-500",
}

NO_KEY = "Get a key at https://www.themoviedb.org/settings/api and put it into .env."
NO_CONTACT = f"Such as MUSICBRAINZ_USER_AGENT=WrongOpinions/{settings.VERSION} ( you@example.org ) in .env."
BAD_KEY = "Put a valid one into .env and restart; the first answer of TMDB ends this warning."
BAD_NAME = "Let it name the application, its version and a contact, and restart."


@register
def check_upstreams(app_configs: object, **kwargs: object) -> list[CheckWarning]:
    """System checks of settings that an operator may have forgotten."""
    found = []
    if not settings.TMDB_API_KEY:
        found.append(("TMDB_API_KEY is not set: movies are only found in the catalog.", NO_KEY, "tmdb", "W001"))
    if not re.search(r"@|https?://", settings.MUSICBRAINZ_USER_AGENT):
        what = "MUSICBRAINZ_USER_AGENT names no contact: MusicBrainz may block requests without one."
        found.append((what, NO_CONTACT, "musicbrainz", "W002"))
    if settings.TMDB_API_KEY and (how := tmdb.upstream.admission.last_refusal(tmdb.upstream.identity)):
        found.append((f"TMDB refuses the TMDB_API_KEY of this server ({how}).", BAD_KEY, "tmdb", "W003"))
    if how := musicbrainz.upstream.admission.last_refusal(musicbrainz.upstream.identity):
        what = f"MusicBrainz refuses the MUSICBRAINZ_USER_AGENT of this server ({how})."
        found.append((what, BAD_NAME, "musicbrainz", "W004"))
    return [CheckWarning(what, hint, service, f"integrations.{code}") for what, hint, service, code in found]


def troubles() -> list[str]:
    """What the admin tells its users: settings to check, and which upstreams do not answer."""
    return [f"{warning.msg} {warning.hint}" for warning in check_upstreams(None)] + [
        f"{upstream.name} does not answer; the next request is sent in {wait} seconds."
        for upstream in UPSTREAMS.values()
        if (wait := upstream.admission.cooldown_left())
    ]


@dataclass(frozen=True)
class Queue:
    """The number of requests that wait for a slot, and how long another one would wait."""

    waiting: int
    seconds: float


class UpstreamStatus:
    """How an upstream is doing; `warnings` are those of check_upstreams()."""

    def __init__(self, upstream: Upstream, warnings: list[CheckWarning]) -> None:
        cooldown = upstream.admission.cooldown_left()
        wait = max(cooldown, upstream.admission.pause_left())
        self.service, self.name = upstream.service, upstream.name
        # Settings to look at: no key, a refused one, no contact.
        self.troubles = [f"{warning.msg} {warning.hint}" for warning in warnings if warning.obj == upstream.service]
        self.is_down = bool(cooldown)  # it fails, and gets no requests until `asked_again_at`
        # None: it gets requests at any time.
        self.asked_again_at = timezone.now() + timedelta(seconds=wait) if wait else None
        self.answered_at = upstream.admission.last_answer()  # when this host last got an answer that it could read
        self.queue = _queue(upstream.admission)  # None if requests are sent in parallel
        self.is_well = not self.troubles and self.asked_again_at is None


def upstreams(services: Iterable[str] = tuple(UPSTREAMS)) -> list[UpstreamStatus]:
    """How each of these is doing. Two queries on PostgreSQL, and no file is created."""
    warnings = check_upstreams(None)
    return [UpstreamStatus(UPSTREAMS[service], warnings) for service in services]


def _queue(admission: Admission) -> Queue | None:
    if not admission.interval:
        return None
    seconds = admission.queue_seconds()
    # The slot that has already begun is reserved, but nothing waits for it. Ignore a thousandth of a slot.
    slots = (seconds - admission.slots.latency) / admission.interval
    return Queue(waiting=max(0, math.ceil(slots - 0.001) - 1), seconds=seconds)


def clock_offsets() -> Iterator[tuple[str, float | IntegrationError]]:
    """The name of each upstream, and how many seconds its clock is ahead of ours; or why it could not be asked.

    This sends a request to each.
    """
    for service, path in PROBES.items():
        upstream = UPSTREAMS[service]
        try:
            yield upstream.name, upstream.clock_offset(path)
        except IntegrationError as error:
            yield upstream.name, error
