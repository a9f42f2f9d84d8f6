"""Migrations of accounts go back, with data, and forth again."""

import pytest
from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db import connection

from accounts import services
from accounts.models import ApiToken, User
from tests.conftest import session_of
from tests.factories import UserFactory

TABLES = {"token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"}


@pytest.fixture
def migrate(transactional_db):
    def run(*target):
        call_command("migrate", *target, verbosity=0)

    yield run
    run()


@pytest.fixture
def migrate_token_blacklist(migrate, monkeypatch):
    """Migrate SimpleJWT's app of that name, which earlier releases had installed."""

    def run():
        config = AppConfig.create("rest_framework_simplejwt.token_blacklist")
        config.apps, config.models = apps, {}
        with monkeypatch.context() as patch:
            patch.setitem(apps.app_configs, config.label, config)
            migrate(config.label)

    return run


def test_they_go_back_with_calendar_tokens_and_sessions(migrate):
    user = UserFactory(username="ada")
    services.renew_calendar_token(user)
    services.create_token(user, name="script", scope="read")
    session_of(user)

    migrate("accounts", "0004")
    migrate()

    assert User.objects.get() == user
    assert ApiToken.objects.get().name == "script"


def test_the_refresh_tokens_of_earlier_releases_go_and_their_tables_can_come_back(migrate, migrate_token_blacklist):
    user = UserFactory(username="ada")
    migrate("accounts", "0005")
    migrate_token_blacklist()
    keep_refresh_token(user)

    migrate()
    assert not TABLES & set(connection.introspection.table_names())
    user.delete()

    migrate("accounts", "0005")
    migrate_token_blacklist()
    assert set(connection.introspection.table_names()) >= TABLES


def keep_refresh_token(user):
    """As SimpleJWT kept a spent one."""
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
