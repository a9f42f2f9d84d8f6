"""What private people pick is theirs alone."""

import pytest

from tests.conftest import assert_problem, client_of
from tests.factories import UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def hermit(db):
    return UserFactory(username="hermit", visibility="private")


def full_week(person, **values):
    week = WeekFactory(user=person, **values)
    return week, WeekMovieFactory(week=week), WeekAlbumFactory(week=week)


def test_private_weeks_are_in_nobody_elses_lists(api, user, hermit):
    mine, *_ = full_week(user)
    full_week(hermit)

    page = api.get("/api/weeks").json()

    assert (page["total"], [week["id"] for week in page["results"]]) == (1, [mine.pk])


def test_private_weeks_are_not_found(api, hermit):
    week, *_ = full_week(hermit)

    for answer in (
        api.get(f"/api/weeks/{week.pk}"),
        api.patch(f"/api/weeks/{week.pk}", {"notes": "mine now"}),
        api.delete(f"/api/weeks/{week.pk}"),
        api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 5, "position": 2}),
        api.delete(f"/api/weeks/{week.pk}/movies/1"),
    ):
        assert_problem(answer, 404, "Week not found")


def test_their_owner_sees_them(hermit):
    week, movie, album = full_week(hermit)
    api = client_of(hermit)

    assert api.get("/api/weeks").json()["total"] == 1
    assert api.get(f"/api/weeks/{week.pk}").status_code == 200
    assert api.get("/api/movies/selections").json()["results"][0]["id"] == movie.movie_id
    assert api.get("/api/albums/selections").json()["results"][0]["id"] == album.album_id


def test_private_picks_are_in_nobody_elses_selections(api, user, hermit):
    mine, movie, album = full_week(user)
    other = WeekFactory(user=hermit)
    WeekMovieFactory(week=other, movie=movie.movie)
    WeekMovieFactory(week=other, position=2)
    WeekAlbumFactory(week=other, album=album.album)
    WeekAlbumFactory(week=other, position=2)

    for kind in ("movies", "albums"):
        page = api.get(f"/api/{kind}/selections").json()

        assert (page["total"], len(page["results"])) == (1, 1)
        assert [pick["week_id"] for pick in page["results"][0]["selections"]] == [mine.pk]


def test_staff_see_private_weeks_in_the_admin_only(hermit):
    week, *_ = full_week(hermit)

    answer = client_of(UserFactory(is_staff=True, is_superuser=True)).get(f"/api/weeks/{week.pk}")

    assert_problem(answer, 404, "Week not found")
