"""Opinions on picks, and who may read them when."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from selections.models import EarlierRating, Opinion, Week, WeekMovie
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    PASSWORD,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
    make_user,
)

REVIEW = "Three hours of walking, and I would walk them again."


@pytest.fixture
def week(other, now):
    """This week, which is not over, of another member, with a movie and an album."""
    week = WeekFactory(user=other, year=2026, week_number=7)
    WeekMovieFactory(week=week)
    WeekAlbumFactory(week=week)
    return week


def address(week, kind="movies", position=1):
    return f"/api/weeks/{week.pk}/{kind}/{position}/opinion"


def give(client, week, kind="movies", **changes):
    return client.put(address(week, kind), {"rating": 8, "review": REVIEW, "contains_spoilers": True} | changes)


@pytest.mark.parametrize("kind", ["movies", "albums"])
def test_an_opinion_is_given_and_changed(api, week, time_machine, kind):
    first = give(api, week, kind)
    time_machine.shift(60)
    second = give(api, week, kind, rating=3, review=None, contains_spoilers=False)

    said = {"rating": 8, "review": REVIEW, "contains_spoilers": True}
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == said | {"created_at": "2026-02-11T12:00:00Z", "updated_at": "2026-02-11T12:00:00Z"}
    assert second.json() == {
        "rating": 3,
        "review": None,
        "contains_spoilers": False,
        "created_at": "2026-02-11T12:00:00Z",
        "updated_at": "2026-02-11T12:01:00Z",
    }
    assert api.get(address(week, kind)).json() == second.json()


@pytest.mark.parametrize(("given", "kept"), [({"rating": 1}, (1, "")), ({"review": "Hm."}, (None, "Hm."))])
def test_a_rating_or_a_review_is_enough(api, week, given, kept):
    response = api.put(address(week), given)

    opinion = Opinion.objects.get()
    assert response.status_code == 201
    assert (opinion.rating, opinion.review, opinion.contains_spoilers) == (*kept, False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rating": None, "review": ""},
        {"review": "   "},
        {"rating": 0},
        {"rating": 11},
        {"rating": 7.5},
        {"rating": "7"},
        {"rating": True},
        {"rating": 7, "review": 5},
        {"rating": 7, "review": "\0"},
        {"rating": 7, "review": "x" * 10_001},
        {"rating": 7, "contains_spoilers": "yes"},
        {"rating": 7, "contains_spoilers": 1},
        {"rating": 7, "contains_spoilers": None},
    ],
)
def test_bad_input(api, week, body):
    assert_problem(api.put(address(week), body), 422)
    assert not Opinion.objects.exists()


def test_opinions_that_do_not_exist(api, week):
    assert_problem(api.get(address(week)), 404, "You have no opinion on this yet")
    assert_problem(api.delete(address(week)), 404, "You have no opinion on this yet")
    assert_problem(api.get(f"{address(week)}/history"), 404, "You have no opinion on this yet")
    assert_problem(give(api, Week(pk=999_999)), 404, "Week not found")
    assert_problem(api.put(address(week, position=2), {"rating": 5}), 404, "No movie found at position 2")
    assert_problem(api.put(address(week, "albums", 2), {"rating": 5}), 404, "No album found at position 2")
    assert_problem(api.put(address(week, position=3), {"rating": 5}), 400, "Position must be 1 or 2")


def test_only_their_owner_rates_picks_of_private_weeks(api, week, other):
    other.visibility = "private"
    other.save()

    assert_problem(give(api, week), 404, "Week not found")
    assert give(client_of(other), week).status_code == 201


def test_an_opinion_is_deleted_with_its_history(api, week):
    give(api, week)
    give(api, week, rating=2)

    assert api.delete(address(week)).status_code == 204
    assert not Opinion.objects.exists()
    assert not EarlierRating.objects.exists()


def test_earlier_ratings_are_kept(api, user, week, time_machine):
    for rating in (None, 8, 8, 3, None, 5):
        give(api, week, rating=rating)
        time_machine.shift(60)

    response = api.get(f"{address(week)}/history")

    assert response.json()["results"] == [
        {"rating": None, "until_at": "2026-02-11T12:05:00Z"},
        {"rating": 3, "until_at": "2026-02-11T12:04:00Z"},
        {"rating": 8, "until_at": "2026-02-11T12:03:00Z"},
        {"rating": None, "until_at": "2026-02-11T12:01:00Z"},
    ]
    assert_problem(client_of(UserFactory()).get(f"{address(week)}/history"), 404, "You have no opinion on this yet")


def test_your_own_week_by_its_name(user, now):
    week = WeekFactory(user=user, year=2026, week_number=7)
    WeekMovieFactory(week=week)

    assert client_of(user).put("/api/weeks/2026-W07/movies/1/opinion", {"rating": 5}).status_code == 201


# Blind reveal


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


# The feed


def test_an_opinion_in_the_feed(api, user, week):
    give(api, week)

    response = api.get("/api/opinions")

    movie = week.movie_picks.get().movie
    assert response.json()["results"] == [
        {
            "id": Opinion.objects.get().pk,
            "user": {"id": user.pk, "username": "ada", "display_name": None},
            "kind": "movie",
            "week": {
                "id": week.pk,
                "year": 2026,
                "week_number": 7,
                "owner": {"id": week.user.pk, "username": "ben", "display_name": None},
            },
            "position": 1,
            "rating": 8,
            "review": REVIEW,
            "contains_spoilers": True,
            "created_at": "2026-02-11T12:00:00Z",
            "updated_at": "2026-02-11T12:00:00Z",
            "movie": {
                "id": movie.pk,
                "tmdb_id": movie.tmdb_id,
                "title": movie.title,
                "original_title": None,
                "release_date": None,
                "poster_path": None,
                "overview": None,
                "cached_at": "2026-01-02T03:04:05Z",
                "confirmed": True,
            },
            "album": None,
        }
    ]


@pytest.mark.parametrize(
    ("query", "ratings"),
    [
        ({}, [9, 4, 7, 2]),
        ({"user": "me"}, [7, 2]),
        ({"user": "ben"}, [9, 4]),
        ({"user": "nobody"}, []),
        ({"kind": "movie"}, [4, 2]),
        ({"kind": "album"}, [9, 7]),
        ({"min_rating": 7}, [9, 7]),
        ({"min_rating": 7, "kind": "album", "user": "me"}, [7]),
    ],
)
def test_the_feed_is_filtered(api, user, other, now, query, ratings):
    old = WeekFactory(year=2025, week_number=1)
    movie, album = WeekMovieFactory(week=old), WeekAlbumFactory(week=old)
    for person, (first, second) in ((user, (2, 7)), (other, (4, 9))):
        MovieOpinionFactory(user=person, movie_pick=movie, rating=first)
        AlbumOpinionFactory(user=person, album_pick=album, rating=second)

    assert [opinion["rating"] for opinion in api.get("/api/opinions", query).json()["results"]] == ratings


@pytest.mark.parametrize("query", [{"kind": "book"}, {"min_rating": 0}, {"min_rating": 11}, {"user": "a\x00"}])
def test_bad_filters(api, query):
    assert_problem(api.get("/api/opinions", query), 422)


def test_lists_cost_the_same_queries_whatever_their_length(api, other, now, django_assert_num_queries):
    week = WeekFactory(user=other, year=2025, week_number=1)
    movie, album = WeekMovieFactory(week=week), WeekAlbumFactory(week=week)

    def ask():
        with django_assert_num_queries(3):  # who asks, how many, which
            api.get("/api/opinions")
        with django_assert_num_queries(4):  # and the week
            api.get(f"/api/weeks/{week.pk}/opinions")
        with django_assert_num_queries(5):  # and the movie, and the opinions
            api.get(f"/api/movies/{movie.movie.tmdb_id}/selections")
        with django_assert_num_queries(5):
            api.get(f"/api/albums/{album.album.musicbrainz_id}/selections")

    MovieOpinionFactory(movie_pick=movie)
    AlbumOpinionFactory(album_pick=album)
    ask()
    for _ in range(7):
        MovieOpinionFactory(movie_pick=movie)
        AlbumOpinionFactory(album_pick=album)
        WeekMovieFactory(movie=movie.movie)
    ask()


def test_who_picked_an_album_in_any_edition(api, now):
    first = WeekAlbumFactory(week=WeekFactory(year=2025, week_number=1))
    second = WeekAlbumFactory(
        week=WeekFactory(year=2025, week_number=2), album__release_group_id=first.album.release_group_id
    )
    AlbumOpinionFactory(album_pick=first, review="Fine.")

    response = api.get(f"/api/albums/{second.album.musicbrainz_id}/selections")

    assert [row["week_id"] for row in response.json()["results"]] == [second.week_id, first.week_id]
    assert [[said["review"] for said in row["opinions"]] for row in response.json()["results"]] == [[], ["Fine."]]


def test_selections_of_unknown_works(api):
    assert_problem(api.get("/api/movies/5/selections"), 404, "Movie not found")
    assert_problem(api.get("/api/albums/00000000-0000-4000-8000-000000000000/selections"), 404, "Album not found")
    assert_problem(api.get("/api/movies/x/selections"), 422)
    assert_problem(api.get("/api/albums/x/selections"), 422)


# Removing what others have opinions on


@pytest.fixture
def discussed(user, now):
    """Your own pick of a week that is over, on which two others and you have opinions."""
    pick = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=6))
    for person in (user, UserFactory(username="ben", display_name="Ben"), UserFactory(username="cleo")):
        MovieOpinionFactory(user=person, movie_pick=pick)
    return pick


def test_removing_a_discussed_pick_needs_force(api, discussed):
    path = f"/api/weeks/{discussed.week_id}/movies/1"

    answer = api.delete(path)
    assert_problem(answer, 409, "Ben and cleo have already rated this pick. Removing it also deletes their opinions.")
    assert answer.json()["code"] == "pick_discussed"
    assert Opinion.objects.count() == 3
    assert api.delete(f"{path}?force=true").status_code == 204
    assert not Opinion.objects.exists()


def test_replacing_a_discussed_pick_needs_force(api, discussed):
    path, new = f"/api/weeks/{discussed.week_id}/movies/1", {"tmdb_id": MovieFactory().tmdb_id}
    Opinion.objects.get(user__username="cleo").delete()

    for body in (new, {"tmdb_id": 120}):  # no upstream is asked
        sentence = "Ben has already rated this pick. Replacing it also deletes their opinion."
        assert_problem(api.put(path, body), 409, sentence)
    assert api.put(path, {"tmdb_id": discussed.movie.tmdb_id}).status_code == 200
    assert api.put(f"{path}?force=true", new).status_code == 200
    assert not Opinion.objects.exists()


def test_deleting_a_discussed_week_needs_force(api, discussed):
    path = f"/api/weeks/{discussed.week_id}"
    AlbumOpinionFactory(
        user=UserFactory(username="dora"), album_pick=WeekAlbumFactory(week=discussed.week), rating=None, review="Hm."
    )

    answer = api.delete(path)
    assert_problem(
        answer,
        409,
        "Ben and 2 others have already rated or reviewed your picks in this week. "
        "Deleting it also deletes their opinions.",
    )
    assert answer.json()["code"] == "week_discussed"
    assert_problem(client_of(UserFactory()).delete(f"{path}?force=true"), 403)
    assert (Week.objects.count(), Opinion.objects.count()) == (1, 4)
    assert api.delete(f"{path}?force=true").status_code == 204
    assert not Opinion.objects.exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([{"rating": None, "review": "Hm."}], "Ben has already reviewed this pick"),
        ([{"review": "Hm."}], "Ben has already rated this pick"),
        ([{}, {"rating": None, "review": "Hm."}], "Ben and person 1 have already rated or reviewed this pick"),
        ([{}, {}, {}, {}], "Ben and 3 others have already rated this pick"),
    ],
)
def test_the_sentence_says_who_and_what(api, user, now, given, sentence):
    pick = WeekMovieFactory(week=WeekFactory(user=user))
    for number, values in enumerate(given):
        name = f"person {number}" if number else "Ben"
        MovieOpinionFactory(user=UserFactory(display_name=name), movie_pick=pick, **values)
    MovieOpinionFactory(user=UserFactory(visibility="private"), movie_pick=pick)

    answer = api.delete(f"/api/weeks/{pick.week_id}/movies/1")

    lost = "opinion" if len(given) == 1 else "opinions"
    assert_problem(answer, 409, f"{sentence}. Removing it also deletes their {lost}.")


def test_your_own_opinion_and_hidden_ones_need_no_force(api, user, now):
    pick = WeekMovieFactory(week=WeekFactory(user=user))
    MovieOpinionFactory(user=user, movie_pick=pick)
    MovieOpinionFactory(user=UserFactory(visibility="private"), movie_pick=pick)

    assert api.delete(f"/api/weeks/{pick.week_id}/movies/1").status_code == 204
    assert api.delete(f"/api/weeks/{pick.week_id}").status_code == 204


@pytest.mark.parametrize("place", ["", "/movies/1"])
def test_force_is_true_or_false(api, discussed, place):
    assert_problem(api.delete(f"/api/weeks/{discussed.week_id}{place}?force=perhaps"), 422)


# At the same time


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


# The database


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"rating": 0}, "opinion_rating"),
        ({"rating": 11}, "opinion_rating"),
        ({"rating": None, "review": ""}, "opinion_says_something"),
        ({"movie_pick": None}, "opinion_one_pick"),
    ],
)
def test_the_database_refuses_opinions(db, changes, constraint):
    opinion = MovieOpinionFactory()

    with pytest.raises(IntegrityError, match=constraint):
        Opinion.objects.filter(pk=opinion.pk).update(**changes)


def test_the_database_refuses_an_opinion_on_two_things(db):
    opinion = MovieOpinionFactory()

    with pytest.raises(IntegrityError, match="opinion_one_pick"):
        Opinion.objects.filter(pk=opinion.pk).update(album_pick=WeekAlbumFactory())


@pytest.mark.parametrize("made", [MovieOpinionFactory, AlbumOpinionFactory])
def test_the_database_refuses_a_second_opinion(db, made):
    opinion = made()
    pick = {"movie_pick": opinion.movie_pick} if opinion.kind == "movie" else {"album_pick": opinion.album_pick}

    with pytest.raises(IntegrityError, match=f"opinion_{opinion.kind}_unique|user_id"):
        made(user=opinion.user, **pick)


def test_the_database_refuses_an_earlier_rating_beyond_the_scale(db):
    with pytest.raises(IntegrityError, match="earlierrating_rating"):
        MovieOpinionFactory().earlier_ratings.create(rating=11, until_at=timezone.now())
