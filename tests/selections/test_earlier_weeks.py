"""The `previous_selections` of a pick: earlier weeks with the same work."""

import uuid
from datetime import timedelta

import pytest

from selections.kinds import ALBUM, MOVIE
from tests.factories import AlbumFactory, MovieFactory, UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def week(user, now, time_machine):
    week = WeekFactory(user=user, year=2026, week_number=7)
    time_machine.shift(timedelta(hours=1))
    return week


def put(client, week, kind, work):
    return client.put(f"/api/weeks/{week.pk}/{kind.name}s/1", {kind.id_field: work.external_id})


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

    response = put(api, week, MOVIE, movie)

    assert earlier(response) == [picks[0].week_id, picks[1].week_id]
    assert response.json()["previous_selections"][0] == {
        "week_id": picks[0].week_id,
        "year": 2026,
        "week_number": 6,
        "position": 2,
        "added_at": "2026-02-11T13:00:00Z",
        "owner": {"id": other.pk, "username": "ben", "display_name": None},
    }


@pytest.mark.parametrize("has_group", [True, False])
def test_earlier_weeks_with_any_edition_of_the_album(api, week, has_group):
    """Albums without a release group are editions of themselves only."""
    editions = AlbumFactory.create_batch(2, release_group_id=uuid.uuid4() if has_group else None)
    past = [
        WeekAlbumFactory(week=WeekFactory(year=2025, week_number=number), album=album).week_id
        for number, album in enumerate(editions, 1)
    ]
    WeekAlbumFactory(week__year=2020)

    response = put(api, week, ALBUM, editions[1])

    assert earlier(response) == (past[::-1] if has_group else past[1:])


def test_private_weeks_are_no_earlier_weeks_for_others(api, week):
    hidden = WeekFactory(user=UserFactory(visibility="private"), year=2025, week_number=1)
    movie = WeekMovieFactory(week=hidden).movie

    assert earlier(put(api, week, MOVIE, movie)) == []


def test_earlier_weeks_are_the_latest_fifty_in_the_same_queries(api, week, django_assert_max_num_queries):
    few, many = MovieFactory(), MovieFactory()
    for year in range(1950, 2002):
        WeekMovieFactory(week=WeekFactory(year=year, week_number=1), movie=many)
    WeekMovieFactory(week=WeekFactory(year=1949, week_number=1), movie=few)
    WeekMovieFactory(week=week)
    with django_assert_max_num_queries(30) as one:
        assert len(earlier(put(api, week, MOVIE, few))) == 1

    with django_assert_max_num_queries(len(one.captured_queries)):
        response = put(api, week, MOVIE, many)

    assert [row["year"] for row in response.json()["previous_selections"]] == list(range(2001, 1951, -1))
