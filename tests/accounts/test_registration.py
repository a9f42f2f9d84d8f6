"""Registration, open or by invitation: an invitation's link creates one account, for some time."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import services
from accounts.models import Invitation, User
from tests.accounts.conftest import join, login, register
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed(settings):
    settings.REGISTRATION_OPEN = False


def test_register(now):
    response = register(username="Cleo", email="Cleo@Example.org", is_staff=True)

    user = User.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": user.pk,
        "username": "cleo",
        "email": "Cleo@Example.org",
        "pending_email": None,
        "is_active": True,
        "created_at": "2026-02-11T12:00:00Z",
        "display_name": None,
        "time_zone": "UTC",
        "visibility": "members",
        "notifications": "off",
    }
    assert user.check_password(PASSWORD)
    assert not user.is_staff
    assert client_of(user).get("/api/auth/me").json() == response.json()


def test_the_name_is_checked_first():
    UserFactory(username="cleo", email="cleo@example.org")

    assert_problem(register(), 409, "Username already registered")
    assert_problem(register(username="ben"), 409, "Email already registered")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("username", ["ad", "All", "a" * 51, "ada lovelace", "ädä", "ada\n", 12345, None]),
        ("email", ["nobody", True, "a" * 250 + "@example.org"]),
        ("password", ["Sh0rt-1", "x" * 101, "password123", "8529637418", "cleo@example", ["a", "b"], "\0" + PASSWORD]),
    ],
)
def test_bad_input_is_refused_and_not_repeated(field, values):
    for value in values:
        response = register(**{field: value})

        assert_problem(response, 422)
        assert response.json()["errors"][0]["field"] == field
        assert field in response.json()["detail"].lower()
        assert str(value) not in response.content.decode() or field != "password"
    assert not User.objects.exists()


@pytest.mark.parametrize("password", [" blanks count ", "x" * 80 + "-long-one", "päßwört-ünd-mehr"])
def test_passwords_are_taken_as_they_are(password):
    assert register(password=password).status_code == 201

    assert login("cleo", password).status_code == 200
    assert login("cleo", password.strip() + "!").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_registrations_one_wins():
    statuses = at_once(8, lambda number: register(email=f"cleo{number % 2}@example.org").status_code)

    assert statuses == [201] + [409] * 7
    assert User.objects.count() == 1


# Invitations


def test_an_invitation_opens_a_closed_registration_once(closed):
    invitation, code = services.invite(note="Cleo")

    first, second = register(invitation=code), register(invitation=code, username="dora", email="dora@example.org")

    invitation.refresh_from_db()
    assert first.status_code == 201
    assert invitation.used_by.username == "cleo"
    assert_problem(second, 409, "This invitation has been used")
    assert code not in str(Invitation.objects.values().get())
    services.delete_account(User.objects.get())
    assert_problem(register(invitation=code), 409, "This invitation has been used")


@pytest.mark.parametrize("code", ["", None, "garbage", 5, "\x00"])
def test_without_a_valid_invitation_it_stays_closed(closed, code):
    UserFactory(username="cleo")

    assert_problem(register(invitation=code), 403)  # also where the name is taken, which outsiders are not told


def test_outsiders_are_not_told_what_is_invalid(closed):
    assert_problem(register(username="x"), 403, "Registration is closed")


def test_an_invitation_expires(closed, now, time_machine):
    _, code = services.invite(days=2)
    time_machine.shift(timedelta(days=2))

    assert_problem(register(invitation=code), 403, "This invitation is invalid or has expired")


def test_a_failed_registration_leaves_the_invitation_valid(closed):
    UserFactory(username="cleo")
    _, code = services.invite()

    assert_problem(register(invitation=code), 409, "Username already registered")
    assert_problem(register(invitation=code, password="short"), 422)
    assert register(invitation=code, username="dora", email="dora@example.org").status_code == 201


def test_an_invitation_is_also_used_where_registration_is_open():
    invitation, code = services.invite()

    assert register(invitation=code).status_code == 201
    invitation.refresh_from_db()
    assert invitation.used_by.username == "cleo"


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_of_an_invitation_one_wins(closed):
    _, code = services.invite()

    def act(n):
        return register(username=f"person{n}", email=f"person{n}@example.org", invitation=code).status_code

    assert at_once(8, act) == [201] + [409] * 7
    assert User.objects.count() == 1


# The command


def invite(*arguments):
    out, err = StringIO(), StringIO()
    call_command("invite", *arguments, stdout=out, stderr=err)
    return out.getvalue().split(), err.getvalue()


def test_the_command_creates_links(settings, client):
    settings.SITE_URL = "https://opinions.example.org"

    links, warning = invite("--note", "Cleo", "--count", "2", "--days", "3")

    assert len(set(links)) == 2
    assert warning == ""
    for link in links:
        assert client.get(link.removeprefix("https://opinions.example.org")).status_code == 200
    assert {(row.note, (row.expires_at - timezone.now()).days) for row in Invitation.objects.all()} == {("Cleo", 2)}


def test_the_command_warns_where_links_lead_to_this_machine(now):
    links, warning = invite()
    quiet, silence = invite("-v", "0")
    verbose, _ = invite("-v", "2", "--note", "Cleo")

    assert links[0].startswith("http://127.0.0.1:8000/join/")
    assert "Set SITE_URL" in warning
    assert (len(quiet), silence) == (1, "")
    assert " ".join(verbose[1:]) == "Invitation for Cleo, valid until 2026-02-25"


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "soon"], ["--count", "101"]])
def test_the_command_refuses_odd_numbers(arguments):
    with pytest.raises(CommandError, match="is not a number from"):
        invite(*arguments)


# The page


def test_the_page_creates_an_account(client, closed):
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
def test_the_page_says_what_is_wrong(client, closed, changes, sentence):
    UserFactory(username="ben", email="ben@example.org")
    invitation, code = services.invite()

    response = join(client, code, **changes)

    assert response.status_code == 200
    assert sentence in response.content.decode()
    invitation.refresh_from_db()
    assert invitation.is_valid


def test_the_page_of_a_bad_link_says_so_and_counts_as_a_registration(client, settings):
    settings.REGISTER_RATE = "1/hour"
    assert client.get("/join/garbage").status_code == 403
    assert join(client, "garbage").status_code == 403

    assert join(client, "garbage").status_code == 429
    assert_problem(register(), 429)
    assert not User.objects.exists()
