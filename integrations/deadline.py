"""How long a caller waits for upstreams: a web request some seconds, a command as long as it takes."""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, HttpResponse

ANSWER_TIME = 4  # seconds that an upstream has to answer a web request, after the longest wait for a slot
REQUEST_TIME = 14  # seconds for all upstreams of a web request together, even those without a queue

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)  # on the monotonic clock
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
def wait() -> Iterator[None]:
    """A block in which the caller waits for upstreams."""
    began = monotonic()
    try:
        yield
    finally:
        _waits.get([]).append(monotonic() - began)


class UpstreamDeadlineMiddleware:
    """Gives each web request a deadline for its upstreams."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with at_most(max(settings.MUSICBRAINZ_MAX_WAIT + ANSWER_TIME, REQUEST_TIME)):
            return self.get_response(request)
