"""This week of another member, and giving opinions on its picks."""

import pytest

from tests.factories import WeekAlbumFactory, WeekFactory, WeekMovieFactory

REVIEW = "Three hours of walking, and I would walk them again."


@pytest.fixture
def week(other, now):
    """This week, which is not over, of another member, with a movie and an album."""
    week = WeekFactory(user=other, year=2026, week_number=7)
    WeekMovieFactory(week=week)
    WeekAlbumFactory(week=week)
    return week


def address(week, kind="movies", position=1):
    return f"/api/weeks/{week.pk}/{kind}/{position}/opinion"


def give(client, week, kind="movies", **changes):
    return client.put(address(week, kind), {"rating": 8, "review": REVIEW, "contains_spoilers": True} | changes)
