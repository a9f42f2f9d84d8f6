"""Front covers of the Cover Art Archive: https://musicbrainz.org/doc/Cover_Art_Archive/API

Asked for is only whether there is one: the archive redirects to the picture, or answers 404.
"""

import contextlib
import re
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote
from uuid import UUID

import requests
from django.conf import settings
from django.utils import timezone
from requests_cache import CachedSession

from . import http, patience
from .cache import new_session
from .errors import IntegrationError, Unavailable
from .state import HostState

SERVICE = "The Cover Art Archive"
ARCHIVE = "https://coverartarchive.org"  # where browsers get pictures, whatever address this server asks
FRONT_AGE = timedelta(days=7)
MAX_CHECKS = 25  # at a time
DEADLINE = 2  # seconds for all covers of one answer
MAX_REMEMBERED = 50_000

Entity = Literal["release", "release-group"]
Cover = tuple[Entity, UUID]


@http.Once
def session() -> CachedSession:
    state = HostState.of("coverart")
    adapter = http.UpstreamAdapter(SERVICE, settings.COVERART_BASE_URL, state=state, connections=MAX_CHECKS)
    return new_session(adapter, _is_kept)


def _is_kept(response: requests.Response) -> bool:
    return response.status_code == HTTPStatus.NOT_FOUND or _leads_to_picture(response)


def _leads_to_picture(response: requests.Response) -> bool:
    """Whether the answer redirects to a server of the archive; its address is read, and never asked."""
    if response.status_code != HTTPStatus.TEMPORARY_REDIRECT:
        return False
    address = http.leads_to(response) or ""
    return http.origin(address) == http.origin(settings.COVERART_BASE_URL) or read_address(address) is not None


@http.Once
def _remembered() -> dict[Cover, tuple[bool, datetime]]:
    """What this process was told, and until when that holds: twenty-five looks into a file are slower than the rest of
    a search."""
    return {}


def front_url(entity: Entity, musicbrainz_id: UUID) -> str:
    """The archive's address of a front cover, 500 pixels wide, whether or not there is one."""
    return f"{ARCHIVE}/{entity}/{musicbrainz_id}/front-500"


def read_address(text: str) -> str | None:
    """The address of a picture at the archive that lasts and that browsers may load; None of anything else."""
    found = re.fullmatch(r"(?:https?://)?((?:\w+\.)*(?:coverartarchive|archive)\.org)(/[\w%.,()/~+-]+)", text, re.ASCII)
    if not found:
        return None
    host, path = found[1].lower().removeprefix("www."), found[2]
    if {".", ".."} & set(unquote(path).split("/")):  # browsers go elsewhere then
        return None
    if host not in {"coverartarchive.org", "archive.org"}:
        # Where the archive's redirects end: the items lie on other nodes tomorrow.
        host, path = "archive.org", re.sub(r"^/\d+/items/", "/download/", path)
    return f"https://{host}{path}"


def _question(entity: Entity, musicbrainz_id: UUID, *, anew: bool = False) -> http.Question:
    url = f"{settings.COVERART_BASE_URL}/{entity}/{musicbrainz_id}/front-500"
    return http.Question(session, SERVICE, url, {}, FRONT_AGE, follow=False, anew=anew)


def _has_front(response: requests.Response) -> bool:
    """Whether the archive has a front cover. Raises Unavailable where it does not say."""
    if _leads_to_picture(response):
        return True
    if response.status_code == HTTPStatus.NOT_FOUND:
        return False
    raise Unavailable(f"{SERVICE} gave an answer that says nothing of a cover; try again later.")


def find_fronts(wanted: Iterable[Cover], *, anew: bool = False) -> dict[UUID, bool]:
    """What the archive says of up to MAX_CHECKS covers, asked in parallel, within DEADLINE seconds; `anew` whatever it
    said before.

    What is not known by then is not in the answer; its question goes on, so that the next answer may have it.
    """
    now = timezone.now()
    remembered = _remembered()
    fronts: dict[UUID, bool] = {}
    flights: dict[Future[requests.Response], Cover] = {}
    with patience.at_most(DEADLINE, turn=0):
        for cover in list(wanted)[:MAX_CHECKS]:
            has, until = remembered.get(cover, (False, now))
            if until > now and not anew:
                fronts[cover[1]] = has
                continue
            question = _question(*cover, anew=anew)
            known = None if anew else http.look_up(question)
            if known is not None and not known.is_expired:
                fronts[cover[1]] = _remember(cover, known)
            else:
                flights[http.take_off(question)] = cover
        for flight in http.landed(session, settings.COVERART_BASE_URL, flights):
            with contextlib.suppress(IntegrationError):
                fronts[flights[flight][1]] = _remember(flights[flight], flight.result())
    return fronts


def _remember(cover: Cover, response: requests.Response) -> bool:
    has = _has_front(response)
    remembered = _remembered()
    if len(remembered) >= MAX_REMEMBERED:
        remembered.clear()
    remembered[cover] = has, getattr(response, "expires", None) or timezone.now() + FRONT_AGE
    return has
