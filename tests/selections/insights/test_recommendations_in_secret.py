"""Recommendations reveal nothing that the user may not read."""

import pytest

from selections.models import Opinion, WeekMovie
from tests.conftest import client_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    UserFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.insights.recommended import (
    ALBUMS,
    MOVIES,
    agree,
    ask,
    directed,
    movies,
    rated,
)

pytestmark = pytest.mark.usefixtures("now")


def everything(api):
    return ask(api, MOVIES), ask(api, ALBUMS)


def test_private_people_change_nothing(api, user, other):
    agree(user, other)
    rated(other, MovieFactory(), 9)
    before = everything(api)
    hidden = UserFactory(username="hidden", visibility="private")
    for pick in list(WeekMovie.objects.all()):
        MovieOpinionFactory(user=hidden, movie_pick=pick, rating=10)
    rated(hidden, MovieFactory(), 10)
    rated(hidden, AlbumFactory(), 10)
    # Given by others before the owner became private.
    MovieOpinionFactory(user=other, movie_pick=WeekMovieFactory(week__user=hidden), rating=10)

    assert everything(api) == before
    assert everything(client_of(hidden)) != before  # who reads their own


def test_opinions_on_private_members_picks_are_not_named(api, user):
    director = PersonFactory()
    pick = WeekMovieFactory(week__user=UserFactory(visibility="private"), movie=directed(director))
    MovieOpinionFactory(user=user, movie_pick=pick, rating=10)
    directed(director)

    assert movies(api) == []


def test_staff_see_the_same_as_members(user, other):
    rated(UserFactory(visibility="private"), MovieFactory(), 10)

    assert movies(client_of(UserFactory(is_staff=True, is_superuser=True))) == []


def test_hidden_opinions_change_nothing_until_they_are_revealed(api, user, other, settings, time_machine):
    week = WeekFactory(user=other, year=2026, week_number=7)
    pick = rated(other, MovieFactory(), 10, week)
    rated(other, AlbumFactory(), 10, week)

    assert everything(api) == ({"source": "catalog", "results": []},) * 2
    assert movies(client_of(other)) == []  # who picked it

    settings.BLIND_REVEAL = False
    assert movies(api) == [pick.movie_id]
    settings.BLIND_REVEAL = True
    time_machine.shift(7 * 24 * 3600)
    assert movies(api) == [pick.movie_id]


def test_hidden_opinions_do_not_count_as_agreement(api, user, other):
    for number in range(4):
        pick = rated(user, MovieFactory(), 9, WeekFactory(user=user, year=2026, week_number=8 + number))
        shown = WeekMovieFactory(week__user=UserFactory(), week__year=2026, week__week_number=8, movie=pick.movie)
        MovieOpinionFactory(user=other, movie_pick=shown, rating=9)  # on a week to come, without one of the user's
    liked = rated(other, MovieFactory(), 10)
    stranger = rated(UserFactory(), MovieFactory(), 10)

    scores = {result["movie"]["id"]: result["score"] for result in ask(api, MOVIES)["results"]}

    assert scores[liked.movie_id] == scores[stranger.movie_id]


def test_members_who_become_private_are_forgotten_at_once(api, user, other, monkeypatch):
    monkeypatch.setattr("selections.insights.likes.FEW", 0)  # as where there are many, and likes are kept
    agree(user, other)
    liked = rated(other, MovieFactory(), 9)
    assert movies(api) == [liked.movie_id]

    other.visibility = "private"
    other.save()

    assert movies(api) == []


def test_a_deleted_opinion_is_not_named(api, user, other, monkeypatch):
    monkeypatch.setattr("selections.insights.likes.FEW", 0)
    agree(user, other)
    liked = rated(other, MovieFactory(), 9)
    assert movies(api) == [liked.movie_id]

    Opinion.objects.filter(movie_pick=liked).delete()

    assert movies(api) == []


def test_the_same_is_recommended_again(api, user, other):
    agree(user, other)
    for rating in (7, 8, 9):
        rated(other, MovieFactory(), rating)

    assert everything(api) == everything(api)
