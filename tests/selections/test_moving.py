"""The picks of a week change places, and keep all that is theirs."""

import pytest
from django.db import connection

from selections.models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

KINDS = {"movies": (WeekMovie, WeekMovieFactory), "albums": (WeekAlbum, WeekAlbumFactory)}


def move(client, week, kind="movies", position=1, body=None):
    return client.patch(f"/api/weeks/{week.pk}/{kind}/{position}", {"position": 2} if body is None else body)


def places(model):
    return dict(model.objects.values_list("pk", "position"))


@pytest.fixture
def week(user, now):
    return WeekFactory(user=user, year=2026, week_number=7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pick_moves_to_the_free_place(api, week, time_machine, kind):
    model, make = KINDS[kind]
    pick, elsewhere = make(week=week), make()
    time_machine.shift(60)

    response = move(api, week, kind)

    body = response.json()
    assert response.status_code == 200
    assert (body["week_id"], body["position"], body["added_at"]) == (week.pk, 2, "2026-02-11T12:00:00Z")
    assert body["previous_selections"] == []
    assert places(model) == {pick.pk: 2, elsewhere.pk: 1}
    assert api.get(f"/api/weeks/{week.pk}").json()["updated_at"] == "2026-02-11T12:01:00Z"


@pytest.mark.parametrize("kind", KINDS)
def test_two_picks_swap_and_keep_what_is_theirs(api, user, other, week, kind):
    model, make = KINDS[kind]
    first, second = make(week=week), make(week=week, position=2)
    on = "movie_pick" if kind == "movies" else "album_pick"
    opinions = MovieOpinionFactory if kind == "movies" else AlbumOpinionFactory
    said = [opinions(user=user, rating=2, **{on: first}), opinions(user=other, rating=9, **{on: second})]
    EarlierRating.objects.create(opinion=said[0], rating=5)
    before = {pick.pk: pick.added_at for pick in (first, second)}

    response = move(api, week, kind)

    assert (response.status_code, response.json()["position"]) == (200, 2)
    assert places(model) == {first.pk: 2, second.pk: 1}
    assert dict(model.objects.values_list("pk", "added_at")) == before
    assert dict(Opinion.objects.values_list(f"{on}_id", "rating")) == {first.pk: 2, second.pk: 9}
    assert EarlierRating.objects.get().opinion == said[0]


@pytest.mark.parametrize("body", [{}, {"position": 1}])
def test_to_stay_changes_nothing(api, week, time_machine, body):
    WeekMovieFactory(week=week)
    updated_at = week.updated_at
    time_machine.shift(60)

    assert move(api, week, body=body).json()["position"] == 1
    assert Week.objects.get().updated_at == updated_at


@pytest.mark.parametrize("value", [0, 3, "2", 1.5, True, None, [], 10**30])
def test_there_are_two_positions(api, week, value):
    WeekMovieFactory(week=week)

    for answer in (
        move(api, week, body={"position": value}),
        api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 5, "position": value}),
    ):
        assert_problem(answer, 422, "Position must be 1 or 2.")
        assert [error["field"] for error in answer.json()["errors"]] == ["position"]


def test_what_is_not_there_does_not_move(api, user, week):
    hermit, member = WeekFactory(user=UserFactory(visibility="private")), WeekMovieFactory().week

    assert_problem(move(api, week), 404, "No movie found at position 1")
    assert_problem(move(api, week, "albums", 2), 404, "No album found at position 2")
    assert_problem(move(api, week, position=3), 400, "Position must be 1 or 2")
    assert_problem(move(api, hermit), 404, "Week not found")
    assert_problem(move(api, member), 403, "Only the owner can modify this week")


@pytest.mark.django_db(transaction=True)
def test_simultaneous_swaps_are_never_a_server_error():
    week = WeekFactory()
    picks = [WeekMovieFactory(week=week, position=position) for position in (1, 2)]
    said = [MovieOpinionFactory(movie_pick=pick) for pick in picks]

    def act(number):
        if number == 6:
            return client_of(said[0].user).put(f"/api/weeks/{week.pk}/movies/1/opinion", {"rating": 3}).status_code
        position = 1 + number % 2
        return move(client_of(week.user), week, position=position, body={"position": 3 - position}).status_code

    assert at_once(7, act)[:6] == [200] * 6
    connection.check_constraints()
    assert set(WeekMovie.objects.filter(week=week).order_by("position")) == set(picks)
    assert {opinion.movie_pick for opinion in Opinion.objects.filter(pk__in=[one.pk for one in said])} == set(picks)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_moves_of_one_pick_one_wins():
    pick = WeekMovieFactory()

    assert at_once(4, lambda _: move(client_of(pick.week.user), pick.week).status_code) == [200, 404, 404, 404]
    assert places(WeekMovie) == {pick.pk: 2}
