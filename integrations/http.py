"""How upstreams are asked: through a cache, request coalescing, a rate limit and a circuit breaker, and only until the
caller's deadline.

Read it from top to bottom: get() looks into the cache and waits for an answer, start() gives a request its own thread
if its caller may stop waiting, and _send() and _exchange() send it.
"""

import contextlib
import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import requests
import urllib3
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from django.utils import timezone
from django.utils.http import parse_http_date_safe

from . import cache, deadline, transport
from .admission import MAX_PAUSE, Admission, HostState
from .cache import Answer
from .errors import IntegrationError, NotFound, Unavailable, advice, too_many
from .models import DatabaseState

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer
MAX_BYTES = 5_000_000  # of an answer; the largest known has a quarter of a million
MAX_REDIRECTS = 3  # each takes a slot
PREPARATION = 0.1  # seconds before its slot, in which a request is prepared and gets a connection
MAX_TRIES = 5  # for a command that is told to try again later


@dataclass(frozen=True)
class Request:
    """What to ask an upstream for; parameters that are None or empty are left out."""

    path: str
    params: Mapping[str, Any]
    max_age: timedelta  # how long the answer is fresh
    force_refresh: bool = False  # even if the cache has an answer

    @cached_property
    def address(self) -> str:
        """The path and the query, without anything secret: the key of the answer in the cache."""
        query = urlencode({name: value for name, value in self.params.items() if value not in (None, "")})
        return quote(self.path) + (f"?{query}" if query else "")


class Upstream:
    """A service that is asked over HTTP; subclasses define what differs between services."""

    service: str  # in the names of files and settings
    name: str  # in sentences
    is_limited_across_hosts = False  # if they share a PostgreSQL database
    max_connections = 10  # of one process at the same time; further requests wait for a free one
    follows_redirects = True

    def __init__(self) -> None:
        self.state = HostState(self.service)
        across_hosts = self.is_limited_across_hosts and connection.vendor == "postgresql"
        self.admission = Admission(self.name, self.state, DatabaseState(self.service) if across_hosts else None)
        self.session = transport.new_session(self.max_connections)
        self.running: dict[tuple[str, bool], Future[Answer]] = {}
        self.lock = threading.Lock()

    @property
    def base_url(self) -> str:
        url: str = getattr(settings, f"{self.service.upper()}_BASE_URL")
        return url

    @property
    def identity(self) -> str:
        """The key or User-Agent by which it knows us, and which it may refuse."""
        return settings.MUSICBRAINZ_USER_AGENT

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Secret headers and parameters. Raises Unavailable if the settings lack them."""
        return {}, {}

    def is_answer(self, path: str, body: dict[str, Any]) -> bool:
        """Whether the JSON object has what was asked for."""
        raise NotImplementedError

    def get(self, request: Request) -> Answer:
        """The answer: a fresh one from the cache or the upstream, or a stale one if the upstream fails.

        Web requests wait until their deadline. Raises NotFound, RateLimited or Unavailable.
        """
        cached = self._cached(request)
        if cached and cached.is_fresh:
            return cached
        try:
            if not deadline.is_set():
                return self._fetch_patiently(request)
            with deadline.wait(is_suspect=self.admission.is_suspect()) as (seconds, is_long):
                return self.start(request).result(seconds)
        except TimeoutError:
            late: IntegrationError = too_many(f"are waiting for {self.name}", 5)
            if is_long:
                late = self.unavailable("did not answer in time", HTTPStatus.GATEWAY_TIMEOUT)
        except IntegrationError as error:
            if isinstance(error, NotFound) or not cached:
                raise
        if cached:
            return cached
        raise late

    def get_many[K](self, wanted: Mapping[K, Request]) -> dict[K, Answer]:
        """The answers that arrive before the caller's deadline, asked for in parallel; stale ones for the others, if
        any.

        Late answers are still fetched, so that they are in the cache next time. Without a deadline, requests are sent
        one after the other.
        """
        answers: dict[K, Answer] = {}
        pending: dict[Future[Answer], K] = {}
        for key, request in wanted.items():
            if cached := self._cached(request):
                answers[key] = cached
            if not (cached and cached.is_fresh):
                with contextlib.suppress(IntegrationError):  # without a key nothing can be sent
                    self.credentials()
                    pending[self.start(request)] = key
        if not all(future.done() for future in pending):
            with deadline.wait(is_suspect=self.admission.is_suspect()) as (seconds, _):
                wait(pending, seconds)
        for future, key in pending.items():
            if future.done():
                with contextlib.suppress(IntegrationError):
                    answers[key] = future.result()
        return answers

    def _cached(self, request: Request) -> Answer | None:
        if request.force_refresh:
            return None
        answer = cache.get(f"{self.base_url}{request.address}")
        return answer if answer and self.is_answer(request.path, answer.body) else None

    def _fetch_patiently(self, request: Request) -> Answer:
        """A fresh answer for a command, which tries again when it is told to, up to MAX_TRIES times."""
        for _ in range(MAX_TRIES - 1):
            try:
                return self.start(request).result()
            except IntegrationError as error:
                if error.retry_after is None:
                    raise
                time.sleep(error.retry_after)
        return self.start(request).result()

    def start(self, request: Request) -> Future[Answer]:
        """A future with the answer to the request, which is sent now, unless the same one is already running.

        If the caller has a deadline, a new thread sends it: the caller may stop waiting, and the answer is still
        cached. Other callers send it themselves.
        """
        key = request.address, request.force_refresh
        future: Future[Answer] = Future()
        with self.lock:
            if running := self.running.get(key):
                return running
            if deadline.is_set():
                threading.Thread(target=copy_context().run, args=(self._run, request, future), daemon=True).start()
            self.running[key] = future
        if not deadline.is_set():
            self._run(request, future)
        return future

    def _run(self, request: Request, future: Future[Answer]) -> None:
        result = failure = None
        try:
            result = self._send(request)
        except BaseException as error:  # noqa: BLE001 - all callers that wait get it
            failure = error
            if isinstance(error, IntegrationError):
                self.state.count(error.code)
        if deadline.is_set():
            connections.close_all()  # those of this thread, which ends here
        with self.lock:
            # A caller who tries again then starts a new one. The key is missing if Ctrl-C interrupted start().
            self.running.pop((request.address, request.force_refresh), None)
        if result:
            future.set_result(result)
        else:
            future.set_exception(failure)

    def _send(self, request: Request) -> Answer:
        """The answer over HTTP, which is stored in the cache."""
        key = url = f"{self.base_url}{request.address}"
        response = self._exchange(url)
        for _ in range(MAX_REDIRECTS):
            if not (self.follows_redirects and response.is_redirect):
                break
            url = redirect_target(url, response)
            if origin(url) != origin(self.base_url):
                raise self.unavailable("redirects to another server")
            self.admission.continue_probe()
            response = self._exchange(url)
        body = self.read(request.path, response)
        self.admission.record_success(is_accepted=body is not None, is_answer=True)
        if body is None:
            raise NotFound(f"Not found on {self.name}.")
        now = timezone.now()
        answer = Answer(body, now, now + request.max_age)
        cache.store(key, answer)
        return answer

    def read(self, path: str, response: requests.Response) -> dict[str, Any] | None:
        """The JSON object, or None for a 404. Raises Unavailable if it is not what was asked for.

        A 404 in HTML comes from a wrong address or a proxy, and must not count as "there is no such thing".
        """
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict) and response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if isinstance(body, dict) and response.status_code == HTTPStatus.OK and self.is_answer(path, body):
            return body
        raise self.unavailable("sent an answer that cannot be read")

    def clock_offset(self, path: str) -> float:
        """How many seconds its clock is ahead of ours; 0 if it does not tell. Raises IntegrationError."""
        response = self._exchange(f"{self.base_url}{path}")
        moment = parse_http_date_safe(response.headers.get("Date", ""))
        return moment - timezone.now().timestamp() if moment else 0.0

    def _exchange(self, url: str) -> requests.Response:
        """Send one request in a slot of its own, and return the whole response. Raises an error for bad statuses except
        404."""
        headers, secret = self.credentials()
        headers = {"Accept": "application/json", "User-Agent": settings.MUSICBRAINZ_USER_AGENT} | headers
        try:
            start, is_probe = self.admission.reserve(deadline.seconds_for_slot())
        except (OSError, DatabaseError, InterfaceError) as error:
            logger.error("%s gets no request, as its slots cannot be reserved: %s", self.name, error)
            raise self.unavailable("cannot be asked", HTTPStatus.SERVICE_UNAVAILABLE) from None
        if (early := start - PREPARATION - time.monotonic()) > 0:
            time.sleep(early)
        token = transport.sending.set(partial(self.admission.sending, start, is_probe=is_probe))
        begin = time.monotonic()
        try:
            response = self.session.get(
                url, params=secret, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
            )
            # Read it here, so that an answer that breaks off or never ends counts as a failure.
            response._content = read_all(response.raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            is_slow = isinstance(error, requests.Timeout) or time.monotonic() - begin >= TIMEOUT[1]
            self.admission.record_failure(is_slow=is_slow)
            what, status = "broke off its answer", HTTPStatus.BAD_GATEWAY
            if is_slow:
                what, status = "did not answer in time", HTTPStatus.GATEWAY_TIMEOUT
            elif isinstance(error, requests.ConnectionError):
                what, status = "cannot be reached", HTTPStatus.SERVICE_UNAVAILABLE
            # `from None`: the messages of requests contain whole addresses, including the secret key.
            raise self.unavailable(what, status) from None
        finally:
            transport.sending.reset(token)
        self._check(response)
        return response

    def _check(self, response: requests.Response) -> None:
        """Tell the circuit breaker what a bad status means, and raise the error for it."""
        status = response.status_code
        if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
            return
        wait = retry_after(response)
        # MusicBrainz also answers 503 when it is busy: only the text shows which it is.
        is_too_fast = status == HTTPStatus.TOO_MANY_REQUESTS or (
            status == HTTPStatus.SERVICE_UNAVAILABLE and "allowable rate limit" in response.text[:500]
        )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_too_fast:
            self.admission.record_failure()
        else:
            self.admission.record_success()
        if wait and status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            self.admission.pause(wait, is_too_fast=is_too_fast)
        if is_too_fast:
            logger.warning("%s says that we send too many requests", self.name)
            raise too_many(f"to {self.name}", wait or 1)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self.admission.record_refusal(status, self.identity)
            raise Unavailable(f"{self.name} refuses this server; its operator has to check the settings.")
        logger.warning("%s answered HTTP %s", self.name, status)
        is_passed_on = status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
        raise Unavailable(
            f"{self.name} has trouble answering. {advice(wait)}",
            retry_after=wait,
            status=HTTPStatus(status) if is_passed_on else None,
        )

    def unavailable(self, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Unavailable:
        """An error that says what is wrong with the upstream; it is logged, too."""
        logger.warning("%s %s", self.name, what)
        return Unavailable(f"{self.name} {what}. {advice(None)}", status=status)


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
    """The scheme, host and port of an address; None if they cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port


def redirect_target(url: str, response: requests.Response) -> str:
    """The address to which `url` redirects; empty if it cannot be read."""
    try:
        # The header's bytes are decoded as Latin-1; requests, too, reads them as UTF-8.
        return urljoin(url, response.headers["Location"].encode("latin-1").decode())
    except (KeyError, ValueError):
        return ""


def retry_after(response: requests.Response) -> int | None:
    """The whole seconds, at least 1, that a Retry-After header gives as a number or a date; None if it is 0 or
    missing."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(int(value[:9]), MAX_PAUSE) or None
    if moment := parse_http_date_safe(value):
        return max(1, min(math.ceil(moment - timezone.now().timestamp()), MAX_PAUSE))
    return None
