"""A user who can sign in, and helpers that sign in, join and follow links."""

import re

import pytest
from rest_framework.test import APIClient

from tests.conftest import delivered
from tests.factories import PASSWORD, make_user

NEW = "Quite-another-7-phrase"
ENDED = (401, "Could not validate credentials")


@pytest.fixture
def user(db):
    return make_user(username="ada")


def login(name="ada", password=PASSWORD, client=None, **extra):
    body = {"username": name, "password": password}
    return (client or APIClient(raise_request_exception=False)).post("/api/auth/login", body, **extra)


def admin_login(client, name="ada", password=PASSWORD, **extra):
    return client.post("/admin/login/", {"username": name, "password": password, "next": "/admin/"}, **extra)


def bearer(token, scheme="Bearer"):
    return APIClient(headers={"Authorization": f"{scheme} {token}"})


def me(pair):
    """The answer to a request with the access token of a sign-in."""
    return bearer(pair["access_token"]).get("/api/auth/me")


def refresh(pair, **extra):
    return APIClient().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]}, **extra)


def register(**changes):
    account = {"username": "cleo", "email": "cleo@example.org", "password": PASSWORD}
    return APIClient(raise_request_exception=False).post("/api/auth/register", account | changes)


def join(client, code, **changes):
    form = {"username": "Cleo", "email": "cleo@example.org", "password1": PASSWORD, "password2": PASSWORD}
    return client.post(f"/join/{code}", form | changes)


def link_to(email="ada@example.org"):
    """The path of the link in the last email to this address."""
    bodies = [message.body for message in delivered() if message.to == [email]]
    return re.search(r"http://testserver(/\S+)", bodies[-1])[1]


def reset_form(client):
    """The address of the form that a new link to choose a password leads to."""
    client.post("/reset", {"email": "ada@example.org"})
    return client.get(link_to(), follow=True).request["PATH_INFO"]


def set_password(client, form, password=NEW, **extra):
    return client.post(form, {"new_password1": password, "new_password2": password}, **extra)
