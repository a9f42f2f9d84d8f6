"""How long a caller waits for upstreams: a web request some seconds, a command as long as it takes."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, HttpResponse

ANSWER_TIME = 4  # seconds that an upstream has to answer a web request, after the longest wait for a slot
REQUEST_TIME = 14  # seconds for all upstreams of a web request together, even those without a queue
SUSPECT_WAIT = 0.06  # seconds that web requests wait for an upstream that has just timed out
CROWDED_WAIT = 1  # seconds that web requests wait when most threads of this process do
# How many web requests of a process may wait long at the same time: two threads stay free for other requests.
MAX_LONG_WAITS = max(1, settings.WEB_THREADS - 2)

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)  # on the monotonic clock
long_waits = threading.BoundedSemaphore(MAX_LONG_WAITS)
_waits: ContextVar[list[float]] = ContextVar("waits")  # seconds that this caller waited for upstreams


def is_set() -> bool:
    """Whether this caller has one, as web requests do."""
    return _deadline.get() < math.inf


def seconds_left() -> float:
    """The seconds until the deadline of this caller; infinite without one."""
    return max(0, _deadline.get() - monotonic())


def seconds_for_slot() -> float:
    """The longest wait for a slot of a rate limit, which leaves the upstream time to answer."""
    if not is_set():
        return math.inf
    left = seconds_left()
    return min(settings.MUSICBRAINZ_MAX_WAIT, left - min(ANSWER_TIME, left / 2))


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """In this block, wait at most this long for all answers, and no longer than the outer deadline allows."""
    token = _deadline.set(min(monotonic() + seconds, _deadline.get()))
    try:
        yield
    finally:
        _deadline.reset(token)


def record_waits() -> list[float]:
    """A list to which each later wait() of this caller appends its seconds."""
    waits: list[float] = []
    _waits.set(waits)
    return waits


@contextlib.contextmanager
def wait(*, is_suspect: bool) -> Iterator[tuple[float, bool]]:
    """A block in which the caller waits for an upstream: for how many seconds, and whether it may wait for long.

    A caller who may not gets no distant slot either. For a suspect upstream, only the wait is short.
    """
    began = monotonic()
    is_long = long_waits.acquire(blocking=False)
    try:
        with at_most(math.inf if is_long else CROWDED_WAIT):
            yield min(seconds_left(), SUSPECT_WAIT if is_suspect else threading.TIMEOUT_MAX), is_long
    finally:
        if is_long:
            long_waits.release()
        _waits.get([]).append(monotonic() - began)


class UpstreamDeadlineMiddleware:
    """Gives each web request a deadline for its upstreams."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with at_most(max(settings.MUSICBRAINZ_MAX_WAIT + ANSWER_TIME, REQUEST_TIME)):
            return self.get_response(request)
