"""Every page of the admin, with few rows or many, and for each kind of visitor."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from zeal import zeal_ignore

from accounts.models import User
from tests.factories import UserFactory

from . import everything
from .staff import client_of, client_with

LEADING_ELSEWHERE = {"catalog_movie_add", "catalog_album_add"}  # to the search
EVERYBODYS = {"index", "password_change", "password_change_done"}  # pages that all staff may open


def cost(client, address):
    """The status of the answer, and how many queries it took."""
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    return response.status_code, len(queries)


def status_of(name):
    """What a superuser gets."""
    if name in LEADING_ELSEWHERE:
        return 302
    return 403 if name in everything.REFUSED else 200


@pytest.mark.parametrize("app", ["site", *everything.APPS])
def test_every_page_opens_and_costs_the_same_with_two_rows_and_with_three(db, app):
    admin = client_of(UserFactory(is_staff=True, is_superuser=True))
    everything.fill(2)
    few = {name: cost(admin, address) for name, address in everything.pages_of(app).items()}
    if connection.vendor == "sqlite":  # as queries are counted on one database only
        everything.fill(1)
        assert {name: cost(admin, address) for name, address in everything.pages_of(app).items()} == few

    assert {name: status for name, (status, _) in few.items()} == {name: status_of(name) for name in few}


@pytest.mark.parametrize("app", ["site", *everything.APPS])
def test_staff_without_permissions_can_only_sign_out(db, app):
    everything.fill(1)
    nobody = client_with()

    for name, address in everything.pages_of(app).items():
        expected = 200 if name in EVERYBODYS else 404 if name.startswith("app_") else 403
        assert (name, nobody.get(address).status_code) == (name, expected)


def all_of(*names):
    """The permissions for which a name or an app says: view, catalog."""
    known = Permission.objects.values_list("content_type__app_label", "codename")
    return [code for app, code in known if app in names or code.partition("_")[0] in names]


@pytest.mark.parametrize("names", [["view"], ["catalog"], ["view", "change", "add"]])
def test_staff_are_offered_only_links_that_open(db, names):
    everything.fill(1)
    everything.session_of(User.objects.get(username="ada"))
    staff = client_with(*all_of(*names))
    offered = {}

    with zeal_ignore():
        for name, address in everything.pages().items():
            response = staff.get(address)
            if response.status_code == 200:
                links = re.findall(r'href="(/admin/[^"#]+)"', response.content.decode())
                offered |= {unescape(link): name for link in links}
        refused = {link: name for link, name in offered.items() if staff.get(link).status_code not in {200, 302}}

    assert refused == {}


@pytest.mark.parametrize(
    "page", ["", "selections/week/", "selections/week/grid/", "catalog/movie/search/", "catalog/album/merge/"]
)
def test_other_users_are_asked_to_sign_in(client, user, page):
    for _ in ("anonymous", "a member"):
        response = client.get(f"/admin/{page}")

        assert (response.status_code, response.url.partition("?")[0]) == (302, "/admin/login/")
        client.force_login(user)
