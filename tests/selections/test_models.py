from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from selections.models import Week, WeekAlbum, WeekMovie
from selections.weeks import LONG_YEARS
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("constraint", "year", "week_number"),
    [
        ("week_unique|user_id", 2026, 7),
        ("week_year", 1899, 1),
        ("week_year", 2101, 1),
        ("week_number_in_year", 2026, 0),
        ("week_number_in_year", 2026, 54),
        ("week_number_in_year", 2025, 53),
    ],
)
def test_the_database_refuses_weeks(constraint, year, week_number):
    week = WeekFactory(year=2026, week_number=7)

    with pytest.raises(IntegrityError, match=constraint):
        Week.objects.bulk_create([Week(user=week.user, year=year, week_number=week_number)])


def test_a_long_year_has_a_53rd_week():
    user = UserFactory()

    weeks = [WeekFactory(user=user, year=year, week_number=53) for year in (2020, 2026)]

    assert [str(week) for week in weeks] == [f"2020-W53 of {user}", f"2026-W53 of {user}"]
    assert (weeks[1].starts_on, weeks[1].ends_on) == (date(2026, 12, 28), date(2027, 1, 3))
    assert len(LONG_YEARS) == 36
    assert {2015, 2020, 2026, 2032} <= set(LONG_YEARS)


@pytest.mark.parametrize(
    ("factory", "constraint", "values"),
    [
        (WeekMovieFactory, "weekmovie_position_unique|position", {"position": 1}),
        (WeekMovieFactory, "weekmovie_movie_unique|movie_id", {"position": 2, "same": True}),
        (WeekMovieFactory, "weekmovie_position", {"position": 3}),
        (WeekMovieFactory, "weekmovie_position", {"position": 0}),
        (WeekAlbumFactory, "weekalbum_position_unique|position", {"position": 1}),
        (WeekAlbumFactory, "weekalbum_album_unique|album_id", {"position": 2, "same": True}),
        (WeekAlbumFactory, "weekalbum_position", {"position": 3}),
    ],
)
def test_the_database_refuses_picks(factory, constraint, values):
    pick = factory(position=1)
    name = "movie" if factory is WeekMovieFactory else "album"
    work = {name: getattr(pick, name)} if values.pop("same", False) else {}

    with pytest.raises(IntegrityError, match=constraint):
        factory(week=pick.week, **work, **values)


def test_validation_says_so_kindly():
    week = WeekFactory(year=2026, week_number=7)
    WeekMovieFactory(week=week, position=1)
    WeekAlbumFactory(week=week, position=1)

    with pytest.raises(ValidationError, match="This week already exists"):
        Week(user=week.user, year=2026, week_number=7).full_clean()
    with pytest.raises(ValidationError, match="has no such week"):
        Week(user=week.user, year=2025, week_number=53).full_clean()
    with pytest.raises(ValidationError, match="already occupied"):
        WeekMovie(week=week, movie=MovieFactory(), position=1).full_clean()
    with pytest.raises(ValidationError, match="already occupied"):
        WeekAlbum(week=week, album=AlbumFactory(), position=1).full_clean()
    with pytest.raises(ValidationError, match="position"):
        WeekAlbum(week=week, album=AlbumFactory(), position=3).full_clean()


@pytest.mark.parametrize(("movies", "albums", "complete"), [(0, 0, False), (1, 0, False), (0, 1, False), (1, 1, True)])
def test_a_week_is_complete_with_a_movie_and_an_album(movies, albums, complete):
    week = WeekFactory()
    WeekMovieFactory.create_batch(movies, week=week)
    WeekAlbumFactory.create_batch(albums, week=week)

    assert week.is_complete is complete
    assert Week.objects.for_list().get().is_complete is complete
    assert Week.objects.with_picks().get().is_complete is complete


def test_who_leaves_takes_their_weeks_along():
    week = WeekMovieFactory().week

    week.user.delete()

    assert not Week.objects.exists()
    assert not WeekMovie.objects.exists()
