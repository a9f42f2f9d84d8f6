import json
from datetime import timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import User
from tests.conftest import access_token, assert_problem, at_once, client_of, refresh_token, session_of
from tests.conftest import token_of as token_in
from tests.factories import PASSWORD, UserFactory, make_user

ACCOUNT = {"username": "Ada", "email": "Ada@Example.org", "password": PASSWORD}


def register(client, **changes):
    return client.post("/api/auth/register", ACCOUNT | changes)


# Register


def test_register(anonymous, now):
    response = register(anonymous)

    user = User.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": user.pk,
        "username": "ada",
        "email": "Ada@Example.org",
        "pending_email": None,
        "is_active": True,
        "created_at": "2026-02-11T12:00:00Z",
        "display_name": None,
        "time_zone": "UTC",
        "visibility": "members",
    }
    assert user.check_password(PASSWORD)
    assert not user.is_staff


def test_passwords_are_hashed_with_argon2():
    from wrong_opinions import settings as ours

    assert ours.PASSWORD_HASHERS[0] == "accounts.hashers.PasswordHasher"


def test_the_name_is_checked_first(anonymous):
    UserFactory(username="ada", email="ada@example.org")

    assert_problem(register(anonymous), 409, "Username already registered")
    assert_problem(register(anonymous, username="ben"), 409, "Email already registered")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "ad"}, "username"),
        ({"username": "All"}, "username"),
        ({"username": "a" * 51}, "username"),
        ({"username": "ada lovelace"}, "username"),
        ({"username": "ädä"}, "username"),
        ({"username": "ada\n"}, "username"),
        ({"username": 12345}, "username"),
        ({"username": None}, "username"),
        ({"email": "nobody"}, "email"),
        ({"email": True}, "email"),
        ({"email": "a" * 250 + "@example.org"}, "email"),
        ({"password": "Sh0rt-1"}, "password"),
        ({"password": "x" * 101}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "8529637418"}, "password"),
        ({"password": "ada@example"}, "password"),
        ({"password": ["a", "b"]}, "password"),
        ({"password": "\x00" + PASSWORD}, "password"),
    ],
)
def test_register_refuses_bad_input(anonymous, changes, field):
    response = register(anonymous, **changes)

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field
    assert field in response.json()["detail"].lower()
    assert not User.objects.exists()


def test_errors_never_echo_the_password(anonymous):
    response = register(anonymous, email="nobody", password="password123")

    assert "password123" not in response.content.decode()


@pytest.mark.parametrize("password", [" blanks count ", "x" * 80 + "-long-one", "päßwört-ünd-mehr"])
def test_passwords_are_taken_as_they_are(anonymous, password):
    assert register(anonymous, password=password).status_code == 201

    login = {"username": "ada", "password": password}
    assert anonymous.post("/api/auth/login", login).status_code == 200
    login["password"] = password.strip() + "!"
    assert anonymous.post("/api/auth/login", login).status_code == 401


def test_closed_registration(anonymous, settings):
    settings.REGISTRATION_OPEN = False

    assert_problem(register(anonymous), 403, "Registration is closed")


def test_unknown_keys_are_ignored(anonymous):
    assert register(anonymous, is_staff=True).status_code == 201
    assert not User.objects.get().is_staff


# Login


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.org", "ADA@EXAMPLE.ORG"])
def test_login_by_name_or_address_in_any_letter_case(anonymous, name):
    user = make_user(username="ada", email="Ada@example.org")

    response = anonymous.post("/api/auth/login", {"username": name, "password": PASSWORD})

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    claims = jwt.decode(body["access_token"], django_settings.SECRET_KEY, algorithms=["HS256"])
    assert claims["sub"] == str(user.pk)
    user.refresh_from_db()
    assert user.last_login


@pytest.mark.parametrize("name", ["ada", "nobody", "nobody@example.org"])
def test_login_does_not_tell_who_exists(anonymous, name):
    make_user(username="ada")

    response = anonymous.post("/api/auth/login", {"username": name, "password": "wrong"})

    assert_problem(response, 401, "Invalid username or password")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_login_of_a_disabled_account(anonymous):
    make_user(username="ada", is_active=False)

    right = anonymous.post("/api/auth/login", {"username": "ada", "password": PASSWORD})
    wrong = anonymous.post("/api/auth/login", {"username": "ada", "password": "wrong"})

    assert_problem(right, 403, "User account is inactive")
    assert_problem(wrong, 401, "Invalid username or password")


@pytest.mark.parametrize("body", [{}, {"username": "ada"}, {"username": 1, "password": "x"}, {"password": None}, []])
def test_login_refuses_bad_input(anonymous, body):
    assert_problem(anonymous.post("/api/auth/login", body), 422)


@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
def test_signing_in_ignores_a_stale_token(db, path):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")

    assert client.post(f"/api/auth/{path}", {}).status_code == 422


# Tokens


def token_of(user, **claims) -> str:
    return str(token_in(session_of(user), **claims))


def test_me(api, user, now):
    response = client_of(user).get("/api/auth/me")

    assert response.status_code == 200
    assert response.json() == {
        "id": user.pk,
        "username": "ada",
        "email": "ada@example.org",
        "pending_email": None,
        "is_active": True,
        "created_at": user.date_joined.isoformat().replace("+00:00", "Z"),
        "display_name": None,
        "time_zone": "UTC",
        "visibility": "members",
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_word_in_any_letter_case(user, anonymous, scheme):
    response = anonymous.get("/api/auth/me", headers={"Authorization": f"{scheme} {token_of(user)}"})

    assert response.status_code == 200


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Token abc"])
def test_without_a_token(anonymous, header):
    response = anonymous.get("/api/auth/me", headers={"Authorization": header} if header is not None else {})

    assert_problem(response, 401, "Not authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def bad_tokens(user):
    good = token_of(user)
    header, payload, signature = good.split(".")
    key = django_settings.SECRET_KEY
    claims = jwt.decode(good, key, algorithms=["HS256"])
    yield "garbage", "x.y.z"
    yield "nothing", ""
    yield "two words", "a b"
    yield "not ascii", "é"
    yield "tampered", f"{header}.{payload}.{signature[:-4]}AAAA"
    yield "unsigned", jwt.encode(claims, None, algorithm="none")
    yield "another key", jwt.encode(claims, "x" * 50, algorithm="HS256")
    yield "expired", token_of(user, exp=int(timezone.now().timestamp()) - 11)
    yield "a refresh token", refresh_token(user)
    for subject in (None, user.pk, [], "", "abc", "-1", "9" * 18, "9" * 40, "1.0", "٣"):
        odd = json.dumps(claims | {"sub": subject}).encode()  # PyJWT itself would not write most of these
        yield f"sub {subject!r}", jwt.PyJWS().encode(odd, key, algorithm="HS256")
    yield "a far future", jwt.encode(claims | {"exp": 10**18}, key, algorithm="HS256")
    yield "no sub", jwt.encode({k: v for k, v in claims.items() if k != "sub"}, key, algorithm="HS256")
    for session in (None, [], "", "abc", -1, 10**40):
        yield f"sid {session!r}", jwt.encode(claims | {"sid": session}, key, algorithm="HS256")
    yield "no sid", jwt.encode({k: v for k, v in claims.items() if k != "sid"}, key, algorithm="HS256")
    yield "no jti", jwt.encode({k: v for k, v in claims.items() if k != "jti"}, key, algorithm="HS256")


def test_bad_tokens(user, anonymous):
    for name, token in bad_tokens(user):
        response = anonymous.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert (name, response.status_code) == (name, 401)
        assert_problem(response, 401, "Could not validate credentials")


def test_a_token_ends_with_its_user_and_password(user, anonymous):
    headers = {"Authorization": f"Bearer {token_of(user)}"}
    user.set_password("another-one")
    user.save()
    assert_problem(anonymous.get("/api/auth/me", headers=headers), 401, "Could not validate credentials")

    headers = {"Authorization": f"Bearer {token_of(user)}"}
    user.delete()
    assert_problem(anonymous.get("/api/auth/me", headers=headers), 401, "Could not validate credentials")


def test_a_disabled_account(api, user):
    user.is_active = False
    user.save()

    assert_problem(api.get("/api/auth/me"), 403, "User account is inactive")


# Refresh and logout


def refresh(client, token):
    return client.post("/api/auth/refresh", {"refresh_token": str(token)})


def test_refresh_rotates(user, anonymous):
    first = refresh_token(user)

    response = refresh(anonymous, first)

    body = response.json()
    assert response.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert anonymous.get("/api/auth/me", headers=headers).status_code == 200
    assert_problem(refresh(anonymous, first), 401, "Could not validate credentials")
    assert refresh(anonymous, body["refresh_token"]).status_code == 200


def test_refresh_of_an_expired_token(user, anonymous, time_machine):
    token = refresh_token(user)
    time_machine.move_to(timezone.now() + timedelta(days=31))

    assert_problem(refresh(anonymous, token), 401)


@pytest.mark.parametrize("change", ["deleted", "disabled", "password", "access token", "garbage"])
def test_refresh_is_never_more_than_a_401(user, anonymous, change):
    token = refresh_token(user)
    if change == "deleted":
        user.delete()
    elif change == "disabled":
        User.objects.update(is_active=False)
    elif change == "password":
        user.set_password("another-one")
        user.save()
    elif change == "access token":
        token = access_token(user)
    else:
        token = "garbage"

    assert_problem(refresh(anonymous, token), 401, "Could not validate credentials")


def test_refresh_of_an_odd_token_is_counted_without_a_crash(user, anonymous, settings):
    settings.REFRESH_RATE = "60/min"
    claims = RefreshToken(refresh_token(user)).payload
    for change in ({"exp": 10**18}, {"sub": None}, {"sub": []}, {"jti": None}):
        odd = json.dumps(claims | change).encode()
        token = jwt.PyJWS().encode(odd, django_settings.SECRET_KEY, algorithm="HS256")

        assert_problem(refresh(anonymous, token), 401)


def test_refresh_refuses_bad_input(anonymous):
    assert_problem(anonymous.post("/api/auth/refresh", {}), 422)
    assert_problem(anonymous.post("/api/auth/refresh", {"refresh_token": 5}), 422)


def test_logout_spends_the_token_and_says_nothing_more(user, anonymous):
    token = refresh_token(user)

    for value in (str(token), str(token), "garbage"):
        response = anonymous.post("/api/auth/logout", {"refresh_token": value})
        assert (response.status_code, response.content) == (204, b"")
    assert_problem(refresh(anonymous, token), 401)
    assert_problem(anonymous.post("/api/auth/logout", {}), 422)


# At the same time


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_refreshes_one_wins():
    token = refresh_token(UserFactory())

    statuses = at_once(20, lambda number: refresh(APIClient(), token).status_code)

    assert statuses == [200] + [401] * 19


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_registrations_one_wins():
    statuses = at_once(8, lambda number: register(APIClient(), email=f"ada{number % 2}@example.org").status_code)

    assert statuses == [201] + [409] * 7
    assert User.objects.count() == 1
