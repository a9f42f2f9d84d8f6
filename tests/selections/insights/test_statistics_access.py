"""Whose statistics may be asked for, what is hidden in them, and what they cost."""

import pytest

from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    UserFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.insights.conftest import ADDRESSES, cast, credit, crew, get, make_week


def test_an_opinion_counts_from_when_it_is_revealed(api, user, story):
    before = get(api, "/api/stats/overview", user="ben")["ratings"]

    MovieOpinionFactory(user=user, movie_pick=story.bens_53.movies[0], rating=1)

    after = get(api, "/api/stats/overview", user="ben")["ratings"]
    assert (before["rated"], after["rated"]) == (4, 5)
    assert after["histogram"][9] == 1
    divisive = get(api, "/api/stats/by-year/2026", user="ben")["highlights"]["most_divisive"]
    assert (divisive["lowest"], divisive["highest"]) == (1, 10)


def test_nothing_is_hidden_when_the_reveal_is_not_blind(api, story, settings):
    settings.BLIND_REVEAL = False

    assert get(api, "/api/stats/overview", user="ben")["ratings"]["rated"] == 6
    assert get(api, "/api/stats/year-in-opinions/2026")["ratings_received"]["rated"] == 3


def test_private_members_count_in_their_own_figures_only(story):
    from accounts.models import User

    hidden = User.objects.get(username="hidden")
    own = get(client_of(hidden), "/api/stats/overview")
    together = get(client_of(hidden), "/api/stats/overview", user="all")

    assert (own["totals"]["weeks"], own["ratings"]["rated"], own["current_streak"]) == (1, 2, 0)
    assert together["totals"]["weeks"] == 12
    staff = UserFactory(username="carl", is_staff=True, is_superuser=True)
    assert get(client_of(staff), "/api/stats/overview", user="all")["totals"]["weeks"] == 11


@pytest.mark.parametrize("address", ADDRESSES)
def test_whose_figures_may_be_asked(api, story, address):
    assert_problem(api.get(address, {"user": "nobody"}), 404, "User not found")
    assert_problem(api.get(address, {"user": "hidden"}), 404, "User not found")
    for bad in ("x" * 51, "a\0b"):
        assert_problem(api.get(address, {"user": bad}), 422)


@pytest.mark.parametrize("address", ADDRESSES)
def test_all_members_together_are_refused_where_they_have_too_many_weeks(api, story, address, monkeypatch):
    monkeypatch.setattr("selections.insights.statistics.MAX_WEEKS", 5)

    assert_problem(
        api.get(address, {"user": "all"}),
        422,
        "There are too many weeks for statistics of all members together. Choose a user.",
    )
    assert api.get(address, {"user": "ben"}).status_code == 200


@pytest.mark.parametrize("year", ["1899", "2101", "x", "20.5", "9" * 30])
@pytest.mark.parametrize("address", ["/api/stats/by-year", "/api/stats/year-in-opinions"])
def test_bad_years(api, address, year):
    assert_problem(api.get(f"{address}/{year}"), 422)


@pytest.mark.parametrize(("year", "weeks"), [(1900, 52), (2020, 53), (2025, 52), (2026, 53), (2100, 52)])
def test_years_have_the_weeks_that_they_have(api, year, weeks):
    body = get(api, f"/api/stats/by-year/{year}")

    assert len(body["weeks"]) == sum(month["weeks"] for month in body["months"]) == weeks


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_unchanged_answer_is_a_304(api, user, story, address):
    etag = api.get(address).headers["ETag"]

    same = api.get(address, headers={"If-None-Match": etag})
    WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=20))
    changed = api.get(address, headers={"If-None-Match": etag})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


@pytest.mark.parametrize("whose", ["me", "ben", "all"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_queries_do_not_grow_with_the_data(
    api, user, other, story, address, whose, django_assert_max_num_queries, django_assert_num_queries
):
    with django_assert_max_num_queries(45) as few:
        get(api, address, user=whose)

    for number in range(11, 17):
        for person in (user, other):
            movie = MovieFactory(genres=[f"genre {number}"], runtime=number)
            crew(movie, PersonFactory(), "Director")
            cast(movie, PersonFactory(), 0)
            album = AlbumFactory(release_date=str(1900 + number))
            credit(album, ArtistFactory())
            week = make_week(person, 2026, number, movies=[movie], albums=[album])
            MovieOpinionFactory(user=user, movie_pick=week.movies[0], rating=number % 10 + 1)
            AlbumOpinionFactory(user=other, album_pick=week.albums[0], rating=number % 10 + 1)

    with django_assert_num_queries(len(few.captured_queries)):
        get(api, address, user=whose)
