import json

import pytest
from rest_framework.test import APIClient

from accounts.limits import MAX_KNOWN_CLIENTS, Attempt
from accounts.models import Attempts, KnownClient
from tests.conftest import assert_problem, at_once, refresh_token
from tests.conftest import client_of as api_of
from tests.factories import PASSWORD, UserFactory, make_user


def login(client, name="ada", **extra):
    return client.post("/api/auth/login", {"username": name, "password": "wrong"}, **extra)


def test_attempts_of_one_client_at_one_account_are_limited(anonymous, settings, now, time_machine):
    settings.LOGIN_RATE = "3/min"
    assert [login(anonymous).status_code for n in range(3)] == [401] * 3
    time_machine.shift(20)

    refused = login(anonymous)

    assert_problem(refused, 429, "Too many attempts. Try again in 40 seconds.")
    assert refused.headers["Retry-After"] == "40"
    time_machine.shift(40)
    assert login(anonymous).status_code == 401


@pytest.mark.parametrize(
    ("rate", "passed", "words"),
    [
        ("1/min", 59, "1 second"),
        ("1/min", 44.5, "16 seconds"),
        ("1/hour", 0, "60 minutes"),
        ("1/hour", 3481, "119 seconds"),
        ("1/day", 0, "24 hours"),
    ],
)
def test_the_refusal_says_how_long_to_wait(anonymous, settings, now, time_machine, rate, passed, words):
    settings.LOGIN_RATE = rate
    login(anonymous)
    time_machine.shift(passed)

    assert_problem(login(anonymous), 429, f"Too many attempts. Try again in {words}.")


def test_attempts_of_one_client_at_all_accounts_are_limited(anonymous, settings):
    settings.LOGIN_RATE = "1/min"

    assert [login(anonymous, f"person{n}").status_code for n in range(4)] == [401] * 3 + [429]


def test_attempts_of_all_clients_at_one_account_are_limited(anonymous, settings):
    settings.LOGIN_RATE = "1/min"

    statuses = [login(anonymous, REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(11)]

    assert statuses == [401] * 10 + [429]


@pytest.mark.parametrize("staff", [{}, {"is_staff": True, "is_superuser": True}])
def test_strangers_do_not_lock_the_owner_out(anonymous, client, settings, staff):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada", **staff)
    right = {"username": "ada", "password": PASSWORD}
    assert anonymous.post("/api/auth/login", right, REMOTE_ADDR="192.0.2.200").status_code == 200
    for n in range(11):
        login(anonymous, REMOTE_ADDR=f"192.0.2.{n}")  # from everywhere at her account
    for n in range(4):
        login(anonymous, f"person{n}", REMOTE_ADDR="192.0.2.200")  # and from her address at others

    assert anonymous.post("/api/auth/login", right, REMOTE_ADDR="192.0.2.100").status_code == 429
    assert anonymous.post("/api/auth/login", right, REMOTE_ADDR="192.0.2.200").status_code == 200
    by_address = {"username": "ada@example.org", "password": PASSWORD}
    assert anonymous.post("/api/auth/login", by_address, REMOTE_ADDR="192.0.2.200").status_code == 200
    if staff:
        assert admin_login(client, password=PASSWORD, REMOTE_ADDR="192.0.2.200").status_code == 302


def test_guesses_from_a_known_client_are_limited(anonymous, settings):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada")
    anonymous.post("/api/auth/login", {"username": "ada", "password": PASSWORD})

    assert [login(anonymous).status_code for _ in range(2)] == [401, 429]


def test_a_client_is_forgotten_after_half_a_year(anonymous, settings, now, time_machine):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada")
    right = {"username": "ada", "password": PASSWORD}
    anonymous.post("/api/auth/login", right)
    time_machine.shift(181 * 24 * 3600)
    for n in range(10):
        login(anonymous, REMOTE_ADDR=f"192.0.2.{n}")

    assert anonymous.post("/api/auth/login", right).status_code == 429


def test_few_clients_are_remembered_and_no_address_of_theirs(anonymous, now, time_machine):
    user = make_user(username="ada")
    for n in [*range(MAX_KNOWN_CLIENTS + 5), 7]:
        time_machine.shift(1)
        body = {"username": "ada", "password": PASSWORD}
        anonymous.post("/api/auth/login", body, REMOTE_ADDR=f"192.0.2.{n}")

    assert user.known_clients.count() == MAX_KNOWN_CLIENTS
    assert not [known for known in KnownClient.objects.values_list() if "192.0.2" in str(known)]


def test_a_right_password_does_not_count(anonymous, client, settings):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada", is_staff=True)
    right = {"username": "ada", "password": PASSWORD}

    assert [anonymous.post("/api/auth/login", right).status_code for _ in range(3)] == [200] * 3
    assert [admin_login(client, password=PASSWORD).status_code for _ in range(3)] == [302] * 3
    assert login(anonymous).status_code == 401


def test_a_limit_does_not_tell_which_address_is_whose(anonymous, settings):
    settings.LOGIN_RATE = "1/min"
    UserFactory(username="linkme", email="linkme@example.org")
    for n in range(11):
        login(anonymous, "linkme", REMOTE_ADDR=f"192.0.2.{n}")

    names = ["linkme@example.org", "other@example.org", "linkme"]
    statuses = [login(anonymous, name, REMOTE_ADDR="192.0.2.200").status_code for name in names]

    assert statuses == [401, 401, 429]


def test_an_unknown_name_costs_the_same_queries(anonymous, settings, django_assert_max_num_queries):
    settings.LOGIN_RATE = "10/min"
    make_user(username="ada")
    counts = set()
    for n, name in enumerate(["ada", "nobody"]):
        with django_assert_max_num_queries(15) as queries:
            login(anonymous, name, REMOTE_ADDR=f"192.0.2.{n}")
        counts.add(len(queries))

    assert len(counts) == 1


@pytest.mark.parametrize("spelling", ["ADA", "Ada"])
def test_letter_case_is_no_way_around_the_limit(anonymous, settings, spelling):
    settings.LOGIN_RATE = "1/min"
    login(anonymous, "ada")

    assert login(anonymous, spelling).status_code == 429


@pytest.mark.parametrize("spelling", [" {}", "{}  ", "\t{}", "{}\n", "\u3000{}"])
def test_blanks_around_a_name_are_no_way_around_the_limit(anonymous, settings, spelling):
    settings.LOGIN_RATE = "2/min"
    UserFactory(username="ada")

    names = ["ada", spelling.format("ada"), "ada", spelling.format("ADA")]
    statuses = [login(anonymous, name).status_code for name in names]

    assert statuses == [401, 401, 429, 429]


def test_wide_letters_are_no_way_around_the_limit_of_the_admin(client, settings, db):
    settings.LOGIN_RATE = "2/min"
    UserFactory(username="ada")

    names = ["ada", "ａda", "ａｄa"]
    statuses = [admin_login(client, name).status_code for name in names]

    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("header", ["192.0.2.1:{}", "[2001:db8::1]:{}", "9.9.9.{}, 192.0.2.1:5"])
def test_ports_are_no_part_of_an_address(settings, db, header):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True

    statuses = [login(APIClient(), headers={"X-Forwarded-For": header.format(n + 1)}).status_code for n in range(2)]

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
        for n, token in enumerate(tokens)  # the account counts, whatever the client
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

    assert Attempts.objects.count() == 3
    assert not any("192.0.2" in row.key for row in Attempts.objects.all())


def test_old_rows_go_away(db, now, time_machine):
    Attempt({"a": 5}, 60).count()
    time_machine.shift(61)

    Attempt({"b": 5}, 60).count()

    assert Attempts.objects.count() == 1


def test_refused_attempts_leave_no_rows(db):
    Attempt({"a": 1}, 60).count()

    assert Attempt({"a": 1, "b": 1}, 60).count() > 0
    assert Attempts.objects.count() == 1


def test_an_attempt_can_be_taken_back(db):
    attempt = Attempt({"a": 1, "b": 1}, 60)
    attempt.count()

    attempt.take_back()

    assert Attempt({"a": 1, "b": 1}, 60).count() == 0


def test_a_clock_that_is_set_back_locks_nobody_out(db, now, time_machine):
    Attempt({"a": 1}, 60).count()
    time_machine.shift(-3600)

    assert Attempt({"a": 1}, 60).count() == 0
    assert Attempt({"a": 1}, 60).count() == 60


def test_a_host_whose_clock_is_a_little_behind_counts_too(db, now, time_machine):
    Attempt({"a": 1}, 60).count()
    time_machine.shift(-5)

    assert Attempt({"a": 1}, 60).count() == 65


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_are_all_counted():
    outcomes = at_once(12, lambda _: Attempt({"a": 5, "b": 5}, 60).count() == 0)

    assert outcomes == [False] * 7 + [True] * 5
    assert sorted(len(row.times) for row in Attempts.objects.all()) == [5, 5]


def test_behind_a_proxy_the_client_is_who_the_proxy_says(settings, db):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True
    client = APIClient()

    statuses = [login(client, headers={"X-Forwarded-For": f"evil, 192.0.2.{n // 2}"}).status_code for n in range(4)]

    assert statuses == [401, 429, 401, 429]


def test_without_a_proxy_the_header_is_no_way_around(settings, anonymous):
    settings.LOGIN_RATE = "1/min"

    statuses = [login(anonymous, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(2)]

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
    login(anonymous, REMOTE_ADDR=first)

    assert (login(anonymous, REMOTE_ADDR=second).status_code == 429) == same


def admin_login(client, name="ada", password="wrong", **extra):
    return client.post("/admin/login/", {"username": name, "password": password, "next": "/admin/"}, **extra)


def test_the_admins_sign_in_is_limited_with_the_apis(client, anonymous, settings, now):
    settings.LOGIN_RATE = "3/min"
    make_user(username="ada", email="ada@example.org", is_staff=True)
    login(anonymous, "ada")
    statuses = [admin_login(client, name).status_code for name in ("ADA", " ada")]

    refused = admin_login(client, password=PASSWORD)

    assert statuses == [200, 200]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert b"<p>Too many attempts. Try again in 60 seconds.</p>" in refused.content
    assert client.get("/admin/login/").status_code == 200


def test_the_admins_sign_in_behind_a_proxy(client, settings, db):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = True

    statuses = [
        admin_login(client, headers={"X-Forwarded-For": f"evil, 192.0.2.{n // 2}"}).status_code for n in range(4)
    ]

    assert statuses == [200, 429, 200, 429]


def test_the_admins_sign_in_works(client, settings, db):
    settings.LOGIN_RATE = "3/min"
    make_user(username="ada", is_staff=True)

    response = admin_login(client, password=PASSWORD)

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


def change_password(client, old, new="Quite-another-7-phrase", again=None):
    fields = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/admin/password_change/", fields)


def test_the_admins_password_change_is_limited_with_the_apis(client, settings, db, now):
    settings.LOGIN_RATE = "2/min"
    user = make_user(username="ada", is_staff=True)
    client.force_login(user)

    assert change_password(client, PASSWORD, again="something-else").status_code == 200  # right, so it does not count
    assert change_password(client, "guess").status_code == 200
    guess = {"current_password": "guess", "new_password": "Quite-another-7-phrase"}
    assert api_of(user).post("/api/auth/password", guess).status_code == 422
    refused = change_password(client, PASSWORD)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    time_left = api_of(user).delete(f"/api/users/{user.pk}", {"password": PASSWORD})
    assert_problem(time_left, 429, "Too many attempts. Try again in 60 seconds.")


def test_the_admins_password_change_works(client, db):
    user = make_user(username="ada", is_staff=True)
    client.force_login(user)

    response = change_password(client, PASSWORD)

    user.refresh_from_db()
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/password_change/done/")
    assert user.check_password("Quite-another-7-phrase")
    assert client.get("/admin/").status_code == 200


def test_the_admins_password_change_is_for_staff(client, db):
    client.force_login(make_user())

    assert [client.get("/admin/password_change/").status_code, change_password(client, PASSWORD).status_code] == [
        302
    ] * 2
