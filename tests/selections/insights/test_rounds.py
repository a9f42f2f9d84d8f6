"""The group's week: who is in it, what is shown of it, and its result."""

import pytest

from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

OVER = "2026-W06"  # while it is `now`


def asked(api, name="current", **query):
    response = api.get(f"/api/rounds/{name}", query)
    assert response.status_code == 200, response.json()
    return response.json()


def picks_of(person, number=7):
    """A movie and an album in the person's week."""
    week = WeekFactory(user=person, year=2026, week_number=number)
    return WeekMovieFactory(week=week), WeekAlbumFactory(week=week)


def rate(group, pick, **ratings):
    """Ratings of a pick by the names of those who give them."""
    for person, rating in ratings.items():
        MovieOpinionFactory(user=group[person], movie_pick=pick, rating=rating)


@pytest.fixture
def group(now, user, other):
    """Three people."""
    return {"ada": user, "ben": other, "cleo": UserFactory(username="cleo")}


def test_everyone_is_there_in_their_state(api, group):
    picks_of(group["cleo"])
    WeekMovieFactory(week=WeekFactory(user=group["ben"], year=2026, week_number=7), position=2)
    WeekFactory(user=UserFactory(username="abe"), year=2026, week_number=7)
    WeekFactory(user=group["ada"], year=2026, week_number=6)
    UserFactory(username="gone", is_active=False)
    UserFactory(username="hermit", visibility="private")

    body = asked(api)

    about = {name: value for name, value in body.items() if name not in {"members", "links"}}
    assert about == {
        "year": 2026,
        "week_number": 7,
        "starts_on": "2026-02-09",
        "ends_on": "2026-02-15",
        "is_over": False,
        "result": None,
        "total": 4,
        "page": 1,
        "page_size": 100,
    }
    assert [(member["user"]["username"], member["state"]) for member in body["members"]] == [
        ("ada", "missing"),
        ("abe", "empty"),
        ("ben", "half"),
        ("cleo", "complete"),
    ]
    assert body["members"][0]["week"] is None
    assert asked(api) == body == asked(api, "2026-W07")  # and no week was made


def test_a_week_is_as_by_its_id(api, group):
    movie, album = picks_of(group["ben"])
    MovieOpinionFactory(user=group["ada"], movie_pick=movie, review="Mine")
    AlbumOpinionFactory(user=group["cleo"], album_pick=album)

    full = asked(api)["members"][1]["week"]

    for pick in [*full["movies"], *full["albums"]]:
        del pick["revealed"], pick["opinions"]
    assert full == api.get(f"/api/weeks/{movie.week_id}").json()


def test_opinions_are_shown_once_they_are_revealed(api, group):
    first, second = (picks_of(group["ben"])[0], picks_of(group["cleo"])[0])
    rate(group, first, ada=5, cleo=8)
    rate(group, second, ben=3)

    _, *members = asked(api)["members"]

    shown = [member["week"]["movies"][0] for member in members]
    assert [pick["revealed"] for pick in shown] == [True, False]
    assert [pick["opinions_count"] for pick in shown] == [2, 1]
    assert [[opinion["user"]["username"] for opinion in pick["opinions"]] for pick in shown] == [["cleo", "ada"], []]
    assert asked(api, OVER)["is_over"]


def test_without_blind_reveal_all_is_shown(api, group, settings):
    settings.BLIND_REVEAL = False
    rate(group, picks_of(group["ben"])[0], cleo=3)

    (pick,) = asked(api)["members"][1]["week"]["movies"]

    assert pick["revealed"]
    assert pick["opinions"][0]["rating"] == 3


def test_a_week_that_is_not_over_for_its_owner_stays_hidden(group, time_machine):
    group["ben"].time_zone = "Pacific/Honolulu"
    group["ben"].save()
    rate(group, picks_of(group["ben"])[0], cleo=3)
    rate(group, picks_of(group["cleo"])[0], ben=4)
    time_machine.move_to("2026-02-16T01:00Z", tick=False)

    body = asked(client_of(group["ada"]), "2026-W07")

    movies = [member["week"]["movies"][0] for member in body["members"][1:]]
    assert [(pick["revealed"], len(pick["opinions"])) for pick in movies] == [(False, 0), (True, 1)]
    assert body["result"]["best"]["pick"]["week"]["owner"]["username"] == "cleo"


def test_the_result(api, group):
    (first, album), (second, _), (third, _) = (picks_of(person, 6) for person in group.values())
    rate(group, first, ada=8, ben=8, cleo=9)
    rate(group, second, ada=2, ben=9, cleo=3)
    rate(group, third, ben=5)
    AlbumOpinionFactory(user=group["ben"], album_pick=album, rating=None, review="No rating")

    result = asked(api, OVER)["result"]

    found = {name: result[name] for name in ("best", "worst", "widest")}
    assert {name: (one["pick"]["week"]["owner"]["username"], one["n"]) for name, one in found.items()} == {
        "best": ("ada", 3),
        "worst": ("ben", 3),
        "widest": ("ben", 3),
    }
    assert (found["best"]["mean"], found["worst"]["spread"]) == (25 / 3, 7)
    assert found["best"]["pick"]["movie"]["id"] == first.movie_id
    # The others' means are 8.5, 8.5 and 8 for the first, 6, 2.5 and 5.5 for the second: ada is 0.5 and 4 away, ben 0.5
    # and 6.5, cleo 1 and 2.5.
    assert (result["closest_to_group"]["user"]["username"], result["closest_to_group"]["distance"]) == ("cleo", 1.75)
    surprise = result["surprise"]
    assert (surprise["user"]["username"], surprise["rating"], surprise["mean_of_others"]) == ("ben", 9, 2.5)


def test_two_people_are_no_group(api, group):
    rate(group, picks_of(group["ada"], 6)[0], ada=8, ben=2)

    result = asked(api, OVER)["result"]

    assert result["widest"]["spread"] == 6
    assert (result["closest_to_group"], result["surprise"]) == (None, None)
    assert set(asked(api, "2026-W01")["result"].values()) == {None}


def test_a_large_group_has_pages_and_no_result(api, group):
    picks_of(group["ben"], 6)

    body = asked(api, OVER, page_size=1, page=2)

    assert [member["user"]["username"] for member in body["members"]] == ["ben"]
    assert (body["total"], body["result"]) == (3, None)
    assert body["links"]["next"] == f"/api/rounds/{OVER}?page_size=1&page=3"


@pytest.mark.parametrize("name", ["2025-W53", "2026-W7", "now", "7"])
def test_what_is_no_week(api, name):
    assert_problem(api.get(f"/api/rounds/{name}"), 404, "Week not found")


def test_unknown_parameters_are_refused(api):
    assert_problem(api.get("/api/rounds/current", {"user": "ben"}), 422)


@pytest.mark.parametrize("name", ["2026-W07", OVER])
def test_the_number_of_queries_is_constant(api, group, name, django_assert_num_queries):
    def fill(people):
        for person in people:
            movie, album = picks_of(person, int(name[-2:]))
            for rater in group.values():
                MovieOpinionFactory(user=rater, movie_pick=movie)
                AlbumOpinionFactory(user=rater, album_pick=album)

    fill([group["ben"]])
    with django_assert_num_queries(6):
        asked(api, name)

    fill([UserFactory() for _ in range(8)])
    with django_assert_num_queries(6):
        asked(api, name)
