"""Whether and when a request may be sent to an upstream: a circuit breaker and a rate limit, which processes share.

Slots of the rate limit are first come, first served. The circuit breaker makes a failing upstream cost an occasional
time-out instead of one per request.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import logging
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .deadline import MAX_LONG_WAITS
from .errors import RateLimited, Unavailable, advice, too_many

if TYPE_CHECKING:
    from .models import DatabaseState

logger = logging.getLogger(__name__)

MAX_FAILURES = 3  # in a row
MAX_PAUSE = 3600  # seconds that a Retry-After may name
MAX_PROMISE = 300  # seconds after which refused callers are told to come back, at most
# Our queues are never this long: a longer wait means that the state is damaged.
HORIZON = 3600  # seconds
MAX_LATE = 60  # seconds that requests which were late together may need to catch up
LASTING = {"refused", "answered_at"}
NO_NUMBERS = {"boot", "refused"}
DECODER = json.JSONDecoder()
SIZE = 4000  # bytes; a state has some two hundred

Values = dict[str, Any]


class Admission:
    """The slots of an upstream, and what the processes of a host know about its health.

    Slots are at the interval that the settings say. If a process dies, only the slots that it had reserved are lost.
    Each refused caller is promised a slot and told to come back a little before it. Those who do find a short queue,
    and the slots of those who do not are used by others.

    The circuit breaker is open after MAX_FAILURES failures in a row, for UPSTREAM_COOLDOWN seconds; 0 never opens it.
    Then it is half-open: one request is sent as a probe, while others are still refused; its answer closes the circuit.
    After a single time-out, the upstream is suspect for the same time: requests are sent, but web requests hardly wait
    for them.
    """

    def __init__(self, name: str, host: "HostState", slots: "DatabaseState | None" = None) -> None:
        """`slots` has those of all hosts, if these share the rate limit."""
        self.name, self.host = name, host
        self.slots = slots or host

    @property
    def interval(self) -> float:
        """The seconds between two slots; 0 without a rate limit."""
        interval: float = getattr(settings, f"{self.host.service.upper()}_INTERVAL", 0)
        return interval

    def reserve(self, max_wait: float) -> tuple[float, bool]:
        """Reserve the next slot: when it starts, on the monotonic clock, and whether it is for the half-open probe.

        Raises Unavailable or RateLimited, and reserves nothing, if no request may be sent, or the slot is more than
        `max_wait` seconds away; OSError, DatabaseError or InterfaceError if slots cannot be reserved at all.
        """
        start, refusal = 0.0, None
        is_here = self.slots is self.host
        with self.host.change(must_be_shared=is_here and self.interval > 0) as values:
            self._refuse(values)
            if self.interval:
                with contextlib.nullcontext(values) if is_here else self.slots.change() as slots:
                    start, refusal = self._book(slots, max_wait)
            is_probe = not refusal and self._claim_probe(values)
        if refusal:
            raise refusal  # not raised above, as then the promise would not be written
        return start, is_probe

    def _refuse(self, values: Values) -> None:
        """Raise Unavailable or RateLimited if no request may be sent."""
        pause = math.ceil(seconds_until(values, "paused_until", MAX_PAUSE))
        if pause and values.get("is_too_fast"):
            raise too_many(f"to {self.name}", pause)
        if wait := pause or math.ceil(seconds_until(values, "open_until", settings.UPSTREAM_COOLDOWN)):
            sentence = f"{self.name} is temporarily unavailable. {advice(wait)}"
            raise Unavailable(sentence, retry_after=wait, status=HTTPStatus.SERVICE_UNAVAILABLE)

    def _claim_probe(self, values: Values) -> bool:
        """Whether the circuit is half-open, so that this request is the probe; it is then open for all others."""
        is_probe = values.get("failures", 0) >= MAX_FAILURES and settings.UPSTREAM_COOLDOWN > 0
        if is_probe:
            values["open_until"] = monotonic() + settings.UPSTREAM_COOLDOWN
        return is_probe

    def continue_probe(self) -> None:
        """Let the next request be the probe again, as a redirect has to be followed to know whether this one succeeds.

        Nothing changes unless the circuit is open.
        """
        with self.host.change() as values:
            values.pop("open_until", None)

    def _book(self, slots: Values, max_wait: float) -> tuple[float, RateLimited | None]:
        """When the next slot starts, which is booked; or else the error for a caller who does not wait for it, whose
        `retry_after` names a later moment than the last one did."""
        queue = seconds_until(slots, "free_at", HORIZON)
        if queue <= max_wait:
            if not queue:  # promises are forgotten
                slots.pop("promised_at", None)
            start = monotonic() + max(queue, self.slots.latency)
            slots["free_at"] = start + self.interval
            return start, None
        wait = max(queue, seconds_until(slots, "promised_at", MAX_PROMISE) + self.interval)
        wait = min(wait, MAX_PROMISE)
        slots["promised_at"] = monotonic() + wait
        # Callers who come back should find half of the longest queue, and half of the long waits taken.
        lead = min(settings.MUSICBRAINZ_MAX_WAIT, MAX_LONG_WAITS * self.interval) / 2
        return 0, too_many(f"are waiting for {self.name}", max(1, math.ceil(wait - lead)))

    @contextlib.contextmanager
    def sending(self, start: float, *, is_probe: bool) -> Iterator[None]:
        """A block in which a request is sent in its slot, and counted. Raises Unavailable or RateLimited if others have
        failed while it waited.

        It keeps a distance from the previous request, which may have been sent late: a fiftieth less than the interval,
        so that requests that are slightly late can catch up.
        """
        distance = 0.98 * self.interval
        with self.host.change() as values:
            if not is_probe:
                self._refuse(values)
                self._claim_probe(values)  # it may have waited until the circuit was half-open
            if distance:
                start = max(start, monotonic() + seconds_until(values, "next_at", MAX_LATE))
                values["next_at"] = start + distance
        if (early := start - monotonic()) > 0:
            time.sleep(early)
        yield
        with self.host.change() as values:
            values["sent"] = values.get("sent", 0) + 1
            if distance:
                values["next_at"] = monotonic() + max(distance, seconds_until(values, "next_at", MAX_LATE))

    def record_failure(self, *, is_slow: bool = False) -> None:
        cooldown = settings.UPSTREAM_COOLDOWN
        with self.host.change() as values:
            failures = values["failures"] = min(values.get("failures", 0) + 1, MAX_FAILURES + 1)
            if failures == MAX_FAILURES and cooldown:
                logger.warning("%s fails and gets no requests for %g seconds at a time", self.name, cooldown)
            if failures >= MAX_FAILURES:
                values["open_until"] = monotonic() + cooldown
            if is_slow:
                values["suspect_until"] = monotonic() + cooldown

    def record_success(self, *, is_accepted: bool = False, is_answer: bool = False) -> None:
        """It responded, even if only to say that the request was wrong. `is_accepted`: it accepts our key and
        User-Agent. `is_answer`: the response can be read, or says that there is no such thing; operators see when that
        last happened.
        """
        with self.host.change() as values:
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
        with self.host.change() as values:
            wait_until = monotonic() + min(wait, MAX_PAUSE)
            values["paused_until"] = max(wait_until, monotonic() + seconds_until(values, "paused_until", MAX_PAUSE))
            values["is_too_fast"] = int(is_too_fast)

    def record_refusal(self, status: int, identity: str) -> None:
        """It refuses our key or User-Agent, which is logged once."""
        if self.last_refusal(identity) is None:
            logger.error("%s refuses our key or User-Agent (HTTP %s): see .env", self.name, status)
            at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
            with self.host.change() as values:
                values["refused"] = {"who": fingerprint(identity), "status": status, "at": at}

    # What operators are shown. These methods create no file, and reserve nothing.

    def is_suspect(self) -> bool:
        return seconds_until(self.host.peek(), "suspect_until", settings.UPSTREAM_COOLDOWN) > 0

    def pause_left(self) -> int:
        """The seconds for which it gets no requests because it told us to wait; 0 if it did not."""
        return math.ceil(seconds_until(self.host.peek(), "paused_until", MAX_PAUSE))

    def cooldown_left(self) -> int:
        """The seconds for which it gets no requests because it fails; 0 if it gets requests."""
        return math.ceil(seconds_until(self.host.peek(), "open_until", settings.UPSTREAM_COOLDOWN))

    def queue_seconds(self) -> float:
        """The seconds until the first free slot."""
        return seconds_until(self.slots.peek(), "free_at", HORIZON)

    def last_answer(self) -> datetime | None:
        """When this host last got an answer that can be read."""
        try:
            return datetime.fromtimestamp(self.host.peek()["answered_at"], tz=UTC)
        except (KeyError, ValueError, OverflowError, OSError):  # there was none, or the file is damaged
            return None

    def last_refusal(self, identity: str) -> str | None:
        """How and when it refused this key or User-Agent, unless it has accepted us since."""
        refused = self.host.peek().get("refused")
        if not isinstance(refused, dict) or refused.get("who") != fingerprint(identity):
            return None
        return f"HTTP {refused.get('status')}, {refused.get('at')}"


def fingerprint(identity: str) -> str:
    """A value that differs for each key or User-Agent by which an upstream knows us, without containing it."""
    return salted_hmac("integrations.fingerprint", identity, algorithm="sha256").hexdigest()[:16]


def seconds_until(values: Values, name: str, horizon: float) -> float:
    """The seconds until a time; 0 if it is past, missing, or further ahead than is possible."""
    moment, now = values.get(name, 0), monotonic()
    return moment - now if now < moment <= now + horizon else 0  # subtracted last, as a damaged number may be too large


@functools.cache
def _boot() -> str:
    """Identifies this boot of the machine, as the monotonic clock counts from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class HostState:
    """Values of one upstream, in a small JSON file that is read and written under a lock.

    Times are those of the monotonic clock, which changes of the time of day do not affect. They are forgotten when the
    machine restarts; only LASTING values stay, with times of day. If the file is lost or damaged, a new one starts with
    what this process knew. If the folder cannot be written, the file is in the folder for temporary files; if that
    cannot be written either, nothing is shared between processes.
    """

    latency = 0.0  # seconds that a change takes

    def __init__(self, service: str) -> None:
        self.service = service
        self.boot = _boot()
        self.lock = threading.Lock()
        self.memory: Values = {}

    @property
    def paths(self) -> tuple[str, str]:
        """Where the state is, and where it is if CACHE_DIR cannot be used."""
        path = f"{settings.CACHE_DIR}/{self.service}.state"
        digest = hashlib.sha256(path.encode()).hexdigest()[:16]
        return path, f"{tempfile.gettempdir()}/wrong-opinions-{os.getuid()}-{digest}-{self.service}.state"

    @contextlib.contextmanager
    def change(self, *, must_be_shared: bool = False) -> Iterator[Values]:
        """The values, to read and change while other processes wait.

        Raises OSError if they must be shared, but no file can be written.
        """
        try:
            descriptor = self._open()
        except OSError:
            if must_be_shared:
                raise
            with self.lock:
                yield self.memory
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = os.pread(descriptor, SIZE, 0)
            values = self._read(before)
            yield values
            self.memory = values
            try:
                if (content := json.dumps(values).encode()) != before:
                    # If a process is killed between these two, the rest of the old content is ignored when read.
                    os.ftruncate(descriptor, os.pwrite(descriptor, content, 0))
            except OSError:  # the disk is full
                if must_be_shared:
                    raise
        finally:
            os.close(descriptor)  # unlocks, too

    def count(self, name: str) -> None:
        """Increase a counter for the operator."""
        with self.change() as values:
            values[name] = values.get(name, 0) + 1

    def peek(self) -> Values:
        """The values, to read; creates no file."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                return self._read(Path(path).read_bytes()[:SIZE])
        return self.memory

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        path, temporary_path = self.paths
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileNotFoundError):
                return os.open(path, flags, 0o600)
            settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, flags, 0o600)
        with contextlib.suppress(OSError):
            descriptor = os.open(temporary_path, flags, 0o600)
            if os.fstat(descriptor).st_uid == os.geteuid():
                return descriptor
            os.close(descriptor)
        raise OSError(f"neither {path} nor a temporary file can be written")

    def _read(self, content: bytes) -> Values:
        """The values in the file. If it is damaged, slots that other processes have reserved may be forgotten: the next
        slot then starts only after the longest wait of a web request."""
        try:
            values: Any = DECODER.raw_decode(content.decode())[0]
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            values = self.memory
            if content:
                drained_at = monotonic() + settings.MUSICBRAINZ_MAX_WAIT + settings.MUSICBRAINZ_INTERVAL
                values = values | {"free_at": max(drained_at, values.get("free_at", 0))}
        elif values.get("boot") != self.boot:
            values = {name: value for name, value in values.items() if name in LASTING}
        sound = {name: value for name, value in values.items() if type(value) in {int, float} or name in NO_NUMBERS}
        return sound | {"boot": self.boot}
