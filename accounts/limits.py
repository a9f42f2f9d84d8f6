"""How often people may try what can be guessed or costs much."""

import math
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from .errors import Refusal
from .models import Attempts, User, digest
from .security import client_of

# Each thing counts for itself: who guesses from outside locks nobody out of what one does when signed in.
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


def count_attempt(what: str, request: HttpRequest, account: str = "") -> None:
    """Count an attempt at `what`, of RATES, for the client and for the account that it is at, if any.

    Raises Refusal with 429 where there are too many.
    """
    rate: str | None = getattr(settings, RATES[what])
    if rate is None:
        return
    limit, _, period = rate.partition("/")
    subjects = {f"{what}:client:{client_of(request)}"}
    if account:
        subjects.add(f"{what}:account:{account}")
    if wait := take_attempt(subjects, limit=int(limit), period=PERIODS[period[0]]):
        raise Refusal(
            "Too many attempts; try again later", "too_many_attempts", HTTPStatus.TOO_MANY_REQUESTS, retry_after=wait
        )


def account_of(name: object) -> str:
    """What tells one account from others: its id, or what it is called where there is none.

    Names are read as generously as any sign-in reads them: the API drops blanks around, the admin folds widths, too.
    """
    name = unicodedata.normalize("NFKC", name).strip() if isinstance(name, str) else ""
    if not name.isprintable():
        return ""  # no account can be called so
    known = User.objects.known_as(name).values_list("pk", flat=True).first()
    return f"name {name.lower()[:254]}" if known is None else account_id(known)


def account_id(pk: int) -> str:
    return f"id {pk}"


def take_attempt(subjects: Iterable[str], *, limit: int, period: int) -> int | None:
    """Count one attempt for each subject and return None, or the whole seconds to wait if one has no attempt left.

    At most `limit` attempts count within any `period` seconds; a refused one does not count. The database's own locks
    keep simultaneous attempts apart.
    """
    now = timezone.now()
    expires_at = now + timedelta(seconds=period)
    keys = sorted(map(digest, subjects))
    forget_attempts(now)
    with transaction.atomic():
        Attempts.objects.bulk_create([Attempts(key=key, expires_at=expires_at) for key in keys], ignore_conflicts=True)
        counted = list(Attempts.objects.select_for_update().filter(key__in=keys).order_by("key"))
        for row in counted:
            row.times = [second for second in row.times if second > now.timestamp() - period]
        full = [row.times[-limit] for row in counted if len(row.times) >= limit]
        if full:
            return max(1, math.ceil(max(full) + period - now.timestamp()))
        for row in counted:
            row.times.append(now.timestamp())
            row.expires_at = expires_at
        Attempts.objects.bulk_update(counted, ["times", "expires_at"])
        return None


def forget_attempts(now: datetime) -> int:
    """Delete those that count no more, and say how many."""
    with transaction.atomic():
        # Rows that others are at are left for another time: waiting for them here could lock both out.
        expired = Attempts.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
        return Attempts.objects.filter(pk__in=expired.values("pk")).delete()[0]
