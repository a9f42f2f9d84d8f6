"""Lists of what belongs to works and people are searched by their names, as people type them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from catalog import merging
from catalog.models import Merge
from selections.models import Challenge, Opinion, ShortlistItem, WeekMovie
from tests.admin.staff import address, listed
from tests.factories import (
    AlbumOpinionFactory,
    ChallengeFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekMovieFactory,
)

OF_WORKS = [WeekMovie, Opinion, ShortlistItem, Challenge, Merge]


@pytest.fixture
def rows(db):
    """A row of each list, of the same user and movie, and others."""
    person, movie = UserFactory(display_name="José"), MovieFactory(title="Amélie")
    pick = WeekMovieFactory(week__user=person, movie=movie)
    [merge] = merging.merge(movie, [MovieFactory()])
    MovieOpinionFactory(), AlbumOpinionFactory(), ShortlistItemFactory(), ChallengeFactory()
    merging.merge(MovieFactory(), [MovieFactory()])
    return {
        User: person,
        WeekMovie: pick,
        Opinion: MovieOpinionFactory(user=person, movie_pick=pick, review="Was it a dream?!"),
        ShortlistItem: ShortlistItemFactory(user=person, movie=movie),
        Challenge: ChallengeFactory(challenger=person, movie=movie),
        Merge: merge,
    }


def found(client, model, words):
    return listed(client.get(address(model, "changelist"), {"q": words}))


@pytest.mark.parametrize("words", ["Amélie", "amelie", "AMÉLIE!", "méli"])
@pytest.mark.parametrize("model", OF_WORKS)
def test_rows_are_found_by_the_title(admin_client, rows, model, words):
    assert found(admin_client, model, words) == {rows[model].pk}


@pytest.mark.parametrize("words", ["José", "jose"])
@pytest.mark.parametrize("model", [User, WeekMovie, Opinion, ShortlistItem, Challenge])
def test_rows_are_found_by_the_person(admin_client, rows, model, words):
    assert found(admin_client, model, words) == {rows[model].pk}


@pytest.mark.parametrize(
    ("words", "is_found"),
    [("dream", True), ("?!", True), ('"a dream" amelie', True), ('"dream a"', False), ("amelie nightmare", False)],
)
def test_opinions_have_each_word_somewhere(admin_client, rows, words, is_found):
    assert (rows[Opinion].pk in found(admin_client, Opinion, words)) == is_found


@pytest.mark.parametrize("model", OF_WORKS)
def test_searches_use_the_index(admin_client, rows, model):
    """Comparing the text of a title for each of 500,000 picks took a second."""
    with CaptureQueriesContext(connection) as queries:
        found(admin_client, model, "amelie")

    asked = "".join(query["sql"] for query in queries.captured_queries)
    assert connection.vendor == "postgresql" or "catalog_movie_search" in asked
