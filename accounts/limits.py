"""Rate limits on what can be guessed or costs much."""

import math
import unicodedata
from collections.abc import Iterator
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

# Each counts for itself.
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
}
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
# Only the account's owner can attempt these, so the account counts by itself, whatever the client.
OWNERS = {"refresh", "new address", "import"}
# A rate is for one client at one account. One client at all accounts, and all clients at one account, get more.
CLIENT_FACTOR = 3
ACCOUNT_FACTOR = 10
MAX_SKEW = 10  # seconds by which another host's clock may be ahead; later times are from a clock that was wrong
MAX_KNOWN_CLIENTS = 20  # for each account
KEEP_KNOWN_CLIENTS = timedelta(days=180)  # after the last sign-in


@dataclass(frozen=True)
class Account:
    """What an attempt is at: `key` is how it was named, so a limit does not tell which names are one account's."""

    key: str
    users: QuerySet[User]  # who that is, if anyone; not evaluated yet

    @property
    def user_id(self) -> int | None:
        return self.users.values_list("pk", flat=True).first()


def account_of(name: object) -> Account | None:
    """The account with this username or email address, read as every sign-in reads it; None if there can be none."""
    name = unicodedata.normalize("NFKC", name).strip() if isinstance(name, str) else ""
    if not name or not name.isprintable():
        return None
    return Account(f"name {name.lower()[:254]}", User.objects.known_as(name))


def account_id(pk: int) -> Account:
    return Account(f"id {pk}", User.objects.filter(pk=pk))


class Attempt:
    """An attempt that counts in some subjects, each with a limit for any `period` seconds."""

    def __init__(self, limits: dict[str, int], period: int) -> None:
        self.limits = {_hash(subject): limit for subject, limit in limits.items()}
        self.period = period
        self.second = timezone.now().timestamp()
        self.is_wrong = False

    def count(self) -> int:
        """Count it and return 0, or count nothing and return the seconds until every subject has room for it.

        The database's locks keep simultaneous attempts apart.
        """
        counted = Attempts.objects.filter(key__in=self.limits)
        if wait := self._wait(counted):
            return wait  # without a write
        forget_attempts(timezone.now())
        expires_at = timezone.now() + timedelta(seconds=self.period)
        with transaction.atomic():
            new = [Attempts(key=key, expires_at=expires_at) for key in sorted(self.limits)]
            Attempts.objects.bulk_create(new, ignore_conflicts=True)
            rows = list(counted.select_for_update().order_by("key"))
            if wait := self._wait(rows):
                transaction.set_rollback(True)
                return wait
            for row in rows:
                row.times = [*self._recent(row), self.second]
                row.expires_at = expires_at
            Attempts.objects.bulk_update(rows, ["times", "expires_at"])
        return 0

    def take_back(self) -> None:
        with transaction.atomic():
            rows = list(Attempts.objects.filter(key__in=self.limits).select_for_update().order_by("key"))
            for row in rows:
                if self.second in row.times:
                    row.times.remove(self.second)
            Attempts.objects.bulk_update(rows, ["times"])

    def _wait(self, rows) -> int:
        waits = [0]
        for row in rows:
            times, limit = self._recent(row), self.limits[row.key]
            if len(times) >= limit:
                waits.append(max(1, math.ceil(times[-limit] + self.period - self.second)))
        return max(waits)

    def _recent(self, row: Attempts) -> list[float]:
        return sorted(time for time in row.times if -self.period < time - self.second <= MAX_SKEW)


def count_attempt(what: str, request: HttpRequest, account: Account | None = None) -> Attempt | None:
    """Count an attempt at `what`, of RATES. Raises Refusal with 429 where there are too many."""
    rate: str | None = getattr(settings, RATES[what])
    if rate is None:
        return None
    number, _, period = rate.partition("/")
    factors = _factors(what, security.client_of(request), account)
    limits = {f"{what}:{subject}": int(number) * factor for subject, factor in factors.items()}
    attempt = Attempt(limits, PERIODS[period[0]])
    if wait := attempt.count():
        security.record(f"limit reached: {what}", request, user_id=account.user_id if account else None)
        sentence = f"Too many attempts. Try again in {_in_words(wait)}."
        raise Refusal(sentence, "too_many_attempts", HTTPStatus.TOO_MANY_REQUESTS, retry_after=wait)
    return attempt


@contextmanager
def guess(what: str, request: HttpRequest, account: Account | None) -> Iterator[Attempt | None]:
    """Count an attempt to give a password, unless the block shows that the password is right.

    It is wrong where the block raises, or sets `is_wrong`. Raises Refusal with 429 where there are too many.
    """
    attempt = count_attempt(what, request, account)
    is_wrong = True
    try:
        yield attempt
        is_wrong = attempt is not None and attempt.is_wrong
    except Refusal:  # the server was too busy to check it
        is_wrong = False
        raise
    finally:
        if attempt and not is_wrong:
            attempt.take_back()


def _factors(what: str, client: str, account: Account | None) -> dict[str, int]:
    """The subjects that an attempt counts in, and how many times the rate each of them has."""
    if account is None:
        return {f"client:{client}": 1}
    if what in OWNERS:
        return {f"account:{account.key}": 1, f"client:{client}": CLIENT_FACTOR}
    both = {f"client and account:{client} {account.key}": 1}
    if _is_known(client, account):
        return both
    return both | {f"client:{client}": CLIENT_FACTOR, f"account:{account.key}": ACCOUNT_FACTOR}


def _is_known(client: str, account: Account) -> bool:
    """Whether the account has signed in from this client, so that attempts of others do not lock it out there."""
    since = timezone.now() - KEEP_KNOWN_CLIENTS
    known = KnownClient.objects.filter(user__in=account.users, client_hash=_hash(client), last_seen_at__gt=since)
    return known.exists()


def remember_client(request: HttpRequest, user: User) -> None:
    """Note that the user has signed in from this client."""
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
    """Delete those that count no more, and say how many."""
    with transaction.atomic():
        # Rows that others are at are left for another time: waiting for them here could lock both out.
        expired = Attempts.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
        return Attempts.objects.filter(pk__in=expired.values("pk")).delete()[0]
