"""Until when a caller waits for upstreams: a web request for some seconds, a command for as long as it takes."""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, HttpResponse

ANSWER_TIME = 4  # seconds that an upstream has to answer a web request, after the longest wait for a slot
REQUEST_TIME = 14  # seconds for all upstreams of a web request together, also where there is no queue


@dataclass(frozen=True)
class Deadline:
    at: float = math.inf  # on the monotonic clock

    @property
    def is_endless(self) -> bool:
        return self.at == math.inf

    def seconds_left(self) -> float:
        return max(0, self.at - monotonic())

    def seconds_for_slot(self) -> float:
        """The longest wait for a slot of a rate limit, which leaves the upstream time to answer."""
        if self.is_endless:
            return math.inf
        left = self.seconds_left()
        return min(settings.MUSICBRAINZ_MAX_WAIT, left - min(ANSWER_TIME, left / 2))


_current: ContextVar[Deadline] = ContextVar("deadline", default=Deadline())  # noqa: B039 - it is frozen
current = _current.get


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Wait at most this long for all answers in here, and no longer than the deadline outside allows."""
    token = _current.set(Deadline(min(monotonic() + seconds, current().at)))
    try:
        yield
    finally:
        _current.reset(token)


class UpstreamDeadlineMiddleware:
    """Gives each web request a deadline for its upstreams, so that no page waits much longer than for a slot."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with at_most(max(settings.MUSICBRAINZ_MAX_WAIT + ANSWER_TIME, REQUEST_TIME)):
            return self.get_response(request)
