"""The cached, throttled HTTP session under all upstream modules.

A cache hit never reaches the adapter, so it never waits; a failure is served the old answer where there is one.
https://requests-cache.readthedocs.io/
"""

import email.utils
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession

from .errors import NotFound, RateLimited, Unavailable
from .throttle import Schedule

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer
KEEP_STALE = timedelta(days=180)  # TMDB allows no copy to be older than six months


class UpstreamAdapter(HTTPAdapter):
    """Sends in the slots of `schedule`, and turns everything that is no readable answer into our own errors.

    Of the threads of this process, at most `max_waiting` are in here at a time: the others stay free for requests that
    need no upstream. `urllib3` does not retry here, as its retries would skip the schedule.
    """

    def __init__(
        self,
        service: str,
        *,
        schedule: Schedule | None = None,
        max_wait: float = 0,
        max_waiting: int | None = None,
        is_json: bool = True,
        secret: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pool_maxsize=16, max_retries=0)
        self.service, self.schedule, self.max_wait, self.is_json = service, schedule, max_wait, is_json
        self.secret = secret
        self.places = threading.BoundedSemaphore(max_waiting) if max_waiting else None

    def send(self, request, *args, **kwargs):
        if self.places and not self.places.acquire(blocking=False):
            sentence = f"Too many requests are waiting for {self.service}; try again in a moment."
            raise RateLimited(sentence, retry_after=max(1, math.ceil(self.max_wait / 2)))
        try:
            if self.schedule:
                time.sleep(self.schedule.reserve(self.max_wait))
            return self._send(request, *args, **kwargs)
        finally:
            if self.places:
                self.places.release()

    def _send(self, request, *args, **kwargs) -> requests.Response:
        # `from None`: the messages of requests hold whole addresses, and a TMDB v3 key is part of one.
        sent = request
        if self.secret:  # goes into the query last, so that nothing above this adapter ever sees or logs it
            sent = request.copy()
            sent.prepare_url(request.url, self.secret)
        try:
            response = super().send(sent, *args, **kwargs)
            response.request, response.url = request, request.url
            content = response.content  # read here, so that an answer that breaks off is no answer
        except requests.Timeout:
            raise self.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None
        except requests.ConnectionError as error:
            if "timed out" in str(error):  # while reading: requests has no exception of its own for it
                raise self.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None
            raise self.unavailable("cannot be reached", HTTPStatus.SERVICE_UNAVAILABLE) from None
        except (requests.RequestException, OSError, ValueError):
            raise self.unavailable("broke off its answer") from None
        if self.is_json and response.status_code == HTTPStatus.OK:
            try:
                readable = isinstance(response.json(), dict) and bool(content)
            except (ValueError, RecursionError):
                readable = False
            if not readable:
                raise self.unavailable("gave an answer that cannot be read")
        return response

    def unavailable(self, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Unavailable:
        logger.warning("%s %s", self.service, what)
        return Unavailable(f"{self.service} {what}; try again later.", status=status)


def new_session(base_url: str, adapter: UpstreamAdapter, **kwargs: Any) -> CachedSession:
    """A session whose requests to `base_url` go through `adapter`, with what it fetched in the file of CACHE_DIR.

    Where that file is damaged it is set aside; where it cannot be written, what is fetched is kept in memory.
    """
    options = {
        "serializer": "json",  # the default one, pickle, runs what a tampered file tells it to
        "stale_if_error": KEEP_STALE,
        "allowable_codes": (200, 307, 404),
        "filter_fn": _is_kept,
        **kwargs,
    }
    try:
        file = cache_file()
        session = CachedSession(str(file), backend="sqlite", wal=True, busy_timeout=5000, **options)
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only: CACHE_DIR is no use (%s)", error)
        session = CachedSession(backend="memory", **options)
    session.headers["User-Agent"] = settings.MUSICBRAINZ_USER_AGENT
    session.mount(base_url, adapter)
    return session


def _is_kept(response: requests.Response) -> bool:
    """Whether an answer goes into the cache: that something is missing only counts for a picture."""
    return response.status_code == HTTPStatus.OK or "/front-" in (response.url or "")


def cache_file() -> Path:
    """The HTTP cache, readable for its owner only; a damaged one has been renamed."""
    settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    file.chmod(0o600)
    connection = sqlite3.connect(file, timeout=5)
    try:
        connection.execute("PRAGMA schema_version")
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        aside = file.with_name(f"{file.name}.damaged-{timezone.now():%Y%m%d%H%M%S}")
        logger.warning("The HTTP cache is damaged and was set aside as %s", aside.name)
        file.rename(aside)
        for extra in ("-wal", "-shm"):
            file.with_name(file.name + extra).unlink(missing_ok=True)
        return cache_file()
    finally:
        connection.close()
    return file


def get_json(
    session: Callable[[], CachedSession],
    url: str,
    params: Mapping[str, Any],
    *,
    service: str,
    expire_after: timedelta,
    only_if_cached: bool = False,
) -> dict[str, Any]:
    """The JSON object at `url`, fresh or from the cache.

    Raises NotFound, RateLimited or Unavailable. With `only_if_cached`, NotFound where the cache does not have it.
    """
    try:
        response = session().get(
            url,
            params={name: value for name, value in params.items() if value not in (None, "")},
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
            expire_after=expire_after,
            only_if_cached=only_if_cached,
        )
    except (requests.RequestException, sqlite3.Error) as error:
        logger.warning("%s could not be asked: %s", service, type(error).__name__)
        raise Unavailable(f"{service} cannot be asked right now; try again later.") from None
    if only_if_cached and response.status_code == HTTPStatus.GATEWAY_TIMEOUT:
        raise NotFound("Not in the cache.")
    if response.status_code != HTTPStatus.OK:
        raise_for_status(response, service)
    body: dict[str, Any] = response.json()
    return body


def raise_for_status(response: requests.Response, service: str) -> None:
    """Raise the error of ours that an answer other than 200 means."""
    status = response.status_code
    wait = retry_after(response)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise NotFound(f"{service} knows no such thing.")
    # MusicBrainz answers 503 to those who are too fast, and also when it is busy itself: only its words tell which.
    too_fast = status == HTTPStatus.SERVICE_UNAVAILABLE and "allowable rate limit" in response.text[:500]
    if status == HTTPStatus.TOO_MANY_REQUESTS or too_fast:
        logger.warning("%s says that we ask too often", service)
        raise RateLimited(f"{service} is asked too often; try again in a moment.", retry_after=wait or 1)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        logger.error("%s refuses our key or User-Agent (HTTP %s): see .env", service, status)
        raise Unavailable(f"{service} refuses this server; its operator has to look at the settings.")
    logger.warning("%s answered HTTP %s", service, status)
    passed_on = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
    raise Unavailable(
        f"{service} has trouble answering; try again later.",
        retry_after=wait,
        status=HTTPStatus(status) if status in passed_on else None,
    )


def retry_after(response: requests.Response) -> int | None:
    """The whole seconds, at least 1, that a Retry-After header names as a number or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return max(1, min(int(value[:9]), 24 * 3600))
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        return None
    return max(1, min(math.ceil((moment - timezone.now()).total_seconds()), 24 * 3600))
