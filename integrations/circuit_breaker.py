"""A circuit breaker: a failing upstream costs a time-out now and then, and not one per request."""

import logging
import math
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .errors import IntegrationError, RateLimited, Unavailable, advice
from .state import HostState, read_time

logger = logging.getLogger(__name__)

MAX_FAILURES = 3  # in a row
MAX_PAUSE = 3600  # seconds that a Retry-After may name
NOTED_EVERY = 10  # seconds: the time of the last answer is written no more often


class CircuitBreaker:
    """What the processes of a host know about an upstream's health.

    Open after MAX_FAILURES failures in a row, for UPSTREAM_COOLDOWN seconds; 0 never opens it. Then it is half-open:
    one request is sent as a probe, while others are still refused; its answer closes the circuit. After a time-out the
    upstream is suspect for as long: requests are sent, but web requests hardly wait for them.
    """

    def __init__(self, service: str, name: str) -> None:
        self.service, self.name = service, name

    @property
    def state(self) -> HostState:
        return HostState.of(self.service)

    def before_request(self) -> bool:
        """Whether this request is the half-open probe. Raises Unavailable or RateLimited where none may be sent."""
        with self.state.change() as values:
            now = monotonic()
            if (wait := read_time(values, "paused_until", now, MAX_PAUSE) - now) > 0:
                raise self._refusal(math.ceil(wait), is_too_fast=bool(values.get("is_too_fast")))
            if not settings.UPSTREAM_COOLDOWN or _failures(values) < MAX_FAILURES:
                return False
            if (wait := read_time(values, "open_until", now, settings.UPSTREAM_COOLDOWN) - now) > 0:
                raise self._refusal(math.ceil(wait), is_too_fast=False)
            values["open_until"] = now + settings.UPSTREAM_COOLDOWN  # for all others
            return True

    def _refusal(self, wait: int, *, is_too_fast: bool) -> IntegrationError:
        if is_too_fast:
            return RateLimited(f"Too many requests to {self.name}. {advice(wait)}", retry_after=wait)
        sentence = f"{self.name} is temporarily unavailable. {advice(wait)}"
        return Unavailable(sentence, retry_after=wait, status=HTTPStatus.SERVICE_UNAVAILABLE)

    def probe_not_sent(self) -> None:
        """Let the next request be the probe."""
        with self.state.change() as values:
            values.pop("open_until", None)

    def record_failure(self, *, is_slow: bool = False) -> None:
        with self.state.change() as values:
            now = monotonic()
            failures = values["failures"] = min(_failures(values) + 1, MAX_FAILURES + 1)
            if failures == MAX_FAILURES and settings.UPSTREAM_COOLDOWN:
                logger.warning(
                    "%s fails and gets no requests for %g seconds at a time", self.name, settings.UPSTREAM_COOLDOWN
                )
            if failures >= MAX_FAILURES:
                values["open_until"] = now + settings.UPSTREAM_COOLDOWN
            if is_slow:
                values["suspect_until"] = now + settings.UPSTREAM_COOLDOWN

    def record_success(self, *, is_accepted: bool) -> None:
        """It responded, if only that the request was wrong; `is_accepted` if it takes our key and User-Agent."""
        with self.state.change() as values:
            if is_accepted and values.pop("refused", None):
                logger.warning("%s accepts us again", self.name)
            if _failures(values) >= MAX_FAILURES:
                logger.warning("%s answers again", self.name)
            for name in ("failures", "open_until", "suspect_until"):
                values.pop(name, None)

    def record_answer(self) -> None:
        """It gave an answer that can be read: a thing, or that there is none. Operators see when it last did."""
        now = int(timezone.now().timestamp())
        with self.state.change() as values:
            last = values.get("answered_at")
            if type(last) is not int or abs(now - last) >= NOTED_EVERY:
                values["answered_at"] = now

    def pause(self, wait: int, *, is_too_fast: bool) -> None:
        """Send nothing for some seconds, as a Retry-After says."""
        with self.state.change() as values:
            now = monotonic()
            until = now + min(wait, MAX_PAUSE)
            values["paused_until"] = max(read_time(values, "paused_until", now, MAX_PAUSE), until)
            values["is_too_fast"] = is_too_fast

    def record_refusal(self, status: int, identity: str) -> None:
        """It refuses our key or User-Agent, which is logged once."""
        with self.state.change() as values:
            known = values.get("refused")
            if not isinstance(known, dict) or known.get("who") != fingerprint(identity):
                logger.error("%s refuses our key or User-Agent (HTTP %s): see .env", self.name, status)
                at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
                values["refused"] = {"who": fingerprint(identity), "status": status, "at": at}

    # What operators are shown; these create no file.

    def is_suspect(self) -> bool:
        now = monotonic()
        return read_time(self.state.peek(), "suspect_until", now, settings.UPSTREAM_COOLDOWN) > now

    def pause_left(self) -> int:
        """The seconds for which it gets no requests as it told us to wait; 0 where it did not."""
        now = monotonic()
        return math.ceil(read_time(self.state.peek(), "paused_until", now, MAX_PAUSE) - now)

    def cooldown_left(self) -> int:
        """The seconds for which it gets no requests as it fails; 0 where it gets them."""
        values, now = self.state.peek(), monotonic()
        if not settings.UPSTREAM_COOLDOWN or _failures(values) < MAX_FAILURES:
            return 0
        return math.ceil(read_time(values, "open_until", now, settings.UPSTREAM_COOLDOWN) - now)

    def last_answer(self) -> datetime | None:
        """When this host last got an answer that can be read, give or take NOTED_EVERY seconds."""
        at = self.state.peek().get("answered_at")
        try:
            return datetime.fromtimestamp(at, tz=UTC) if type(at) is int else None  # True is one, too
        except (ValueError, OverflowError, OSError):  # the file is damaged
            return None

    def last_refusal(self, identity: str) -> str | None:
        """How and when it refused this key or User-Agent, unless it has accepted us since."""
        refused = self.state.peek().get("refused")
        if not isinstance(refused, dict) or refused.get("who") != fingerprint(identity):
            return None
        return f"HTTP {refused.get('status')}, {refused.get('at')}"


def _failures(values: dict[str, Any]) -> int:
    value = values.get("failures")
    return value if isinstance(value, int) else 0


def fingerprint(identity: str) -> str:
    """Tells the key or the name that an upstream knows us by from another, without containing it."""
    return salted_hmac("integrations.fingerprint", identity, algorithm="sha256").hexdigest()[:16]
