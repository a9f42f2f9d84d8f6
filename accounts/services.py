"""Counting attempts, across all processes."""

import hashlib
import math
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from .models import Attempts


def take_attempt(subjects: Iterable[str], *, limit: int, period: int) -> int | None:
    """Count one attempt for each subject and return None, or the whole seconds to wait if one has no attempt left.

    At most `limit` attempts count within any `period` seconds; a refused one does not count. The database's own locks
    keep simultaneous attempts apart.
    """
    now = timezone.now()
    expires_at = now + timedelta(seconds=period)
    keys = sorted(hashlib.sha256(subject.encode()).hexdigest() for subject in subjects)
    with transaction.atomic():
        # Rows that others are at are left for another time: waiting for them here could lock both out.
        expired = Attempts.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
        Attempts.objects.filter(pk__in=expired.values("pk")).delete()
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
