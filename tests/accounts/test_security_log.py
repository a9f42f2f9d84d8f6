"""The log named `security`: one line for each event, and nothing secret in it."""

import logging
import re

import pytest
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.test import Client

from accounts import services
from accounts.models import User
from tests.accounts.conftest import NEW, admin_login, join, login, register, reset_form, set_password
from tests.conftest import client_of
from tests.factories import PASSWORD, make_user

TYPED = "typed-by-mistake"
LINE = re.compile(r"[\w :-]+ user=(\d+|-) by=(\d+|-) client=127\.0\.0\.1 request=[0-9a-f]{16}")


@pytest.fixture
def lines(caplog):
    """The lines so far; each call starts again."""
    caplog.set_level(logging.INFO, logger="security")

    def read():
        found = [record.getMessage() for record in caplog.records if record.name == "security"]
        caplog.clear()
        return found

    return read


@pytest.fixture
def ada(db):
    return make_user(username="ada", email="ada@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(client, ada):
    client.force_login(ada)
    return client


def events(found):
    return [line.partition(" user=")[0] for line in found]


def test_signing_in(client, ada, lines):
    login()
    login(password=TYPED)
    login("Typed-by-mistake", TYPED)
    admin_login(client)
    admin_login(Client(), password=TYPED)

    found = lines()
    assert events(found) == ["sign-in", "sign-in refused", "sign-in refused", "admin sign-in", "sign-in refused"]
    ids = [re.search(r"user=(\S+)", line)[1] for line in found]
    assert ids == [str(ada.pk), str(ada.pk), "-", str(ada.pk), str(ada.pk)]
    assert_no_secrets(found)


def test_a_limit(ada, lines, settings):
    settings.LOGIN_RATE = "1/min"
    login(password=TYPED)
    lines()

    login(password=TYPED)

    assert events(found := lines()) == ["limit reached: login"]
    assert f"user={ada.pk}" in found[0]


def test_registering(client, db, lines):
    _, code = services.invite()
    register(username="bea", email="bea@example.org")
    join(client, code)

    found = lines()
    assert events(found) == ["account registered", "account registered", "invitation used"]
    assert_no_secrets(found, code)


def test_passwords(staff, ada, lines):
    link = {"uid": services.encode_id(ada), "token": default_token_generator.make_token(ada)}
    staff.post("/api/auth/password-reset/confirm", link | {"new_password": NEW}, content_type="application/json")
    ada.refresh_from_db()
    client_of(ada).post("/api/auth/password", {"current_password": NEW, "new_password": PASSWORD})
    form = reset_form(staff)
    set_password(staff, form)
    staff.force_login(User.objects.get())
    passwords = {"old_password": NEW, "new_password1": PASSWORD, "new_password2": PASSWORD}
    staff.post("/admin/password_change/", passwords)
    staff.post(f"/admin/accounts/user/{ada.pk}/password/", {"password1": NEW, "password2": NEW})

    found = [line for line in lines() if "sign-in" not in line]
    assert events(found) == ["password reset", "password changed"] * 2 + ["password changed"]
    assert_no_secrets(found, form, *link.values())


def test_what_fails_is_not_an_event(staff, ada, lines):
    client_of(ada).post("/api/auth/password", {"current_password": TYPED, "new_password": NEW})
    client_of(ada).delete(f"/api/users/{ada.pk}", {"password": TYPED})
    staff.post("/admin/password_change/", {"old_password": TYPED, "new_password1": NEW, "new_password2": NEW})
    staff.post(f"/admin/accounts/user/{ada.pk}/password/", {"password1": NEW, "password2": TYPED})

    assert lines() == []


def test_what_a_user_may_not_do(ada, lines):
    other = make_user(username="ben", email="ben@example.org")

    client_of(ada).delete(f"/api/users/{other.pk}", {"password": PASSWORD})

    (line,) = lines()
    assert LINE.fullmatch(line)
    assert line.startswith(f"access refused: not_owner user=- by={ada.pk} ")


def test_visibility_calendar_and_deletion(ada, lines):
    api = client_of(ada)
    api.patch(f"/api/users/{ada.pk}", {"visibility": "private"})
    api.patch(f"/api/users/{ada.pk}", {"visibility": "private"})
    url = api.post("/api/weeks/calendar-token").json()["url"]
    api.delete("/api/weeks/calendar-token")
    api.delete("/api/weeks/calendar-token")
    api.delete(f"/api/users/{ada.pk}", {"password": PASSWORD})

    found = lines()
    assert events(found) == ["visibility changed", "token created", "token revoked", "account deleted"]
    assert {re.search(r"user=(\S+)", line)[1] for line in found} == {str(ada.pk)}
    assert_no_secrets(found, url.partition("token=")[2])


def form_of(page):
    """What a browser would send of the admin's form."""
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def test_what_staff_change_of_an_account(staff, ada, lines):
    bea = make_user(username="bea")
    address = f"/admin/accounts/user/{bea.pk}/change/"
    group = Group.objects.create(name="helpers")
    steps = {
        "address changed": {"email": "new@example.org"},
        "visibility changed": {"visibility": "private"},
        "staff rights changed": {"is_staff": "on", "is_superuser": "on", "groups": [group.pk]},
        "account deactivated": {"is_active": ""},
    }
    lines()

    for event, changes in steps.items():
        response = staff.post(address, form_of(staff.get(address)) | changes)

        assert response.status_code == 302, response.context["errors"]
        [line] = lines()
        assert line.startswith(f"{event} user={bea.pk} by={ada.pk} ")
        assert LINE.fullmatch(line)


def test_what_staff_do_with_accounts(staff, ada, lines):
    new = {"username": "cleo", "email": "cleo@example.org", "usable_password": "true"}
    staff.post("/admin/accounts/user/add/", new | {"password1": NEW, "password2": NEW})
    cleo = User.objects.get(username="cleo")
    services.create_token(cleo, name="one", scope="read")
    services.create_token(cleo, name="two", scope="read")
    one, two = cleo.api_tokens.order_by("pk")
    staff.post(f"/admin/accounts/apitoken/{one.pk}/delete/", {"post": "yes"})
    act(staff, "apitoken", "delete_selected", two)
    act(staff, "user", "deactivate", cleo)
    act(staff, "user", "activate", cleo)
    staff.post(f"/admin/accounts/user/{cleo.pk}/delete/", {"post": "yes"})
    act(staff, "user", "delete_selected", make_user())

    found = lines()
    tokens, accounts = ["token revoked"] * 2, ["account deactivated", "account activated", *["account deleted"] * 2]
    assert events(found) == ["account created", *tokens, *accounts]
    assert all(f" by={ada.pk} " in line for line in found)
    assert_no_secrets(found)


def act(staff, model, action, row):
    data = {"action": action, "_selected_action": [row.pk], "post": "yes"}
    assert staff.post(f"/admin/accounts/{model}/", data).status_code == 302


def test_what_staff_do_with_groups(staff, lines):
    staff.post("/admin/auth/group/add/", {"name": "helpers"})
    group = Group.objects.get(name="helpers")
    staff.post(f"/admin/auth/group/{group.pk}/change/", {"name": "aides"})
    staff.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})

    assert events(lines()) == [f"group {group.pk} {what}" for what in ("changed", "changed", "deleted")]


def assert_no_secrets(found, *secrets):
    assert all(LINE.fullmatch(line) for line in found)
    known = [PASSWORD, NEW, TYPED, "ada@", "example.org", *secrets]
    assert not [line for line in found for secret in known if secret.lower() in line.lower()]


# Ids of requests


@pytest.mark.parametrize("path", ["/health", "/", "/api/auth/me", "/nowhere", "/admin/"])
def test_each_request_has_an_id(client, db, path):
    first, second = (client.get(path).headers["X-Request-ID"] for _ in range(2))

    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


@pytest.mark.parametrize(
    ("https", "sent", "is_taken"),
    [
        (True, "0123-abcd.EF_", True),
        (True, "short", False),
        (True, "x" * 65, False),
        (True, "two words", False),
        (True, "<script>", False),
        (False, "0123-abcd.EF_", False),
    ],
)
def test_our_proxy_names_the_request(client, db, settings, https, sent, is_taken):
    settings.HTTPS = https

    answered = client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"]

    assert (answered == sent) == is_taken


def test_a_header_cannot_forge_a_line(ada, lines, settings):
    settings.HTTPS = True

    login(password="x", headers={"X-Forwarded-For": "1\x0b sign-in user=1", "X-Forwarded-Proto": "https"})

    [line] = lines()
    assert line.count(" ") == 5
    assert line.isprintable()
