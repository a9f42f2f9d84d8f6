"""The largest disagreements, how others rated a member's picks, TMDB's average, and this week in other years."""

from datetime import UTC, datetime

import pytest

from selections.models import Opinion, WeekMovie
from tests.conftest import assert_problem
from tests.factories import (
    MovieFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.insights.conftest import EVERYTHING, disagreements, give, owner, stats, title


def test_the_largest_disagreements_of_all_time(club):
    body = stats(club.ada, "wrong-opinions")

    assert set(body) == {"year", "week_number", "user", "results"}
    assert (body["year"], body["week_number"], body["user"]) == (None, None, None)
    assert disagreements(body) == EVERYTHING
    first = body["results"][0]
    assert set(first) == {"difference", "kind", "week", "position", "movie", "album", "higher", "lower"}
    assert first["week"] == {
        "id": club.weeks["ada", 53].pk,
        "year": 2020,
        "week_number": 53,
        "owner": owner(club.ada),
    }
    assert list(first["lower"]) == ["user", "rating", "review", "contains_spoilers", "created_at", "updated_at"]
    assert (first["higher"]["rating"], first["lower"]["rating"]) == (10, 2)


def test_disagreements_of_a_week_or_a_year(club):
    week, year, none = (stats(club.cyd, f"wrong-opinions?{q}") for q in ("week=2020-W14", "year=2020", "year=2019"))

    assert (week["year"], week["week_number"]) == (2020, 14)
    assert disagreements(week) == [row for row in EVERYTHING if row[1] in {"four", "song"}]
    assert (year["year"], year["week_number"]) == (2020, None)
    assert disagreements(year) == EVERYTHING
    assert none["results"] == []


@pytest.mark.parametrize("name", ["ben", "me", "BEN"])
def test_disagreements_with_one_person(club, name):
    body = stats(club.ben, f"wrong-opinions?user={name}")

    assert body["user"] == owner(club.ben)
    assert disagreements(body) == [row for row in EVERYTHING if "ben" in row]


def test_at_most_twenty_disagreements_and_ten_differences(user, other, now):
    for number in range(1, 25):
        week = WeekFactory(user=user, year=2020, week_number=number)
        for pick in (WeekMovieFactory(week=week), WeekAlbumFactory(week=week)):
            give(user, pick, 1), give(other, pick, 3)

    wrong, compared = stats(user, "wrong-opinions")["results"], stats(user, "compare?with=ben")["differences"]

    # All differ by 2: later weeks come first, movies before albums.
    places = [(row["week"]["week_number"], row["kind"]) for row in wrong]
    assert places == [(number, kind) for number in range(24, 14, -1) for kind in ("movie", "album")]
    assert stats(user, "wrong-opinions?user=me")["results"] == wrong
    places = [(row["mine"]["week"]["week_number"], row["kind"]) for row in compared]
    assert places == [(number, kind) for number in range(24, 19, -1) for kind in ("movie", "album")]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("week=2020-W01&year=2020", "year"),
        ("week=2021-W53", "week"),
        ("week=7", "week"),
        ("year=x", "year"),
        ("year=1899", "year"),
        ("user=" + "x" * 51, "user"),
        ("user=%00", "user"),
    ],
)
def test_bad_questions_about_disagreements(api, query, name):
    response = api.get(f"/api/stats/wrong-opinions?{query}")

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == name


def test_those_of_all_members_are_refused_where_there_are_too_many_weeks(api, monkeypatch):
    WeekFactory.create_batch(2)
    monkeypatch.setattr("selections.insights.statistics.MAX_WEEKS", 1)

    for query in ("", "year=2026"):
        assert_problem(
            api.get(f"/api/stats/wrong-opinions?{query}"),
            422,
            "There are too many weeks for statistics of all members together. Choose a week or a user.",
        )
    for query in ("week=2026-W07", "user=me"):
        assert api.get(f"/api/stats/wrong-opinions?{query}").status_code == 200


def test_a_report_card(club):
    body = stats(club.ada, "report-card")

    assert set(body) == {"user", "together", "movies", "albums", "by", "challenges"}
    assert body["user"] == owner(club.ada)
    # one 5 + 1, two 6, three 2 + 9: five ratings, one of them 7 or more
    movies = body["movies"]
    assert (movies["n"], movies["mean"], movies["hit_rate"]) == (5, 23 / 5, 1 / 5)
    assert (title(movies["best"]), movies["best"]["n"], movies["best"]["mean"]) == ("two", 1, 6.0)
    assert (title(movies["worst"]), movies["worst"]["n"], movies["worst"]["mean"]) == ("one", 2, 3.0)
    assert set(movies["best"]) == {"n", "mean", "kind", "week", "position", "movie", "album"}
    # first 8
    albums = body["albums"]
    assert (albums["n"], albums["mean"], albums["hit_rate"]) == (1, 8.0, 1.0)
    assert albums["best"] == albums["worst"]
    assert (albums["best"]["kind"], title(albums["best"]), albums["best"]["movie"]) == ("album", "first", None)
    together = body["together"]
    assert (together["n"], together["mean"], together["hit_rate"]) == (6, pytest.approx(31 / 6), pytest.approx(2 / 6))
    assert (title(together["best"]), title(together["worst"])) == ("first", "one")
    # ben 5 + 6 + 2, cyd 1 + 9 + 8
    assert body["by"] == [
        {"user": owner(club.ben), "n": 3, "mean": pytest.approx(13 / 3)},
        {"user": owner(club.cyd), "n": 3, "mean": 6.0},
    ]


def test_a_report_card_of_another_member(club):
    body = stats(club.cyd, "report-card?user=ben")

    # four 3 + 4, one 9; song 5 + 6
    assert body["user"] == owner(club.ben)
    assert (body["movies"]["mean"], body["albums"]["mean"], body["together"]["n"]) == (16 / 3, 5.5, 5)
    assert [(row["user"]["username"], row["n"]) for row in body["by"]] == [("ada", 3), ("cyd", 2)]


def test_of_equally_good_picks_the_one_with_more_ratings_then_the_later(user, now):
    weeks = [WeekFactory(user=user, year=2020, week_number=number) for number in (1, 2, 3)]
    picks = [WeekMovieFactory(week=week) for week in weeks]
    for pick, ratings in zip(picks, [[6, 8], [7], [7]], strict=True):
        for rating in ratings:
            give(UserFactory(), pick, rating)

    best = stats(user, "report-card")["movies"]["best"]
    Opinion.objects.filter(movie_pick=picks[0]).first().delete()
    Opinion.objects.filter(movie_pick=picks[0]).update(rating=7)
    later = stats(user, "report-card")["movies"]["best"]

    assert (best["week"]["week_number"], later["week"]["week_number"]) == (1, 3)


def test_a_report_card_without_ratings_by_others(user, now):
    give(user, WeekMovieFactory(week=WeekFactory(user=user, year=2020, week_number=1)), 9)

    body = stats(user, "report-card")

    nothing = {"n": 0, "mean": None, "hit_rate": None, "best": None, "worst": None}
    assert body == {
        "user": owner(user),
        "together": nothing,
        "movies": nothing,
        "albums": nothing,
        "by": [],
        "challenges": {"n": 0, "mean": None, "hit_rate": None},
    }


def test_against_the_crowd(club):
    body = stats(club.ada, "contrarian")

    # one 9 - 8.5, three 10 - 7, four 3 - 6.5, five 4 - 4; nobody voted for two
    assert set(body) == {"user", "n", "mean_signed", "mean_absolute", "picks"}
    assert (body["user"], body["n"], body["mean_signed"], body["mean_absolute"]) == (owner(club.ada), 4, 0.0, 1.75)
    assert [(row["movie"]["title"], row["difference"]) for row in body["picks"]] == [
        ("four", -3.5),
        ("three", 3.0),
        ("one", 0.5),
    ]
    first = body["picks"][0]
    assert list(first) == ["difference", "vote_average", "vote_count", "movie", "opinion"]
    assert (first["vote_average"], first["vote_count"]) == (6.5, 1)
    assert (first["opinion"]["rating"], first["opinion"]["week"]["owner"]) == (3, owner(club.ben))


def test_without_votes_there_is_no_contrarian_figure(user, now):
    movie = MovieFactory(vote_average=0, vote_count=0)
    give(user, WeekMovieFactory(week__year=2020, movie=movie), 7)
    voted = MovieFactory(vote_average=7, vote_count=3)
    give(user, WeekMovieFactory(week__year=2020, movie=voted), None, review="No rating.")

    body = stats(user, "contrarian")

    assert body == {"user": owner(user), "n": 0, "mean_signed": None, "mean_absolute": None, "picks": []}


def test_this_week_of_earlier_years(user, other, now):
    for person, year, number in [(user, 2026, 7), (user, 2025, 7), (user, 2025, 8), (user, 2009, 7), (other, 2024, 7)]:
        pick = WeekMovieFactory(week=WeekFactory(user=person, year=year, week_number=number))
        WeekAlbumFactory(week=pick.week)
        give(other, pick, 3)
    mine = give(user, WeekMovie.objects.get(week__year=2009), 8)

    body = stats(user, "on-this-week")

    assert set(body) == {"user", "year", "week_number", "results"}
    assert (body["user"], body["year"], body["week_number"]) == (owner(user), 2026, 7)
    assert [(week["year"], week["week_number"]) for week in body["results"]] == [(2025, 7), (2009, 7)]
    recent, old = (week["movies"][0] for week in body["results"])
    assert list(old) == ["position", "added_at", "rewatch", "movie", "my_opinion", "opinions_count", "opinions"]
    assert (recent["my_opinion"], recent["opinions_count"]) == (None, 1)
    assert old["my_opinion"]["rating"] == mine.rating
    assert [opinion["user"]["username"] for opinion in old["opinions"]] == ["ada", "ben"]
    assert len(body["results"][0]["albums"]) == 1
    assert [week["year"] for week in stats(user, "on-this-week?user=ben")["results"]] == [2024]


def test_a_week_53_is_remembered_in_a_week_53(club, time_machine):
    WeekFactory(user=club.ada, year=2020, week_number=52)
    WeekFactory(user=club.ada, year=2015, week_number=53)

    time_machine.move_to(datetime(2026, 12, 31, tzinfo=UTC), tick=False)
    long = stats(club.ada, "on-this-week")
    time_machine.move_to(datetime(2025, 12, 28, tzinfo=UTC), tick=False)
    last = stats(club.ada, "on-this-week")
    time_machine.move_to(datetime(2025, 12, 29, tzinfo=UTC), tick=False)
    first = stats(club.ada, "on-this-week")

    found = [[(week["year"], week["week_number"]) for week in body["results"]] for body in (long, last, first)]
    assert found == [[(2020, 53), (2015, 53)], [(2020, 52)], [(2020, 1)]]
    assert [(body["year"], body["week_number"]) for body in (long, last, first)] == [(2026, 53), (2025, 52), (2026, 1)]


def test_this_week_is_that_of_the_callers_time_zone(user, time_machine):
    for number in (7, 8):
        WeekFactory(user=user, year=2025, week_number=number)
    time_machine.move_to(datetime(2026, 2, 15, 23, 30, tzinfo=UTC), tick=False)  # a Sunday

    london = stats(user, "on-this-week")
    user.time_zone = "Europe/Berlin"
    user.save()
    berlin = stats(user, "on-this-week")

    assert [body["results"][0]["week_number"] for body in (london, berlin)] == [7, 8]
