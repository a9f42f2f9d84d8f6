"""Comparing ratings: figures computed by hand, and what must not change them."""

from datetime import UTC, datetime

import pytest

from tests.conftest import assert_problem, client_of
from tests.factories import (
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.insights.conftest import EVERYTHING, disagreements, give, owner, stats, title

# How many queries each takes, the callers themselves among them
QUERIES = {"compare?with=ben": 4, "wrong-opinions": 7, "report-card": 9, "contrarian?user=ben": 4, "on-this-week": 6}
PLACES = list(QUERIES)


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


@pytest.mark.parametrize("place", PLACES)
def test_private_members_change_no_figure(club, time_machine, place):
    time_machine.move_to(datetime(2026, 12, 31, tzinfo=UTC), tick=False)  # week 53
    before = stats(club.ada, place)
    hidden = UserFactory(username="dora", visibility="private")
    week = WeekFactory(user=hidden, year=2020, week_number=53)
    movie, album = WeekMovieFactory(week=week, movie=club.movies["three"]), WeekAlbumFactory(week=week)
    later = datetime(2026, 12, 30, tzinfo=UTC)
    for pick in (movie, album):  # opinions from the time when they could see it
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
