"""Statistics: two people's ISO year 2026, which has 53 weeks, counted by hand; and who sees what of it."""

from datetime import UTC, datetime

import pytest

from tests.conftest import client_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.insights.conftest import (
    DUO,
    GROUP,
    RADIO,
    crew,
    get,
    make_week,
    names,
    place,
)

WEEKS_OF_MONTHS = [5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 5]  # Thursdays of 2026: 53


ADA = {"username": "ada", "display_name": None}


def test_overview(api, user, story):
    body = get(api, "/api/stats/overview")

    assert set(body) == {"user", "totals", "current_streak", "longest_streak", "ratings", "top"}
    assert body["user"] == ADA | {"id": user.pk}
    assert body["totals"] == {
        "weeks": 9,
        "complete_weeks": 6,  # all but W02, W05 and W53
        "movies": 9,
        "albums": 6,
        "distinct_movies": 4,
        "distinct_albums": 3,  # the first and its other edition are one
        "repeats": 8,  # alpha, delta and beta once, gamma twice; first, third and alone once
        "first_times": 0,
        "rewatches": 0,
        "rewatch_unknown": 15,
        "hours_watched": 13.7,  # 2 * (142 + 179 + 90) = 822 minutes
        "runtime_unknown": 3,  # gamma's
    }
    assert body["current_streak"] == 1  # W52; W53 may still become complete
    assert body["longest_streak"] == 3  # 2025-W51, 2025-W52 (the year's last), 2026-W01
    assert body["ratings"] == {
        "opinions": 6,
        "rated": 5,
        "mean": 6.6,  # (9 + 8 + 3 + 3 + 10) / 5
        "histogram": [0, 0, 2, 0, 0, 0, 0, 1, 1, 1],
    }
    assert body["top"] == {
        "movie_genres": [
            {"name": "Drama", "count": 4},  # alpha and beta twice each
            {"name": "Comedy", "count": 2},
            {"name": "Crime", "count": 2},
        ],
        "album_genres": [{"name": "rock", "count": 3}, {"name": "pop", "count": 2}],
        "directors": [{"name": "Dora", "count": 4, "tmdb_id": 501}, {"name": "Eve", "count": 2, "tmdb_id": 502}],
        "actors": [{"name": "Abe", "count": 4, "tmdb_id": 601}, {"name": "Bea", "count": 2, "tmdb_id": 602}],
        "composers": [{"name": "Cid", "count": 2, "tmdb_id": 701}],
        "artists": [
            {"name": "Duo", "count": 4, "musicbrainz_id": str(DUO)},  # alone and third twice each
            {"name": "Radio", "count": 4, "musicbrainz_id": str(RADIO)},  # first, again, and alone twice
        ],
        "countries": [{"name": "DE", "count": 2}, {"name": "GB", "count": 1}, {"name": "US", "count": 1}],
        "languages": [{"name": "en", "count": 4}, {"name": "fr", "count": 2}],
        "movie_decades": [
            {"name": "1990s", "count": 4, "first_year": 1990},  # alpha and delta
            {"name": "2000s", "count": 2, "first_year": 2000},
        ],
        "album_decades": [
            {"name": "1990s", "count": 3, "first_year": 1990},  # first, and third twice
            {"name": "2000s", "count": 1, "first_year": 2000},  # again
        ],
    }


def test_overview_of_another_member(api, other, story):
    body = get(api, "/api/stats/overview", user="BEN")

    assert body["user"]["username"] == "ben"
    assert (body["totals"]["weeks"], body["totals"]["complete_weeks"], body["totals"]["repeats"]) == (2, 2, 0)
    assert (body["current_streak"], body["longest_streak"]) == (2, 2)  # W53 runs, and is complete already
    assert body["ratings"] == {
        "opinions": 4,
        "rated": 4,
        "mean": 4.75,  # (2 + 4 + 6 + 7) / 4
        "histogram": [0, 1, 0, 1, 0, 1, 1, 0, 0, 0],
    }


def test_overview_of_all(api, story):
    body = get(api, "/api/stats/overview", user="all")

    assert body["user"] is None
    assert body["totals"] == {
        "weeks": 11,
        "complete_weeks": 8,
        "movies": 11,
        "albums": 8,
        "distinct_movies": 4,
        "distinct_albums": 3,
        "repeats": 8,  # what Ben picked Ada had picked before, but not he
        "first_times": 0,
        "rewatches": 0,
        "rewatch_unknown": 19,
        "hours_watched": 19.1,  # 822 + 142 + 179 = 1143 minutes, 19.05 hours
        "runtime_unknown": 3,
    }
    assert (body["current_streak"], body["longest_streak"]) == (None, None)
    assert body["ratings"] == {
        "opinions": 10,
        "rated": 9,
        "mean": 5.78,  # (33 + 19) / 9
        "histogram": [0, 1, 2, 1, 0, 1, 1, 1, 1, 1],
    }
    assert names(body["top"]["movie_genres"]) == [("Drama", 6), ("Crime", 3), ("Comedy", 2)]
    assert names(body["top"]["directors"]) == [("Dora", 6), ("Eve", 2)]
    assert names(body["top"]["artists"]) == [("Duo", 5), ("Radio", 5)]


YEAR_TOTALS = {
    "weeks": 7,
    "complete_weeks": 4,  # W01, W09, W10, W52
    "movies": 7,
    "albums": 4,
    "distinct_movies": 4,
    "distinct_albums": 3,
    "repeats": 8,  # of the eleven picks only beta, delta and alone were new in 2026
    "first_times": 0,
    "rewatches": 0,
    "rewatch_unknown": 11,
    "hours_watched": 11.3,  # 2 * 179 + 142 + 2 * 90 = 680 minutes
    "runtime_unknown": 2,
}
YEAR_GIVEN = {"opinions": 5, "rated": 4, "mean": 6.0, "histogram": [0, 0, 2, 0, 0, 0, 0, 1, 0, 1]}  # 8, 3, 3, 10


def test_by_year(api, user, story):
    body = get(api, "/api/stats/by-year/2026")

    assert set(body) == {"user", "year", "weeks", "months", "totals", "longest_streak", "ratings", "highlights"}
    assert (body["user"]["username"], body["year"]) == ("ada", 2026)
    assert body["totals"] == YEAR_TOTALS
    assert body["longest_streak"] == 2  # W09 and W10
    assert body["ratings"] == YEAR_GIVEN
    assert [week["week_number"] for week in body["weeks"]] == list(range(1, 54))
    assert body["weeks"][0] == {
        "id": story.w01.pk,
        "week_number": 1,
        "starts_on": "2025-12-29",
        "ends_on": "2026-01-04",
        "state": "complete",
        "is_running": False,
        "is_future": False,
        "weeks": 1,
        "complete_weeks": 1,
        "movies": 1,
        "albums": 1,
    }
    assert body["weeks"][2] == {
        "id": None,
        "week_number": 3,
        "starts_on": "2026-01-12",
        "ends_on": "2026-01-18",
        "state": "none",
        "is_running": False,
        "is_future": False,
        "weeks": 0,
        "complete_weeks": 0,
        "movies": 0,
        "albums": 0,
    }
    states = {week["week_number"]: week["state"] for week in body["weeks"] if week["state"] != "none"}
    assert states == {
        1: "complete",
        2: "partial",
        5: "empty",
        9: "complete",
        10: "complete",
        52: "complete",
        53: "partial",
    }
    assert [week["week_number"] for week in body["weeks"] if week["is_running"]] == [53]


def test_months_are_those_of_the_thursdays(api, story):
    body = get(api, "/api/stats/by-year/2026")

    assert [month["month"] for month in body["months"]] == list(range(1, 13))
    assert [month["weeks"] for month in body["months"]] == WEEKS_OF_MONTHS
    busy = [month for month in body["months"] if month["picks"]]
    assert busy == [
        # W01, which begins in 2025, W02 and W05
        {"month": 1, "weeks": 5, "movies": 2, "albums": 1, "picks": 3, "ratings": 2, "mean_rating": 5.5},
        # W09, whose Sunday is the first of March
        {"month": 2, "weeks": 4, "movies": 2, "albums": 1, "picks": 3, "ratings": 1, "mean_rating": 3.0},
        {"month": 3, "weeks": 4, "movies": 1, "albums": 1, "picks": 2, "ratings": 0, "mean_rating": None},
        # W52 and W53, which ends in 2027; the rating is for what Ben picked
        {"month": 12, "weeks": 5, "movies": 2, "albums": 1, "picks": 3, "ratings": 1, "mean_rating": 10.0},
    ]


def test_highlights(api, story, works):
    highlights = get(api, "/api/stats/by-year/2026")["highlights"]

    assert {name: place(pick) for name, pick in highlights.items()} == {
        "best": ("ada", 1, 1, "Beta"),
        "worst": ("ada", 1, 1, "First again"),  # delta has a 3, too, but later
        "most_divisive": ("ada", 1, 1, "Beta"),
        "longest_film": ("ada", 1, 1, "Beta"),  # again in W52
        "earliest_release": ("ada", 10, 1, "Third"),
    }
    assert (highlights["best"]["rating"], highlights["best"]["ratings"]) == (8.0, 1)
    assert (highlights["worst"]["rating"], highlights["worst"]["ratings"]) == (3.0, 1)
    divisive = highlights["most_divisive"]
    assert (divisive["lowest"], divisive["highest"], divisive["ratings"]) == (2, 8, 2)
    assert highlights["longest_film"]["runtime"] == 179
    assert highlights["earliest_release"]["album"]["release_date"] == "1991-04-01"
    assert highlights["earliest_release"]["movie"] is None
    assert "poster_path" in highlights["best"]["movie"]


def test_by_year_of_all(api, story):
    body = get(api, "/api/stats/by-year/2026", user="all")

    assert (body["user"], body["longest_streak"]) == (None, None)
    assert (body["totals"]["weeks"], body["totals"]["complete_weeks"], body["totals"]["repeats"]) == (9, 6, 8)
    week = body["weeks"][52]
    assert (week["id"], week["state"], week["weeks"], week["complete_weeks"]) == (None, "complete", 2, 1)
    assert (week["movies"], week["albums"]) == (2, 1)
    assert {name: place(pick) for name, pick in body["highlights"].items()} == {
        "best": ("ben", 52, 1, "Alpha"),
        "worst": ("ada", 1, 1, "First again"),
        "most_divisive": ("ada", 1, 1, "Beta"),
        "longest_film": ("ada", 1, 1, "Beta"),
        "earliest_release": ("ada", 10, 1, "Third"),
    }
    best = body["highlights"]["best"]
    assert (best["rating"], best["ratings"]) == (8.0, 2)  # (6 + 10) / 2
    assert body["ratings"]["mean"] == 5.38  # (8 + 3 + 3 + 10 + 2 + 4 + 6 + 7) / 8 = 5.375


def test_year_in_opinions(api, story):
    body = get(api, "/api/stats/year-in-opinions/2026")

    by_year = get(api, "/api/stats/by-year/2026")
    shared = ["user", "year", "months", "totals", "longest_streak", "highlights"]
    assert {key: body[key] for key in shared} == {key: by_year[key] for key in shared}
    assert body["totals"] == YEAR_TOTALS
    assert body["busiest_month"] == body["months"][0]  # of three with as many picks
    assert place(body["first_pick"]) == ("ada", 1, 1, "Beta")
    assert place(body["last_pick"]) == ("ada", 53, 1, "Gamma")
    assert body["ratings_given"] == YEAR_GIVEN
    assert body["ratings_received"] == {  # of Ben: 2 and 4, but not yet the 5
        "opinions": 2,
        "rated": 2,
        "mean": 3.0,
        "histogram": [0, 1, 0, 1, 0, 0, 0, 0, 0, 0],
    }
    assert {name: names(rows) for name, rows in body["top"].items()} == {
        "movie_genres": [("Drama", 3), ("Comedy", 2), ("Crime", 1)],  # beta twice and alpha; delta twice; alpha
        "album_genres": [("pop", 1), ("rock", 1)],
        "directors": [("Dora", 3), ("Eve", 2)],
        "actors": [("Abe", 3), ("Bea", 1)],
        "composers": [("Cid", 1)],
        "artists": [("Duo", 3), ("Radio", 3)],
        "countries": [("DE", 1), ("US", 1)],
        "languages": [("en", 3), ("fr", 2)],
        "movie_decades": [("1990s", 3), ("2000s", 2)],
        "album_decades": [("1990s", 1), ("2000s", 1)],
    }


def test_the_week_and_not_the_date_of_entry_decides_the_year(api, user, now):
    pick = WeekMovieFactory(week__user=user, week__year=2019, week__week_number=1)  # begins on 2018-12-31
    MovieOpinionFactory(user=user, movie_pick=pick, rating=4)

    bodies = {year: get(api, f"/api/stats/year-in-opinions/{year}") for year in (2018, 2019, 2026)}

    assert {year: body["totals"]["movies"] for year, body in bodies.items()} == {2018: 0, 2019: 1, 2026: 0}
    assert {year: body["ratings_given"]["rated"] for year, body in bodies.items()} == {2018: 0, 2019: 1, 2026: 0}
    assert bodies[2019]["months"][0]["picks"] == 1


def test_a_new_member_has_empty_figures(api, now):
    overview = get(api, "/api/stats/overview")
    by_year = get(api, "/api/stats/by-year/2026")
    recap = get(api, "/api/stats/year-in-opinions/2026")

    assert overview["totals"] == dict.fromkeys(overview["totals"], 0)
    assert (overview["current_streak"], overview["longest_streak"]) == (0, 0)
    assert overview["ratings"] == {"opinions": 0, "rated": 0, "mean": None, "histogram": [0] * 10}
    assert set(map(str, overview["top"].values())) == {"[]"}
    assert by_year["highlights"] == dict.fromkeys(by_year["highlights"])
    assert {month["mean_rating"] for month in by_year["months"]} == {None}
    assert (recap["busiest_month"], recap["first_pick"], recap["last_pick"]) == (None, None, None)


def test_hours_are_unknown_when_no_runtime_is_known(api, user):
    WeekMovieFactory(week__user=user, movie__runtime=None)

    totals = get(api, "/api/stats/overview")["totals"]

    assert (totals["hours_watched"], totals["runtime_unknown"]) == (None, 1)


def test_equal_ratings_are_not_divisive(api, user, other, now):
    pick = WeekMovieFactory(week__user=user, week__year=2026, week__week_number=1)
    for person in (user, other):
        MovieOpinionFactory(user=person, movie_pick=pick, rating=6)

    highlights = get(api, "/api/stats/by-year/2026")["highlights"]

    assert highlights["most_divisive"] is None
    assert place(highlights["best"]) == place(highlights["worst"])


def test_of_equal_means_the_one_of_more_ratings_comes_first(api, user, other, now):
    early, late = (make_week(user, 2026, number, movies=[MovieFactory()]).movies[0] for number in (1, 2))
    MovieOpinionFactory(user=user, movie_pick=early, rating=6)
    for person, rating in [(user, 5), (other, 7)]:
        MovieOpinionFactory(user=person, movie_pick=late, rating=rating)

    best = get(api, "/api/stats/by-year/2026", user="all")["highlights"]["best"]

    assert (best["week"]["week_number"], best["rating"], best["ratings"]) == (2, 6.0, 2)


def test_in_a_week_movies_come_before_albums(api, user, now):
    week = make_week(user, 2026, 1, movies=[MovieFactory(), MovieFactory()], albums=[AlbumFactory()])
    MovieOpinionFactory(user=user, movie_pick=week.movies[1], rating=6)
    AlbumOpinionFactory(user=user, album_pick=week.albums[0], rating=6)

    recap = get(api, "/api/stats/year-in-opinions/2026")

    assert (recap["first_pick"]["kind"], recap["last_pick"]["kind"]) == ("movie", "album")
    best = recap["highlights"]["best"]
    assert (best["kind"], best["position"]) == ("movie", 2)


def test_equal_names_and_ranks_are_by_name_and_ten_at_most(api, user):
    for name in ["b", "Z", "é", "a", "A", *"cdefghi"]:
        movie = MovieFactory(genres=[name, "all"])
        crew(movie, PersonFactory(name=name), "Director")
        WeekMovieFactory(week__user=user, movie=movie)

    tops = get(api, "/api/stats/overview")["top"]

    by_code_point = ["A", "Z", *"abcdefgh"]
    assert [row["name"] for row in tops["directors"]] == by_code_point
    assert [row["name"] for row in tops["movie_genres"]] == ["all", *by_code_point[:9]]


def test_two_editions_in_one_week_are_a_repeat(api, user):
    week = WeekFactory(user=user)
    for position in (1, 2):
        WeekAlbumFactory(week=week, album=AlbumFactory(release_group_id=GROUP), position=position)

    totals = get(api, "/api/stats/overview")["totals"]

    assert (totals["albums"], totals["distinct_albums"], totals["repeats"]) == (2, 1, 1)


def test_first_times_are_those_that_the_user_says(api, user, other):
    """However often something was picked: `repeats` says that."""
    movie = MovieFactory()
    for year, rewatch in [(2025, True), (2026, True), (2027, False), (2028, None)]:
        week = WeekFactory(user=user, year=year, week_number=1)
        WeekMovieFactory(week=week, movie=movie, rewatch=rewatch)
        WeekAlbumFactory(week=week, rewatch=False)
    WeekAlbumFactory(week__user=other, rewatch=True)
    WeekAlbumFactory(week__user=UserFactory(visibility="private"), rewatch=True)

    def counts(address, **query):
        totals = get(api, address, **query)["totals"]
        return [totals[name] for name in ("first_times", "rewatches", "rewatch_unknown", "repeats")]

    assert counts("/api/stats/overview") == [5, 2, 1, 3]
    assert counts("/api/stats/overview", user="all") == [5, 3, 1, 3]
    assert counts("/api/stats/year-in-opinions/2026") == [1, 1, 0, 1]


@pytest.mark.parametrize(("zone", "running", "streak"), [("UTC", 7, 0), ("Pacific/Auckland", 8, 1)])
def test_the_running_week_is_that_of_the_callers_time_zone(user, time_machine, zone, running, streak):
    time_machine.move_to(datetime(2026, 2, 15, 20, tzinfo=UTC), tick=False)  # Monday already in Auckland
    user.time_zone = zone
    user.save()
    make_week(user, 2026, 8, movies=[MovieFactory()], albums=[AlbumFactory()])

    weeks = get(client_of(user), "/api/stats/by-year/2026")["weeks"]

    assert [week["week_number"] for week in weeks if week["is_running"]] == [running]
    assert [week["week_number"] for week in weeks if week["is_future"]] == list(range(running + 1, 54))
    assert get(client_of(user), "/api/stats/overview")["current_streak"] == streak


def test_a_streak_is_that_of_its_owners_time_zone(user, other, time_machine):
    time_machine.move_to(datetime(2026, 2, 16, 6, tzinfo=UTC), tick=False)  # still Sunday where ben lives
    other.time_zone = "Etc/GMT+12"
    other.save()
    make_week(other, 2026, 6, movies=[MovieFactory()], albums=[AlbumFactory()])

    for viewer in (user, other):
        assert get(client_of(viewer), "/api/stats/overview", user="ben")["current_streak"] == 1
