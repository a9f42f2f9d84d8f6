"""Comparing ratings: figures computed by hand, and what must not change them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from selections.models import Opinion, WeekMovie
from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

# How many queries each takes, the callers themselves among them
QUERIES = {"compare?with=ben": 4, "wrong-opinions": 6, "report-card": 7, "contrarian?user=ben": 4, "on-this-week": 6}
PLACES = list(QUERIES)


def stats(person, place):
    response = client_of(person).get(f"/api/stats/{place}")
    assert response.status_code == 200, response.json()
    return response.json()


@dataclass
class Club:
    """Three people over 2020, a year of 53 weeks. Who picked what, and what each gave it:

    week  (its Thursday)  pick                  ada  ben  cyd   TMDB
    W01   2 January       ada's movie `one`      8    5    1    8.5
    W13   26 March        ada's movie `two`      6    6    -    nobody voted
                          ada's album `first`    7    -    8
    W14   2 April         ben's movie `four`     3    9    4    6.5
                          ben's album `song`     5  words  6
    W27   2 July          cyd's movie `five`     4    8    -    4.0
    W53   31 December     ada's movie `three`   10    2    9    7.0
                          ben's movie `one`      9    -    -    8.5, as above
                          ben's album `second`   -   10    -    another edition of `first`
    """

    ada: object
    ben: object
    cyd: object
    movies: dict = field(default_factory=dict)
    picks: dict = field(default_factory=dict)
    weeks: dict = field(default_factory=dict)


@pytest.fixture
def club(user, other, time_machine):
    club = Club(user, other, UserFactory(username="cyd"))
    time_machine.move_to(datetime(2021, 2, 10, 12, tzinfo=UTC), tick=False)
    crowd = {"one": (8.5, 100), "two": (0, 0), "three": (7.0, 5), "four": (6.5, 1), "five": (4.0, 9)}
    for name, (average, count) in crowd.items():
        club.movies[name] = MovieFactory(title=name, vote_average=average, vote_count=count)
    first = AlbumFactory(title="first")
    albums = {
        "first": first,
        "second": AlbumFactory(title="second", release_group_id=first.release_group_id),
        "song": AlbumFactory(title="song", release_group_id=None),
    }
    rows = [
        ("ada", 1, "one", [8, 5, 1]),
        ("ada", 13, "two", [6, 6, None]),
        ("ada", 13, "first", [7, None, 8]),
        ("ben", 14, "four", [3, 9, 4]),
        ("ben", 14, "song", [5, None, 6]),
        ("cyd", 27, "five", [4, 8, None]),
        ("ada", 53, "three", [10, 2, 9]),
        ("ben", 53, "one", [9, None, None]),
        ("ben", 53, "second", [None, 10, None]),
    ]
    for owner, number, title, ratings in rows:
        if (owner, number) not in club.weeks:
            club.weeks[owner, number] = WeekFactory(user=getattr(club, owner), year=2020, week_number=number)
        week = club.weeks[owner, number]
        if title in albums:
            pick = WeekAlbumFactory(week=week, album=albums[title])
        else:
            pick = WeekMovieFactory(week=week, movie=club.movies[title])
        club.picks[owner, title] = pick
        for person, rating in zip([club.ada, club.ben, club.cyd], ratings, strict=True):
            time_machine.shift(1)
            if rating:
                give(person, pick, rating)
    AlbumOpinionFactory(user=club.ben, album_pick=club.picks["ben", "song"], rating=None, review="No words.")
    return club


def give(person, pick, rating, **values):
    if isinstance(pick, WeekMovie):
        return MovieOpinionFactory(user=person, movie_pick=pick, rating=rating, **values)
    return AlbumOpinionFactory(user=person, album_pick=pick, rating=rating, **values)


def owner(person):
    return {"id": person.pk, "username": person.username, "display_name": None}


def title(row):
    return (row["movie"] or row["album"])["title"]


# Comparing two people


def test_two_people_compared(club):
    body = stats(club.ada, "compare?with=ben")

    assert set(body) == {"user", "together", "movies", "albums", "quarters", "differences"}
    assert body["user"] == owner(club.ben)
    # Movies: one 9 (her latest) - 5 = 4, two 6 - 6 = 0, three 10 - 2 = 8, four 3 - 9 = -6, five 4 - 8 = -4.
    # By chance, any of her ratings beside any of his: 9 is 15 away from them, 6 is 10, 10 is 20, 3 is 17, 4 is 14.
    assert body["movies"] == {
        "n": 5,
        "enough": True,
        "note": "Further apart than chance, by 5 works that both rated",
        "agreement": pytest.approx((5 * (1 - 4.4 / 9) + 5 * (1 - 76 / 25 / 9)) / (5 + 5)),
        "agreement_raw": pytest.approx(1 - 4.4 / 9),
        "beyond_chance": pytest.approx(1 - 4.4 / 3.04),
        "mean_difference": 22 / 5,
        "harshness_gap": 2 / 5,
    }
    # Albums: first 7 - 10 for the other edition. What ben says of song is no rating.
    assert body["albums"] == {
        "n": 1,
        "enough": False,
        "note": "Not enough overlap: 1 rated by both, 5 are needed",
        "agreement": None,
        "agreement_raw": pytest.approx(2 / 3),
        "beyond_chance": None,
        "mean_difference": 3.0,
        "harshness_gap": -3.0,
    }
    # Together: 7 is 11 away from his movies, his 10 is 18 away from hers, and 7 from 10 is 3: 108 over 6 * 6 pairs.
    assert body["together"] == {
        "n": 6,
        "enough": True,
        "note": "Further apart than chance, by 6 works that both rated",
        "agreement": pytest.approx((6 * (1 - 25 / 54) + 5 * (1 - 3 / 9)) / (6 + 5)),
        "agreement_raw": pytest.approx(29 / 54),  # 1 - 25 / 6 / 9
        "beyond_chance": pytest.approx(1 - 25 / 6 / 3),
        "mean_difference": pytest.approx(25 / 6),
        "harshness_gap": pytest.approx(-1 / 6),
    }


def test_quarters_are_those_of_the_later_pick(club):
    quarters = stats(club.ada, "compare?with=ben")["quarters"]

    figures = [
        (row["year"], row["quarter"], row["together"]["n"], row["together"]["mean_difference"]) for row in quarters
    ]
    # Week 53's Thursday is in December: one 4, three 8 and first 3 make 15; in the others there is one each.
    assert figures == [(2020, 4, 3, 5.0), (2020, 3, 1, 4.0), (2020, 2, 1, 6.0), (2020, 1, 1, 0.0)]
    assert [row["together"]["harshness_gap"] for row in quarters] == [3.0, -4.0, -6.0, 0.0]


@pytest.mark.parametrize(
    ("year", "week_number", "expected"),
    [
        (2020, 53, (2020, 4)),  # Thursday 31 December
        (2021, 13, (2021, 2)),  # Thursday 1 April
        (2020, 13, (2020, 1)),
        (2015, 1, (2015, 1)),  # Thursday 1 January
        (2025, 1, (2025, 1)),  # begins on 30 December 2024
        (2021, 39, (2021, 3)),
        (2004, 40, (2004, 3)),  # Thursday 30 September
    ],
)
def test_the_thursday_decides_the_quarter(user, other, now, year, week_number, expected):
    pick = WeekMovieFactory(week=WeekFactory(user=user, year=year, week_number=week_number))
    give(user, pick, 5), give(other, pick, 6)

    (quarter,) = stats(user, "compare?with=ben")["quarters"]

    assert (quarter["year"], quarter["quarter"]) == expected


def test_the_works_that_two_people_differ_on_most(club):
    first, *others = stats(club.ada, "compare?with=ben")["differences"]

    week = {"id": club.weeks["ada", 53].pk, "year": 2020, "week_number": 53, "owner": owner(club.ada)}
    assert list(first) == ["difference", "kind", "movie", "album", "mine", "theirs"]
    assert (first["difference"], first["kind"], first["movie"]["title"], first["album"]) == (8, "movie", "three", None)
    assert first["theirs"] == {
        "user": owner(club.ben),
        "rating": 2,
        "review": None,
        "contains_spoilers": False,
        "created_at": "2021-02-10T12:00:20Z",
        "updated_at": "2021-02-10T12:00:20Z",
        "week": week,
        "position": 1,
    }
    assert (first["mine"]["rating"], first["mine"]["user"]) == (10, owner(club.ada))
    assert [(title(row), row["difference"]) for row in others] == [
        ("four", -6),
        ("one", 4),
        ("five", -4),
        ("first", -3),
    ]
    assert (others[-1]["mine"]["week"]["week_number"], others[-1]["theirs"]["week"]["week_number"]) == (13, 53)


def test_without_works_in_common_nothing_is_known(user, other):
    body = stats(user, "compare?with=ben")

    unknown = dict.fromkeys(["agreement", "agreement_raw", "beyond_chance", "mean_difference", "harshness_gap"])
    assert body == {
        "user": owner(other),
        "together": {"n": 0, "enough": False, "note": "Not enough overlap: 0 rated by both, 5 are needed"} | unknown,
        "movies": {"n": 0, "enough": False, "note": "Not enough overlap: 0 rated by both, 5 are needed"} | unknown,
        "albums": {"n": 0, "enough": False, "note": "Not enough overlap: 0 rated by both, 5 are needed"} | unknown,
        "quarters": [],
        "differences": [],
    }


def test_the_rating_that_was_changed_last_counts(club, time_machine):
    time_machine.shift(60)
    client_of(club.ada).put(f"/api/weeks/{club.weeks['ada', 1].pk}/movies/1/opinion", {"rating": 5})

    body = stats(club.ada, "compare?with=ben")

    assert "one" not in map(title, body["differences"])  # 5 - 5
    assert body["movies"]["mean_difference"] == 18 / 5
    # Against the crowd: one 5 - 8.5, and as far below it four 3 - 6.5, of a later week
    picks = [(row["movie"]["title"], row["difference"]) for row in stats(club.ada, "contrarian")["picks"]]
    assert picks == [("four", -3.5), ("one", -3.5), ("three", 3.0)]


@pytest.mark.parametrize("name", ["ada", "me", "ADA"])
def test_comparing_yourself_with_yourself_is_refused(api, name):
    assert_problem(api.get(f"/api/stats/compare?with={name}"), 422, "Compare yourself with another member.")


@pytest.mark.parametrize("query", ["", "with=", "with=%00", "with=" + "x" * 51])
def test_a_comparison_needs_a_username(api, query):
    response = api.get(f"/api/stats/compare?{query}")

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == "with"


# The largest disagreements


def disagreements(body):
    return [
        (row["difference"], title(row), row["higher"]["user"]["username"], row["lower"]["user"]["username"])
        for row in body["results"]
    ]


EVERYTHING = [
    (8, "three", "ada", "ben"),
    (7, "three", "cyd", "ben"),
    (7, "one", "ada", "cyd"),
    (6, "four", "ben", "ada"),
    (5, "four", "ben", "cyd"),
    (4, "five", "ben", "ada"),
    (4, "one", "ben", "cyd"),
    (3, "one", "ada", "ben"),
    (1, "three", "ada", "cyd"),
    (1, "four", "cyd", "ada"),
    (1, "song", "cyd", "ada"),
    (1, "first", "cyd", "ada"),
]


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


# How others liked what one picked


def test_a_report_card(club):
    body = stats(club.ada, "report-card")

    assert set(body) == {"user", "together", "movies", "albums", "by"}
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
    assert body == {"user": owner(user), "together": nothing, "movies": nothing, "albums": nothing, "by": []}


# Against the crowd


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


# This week in other years


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
    assert list(old) == ["position", "added_at", "movie", "my_opinion", "opinions_count", "opinions"]
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


# Who may know


@pytest.mark.parametrize("place", PLACES)
def test_private_members_change_no_figure(club, time_machine, place):
    time_machine.move_to(datetime(2026, 12, 31, tzinfo=UTC), tick=False)  # week 53
    before = stats(club.ada, place)
    hidden = UserFactory(username="dora", visibility="private")
    week = WeekFactory(user=hidden, year=2020, week_number=53)
    movie, album = WeekMovieFactory(week=week, movie=club.movies["three"]), WeekAlbumFactory(week=week)
    later = datetime(2026, 12, 30, tzinfo=UTC)
    for pick in (movie, album):  # what they thought while they could see it
        give(club.ada, pick, 10, updated_at=later), give(club.ben, pick, 1, updated_at=later)
    for pick in club.picks.values():
        give(hidden, pick, 1)

    after = stats(club.ada, place)
    hidden.visibility = "members"
    hidden.save()
    shown = stats(club.ada, place)

    if place == "on-this-week":
        for body in (before, after):  # the same list, but how many there are
            assert body["results"][0]["movies"][0]["opinions_count"] == 3
    assert after == before
    assert shown != before


@pytest.mark.parametrize("place", PLACES[:4])
def test_secret_opinions_change_no_figure(club, settings, place):
    this_week = WeekFactory(user=club.ada, year=2021, week_number=6)
    pick = WeekMovieFactory(week=this_week, movie=club.movies["three"])
    before = stats(club.ada, place)
    give(club.ben, pick, 9), give(club.cyd, pick, 1)

    hidden = stats(club.ada, place)
    settings.BLIND_REVEAL = False
    shown = stats(club.ada, place)
    settings.BLIND_REVEAL = True
    give(club.ada, pick, 2)
    given = stats(club.ada, place)

    assert hidden == before
    assert before not in (shown, given)


def test_opinions_on_picks_of_a_private_member_count_for_that_member_only(club):
    club.cyd.visibility = "private"
    club.cyd.save()

    assert stats(club.ada, "compare?with=ben")["movies"]["n"] == 4  # without five
    assert stats(club.ada, "contrarian")["n"] == 3
    assert [row["user"]["username"] for row in stats(club.ada, "report-card")["by"]] == ["ben"]
    assert disagreements(stats(club.ada, "wrong-opinions")) == [
        row for row in EVERYTHING if "cyd" not in row and row[1] != "five"
    ]
    assert disagreements(stats(club.cyd, "wrong-opinions")) == EVERYTHING
    assert stats(club.cyd, "report-card")["movies"]["n"] == 2


@pytest.mark.parametrize("place", ["compare?with=", "wrong-opinions?user=", "report-card?user=", "contrarian?user="])
@pytest.mark.parametrize("is_staff", [False, True])
def test_unknown_and_private_members_are_not_found(place, is_staff, db):
    UserFactory(username="dora", visibility="private")
    client = client_of(UserFactory(is_staff=is_staff, is_superuser=is_staff))

    for name in ("dora", "nobody"):
        assert_problem(client.get(f"/api/stats/{place}{name}"), 404, "User not found")


@pytest.mark.parametrize("place", PLACES)
def test_anonymous_requests_are_refused(anonymous, place):
    assert_problem(anonymous.get(f"/api/stats/{place}"), 401, "Not authenticated")


# What it costs


@pytest.mark.parametrize("place", PLACES)
def test_an_unchanged_answer_is_a_304(club, place):
    client = client_of(club.ada)
    address = f"/api/stats/{place}"
    etag = client.get(address).headers["ETag"]

    again = client.get(address, headers={"If-None-Match": etag})
    club.ben.display_name = "Benjamin"
    club.ben.save()
    club.ada.display_name = "Adele"
    club.ada.save()
    changed = client.get(address, headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


@pytest.mark.parametrize("place", PLACES)
def test_queries_do_not_grow_with_the_data(club, time_machine, place, django_assert_num_queries):
    time_machine.move_to(datetime(2026, 12, 31, tzinfo=UTC), tick=False)  # week 53
    WeekAlbumFactory(week=club.weeks["ada", 53], album__title="last")
    address, client = f"/api/stats/{place}", client_of(club.ada)
    with django_assert_num_queries(QUERIES[place]) as little:
        client.get(address)

    people = [club.ada, club.ben, club.cyd, *UserFactory.create_batch(2)]
    for year in (2009, 2015):
        for owner_ in people:
            week = WeekFactory(user=owner_, year=year, week_number=53)
            for pick in (WeekMovieFactory(week=week), WeekAlbumFactory(week=week)):
                for number, person in enumerate(people):
                    give(person, pick, 1 + (owner_.pk * 3 + number * 7) % 10)
    with django_assert_num_queries(len(little.captured_queries)):
        client.get(address)
