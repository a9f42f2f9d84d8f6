"""Sessions of the API: how they begin with a sign-in, are renewed, and end."""

import json
from datetime import timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services
from accounts.models import Session, User
from tests.accounts.conftest import ENDED, admin_login, bearer, login, me, refresh
from tests.conftest import assert_problem, at_once, client_of, refresh_token, session_of
from tests.conftest import token_of as token_in
from tests.factories import PASSWORD, UserFactory, make_user


def sign_in(name="ada", agent="Firefox"):
    """The pair of tokens that a sign-in answers."""
    return login(name, headers={"User-Agent": agent}).json()


@pytest.fixture
def pair(user, now):
    return sign_in()


# Signing in


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.org", "ADA@EXAMPLE.ORG"])
def test_sign_in_by_name_or_address_in_any_letter_case(user, name):
    response = login(name)

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    claims = jwt.decode(body["access_token"], django_settings.SECRET_KEY, algorithms=["HS256"])
    assert claims["sub"] == str(user.pk)
    user.refresh_from_db()
    assert user.last_login


@pytest.mark.parametrize("name", ["ada", "nobody", "nobody@example.org"])
def test_a_refusal_does_not_tell_who_exists(user, name):
    response = login(name, "wrong")

    assert_problem(response, 401, "Invalid username or password")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_disabled_account_cannot_sign_in(db):
    make_user(username="ada", is_active=False)

    assert_problem(login(), 403, "User account is inactive")
    assert_problem(login(password="wrong"), 401, "Invalid username or password")


@pytest.mark.parametrize("body", [{}, {"username": "ada"}, {"username": 1, "password": "x"}, {"password": None}, []])
def test_sign_in_refuses_bad_input(anonymous, body):
    assert_problem(anonymous.post("/api/auth/login", body), 422)


@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
@pytest.mark.parametrize("token", ["stale", "wo_garbage"])
def test_public_views_ignore_a_bad_token(db, path, token):
    assert bearer(token).post(f"/api/auth/{path}", {}).status_code == 422


# Access tokens


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_in_any_letter_case(pair, scheme):
    assert bearer(pair["access_token"], scheme).get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Token abc"])
def test_without_a_token(anonymous, header):
    response = anonymous.get("/api/auth/me", headers={"Authorization": header} if header is not None else {})

    assert_problem(response, 401, "Not authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def bad_tokens(user):
    good = str(token_in(session_of(user)))
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
    yield "expired", str(token_in(session_of(user), exp=int(timezone.now().timestamp()) - 11))
    yield "a refresh token", refresh_token(user)
    for subject in (None, user.pk, [], "", "abc", "-1", "9" * 18, "9" * 40, "1.0", "٣"):
        odd = json.dumps(claims | {"sub": subject}).encode()  # PyJWT itself would not write most of these
        yield f"sub {subject!r}", jwt.PyJWS().encode(odd, key, algorithm="HS256")
    yield "a far future", jwt.encode(claims | {"exp": 10**18}, key, algorithm="HS256")
    for name in ("sub", "sid", "jti"):
        rest = {claim: value for claim, value in claims.items() if claim != name}
        yield f"no {name}", jwt.encode(rest, key, algorithm="HS256")
    for session in (None, [], "", "abc", -1, 10**40):
        yield f"sid {session!r}", jwt.encode(claims | {"sid": session}, key, algorithm="HS256")


def test_bad_tokens(user, anonymous):
    for name, token in bad_tokens(user):
        response = anonymous.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert (name, response.status_code) == (name, 401)
        assert_problem(response, *ENDED)
        assert response.json()["code"] == ("token_expired" if name == "expired" else "invalid_credentials")


@pytest.mark.parametrize("seconds", [-5, 5])
def test_clocks_of_two_hosts_may_differ(pair, time_machine, seconds):
    time_machine.shift(seconds)

    assert me(pair).status_code == 200
    assert refresh(pair).status_code == 200


def test_an_access_token_is_refused_when_it_has_expired_on_both_clocks(pair, time_machine):
    time_machine.shift(30 * 60 + 9)
    assert me(pair).status_code == 200

    time_machine.shift(2)

    assert_problem(me(pair), *ENDED)
    assert me(pair).json()["code"] == "token_expired"


def test_an_access_token_is_valid_while_its_session_is_kept(user, now, time_machine, monkeypatch):
    """It is valid even if refresh tokens have a shorter lifetime."""
    monkeypatch.setattr(RefreshToken, "lifetime", timedelta(0))
    pair = sign_in()
    time_machine.shift(60)

    services.flush_tokens()

    assert me(pair).status_code == 200
    assert Session.objects.get().expires_at == timezone.now() + timedelta(minutes=29)


def test_authentication_costs_one_query(api, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert api.get("/api/auth/me").status_code == 200


# Renewing


def test_a_refresh_rotates(pair):
    response = refresh(pair)

    body = response.json()
    assert response.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    assert me(body).status_code == 200
    assert_problem(refresh(pair), *ENDED)
    assert refresh(body).status_code == 200


@pytest.mark.parametrize("change", ["time", "deleted", "disabled", "password", "access token", "garbage"])
def test_a_refresh_is_refused_with_a_401(user, pair, time_machine, change):
    match change:
        case "time":
            time_machine.shift(timedelta(days=31))
        case "deleted":
            user.delete()
        case "disabled":
            User.objects.update(is_active=False)
        case "password":
            services.change_password(user, "another-one")
        case "access token":
            pair["refresh_token"] = pair["access_token"]
        case "garbage":
            pair["refresh_token"] = "garbage"

    assert_problem(refresh(pair), *ENDED)


def test_an_odd_refresh_token_is_counted_without_a_crash(user, settings):
    settings.REFRESH_RATE = "60/min"
    claims = RefreshToken(refresh_token(user)).payload
    for change in ({"exp": 10**18}, {"sub": None}, {"sub": []}, {"jti": None}):
        odd = json.dumps(claims | change).encode()

        assert_problem(refresh({"refresh_token": jwt.PyJWS().encode(odd, django_settings.SECRET_KEY, "HS256")}), 401)


@pytest.mark.parametrize("path", ["refresh", "logout"])
@pytest.mark.parametrize("body", [{}, {"refresh_token": 5}])
def test_bad_input(anonymous, path, body):
    assert_problem(anonymous.post(f"/api/auth/{path}", body), 422)


def test_a_spent_refresh_token_that_is_used_again_ends_its_session(user, pair, time_machine, caplog):
    elsewhere = sign_in()
    second = refresh(pair).json()
    time_machine.shift(11)

    assert_problem(refresh(pair), *ENDED)

    assert_problem(me(second), *ENDED)
    assert_problem(refresh(second), *ENDED)
    assert me(elsewhere).status_code == 200
    assert f"spent refresh token used again user={user.pk} " in caplog.text


def test_a_token_that_is_sent_twice_within_seconds_ends_nothing(pair, time_machine):
    second = refresh(pair).json()
    time_machine.shift(9)

    assert_problem(refresh(pair), *ENDED)

    assert me(second).status_code == 200
    assert refresh(second).status_code == 200


def test_a_session_goes_on_as_long_as_it_is_renewed(pair, time_machine):
    for _ in range(3):
        time_machine.shift(timedelta(days=29))
        services.flush_tokens()
        pair = refresh(pair).json()

    assert me(pair).status_code == 200
    assert Session.objects.count() == 1


def test_a_session_ends_after_a_year_however_often_it_is_renewed(pair, time_machine):
    for _ in range(14):
        time_machine.shift(timedelta(days=26))
        pair = refresh(pair).json()
    time_machine.shift(timedelta(days=2))

    assert_problem(refresh(pair), *ENDED)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_refreshes_one_wins_and_its_pair_stays_valid(pair):  # however late the last of them comes
    won = []

    def act(number):
        response = refresh(pair)
        if response.status_code == 200:
            won.append(response.json())
        return response.status_code

    assert at_once(12, act) == [200] + [401] * 11
    assert me(won[0]).status_code == 200
    assert refresh(won[0]).status_code == 200


def test_no_token_is_stored_in_the_database(pair):
    stored = str(Session.objects.values().get())

    assert pair["refresh_token"] not in stored
    assert RefreshToken(pair["refresh_token"])["jti"] not in stored


# Signing out


def test_signing_out_ends_the_access_tokens_too(user, pair, caplog):
    elsewhere = sign_in()
    second = refresh(pair).json()

    for token in (second["refresh_token"], second["refresh_token"], "garbage"):
        answer = APIClient().post("/api/auth/logout", {"refresh_token": token})
        assert (answer.status_code, answer.content) == (204, b"")

    for ended in (pair, second):
        assert_problem(me(ended), *ENDED)
        assert_problem(refresh(ended), *ENDED)
    assert me(elsewhere).status_code == 200
    assert caplog.text.count(f"signed out user={user.pk} ") == 1


# The list


def test_the_list_has_your_sessions_with_the_names_of_their_clients(user, now, time_machine):
    make_user(username="ben")
    sign_in("ben", "Theirs")
    phone = sign_in(agent="A phone\x7f " + "x" * 300)
    time_machine.shift(60)
    laptop = sign_in(agent="")
    time_machine.shift(60)
    refresh(phone)

    answer = bearer(laptop["access_token"]).get("/api/auth/sessions").json()

    first, second = Session.objects.filter(user=user).order_by("pk")
    assert answer["results"] == [
        {
            "id": first.pk,
            "client": ("A phone " + "x" * 300)[:200],
            "created_at": "2026-02-11T12:00:00Z",
            "last_used_at": "2026-02-11T12:02:00Z",
            "current": False,
        },
        {
            "id": second.pk,
            "client": None,
            "created_at": "2026-02-11T12:01:00Z",
            "last_used_at": "2026-02-11T12:01:00Z",
            "current": True,
        },
    ]


def test_the_list_has_only_what_you_are_signed_in_with(user, now, time_machine):
    session_of(user)
    time_machine.shift(timedelta(days=31))
    session_of(user)
    services.change_password(user, "another-one")

    assert client_of(user).get("/api/auth/sessions").json()["total"] == 1


def test_end_one_session(pair):
    there = sign_in()
    path = f"/api/auth/sessions/{Session.objects.latest('pk').pk}"
    here = bearer(pair["access_token"])

    assert here.delete(path).status_code == 204

    assert_problem(me(there), *ENDED)
    assert_problem(refresh(there), *ENDED)
    assert me(pair).status_code == 200
    assert_problem(here.delete(path), 404)


def test_end_all_sessions_but_this_one(pair):
    make_user(username="ben")
    there, theirs = sign_in(), sign_in("ben")

    assert bearer(pair["access_token"]).delete("/api/auth/sessions").status_code == 204

    assert_problem(me(there), *ENDED)
    assert me(pair).status_code == me(theirs).status_code == 200


def test_staff_see_and_end_sessions(admin_client, user):
    session = session_of(user)
    end = reverse("admin:accounts_session_delete", args=[session.pk])

    page = admin_client.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()
    admin_client.post(end, {"post": "yes"})

    assert "a test, last used " in page
    assert end in page
    assert session.refresh_hash not in page
    assert not Session.objects.exists()


# Deactivated accounts


def by_service(user):
    services.set_active(user, active=False, by=UserFactory(is_superuser=True))


def by_admin_form(user):
    staff = Client()
    staff.force_login(UserFactory(is_superuser=True, is_staff=True))
    values = {name: getattr(user, name) for name in ("username", "email", "time_zone", "visibility")}
    staff.post(reverse("admin:accounts_user_change", args=[user.pk]), values)  # a box without its mark is not sent


def by_save(user):
    user.is_active = False
    user.save()


def by_save_of_fields(user):
    user.is_active = False
    user.save(update_fields=["is_active"])


def by_update(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("deactivate", [by_service, by_admin_form, by_save, by_save_of_fields, by_update])
def test_sessions_and_tokens_from_before_a_deactivation_stay_ended(db, deactivate):
    user = make_user(username="ada", is_staff=True)
    pair = sign_in()
    _, secret = services.create_token(user, name="script", scope="full")
    feed = services.renew_calendar_token(user)
    admin = Client()
    admin_login(admin)
    assert admin.get("/admin/").status_code == 200

    deactivate(User.objects.get(username="ada"))
    assert_problem(me(pair), 403, "User account is inactive")
    assert_problem(bearer(secret).get("/api/auth/me"), 403, "User account is inactive")
    assert_problem(refresh(pair), *ENDED)
    user.refresh_from_db()
    user.is_active = True
    user.save()

    assert_problem(me(pair), *ENDED)
    assert_problem(refresh(pair), *ENDED)
    assert_problem(bearer(secret).get("/api/auth/me"), *ENDED)
    assert_problem(APIClient().get("/api/weeks.ics", {"token": feed}), 401)
    assert admin.get("/admin/").status_code == 302
    assert me(sign_in()).status_code == 200


def test_an_account_that_was_never_deactivated_keeps_the_api_tokens_of_earlier_releases(user):
    django_own = super(User, user).get_session_auth_hash()

    assert user.get_session_auth_hash() == django_own


# Caches


def test_answers_with_secrets_are_not_stored(pair, user, admin_client):
    api = client_of(user)

    for answer in (
        login(),
        login(password="wrong"),
        refresh(pair),
        api.post("/api/auth/tokens", {"name": "script", "current_password": PASSWORD}),
        api.post("/api/weeks/calendar-token"),
        admin_client.post(reverse("admin:accounts_invitation_add"), {"note": "Cleo", "days": 7}, follow=True),
    ):
        assert "no-store" in answer.headers["Cache-Control"]
