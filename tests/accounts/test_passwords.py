"""Changing a password, and choosing a new one by a link that was sent."""

import re
import threading
import time

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.db import connection, transaction
from rest_framework.test import APIClient

from accounts import services
from accounts.errors import Refusal
from tests.conftest import access_token, assert_problem, at_once, client_of, delivered, refresh_token
from tests.factories import PASSWORD, UserFactory, make_user

NEW = "Quite-another-7-phrase"


def change(client, **changes):
    return client.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW} | changes)


def ask_for_link(client, email="ada@example.org", **extra):
    return client.post("/api/auth/password-reset", {"email": email}, **extra)


def confirm(client, user, token=None, **changes):
    body = {"uid": services.encode_id(user), "token": token or default_token_generator.make_token(user)}
    return client.post("/api/auth/password-reset/confirm", body | {"new_password": NEW} | changes)


# Change


def test_change_password(db, anonymous):
    user = make_user(username="ada")
    refresh = refresh_token(user)
    api = APIClient(headers={"Authorization": f"Bearer {access_token(user)}"})
    _, secret = services.create_token(user, name="widget", scope="full")

    response = change(api)

    user.refresh_from_db()
    assert (response.status_code, response.content) == (204, b"")
    assert user.check_password(NEW)
    assert_problem(api.get("/api/auth/me"), 401, "Could not validate credentials")
    assert_problem(anonymous.post("/api/auth/refresh", {"refresh_token": refresh}), 401)
    assert_problem(anonymous.get("/api/auth/me", headers={"Authorization": f"Bearer {secret}"}), 401)
    assert anonymous.post("/api/auth/login", {"username": "ada", "password": NEW}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"current_password": "not it"}, "current_password"),
        ({"current_password": None}, "current_password"),
        ({"new_password": "short"}, "new_password"),
        ({"new_password": "password123"}, "new_password"),
        ({"new_password": "ada-lovelace-1"}, "new_password"),
        ({"new_password": 5}, "new_password"),
    ],
)
def test_change_password_refuses(db, changes, field):
    user = make_user(username="ada-lovelace")

    response = change(client_of(user), **changes)

    assert_problem(response, 422)
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert PASSWORD not in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_guessing_the_current_password_is_limited(db, settings):
    settings.LOGIN_RATE = "2/min"
    api = client_of(make_user())

    statuses = [change(api, current_password="guess").status_code for _ in range(3)]

    assert statuses == [422, 422, 429]


def test_change_password_asks_who_is_asking(anonymous):
    assert_problem(change(anonymous), 401, "Not authenticated")


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_changes_one_wins():
    user = make_user()
    clients = [client_of(user) for _ in range(6)]

    statuses = at_once(6, lambda n: change(clients[n], new_password=f"{NEW}-{n}").status_code)

    assert statuses[0] == 204
    assert set(statuses[1:]) <= {401, 409}  # a late one finds that its session has ended


def test_who_changes_a_password_that_was_just_changed_is_told(db):
    user = make_user()
    late = type(user).objects.get()
    services.change_password(user, NEW)

    with pytest.raises(Refusal, match="was just changed") as refusal:
        services.change_password(late, f"{NEW}-2")

    user.refresh_from_db()
    assert refusal.value.status == 409
    assert user.check_password(NEW)


# Reset


def test_a_link_comes_by_mail_and_sets_the_password(anonymous, settings):
    user = make_user(username="ada", email="Ada@example.org")

    response = ask_for_link(anonymous, "ADA@example.org")

    assert response.status_code == 202
    [message] = delivered()
    assert message.to == ["Ada@example.org"]
    assert "Hello ada" in message.body
    uid, token = re.search(r"http://testserver/reset/(\S+)/(\S+)", message.body).groups()
    refresh = refresh_token(user)
    body = {"uid": uid, "token": token, "new_password": NEW}
    confirmed = anonymous.post("/api/auth/password-reset/confirm", body)
    assert (confirmed.status_code, confirmed.content) == (204, b"")
    assert anonymous.post("/api/auth/login", {"username": "ada", "password": NEW}).status_code == 200
    assert_problem(anonymous.post("/api/auth/refresh", {"refresh_token": refresh}), 401)
    assert_problem(anonymous.post("/api/auth/password-reset/confirm", body), 403)


def test_the_link_may_lead_to_a_frontend(anonymous, settings):
    settings.PASSWORD_RESET_URL = "https://app.example.org/reset?uid={uid}&token={token}"
    user = make_user(email="ada@example.org")

    ask_for_link(anonymous)

    assert f"https://app.example.org/reset?uid={services.encode_id(user)}&token=" in delivered()[0].body


@pytest.mark.parametrize("who", ["nobody", "disabled", "without a password"])
def test_the_answer_never_tells_whether_an_address_exists(anonymous, who):
    make_user(email="known@example.org")
    somebody = make_user(email="ada@example.org", is_active=False) if who == "disabled" else None
    if who == "without a password":
        somebody = UserFactory.build(email="ada@example.org")
        somebody.set_unusable_password()
        somebody.save()

    known, unknown = ask_for_link(anonymous, "known@example.org"), ask_for_link(anonymous)

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.headers.keys() == unknown.headers.keys()
    assert [message.to for message in delivered()] == [["known@example.org"]]


def test_a_known_address_costs_the_same_queries(anonymous, django_assert_num_queries):
    make_user(email="known@example.org")

    with django_assert_num_queries(1):
        ask_for_link(anonymous, "known@example.org")
    with django_assert_num_queries(1):
        ask_for_link(anonymous)


def test_a_dead_mail_server_is_in_the_log_only(anonymous, settings, caplog):
    make_user(email="ada@example.org")
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.filebased.EmailBackend", "OPTIONS": {}}}

    assert ask_for_link(anonymous).status_code == 202
    delivered()

    assert "could not be sent" in caplog.text


def test_links_are_limited_per_client_and_address(anonymous, settings):
    settings.RESET_RATE = "1/hour"
    make_user(email="ada@example.org")

    by_both = [ask_for_link(anonymous, REMOTE_ADDR="192.0.2.200").status_code for _ in range(2)]
    by_client = [ask_for_link(anonymous, f"p{n}@example.org", REMOTE_ADDR="192.0.2.201").status_code for n in range(4)]
    by_address = [ask_for_link(anonymous, REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(10)]

    assert (by_both, by_client, by_address) == ([202, 429], [202] * 3 + [429], [202] * 9 + [429])
    assert len(delivered()) == 10


def test_a_stranger_who_asks_for_links_does_not_stop_the_owner(anonymous, settings):
    settings.RESET_RATE = "1/hour"
    make_user(username="ada", email="ada@example.org")
    anonymous.post("/api/auth/login", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR="192.0.2.200")
    for n in range(11):
        ask_for_link(anonymous, REMOTE_ADDR=f"192.0.2.{n}")

    assert ask_for_link(anonymous, REMOTE_ADDR="192.0.2.100").status_code == 429
    assert ask_for_link(anonymous, REMOTE_ADDR="192.0.2.200").status_code == 202


@pytest.mark.parametrize("email", ["nobody", "", None, 5, ["a@example.org"]])
def test_what_is_no_address_is_invalid(anonymous, email):
    assert_problem(ask_for_link(anonymous, email), 422)


def test_confirm_refuses_a_bad_link(anonymous):
    user, other = make_user(), make_user()
    for changes in (
        {"token": "garbage"},
        {"token": default_token_generator.make_token(other)},
        {"uid": "garbage"},
        {"uid": "MA"},
        {"uid": "LTE"},
        {"uid": "Ñ"},
        {"uid": services.encode_id(type(user)(pk=10**30))},
    ):
        response = confirm(anonymous, user, **changes)

        assert_problem(response, 403, "This link is invalid or has expired. Request a new one.")


def test_a_link_ends_with_time_address_password_and_sign_in(anonymous, now, time_machine):
    user = make_user(username="ada", email="ada@example.org")
    token = default_token_generator.make_token(user)
    time_machine.shift(24 * 3600 + 1)
    assert_problem(confirm(anonymous, user, token), 403)

    token = default_token_generator.make_token(user)
    type(user).objects.filter(pk=user.pk).update(email="new@example.org")
    assert_problem(confirm(anonymous, user, token), 403)

    token = default_token_generator.make_token(user)
    anonymous.post("/api/auth/login", {"username": "ada", "password": PASSWORD})
    assert_problem(confirm(anonymous, user, token), 403)
    delivered()


@pytest.mark.parametrize("password", ["password123", "zebrafish", "hidden-one", "Good-enough-7-phrase"])
def test_without_a_good_link_nobody_is_told_what_a_password_is_like(anonymous, password):
    user = make_user(username="hidden-one", email="zebrafish77@example.org")

    for uid in (services.encode_id(user), "OTk5"):
        response = confirm(anonymous, user, "garbage", uid=uid, new_password=password)

        assert_problem(response, 403, "This link is invalid or has expired. Request a new one.")


def test_confirm_asks_for_a_good_password(anonymous):
    user = make_user(username="ada-lovelace")

    assert_problem(confirm(anonymous, user, new_password="ada-lovelace-1"), 422)
    assert_problem(confirm(anonymous, user, new_password="short"), 422)


def test_a_disabled_account_gets_no_new_password(anonymous):
    user = make_user(is_active=False)

    assert_problem(confirm(anonymous, user), 403)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_of_a_link_one_wins():
    user = make_user()
    token = default_token_generator.make_token(user)

    statuses = at_once(8, lambda n: confirm(APIClient(), user, token, new_password=f"{NEW}-{n}").status_code)

    assert statuses == [204] + [403] * 7


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_used_while_somebody_else_uses_it_is_used():
    user = make_user()
    token, statuses = default_token_generator.make_token(user), []

    def act():
        statuses.append(confirm(APIClient(), user, token).status_code)
        connection.close()

    with transaction.atomic():
        locked = type(user).objects.select_for_update().get(pk=user.pk)
        thread = threading.Thread(target=act)
        thread.start()
        time.sleep(0.3)
        locked.set_password("First-come-first-1")
        locked.save()
    thread.join()

    user.refresh_from_db()
    assert statuses == [403]
    assert user.check_password("First-come-first-1")


def test_retries_of_a_link_do_not_count_as_asking_for_one(anonymous, settings):
    settings.RESET_RATE = "1/hour"
    user = make_user(email="ada@example.org")
    ask_for_link(anonymous)

    assert [confirm(anonymous, user, new_password="short").status_code for _ in range(4)] == [422] * 4
    assert confirm(anonymous, user).status_code == 204


def test_who_guesses_from_outside_locks_nobody_out_of_their_own_account(anonymous, settings):
    settings.LOGIN_RATE = "2/min"
    user = make_user(username="ada")
    for _ in range(3):
        anonymous.post("/api/auth/login", {"username": "ada", "password": "guess"})

    assert change(client_of(user)).status_code == 204


# Pages


def page_of_link(client):
    """The address of the form that a link leads to."""
    client.post("/reset", {"email": "ada@example.org"})
    path = re.search(r"http://testserver(/reset/\S+)", delivered()[-1].body)[1]
    return client.get(path, follow=True).request["PATH_INFO"]


def test_the_page_saves_the_password_alone(client, db):
    user = make_user(email="ada@example.org")
    form = page_of_link(client)
    type(user).objects.filter(pk=user.pk).update(visibility="private")

    client.post(form, {"new_password1": NEW, "new_password2": NEW})

    user.refresh_from_db()
    assert (user.visibility, user.check_password(NEW)) == ("private", True)


def test_the_page_gives_a_disabled_account_no_password(client, db):
    user = make_user(email="ada@example.org")
    form = page_of_link(client)
    type(user).objects.filter(pk=user.pk).update(is_active=False)

    response = client.post(form, {"new_password1": NEW, "new_password2": NEW})

    user.refresh_from_db()
    assert response.status_code == 403
    assert user.check_password(PASSWORD)


def test_nobody_chooses_a_password_that_is_too_long_to_sign_in_with(client, db):
    make_user(email="ada@example.org")
    long = "Correct-horse" * 8

    response = client.post(page_of_link(client), {"new_password1": long, "new_password2": long})

    assert response.status_code == 200
    assert b"at most 100 characters" in response.content


def test_the_pages_lead_from_the_admin_to_a_new_password(client, db):
    user = make_user(username="ada", email="ada@example.org")
    assert b'href="/reset"' in client.get("/admin/login/").content

    asked = client.post("/reset", {"email": "ada@example.org"}, follow=True)
    path = re.search(r"http://testserver(/reset/\S+)", delivered()[0].body)[1]
    form = client.get(path, follow=True)
    done = client.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW}, follow=True)

    user.refresh_from_db()
    assert b"we have sent a link" in asked.content
    assert b"Password changed" in done.content
    assert user.check_password(NEW)
    assert b"Request a new one" in client.get(path, follow=True).content


def test_the_page_is_limited_as_the_api_is(client, db, settings):
    settings.RESET_RATE = "1/hour"
    client.post("/reset", {"email": "ada@example.org"})

    refused = client.post("/reset", {"email": "ada@example.org"})

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert_problem(ask_for_link(APIClient()), 429)
