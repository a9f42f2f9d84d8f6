"""Finding weeks: by owner, time, completeness and words, and by their ISO names."""

import pytest

from catalog.text import search_words
from selections.models import Week
from selections.weeks import read_week_name
from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)


def found(api, **query):
    """The names of the weeks that are found, in order."""
    response = api.get("/api/weeks", query)
    assert response.status_code == 200, response.json()
    weeks = response.json()["results"]
    assert response.json()["total"] == len(weeks)
    return [f"{week['year']}-W{week['week_number']:02} {week['owner']['username']}" for week in weeks]


@pytest.fixture
def weeks(user, other):
    for year, number, person in [(2020, 53, user), (2021, 1, user), (2026, 6, user), (2026, 7, user), (2026, 7, other)]:
        WeekFactory(user=person, year=year, week_number=number)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["2026-W07 ada", "2026-W07 ben", "2026-W06 ada", "2021-W01 ada", "2020-W53 ada"]),
        ({"owner": "me"}, ["2026-W07 ada", "2026-W06 ada", "2021-W01 ada", "2020-W53 ada"]),
        ({"owner": "ben"}, ["2026-W07 ben"]),
        ({"owner": "BEN"}, ["2026-W07 ben"]),
        ({"ordering": "newest", "owner": "ME"}, ["2026-W07 ada", "2026-W06 ada", "2021-W01 ada", "2020-W53 ada"]),
        ({"ordering": "oldest", "from": "2026-W06"}, ["2026-W06 ada", "2026-W07 ada", "2026-W07 ben"]),
        ({"week_number": 7}, ["2026-W07 ada", "2026-W07 ben"]),
        ({"week_number": 53}, ["2020-W53 ada"]),
        ({"from": "2021-W01"}, ["2026-W07 ada", "2026-W07 ben", "2026-W06 ada", "2021-W01 ada"]),
        ({"to": "2021-W01"}, ["2021-W01 ada", "2020-W53 ada"]),
        ({"from": "2020-W53", "to": "2026-W06"}, ["2026-W06 ada", "2021-W01 ada", "2020-W53 ada"]),
        ({"from": "2026-W07", "to": "2026-W06"}, []),
        ({"year": 2026, "week_number": 7, "owner": "me"}, ["2026-W07 ada"]),
    ],
)
def test_filters_combine(api, weeks, query, expected):
    assert found(api, **query) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"week_number": 0},
        {"week_number": 54},
        {"week_number": "x"},
        {"complete": "maybe"},
        {"from": "2026"},
        {"from": "2026-W00"},
        {"from": "2025-W53"},
        {"to": "2026-W7"},
        {"to": "1899-W01"},
        {"search": "x" * 201},
        {"search": "a\x00"},
        {"search": "one two three four five six seven eight nine ten eleven"},
        {"search": "㏂" * 6},
        {"owner": "a\x00"},
        {"owner": "nobody"},
        {"ordering": "title"},
        {"include": "opinions"},
    ],
)
def test_bad_values_are_invalid(api, query):
    response = api.get("/api/weeks", query)

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == next(iter(query))


def test_complete(api, user):
    full, movie, album, empty = (WeekFactory(user=user, year=2026, week_number=number) for number in range(1, 5))
    WeekMovieFactory(week=full)
    WeekAlbumFactory(week=full)
    WeekMovieFactory(week=movie)
    WeekAlbumFactory(week=album)

    assert found(api, complete="true") == ["2026-W01 ada"]
    assert found(api, complete="false") == ["2026-W04 ada", "2026-W03 ada", "2026-W02 ada"]
    assert empty.pk


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("asleep", [1]),
        ("ASLEEP", [1]),
        ("élan", [1]),
        ("elan", [1]),
        ("amelie", [2]),
        ("fabuleux poulain", [2]),
        ("bjork", [3]),
        ("homogenic Björk", [3]),
        ("rain", [1, 3]),
        ("rain bjork", [3]),
        ("rain amelie", []),
        ("100%", []),
        ("_", []),
        ("%", []),
        ("?!", []),
        ("ЖАРА", [4]),
    ],
)
def test_search_in_notes_titles_and_artists(api, user, search, expected):
    for number, notes in enumerate(["Élan! One fell asleep in the rain.", "", "Rain", "жара"], 1):
        WeekFactory(user=user, year=2026, week_number=number, notes=notes)
    movie = MovieFactory(title="Amélie", original_title="Le Fabuleux Destin d'Amélie Poulain")
    WeekMovieFactory(week=Week.objects.get(week_number=2), movie=movie)
    album = AlbumFactory(title="Homogenic", artist="Björk")
    WeekAlbumFactory(week=Week.objects.get(week_number=3), album=album, position=1)
    WeekAlbumFactory(week=Week.objects.get(week_number=3), position=2)

    assert found(api, search=search) == [f"2026-W{number:02} ada" for number in reversed(expected)]


def test_search_follows_the_notes(api, user):
    week = WeekFactory(user=user, notes="old words")

    api.patch(f"/api/weeks/{week.pk}", {"notes": "new words"})

    assert (len(found(api, search="old")), len(found(api, search="new"))) == (0, 1)


def test_private_weeks_are_found_by_nobody_else(api):
    hermit = UserFactory(username="hermit", visibility="private")
    WeekFactory(user=hermit, notes="secret")

    assert_problem(api.get("/api/weeks", {"owner": "hermit"}), 422)
    assert found(api, search="secret") == []
    assert len(found(client_of(hermit), search="secret")) == 1


def test_filters_cost_the_same_queries_whatever_they_find(api, user, django_assert_num_queries):
    for number in range(1, 20):
        week = WeekFactory(user=user, year=2026, week_number=number, notes="rain")
        WeekMovieFactory(week=week)

    with django_assert_num_queries(2):
        api.get("/api/weeks", {"search": "rain", "owner": "me", "complete": "false", "from": "2026-W01"})


@pytest.mark.parametrize(("page", "shown", "queries"), [(1, 5, 2), (2, 5, 2), (3, 1, 2), (4, 0, 3)])
@pytest.mark.parametrize("order", ["newest", "oldest", "updated"])
def test_a_search_finds_a_page_and_the_total_at_once(api, user, page, shown, queries, order, django_assert_num_queries):
    for number in range(1, 15):
        week = WeekFactory(user=user, year=2026, week_number=number, notes="rain and snow")
        WeekMovieFactory(week=week)
    query = {"search": "snow rain", "complete": "false", "to": "2026-W11", "ordering": order}

    with django_assert_num_queries(queries):
        answer = api.get("/api/weeks", query | {"page": page, "page_size": 5}).json()
    on_one = api.get("/api/weeks", query).json()["results"]

    assert answer["total"] == len(on_one) == 11
    assert answer["results"] == on_one[5 * page - 5 :][:5]
    assert len(answer["results"]) == shown


# ISO names


def test_a_week_by_its_name(api, user, other):
    WeekFactory(user=other, year=2026, week_number=1)
    mine = WeekFactory(user=user, year=2026, week_number=1)

    response = api.get("/api/weeks/2026-W01")

    assert response.status_code == 200
    assert response.json() == api.get(f"/api/weeks/{mine.pk}").json()


def test_its_name_is_good_wherever_its_number_is(api, user):
    movie, album = MovieFactory(), AlbumFactory()
    week = WeekFactory(user=user, year=2026, week_number=1)

    picked = api.post("/api/weeks/2026-W01/movies", {"tmdb_id": movie.tmdb_id, "position": 1})
    put = api.put("/api/weeks/2026-W01/albums/2", {"musicbrainz_id": str(album.musicbrainz_id)})
    patched = api.patch("/api/weeks/2026-W01", {"notes": "By name"})

    assert [answer.status_code for answer in (picked, put, patched)] == [201, 201, 200]
    assert picked.json()["week_id"] == week.pk
    assert api.delete("/api/weeks/2026-W01/movies/1").status_code == 204
    assert api.delete("/api/weeks/2026-W01").status_code == 204


@pytest.mark.parametrize("name", ["2026-W02", "2025-W53", "2026-W1", "2026W01", "2026-w01", "1899-W01", "٢٠٢٦-W01"])
def test_a_name_of_no_week(api, user, other, name):
    WeekFactory(user=user, year=2026, week_number=1)
    WeekFactory(user=other, year=2026, week_number=2)

    assert_problem(api.get(f"/api/weeks/{name}"), 404, "Week not found")


def test_names_are_read_as_they_are_written(db):
    for week in (Week(year=2026, week_number=7), Week(year=2020, week_number=53), Week(year=1900, week_number=1)):
        assert read_week_name(week.name) == (week.year, week.week_number)


def test_notes_are_folded_as_the_catalog_folds(user):
    week = WeekFactory(user=user, notes="Ça va, AC/DC?")

    assert week.search_text.split() == search_words("Ça va, AC/DC?") == ["ca", "va", "ac", "dc"]
