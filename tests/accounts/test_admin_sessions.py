"""Sessions of the admin end 12 hours after their last use."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.conftest import admin_login
from tests.factories import make_user


@pytest.fixture
def staff(db, now):
    make_user(username="ada", is_staff=True)
    client = Client()
    admin_login(client)
    return client


def is_signed_in(client):
    return client.get("/admin/password_change/").status_code == 200


def test_a_session_ends_12_hours_after_its_last_use(staff, time_machine):
    for _ in range(3):
        time_machine.shift(timedelta(hours=11, minutes=59))
        assert is_signed_in(staff)

    time_machine.shift(timedelta(hours=12, seconds=1))

    assert not is_signed_in(staff)


def test_it_is_saved_once_in_ten_minutes(staff, time_machine):
    def writes(minutes):
        time_machine.shift(timedelta(minutes=minutes))
        with CaptureQueriesContext(connection) as queries:
            assert is_signed_in(staff)
        return [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]

    assert writes(5) == []
    assert len(writes(6)) == 1
    assert writes(5) == []


def test_one_of_an_earlier_release_is_shortened(staff):
    Session.objects.update(expire_date=timezone.now() + timedelta(days=14))

    assert is_signed_in(staff)

    assert Session.objects.get().expire_date == timezone.now() + timedelta(hours=12)


def test_its_cookie_ends_with_the_browser(staff):
    cookie = staff.cookies["sessionid"]

    assert (cookie["max-age"], cookie["expires"]) == ("", "")
