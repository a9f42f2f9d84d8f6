"""A circuit breaker: a failing upstream costs an occasional time-out instead of one per request."""

import logging
import math
from datetime import UTC, datetime
from http import HTTPStatus

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .errors import Unavailable, advice, too_many
from .state import HostState, Values, after, seconds_until

logger = logging.getLogger(__name__)

MAX_FAILURES = 3  # in a row
MAX_PAUSE = 3600  # seconds that a Retry-After may name


class CircuitBreaker:
    """What the processes of a host know about an upstream's health.

    Open after MAX_FAILURES failures in a row, for UPSTREAM_COOLDOWN seconds; 0 never opens it. Then it is half-open:
    one request is sent as a probe, while others are still refused; its answer closes the circuit. After a single
    time-out, the upstream is suspect for the same time: requests are sent, but web requests hardly wait for them.
    """

    def __init__(self, name: str, state: HostState) -> None:
        self.name, self.state = name, state

    def before_request(self) -> bool:
        """Whether this request is the half-open probe. Raises Unavailable or RateLimited if no request may be sent."""
        with self.state.change() as values:
            pause = math.ceil(seconds_until(values, "paused_until", MAX_PAUSE))
            if pause and values.get("is_too_fast"):
                raise too_many(f"to {self.name}", pause)
            if wait := pause or _cooldown_left(values):
                sentence = f"{self.name} is temporarily unavailable. {advice(wait)}"
                raise Unavailable(sentence, retry_after=wait, status=HTTPStatus.SERVICE_UNAVAILABLE)
            is_probe = values.get("failures", 0) >= MAX_FAILURES and settings.UPSTREAM_COOLDOWN > 0
            if is_probe:
                values["open_until"] = after(settings.UPSTREAM_COOLDOWN)  # for all others
        return is_probe

    def probe_not_sent(self) -> None:
        """Let the next request be the probe."""
        with self.state.change() as values:
            values.pop("open_until", None)

    def record_failure(self, *, is_slow: bool = False) -> None:
        cooldown = settings.UPSTREAM_COOLDOWN
        with self.state.change() as values:
            failures = values["failures"] = min(values.get("failures", 0) + 1, MAX_FAILURES + 1)
            if failures == MAX_FAILURES and cooldown:
                logger.warning("%s fails and gets no requests for %g seconds at a time", self.name, cooldown)
            if failures >= MAX_FAILURES:
                values["open_until"] = after(cooldown)
            if is_slow:
                values["suspect_until"] = after(cooldown)

    def record_success(self, *, is_accepted: bool = False, is_answer: bool = False) -> None:
        """It responded, even if only to say that the request was wrong. `is_accepted`: it accepts our key and
        User-Agent. `is_answer`: the response can be read, or says that there is no such thing; operators see when that
        last happened.
        """
        with self.state.change() as values:
            if is_accepted and values.pop("refused", None):
                logger.warning("%s accepts us again", self.name)
            if values.get("failures", 0) >= MAX_FAILURES:
                logger.warning("%s answers again", self.name)
            for name in ("failures", "open_until", "suspect_until"):
                values.pop(name, None)
            if is_answer:
                values["answered_at"] = int(timezone.now().timestamp())

    def pause(self, wait: int, *, is_too_fast: bool) -> None:
        """Send nothing for some seconds, as a Retry-After says."""
        with self.state.change() as values:
            values["paused_until"] = after(max(seconds_until(values, "paused_until", MAX_PAUSE), min(wait, MAX_PAUSE)))
            values["is_too_fast"] = int(is_too_fast)

    def record_refusal(self, status: int, identity: str) -> None:
        """It refuses our key or User-Agent, which is logged once."""
        if self.last_refusal(identity) is None:
            logger.error("%s refuses our key or User-Agent (HTTP %s): see .env", self.name, status)
            at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
            with self.state.change() as values:
                values["refused"] = {"who": fingerprint(identity), "status": status, "at": at}

    # What operators are shown. These methods create no file.

    def is_suspect(self) -> bool:
        return seconds_until(self.state.peek(), "suspect_until", settings.UPSTREAM_COOLDOWN) > 0

    def pause_left(self) -> int:
        """The seconds for which it gets no requests because it told us to wait; 0 if it did not."""
        return math.ceil(seconds_until(self.state.peek(), "paused_until", MAX_PAUSE))

    def cooldown_left(self) -> int:
        """The seconds for which it gets no requests because it fails; 0 if it gets requests."""
        return _cooldown_left(self.state.peek())

    def last_answer(self) -> datetime | None:
        """When this host last got an answer that can be read."""
        try:
            return datetime.fromtimestamp(self.state.peek()["answered_at"], tz=UTC)
        except (KeyError, ValueError, OverflowError, OSError):  # there was none, or the file is damaged
            return None

    def last_refusal(self, identity: str) -> str | None:
        """How and when it refused this key or User-Agent, unless it has accepted us since."""
        refused = self.state.peek().get("refused")
        if not isinstance(refused, dict) or refused.get("who") != fingerprint(identity):
            return None
        return f"HTTP {refused.get('status')}, {refused.get('at')}"


def _cooldown_left(values: Values) -> int:
    if values.get("failures", 0) < MAX_FAILURES:
        return 0
    return math.ceil(seconds_until(values, "open_until", settings.UPSTREAM_COOLDOWN))


def fingerprint(identity: str) -> str:
    """A value that differs for each key or User-Agent by which an upstream knows us, without containing it."""
    return salted_hmac("integrations.fingerprint", identity, algorithm="sha256").hexdigest()[:16]
