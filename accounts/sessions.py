"""Sessions of the API: how they begin, are renewed and end."""

from datetime import datetime, timedelta

from django.utils import timezone

from .models import Session, User, digest

MAX_AGE = timedelta(days=365)  # of a session, however often it is renewed: then its user signs in again
REUSE_GRACE = timedelta(seconds=10)  # two tabs, or a retry, may send the same refresh token at once


def start(user: User, *, client: str, refresh_id: str, expires_at: datetime) -> Session:
    """A new session; `refresh_id` is the id of its first refresh token."""
    return Session.objects.create(
        user=user,
        client="".join(character for character in client if character.isprintable())[:200].strip(),
        refresh_hash=digest(refresh_id),
        password_hash=user.get_session_auth_hash(),
        expires_at=expires_at,
    )


def renew(session: Session, *, spent_id: str, refresh_id: str, expires_at: datetime) -> bool:
    """Replace the latest refresh token by another one; False if the spent one was not the latest.

    Of simultaneous uses of a token, one succeeds. A session that has expired, at the latest after MAX_AGE, is not
    renewed.
    """
    now = timezone.now()
    latest = Session.objects.filter(pk=session.pk, refresh_hash=digest(spent_id), expires_at__gt=now)
    ends_at = min(expires_at, session.created_at + MAX_AGE)
    return bool(latest.update(refresh_hash=digest(refresh_id), last_used_at=now, expires_at=ends_at))


def end_reused(session: Session, *, spent_id: str) -> bool:
    """End a session whose spent refresh token was sent again, as the token may be stolen; return whether it ended.

    Within REUSE_GRACE of a renewal it goes on, as its own client may have sent the token twice.
    """
    stale = Session.objects.filter(pk=session.pk, last_used_at__lte=timezone.now() - REUSE_GRACE)
    return bool(stale.exclude(refresh_hash=digest(spent_id)).delete()[0])
