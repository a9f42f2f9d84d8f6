"""API tokens: for scripts and widgets, beside the tokens of a sign-in."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import ApiToken
from tests.conftest import assert_problem, client_of
from tests.factories import PASSWORD, UserFactory, WeekFactory, make_user


def bearer(secret, scheme="Bearer"):
    return APIClient(headers={"Authorization": f"{scheme} {secret}"})


def client_with(user, scope="full", **values):
    return bearer(services.create_token(user, name="widget", scope=scope, **values)[1])


@pytest.fixture
def user(db):
    return make_user(username="ada")


def make(api, **changes):
    return api.post("/api/auth/tokens", {"name": "widget", "current_password": PASSWORD} | changes)


def test_make_one_and_use_it(api, user, now):
    response = make(api, scope="full", expires_at="2026-03-01T00:00:00Z")

    body = response.json()
    token = ApiToken.objects.get()
    assert response.status_code == 201
    assert body == {
        "id": token.pk,
        "name": "widget",
        "scope": "full",
        "hint": body["token"][:8],
        "created_at": "2026-02-11T12:00:00Z",
        "expires_at": "2026-03-01T00:00:00Z",
        "last_used_at": None,
        "token": body["token"],
    }
    assert body["token"].startswith("wo_")
    assert body["token"] not in str(ApiToken.objects.values().get())
    for scheme in ("Bearer", "bearer"):
        assert bearer(body["token"], scheme).get("/api/auth/me").json()["username"] == "ada"
    assert bearer(body["token"]).post("/api/weeks", {"year": 2026, "week_number": 7}).status_code == 201


def test_they_read_only_unless_asked_for_more(api):
    body = make(api).json()

    assert (body["scope"], body["expires_at"]) == ("read", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"scope": "everything"},
        {"scope": True},
        {"expires_at": "2026-02-11T12:00:00Z"},
        {"current_password": None},
        {"expires_at": "soon"},
        {"expires_at": 5},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_bad_input(api, now, changes):
    assert_problem(make(api, **changes), 422)
    assert not ApiToken.objects.exists()


def test_making_one_takes_the_password(api, settings):
    settings.LOGIN_RATE = "2/min"
    assert_problem(api.post("/api/auth/tokens", {"name": "widget"}), 422)

    refused = [make(api, current_password="guess") for _ in range(3)]

    assert_problem(refused[0], 403, "That is not your password")
    assert refused[0].json()["code"] == "wrong_password"
    assert [answer.status_code for answer in refused] == [403, 403, 429]
    assert not ApiToken.objects.exists()


def test_the_list_has_ones_own_without_their_secrets(api, user, other, now, time_machine):
    _, secret = services.create_token(user, name="old", scope="read")
    services.create_token(other, name="theirs", scope="read")
    time_machine.shift(60)
    new, _ = services.create_token(user, name="new", scope="full")

    response = api.get("/api/auth/tokens")

    assert response.json()["total"] == 2
    assert response.json()["results"][0] == {
        "id": new.pk,
        "name": "new",
        "scope": "full",
        "hint": new.hint,
        "created_at": "2026-02-11T12:01:00Z",
        "expires_at": None,
        "last_used_at": None,
    }
    assert secret not in response.content.decode()


def test_the_list_costs_the_same_queries_whatever_its_length(api, user, django_assert_num_queries):
    for _ in range(9):
        services.create_token(user, name="widget", scope="read")

    with django_assert_num_queries(3):
        api.get("/api/auth/tokens")


def test_revoke(api, user):
    token, secret = services.create_token(user, name="widget", scope="read")

    assert api.delete(f"/api/auth/tokens/{token.pk}").status_code == 204
    assert_problem(bearer(secret).get("/api/auth/me"), 401, "Could not validate credentials")
    assert_problem(api.delete(f"/api/auth/tokens/{token.pk}"), 404)


@pytest.mark.parametrize("number", ["x", "0", "-1", "9" * 30])
def test_revoking_what_is_not_there(api, number):
    assert_problem(api.delete(f"/api/auth/tokens/{number}"), 404)


def test_somebody_elses_is_not_found(api, other):
    token, _ = services.create_token(other, name="theirs", scope="read")

    assert_problem(api.delete(f"/api/auth/tokens/{token.pk}"), 404)
    assert ApiToken.objects.exists()


def test_a_read_only_one_changes_nothing(user):
    week = WeekFactory(user=user)
    reader = client_with(user, "read")

    assert reader.get(f"/api/weeks/{week.pk}").status_code == 200
    for answer in (
        reader.delete(f"/api/weeks/{week.pk}"),
        reader.patch(f"/api/weeks/{week.pk}", {"notes": "x"}),
        reader.post("/api/weeks", {"year": 2026, "week_number": 7}),
    ):
        assert_problem(answer, 403, "This API token can only read")


def test_a_read_only_one_creates_no_current_week(user, now):
    reader = client_with(user, "read")

    answer = reader.get("/api/weeks/current")

    assert_problem(answer, 404, "You have no week for 2026-W07 yet.")
    assert answer.json()["code"] == "week_not_found"
    assert not user.weeks.exists()
    week = WeekFactory(user=user, year=2026, week_number=7)
    assert reader.get("/api/weeks/current").json()["id"] == week.pk


def test_none_of_them_touches_the_account(db):
    user = make_user()
    full = client_with(user)
    pk = services.create_token(user, name="other", scope="read")[0].pk

    for answer in (
        full.get("/api/auth/tokens"),
        make(full),
        full.delete(f"/api/auth/tokens/{pk}"),
        full.post("/api/auth/password", {"current_password": PASSWORD, "new_password": "Quite-another-7"}),
        full.patch(f"/api/users/{user.pk}", {"email": "thief@example.org"}),
        full.delete(f"/api/users/{user.pk}", {"password": PASSWORD}),
    ):
        assert_problem(answer, 403, "An API token cannot do this: sign in")


def test_it_ends_with_its_time(user, now, time_machine):
    client = client_with(user, expires_at=timezone.now() + timedelta(hours=1))
    assert client.get("/api/auth/me").status_code == 200

    time_machine.shift(3600)

    assert_problem(client.get("/api/auth/me"), 401, "Could not validate credentials")


def test_it_ends_with_the_password_however_that_is_changed(user):
    client = client_with(user)
    user.set_password("another-one")
    user.save()

    assert_problem(client.get("/api/auth/me"), 401, "Could not validate credentials")


def test_a_disabled_account(user):
    client = client_with(user)
    user.is_active = False
    user.save()

    assert_problem(client.get("/api/auth/me"), 403, "User account is inactive")


@pytest.mark.parametrize("secret", ["wo_", "wo_garbage", "wo_\x00", "wo_" + "é" * 40, "wo_" + "x" * 10_000])
def test_garbage(anonymous, secret):
    answer = anonymous.get("/api/auth/me", headers={"Authorization": f"Bearer {secret}"})

    assert_problem(answer, 401, "Could not validate credentials")


def test_it_remembers_when_it_was_used_to_the_hour(user, now, time_machine, django_assert_num_queries):
    client = client_with(user)
    client.get("/api/auth/me")
    first = ApiToken.objects.get().last_used_at
    time_machine.shift(3500)
    with django_assert_num_queries(1):
        client.get("/api/auth/me")
    assert ApiToken.objects.get().last_used_at == first == now_at(0)

    time_machine.shift(200)
    client.get("/api/auth/me")

    assert ApiToken.objects.get().last_used_at == now_at(3700)


def now_at(seconds):
    from datetime import UTC, datetime

    return datetime(2026, 2, 11, 12, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changes", "constraint"), [({"scope": "all"}, "apitoken_scope"), ({"name": ""}, "apitoken_name_present")]
)
def test_the_database_refuses(user, changes, constraint):
    token, _ = services.create_token(user, name="widget", scope="read")

    with pytest.raises(IntegrityError, match=constraint):
        ApiToken.objects.filter(pk=token.pk).update(**changes)


def test_public_views_ignore_a_bad_one(anonymous):
    UserFactory(username="ada")

    answer = anonymous.post(
        "/api/auth/login",
        {"username": "ada", "password": "wrong"},
        headers={"Authorization": "Bearer wo_garbage"},
    )

    assert_problem(answer, 401, "Invalid username or password")


def test_tokens_of_others_are_no_way_to_see_private_weeks(user, other):
    user.visibility = "private"
    user.save()
    week = WeekFactory(user=user)

    assert_problem(client_with(other).get(f"/api/weeks/{week.pk}"), 404, "Week not found")
    assert client_of(user).get(f"/api/weeks/{week.pk}").status_code == 200
