"""The admin's sessions, which end SESSION_COOKIE_AGE after their last use."""

import contextlib
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends import db
from django.db import DatabaseError
from django.utils import timezone

PRECISION = timedelta(minutes=10)  # not a write for every page


class SessionStore(db.SessionStore):
    def _get_session_from_db(self):
        session = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        expires_at = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        if session and abs(expires_at - session.expire_date) > PRECISION:
            with contextlib.suppress(DatabaseError):  # pages can be read while nothing can be written
                self.model.objects.filter(pk=session.pk).update(expire_date=expires_at)
        return session
