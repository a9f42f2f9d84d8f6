"""manage.py flush_tokens deletes what has expired, and nothing else."""

from datetime import timedelta

from django.contrib.sessions.models import Session as AdminSession
from django.core.management import call_command

from accounts import limits, services
from accounts.models import ApiToken, Attempts, Invitation, KnownClient, Session
from tests.conftest import session_of


def fill(user, now):
    """One row of each kind that is deleted, and one that stays."""
    second = timedelta(seconds=1)
    for expires in (now, now + second):
        Session.objects.filter(pk=session_of(user).pk).update(expires_at=expires)
    for name, left in (("gone", -second), ("good", second)):
        AdminSession.objects.create(session_key=name, expire_date=now + left)
        Attempts.objects.create(key=name, expires_at=now + left)
        month, quarter = timedelta(days=30), timedelta(days=90)
        services.create_token(user, name=name, scope="read", expires_at=now - month + left)
        Invitation.objects.create(note=name, key_hash=name, expires_at=now - quarter + left)
        seen_at = now - limits.KEEP_KNOWN_CLIENTS + left
        KnownClient.objects.create(user=user, client_hash=name, last_seen_at=seen_at)
    services.create_token(user, name="for ever", scope="read")
    Invitation.objects.create(note="used", key_hash="used", expires_at=now - 2 * quarter, used_at=now, used_by=user)


def test_what_has_expired_is_deleted(user, now, capsys):
    fill(user, now)

    call_command("flush_tokens")

    assert capsys.readouterr().out == (
        "Deleted 1 session, 1 admin session, 1 counted attempt, 1 API token, 1 invitation, 1 known client.\n"
    )
    assert Session.objects.get().expires_at > now
    assert AdminSession.objects.get().session_key == Attempts.objects.get().key == "good"
    assert set(ApiToken.objects.values_list("name", flat=True)) == {"good", "for ever"}
    assert set(Invitation.objects.values_list("note", flat=True)) == {"good", "used"}
    assert KnownClient.objects.get().client_hash == "good"
    call_command("flush_tokens")
    call_command("flush_tokens", verbosity=2)
    call_command("flush_tokens", verbosity=0)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Nothing has expired."
    assert second.startswith("Deleted 0 sessions, 0 admin sessions,")
