"""How upstreams are asked: from the cache where it can answer, once at a time for the same thing, in the slots of their
rate limit, not while they fail, and only until the caller's deadline.

Reads downward: get() asks the cache and waits for the rest, _send() runs in a thread of its own, _exchange() is one
request over HTTP.
"""

import contextlib
import email.utils
import json
import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import urllib3
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from . import cache, deadline, transport
from .cache import Answer
from .circuit_breaker import MAX_PAUSE, CircuitBreaker
from .coalescing import RequestCoalescer
from .errors import IntegrationError, NotFound, RateLimited, Unavailable, advice
from .rate_limit import RateLimiter

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer
MAX_BYTES = 5_000_000  # of an answer; the largest known is a quarter of a million
MAX_REDIRECTS = 3  # each takes a slot
PREPARATION = 0.1  # seconds before its slot, in which a request is prepared and gets a connection
MAX_TRIES = 5  # of a command that is told to come back later
SUSPECT_WAIT = 0.06  # seconds that web requests wait for an upstream that has just timed out
CROWDED_WAIT = 1  # seconds that web requests wait when most threads of this process do
# Web requests of this process that may wait longer at a time: two threads stay free for those that need no upstream.
MAX_LONG_WAITS = max(1, settings.WEB_THREADS - 2)

coalescer: RequestCoalescer[Answer] = RequestCoalescer()
long_waits = threading.BoundedSemaphore(MAX_LONG_WAITS)


@dataclass(frozen=True)
class Request:
    """What to ask an upstream for; parameters that are None or empty are left out."""

    path: str
    params: Mapping[str, Any]
    max_age: timedelta  # for which the answer is fresh
    force_refresh: bool = False  # whatever the cache has

    @property
    def address(self) -> str:
        """The path and the query, without anything secret: the key of the answer in the cache."""
        query = urlencode({name: value for name, value in self.params.items() if value not in (None, "")})
        return f"{self.path}?{query}" if query else self.path


class Upstream:
    """A service that is asked over HTTP; a subclass says what is special about it."""

    service: str  # in the names of files and settings
    name: str  # in sentences
    max_connections = 10  # of one process at a time; further requests wait for one
    follows_redirects = True

    def __init__(self) -> None:
        self.breaker = CircuitBreaker(self.service, self.name)
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, transport.new_adapter(self.max_connections))

    @property
    def base_url(self) -> str:
        url: str = getattr(settings, f"{self.service.upper()}_BASE_URL")
        return url

    @property
    def identity(self) -> str:
        """What it knows us by, and may refuse: a key or a name."""
        return settings.MUSICBRAINZ_USER_AGENT

    @property
    def limiter(self) -> RateLimiter | None:
        """The rate limit; None without one."""
        return None

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Secret headers and parameters. Raises Unavailable where the settings lack them."""
        return {}, {}

    def is_answer(self, path: str, body: dict[str, Any]) -> bool:
        """Whether the JSON object has what was asked for."""
        raise NotImplementedError

    def get(self, request: Request) -> Answer:
        """The answer: fresh, from the cache or sent for, or a stale one where the upstream fails.

        Raises NotFound, RateLimited or Unavailable.
        """
        cached = self._cached(request)
        if cached and cached.is_fresh:
            return cached
        try:
            return self._fetch(request)
        except IntegrationError as error:
            if cached and not isinstance(error, NotFound):
                return cached
            raise

    def get_many[K](self, wanted: Mapping[K, Request]) -> dict[K, Answer]:
        """The answers that can be had until the caller's deadline, asked for in parallel, or stale ones.

        The others are still fetched, so that they are cached when they are asked for again.
        """
        answers: dict[K, Answer] = {}
        pending: dict[Future[Answer], K] = {}
        for key, request in wanted.items():
            if cached := self._cached(request):
                answers[key] = cached
            if not (cached and cached.is_fresh):
                pending[self.start(request)] = key
        if pending:
            with self._waiting() as (_, seconds):
                done, _ = wait(pending, seconds)
            for future in done:
                with contextlib.suppress(IntegrationError):
                    answers[pending[future]] = future.result()
        return answers

    def _cached(self, request: Request) -> Answer | None:
        if request.force_refresh:
            return None
        answer = cache.get(f"{self.base_url}{request.address}")
        return answer if answer and self.is_answer(request.path, answer.body) else None

    def _fetch(self, request: Request) -> Answer:
        """A fresh answer. Commands try again as often as they are told to; web requests wait until their deadline."""
        if deadline.seconds_left() < math.inf:
            return self._wait(request)
        for _ in range(MAX_TRIES - 1):
            try:
                return self.start(request).result()
            except IntegrationError as error:
                if error.retry_after is None:
                    raise
                time.sleep(error.retry_after)
        return self.start(request).result()

    def _wait(self, request: Request) -> Answer:
        with self._waiting() as (is_long, seconds):
            try:
                return self.start(request).result(seconds)
            except TimeoutError:
                if not is_long:
                    sentence = f"Too many requests are waiting for {self.name}. {advice(5)}"
                    raise RateLimited(sentence, retry_after=5) from None
                raise self._unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT) from None

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[tuple[bool, float]]:
        """Whether the caller may wait for long, and how many seconds; a short wait gets no distant slot either."""
        is_long = long_waits.acquire(blocking=False)
        try:
            with deadline.at_most(math.inf if is_long else CROWDED_WAIT):
                seconds = deadline.seconds_left()
                yield is_long, min(seconds, SUSPECT_WAIT) if self.breaker.is_suspect() else seconds
        finally:
            if is_long:
                long_waits.release()

    def start(self, request: Request) -> Future[Answer]:
        """The answer to come of a request that is sent now, unless the same one is running already."""
        key = f"{self.base_url}{request.address}", request.force_refresh
        return coalescer.start(key, partial(self._send, request))

    def _send(self, request: Request) -> Answer:
        """The answer over HTTP, which is then in the cache; in the thread that the coalescer started."""
        key = url = f"{self.base_url}{request.address}"
        response = self._exchange(url)
        for _ in range(MAX_REDIRECTS):
            if not (self.follows_redirects and response.is_redirect):
                break
            url = redirect_target(url, response) or ""
            response = self._exchange(url)
        body = self.read(request.path, response)
        self.breaker.record_answer()
        if body is None:
            raise NotFound(f"Not found on {self.name}.")
        now = timezone.now()
        answer = Answer(body, now, now + request.max_age)
        cache.store(key, answer)
        return answer

    def read(self, path: str, response: requests.Response) -> dict[str, Any] | None:
        """The JSON object, or None for a 404. Raises Unavailable where it is not what was asked for.

        A 404 in HTML is one of a wrong address or of a proxy: it would make everything vanish.
        """
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict) and response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if isinstance(body, dict) and response.status_code == HTTPStatus.OK and self.is_answer(path, body):
            return body
        raise self._unavailable("sent an answer that cannot be read")

    def _exchange(self, url: str) -> requests.Response:
        """One request in a slot of its own: the whole response, which is no error other than a 404."""
        if origin(url) != origin(self.base_url):
            raise self._unavailable("redirects to another server")
        headers, secret = self.credentials()
        headers = {"Accept": "application/json", "User-Agent": settings.MUSICBRAINZ_USER_AGENT} | headers
        is_probe, send_at = self._reserve_slot()
        sleep_until(send_at - PREPARATION)
        token = transport.before_sending.set(partial(self._before_sending, send_at, is_probe=is_probe))
        begin = time.monotonic()
        try:
            response = self.session.get(
                url, params=secret, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
            )
            # Read here, so that an answer that breaks off, or never ends, is no answer.
            response._content = read_all(response.raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            is_slow = isinstance(error, requests.Timeout) or time.monotonic() - begin >= TIMEOUT[1]
            # `from None`: the messages of requests contain whole addresses, and so the secret.
            raise self._failure(error, is_slow=is_slow) from None
        finally:
            transport.before_sending.reset(token)
        self._check(response)
        return response

    def _reserve_slot(self) -> tuple[bool, float]:
        """Whether this request is the circuit breaker's probe, and the moment for it on the monotonic clock."""
        is_probe = self.breaker.before_request()
        try:
            wait = self.limiter.reserve(deadline.seconds_for_slot()) if self.limiter else 0
        except (RateLimited, OSError, DatabaseError, InterfaceError) as error:
            if is_probe:
                self.breaker.probe_not_sent()
            if isinstance(error, RateLimited):
                raise
            logger.error("%s gets no request, as its slots cannot be reserved: %s", self.name, error)
            raise self._unavailable("cannot be asked", HTTPStatus.SERVICE_UNAVAILABLE) from None
        return is_probe, time.monotonic() + wait

    def _before_sending(self, send_at: float, *, is_probe: bool) -> None:
        """Others may have failed since this request began to wait for a slot or a connection."""
        if not is_probe:
            self.breaker.before_request()
        sleep_until(send_at)
        if limiter := self.limiter:
            time.sleep(limiter.distance())

    def _failure(self, error: Exception, *, is_slow: bool) -> Unavailable:
        self.breaker.record_failure(is_slow=is_slow)
        if is_slow:
            return self._unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT)
        if isinstance(error, requests.ConnectionError):
            return self._unavailable("cannot be reached", HTTPStatus.SERVICE_UNAVAILABLE)
        return self._unavailable("broke off its answer")

    def _check(self, response: requests.Response) -> None:
        """Tell the circuit breaker how it went, and raise the error that a bad status means."""
        status, wait, is_too_fast = response.status_code, retry_after(response), says_too_fast(response)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_too_fast:
            self.breaker.record_failure()
        else:
            self.breaker.record_success(is_accepted=status < HTTPStatus.BAD_REQUEST)
        if wait and status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            self.breaker.pause(wait, is_too_fast=is_too_fast)
        if is_too_fast:
            logger.warning("%s says that we send too many requests", self.name)
            raise RateLimited(f"Too many requests to {self.name}. {advice(wait or 1)}", retry_after=wait or 1)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self.breaker.record_refusal(status, self.identity)
            raise Unavailable(f"{self.name} refuses this server; its operator has to check the settings.")
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            logger.warning("%s answered HTTP %s", self.name, status)
            passed_on = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
            raise Unavailable(
                f"{self.name} has trouble answering. {advice(wait)}",
                retry_after=wait,
                status=HTTPStatus(status) if status in passed_on else None,
            )

    def _unavailable(self, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Unavailable:
        logger.warning("%s %s", self.name, what)
        return Unavailable(f"{self.name} {what}. {advice(None)}", status=status)


def sleep_until(moment: float) -> None:
    if (seconds := moment - time.monotonic()) > 0:
        time.sleep(seconds)


def read_all(raw: Any) -> bytes:
    """The whole body. Raises ValueError when it is too large to be an answer."""
    try:
        content: bytes = raw.read(MAX_BYTES + 1, decode_content=True)
        if len(content) > MAX_BYTES:
            raw.close()
            raise ValueError("too large")
        return content
    finally:
        raw.release_conn()


def origin(url: str) -> tuple[str, str | None, int | None] | None:
    """The scheme, host and port of an address; None where it has none that can be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port


def redirect_target(url: str, response: requests.Response) -> str | None:
    """The address that a redirect of `url` names; None where that cannot be read."""
    try:
        # A header's bytes come as Latin-1, and are UTF-8 by what requests makes of them.
        return urljoin(url, response.headers["Location"].encode("latin-1").decode())
    except (KeyError, ValueError):
        return None


def says_too_fast(response: requests.Response) -> bool:
    """Whether we send too many requests. MusicBrainz answers 503 then, as when it is busy: only its words tell."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return "allowable rate limit" in response.text[:500]
    return response.status_code == HTTPStatus.TOO_MANY_REQUESTS


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
