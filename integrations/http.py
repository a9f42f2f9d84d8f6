"""How upstreams are asked: politely, once at a time for the same thing, and without anybody waiting for too long.

A cache hit never reaches the adapter, so it never waits; a failure is served the old answer where there is one.
"""

import contextlib
import email.utils
import json
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import urllib3
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession

from . import patience
from .circuit import MAX_PAUSE, Circuit, fingerprint
from .connections import on_sent, watch
from .errors import IntegrationError, NotFound, RateLimited, Unavailable, advice
from .flights import Flights
from .state import HostState
from .throttle import Schedule, delay, sent

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer
WHOLE_ANSWER = 20  # seconds for all pieces, as a dripping answer keeps that time-out from coming
MAX_BYTES = 5_000_000  # of an answer; the largest known is a quarter of a million
SUSPECT_WAIT = 0.06  # seconds that people wait for an upstream that has just let somebody wait in vain
CROWDED_WAIT = 1  # seconds that people wait when most threads of this process do
TRIES = 5  # of a command that is told to come back later


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
    expected. `secret` goes into the query of what is sent to `base_url`; `known_as` is what upstream knows us by. At
    most `connections` are open at a time; None leaves that to the schedule. `urllib3` does not retry here, as its
    retries would skip the schedule.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        state: HostState,
        is_answer: Callable[[str, dict[str, Any]], bool] | None = None,
        secret: Mapping[str, str] | None = None,
        known_as: str = "",
        schedule: Schedule | None = None,
        connections: int | None = None,
    ) -> None:
        super().__init__(pool_maxsize=connections or 10, max_retries=0)
        watch(self)
        self.service, self.base_url, self.is_answer, self.secret = service, base_url, is_answer, secret
        self.schedule, self.known_as = schedule, fingerprint(known_as)
        self.circuit = Circuit(service, state, settings.UPSTREAM_COOLDOWN)
        self.connections = threading.BoundedSemaphore(connections) if connections else None

    def send(self, request, *args, **kwargs):
        if origin(request.url) != origin(self.base_url):  # requests follows redirects anywhere
            raise self.unavailable("redirects to another server")
        with self._connection():
            is_try = self.circuit.enter()
            if self.schedule:
                try:
                    time.sleep(self._reserve(self.schedule))
                except IntegrationError:
                    if is_try:
                        self.circuit.not_asked()
                    raise
                if not is_try:
                    self.circuit.enter()  # others may have failed meanwhile
                time.sleep(delay(self.circuit.state, self.schedule.interval))
            token = on_sent.set(partial(sent, self.circuit.state) if self.schedule else None)
            try:
                return self._send(request, *args, **kwargs)
            finally:
                on_sent.reset(token)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[None]:
        if self.connections is None:
            yield
            return
        asking = patience.current()
        if not self.connections.acquire(timeout=None if asking.is_endless else asking.seconds()):
            raise self.crowded()
        try:
            yield
        finally:
            self.connections.release()

    def close(self):
        super().close()
        if self.schedule:
            self.schedule.close()

    def crowded(self) -> RateLimited:
        return RateLimited(f"Too many requests are waiting for {self.service}. {advice(5)}", retry_after=5)

    def turned_away(self) -> RateLimited:
        """The error for a caller who may not even queue."""
        try:
            return self.schedule.refusal() if self.schedule else self.crowded()
        except (OSError, DatabaseError, InterfaceError):
            return self.crowded()

    def _reserve(self, schedule: Schedule) -> float:
        try:
            return schedule.reserve(patience.current().seconds_for_turn())
        except (OSError, DatabaseError, InterfaceError) as error:
            logger.error("%s is not asked, as its slots cannot be written: %s", self.service, error)
            raise self.unavailable("cannot be asked", HTTPStatus.SERVICE_UNAVAILABLE) from None

    def _send(self, request, *args, **kwargs) -> requests.Response:
        outgoing = request
        if self.secret and request.url.startswith(self.base_url):
            # Last of all, so that nothing above this adapter ever sees, logs or keeps it.
            outgoing = request.copy()
            outgoing.prepare_url(request.url, self.secret)
        # `from None`: the messages of requests hold whole addresses, and so the secret.
        begin = time.monotonic()
        try:
            response = super().send(outgoing, *args, **kwargs | {"stream": True})
            response.request, response.url = request, request.url
            # Read here, so that an answer that breaks off, or never ends, is no answer.
            response._content = self._read(response.raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            is_slow = isinstance(error, requests.Timeout) or time.monotonic() - begin >= TIMEOUT[1]
            self.circuit.failed(is_slow=is_slow)
            if is_slow:
                raise self.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None
            if isinstance(error, requests.ConnectionError):
                raise self.unavailable("cannot be reached", HTTPStatus.SERVICE_UNAVAILABLE) from None
            raise self.unavailable("broke off its answer") from None
        status = response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_too_fast(response):
            self.circuit.failed()
        else:
            self.circuit.worked(is_welcome=status < HTTPStatus.BAD_REQUEST)
        if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE} and (wait := retry_after(response)):
            self.circuit.pause(wait, is_too_fast=is_too_fast(response))
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self.circuit.refused(status, self.known_as)
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            raise_for_status(response, self.service)
        if response.is_redirect and leads_to(response) is None:
            raise self.unavailable("redirects to no address")
        if self.is_answer and status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            try:
                body = json.loads(response.content)
            except (ValueError, RecursionError):
                body = None
            # A 404 in HTML is not theirs, but of a wrong address or of a proxy: it would make everything vanish.
            is_readable = isinstance(body, dict) and (
                status == HTTPStatus.NOT_FOUND or self.is_answer(urlsplit(request.url).path, body)
            )
            if not is_readable:
                raise self.unavailable("gave an answer that cannot be read")
        self.circuit.answered()
        return response

    def _read(self, raw: Any) -> bytes:
        """The whole body. Raises TimeoutError, or ValueError when it is too large to be an answer."""
        begin = time.monotonic()
        pieces, size, is_slow = [], 0, False
        while piece := raw.read1(65536, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            seconds = time.monotonic() - begin
            if size > MAX_BYTES or seconds > WHOLE_ANSWER:
                raw.close()
                raise ValueError("too large") if size > MAX_BYTES else TimeoutError
            if seconds > TIMEOUT[1] and not is_slow:
                is_slow = True
                self.circuit.suspect()
        raw.release_conn()
        return b"".join(pieces)

    def unavailable(self, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Unavailable:
        logger.warning("%s %s", self.service, what)
        return Unavailable(f"{self.service} {what}; try again later.", status=status)


def origin(url: str) -> tuple[str, str | None, int | None] | None:
    """The scheme, host and port of an address; None where it has none that can be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port


def leads_to(response: requests.Response) -> str | None:
    """The address that a redirect names; None where that cannot be read."""
    try:
        # A header's bytes come as Latin-1, and are UTF-8 by what requests makes of them.
        address = urljoin(response.url, response.headers["Location"].encode("latin-1").decode())
    except (KeyError, ValueError):
        return None
    return address if origin(address) else None


# The requests of this process that are on their way.
flights: Flights[requests.Response] = Flights()
# Web requests of this process that may wait for upstreams at a time: two threads stay free for those that need none.
PLACES = max(1, settings.WEB_THREADS - 2)
places = threading.BoundedSemaphore(PLACES)


@dataclass(frozen=True)
class Question:
    """What is asked of an upstream, through the session of its module."""

    session: Once[CachedSession]
    service: str
    url: str
    params: Mapping[str, Any]
    expire_after: timedelta
    follow: bool = True  # redirects
    anew: bool = False  # whatever the cache has

    @property
    def key(self) -> tuple[str, str, bool, float]:
        return self.url, urlencode(sorted(self.params.items())), self.anew, patience.current().turn

    def get(self, session: CachedSession, **how: Any) -> requests.Response:
        return session.get(
            self.url,
            params=self.params,
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
            allow_redirects=self.follow,
            expire_after=self.expire_after,
            **how,
        )


def ask(question: Question) -> requests.Response:
    """The answer, fresh or from the cache, in the time that the caller has: see patience.py.

    An answer that is only too old serves where none comes. Raises RateLimited or Unavailable. Commands come back as
    often as they are told to.
    """
    known = None if question.anew else look_up(question)
    if known is not None and not known.is_expired:
        return known
    try:
        if not patience.current().is_endless:
            return _wait(question)
        for _ in range(TRIES - 1):
            try:
                return take_off(question).result()
            except IntegrationError as error:
                if error.retry_after is None:
                    raise
                time.sleep(error.retry_after)
        return take_off(question).result()
    except IntegrationError:
        if known is not None:
            return known
        raise


def look_up(question: Question) -> Any:
    """What the cache has, which may be too old; None without anything that can be read."""
    try:
        response = question.get(question.session(), only_if_cached=True)
    except (requests.RequestException, sqlite3.Error, ExceptionGroup, ValueError, TypeError, KeyError, AttributeError):
        return None  # the request itself says what is wrong, and mends it
    is_usable = response.status_code >= HTTPStatus.OK and response.status_code != HTTPStatus.GATEWAY_TIMEOUT
    return response if is_usable else None


def take_off(question: Question) -> Future[requests.Response]:
    """The answer to come of a request that is sent now, unless the same is on its way already."""
    return flights.join(question.key, lambda: _fly(question))


def _wait(question: Question) -> requests.Response:
    adapter = adapter_of(question.session, question.url)
    with _place() as has_place:
        if not has_place and adapter.connections is None and not flights.is_flying(question.key):
            raise adapter.turned_away()  # it would book a slot that nobody waits for
        try:
            return take_off(question).result(_seconds(adapter, has_place=has_place))
        except TimeoutError:
            if not has_place:
                raise adapter.crowded() from None
            raise adapter.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None


def landed(session: Once[CachedSession], url: str, expected: Iterable[Future[requests.Response]]) -> Iterable[Future]:
    """Those of the expected answers that come in the time that the caller has."""
    if not (expected := list(expected)):
        return []
    with _place() as has_place:
        return wait(expected, _seconds(adapter_of(session, url), has_place=has_place)).done


@contextlib.contextmanager
def _place() -> Iterator[bool]:
    """Whether the caller is one of those who may wait for long."""
    has_place = patience.current().is_endless or places.acquire(blocking=False)
    try:
        yield has_place
    finally:
        if has_place and not patience.current().is_endless:
            places.release()


def _seconds(adapter: UpstreamAdapter, *, has_place: bool) -> float:
    """How long the caller waits."""
    most = patience.current().seconds()
    if not has_place:
        most = min(most, CROWDED_WAIT)
    return min(most, SUSPECT_WAIT) if adapter.circuit.is_suspect() else most


def adapter_of(session: Once[CachedSession], url: str) -> UpstreamAdapter:
    adapter = session().get_adapter(url)
    assert isinstance(adapter, UpstreamAdapter)  # noqa: S101 - new_session() mounts no other
    return adapter


def _fly(question: Question) -> requests.Response:
    """The answer, in the flight's own thread.

    What the cache cannot read is asked for again; a cache that is damaged is set aside.
    """
    for is_last in (False, True):
        try:
            response = question.get(question.session(), force_refresh=is_last or question.anew)
            if response.status_code >= HTTPStatus.OK:
                return response
        except requests.RequestException as error:
            logger.warning("%s could not be asked: %s", question.service, type(error).__name__)
            break
        except (sqlite3.Error, ExceptionGroup, ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("The HTTP cache cannot be read: %s", type(error).__name__)
            question.session.forget()
    raise Unavailable(f"{question.service} cannot be asked right now; try again later.")


def get_json(
    session: Once[CachedSession],
    url: str,
    params: Mapping[str, Any],
    *,
    service: str,
    expire_after: timedelta,
    anew: bool = False,
) -> tuple[dict[str, Any], datetime]:
    """The JSON object at `url`, fresh or from the cache unless `anew`, and when upstream said so.

    Raises NotFound, RateLimited or Unavailable.
    """
    known = {name: value for name, value in params.items() if value not in (None, "")}
    response = ask(Question(session, service, url, known, expire_after, anew=anew))
    if response.status_code != HTTPStatus.OK:
        raise_for_status(response, service)
    # Not `created_at`: a 304 says it again.
    expires: datetime | None = getattr(response, "expires", None)
    said_at = min(timezone.now(), expires - expire_after) if expires else timezone.now()
    body: dict[str, Any] = response.json()
    return body, said_at


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
        raise RateLimited(f"{service} is asked too often. {advice(wait or 1)}", retry_after=wait or 1)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise Unavailable(f"{service} refuses this server; its operator has to look at the settings.")
    logger.warning("%s answered HTTP %s", service, status)
    passed_on = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
    raise Unavailable(
        f"{service} has trouble answering. {advice(wait)}",
        retry_after=wait,
        status=HTTPStatus(status) if status in passed_on else None,
    )


def retry_after(response: requests.Response) -> int | None:
    """The whole seconds, at least 1, that a Retry-After header names as a number or a date; None for 0 or nothing."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(int(value[:9]), MAX_PAUSE) or None
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        return None
    return max(1, min(math.ceil((moment - timezone.now()).total_seconds()), MAX_PAUSE))
