"""Sessions: where a user is signed in, how that is renewed, and what ends it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services
from accounts.models import Session, User
from tests.conftest import assert_problem, at_once, client_of, session_of
from tests.factories import PASSWORD, UserFactory, make_user

ENDED = (401, "Could not validate credentials")


def sign_in(name="ada", agent="Firefox"):
    """The pair of tokens that a sign-in answers."""
    body = {"username": name, "password": PASSWORD}
    return APIClient().post("/api/auth/login", body, headers={"User-Agent": agent}).json()


def bearer(token):
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def refresh(pair):
    return APIClient().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]})


def me(pair):
    return bearer(pair["access_token"]).get("/api/auth/me")


# Renewing


def test_a_spent_refresh_token_that_is_used_again_ends_its_session(db, now, time_machine, caplog):
    user = make_user(username="ada")
    first, elsewhere = sign_in(), sign_in()
    second = refresh(first).json()
    time_machine.shift(11)

    assert_problem(refresh(first), *ENDED)

    assert_problem(me(second), *ENDED)
    assert_problem(refresh(second), *ENDED)
    assert me(elsewhere).status_code == 200
    assert f"spent refresh token used again user={user.pk} " in caplog.text


def test_a_token_that_is_sent_twice_within_seconds_ends_nothing(db, now, time_machine):
    make_user(username="ada")
    first = sign_in()
    second = refresh(first).json()
    time_machine.shift(9)

    assert_problem(refresh(first), *ENDED)

    assert me(second).status_code == 200
    assert refresh(second).status_code == 200


def test_a_session_goes_on_as_long_as_it_is_renewed(db, now, time_machine):
    make_user(username="ada")
    pair = sign_in()
    for _ in range(3):
        time_machine.shift(timedelta(days=29))
        services.flush_tokens()
        pair = refresh(pair).json()

    assert me(pair).status_code == 200
    assert Session.objects.count() == 1


def test_a_session_ends_after_a_year_however_often_it_is_renewed(db, now, time_machine):
    make_user(username="ada")
    pair = sign_in()
    for _ in range(14):
        time_machine.shift(timedelta(days=26))
        pair = refresh(pair).json()
    time_machine.shift(timedelta(days=2))

    assert_problem(refresh(pair), *ENDED)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_refreshes_the_winners_pair_stays_good(now):  # however late the last of them comes
    make_user(username="ada")
    pair, won = sign_in(), []

    def act(number):
        response = refresh(pair)
        if response.status_code == 200:
            won.append(response.json())
        return response.status_code

    assert at_once(12, act) == [200] + [401] * 11
    assert me(won[0]).status_code == 200
    assert refresh(won[0]).status_code == 200


def test_no_token_lies_in_the_database(db):
    make_user(username="ada")
    pair = sign_in()

    stored = str(Session.objects.values().get())

    assert pair["refresh_token"] not in stored
    assert RefreshToken(pair["refresh_token"])["jti"] not in stored


@pytest.mark.parametrize("seconds", [-5, 5])
def test_clocks_of_two_hosts_may_differ(db, now, time_machine, seconds):
    make_user(username="ada")
    pair = sign_in()

    time_machine.shift(seconds)

    assert me(pair).status_code == 200
    assert refresh(pair).status_code == 200


def test_an_access_token_is_refused_when_it_has_expired_on_both_clocks(db, now, time_machine):
    make_user(username="ada")
    pair = sign_in()
    time_machine.shift(30 * 60 + 9)
    assert me(pair).status_code == 200

    time_machine.shift(2)

    assert_problem(me(pair), *ENDED)


def test_who_is_asking_costs_one_query(api, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert api.get("/api/auth/me").status_code == 200


# Signing out


def test_signing_out_ends_the_access_tokens_too(db, caplog):
    user = make_user(username="ada")
    first, elsewhere = sign_in(), sign_in()
    second = refresh(first).json()

    for _ in range(2):
        answer = APIClient().post("/api/auth/logout", {"refresh_token": second["refresh_token"]})
        assert (answer.status_code, answer.content) == (204, b"")

    for pair in (first, second):
        assert_problem(me(pair), *ENDED)
        assert_problem(refresh(pair), *ENDED)
    assert me(elsewhere).status_code == 200
    assert caplog.text.count(f"signed out user={user.pk} ") == 1


# Looking and ending


def test_the_list_has_your_sessions_as_their_clients_name_themselves(db, now, time_machine):
    make_user(username="ada"), make_user(username="ben")
    sign_in("ben", "Theirs")
    phone = sign_in(agent="A phone\x7f " + "x" * 300)
    time_machine.shift(60)
    laptop = sign_in(agent="")
    time_machine.shift(60)
    phone = refresh(phone).json()

    answer = bearer(laptop["access_token"]).get("/api/auth/sessions").json()

    first, second = Session.objects.filter(user__username="ada").order_by("pk")
    assert (answer["total"], answer["results"]) == (
        2,
        [
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
        ],
    )


def test_the_list_has_only_what_you_are_signed_in_with(user, now, time_machine):
    session_of(user)
    time_machine.shift(timedelta(days=31))
    session_of(user)
    user.set_password("another-one")
    user.save()

    assert client_of(user).get("/api/auth/sessions").json()["total"] == 1


def test_the_list_costs_the_same_queries_whatever_its_length(api, user, django_assert_num_queries):
    for _ in range(9):
        session_of(user)

    with django_assert_num_queries(3):
        api.get("/api/auth/sessions")


def test_end_one(db):
    make_user(username="ada")
    here, there = sign_in(), sign_in()
    gone = Session.objects.latest("pk").pk

    assert bearer(here["access_token"]).delete(f"/api/auth/sessions/{gone}").status_code == 204

    assert_problem(me(there), *ENDED)
    assert_problem(refresh(there), *ENDED)
    assert me(here).status_code == 200
    assert_problem(bearer(here["access_token"]).delete(f"/api/auth/sessions/{gone}"), 404)


def test_end_all_but_this_one(db):
    make_user(username="ada"), make_user(username="ben")
    here, there, theirs = sign_in(), sign_in(), sign_in("ben")

    assert bearer(here["access_token"]).delete("/api/auth/sessions").status_code == 204

    assert_problem(me(there), *ENDED)
    assert me(here).status_code == me(theirs).status_code == 200


@pytest.mark.parametrize("number", ["x", "0", "-1", "9" * 30])
def test_ending_what_is_not_there(api, number):
    assert_problem(api.delete(f"/api/auth/sessions/{number}"), 404)


def test_another_members_session_is_not_found(api, other):
    theirs = session_of(other)

    assert_problem(api.delete(f"/api/auth/sessions/{theirs.pk}"), 404)
    assert Session.objects.filter(pk=theirs.pk).exists()


def test_an_api_token_sees_and_ends_none(user):
    script = bearer(services.create_token(user, name="script", scope="full")[1])

    for answer in (
        script.get("/api/auth/sessions"),
        script.delete("/api/auth/sessions"),
        script.delete(f"/api/auth/sessions/{session_of(user).pk}"),
    ):
        assert_problem(answer, 403, "An API token cannot do this: sign in")


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
def test_what_was_signed_in_before_a_deactivation_stays_ended(db, deactivate):
    user = make_user(username="ada", is_staff=True)
    pair = sign_in()
    _, secret = services.create_token(user, name="script", scope="full")
    feed = services.renew_calendar_token(user)
    admin = Client()
    admin.post("/admin/login/", {"username": "ada", "password": PASSWORD})
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


def test_who_was_never_deactivated_keeps_the_api_tokens_of_earlier_releases(user):
    django_own = super(User, user).get_session_auth_hash()

    assert user.get_session_auth_hash() == django_own


# What is kept


def test_answers_with_tokens_are_not_stored(db):
    user = make_user(username="ada")
    api, anonymous = client_of(user), APIClient()
    pair = sign_in()

    for answer in (
        anonymous.post("/api/auth/login", {"username": "ada", "password": PASSWORD}),
        anonymous.post("/api/auth/login", {"username": "ada", "password": "wrong"}),
        refresh(pair),
        api.post("/api/auth/tokens", {"name": "script", "current_password": PASSWORD}),
        api.post("/api/weeks/calendar-token"),
    ):
        assert "no-store" in answer.headers["Cache-Control"]


def test_the_page_with_an_invitations_link_is_not_stored(admin_client):
    page = admin_client.post(reverse("admin:accounts_invitation_add"), {"note": "Cleo", "days": 7}, follow=True)

    assert b"/join/" in page.content
    assert "no-store" in page.headers["Cache-Control"]


def test_an_access_token_is_good_while_its_session_is_kept(db, now, time_machine, monkeypatch):
    """However short a refresh token lives."""
    monkeypatch.setattr(RefreshToken, "lifetime", timedelta(0))
    make_user(username="ada")
    pair = sign_in()
    time_machine.shift(60)

    services.flush_tokens()

    assert me(pair).status_code == 200
    assert Session.objects.get().expires_at == timezone.now() + timedelta(minutes=29)
