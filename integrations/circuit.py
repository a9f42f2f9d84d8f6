"""Leaving a failing upstream alone for a while, so that it costs a time-out now and then and not one per request."""

import logging
import math
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .errors import IntegrationError, RateLimited, Unavailable, advice
from .state import HostState, seconds

logger = logging.getLogger(__name__)

MAX_FAILURES = 3  # in a row
MAX_PAUSE = 3600  # seconds that a Retry-After may name
NOTED_EVERY = 10  # seconds: a process writes no more often that it got an answer


class Circuit:
    """What the processes of a host know of an upstream's health, in `state`.

    Open after MAX_FAILURES failures in a row, for `cooldown` seconds; 0 never opens it. When that time is over one
    request goes through to try, while others are still turned away. After a first time-out the upstream is under
    suspicion for as long: requests go out, but people do not wait for them.
    """

    def __init__(self, name: str, state: HostState, cooldown: float) -> None:
        self.name, self.state, self.cooldown = name, state, cooldown
        self.noted_at = -math.inf

    def enter(self) -> bool:
        """Whether the caller is the one who tries. Raises Unavailable or RateLimited for those who may not ask."""
        with self.state.change() as values:
            now = monotonic()
            if (wait := seconds(values, "paused_until", now, MAX_PAUSE) - now) > 0:
                raise self._refusal(math.ceil(wait), is_too_fast=bool(values.get("is_too_fast")))
            if not self.cooldown or _failures(values) < MAX_FAILURES:
                return False
            if (wait := seconds(values, "open_until", now, self.cooldown) - now) > 0:
                raise self._refusal(math.ceil(wait), is_too_fast=False)
            values["open_until"] = now + self.cooldown  # for everybody else
            return True

    def _refusal(self, wait: int, *, is_too_fast: bool) -> IntegrationError:
        if is_too_fast:
            return RateLimited(f"{self.name} is asked too often. {advice(wait)}", retry_after=wait)
        sentence = f"{self.name} is out of order. {advice(wait)}"
        return Unavailable(sentence, retry_after=wait, status=HTTPStatus.SERVICE_UNAVAILABLE)

    def not_asked(self) -> None:
        """Who was to try could not: the next one may."""
        with self.state.change() as values:
            values.pop("open_until", None)

    def worked(self, *, is_welcome: bool) -> None:
        """It answered, if only that we asked for the wrong thing; whether it gave us anything, `is_welcome` says."""
        with self.state.change() as values:
            if is_welcome and values.pop("refused", None):
                logger.warning("%s accepts us again", self.name)
            if _failures(values) >= MAX_FAILURES:
                logger.warning("%s answers again", self.name)
            for name in ("failures", "open_until", "suspect_until"):
                values.pop(name, None)

    def answered(self) -> None:
        """It gave an answer that can be read: that it has a thing, or none. The operator is told when it last did."""
        if (now := monotonic()) - self.noted_at < NOTED_EVERY:
            return
        self.noted_at = now
        with self.state.change() as values:
            values["answered_at"] = int(timezone.now().timestamp())

    def failed(self, *, is_slow: bool = False) -> None:
        with self.state.change() as values:
            now = monotonic()
            failures = values["failures"] = min(_failures(values) + 1, MAX_FAILURES + 1)
            if failures == MAX_FAILURES and self.cooldown:
                logger.warning("%s is left alone for %g seconds at a time until it answers", self.name, self.cooldown)
            if failures >= MAX_FAILURES:
                values["open_until"] = now + self.cooldown
            if is_slow:
                values["suspect_until"] = now + self.cooldown

    def suspect(self) -> None:
        """Somebody waited in vain; whether it fails is not known yet."""
        with self.state.change() as values:
            values["suspect_until"] = monotonic() + self.cooldown

    def is_suspect(self) -> bool:
        with self.state.change() as values:
            now = monotonic()
            return seconds(values, "suspect_until", now, self.cooldown) > now

    def pause(self, wait: int, *, is_too_fast: bool) -> None:
        """Do as a Retry-After says: leave it alone for some seconds."""
        with self.state.change() as values:
            now = monotonic()
            values["paused_until"] = max(seconds(values, "paused_until", now, MAX_PAUSE), now + min(wait, MAX_PAUSE))
            values["is_too_fast"] = is_too_fast

    def refused(self, status: int, who: str) -> None:
        """It refuses us, known to it as `who`, which has no secret in it: that is for the operator, once."""
        with self.state.change() as values:
            known = values.get("refused")
            if not isinstance(known, dict) or known.get("who") != who:
                logger.error("%s refuses our key or User-Agent (HTTP %s): see .env", self.name, status)
                values["refused"] = {"who": who, "status": status, "at": f"{timezone.now():%Y-%m-%d %H:%M} UTC"}


def _failures(values: dict) -> int:
    value = values.get("failures")
    return value if isinstance(value, int) else 0


def fingerprint(known_as: str) -> str:
    """Tells the key or the name that an upstream knows us by from another, without saying it."""
    return salted_hmac("integrations.fingerprint", known_as, algorithm="sha256").hexdigest()[:16]


def refusal(service: str, known_as: str) -> str | None:
    """How and when an upstream refused us under this key or name, unless it has accepted us since."""
    refused = HostState.of(service).peek().get("refused")
    if not isinstance(refused, dict) or refused.get("who") != fingerprint(known_as):
        return None
    return f"HTTP {refused.get('status')}, {refused.get('at')}"


def pause(service: str) -> int:
    """The seconds for which an upstream is left alone as it told us to; 0 where it did not."""
    now = monotonic()
    return math.ceil(seconds(HostState.of(service).peek(), "paused_until", now, MAX_PAUSE) - now)


def last_answer(service: str) -> datetime | None:
    """When an upstream last gave this host an answer that can be read, give or take NOTED_EVERY seconds."""
    at = HostState.of(service).peek().get("answered_at")
    try:
        return datetime.fromtimestamp(at, tz=UTC) if type(at) is int else None  # True is one, too
    except (ValueError, OverflowError, OSError):  # the file is damaged
        return None


def rest(service: str) -> int:
    """The seconds for which an upstream is left alone as it fails; 0 where it is asked."""
    values, now = HostState.of(service).peek(), monotonic()
    if not settings.UPSTREAM_COOLDOWN or _failures(values) < MAX_FAILURES:
        return 0
    return math.ceil(seconds(values, "open_until", now, settings.UPSTREAM_COOLDOWN) - now)
