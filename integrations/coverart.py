"""Front covers of the Cover Art Archive: https://musicbrainz.org/doc/Cover_Art_Archive/API

Asked for is only whether there is one: the archive redirects to the picture, or answers 404.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from django.conf import settings
from requests_cache import CachedSession

from . import http
from .errors import IntegrationError, Unavailable

SERVICE = "The Cover Art Archive"
ARCHIVE = "https://coverartarchive.org"  # where browsers get pictures, whatever address this server asks
FRONT_AGE = timedelta(days=7)
MAX_CHECKS = 25  # at a time
DEADLINE = 2  # seconds for all covers of one answer

Entity = Literal["release", "release-group"]


@http.Once
def session() -> CachedSession:
    return http.new_session(http.UpstreamAdapter(SERVICE, settings.COVERART_BASE_URL))


@http.Once
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_CHECKS, thread_name_prefix="coverart")


def front_url(entity: Entity, musicbrainz_id: UUID) -> str:
    """The archive's address of a front cover, 500 pixels wide, whether or not there is one."""
    return f"{ARCHIVE}/{entity}/{musicbrainz_id}/front-500"


def has_front(entity: Entity, musicbrainz_id: UUID) -> bool:
    """Whether the archive has a front cover. Raises RateLimited or Unavailable where it does not say."""
    response = http.get(
        session,
        f"{settings.COVERART_BASE_URL}/{entity}/{musicbrainz_id}/front-500",
        service=SERVICE,
        allow_redirects=False,
        expire_after=FRONT_AGE,
    )
    if response.status_code == HTTPStatus.TEMPORARY_REDIRECT:
        return True
    if response.status_code == HTTPStatus.NOT_FOUND:
        return False
    raise Unavailable(f"{SERVICE} gave an answer that says nothing of a cover; try again later.")


def find_fronts(wanted: Iterable[tuple[Entity, UUID]]) -> dict[UUID, bool]:
    """What the archive says of up to MAX_CHECKS covers, asked in parallel, within DEADLINE seconds.

    What is not known by then is not in the answer; its question goes on, so that the next answer may have it.
    """
    futures: dict[Future[bool], UUID] = {}
    for entity, musicbrainz_id in list(wanted)[:MAX_CHECKS]:
        futures[_pool().submit(has_front, entity, musicbrainz_id)] = musicbrainz_id
    done, late = wait(futures, timeout=DEADLINE)
    for future in late:
        future.cancel()  # those that no thread has begun
    return {futures[future]: future.result() for future in done if not isinstance(future.exception(), IntegrationError)}
