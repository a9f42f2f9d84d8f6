"""API tokens, for scripts and widgets."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import ApiToken
from tests.accounts.conftest import ENDED, bearer
from tests.conftest import assert_problem
from tests.factories import PASSWORD, WeekFactory


def client_with(user, scope="full", **values):
    return bearer(services.create_token(user, name="widget", scope=scope, **values)[1])


def create(api, **changes):
    return api.post("/api/auth/tokens", {"name": "widget", "current_password": PASSWORD} | changes)


def test_create_a_token_and_use_it(api, now):
    response = create(api, scope="full", expires_at="2026-03-01T00:00:00Z")

    body = response.json()
    secret = body["token"]
    assert response.status_code == 201
    assert body == {
        "id": ApiToken.objects.get().pk,
        "name": "widget",
        "scope": "full",
        "hint": secret[:8],
        "created_at": "2026-02-11T12:00:00Z",
        "expires_at": "2026-03-01T00:00:00Z",
        "last_used_at": None,
        "token": secret,
    }
    assert secret.startswith("wo_")
    default = create(api).json()
    assert (default["scope"], default["expires_at"]) == ("read", None)
    assert secret not in str(ApiToken.objects.values())
    for scheme in ("Bearer", "bearer"):
        assert bearer(secret, scheme).get("/api/auth/me").json()["username"] == "ada"
    assert bearer(secret).post("/api/weeks", {"year": 2026, "week_number": 7}).status_code == 201


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", None, 5, "a\nb", "x" * 101]),
        ("scope", ["everything", True]),
        ("current_password", [None]),
        (
            "expires_at",
            ["2026-02-11T12:00:00Z", "soon", 5, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00"],
        ),
    ],
)
def test_bad_input(api, now, field, values):
    for value in values:
        assert_problem(create(api, **{field: value}), 422)
    assert not ApiToken.objects.exists()


def test_the_list_has_your_own_without_their_secrets(api, user, other, now, time_machine):
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


def test_revoke_a_token(api, user):
    token, secret = services.create_token(user, name="widget", scope="read")

    assert api.delete(f"/api/auth/tokens/{token.pk}").status_code == 204
    assert_problem(bearer(secret).get("/api/auth/me"), *ENDED)
    assert_problem(api.delete(f"/api/auth/tokens/{token.pk}"), 404)


def test_a_read_only_token_changes_nothing(user, now):
    reader = client_with(user, "read")

    assert_problem(reader.post("/api/weeks", {"year": 2026, "week_number": 7}), 403, "This API token can only read")
    answer = reader.get("/api/weeks/current")
    assert_problem(answer, 404, "You have no week for 2026-W07 yet.")
    assert answer.json()["code"] == "week_not_found"
    assert not user.weeks.exists()
    week = WeekFactory(user=user, year=2026, week_number=7)
    assert reader.get("/api/weeks/current").json()["id"] == week.pk


def test_no_token_touches_the_account(user):
    answer = client_with(user).patch(f"/api/users/{user.pk}", {"email": "thief@example.org"})

    assert_problem(answer, 403, "An API token cannot do this: sign in")  # tests/test_access.py tries all addresses


def test_a_token_ends_with_its_time(user, now, time_machine):
    client = client_with(user, expires_at=timezone.now() + timedelta(hours=1))
    assert client.get("/api/auth/me").status_code == 200

    time_machine.shift(3600)

    assert_problem(client.get("/api/auth/me"), *ENDED)


@pytest.mark.parametrize("secret", ["wo_", "wo_garbage", "wo_\x00", "wo_" + "é" * 40, "wo_" + "x" * 10_000])
def test_garbage(anonymous, secret):
    answer = anonymous.get("/api/auth/me", headers={"Authorization": f"Bearer {secret}"})

    assert_problem(answer, *ENDED)


def test_the_last_use_is_stored_to_the_hour(user, now, time_machine, django_assert_num_queries):
    client = client_with(user)
    client.get("/api/auth/me")
    time_machine.shift(3500)
    with django_assert_num_queries(1):
        client.get("/api/auth/me")
    assert ApiToken.objects.get().last_used_at == now

    time_machine.shift(200)
    client.get("/api/auth/me")

    assert ApiToken.objects.get().last_used_at == now + timedelta(seconds=3700)
