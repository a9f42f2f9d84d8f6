"""Pages of lists: their links, parameters that there are not, weeks with their picks, and the order of weeks."""

import pytest

from tests.conftest import assert_problem
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

LISTS = [
    "/api/weeks",
    "/api/opinions",
    "/api/users",
    "/api/movies/selections",
    "/api/albums/selections",
    "/api/auth/sessions",
    "/api/auth/tokens",
    "/api/shortlist",
    "/api/challenges",
]


@pytest.fixture
def weeks(user):
    return [WeekFactory(user=user, year=2026, week_number=number) for number in range(1, 6)]


def numbers(response):
    return [week["week_number"] for week in response.json()["results"]]


def test_links_lead_through_all_pages_and_back(api, weeks):
    forward, address = [], "/api/weeks?page_size=2&owner=me&search="
    while address:
        response = api.get(address)
        forward.append(numbers(response))
        last, address = response, response.json()["links"]["next"]

    back = api.get(last.json()["links"]["previous"])

    assert forward == [[5, 4], [3, 2], [1]]
    assert numbers(back) == [3, 2]
    assert api.get("/api/weeks").json()["links"] == {"next": None, "previous": None}


def test_a_page_after_the_last_one_leads_back_to_that(api, weeks):
    assert numbers(api.get(api.get("/api/weeks?page_size=2&page=9").json()["links"]["previous"])) == [1]
    assert api.get("/api/opinions?page=9").json()["links"] == {"next": None, "previous": None}


@pytest.mark.parametrize("address", LISTS)
def test_an_unknown_parameter_is_refused_with_those_that_there_are(api, address):
    response = api.get(address, {"owners": "ben", "page": 1})

    assert_problem(response, 422)
    (error,) = response.json()["errors"]
    assert (error["field"], error["code"]) == ("owners", "unknown_parameter")
    assert "page, page_size" in response.json()["detail"]


def test_the_message_lists_the_filters(api):
    detail = api.get("/api/opinions", {"stars": 3}).json()["detail"]

    assert detail == "Stars: There is no such parameter. Use kind, min_rating, page, page_size, user."


@pytest.mark.parametrize(("address", "name"), [("/api/weeks", "owner"), ("/api/opinions", "user")])
def test_a_private_member_is_as_unknown_as_any(api, address, name):
    UserFactory(username="hermit", visibility="private")

    answers = [api.get(address, {name: who}) for who in ("hermit", "no-one")]

    assert_problem(answers[0], 422)
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["errors"][0]["code"] == "unknown_member"


def test_weeks_come_with_their_picks(api, user, other, django_assert_num_queries):
    for owner in (user, other):
        for number in (6, 7):
            week = WeekFactory(user=owner, year=2026, week_number=number)
            MovieOpinionFactory(user=user, movie_pick=WeekMovieFactory(week=week, position=2))
            AlbumOpinionFactory(user=other, album_pick=WeekAlbumFactory(week=week))
            WeekMovieFactory(week=week)
    WeekFactory(user=user, year=2026, week_number=8)
    plain = api.get("/api/weeks").json()["results"]

    with django_assert_num_queries(5):  # the session, the number of weeks, the weeks, movies and albums
        full = api.get("/api/weeks", {"include": "picks"}).json()["results"]

    assert full == [api.get(f"/api/weeks/{week['id']}").json() for week in plain]
    assert api.get("/api/weeks", {"include": "picks", "owner": "me", "ordering": "oldest"}).json()["results"] == [
        week for week in reversed(full) if week["owner"]["username"] == "ada"
    ]
    assert api.get("/api/weeks", {"include": "picks", "page": 9}).json()["results"] == []


def test_the_last_changed_week_comes_first(api, weeks):
    api.patch(f"/api/weeks/{weeks[1].pk}", {"notes": "new"})

    assert numbers(api.get("/api/weeks", {"ordering": "updated"}))[0] == 2
