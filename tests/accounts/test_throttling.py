"""Rate limits: per client, per account, and for clients that an account has signed in from."""

import json

import pytest
from rest_framework.test import APIClient

from accounts.limits import MAX_KNOWN_CLIENTS, Attempt
from accounts.models import Attempts, KnownClient
from tests.accounts.conftest import NEW, admin_login, login, refresh
from tests.conftest import assert_problem, at_once, client_of, refresh_token
from tests.factories import PASSWORD, UserFactory, make_user

pytestmark = pytest.mark.django_db


def guess(name="ada", **extra):
    """The status of a sign-in with a wrong password."""
    return login(name, "wrong", **extra).status_code


def test_attempts_of_one_client_at_one_account_are_limited(settings, now, time_machine):
    settings.LOGIN_RATE = "3/min"
    assert [guess() for n in range(3)] == [401] * 3
    time_machine.shift(20)

    refused = login(password="wrong")

    assert_problem(refused, 429, "Too many attempts. Try again in 40 seconds.")
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["RateLimit"] == '"login";r=0;t=40'
    time_machine.shift(40)
    assert guess() == 401


def test_answers_say_what_is_left_of_a_limit(settings, now, time_machine, user):
    settings.LOGIN_RATE = "3/min"
    login(password="wrong", REMOTE_ADDR="192.0.2.7")  # of which others learn nothing

    wrong = login(password="wrong")
    time_machine.shift(20)
    right = login()

    assert [answer.headers["RateLimit-Policy"] for answer in (wrong, right)] == ['"login";q=3;w=60'] * 2
    assert [answer.headers["RateLimit"] for answer in (wrong, right)] == ['"login";r=2;t=60', '"login";r=2;t=40']


def test_an_answer_names_each_limit_that_counted_it(settings, api, user):
    settings.LOGIN_RATE = settings.RESET_RATE = "3/min"
    address = f"/api/users/{user.pk}"

    changed = api.patch(address, {"email": "new@example.org", "current_password": PASSWORD})

    assert changed.headers["RateLimit-Policy"] == '"own password";q=3;w=60, "new address";q=3;w=60'
    assert "RateLimit-Policy" not in api.patch(address, {}).headers


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
def test_the_refusal_says_how_long_to_wait(settings, now, time_machine, rate, passed, words):
    settings.LOGIN_RATE = rate
    guess()
    time_machine.shift(passed)

    assert_problem(login(password="wrong"), 429, f"Too many attempts. Try again in {words}.")


def test_attempts_of_one_client_at_all_accounts_are_limited(settings):
    settings.LOGIN_RATE = "1/min"

    assert [guess(f"person{n}") for n in range(4)] == [401] * 3 + [429]


def test_attempts_of_all_clients_at_one_account_are_limited(settings):
    settings.LOGIN_RATE = "1/min"

    assert [guess(REMOTE_ADDR=f"192.0.2.{n}") for n in range(11)] == [401] * 10 + [429]


# Known clients


@pytest.mark.parametrize("staff", [{}, {"is_staff": True, "is_superuser": True}])
def test_strangers_do_not_lock_the_owner_out(client, settings, staff):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada", **staff)
    assert login(REMOTE_ADDR="192.0.2.200").status_code == 200
    for n in range(11):
        guess(REMOTE_ADDR=f"192.0.2.{n}")  # from everywhere at her account
    for n in range(4):
        guess(f"person{n}", REMOTE_ADDR="192.0.2.200")  # and from her address at others

    assert login(REMOTE_ADDR="192.0.2.100").status_code == 429
    assert login(REMOTE_ADDR="192.0.2.200").status_code == 200
    assert login("ada@example.org", REMOTE_ADDR="192.0.2.200").status_code == 200
    if staff:
        assert admin_login(client, REMOTE_ADDR="192.0.2.200").status_code == 302


def test_guesses_from_a_known_client_are_limited(user, settings):
    settings.LOGIN_RATE = "1/min"
    login()

    assert [guess(), guess()] == [401, 429]


def test_a_client_is_forgotten_after_half_a_year(user, settings, now, time_machine):
    settings.LOGIN_RATE = "1/min"
    login()
    time_machine.shift(181 * 24 * 3600)
    for n in range(10):
        guess(REMOTE_ADDR=f"192.0.2.{n}")

    assert login().status_code == 429


def test_few_clients_are_remembered_and_no_address_of_theirs(user, now, time_machine):
    for n in [*range(MAX_KNOWN_CLIENTS + 5), 7]:
        time_machine.shift(1)
        login(REMOTE_ADDR=f"192.0.2.{n}")

    assert user.known_clients.count() == MAX_KNOWN_CLIENTS
    assert not [known for known in KnownClient.objects.values_list() if "192.0.2" in str(known)]


# What counts


def test_a_right_password_does_not_count(client, settings):
    settings.LOGIN_RATE = "1/min"
    make_user(username="ada", is_staff=True)

    assert [login().status_code for _ in range(3)] == [200] * 3
    assert [admin_login(client).status_code for _ in range(3)] == [302] * 3
    assert guess() == 401


def test_a_limit_does_not_tell_which_address_is_whose(settings):
    settings.LOGIN_RATE = "1/min"
    UserFactory(username="linkme", email="linkme@example.org")
    for n in range(11):
        guess("linkme", REMOTE_ADDR=f"192.0.2.{n}")

    names = ["linkme@example.org", "other@example.org", "linkme"]
    assert [guess(name, REMOTE_ADDR="192.0.2.200") for name in names] == [401, 401, 429]


def test_an_unknown_name_costs_the_same_queries(user, settings, django_assert_max_num_queries):
    settings.LOGIN_RATE = "10/min"
    counts = set()
    for n, name in enumerate(["ada", "nobody"]):
        with django_assert_max_num_queries(15) as queries:
            guess(name, REMOTE_ADDR=f"192.0.2.{n}")
        counts.add(len(queries))

    assert len(counts) == 1


@pytest.mark.parametrize("spelling", ["Ada", " ada", "ada  ", "\tada", "ada\n", "\u3000ADA"])
def test_other_spellings_of_a_name_are_no_way_around_the_limit(user, settings, spelling):
    settings.LOGIN_RATE = "2/min"

    assert [guess(name) for name in ("ada", spelling, "ada", spelling)] == [401, 401, 429, 429]


def test_full_width_letters_are_no_way_around_the_limit_of_the_admin(client, user, settings):
    settings.LOGIN_RATE = "2/min"

    assert [admin_login(client, name, "wrong").status_code for name in ("ada", "ａda", "ａｄa")] == [200, 200, 429]


def test_a_refused_attempt_does_not_count(settings, now, time_machine):
    settings.LOGIN_RATE = "1/min"
    guess()
    for _ in range(5):
        time_machine.shift(5)
        assert guess() == 429
    time_machine.shift(36)

    assert guess() == 401


def test_off_is_no_limit(settings):
    settings.LOGIN_RATE = None

    assert {guess() for _ in range(15)} == {401}
    assert not Attempts.objects.exists()


def test_a_wrong_method_is_no_attempt(anonymous, settings):
    settings.LOGIN_RATE = "1/min"

    assert [anonymous.get("/api/auth/login").status_code for _ in range(3)] == [405] * 3
    assert guess() == 401


@pytest.mark.parametrize("name", [5, None, ["a"], "\x00", "\ud800", "x" * 10_000])
def test_odd_names_are_counted_without_a_crash(anonymous, settings, name):
    settings.LOGIN_RATE = "10/min"

    body = json.dumps({"username": name, "password": "wrong"})
    response = anonymous.post("/api/auth/login", body, content_type="application/json")

    assert response.status_code in {401, 422}


# Other limits


def test_registrations_are_limited(anonymous, settings):
    settings.REGISTER_RATE = "2/hour"

    statuses = [anonymous.post("/api/auth/register", {"username": f"person{n}"}).status_code for n in range(3)]

    assert statuses == [422, 422, 429]


def test_refreshes_are_limited_per_account_and_a_refused_one_does_not_spend_the_token(
    user, settings, now, time_machine
):
    settings.REFRESH_RATE = "2/min"
    pairs = [{"refresh_token": refresh_token(user)} for _ in range(3)]

    statuses = [refresh(pair, REMOTE_ADDR=f"192.0.2.{n}").status_code for n, pair in enumerate(pairs)]

    assert statuses == [200, 200, 429]
    time_machine.shift(61)
    assert refresh(pairs[2]).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "field", "body", "status"),
    [
        ("post", "/api/auth/password", "current_password", {"new_password": NEW}, 422),
        ("post", "/api/auth/tokens", "current_password", {"name": "widget"}, 403),
        ("patch", "/api/users/{pk}", "current_password", {"email": "new@example.org"}, 403),
        ("delete", "/api/users/{pk}", "password", {}, 422),
    ],
)
def test_guesses_of_the_own_password_are_limited(user, settings, method, path, field, body, status):
    settings.LOGIN_RATE = "2/min"
    for _ in range(3):
        guess()  # from outside, which locks nobody out of their own account
    send = getattr(client_of(user), method)
    path = path.format(pk=user.pk)

    missing = send(path, body)
    guesses = [send(path, body | {field: "guess"}) for _ in range(2)]
    right = send(path, body | {field: PASSWORD})

    assert_problem(missing, 422)
    assert missing.json()["errors"][0]["field"] == field
    assert [guessed.status_code for guessed in guesses] == [status] * 2
    if status == 403:
        assert_problem(guesses[0], 403, "That is not your password")
        assert guesses[0].json()["code"] == "wrong_password"
    assert right.status_code == 429


# How attempts are stored


def test_no_address_is_stored(settings):
    settings.LOGIN_RATE = "10/min"

    guess(REMOTE_ADDR="192.0.2.77")

    assert Attempts.objects.count() == 3
    assert not any("192.0.2" in row.key for row in Attempts.objects.all())


def test_old_rows_are_deleted(now, time_machine):
    Attempt({"a": 5}, 60).count()
    time_machine.shift(61)

    Attempt({"b": 5}, 60).count()

    assert Attempts.objects.count() == 1


def test_refused_attempts_leave_no_rows():
    Attempt({"a": 1}, 60).count()

    assert Attempt({"a": 1, "b": 1}, 60).count() > 0
    assert Attempts.objects.count() == 1


def test_an_attempt_can_be_taken_back():
    attempt = Attempt({"a": 1, "b": 1}, 60)
    attempt.count()

    attempt.take_back()

    assert Attempt({"a": 1, "b": 1}, 60).count() == 0


def test_a_clock_that_is_set_back_locks_nobody_out(now, time_machine):
    Attempt({"a": 1}, 60).count()
    time_machine.shift(-3600)

    assert Attempt({"a": 1}, 60).count() == 0
    assert Attempt({"a": 1}, 60).count() == 60


def test_a_host_whose_clock_is_a_little_behind_counts_too(now, time_machine):
    Attempt({"a": 1}, 60).count()
    time_machine.shift(-5)

    assert Attempt({"a": 1}, 60).count() == 65


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_are_all_counted():
    outcomes = at_once(12, lambda _: Attempt({"a": 5, "b": 5}, 60).count() == 0)

    assert outcomes == [False] * 7 + [True] * 5
    assert sorted(len(row.times) for row in Attempts.objects.all()) == [5, 5]


# Clients


@pytest.mark.parametrize(
    ("https", "header", "same"),
    [
        (True, "evil, 192.0.2.{}", False),
        (True, "9.9.9.{}, 192.0.2.1", True),
        (True, "192.0.2.1:{}", True),  # a port is no part of an address
        (True, "[2001:db8::1]:{}", True),
        (False, "192.0.2.{}", True),  # without a proxy the header is no way around
    ],
)
def test_behind_a_proxy_the_client_is_the_one_the_proxy_names(client, settings, https, header, same):
    settings.LOGIN_RATE = "1/min"
    settings.HTTPS = https
    first, second = ({"X-Forwarded-For": header.format(n)} for n in (1, 2))

    assert [guess(headers=first), guess(headers=first)] == [401, 429]
    assert guess(headers=second) == (429 if same else 401)
    assert admin_login(client, password="wrong", headers=first).status_code == 429


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_one_customer_is_one_client(settings, first, second, same):
    settings.LOGIN_RATE = "1/min"
    guess(REMOTE_ADDR=first)

    assert guess(REMOTE_ADDR=second) == (429 if same else 401)


# The admin


def test_the_admins_sign_in_is_limited_with_the_apis(client, settings, now):
    settings.LOGIN_RATE = "3/min"
    make_user(username="ada", email="ada@example.org", is_staff=True)
    response = admin_login(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    client.logout()
    guess()
    assert [admin_login(client, name, "wrong").status_code for name in ("ADA", " ada")] == [200, 200]

    refused = admin_login(client)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert b"<p>Too many attempts. Try again in 60 seconds.</p>" in refused.content
    assert client.get("/admin/login/").status_code == 200


def change_password(client, old, new=NEW, again=None):
    fields = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/admin/password_change/", fields)


def test_the_admins_password_change_is_limited_with_the_apis(client, settings, now):
    settings.LOGIN_RATE = "2/min"
    user = make_user(username="ada", is_staff=True)
    client.force_login(user)

    assert change_password(client, PASSWORD, again="something-else").status_code == 200  # right, so it does not count
    assert change_password(client, "guess").status_code == 200
    wrong = {"current_password": "guess", "new_password": NEW}
    assert client_of(user).post("/api/auth/password", wrong).status_code == 422
    refused = change_password(client, PASSWORD)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")


def test_the_admins_password_change_keeps_its_user_signed_in(client):
    user = make_user(username="ada", is_staff=True)
    client.force_login(user)

    response = change_password(client, PASSWORD)

    user.refresh_from_db()
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/password_change/done/")
    assert user.check_password(NEW)
    assert client.get("/admin/").status_code == 200


def test_the_admins_password_change_is_for_staff(client, user):
    client.force_login(user)

    assert client.get("/admin/password_change/").status_code == 302
    assert change_password(client, PASSWORD).status_code == 302
    assert APIClient().post("/admin/password_change/").status_code == 302
