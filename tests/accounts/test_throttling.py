import json

import pytest
from rest_framework.test import APIClient

from accounts import limits
from accounts.models import Attempts
from tests.conftest import assert_problem, at_once, refresh_token
from tests.factories import PASSWORD, UserFactory, make_user


def login(client, name="ada", **extra):
    return client.post("/api/auth/login", {"username": name, "password": "wrong"}, **extra)


def test_attempts_of_one_client_are_limited(anonymous, settings, now, time_machine):
    settings.LOGIN_RATE = "3/min"
    assert [login(anonymous, f"person{n}").status_code for n in range(3)] == [401] * 3
    time_machine.shift(20)

    refused = login(anonymous, "one-more")

    assert_problem(refused, 429)
    assert refused.headers["Retry-After"] == "40"
    time_machine.shift(40)
    assert login(anonymous).status_code == 401


def test_attempts_on_one_account_are_limited_whatever_it_is_called(anonymous, settings):
    settings.LOGIN_RATE = "3/min"
    UserFactory(username="ada", email="ada@example.org")

    names = ["ada", "ADA", "Ada@example.org", "ada"]
    statuses = [login(anonymous, name, REMOTE_ADDR=f"192.0.2.{n}").status_code for n, name in enumerate(names)]

    assert statuses == [401, 401, 401, 429]


@pytest.mark.parametrize("spelling", [" {}", "{}  ", "\t{}", "{}\n", "\u3000{}"])
def test_blanks_around_a_name_are_no_way_around_the_limit(anonymous, settings, spelling):
    settings.LOGIN_RATE = "2/min"
    UserFactory(username="ada")

    names = ["ada", spelling.format("ada"), "ada", spelling.format("ADA")]
    statuses = [login(anonymous, name, REMOTE_ADDR=f"192.0.2.{n}").status_code for n, name in enumerate(names)]

    assert statuses == [401, 401, 429, 429]


def test_wide_letters_are_no_way_around_the_limit_of_the_admin(client, settings, db):
    settings.LOGIN_RATE = "2/min"
    UserFactory(username="ada")

    names = ["ada", "ａda", "ａｄa"]
    statuses = [admin_login(client, name, REMOTE_ADDR=f"192.0.2.{n}").status_code for n, name in enumerate(names)]

    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("header", ["192.0.2.1:{}", "[2001:db8::1]:{}", "9.9.9.{}, 192.0.2.1:5"])
def test_ports_are_no_part_of_an_address(settings, db, header):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True

    statuses = [
        login(APIClient(), f"person{n}", headers={"X-Forwarded-For": header.format(n + 1)}).status_code
        for n in range(2)
    ]

    assert statuses == [401, 429]


def test_a_refused_attempt_does_not_count(anonymous, settings, now, time_machine):
    settings.LOGIN_RATE = "1/min"
    login(anonymous)
    for _ in range(5):
        time_machine.shift(5)
        assert login(anonymous).status_code == 429
    time_machine.shift(36)

    assert login(anonymous).status_code == 401


def test_off_is_no_limit(anonymous, settings):
    settings.LOGIN_RATE = None

    assert {login(anonymous).status_code for _ in range(15)} == {401}
    assert not Attempts.objects.exists()


def test_a_wrong_method_is_no_attempt(anonymous, settings):
    settings.LOGIN_RATE = "1/min"

    assert [anonymous.get("/api/auth/login").status_code for _ in range(3)] == [405] * 3
    assert login(anonymous).status_code == 401


def test_registrations_are_limited(anonymous, settings):
    settings.REGISTER_RATE = "2/hour"

    statuses = [anonymous.post("/api/auth/register", {"username": f"person{n}"}).status_code for n in range(3)]

    assert statuses == [422, 422, 429]


def test_refreshes_are_limited(user, anonymous, settings):
    settings.REFRESH_RATE = "2/min"
    tokens = [{"refresh_token": refresh_token(user)} for _ in range(3)]

    statuses = [
        anonymous.post("/api/auth/refresh", token, REMOTE_ADDR=f"192.0.2.{n}").status_code
        for n, token in enumerate(tokens)
    ]

    assert statuses == [200, 200, 429]


def test_a_refused_refresh_does_not_spend_the_token(user, anonymous, settings, now, time_machine):
    settings.REFRESH_RATE = "1/min"
    first, second = (refresh_token(user) for _ in range(2))
    anonymous.post("/api/auth/refresh", {"refresh_token": first})
    assert anonymous.post("/api/auth/refresh", {"refresh_token": second}).status_code == 429
    time_machine.shift(61)

    assert anonymous.post("/api/auth/refresh", {"refresh_token": second}).status_code == 200


@pytest.mark.parametrize("name", [5, None, ["a"], "\x00", "\ud800", "x" * 10_000])
def test_odd_names_are_counted_without_a_crash(anonymous, settings, name):
    settings.LOGIN_RATE = "10/min"

    body = json.dumps({"username": name, "password": "wrong"})
    response = anonymous.post("/api/auth/login", body, content_type="application/json")

    assert response.status_code in {401, 422}


def test_no_address_is_stored(anonymous, settings):
    settings.LOGIN_RATE = "10/min"

    login(anonymous, REMOTE_ADDR="192.0.2.77")

    assert Attempts.objects.count() == 2
    assert not any("192.0.2" in row.key for row in Attempts.objects.all())


def test_old_rows_go_away(db, now, time_machine):
    limits.take_attempt(["a"], limit=5, period=60)
    time_machine.shift(61)

    limits.take_attempt(["b"], limit=5, period=60)

    assert Attempts.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_are_all_counted():
    outcomes = at_once(12, lambda _: limits.take_attempt(["a", "b"], limit=5, period=60) is None)

    assert outcomes == [False] * 7 + [True] * 5


def test_behind_a_proxy_the_client_is_who_the_proxy_says(settings, db):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True
    client = APIClient()

    statuses = [
        login(client, f"person{n}", headers={"X-Forwarded-For": f"evil, 192.0.2.{n // 2}"}).status_code
        for n in range(4)
    ]

    assert statuses == [401, 429, 401, 429]


def test_without_a_proxy_the_header_is_no_way_around(settings, anonymous):
    settings.LOGIN_RATE = "1/min"

    statuses = [
        login(anonymous, f"person{n}", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(2)
    ]

    assert statuses == [401, 429]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_one_customer_is_one_client(anonymous, settings, first, second, same):
    settings.LOGIN_RATE = "1/min"
    login(anonymous, "person1", REMOTE_ADDR=first)

    assert (login(anonymous, "person2", REMOTE_ADDR=second).status_code == 429) == same


def admin_login(client, name="ada", password="wrong", **extra):
    return client.post("/admin/login/", {"username": name, "password": password, "next": "/admin/"}, **extra)


def test_the_admins_sign_in_is_limited_with_the_apis(client, anonymous, settings, now):
    settings.LOGIN_RATE = "3/min"
    make_user(username="ada", email="ada@example.org", is_staff=True)
    login(anonymous, "ada", REMOTE_ADDR="192.0.2.1")
    statuses = [
        admin_login(client, name, REMOTE_ADDR=f"192.0.2.{n}").status_code
        for n, name in enumerate(["ADA", "ada@example.org"], 2)
    ]

    refused = admin_login(client, password=PASSWORD, REMOTE_ADDR="192.0.2.9")

    assert statuses == [200, 200]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert b"Too many attempts" in refused.content
    assert client.get("/admin/login/").status_code == 200


def test_the_admins_sign_in_behind_a_proxy(client, settings, db):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True

    statuses = [
        admin_login(client, f"person{n}", headers={"X-Forwarded-For": f"evil, 192.0.2.{n // 2}"}).status_code
        for n in range(4)
    ]

    assert statuses == [200, 429, 200, 429]


def test_the_admins_sign_in_works(client, settings, db):
    settings.LOGIN_RATE = "3/min"
    make_user(username="ada", is_staff=True)

    response = admin_login(client, password=PASSWORD)

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
