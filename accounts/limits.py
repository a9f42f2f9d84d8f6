"""Rate limits on attempts to guess secrets, and on expensive requests."""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from . import security
from .errors import Refusal
from .models import Attempts, KnownClient, User

# The setting with the rate of each kind of attempt; kinds are counted separately.
RATES = {
    "register": "REGISTER_RATE",
    "login": "LOGIN_RATE",
    "own password": "LOGIN_RATE",
    "refresh": "REFRESH_RATE",
    "reset": "RESET_RATE",
    "reset link": "LOGIN_RATE",
    "new address": "RESET_RATE",
    "import": "IMPORT_RATE",
    "export": "EXPORT_RATE",
    "calendar": "EXPORT_RATE",
    "shared year": "EXPORT_RATE",
}
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
# Only the account's owner can attempt these, so the rate is for the account, whatever the client.
OWNER_ONLY = {"refresh", "new address", "import"}
# Other rates are for one client at one account. One client at all accounts, and all clients at one account, get more.
CLIENT_FACTOR = 3
ACCOUNT_FACTOR = 10
MAX_SKEW = 10  # seconds by which another host's clock may be ahead; later times come from a wrong clock
MAX_KNOWN_CLIENTS = 20  # for each account
KEEP_KNOWN_CLIENTS = timedelta(days=180)  # after the last sign-in


@dataclass(frozen=True)
class Account:
    """The account of an attempt. `key` is the name as it was sent, so limits do not reveal which names share an
    account."""

    key: str
    users: QuerySet[User]  # not evaluated yet; empty if there is no such account

    @property
    def user_id(self) -> int | None:
        return self.users.values_list("pk", flat=True).first()


def account_of(name: object) -> Account | None:
    """The account with this username or email address, read as at every sign-in; None if no account can have it."""
    name = unicodedata.normalize("NFKC", name).strip() if isinstance(name, str) else ""
    if not name or not name.isprintable():
        return None
    return Account(f"name {name.lower()[:254]}", User.objects.known_as(name))


def account_id(pk: int) -> Account:
    """The account with this id."""
    return Account(f"id {pk}", User.objects.filter(pk=pk))


class Attempt:
    """An attempt that counts towards the limits of its subjects (clients, accounts) in any `period` seconds."""

    def __init__(self, limits: dict[str, int], period: int, kind: str = "") -> None:
        self.kind = kind
        self.limits = {_hash(subject): limit for subject, limit in limits.items()}
        self.period = period
        self.wait = 0  # seconds
        self.times: list[float] = []  # of the first subject
        self.time = timezone.now().timestamp()
        self.is_wrong = False
        self.counted = Attempts.objects.filter(key__in=self.limits).order_by("key")

    def count(self) -> int:
        """Count it and return 0, or count nothing and return the seconds until no subject is at its limit.

        Row locks keep simultaneous attempts apart.
        """
        self.wait = self._wait(self.counted.all())
        if self.wait:
            return self.wait  # without a write
        forget_attempts(timezone.now())
        expires_at = timezone.now() + timedelta(seconds=self.period)
        with transaction.atomic():
            new = [Attempts(key=key, expires_at=expires_at) for key in sorted(self.limits)]
            Attempts.objects.bulk_create(new, ignore_conflicts=True)
            rows = list(self.counted.select_for_update())
            self.wait = self._wait(rows)
            if self.wait:
                transaction.set_rollback(True)
                return self.wait
            for row in rows:
                row.times = [*self._recent(row), self.time]
                row.expires_at = expires_at
            Attempts.objects.bulk_update(rows, ["times", "expires_at"])
        self.times = next(row.times for row in rows if row.key == next(iter(self.limits)))
        return 0

    def take_back(self) -> None:
        """Stop counting it."""
        if not self.limits:
            return
        with transaction.atomic():
            rows = list(self.counted.select_for_update())
            for row in rows:
                if self.time in row.times:
                    row.times.remove(self.time)
            Attempts.objects.bulk_update(rows, ["times"])
        self.times = [time for time in self.times if time != self.time]

    def fields(self) -> tuple[str, str]:
        """Its headers `RateLimit` and `RateLimit-Policy`: what is left for the first subject. The others also count
        what other people do."""
        limit = next(iter(self.limits.values()))
        left = 0 if self.wait else limit - len(self.times)
        until = self.wait or (math.ceil(self.times[0] + self.period - self.time) if self.times else 0)
        return f'"{self.kind}";r={left};t={until}', f'"{self.kind}";q={limit};w={self.period}'

    def _wait(self, rows: Iterable[Attempts]) -> int:
        waits = [0]
        for row in rows:
            times, limit = self._recent(row), self.limits[row.key]
            if len(times) >= limit:
                waits.append(max(1, math.ceil(times[-limit] + self.period - self.time)))
        return max(waits)

    def _recent(self, row: Attempts) -> list[float]:
        return sorted(time for time in row.times if -self.period < time - self.time <= MAX_SKEW)


def count_attempt(kind: str, request: HttpRequest | None, account: Account | None = None) -> Attempt:
    """Count an attempt of one of the RATES. Raises Refusal with 429 if there are too many.

    There is no limit if the rate is off, or if there is no request.
    """
    rate: str | None = getattr(settings, RATES[kind])
    if rate is None or request is None:
        return Attempt({}, 0)
    number, _, period = rate.partition("/")
    factors = _factors(kind, security.client_of(request), account)
    limits = {f"{kind}:{subject}": int(number) * factor for subject, factor in factors.items()}
    attempt = Attempt(limits, PERIODS[period[0]], kind)
    # Django's request, from which the headers are made, is inside REST framework's.
    vars(getattr(request, "_request", request)).setdefault("counted_attempts", []).append(attempt)
    if wait := attempt.count():
        security.record(f"limit reached: {kind}", request, user_id=account.user_id if account else None)
        sentence = f"Too many attempts. Try again in {_in_words(wait)}."
        raise Refusal(sentence, "too_many_attempts", HTTPStatus.TOO_MANY_REQUESTS, retry_after=wait)
    return attempt


@contextmanager
def guess(kind: str, request: HttpRequest | None, account: Account | None) -> Iterator[Attempt]:
    """Count an attempt to enter a password, and take it back unless the block sets its `is_wrong`.

    Raises Refusal with 429 if there are too many.
    """
    attempt = count_attempt(kind, request, account)
    try:
        yield attempt
    except Refusal:  # the server was too busy to check it
        attempt.take_back()
        raise
    if not attempt.is_wrong:
        attempt.take_back()


def is_own_password(request: HttpRequest, password: str) -> bool:
    """Whether this is the password of the user who is signed in. Raises Refusal with 429 if there were too many."""
    with guess("own password", request, account_id(request.user.pk or 0)) as attempt:
        attempt.is_wrong = not request.user.check_password(password)
    return not attempt.is_wrong


def _factors(kind: str, client: str, account: Account | None) -> dict[str, int]:
    """The subjects that an attempt counts for, each with its limit as a multiple of the rate."""
    if account is None:
        return {f"client:{client}": 1}
    if kind in OWNER_ONLY:
        return {f"account:{account.key}": 1, f"client:{client}": CLIENT_FACTOR}
    both = {f"client and account:{client} {account.key}": 1}
    # A client that has signed in to the account before is not locked out by other clients' attempts.
    since = timezone.now() - KEEP_KNOWN_CLIENTS
    known = KnownClient.objects.filter(user__in=account.users, client_hash=_hash(client), last_seen_at__gt=since)
    if known.exists():
        return both
    return both | {f"client:{client}": CLIENT_FACTOR, f"account:{account.key}": ACCOUNT_FACTOR}


def remember_client(request: HttpRequest, user: User) -> None:
    """Store that the user has signed in from this client."""
    known = KnownClient(user=user, client_hash=_hash(security.client_of(request)))
    KnownClient.objects.bulk_create(
        [known], update_conflicts=True, unique_fields=["user", "client_hash"], update_fields=["last_seen_at"]
    )
    newest = user.known_clients.order_by("-last_seen_at", "-pk").values_list("pk", flat=True)
    user.known_clients.filter(pk__in=list(newest[MAX_KNOWN_CLIENTS:])).delete()


def _hash(subject: str) -> str:
    return salted_hmac("accounts.limits", subject, algorithm="sha256").hexdigest()


def _in_words(seconds: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{math.ceil(seconds / length)} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def forget_attempts(now: datetime) -> int:
    """Delete those that no longer count, and return how many."""
    with transaction.atomic():
        # Rows that others have locked are left for another time, as waiting for them could be a deadlock.
        expired = Attempts.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
        return Attempts.objects.filter(pk__in=expired.values("pk")).delete()[0]
