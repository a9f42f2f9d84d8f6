import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client

from accounts.checks import check_secret_key
from accounts.models import User
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


def test_validation_says_so_kindly():
    UserFactory(email="ada@example.org")

    with pytest.raises(ValidationError, match="Email already registered"):
        User(username="ben", email="Ada@example.org", password="x").full_clean()
    with pytest.raises(ValidationError, match="IANA time zone"):
        User(username="ben", email="ben@example.org", password="x", time_zone="Mars/Phobos").full_clean()


@pytest.mark.parametrize("email", ["ada\u212a@example.org", "ada@bücher.example", "ada"])
def test_addresses_are_ascii_so_that_letter_case_means_the_same_everywhere(email):
    with pytest.raises(ValidationError):
        User(username="ada", email=email, password="x").full_clean()


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

    page = Client().post("/admin/login/?next=/admin/", {"username": name, "password": "a-password"})

    assert (page.status_code, page.headers["Location"]) == (302, "/admin/")


def test_the_admin_turns_disabled_accounts_away():
    User.objects.create_superuser("ada", "ada@example.org", "a-password", is_active=False)

    page = Client().post("/admin/login/", {"username": "ada", "password": "a-password"})

    assert page.status_code == 200


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + "abcdefghij" * 6])
def test_a_weak_secret_key_is_a_warning(settings, key):
    settings.SECRET_KEY = key

    assert [warning.id for warning in check_secret_key(None)] == ["accounts.W001"]


def test_a_weak_secret_key_is_fine_while_debugging(settings):
    settings.SECRET_KEY, settings.DEBUG = "short", True

    assert check_secret_key(None) == []
