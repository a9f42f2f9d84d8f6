"""The year as a picture: its content, who may see it, and how it is shared."""

from xml.etree import ElementTree

import pytest
import wcwidth
from django.db import IntegrityError, transaction

from tests.conftest import assert_problem, client_of, just_before
from tests.factories import AlbumOpinionFactory, MovieOpinionFactory, WeekFactory, WeekMovieFactory, share_year

YEAR = "/api/stats/year-in-opinions/2026"


@pytest.fixture
def picks(user, now):
    """What Ada picked and rated last week."""
    week = WeekFactory(user=user, year=2026, week_number=6)
    rated = {"user": user, "movie_pick__week": week, "movie_pick__movie__title": "Stalker", "rating": 2}
    movie = MovieOpinionFactory(**rated, movie_pick__movie__vote_average=8.1, movie_pick__movie__vote_count=9).pick
    return [movie, AlbumOpinionFactory(user=user, album_pick__week=week, album_pick__album__title="Kid A").pick]


def texts(response):
    """What is written in a picture."""
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/svg+xml"), response.content
    root = ElementTree.fromstring(response.content)
    return [" ".join("".join(node.itertext()).split()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_your_picture_has_your_figures_and_nothing_of_others(api, user, other, picks, django_assert_num_queries):
    running = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7))
    before = api.get(f"{YEAR}/card.svg").content
    for pick in (picks[0], running):
        MovieOpinionFactory(user=other, movie_pick=pick, rating=9)
    MovieOpinionFactory(user=user, movie_pick=running, rating=1)  # Ben has not given his opinion

    with django_assert_num_queries(8):
        response = api.get(f"{YEAR}/card.svg")

    assert response.content == before
    assert {"ada", "4.5", "Kid A", "Somebody", "Stalker", "ada 2", "TMDB’s voters 8.1"} < set(texts(response))
    assert "up to 2026-W06" in texts(response)[-1]
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    again = api.get(f"{YEAR}/card.svg", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_without_votes_it_has_the_harshest_verdict(api, picks):
    picks[0].delete()

    assert "The harshest verdict of the year" in texts(api.get(f"{YEAR}/card.svg"))
    assert "Nothing is rated yet." in texts(api.get("/api/stats/year-in-opinions/2025/card.svg"))
    assert_problem(api.get("/api/stats/year-in-opinions/2101/card.svg"), 422)


@pytest.mark.parametrize("title", ["千と千尋の神隠し" * 12, "👩\u200d👧" * 50, "x" * 300, '<b>&"', "a\x01\u202e\ufffe"])
def test_odd_titles_and_names_fit(api, user, picks, title):
    user.display_name = title[:100]
    user.save()
    for pick in picks:
        pick.work.title = pick.work.artist = title
        pick.work.save()

    written = texts(api.get(f"{YEAR}/card.svg"))

    assert max(map(wcwidth.width, written)) < 60
    assert not {"\x01", "\u202e", "\ufffe"} & set("".join(written))


def test_a_picture_of_two_takes_both(api, user, other, picks, anonymous, django_assert_num_queries):
    MovieOpinionFactory(user=other, movie_pick=picks[0], rating=9)
    theirs, with_ben = client_of(other), f"{YEAR}/card.svg?with=ben"
    address = api.post(f"{YEAR}/share", {"with": "ben"}).json()["url"]
    assert [api.get(with_ben).status_code, anonymous.get(address).status_code] == [403, 404]

    assert theirs.post(f"{YEAR}/share", {"with": "ada"}).status_code == 201

    with django_assert_num_queries(7):
        written = texts(api.get(with_ben))
    assert written == texts(anonymous.get(address))
    assert {"ada & ben", "7.0", "harsher: ada", "2 · 9", "ada 2", "ben 9"} < set(written)
    other.visibility = "private"
    other.save()
    assert [api.get(with_ben).status_code, anonymous.get(address).status_code] == [404, 404]
    other.visibility = "members"
    other.save()
    assert theirs.delete(f"{YEAR}/share?with=ada").status_code == 204
    assert [api.get(with_ben).status_code, anonymous.get(address).status_code] == [403, 404]


def test_an_address_is_shared_until_it_is_revoked(api, picks, anonymous):
    first, second = (api.post(f"{YEAR}/share").json()["url"] for _ in range(2))

    assert_problem(anonymous.get(first), 404)
    assert texts(anonymous.get(second)) == texts(api.get(f"{YEAR}/card.svg"))
    assert [api.delete(f"{YEAR}/share").status_code for _ in range(2)] == [204, 204]
    assert_problem(anonymous.get(second), 404)


def test_the_database_refuses_to_share_twice_or_with_yourself(user, other):
    for partner in (None, other):
        share_year(user, partner)
        with pytest.raises(IntegrityError, match="sharedyear"), transaction.atomic():
            share_year(user, partner)
    with pytest.raises(IntegrityError, match="sharedyear"):
        share_year(user, user)


def test_a_year_is_not_shared_with_an_account_that_has_just_been_deleted(api, other):
    with just_before('SELECT "accounts_user"."id" AS "pk"', other.delete):
        response = api.post(f"{YEAR}/share", {"with": "ben"})

    assert_problem(response, 404)
