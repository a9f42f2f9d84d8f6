"""The year as a picture: what is in it, who may see it, and how it is shared."""

import re
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from selections.insights.card import measure
from selections.models import SharedYear
from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
    share_year,
)

YEAR = "/api/stats/year-in-opinions/2026"
TITLES = [
    "千と千尋の神隠し" * 12,
    "👩\u200d👩\u200d👧\u200d👦" * 20,
    "x" * 300,
    "<script>&\"'",
    "a\x01b\x0b\ufffe",
    "\u202eevil",
    "Long words " * 30,
]


@pytest.fixture
def week(user, now):
    """Ada's last week, with two picks that she and Ben have rated."""
    week = WeekFactory(user=user, year=2026, week_number=6)
    WeekMovieFactory(week=week, movie__title="Stalker", movie__vote_average=8.1, movie__vote_count=9)
    WeekAlbumFactory(week=week, album__title="Kid A", album__artist="Radiohead")
    MovieOpinionFactory(user=user, movie_pick=week.movie_picks.get(), rating=2)
    AlbumOpinionFactory(user=user, album_pick=week.album_picks.get(), rating=10)
    return week


def texts(response):
    """What is written in a picture."""
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/svg+xml"), response.content
    root = ElementTree.fromstring(response.content)
    return [" ".join("".join(node.itertext()).split()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_your_picture_has_your_figures_and_nothing_of_others(api, user, other, week, django_assert_num_queries):
    running = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie__title="Running")
    before = api.get(f"{YEAR}/card.svg").content
    for pick in (week.movie_picks.get(), running):
        MovieOpinionFactory(user=other, movie_pick=pick, rating=9)
    MovieOpinionFactory(user=user, movie_pick=running, rating=1)  # Ben has not given his opinion

    with django_assert_num_queries(8):
        response = api.get(f"{YEAR}/card.svg")

    assert response.content == before
    written = texts(response)
    for text in ("2026", "ada", "6.0", "Kid A", "Radiohead", "Stalker", "ada 2", "TMDB’s voters 8.1"):
        assert text in written
    assert written[-1] == "Ratings from 1 to 10 half stars, up to 2026-W06"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    again = api.get(f"{YEAR}/card.svg", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_without_votes_it_has_the_harshest_verdict(api, week):
    week.movie_picks.get().opinions.all().delete()

    assert "The harshest verdict of the year" in texts(api.get(f"{YEAR}/card.svg"))
    assert "Nothing is rated yet." in texts(api.get(YEAR.replace("2026", "2025") + "/card.svg"))
    assert_problem(api.get(YEAR.replace("2026", "2101") + "/card.svg"), 422)


@pytest.mark.parametrize("title", TITLES)
def test_odd_titles_and_names_fit(api, user, week, title):
    user.display_name = title[:100]
    user.save()
    for pick in week.picks:
        pick.work.title = pick.work.artist = title
        pick.work.save()

    written = texts(api.get(f"{YEAR}/card.svg"))

    assert max(map(measure, written)) < 40
    assert not re.search("[\x00-\x08\x0b\u202e\ufffe]", "".join(written))


def test_a_picture_of_two_takes_both(api, user, other, week, django_assert_num_queries):
    MovieOpinionFactory(user=other, movie_pick=week.movie_picks.get(), rating=9)
    theirs = client_of(other)
    address = {"with": "ben"}
    assert_problem(api.get(f"{YEAR}/card.svg", address), 403)
    mine = api.post(f"{YEAR}/share", address).json()["url"]
    assert_problem(api.get(f"{YEAR}/card.svg", address), 403)
    assert APIClient().get(mine).status_code == 404

    assert theirs.post(f"{YEAR}/share", {"with": "ada"}).status_code == 201

    with django_assert_num_queries(7):
        written = texts(api.get(f"{YEAR}/card.svg", address))
    assert written == texts(APIClient().get(mine))
    for text in ("ada & ben", "7.0", "harsher: ada", "2 · 9", "ada 2", "ben 9"):
        assert text in written
    other.visibility = "private"
    other.save()
    assert APIClient().get(mine).status_code == 404
    assert_problem(api.get(f"{YEAR}/card.svg", address), 404)
    other.visibility = "members"
    other.save()
    assert theirs.delete(f"{YEAR}/share?with=ada").status_code == 204
    assert APIClient().get(mine).status_code == 404
    assert_problem(api.post(f"{YEAR}/share", {"with": "ada"}), 422)


def test_an_address_is_shared_until_it_is_revoked(api, user, week):
    first, second = (api.post(f"{YEAR}/share").json()["url"] for _ in range(2))

    assert APIClient().get(first).status_code == 404
    assert texts(APIClient().get(second)) == texts(api.get(f"{YEAR}/card.svg"))
    assert SharedYear.objects.get().key_hash not in second
    user.is_active = False
    user.save()
    assert APIClient().get(second).status_code == 404
    user.is_active = True
    user.save()
    assert [client_of(user).delete(f"{YEAR}/share").status_code for _ in range(2)] == [204, 204]
    assert_problem(APIClient().get(second), 404)


def test_a_year_is_shared_once_and_never_with_oneself(user, other):
    for partner in (None, other):
        share_year(user, partner)
        with pytest.raises(IntegrityError, match="sharedyear"), transaction.atomic():
            share_year(user, partner)
    with pytest.raises(IntegrityError, match="sharedyear"):
        share_year(user, user)


def test_a_picture_of_many_ratings_takes_as_many_queries(api, user, week, django_assert_num_queries):
    for _ in range(9):
        MovieOpinionFactory(user=user, movie_pick__week__year=2026, movie_pick__week__user=UserFactory())

    with django_assert_num_queries(8):
        api.get(f"{YEAR}/card.svg")
