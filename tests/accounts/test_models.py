import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client

from accounts import services
from accounts.checks import check_secret_key
from accounts.models import ApiToken, Invitation, User
from tests.accounts.conftest import admin_login
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("user_username_lower", {"username": "Ada", "email": "x@example.org"}),
        ("user_username_length", {"username": "ad", "email": "x@example.org"}),
        ("user_username_not_reserved", {"username": "all", "email": "x@example.org"}),
        ("username", {"username": "ada", "email": "x@example.org"}),
        ("user_email_unique", {"username": "ben", "email": "ADA@example.org"}),
    ],
)
def test_the_database_refuses(constraint, values):
    UserFactory(username="ada", email="Ada@Example.org")

    with pytest.raises(IntegrityError, match=constraint):
        User.objects.bulk_create([User(**values)])


@pytest.mark.parametrize(
    ("constraint", "model", "values"),
    [
        ("user_visibility", User, {"visibility": "friends"}),
        ("user_notifications", User, {"notifications": "daily"}),
        ("apitoken_scope", ApiToken, {"scope": "all"}),
        ("apitoken_name_present", ApiToken, {"name": ""}),
        ("invitation_used_at", Invitation, {"used_by": 1}),
    ],
)
def test_the_database_refuses_a_change(user, constraint, model, values):
    services.create_token(user, name="widget", scope="read")
    services.invite()

    with pytest.raises(IntegrityError, match=constraint):
        model.objects.update(**values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "Ada@example.org"}, "Email already registered"),
        ({"time_zone": "Mars/Phobos"}, "IANA time zone"),
        ({"visibility": "friends"}, "not a valid choice"),
        # Letter case means the same everywhere in ASCII only.
        ({"email": "ada\u212a@example.org"}, "Enter"),
        ({"email": "ada@bücher.example"}, "ASCII"),
        ({"email": "ada"}, "Enter a valid email address"),
    ],
)
def test_validation_has_a_message(changes, message):
    UserFactory(email="ada@example.org")
    values = {"username": "ben", "email": "ben@example.org", "password": "x"}

    with pytest.raises(ValidationError, match=message):
        User(**values | changes).full_clean()


def test_names_are_stored_in_lower_case():
    assert User.objects.create_user("Ada", "Ada@Example.org").username == "ada"
    assert User.objects.create_superuser("Root", "root@example.org").username == "root"
    assert User.objects.get(username="ada").email == "Ada@Example.org"


def test_createsuperuser_says_that_an_address_is_taken():
    UserFactory(email="ada@example.org")

    with pytest.raises(CommandError, match="Email already registered"):
        call_command("createsuperuser", interactive=False, username="root", email="ADA@example.org")


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.org", "Ada@Example.ORG"])
def test_the_admin_lets_staff_in_by_name_or_address(name):
    User.objects.create_superuser("ada", "ada@example.org", "a-password")

    page = admin_login(Client(), name, "a-password")

    assert (page.status_code, page.headers["Location"]) == (302, "/admin/")


def test_the_admin_refuses_disabled_accounts():
    User.objects.create_superuser("ada", "ada@example.org", "a-password", is_active=False)

    assert admin_login(Client(), "ada", "a-password").status_code == 200


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + "abcdefghij" * 6])
def test_a_weak_secret_key_is_a_warning(settings, key):
    settings.SECRET_KEY = key

    assert [warning.id for warning in check_secret_key(None)] == ["accounts.W001"]


def test_a_weak_secret_key_is_fine_while_debugging(settings):
    settings.SECRET_KEY, settings.DEBUG = "short", True

    assert check_secret_key(None) == []
