"""Registration by invitation: a link is good for one account, for some time."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import Invitation, User
from tests.conftest import assert_problem, at_once
from tests.factories import PASSWORD, UserFactory

ACCOUNT = {"username": "cleo", "email": "cleo@example.org", "password": PASSWORD}


@pytest.fixture
def closed(settings):
    settings.REGISTRATION_OPEN = False


def register(client, **changes):
    return client.post("/api/auth/register", ACCOUNT | changes)


def test_an_invitation_opens_a_closed_registration_once(anonymous, closed):
    invitation, code = services.invite(note="Cleo")

    first = register(anonymous, invitation=code)
    second = register(anonymous, invitation=code, username="dora", email="dora@example.org")

    invitation.refresh_from_db()
    assert first.status_code == 201
    assert invitation.used_by.username == "cleo"
    assert_problem(second, 409, "This invitation has been used")
    assert User.objects.count() == 1


@pytest.mark.parametrize("code", ["", None, "garbage", 5, "\x00"])
def test_without_a_good_one_it_stays_closed(anonymous, closed, code):
    response = anonymous.post("/api/auth/register", ACCOUNT | {"invitation": code})

    assert_problem(response, 403)


def test_outsiders_are_not_told_which_names_are_taken(anonymous, closed):
    UserFactory(username="cleo")

    assert_problem(register(anonymous), 403, "Registration is closed")
    assert_problem(register(anonymous, username="x"), 403, "Registration is closed")


def test_an_invitation_expires(anonymous, closed, now, time_machine):
    _, code = services.invite(days=2)
    time_machine.shift(timedelta(days=2))

    assert_problem(register(anonymous, invitation=code), 403, "This invitation is invalid or has expired")


def test_a_failed_registration_leaves_the_invitation_good(anonymous, closed):
    UserFactory(username="cleo")
    _, code = services.invite()

    assert_problem(register(anonymous, invitation=code), 409, "Username already registered")
    assert_problem(register(anonymous, invitation=code, password="short"), 422)
    assert register(anonymous, invitation=code, username="dora", email="dora@example.org").status_code == 201


def test_where_registration_is_open_an_invitation_is_used_all_the_same(anonymous):
    invitation, code = services.invite()

    assert register(anonymous, invitation=code).status_code == 201
    invitation.refresh_from_db()
    assert invitation.used_by.username == "cleo"


def test_the_code_is_not_kept(db):
    _, code = services.invite()

    assert code not in str(Invitation.objects.values().get())


def test_the_database_refuses_an_invitation_used_at_no_time(db):
    invitation, _ = services.invite()

    with pytest.raises(IntegrityError, match="invitation_used_at"):
        Invitation.objects.filter(pk=invitation.pk).update(used_by=UserFactory())


def test_it_stays_used_when_who_used_it_leaves(anonymous, closed):
    _, code = services.invite()
    register(anonymous, invitation=code)
    services.delete_account(User.objects.get(username="cleo"))

    assert_problem(register(anonymous, invitation=code), 409, "This invitation has been used")


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_one_wins(settings):
    settings.REGISTRATION_OPEN = False
    _, code = services.invite()

    def act(n):
        name = f"person{n}"
        return register(APIClient(), username=name, email=f"{name}@example.org", invitation=code).status_code

    assert at_once(8, act) == [201] + [409] * 7
    assert User.objects.count() == 1


# The command


def invite(*arguments):
    out, err = StringIO(), StringIO()
    call_command("invite", *arguments, stdout=out, stderr=err)
    return out.getvalue().split(), err.getvalue()


def test_the_command_makes_links(db, settings, client):
    settings.SITE_URL = "https://opinions.example.org"

    links, said = invite("--note", "Cleo", "--count", "2", "--days", "3")

    assert len(set(links)) == 2
    assert said == ""
    for link in links:
        assert client.get(link.removeprefix("https://opinions.example.org")).status_code == 200
    assert {(row.note, (row.expires_at - timezone.now()).days) for row in Invitation.objects.all()} == {("Cleo", 2)}


def test_the_command_says_where_its_links_lead(db):
    links, said = invite()

    assert links[0].startswith("http://127.0.0.1:8000/join/")
    assert "SITE_URL" in said


def test_the_command_says_as_much_as_asked(db, now):
    quiet, said = invite("-v", "0")
    chatty, _ = invite("-v", "2", "--note", "Cleo")

    assert (len(quiet), said) == (1, "")
    assert " ".join(chatty[1:]) == "Invitation for Cleo, valid until 2026-02-25"


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "soon"], ["--count", "101"]])
def test_the_command_refuses_odd_numbers(db, arguments):
    with pytest.raises(CommandError, match="is not a number from"):
        invite(*arguments)


# The page


def join(client, code, **changes):
    form = {"username": "Cleo", "email": "cleo@example.org", "password1": PASSWORD, "password2": PASSWORD}
    return client.post(f"/join/{code}", form | changes)


def test_the_page_makes_an_account(client, db, closed):
    _, code = services.invite()
    assert b"Create account" in client.get(f"/join/{code}").content

    response = join(client, code)

    assert b"is ready" in response.content
    assert User.objects.get().username == "cleo"
    assert User.objects.get().check_password(PASSWORD)
    assert client.get(f"/join/{code}").status_code == 409


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"username": "ben"}, "Username already registered"),
        ({"email": "BEN@example.org"}, "Email already registered"),
        ({"username": "a b"}, "Use only letters, digits, _ and -."),
        ({"password2": "another"}, "match"),
        ({"password1": "password123", "password2": "password123"}, "too common"),
    ],
)
def test_the_page_says_what_is_wrong(client, db, closed, changes, sentence):
    UserFactory(username="ben", email="ben@example.org")
    invitation, code = services.invite()

    response = join(client, code, **changes)

    assert response.status_code == 200
    assert sentence in response.content.decode()
    invitation.refresh_from_db()
    assert invitation.is_valid


def test_the_page_of_a_bad_link_says_so(client, db):
    assert client.get("/join/garbage").status_code == 403
    assert join(client, "garbage").status_code == 403
    assert not User.objects.exists()


def test_the_page_is_limited_as_the_api_is(client, db, settings):
    settings.REGISTER_RATE = "1/hour"
    join(client, "garbage")

    assert join(client, "garbage").status_code == 429
    assert_problem(register(APIClient()), 429)
