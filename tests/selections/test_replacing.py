"""Picking in one step whatever is there, moving weeks, and being told of repeats."""

import uuid

import pytest

from selections.models import Week, WeekAlbum, WeekMovie
from tests import payloads
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)


@pytest.fixture
def week(user, now):
    return WeekFactory(user=user, year=2026, week_number=7)


def put_movie(api, week, tmdb_id=120, position=1):
    return api.put(f"/api/weeks/{week.pk}/movies/{position}", {"tmdb_id": tmdb_id})


def put_album(api, week, musicbrainz_id=payloads.RELEASE, position=1):
    return api.put(f"/api/weeks/{week.pk}/albums/{position}", {"musicbrainz_id": str(musicbrainz_id)})


def test_put_fills_a_free_position(api, week, tmdb_movie):
    tmdb_movie()

    response = put_movie(api, week, position=2)

    assert response.status_code == 201
    body = response.json()
    assert list(body) == ["week_id", "position", "added_at", "movie", "previous_selections"]
    assert (body["week_id"], body["position"], body["movie"]["tmdb_id"]) == (week.pk, 2, 120)


def test_put_replaces_what_is_there(api, week, time_machine):
    old, new = WeekMovieFactory(week=week).movie, MovieFactory()
    old_album, new_album = WeekAlbumFactory(week=week).album, AlbumFactory()
    time_machine.shift(60)

    movie, album = put_movie(api, week, new.tmdb_id), put_album(api, week, new_album.musicbrainz_id)

    week.refresh_from_db()
    assert (movie.status_code, album.status_code) == (200, 200)
    assert movie.json()["added_at"] == "2026-02-11T12:01:00Z"
    assert week.movie_picks.get().movie == new != old
    assert week.album_picks.get().album == new_album != old_album
    assert week.updated_at.isoformat() == "2026-02-11T12:01:00+00:00"


def test_what_is_there_already_stays_as_it_was_picked(api, week, time_machine):
    movie, album = WeekMovieFactory(week=week), WeekAlbumFactory(week=week)
    before = Week.objects.get().updated_at
    time_machine.shift(60)

    answers = put_movie(api, week, movie.movie.tmdb_id), put_album(api, week, album.album.musicbrainz_id)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["added_at"] for answer in answers] == ["2026-02-11T12:00:00Z"] * 2
    assert (WeekMovie.objects.get().pk, WeekAlbum.objects.get().pk) == (movie.pk, album.pk)
    assert Week.objects.get().updated_at == before


def test_the_other_position_may_not_have_it(api, week):
    movie, album = WeekMovieFactory(week=week, position=2), WeekAlbumFactory(week=week, position=2)

    assert_problem(put_movie(api, week, movie.movie.tmdb_id), 409, "This movie is already in this week")
    assert_problem(put_album(api, week, album.album.musicbrainz_id), 409, "This album is already in this week")


def test_a_failed_put_leaves_what_is_there(api, week, upstream):
    upstream.get(f"{payloads.TMDB}/movie/120", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", status=503, json={"error": "busy"})
    movie, album = WeekMovieFactory(week=week), WeekAlbumFactory(week=week)

    assert_problem(put_movie(api, week), 404, "Movie not found in TMDB")
    assert_problem(put_album(api, week), 503)
    assert (WeekMovie.objects.get(), WeekAlbum.objects.get()) == (movie, album)


def test_the_order_of_checks(api, anonymous, week, other):
    foreign = WeekFactory(user=other)
    nowhere = Week(pk=999_999)

    assert_problem(put_movie(anonymous, nowhere, 0, 3), 401)
    assert_problem(put_movie(api, nowhere, 0, 3), 422)
    assert_problem(put_movie(api, nowhere, position=3), 400, "Position must be 1 or 2")
    assert_problem(put_movie(api, nowhere), 404, "Week not found")
    assert_problem(put_movie(api, foreign), 403, "Only the owner can modify this week")
    assert_problem(put_album(api, foreign), 403, "Only the owner can modify this week")


@pytest.mark.parametrize("body", [{}, {"tmdb_id": "120"}, {"tmdb_id": None}, {"tmdb_id": 2**40}])
def test_bad_input(api, week, body):
    assert_problem(api.put(f"/api/weeks/{week.pk}/movies/1", body), 422)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_replacements_the_last_stays():
    week = WeekFactory()
    movies = MovieFactory.create_batch(6)

    statuses = at_once(6, lambda n: put_movie(client_of(week.user), week, movies[n].tmdb_id).status_code)

    assert statuses == [200] * 5 + [201]
    assert week.movie_picks.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_puts_of_one_movie_into_both_positions_one_wins():
    week, movie = WeekFactory(), MovieFactory()

    statuses = at_once(2, lambda n: put_movie(client_of(week.user), week, movie.tmdb_id, n + 1).status_code)

    assert statuses == [201, 409]


# Moving


def test_a_week_moves_with_its_picks(api, week):
    WeekMovieFactory(week=week)

    response = api.patch(f"/api/weeks/{week.pk}", {"year": 2020, "week_number": 53, "notes": "Long ago"})

    body = response.json()
    assert response.status_code == 200
    assert (body["id"], body["year"], body["week_number"], body["notes"]) == (week.pk, 2020, 53, "Long ago")
    assert (body["starts_on"], body["ends_on"]) == ("2020-12-28", "2021-01-03")
    assert len(api.get("/api/weeks/2020-W53").json()["movies"]) == 1


def test_a_week_does_not_move_onto_another(api, week, user, other):
    WeekFactory(user=user, year=2026, week_number=8)
    WeekFactory(user=other, year=2026, week_number=9)

    refused = api.patch(f"/api/weeks/{week.pk}", {"year": 2026, "week_number": 8, "notes": "x"})

    assert_problem(refused, 409, "Week 2026-W08 already exists")
    week.refresh_from_db()
    assert (week.week_number, week.notes) == (7, "")
    for number in (7, 9):
        assert api.patch(f"/api/weeks/{week.pk}", {"year": 2026, "week_number": number}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"year": 2026}, "week_number"),
        ({"week_number": 8}, "year"),
        ({"year": 2025, "week_number": 53}, "week_number"),
        ({"year": 1899, "week_number": 1}, "year"),
        ({"year": "2026", "week_number": 8}, "year"),
        ({"year": 2026, "week_number": None}, "week_number"),
    ],
)
def test_a_week_moves_by_both_numbers_to_one_that_is(api, week, body, field):
    response = api.patch(f"/api/weeks/{week.pk}", body)

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field


def test_only_its_owner_moves_a_week(api, other):
    week = WeekFactory(user=other, year=2026, week_number=7)

    assert_problem(
        api.patch(f"/api/weeks/{week.pk}", {"year": 2026, "week_number": 8}), 403, "Only the owner can modify this week"
    )


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_moves_to_one_place_one_wins():
    user = UserFactory()
    weeks = [WeekFactory(user=user, year=2026, week_number=number) for number in range(1, 6)]
    aim = {"year": 2026, "week_number": 30}

    statuses = at_once(5, lambda n: client_of(user).patch(f"/api/weeks/{weeks[n].pk}", aim).status_code)

    assert statuses == [200] + [409] * 4


# Repeats


def earlier(response):
    assert response.status_code in {200, 201}, response.json()
    return [selection["week_id"] for selection in response.json()["previous_selections"]]


def test_earlier_weeks_with_the_same_movie(api, week, user, other):
    movie = MovieFactory()
    weeks = [(2026, 6, other), (2025, 52, user), (2026, 7, other), (2026, 8, user), (2027, 1, other)]
    picks = [
        WeekMovieFactory(week=WeekFactory(user=person, year=year, week_number=number), movie=movie, position=2)
        for year, number, person in weeks
    ]
    WeekMovieFactory(week__year=2020)

    response = put_movie(api, week, movie.tmdb_id)

    assert earlier(response) == [picks[0].week_id, picks[1].week_id]
    assert response.json()["previous_selections"][0] == {
        "week_id": picks[0].week_id,
        "year": 2026,
        "week_number": 6,
        "position": 2,
        "added_at": "2026-02-11T12:00:00Z",
        "owner": {"id": other.pk, "username": "ben", "display_name": None},
    }


def test_earlier_weeks_with_any_edition_of_the_album(api, week):
    group = uuid.uuid4()
    editions = AlbumFactory.create_batch(2, release_group_id=group)
    past = [
        WeekAlbumFactory(week=WeekFactory(year=2025, week_number=n), album=album)
        for n, album in [(1, editions[0]), (2, editions[1])]
    ]
    WeekAlbumFactory(week__year=2020)

    response = api.post(
        f"/api/weeks/{week.pk}/albums", {"musicbrainz_id": str(editions[1].musicbrainz_id), "position": 1}
    )

    assert earlier(response) == [past[1].week_id, past[0].week_id]


def test_albums_without_a_release_group_are_not_all_the_same(api, week):
    WeekAlbumFactory(week=WeekFactory(year=2025, week_number=1), album=AlbumFactory(release_group_id=None))
    album = AlbumFactory(release_group_id=None)
    same = WeekAlbumFactory(week=WeekFactory(year=2025, week_number=2), album=album)

    assert earlier(put_album(api, week, album.musicbrainz_id)) == [same.week_id]


def test_private_weeks_are_no_repeats_for_others(api, week):
    movie = MovieFactory()
    hidden = WeekFactory(user=UserFactory(visibility="private"), year=2025, week_number=1)
    WeekMovieFactory(week=hidden, movie=movie)

    assert earlier(put_movie(api, week, movie.tmdb_id)) == []


def test_repeats_are_the_latest_fifty_in_the_same_queries(api, week, django_assert_max_num_queries):
    few, many = MovieFactory(), MovieFactory()
    for n in range(52):
        WeekMovieFactory(week=WeekFactory(year=1950 + n, week_number=1), movie=many)
    WeekMovieFactory(week=WeekFactory(year=1949, week_number=1), movie=few)
    WeekMovieFactory(week=week)
    with django_assert_max_num_queries(30) as one:
        assert len(earlier(put_movie(api, week, few.tmdb_id))) == 1

    with django_assert_max_num_queries(len(one.captured_queries)):
        response = put_movie(api, week, many.tmdb_id)

    assert [row["year"] for row in response.json()["previous_selections"]] == list(range(2001, 1951, -1))
