"""Only private members themselves see their picks."""

import pytest

from tests.conftest import assert_problem, client_of
from tests.factories import MovieOpinionFactory, UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


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
        api.delete(f"/api/weeks/{week.pk}?force=true"),
        api.patch(f"/api/weeks/{week.pk}/movies/1", {"position": 2}),
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


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("owners_zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("moment", ["2026-02-15T11:00Z", "2026-02-16T03:00Z", "2026-02-16T12:00Z"])
def test_no_time_zone_shows_what_is_private(hermit, time_machine, zone, owners_zone, moment):
    reader = UserFactory(time_zone=zone)
    type(hermit).objects.filter(pk=hermit.pk).update(time_zone=owners_zone)
    _, movie, _ = full_week(hermit, year=2026, week_number=7)
    _, mine, _ = full_week(reader, year=2026, week_number=7)
    for pick in (movie, mine):
        MovieOpinionFactory(user=hermit, movie_pick=pick)
    time_machine.move_to(moment, tick=False)

    assert client_of(reader).get("/api/opinions").json()["total"] == 0


def test_what_goes_with_a_week_names_no_private_people(api, user, hermit):
    week, movie, _ = full_week(user)
    MovieOpinionFactory(user=hermit, movie_pick=movie)
    MovieOpinionFactory(user=UserFactory(username="cleo"), movie_pick=movie)

    answer = api.delete(f"/api/weeks/{week.pk}")

    sentence = "cleo has already rated your picks in this week. Deleting it also deletes their opinion."
    assert_problem(answer, 409, sentence)


def test_staff_see_private_weeks_in_the_admin_only(hermit):
    week, *_ = full_week(hermit)

    answer = client_of(UserFactory(is_staff=True, is_superuser=True)).get(f"/api/weeks/{week.pk}")

    assert_problem(answer, 404, "Week not found")
