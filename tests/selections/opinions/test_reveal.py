"""Blind reveal: who may read an opinion when, and what that does to deleting it."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.compiled import STAND_INS
from selections.models import EarlierRating, Opinion, WeekMovie
from selections.opinions import feed
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    PASSWORD,
    MovieOpinionFactory,
    UserFactory,
    WeekFactory,
    WeekMovieFactory,
    make_user,
)
from tests.selections.opinions.conftest import address, give


def shown(client, week):
    """The reviews that a client is shown, everywhere where opinions are."""
    movie = week.movie_picks.get().movie
    lists = [
        client.get(f"/api/weeks/{week.pk}/opinions").json()["results"],
        client.get("/api/opinions").json()["results"],
        client.get(f"/api/movies/{movie.tmdb_id}/selections").json()["results"][0]["opinions"],
    ]
    found = [sorted(opinion["review"] for opinion in opinions if opinion["review"]) for opinions in lists]
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.fixture
def secret(week, other):
    """The owner's opinion on the movie of this week."""
    return MovieOpinionFactory(user=other, movie_pick=week.movie_picks.get(), review="A masterpiece.")


def test_another_opinion_is_hidden_until_you_have_given_your_own(api, week, secret):
    assert shown(api, week) == []
    assert shown(client_of(secret.user), week) == ["A masterpiece."]

    api.put(address(week, "albums"), {"rating": 5})
    assert shown(api, week) == []

    api.put(address(week), {"rating": 2})
    assert shown(api, week) == ["A masterpiece."]


REVEALED = (
    "Your opinion has revealed those of others on this pick. You can change it now, and delete it once the week is "
    "over."
)


def test_an_opinion_that_has_revealed_others_stays_until_the_week_is_over(api, week, secret, time_machine):
    give(api, week)
    give(api, week, "albums")

    assert_problem(api.delete(address(week)), 409, REVEALED)
    assert_problem(client_of(secret.user).delete(address(week)), 409, REVEALED)
    assert api.delete(address(week, "albums")).status_code == 204  # of which there was no other
    assert give(api, week, rating=1).status_code == 200
    assert len(api.get(f"{address(week)}/history").json()["results"]) == 1

    time_machine.move_to("2026-02-16T00:00:00Z", tick=False)
    assert api.delete(address(week)).status_code == 204


STAYS = "You have read others' opinions on this, so yours cannot be deleted yet. Try again once the week is over."


@pytest.mark.parametrize("query", ["", "?force=true"])
def test_your_own_pick_and_its_week_stay_as_well(week, other, time_machine, query):
    owner, path = client_of(other), f"/api/weeks/{week.pk}"
    give(owner, week)
    MovieOpinionFactory(movie_pick=week.movie_picks.get())

    for answer in (
        owner.delete(f"{path}/movies/1{query}"),
        owner.put(f"{path}/movies/1{query}", {"tmdb_id": 120}),
        owner.delete(f"{path}{query}"),
    ):
        assert_problem(answer, 409, STAYS)
        assert answer.json()["code"] == "revealed"
    assert owner.patch(path, {"year": 2026, "week_number": 6}).json()["code"] == "week_discussed"
    assert owner.patch(path, {"year": 2027, "week_number": 7}).status_code == 200
    assert_problem(owner.delete(f"{path}{query}"), 409, STAYS)
    assert owner.patch(path, {"year": 2026, "week_number": 7}).status_code == 200
    assert owner.delete(f"{path}/albums/1{query}").status_code == 204

    time_machine.move_to("2026-02-16T00:00:00Z", tick=False)
    assert owner.delete(f"{path}/movies/1?force=true").status_code == 204


def test_an_account_is_deleted_with_its_week(week, other):
    owner = make_user()
    pick = WeekMovieFactory(week=WeekFactory(user=owner, year=2026, week_number=7))
    MovieOpinionFactory(user=owner, movie_pick=pick)
    MovieOpinionFactory(user=other, movie_pick=pick)

    assert client_of(owner).delete(f"/api/users/{owner.pk}", {"password": PASSWORD}).status_code == 204
    assert not Opinion.objects.exists()


def test_moving_to_another_time_zone_does_not_free_an_opinion(api, user, week, secret, time_machine):
    give(api, week)
    time_machine.move_to("2026-02-15T11:00:00Z", tick=False)
    for person in (user, week.user):
        client_of(person).patch(f"/api/users/{person.pk}", {"time_zone": "Pacific/Kiritimati"})

    assert_problem(api.delete(address(week)), 409, REVEALED)


def test_an_opinion_that_has_revealed_nothing_can_be_deleted(api, week, settings):
    hermit = UserFactory(visibility="private")
    give(client_of(hermit), week)
    give(api, week)

    assert_problem(client_of(hermit).delete(address(week)), 409, REVEALED)  # who reads the other one
    assert api.delete(address(week)).status_code == 204

    give(api, week)
    give(client_of(week.user), week)
    settings.BLIND_REVEAL = False
    assert api.delete(address(week)).status_code == 204


@pytest.mark.parametrize(
    ("zone", "owners_zone", "moment", "is_over"),
    [
        ("UTC", "UTC", "2026-02-15T23:59:59Z", False),
        ("UTC", "UTC", "2026-02-16T00:00:00Z", True),
        ("Pacific/Auckland", "Pacific/Auckland", "2026-02-15T10:59:59Z", False),
        ("Pacific/Auckland", "Pacific/Auckland", "2026-02-15T11:00:00Z", True),
        ("Pacific/Kiritimati", "Pacific/Kiritimati", "2026-02-15T10:00:00Z", True),
        ("Pacific/Kiritimati", "Pacific/Auckland", "2026-02-15T10:30:00Z", False),
        ("Pacific/Kiritimati", "UTC", "2026-02-15T11:00:00Z", False),
        ("Pacific/Kiritimati", "UTC", "2026-02-16T00:00:00Z", True),
        ("UTC", "Pacific/Kiritimati", "2026-02-15T23:59:59Z", False),
        ("UTC", "Asia/Kathmandu", "2026-02-15T18:15:00Z", False),
        ("Asia/Tokyo", "Asia/Kathmandu", "2026-02-15T18:14:59Z", False),
        ("Asia/Tokyo", "Asia/Kathmandu", "2026-02-15T18:15:00Z", True),
        ("America/Los_Angeles", "UTC", "2026-02-16T07:59:59Z", False),
        ("America/Los_Angeles", "UTC", "2026-02-16T08:00:00Z", True),
        ("UTC", "America/Los_Angeles", "2026-02-16T07:59:59Z", False),
        ("UTC", "America/Los_Angeles", "2026-02-16T08:00:00Z", True),
        ("Pacific/Kiritimati", "Etc/GMT+12", "2026-02-16T11:59:59Z", False),
        ("Pacific/Kiritimati", "Etc/GMT+12", "2026-02-16T12:00:00Z", True),
    ],
)
def test_it_is_shown_once_the_week_is_over_for_the_reader_and_its_owner(
    user, other, week, secret, time_machine, zone, owners_zone, moment, is_over
):
    live_in(zone, user)
    live_in(owners_zone, other)
    time_machine.move_to(moment, tick=False)

    assert shown(client_of(user), week) == (["A masterpiece."] if is_over else [])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Etc/GMT+12"])
def test_kept_queries_find_what_the_orm_finds_at_each_hour(user, other, week, secret, time_machine, zone):
    live_in(zone, user)
    found = []
    for hours in range(0, 40, 3):
        time_machine.move_to(datetime(2026, 2, 15, 1, tzinfo=UTC) + timedelta(hours=hours), tick=False)
        expected = list(Opinion.objects.visible_to(user))
        on_week = list(week.opinions.visible_to(user))

        for rows, opinions in ((feed.list_opinions(user), expected), (feed.list_on_week(user, week), on_week)):
            assert (rows.page(20, 0), rows.count()) == (opinions, len(opinions))
        found.append(secret in expected)
    assert found == sorted(found)
    assert {False, True} == set(found)


def test_a_user_whose_id_is_a_stand_in_reads_their_own_opinions_only(other, week, secret):
    reader = UserFactory(pk=STAND_INS[0][0])
    mine = MovieOpinionFactory(user=reader, movie_pick__week=WeekFactory(user=reader, year=2026, week_number=7))

    rows, of_week = feed.list_opinions(reader), feed.list_on_week(reader, week)

    assert (rows.page(20, 0), rows.count()) == ([mine], 1)
    assert (of_week.page(20, 0), of_week.count()) == ([], 0)


def reviews(client):
    return sorted(opinion["review"] for opinion in client.get("/api/opinions").json()["results"])


def live_in(zone, person):
    """As someone who has lived there for a long time."""
    person.time_zone = zone
    type(person).objects.filter(pk=person.pk).update(time_zone=zone)


def test_moving_to_another_time_zone_reveals_nothing_early(api, user, other, week, secret, time_machine):
    pick = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7))
    MovieOpinionFactory(user=other, movie_pick=pick, review="Not for me.")
    live_in("Pacific/Kiritimati", other)
    time_machine.move_to("2026-02-15T11:00:00Z", tick=False)
    for zone in ("Pacific/Kiritimati", "America/New_York", "Pacific/Kiritimati"):
        assert api.patch(f"/api/users/{user.pk}", {"time_zone": zone}).status_code == 200

    assert reviews(api) == []
    assert_problem(
        api.patch(f"/api/weeks/{pick.week_id}", {"year": 2026, "week_number": 6}),
        409,
        "Other members have opinions on this week, which are hidden until it is over. Move it after that.",
    )

    time_machine.move_to("2026-02-16T12:00:00Z", tick=False)
    assert reviews(api) == ["A masterpiece.", "Not for me."]

    later = WeekMovieFactory(week=WeekFactory(user=other, year=2026, week_number=8))
    MovieOpinionFactory(user=other, movie_pick=later, review="Settled.")
    time_machine.move_to("2026-02-22T11:00:01Z", tick=False)  # a week after the move
    assert "Settled." in reviews(api)


def test_an_owner_who_moves_hides_opinions_no_longer_than_the_last_time_zone(api, other, week, secret, time_machine):
    time_machine.move_to("2026-02-16T00:00:00Z", tick=False)
    assert shown(api, week) == ["A masterpiece."]

    client_of(other).patch(f"/api/users/{other.pk}", {"time_zone": "Pacific/Kiritimati"})
    assert shown(api, week) == []

    time_machine.move_to("2026-02-16T12:00:00Z", tick=False)
    assert shown(api, week) == ["A masterpiece."]


def test_opinions_of_future_weeks_are_hidden_as_well(api, other, now):
    week = WeekFactory(user=other, year=2027, week_number=1)
    MovieOpinionFactory(user=other, movie_pick=WeekMovieFactory(week=week), review="Soon.")

    assert shown(api, week) == []


def test_blind_reveal_can_be_switched_off(api, week, secret, settings):
    settings.BLIND_REVEAL = False

    assert shown(api, week) == ["A masterpiece."]


def test_a_week_counts_hidden_opinions_and_has_your_own(api, week, secret):
    def my_opinion_and_count():
        pick = api.get(f"/api/weeks/{week.pk}").json()["movies"][0]
        return pick["my_opinion"], pick["opinions_count"]

    assert my_opinion_and_count() == (None, 1)
    opinion = give(api, week).json()
    assert my_opinion_and_count() == (opinion, 2)


def test_opinions_of_private_members_are_theirs_alone(api, user, week):
    hermit = UserFactory(visibility="private")
    give(client_of(hermit), week, review="Nobody reads this.")
    give(api, week, review="Mine.")

    assert shown(api, week) == ["Mine."]
    assert shown(client_of(hermit), week) == ["Mine.", "Nobody reads this."]
    assert api.get(f"/api/weeks/{week.pk}").json()["movies"][0]["opinions_count"] == 1


def test_a_week_does_not_move_into_the_past_to_reveal_what_others_think(api, user, other, now):
    week = WeekFactory(user=user, year=2026, week_number=7)
    pick = WeekMovieFactory(week=week)
    address, past = f"/api/weeks/{week.pk}", {"year": 2026, "week_number": 1}
    MovieOpinionFactory(user=user, movie_pick=pick)
    assert api.patch(address, past).status_code == 200
    assert api.patch(address, {"year": 2026, "week_number": 8}).status_code == 200
    MovieOpinionFactory(user=other, movie_pick=pick)

    assert_problem(
        api.patch(address, past),
        409,
        "Other members have opinions on this week, which are hidden until it is over. Move it after that.",
    )
    assert api.patch(address, {"year": 2026, "week_number": 9}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_simultaneous_opinions_of_one_person_are_one():
    pick = WeekMovieFactory()
    user = UserFactory()

    statuses = at_once(8, lambda n: client_of(user).put(address(pick.week), {"rating": n + 1}).status_code)

    assert statuses == [200] * 7 + [201]
    assert Opinion.objects.count() == 1
    assert EarlierRating.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_deleting_and_giving_at_once_is_never_a_server_error():
    pick, user = WeekMovieFactory(), UserFactory()
    MovieOpinionFactory(user=user, movie_pick=pick)

    def act(number):
        if number % 2:
            return client_of(user).delete(address(pick.week)).status_code
        return client_of(user).put(address(pick.week), {"rating": number + 1}).status_code

    assert set(at_once(8, act)) <= {200, 201, 204, 404}
    assert Opinion.objects.count() <= 1


@pytest.mark.django_db(transaction=True)
def test_of_two_opinions_that_reveal_each_other_neither_is_deleted(time_machine):
    time_machine.move_to("2026-02-11T12:00Z", tick=False)
    pick = WeekMovieFactory(week=WeekFactory(year=2026, week_number=7))
    people = [UserFactory(), UserFactory()]
    MovieOpinionFactory(user=people[0], movie_pick=pick)

    def act(number):
        client = client_of(people[number])
        answer = client.put(address(pick.week), {"rating": 5}) if number else client.delete(address(pick.week))
        return answer.status_code

    statuses = at_once(2, act)
    assert statuses in ([201, 204], [201, 409])
    assert Opinion.objects.count() == (1 if 204 in statuses else 2)


@pytest.mark.django_db(transaction=True)
def test_giving_an_opinion_while_deleting_the_account_is_never_a_server_error():
    pick, user = WeekMovieFactory(), make_user()
    MovieOpinionFactory(user=user, movie_pick=pick)
    clients = [client_of(user) for _ in range(6)]

    def act(number):
        if number == 0:
            return clients[0].delete(f"/api/users/{user.pk}", {"password": PASSWORD}).status_code
        return clients[number].put(address(pick.week), {"rating": number}).status_code

    assert set(at_once(6, act)) <= {200, 201, 204, 401}
    assert not Opinion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_opinion_on_a_pick_that_is_being_removed_is_never_a_server_error():
    pick = WeekMovieFactory()
    people = [UserFactory() for _ in range(5)]

    def act(number):
        if number == 5:
            return client_of(pick.week.user).delete(f"/api/weeks/{pick.week_id}/movies/1?force=true").status_code
        return client_of(people[number]).put(address(pick.week), {"rating": 5}).status_code

    assert set(at_once(6, act)) <= {201, 204, 404}
    assert not WeekMovie.objects.exists()
    assert not Opinion.objects.exists()
