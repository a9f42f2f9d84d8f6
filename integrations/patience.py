"""How long whoever asks is willing to wait: web requests a little, commands as long as it takes."""

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic

from django.conf import settings

ANSWER = 4  # seconds that an upstream has to answer a web request, after the longest wait for a turn
LONGEST_PAUSE = 14  # seconds for a web request's upstreams together, also where nobody queues


@dataclass(frozen=True)
class Patience:
    """Until when a caller waits for a turn (`turn_until`) and for an answer (`until`), on the monotonic clock."""

    turn: float = math.inf  # seconds that `turn_until` was away at first
    turn_until: float = math.inf
    until: float = math.inf

    @property
    def is_endless(self) -> bool:
        return self.until == math.inf

    def seconds_for_turn(self) -> float:
        return max(0, self.turn_until - monotonic())

    def seconds(self) -> float:
        return max(0, self.until - monotonic())


_current: ContextVar[Patience] = ContextVar("patience", default=Patience())  # noqa: B039 - it is frozen
current = _current.get


@contextlib.contextmanager
def at_most(total: float, *, turn: float) -> Iterator[None]:
    """Wait no longer than `turn` seconds for a turn and `total` for all answers in here, nor than was said outside."""
    now, outer = monotonic(), current()
    token = _current.set(
        Patience(min(turn, outer.turn), min(now + turn, outer.turn_until), min(now + total, outer.until))
    )
    try:
        yield
    finally:
        _current.reset(token)


class WebPatience:
    """Middleware: whatever upstreams do, nobody waits for a page much longer than for a turn at MusicBrainz."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        turn = settings.MUSICBRAINZ_MAX_WAIT
        with at_most(max(turn + ANSWER, LONGEST_PAUSE), turn=turn):
            return self.get_response(request)
