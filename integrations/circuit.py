"""Leaving a dead upstream alone for a while, so that it costs a time-out now and then and not one per request."""

import logging
import math
import threading
from time import monotonic

logger = logging.getLogger(__name__)

MAX_FAILURES = 3  # in a row


class Circuit:
    """Open after MAX_FAILURES failures in a row, for `cooldown` seconds; 0 never opens it.

    When that time is over one request goes through to try, while others are still turned away.
    """

    def __init__(self, name: str, cooldown: float) -> None:
        self.name, self.cooldown = name, cooldown
        self.lock = threading.Lock()
        self.failures = 0
        self.open_until = 0.0  # on the monotonic clock

    def seconds_to_wait(self) -> int:
        """0 for a caller who may ask, else the whole seconds after which asking again makes sense."""
        with self.lock:
            if not self.cooldown or self.failures < MAX_FAILURES:
                return 0
            now = monotonic()
            if now >= self.open_until:
                self.open_until = now + self.cooldown  # for everybody else
                return 0
            return math.ceil(self.open_until - now)

    def not_asked(self) -> None:
        """Who might ask could not: the next one may."""
        with self.lock:
            self.open_until = 0.0

    def worked(self) -> None:
        """It answered, if only that we asked for the wrong thing."""
        with self.lock:
            if self.failures >= MAX_FAILURES:
                logger.warning("%s answers again", self.name)
            self.failures = 0

    def failed(self) -> None:
        with self.lock:
            self.failures += 1
            if self.failures == MAX_FAILURES and self.cooldown:
                logger.warning("%s is left alone for %g seconds at a time until it answers", self.name, self.cooldown)
            if self.failures >= MAX_FAILURES:
                self.open_until = monotonic() + self.cooldown
