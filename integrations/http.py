"""The cached, throttled HTTP session under all upstream modules.

A cache hit never reaches the adapter, so it never waits; a failure is served the old answer where there is one.
https://requests-cache.readthedocs.io/
"""

import contextlib
import email.utils
import fcntl
import json
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
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils import timezone
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from requests_cache.backends.sqlite import SQLiteDict

from .circuit import Circuit
from .errors import NotFound, RateLimited, Unavailable
from .throttle import Schedule

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer
KEEP_STALE = timedelta(days=180)  # TMDB allows no copy to be older than six months


class Once[T]:
    """A function without arguments that runs once; simultaneous first calls wait for the same result."""

    def __init__(self, make: Callable[[], T]) -> None:
        self.make, self.lock = make, threading.Lock()
        self.made: T | None = None
        self.__doc__ = make.__doc__

    def __call__(self) -> T:
        with self.lock:
            if self.made is None:
                self.made = self.make()
            return self.made

    def forget(self) -> None:
        """Let the next call make it anew."""
        self.made = None


class UpstreamAdapter(HTTPAdapter):
    """Sends in the slots of `schedule`, and turns everything that is no answer into our own errors.

    `is_answer` says of a path and the JSON object that came whether it has what we asked for; without it no JSON is
    expected. `secret` goes into the query of what is sent to `base_url`. Of the threads of this process, at most
    `max_waiting` are in here at a time: the others stay free for requests that need no upstream. `urllib3` does not
    retry here, as its retries would skip the schedule.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        is_answer: Callable[[str, dict[str, Any]], bool] | None = None,
        secret: Mapping[str, str] | None = None,
        schedule: Schedule | None = None,
        max_wait: float = 0,
        max_waiting: int | None = None,
    ) -> None:
        super().__init__(pool_maxsize=32, max_retries=0)
        self.service, self.base_url, self.is_answer, self.secret = service, base_url, is_answer, secret
        self.schedule, self.max_wait = schedule, max_wait
        self.circuit = Circuit(service, settings.UPSTREAM_COOLDOWN)
        self.places = threading.BoundedSemaphore(max_waiting) if max_waiting else None

    def send(self, request, *args, **kwargs):
        if self.places and not self.places.acquire(blocking=False):
            sentence = f"Too many requests are waiting for {self.service}; try again in a moment."
            raise RateLimited(sentence, retry_after=max(1, math.ceil(self.max_wait / 2)))
        try:
            if wait := self.circuit.seconds_to_wait():
                sentence = f"{self.service} is out of order; try again later."
                raise Unavailable(sentence, retry_after=wait, status=HTTPStatus.SERVICE_UNAVAILABLE)
            if self.schedule:
                time.sleep(self._reserve(self.schedule))
            return self._send(request, *args, **kwargs)
        finally:
            if self.places:
                self.places.release()

    def _reserve(self, schedule: Schedule) -> float:
        try:
            return schedule.reserve(self.max_wait)
        except RateLimited:
            self.circuit.not_asked()
            raise
        except OSError as error:
            self.circuit.not_asked()
            logger.error("%s is not asked, as its slots cannot be written: %s", self.service, error)
            raise self.unavailable("cannot be asked", HTTPStatus.SERVICE_UNAVAILABLE) from None

    def _send(self, request, *args, **kwargs) -> requests.Response:
        sent = request
        if self.secret and request.url.startswith(self.base_url):
            # Last of all, so that nothing above this adapter ever sees, logs or keeps it.
            sent = request.copy()
            sent.prepare_url(request.url, self.secret)
        # `from None`: the messages of requests hold whole addresses, and so the secret.
        try:
            response = super().send(sent, *args, **kwargs)
            response.request, response.url = request, request.url
            content = response.content  # read here, so that an answer that breaks off is no answer
        except (requests.RequestException, OSError, ValueError) as error:
            self.circuit.failed()
            # While an answer is read, requests has no exception of its own for a time-out.
            if isinstance(error, requests.Timeout) or "timed out" in str(error):
                raise self.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None
            if isinstance(error, requests.ConnectionError):
                raise self.unavailable("cannot be reached", HTTPStatus.SERVICE_UNAVAILABLE) from None
            raise self.unavailable("broke off its answer") from None
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_too_fast(response):
            self.circuit.failed()
        else:
            self.circuit.worked()
        if response.status_code >= HTTPStatus.BAD_REQUEST and response.status_code != HTTPStatus.NOT_FOUND:
            raise_for_status(response, self.service)
        if self.is_answer and response.status_code == HTTPStatus.OK:
            try:
                body = json.loads(content)
                readable = isinstance(body, dict) and self.is_answer(urlsplit(request.url).path, body)
            except (ValueError, RecursionError):
                readable = False
            if not readable:
                raise self.unavailable("gave an answer that cannot be read")
        return response

    def unavailable(self, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Unavailable:
        logger.warning("%s %s", self.service, what)
        return Unavailable(f"{self.service} {what}; try again later.", status=status)


class Table(SQLiteDict):
    """Ends the transaction in which a write failed: its parent leaves it open, and then waits for it for ever."""

    @contextlib.contextmanager
    def _acquire_sqlite_lock(self):
        try:
            with super()._acquire_sqlite_lock():
                yield
        except BaseException:
            if (connection := self._connection) and connection.in_transaction:
                connection.rollback()
            raise


def new_session(adapter: UpstreamAdapter) -> CachedSession:
    """A session whose requests all go through `adapter`, redirects too, and that keeps answers in CACHE_DIR.

    Where that folder is no use, answers are kept in memory.
    """
    options: dict[str, Any] = {
        "serializer": "json",  # the default one, pickle, runs what a tampered file tells it to
        "stale_if_error": KEEP_STALE,
        "allowable_codes": (200, 307, 404),
        "filter_fn": _is_kept,
    }
    if file := cache_file():
        session = CachedSession(str(file), backend="sqlite", wal=True, busy_timeout=5000, **options)
        session.cache.responses.__class__ = session.cache.redirects.__class__ = Table
    else:
        session = CachedSession(backend="memory", **options)
    session.headers["User-Agent"] = settings.MUSICBRAINZ_USER_AGENT
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def _is_kept(response: requests.Response) -> bool:
    """Whether an answer goes into the cache: of a cover, that there is one or none, of all else, what it is."""
    if "/front-" in (response.url or ""):
        return response.status_code in {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.NOT_FOUND}
    return response.status_code == HTTPStatus.OK


def cache_file() -> Path | None:
    """The HTTP cache, readable for its owner only, or None where CACHE_DIR is no use; a damaged one is set aside."""
    file: Path = settings.CACHE_DIR / "http_cache.sqlite"
    try:
        settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.with_suffix(".lock").touch(mode=0o600)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time looks and repairs
            with contextlib.suppress(FileExistsError):
                # Only a new file is opened here: closing one that SQLite has open would drop SQLite's own locks.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            if _is_damaged(file):
                aside = file.with_name(f"{file.name}.damaged-{timezone.now():%Y%m%d%H%M%S}")
                logger.warning("The HTTP cache is damaged and was set aside as %s", aside.name)
                file.rename(aside)
                for extra in ("-wal", "-shm"):
                    file.with_name(file.name + extra).unlink(missing_ok=True)
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except (OSError, sqlite3.OperationalError) as error:
        logger.warning("Answers of upstreams are kept in memory only, as CACHE_DIR is no use: %s", error)
        return None
    return file


def _is_damaged(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=5)) as connection:
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return True


def get(session: Once[CachedSession], url: str, *, service: str, **kwargs: Any) -> requests.Response:
    """The answer at `url`, fresh or from the cache. Raises RateLimited or Unavailable.

    What the cache cannot read is asked for again; a cache that is damaged is set aside.
    """
    for is_last in (False, True):
        try:
            response = session().get(url, timeout=TIMEOUT, force_refresh=is_last, **kwargs)
            if response.status_code >= HTTPStatus.OK:
                return response
        except requests.RequestException as error:
            logger.warning("%s could not be asked: %s", service, type(error).__name__)
            break
        except (sqlite3.Error, ExceptionGroup, ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("The HTTP cache cannot be read: %s", type(error).__name__)
            session.forget()
    raise Unavailable(f"{service} cannot be asked right now; try again later.")


def get_json(
    session: Once[CachedSession], url: str, params: Mapping[str, Any], *, service: str, expire_after: timedelta
) -> dict[str, Any]:
    """The JSON object at `url`, fresh or from the cache. Raises NotFound, RateLimited or Unavailable."""
    known = {name: value for name, value in params.items() if value not in (None, "")}
    headers = {"Accept": "application/json"}
    response = get(session, url, service=service, params=known, headers=headers, expire_after=expire_after)
    if response.status_code != HTTPStatus.OK:
        raise_for_status(response, service)
    body: dict[str, Any] = response.json()
    return body


def is_too_fast(response: requests.Response) -> bool:
    """Whether we ask too often. MusicBrainz then answers 503, as when it is busy itself: only its words tell."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return "allowable rate limit" in response.text[:500]
    return response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def raise_for_status(response: requests.Response, service: str) -> None:
    """Raise the error of ours that an answer other than 200 means."""
    status = response.status_code
    wait = retry_after(response)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise NotFound(f"{service} knows no such thing.")
    if is_too_fast(response):
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
