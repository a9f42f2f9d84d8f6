"""Lists: their pages and links, parameters that there are not, the order of weeks, and weeks with their picks."""

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


def test_a_page_after_the_last_one_links_to_the_last_one(api, weeks):
    assert numbers(api.get(api.get("/api/weeks?page_size=2&page=9").json()["links"]["previous"])) == [1]
    assert api.get("/api/opinions?page=9").json()["links"] == {"next": None, "previous": None}


@pytest.mark.parametrize("address", LISTS)
def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named(api, address):
    response = api.get(address, {"owners": "ben", "page": 1})

    assert_problem(response, 422)
    (error,) = response.json()["errors"]
    assert (error["field"], error["code"]) == ("owners", "unknown_parameter")
    assert "page, page_size" in response.json()["detail"]


def test_the_message_lists_the_filters(api):
    detail = api.get("/api/opinions", {"stars": 3}).json()["detail"]

    assert detail == "Stars: There is no such parameter. Use kind, min_rating, page, page_size, user."


def test_the_message_names_the_parameter_also_if_its_name_begins_another(api):
    assert api.get("/api/weeks", {"week": 7}).json()["detail"].startswith("Week: There is no such parameter. Use ")


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

    with django_assert_num_queries(4):  # the session, the weeks, movies and albums
        full = api.get("/api/weeks", {"include": "picks"}).json()["results"]

    assert full == [api.get(f"/api/weeks/{week['id']}").json() for week in plain]
    assert api.get("/api/weeks", {"include": "picks", "owner": "me", "ordering": "oldest"}).json()["results"] == [
        week for week in reversed(full) if week["owner"]["username"] == "ada"
    ]
    assert api.get("/api/weeks", {"include": "picks", "page": 9}).json()["results"] == []


def test_the_last_changed_week_comes_first(api, weeks):
    api.patch(f"/api/weeks/{weeks[1].pk}", {"notes": "new"})

    assert numbers(api.get("/api/weeks", {"ordering": "updated"}))[0] == 2


@pytest.fixture
def many_weeks(user, other):
    """Weeks of two people, in no order, named by owner and week."""
    third = UserFactory(username="cid")
    for owner, year, number in [
        (other, 2026, 7),
        (user, 2025, 52),
        (third, 2026, 7),
        (user, 2026, 7),
        (other, 2026, 8),
        (other, 2025, 52),
    ]:
        WeekFactory(user=owner, year=year, week_number=number)


def names(response):
    return [f"{w['owner']['username']} {w['year']}-{w['week_number']}" for w in response.json()["results"]]


def test_own_weeks_come_first_within_a_calendar_week(api, many_weeks):
    assert names(api.get("/api/weeks")) == [
        "ben 2026-8",
        "ada 2026-7",
        "ben 2026-7",
        "cid 2026-7",
        "ada 2025-52",
        "ben 2025-52",
    ]


def test_own_weeks_come_before_all_others_where_it_is_set(api, many_weeks, settings):
    settings.OWN_WEEKS_FIRST = True

    assert names(api.get("/api/weeks"))[:3] == ["ada 2026-7", "ada 2025-52", "ben 2026-8"]


def test_pages(api, many_weeks):
    body = api.get("/api/weeks?page=2&page_size=4").json()

    assert (body["total"], body["page"], body["page_size"], len(body["results"])) == (6, 2, 4, 2)


@pytest.mark.parametrize("page", [3, 1_000_000])
def test_a_page_beyond_the_end_is_empty(api, many_weeks, page):
    response = api.get(f"/api/weeks?page={page}")

    links = {"next": None, "previous": "/api/weeks?page=1"}
    assert response.status_code == 200
    assert response.json() == {"total": 6, "page": page, "page_size": 20, "links": links, "results": []}


def test_the_year_filter(api, many_weeks):
    assert names(api.get("/api/weeks?year=2025")) == ["ada 2025-52", "ben 2025-52"]
    assert api.get("/api/weeks?year=1999").json()["total"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=-1",
        "page=" + "9" * 30,
        "page_size=0",
        "page_size=101",
        "year=1899",
        "year=2101",
        "year=x",
    ],
)
def test_the_list_refuses_bad_input(api, query):
    response = api.get(f"/api/weeks?{query}")

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_costs_the_same_queries_whatever_its_length(api, user, django_assert_num_queries, count):
    for n in range(count):
        WeekMovieFactory(week=WeekFactory(user=user, year=2000, week_number=n + 1))

    with django_assert_num_queries(2):  # who asks, the weeks
        assert len(api.get("/api/weeks?page_size=100").json()["results"]) == count
