"""A new email address is used once the link in the email to it was followed."""

import pytest
from django.test import Client

from accounts import services
from accounts.models import User
from tests.accounts.conftest import NEW, link_to
from tests.conftest import assert_problem, at_once, client_of, delivered
from tests.factories import PASSWORD, UserFactory


def ask(user, email="new@example.org", **values):
    body = {"email": email, "current_password": PASSWORD} | values
    return client_of(user).patch(f"/api/users/{user.pk}", body)


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


@pytest.mark.parametrize("what", ["another", "time", "password", "deactivated", "deleted", "garbage"])
def test_a_link_ends(user, client, now, time_machine, what):
    ask(user)
    path = link_to("new@example.org")
    match what:
        case "another":
            ask(user, "other@example.org")
        case "time":
            time_machine.shift(24 * 3600 + 1)
        case "password":
            services.change_password(user, NEW)
        case "deactivated":
            User.objects.filter(pk=user.pk).update(is_active=False)
        case "deleted":
            user.delete()
        case "garbage":
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
@pytest.mark.parametrize(("accounts", "loser"), [(6, 409), (1, 403)])
def test_of_simultaneous_uses_of_links_to_one_address_one_wins(accounts, loser):
    users = [UserFactory(pending_email="new@example.org") for _ in range(accounts)]
    paths = [f"/email/{services.encode_id(user)}/{services.EmailTokens().make_token(user)}" for user in users]

    statuses = at_once(6, lambda n: Client().post(paths[n % accounts]).status_code)

    assert statuses == [200] + [loser] * 5
    assert User.objects.filter(email="new@example.org").count() == 1
