"""Who is there, and what one changes about oneself."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import ApiToken, Session, User
from selections.models import Week, WeekMovie
from tests.conftest import access_token, assert_problem, at_once, client_of, refresh_token
from tests.factories import (
    PASSWORD,
    MovieFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
    make_user,
)


def profile(person, **changes):
    return {
        "id": person.pk,
        "username": person.username,
        "display_name": None,
        "created_at": "2026-02-11T12:00:00Z",
        "weeks": 0,
        "complete_weeks": 0,
    } | changes


# Looking


def test_a_profile_counts_weeks(now, db):
    ada, ben = UserFactory(username="ada"), UserFactory(username="ben", display_name="Ben the Bold")
    full, half = WeekFactory(user=ben), WeekFactory(user=ben)
    for position in (1, 2):
        WeekMovieFactory(week=full, position=position)
        WeekAlbumFactory(week=full, position=position)
    WeekMovieFactory(week=half)
    WeekFactory(user=ben)

    response = client_of(ada).get(f"/api/users/{ben.pk}")

    assert response.status_code == 200
    assert response.json() == profile(ben, display_name="Ben the Bold", weeks=3, complete_weeks=1)


def test_the_list_has_everybody_by_name(now, db):
    ben, ada = UserFactory(username="ben"), UserFactory(username="ada")

    response = client_of(ada).get("/api/users")

    assert response.json() == {"total": 2, "page": 1, "page_size": 20, "results": [profile(ada), profile(ben)]}


def test_private_people_see_themselves_and_nobody_else_does(api, user):
    hermit = UserFactory(username="hermit", visibility="private")

    assert [row["username"] for row in api.get("/api/users").json()["results"]] == ["ada"]
    assert_problem(api.get(f"/api/users/{hermit.pk}"), 404)
    assert_problem(api.patch(f"/api/users/{hermit.pk}", {"display_name": "x"}), 404)
    assert_problem(api.delete(f"/api/users/{hermit.pk}", {"password": "x"}), 404)
    assert client_of(hermit).get(f"/api/users/{hermit.pk}").status_code == 200
    assert client_of(hermit).get("/api/users").json()["total"] == 2


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ren", ["renee"]),
        ("RENÉE", ["renee"]),
        ("etoile", ["renee"]),
        ("Öl", ["oelsardine"]),
        ("sar  ölsar", ["oelsardine"]),
        ("%", []),
        ("nobody", []),
        (" ", ["ada", "oelsardine", "renee", "zhanna"]),
        ("жан", ["zhanna"]),
    ],
)
def test_search(api, search, found):
    UserFactory(username="renee", display_name="Renée Étoile")
    UserFactory(username="oelsardine", display_name="ÖLSARDINE")
    UserFactory(username="zhanna", display_name="ЖАННА")

    response = api.get("/api/users", {"search": search})

    assert [row["username"] for row in response.json()["results"]] == found


@pytest.mark.parametrize("query", [{"search": "x" * 101}, {"search": "a\x00"}, {"page": 0}])
def test_bad_searches(api, query):
    assert_problem(api.get("/api/users", query), 422)


@pytest.mark.parametrize("number", ["0", "x", "9" * 30, "-1"])
def test_nobody_of_that_number(api, number):
    assert_problem(api.get(f"/api/users/{number}"), 404)


def test_the_list_costs_the_same_queries_whatever_its_length(api, django_assert_num_queries):
    for _ in range(9):
        week = WeekFactory()
        WeekMovieFactory(week=week)

    with django_assert_num_queries(3):
        api.get("/api/users")


# Changing oneself


def test_change_oneself(api, user):
    changes = {"display_name": "  Ada L.  ", "time_zone": "Europe/Berlin", "visibility": "private"}

    response = api.patch(f"/api/users/{user.pk}", changes)

    assert response.status_code == 200
    assert response.json() == api.get("/api/auth/me").json()
    assert {name: response.json()[name] for name in changes} == changes | {"display_name": "Ada L."}


def test_what_was_sent_is_not_repeated(api, user):
    for answer in (
        api.patch(f"/api/users/{user.pk}", {"visibility": "hunter2"}),
        api.post("/api/auth/tokens", {"name": "widget", "scope": "hunter2"}),
        api.get("/api/weeks", {"complete": "hunter2"}),
        api.get("/api/opinions", {"kind": "hunter2"}),
    ):
        assert_problem(answer, 422)
        assert "hunter2" not in answer.content.decode()


def test_nothing_changes_nothing(api, user):
    before = api.get("/api/auth/me").json()

    assert api.patch(f"/api/users/{user.pk}", {}).json() == before
    assert api.patch(f"/api/users/{user.pk}", {"is_staff": True, "username": "root"}).json() == before


@pytest.mark.parametrize("empty", [None, ""])
def test_a_display_name_goes_again(user, empty):
    user.display_name = "Ada L."
    user.save()

    response = client_of(user).patch(f"/api/users/{user.pk}", {"display_name": empty})

    assert response.json()["display_name"] is None
    assert client_of(user).get("/api/users", {"search": "L."}).json()["total"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"email": None},
        {"email": ""},
        {"display_name": "x" * 101},
        {"display_name": "two\nlines"},
        {"display_name": "back\u202ewards"},
        {"display_name": 5},
        {"time_zone": "Berlin"},
        {"time_zone": "localtime"},
        {"time_zone": ""},
        {"time_zone": None},
        {"visibility": "friends"},
        {"visibility": None},
        {"visibility": True},
    ],
)
def test_bad_input(api, user, changes):
    assert_problem(api.patch(f"/api/users/{user.pk}", changes), 422)
    assert changes.keys() == {error["field"] for error in api.patch(f"/api/users/{user.pk}", changes).json()["errors"]}


def test_only_oneself(api, other):
    assert_problem(
        api.patch(f"/api/users/{other.pk}", {"display_name": "x"}), 403, "Only the owner can modify this account"
    )
    assert_problem(
        api.delete(f"/api/users/{other.pk}", {"password": "x"}), 403, "Only the owner can delete this account"
    )


def test_the_time_zone_decides_the_current_week(api, user, time_machine):
    time_machine.move_to("2026-02-08T23:30:00Z")  # a Sunday, but Monday in Berlin
    assert api.get("/api/weeks/current").json()["week_number"] == 6

    api.patch(f"/api/users/{user.pk}", {"time_zone": "Europe/Berlin"})

    assert api.get("/api/weeks/current").json()["week_number"] == 7


# Leaving


def test_leaving_takes_everything_along(db):
    user = make_user(username="ada")
    week = WeekFactory(user=user)
    movie = WeekMovieFactory(week=week).movie
    services.create_token(user, name="widget", scope="read")
    api = APIClient(headers={"Authorization": f"Bearer {access_token(user)}"})

    response = api.delete(f"/api/users/{user.pk}", {"password": PASSWORD})

    assert (response.status_code, response.content) == (204, b"")
    for model in (User, Week, WeekMovie, ApiToken, Session):
        assert not model.objects.exists()
    movie.refresh_from_db()
    assert_problem(api.get("/api/auth/me"), 401, "Could not validate credentials")


@pytest.mark.parametrize("body", [{}, {"password": "wrong"}, {"password": None}])
def test_leaving_takes_the_password(db, body):
    user = make_user()

    assert_problem(client_of(user).delete(f"/api/users/{user.pk}", body), 422)
    assert User.objects.exists()


def test_guessing_the_password_is_limited(db, settings):
    settings.LOGIN_RATE = "2/min"
    user = make_user()

    statuses = [client_of(user).delete(f"/api/users/{user.pk}", {"password": "guess"}).status_code for _ in range(3)]

    assert statuses == [422, 422, 429]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_who_leaves_while_doing_something_is_never_a_server_error(turn):
    user = make_user()
    weeks = [WeekFactory(user=user).pk for _ in range(3)]
    movie = MovieFactory(fetched_at=timezone.now())
    token = refresh_token(user)
    headers = {"Authorization": f"Bearer {access_token(user)}"}

    def act(number):
        client = APIClient(headers=headers, raise_request_exception=False)
        if number == 0:
            return client.delete(f"/api/users/{user.pk}", {"password": PASSWORD}).status_code
        if number == 1:
            return client.post("/api/auth/refresh", {"refresh_token": token}).status_code
        if number == 2:
            return client.patch(f"/api/users/{user.pk}", {"display_name": "Still here"}).status_code
        if number == 4:
            return client.post("/api/auth/logout", {"refresh_token": token}).status_code
        if number == 5:
            return client.post("/api/auth/login", {"username": user.username, "password": PASSWORD}).status_code
        if number == 3:
            return client.post("/api/auth/tokens", {"name": "widget", "current_password": PASSWORD}).status_code
        if number > 8:
            return client.put(f"/api/weeks/{weeks[number - 9]}/movies/1", {"tmdb_id": movie.tmdb_id}).status_code
        return client.post("/api/weeks", {"year": 2000 + number, "week_number": 1}).status_code

    statuses = at_once(12, act)

    assert set(statuses) <= {200, 201, 204, 401, 404, 503}
    assert not User.objects.exists()
    assert not Week.objects.exists()


# The database


def test_the_database_refuses_another_visibility(user):
    with pytest.raises(IntegrityError, match="user_visibility"):
        User.objects.filter(pk=user.pk).update(visibility="friends")


def test_the_same_rule_in_words(user):
    user.visibility = "friends"

    with pytest.raises(ValidationError, match="not a valid choice"):
        user.full_clean(exclude=["password"])
