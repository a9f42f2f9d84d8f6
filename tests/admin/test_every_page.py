"""Every page of the admin, with few rows or many, and for each kind of visitor."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import UserFactory

from . import everything

LEADING_ELSEWHERE = {"catalog_movie_add", "catalog_album_add"}  # to the search
EVERYBODYS = {"index", "password_change", "password_change_done"}  # who is staff


def client_of(**values):
    client = Client()
    client.force_login(UserFactory(is_staff=True, **values))
    return client


def cost(client, address):
    """The status of the answer, and how many queries it took."""
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    return response.status_code, len(queries)


def test_every_page_opens_and_costs_the_same_with_three_rows_and_with_nine(db):
    admin = client_of(is_superuser=True)
    everything.fill(3)
    few = {name: cost(admin, address) for name, address in everything.pages().items()}
    everything.fill(6)
    many = {name: cost(admin, address) for name, address in everything.pages().items()}

    assert many == few
    statuses = {200: set(few) - everything.REFUSED - LEADING_ELSEWHERE - everything.POSTED}
    statuses |= {302: LEADING_ELSEWHERE, 403: everything.REFUSED, 405: everything.POSTED}
    assert {status: {name for name in few if few[name][0] == status} for status in statuses} == statuses


def test_staff_without_permissions_can_only_sign_out(db):
    everything.fill(1)
    nobody = client_of()

    for name, address in everything.pages().items():
        response = nobody.post(address) if name in everything.POSTED else nobody.get(address)
        expected = 200 if name in EVERYBODYS else 404 if name.startswith("app_") else 403
        assert (name, response.status_code) == (name, expected)


@pytest.mark.parametrize(
    "name", ["index", "selections_week_changelist", "selections_week_grid", "catalog_movie_search"]
)
def test_other_users_are_asked_to_sign_in(client, db, name):
    everything.fill(1)
    client.force_login(UserFactory())

    response = client.get(everything.pages()[name])

    assert (response.status_code, response.url.partition("?")[0]) == (302, "/admin/login/")
