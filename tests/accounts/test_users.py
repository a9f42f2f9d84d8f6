"""Other users, and your own account."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import ApiToken, Session, User
from selections.models import Week, WeekMovie
from tests.accounts.conftest import ENDED, bearer
from tests.conftest import access_token, assert_problem, at_once, client_of, refresh_token, session_of
from tests.factories import PASSWORD, MovieFactory, UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


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


def test_the_list_has_all_users_by_name(now, db):
    ben, ada = UserFactory(username="ben"), UserFactory(username="ada")

    response = client_of(ada).get("/api/users")

    page = {"total": 2, "page": 1, "page_size": 20, "links": {"next": None, "previous": None}}
    assert response.json() == page | {"results": [profile(ada), profile(ben)]}


def test_only_private_users_see_themselves(api, user):
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
def test_an_id_that_is_not_there(api, number):
    assert_problem(api.get(f"/api/users/{number}"), 404)
    for path in ("tokens", "sessions"):
        assert_problem(api.delete(f"/api/auth/{path}/{number}"), 404)


@pytest.mark.parametrize("path", ["users", "auth/tokens", "auth/sessions"])
def test_lists_cost_the_same_queries_whatever_their_length(api, user, django_assert_num_queries, path):
    for _ in range(9):
        WeekMovieFactory()
        services.create_token(user, name="widget", scope="read")
        session_of(user)

    with django_assert_num_queries(2):
        assert api.get(f"/api/{path}").json()["total"] >= 9


# Changing your account


def test_change_your_account(api, user):
    changes = {"display_name": "  Ada L.  ", "time_zone": "Europe/Berlin", "visibility": "private"}

    response = api.patch(f"/api/users/{user.pk}", changes)

    assert response.status_code == 200
    assert response.json() == api.get("/api/auth/me").json()
    assert {name: response.json()[name] for name in changes} == changes | {"display_name": "Ada L."}


def test_invalid_values_are_not_repeated(api, user):
    for answer in (
        api.patch(f"/api/users/{user.pk}", {"visibility": "hunter2"}),
        api.post("/api/auth/tokens", {"name": "widget", "scope": "hunter2"}),
        api.get("/api/weeks", {"complete": "hunter2"}),
        api.get("/api/opinions", {"kind": "hunter2"}),
    ):
        assert_problem(answer, 422)
        assert "hunter2" not in answer.content.decode()


def test_an_empty_change_changes_nothing(api, user):
    before = api.get("/api/auth/me").json()

    assert api.patch(f"/api/users/{user.pk}", {}).json() == before
    assert api.patch(f"/api/users/{user.pk}", {"is_staff": True, "username": "root"}).json() == before


@pytest.mark.parametrize("empty", [None, ""])
def test_a_display_name_can_be_removed(user, empty):
    user.display_name = "Ada L."
    user.save()

    response = client_of(user).patch(f"/api/users/{user.pk}", {"display_name": empty})

    assert response.json()["display_name"] is None
    assert client_of(user).get("/api/users", {"search": "L."}).json()["total"] == 0


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", ["nobody", None, ""]),
        ("display_name", ["x" * 101, "two\nlines", "back\u202ewards", 5]),
        ("time_zone", ["Berlin", "localtime", "", None]),
        ("visibility", ["friends", None, True]),
    ],
)
def test_bad_input(api, user, field, values):
    for value in values:
        response = api.patch(f"/api/users/{user.pk}", {field: value})

        assert_problem(response, 422)
        assert {error["field"] for error in response.json()["errors"]} == {field}


def test_other_accounts_cannot_be_changed(api, other):
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


# Deleting your account


def test_deleting_your_account_deletes_what_it_owns(user):
    movie = WeekMovieFactory(week__user=user).movie
    services.create_token(user, name="widget", scope="read")
    api = bearer(access_token(user))

    refused = [api.delete(f"/api/users/{user.pk}", body) for body in ({}, {"password": "wrong"}, {"password": None})]
    response = api.delete(f"/api/users/{user.pk}", {"password": PASSWORD})

    assert [answer.status_code for answer in refused] == [422] * 3
    assert (response.status_code, response.content) == (204, b"")
    for model in (User, Week, WeekMovie, ApiToken, Session):
        assert not model.objects.exists()
    movie.refresh_from_db()
    assert_problem(api.get("/api/auth/me"), *ENDED)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_deleting_an_account_during_other_requests_is_never_a_server_error(user, turn):
    weeks = [WeekFactory(user=user).pk for _ in range(3)]
    movie = MovieFactory(fetched_at=timezone.now())
    token, own = {"refresh_token": refresh_token(user)}, f"/api/users/{user.pk}"
    headers = {"Authorization": f"Bearer {access_token(user)}"}
    requests = [
        ("delete", own, {"password": PASSWORD}),
        ("post", "/api/auth/refresh", token),
        ("patch", own, {"display_name": "Still here"}),
        ("post", "/api/auth/tokens", {"name": "widget", "current_password": PASSWORD}),
        ("post", "/api/auth/logout", token),
        ("post", "/api/auth/login", {"username": user.username, "password": PASSWORD}),
        *(("post", "/api/weeks", {"year": year, "week_number": 1}) for year in (2006, 2007, 2008)),
        *(("put", f"/api/weeks/{week}/movies/1", {"tmdb_id": movie.tmdb_id}) for week in weeks),
    ]

    def act(number):
        method, path, body = requests[number]
        return getattr(APIClient(headers=headers, raise_request_exception=False), method)(path, body).status_code

    assert set(at_once(12, act)) <= {200, 201, 204, 401, 404, 503}
    assert not User.objects.exists()
    assert not Week.objects.exists()
