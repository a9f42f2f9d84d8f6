"""Migrations of accounts go back, with data, and forward again."""

import pytest
from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db import connection

from accounts import services
from accounts.models import ApiToken, User
from tests.conftest import session_of

TABLES = {"token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"}


def migrate(*target):
    call_command("migrate", *target, verbosity=0)


@pytest.fixture
def migrate_token_blacklist(transactional_db, monkeypatch):
    """Migrate SimpleJWT's app of that name, which earlier releases had installed."""

    def run(*target):
        config = AppConfig.create("rest_framework_simplejwt.token_blacklist")
        config.apps, config.models = apps, {}
        with monkeypatch.context() as patch:
            patch.setitem(apps.app_configs, config.label, config)
            migrate(config.label, *target)

    yield run
    migrate()


def test_calendar_tokens_sessions_and_refresh_tokens_of_earlier_releases_are_dropped(migrate_token_blacklist, user):
    services.renew_calendar_token(user)
    services.create_token(user, name="script", scope="read")
    session_of(user)

    migrate("accounts", "0004")
    migrate_token_blacklist()
    store_refresh_token(user)
    migrate()

    assert User.objects.get() == user
    assert ApiToken.objects.get().name == "script"
    assert not TABLES & set(connection.introspection.table_names())
    user.delete()
    migrate_token_blacklist()  # in an earlier release
    assert set(connection.introspection.table_names()) >= TABLES
    migrate_token_blacklist("zero")


def store_refresh_token(user):
    """As SimpleJWT stored a spent one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO token_blacklist_outstandingtoken (id, user_id, jti, token, expires_at)"
            " VALUES (1, %s, 'a', 'a token', '2026-01-01 00:00:00+00:00')",
            [user.pk],
        )
        cursor.execute(
            "INSERT INTO token_blacklist_blacklistedtoken (id, token_id, blacklisted_at)"
            " VALUES (1, 1, '2026-01-01 00:00:00+00:00')"
        )
