"""Changing a password, and choosing a new one by a link in an email."""

import threading
import time
from smtplib import SMTPRecipientsRefused
from unittest.mock import Mock

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.db import connection, transaction
from rest_framework.test import APIClient

from accounts import services
from accounts.errors import Refusal
from accounts.models import User
from tests.accounts.conftest import ENDED, NEW, bearer, link_to, login, refresh, reset_form, set_password
from tests.conftest import assert_problem, at_once, client_of, delivered
from tests.factories import PASSWORD, UserFactory, make_user

INVALID = (403, "This link is invalid or has expired. Request a new one.")


def change(client, **changes):
    return client.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW} | changes)


def ask_for_link(email="ada@example.org", **extra):
    return APIClient().post("/api/auth/password-reset", {"email": email}, **extra)


def confirm(user, token=None, **changes):
    body = {"uid": services.encode_id(user), "token": token or default_token_generator.make_token(user)}
    return APIClient().post("/api/auth/password-reset/confirm", body | {"new_password": NEW} | changes)


# Change


def test_a_new_password_ends_sessions_and_tokens(user):
    pair = login().json()
    api = bearer(pair["access_token"])
    _, secret = services.create_token(user, name="widget", scope="full")

    response = change(api)

    assert (response.status_code, response.content) == (204, b"")
    assert_problem(api.get("/api/auth/me"), *ENDED)
    assert_problem(refresh(pair), *ENDED)
    assert_problem(bearer(secret).get("/api/auth/me"), *ENDED)
    assert login(password=NEW).status_code == 200


@pytest.mark.parametrize(
    ("field", "values"),
    [("current_password", ["not it", None]), ("new_password", ["short", "password123", "ada-lovelace-1", 5])],
)
def test_bad_input(db, field, values):
    user = make_user(username="ada-lovelace")
    for value in values:
        response = change(client_of(user), **{field: value})

        assert_problem(response, 422)
        assert {error["field"] for error in response.json()["errors"]} == {field}
        assert PASSWORD not in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_changes_one_wins(user):
    clients = [client_of(user) for _ in range(6)]

    statuses = at_once(6, lambda n: change(clients[n], new_password=f"{NEW}-{n}").status_code)

    assert statuses[0] == 204
    assert set(statuses[1:]) <= {401, 409}  # a late one finds that its session has ended


def test_a_change_just_after_another_is_refused(user):
    late = User.objects.get()
    services.change_password(user, NEW)

    with pytest.raises(Refusal, match="was just changed") as refusal:
        services.change_password(late, f"{NEW}-2")

    user.refresh_from_db()
    assert refusal.value.status == 409
    assert user.check_password(NEW)


# Asking for a link


def test_a_link_comes_by_email_and_sets_the_password_once(db):
    make_user(username="ada", email="Ada@example.org")

    response = ask_for_link("ADA@example.org")

    assert response.status_code == 202
    [message] = delivered()
    assert message.to == ["Ada@example.org"]
    assert "Hello ada" in message.body
    _, uid, token = link_to("Ada@example.org").removeprefix("/").split("/")
    pair = {"refresh_token": login().json()["refresh_token"]}
    assert confirm(User.objects.get(), token, uid=uid).status_code == 403  # signing in ends the link
    ask_for_link("ada@example.org")
    _, uid, token = link_to("Ada@example.org").removeprefix("/").split("/")
    confirmed = confirm(User.objects.get(), token, uid=uid)
    assert (confirmed.status_code, confirmed.content) == (204, b"")
    assert_problem(confirm(User.objects.get(), token, uid=uid), *INVALID)
    assert login(password=NEW).status_code == 200
    assert_problem(refresh(pair), 401)


def test_the_link_may_lead_to_a_frontend(user, settings):
    settings.PASSWORD_RESET_URL = "https://app.example.org/reset?uid={uid}&token={token}"

    ask_for_link()

    assert f"https://app.example.org/reset?uid={services.encode_id(user)}&token=" in delivered()[0].body


@pytest.mark.parametrize("who", ["nobody", "disabled", "without a password"])
def test_neither_answer_nor_queries_tell_whether_an_address_exists(db, django_assert_num_queries, who):
    make_user(email="known@example.org")
    if who == "disabled":
        make_user(email="ada@example.org", is_active=False)
    elif who == "without a password":
        UserFactory(email="ada@example.org", password="!")

    with django_assert_num_queries(1):
        known = ask_for_link("known@example.org")
    with django_assert_num_queries(1):
        unknown = ask_for_link()

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.headers.keys() == unknown.headers.keys()
    assert [message.to for message in delivered()] == [["known@example.org"]]


def test_a_broken_mail_server_is_in_the_log_only(user, settings, caplog):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.filebased.EmailBackend", "OPTIONS": {}}}

    assert ask_for_link().status_code == 202
    delivered()

    assert "could not be sent" in caplog.text


def test_addresses_that_a_mail_server_refuses_are_not_in_the_log(user, monkeypatch, caplog):
    refused = SMTPRecipientsRefused({user.email: (550, b"no such mailbox")})
    monkeypatch.setattr("django.core.mail.EmailMessage.send", Mock(side_effect=refused))

    assert ask_for_link(user.email).status_code == 202
    delivered()

    assert "could not be sent (SMTPRecipientsRefused)" in caplog.text
    assert user.email not in caplog.text


def test_links_are_limited_per_client_and_address(user, settings):
    settings.RESET_RATE = "1/hour"

    by_both = [ask_for_link(REMOTE_ADDR="192.0.2.200").status_code for _ in range(2)]
    by_client = [ask_for_link(f"p{n}@example.org", REMOTE_ADDR="192.0.2.201").status_code for n in range(4)]
    by_address = [ask_for_link(REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(10)]

    assert (by_both, by_client, by_address) == ([202, 429], [202] * 3 + [429], [202] * 9 + [429])
    assert len(delivered()) == 10


def test_strangers_who_ask_for_links_do_not_stop_the_owner(user, settings):
    settings.RESET_RATE = "1/hour"
    login(REMOTE_ADDR="192.0.2.200")
    for n in range(11):
        ask_for_link(REMOTE_ADDR=f"192.0.2.{n}")

    assert ask_for_link(REMOTE_ADDR="192.0.2.100").status_code == 429
    assert ask_for_link(REMOTE_ADDR="192.0.2.200").status_code == 202


@pytest.mark.parametrize("email", ["nobody", "", None, 5, ["a@example.org"]])
def test_an_invalid_address(db, email):
    assert_problem(ask_for_link(email), 422)


# Following it


def test_a_bad_link_is_refused(user, other):
    for changes in (
        {"token": "garbage"},
        {"token": default_token_generator.make_token(other)},
        *({"uid": uid} for uid in ("garbage", "MA", "LTE", "Ñ", services.encode_id(User(pk=10**30)))),
    ):
        assert_problem(confirm(user, **changes), *INVALID)


@pytest.mark.parametrize("what", ["time", "address", "deactivation"])
def test_a_link_ends(user, now, time_machine, what):
    token = default_token_generator.make_token(user)
    if what == "time":
        time_machine.shift(24 * 3600 + 1)
    elif what == "address":
        User.objects.update(email="new@example.org")
    else:
        User.objects.update(is_active=False)

    assert_problem(confirm(user, token), *INVALID)


@pytest.mark.parametrize("password", ["password123", "zebrafish", "hidden-one", "Good-enough-7-phrase"])
def test_only_a_valid_link_tells_what_a_password_is_like(db, password):
    user = make_user(username="hidden-one", email="zebrafish77@example.org")

    for uid in (services.encode_id(user), "OTk5"):
        assert_problem(confirm(user, "garbage", uid=uid, new_password=password), *INVALID)


def test_a_weak_password_is_refused_and_does_not_count_as_asking_for_a_link(settings, db):
    settings.RESET_RATE = "1/hour"
    user = make_user(username="ada-lovelace", email="ada@example.org")
    ask_for_link()

    assert [confirm(user, new_password=weak).status_code for weak in ["ada-lovelace-1", "short"] * 2] == [422] * 4
    assert confirm(user).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_of_a_link_one_wins(user):
    token = default_token_generator.make_token(user)

    statuses = at_once(8, lambda n: confirm(user, token, new_password=f"{NEW}-{n}").status_code)

    assert statuses == [204] + [403] * 7


@pytest.mark.django_db(transaction=True)
def test_a_link_that_another_request_is_using_is_refused(user):
    token, statuses = default_token_generator.make_token(user), []

    def act():
        statuses.append(confirm(user, token).status_code)
        connection.close()

    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        thread = threading.Thread(target=act)
        thread.start()
        time.sleep(0.3)
        locked.set_password("First-come-first-1")
        locked.save()
    thread.join()

    user.refresh_from_db()
    assert statuses == [403]
    assert user.check_password("First-come-first-1")


# Pages


def test_the_pages_lead_from_the_admin_to_a_new_password(client, user):
    assert b'href="/reset"' in client.get("/admin/login/").content

    asked = client.post("/reset", {"email": "ada@example.org"}, follow=True)
    path = link_to()
    form = client.get(path, follow=True).request["PATH_INFO"]
    User.objects.update(visibility="private")
    done = set_password(client, form, follow=True)

    user.refresh_from_db()
    assert b"we have sent a link" in asked.content
    assert b"Password changed" in done.content
    assert user.check_password(NEW)
    assert user.visibility == "private"  # nothing but the password is saved
    assert b"Request a new one" in client.get(path, follow=True).content


def test_the_page_gives_a_disabled_account_no_password(client, user):
    form = reset_form(client)
    User.objects.update(is_active=False)

    response = set_password(client, form)

    user.refresh_from_db()
    assert response.status_code == 403
    assert user.check_password(PASSWORD)


def test_a_password_that_is_too_long_to_sign_in_with_is_refused(client, user):
    response = set_password(client, reset_form(client), "Correct-horse" * 8)

    assert response.status_code == 200
    assert b"at most 100 characters" in response.content


def test_the_page_is_limited_as_the_api_is(client, user, settings):
    settings.RESET_RATE = "1/hour"
    client.post("/reset", {"email": "ada@example.org"})

    refused = client.post("/reset", {"email": "ada@example.org"})

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert_problem(ask_for_link(), 429)
