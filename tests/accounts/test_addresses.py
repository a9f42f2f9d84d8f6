"""A new email address counts once the link in a mail to it was followed."""

import re

import pytest
from django.test import Client

from accounts import services
from accounts.models import User
from tests.conftest import assert_problem, at_once, client_of, delivered
from tests.factories import PASSWORD, UserFactory, make_user


@pytest.fixture
def user(db):
    return make_user(username="ada")


def ask(user, email="new@example.org", **values):
    body = {"email": email, "current_password": PASSWORD} | values
    return client_of(user).patch(f"/api/users/{user.pk}", body)


def link_to(email):
    """The path in the last mail to this address."""
    bodies = [message.body for message in delivered() if message.to == [email]]
    return re.search(r"http://testserver(/email/\S+)", bodies[-1])[1]


def test_a_new_address_waits_until_its_link_is_followed(user, client, caplog):
    response = ask(user, display_name="Ada L.")

    assert response.status_code == 200
    body = response.json()
    assert (body["email"], body["pending_email"], body["display_name"]) == (
        "ada@example.org",
        "new@example.org",
        "Ada L.",
    )
    path = link_to("new@example.org")
    page = client.get(path)
    assert b"<strong>new@example.org</strong>" in page.content
    assert "no-store" in page.headers["Cache-Control"]
    user.refresh_from_db()
    assert user.email == "ada@example.org"  # a GET changes nothing

    assert b"Email address changed" in client.post(path).content

    body = client_of(user).get("/api/auth/me").json()
    assert (body["email"], body["pending_email"]) == ("new@example.org", None)
    assert client.post(path).status_code == client.get(path).status_code == 403
    for event in ("requested", "changed"):
        assert f"email address {event} user={user.pk} " in caplog.text
    assert "new@example.org" not in caplog.text


def test_the_old_address_is_told_twice_and_not_of_the_new_one(user, client):
    ask(user)
    asked = [message for message in delivered() if message.to == ["ada@example.org"]]
    client.post(link_to("new@example.org"))
    told = [message for message in delivered() if message.to == ["ada@example.org"]]

    assert ["was requested" in message.body for message in asked] == [True]
    assert "was changed" in told[-1].body
    assert len(told) == 2
    assert not [message for message in told if "new@example.org" in message.body]


def test_the_form_on_the_page_is_protected_against_other_sites(user):
    ask(user)

    assert Client(enforce_csrf_checks=True).post(link_to("new@example.org")).status_code == 403


def test_a_new_address_takes_the_password(user, settings):
    settings.LOGIN_RATE = "2/min"
    missing = client_of(user).patch(f"/api/users/{user.pk}", {"email": "new@example.org"})
    assert_problem(missing, 422)
    assert missing.json()["errors"][0]["field"] == "current_password"

    refused = [ask(user, current_password="guess") for _ in range(3)]

    assert_problem(refused[0], 403, "That is not your password")
    assert refused[0].json()["code"] == "wrong_password"
    assert [answer.status_code for answer in refused] == [403, 403, 429]
    assert delivered() == []


def test_the_present_address_takes_none_and_cancels_a_request(user, client):
    ask(user)

    response = client_of(user).patch(f"/api/users/{user.pk}", {"email": "ada@example.org"})

    assert response.json()["pending_email"] is None
    assert client.post(link_to("new@example.org")).status_code == 403


def test_asking_once_more_sends_another_link(user, client):
    ask(user)
    ask(user)

    assert len(delivered()) == 4
    assert client.post(link_to("new@example.org")).status_code == 200


@pytest.mark.parametrize("what", ["another", "time", "password", "deactivated", "gone", "garbage"])
def test_a_link_ends(user, client, now, time_machine, what):
    ask(user)
    path = link_to("new@example.org")
    if what == "another":
        ask(user, "other@example.org")
    elif what == "time":
        time_machine.shift(24 * 3600 + 1)
    elif what == "password":
        services.change_password(user, "Quite-another-7-phrase")
    elif what == "deactivated":
        User.objects.filter(pk=user.pk).update(is_active=False)
    elif what == "gone":
        user.delete()
    else:
        path = "/email/x/y"

    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 403
        assert b"This link is invalid or has expired" in answer.content
    assert not User.objects.filter(email="new@example.org").exists()


def test_a_taken_address(user):
    UserFactory(email="ben@example.org")

    assert_problem(ask(user, "BEN@example.org", display_name="x"), 409, "Email already registered")

    user.refresh_from_db()
    assert (user.pending_email, user.display_name) == ("", "")
    assert delivered() == []


def test_new_addresses_are_limited(user, settings):
    settings.RESET_RATE = "2/hour"

    statuses = [ask(user, f"ada{n}@example.org").status_code for n in range(3)]

    assert statuses == [200, 200, 429]


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_accounts_that_confirm_one_address_one_wins():
    people = [UserFactory(pending_email="new@example.org") for _ in range(6)]
    paths = [f"/email/{services.encode_id(one)}/{services.EmailTokens().make_token(one)}" for one in people]

    statuses = at_once(6, lambda n: Client().post(paths[n]).status_code)

    assert statuses == [200] + [409] * 5
    assert User.objects.filter(email="new@example.org").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_of_a_link_one_wins():
    user = UserFactory(pending_email="new@example.org")
    path = f"/email/{services.encode_id(user)}/{services.EmailTokens().make_token(user)}"

    assert at_once(6, lambda n: Client().post(path).status_code) == [200] + [403] * 5
