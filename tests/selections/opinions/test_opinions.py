"""Opinions on picks: giving them, lists of them, and picks that others have opinions on."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from selections.models import EarlierRating, Opinion, Week
from tests.conftest import assert_problem, client_of
from tests.factories import (
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)
from tests.selections.opinions.conftest import REVIEW, address, give


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
                "poster_url": None,
                "overview": None,
                "overview_language": None,
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
        with django_assert_num_queries(2):  # who asks, which
            api.get("/api/opinions")
        with django_assert_num_queries(3):  # and the week
            api.get(f"/api/weeks/{week.pk}/opinions")
        with django_assert_num_queries(4):  # and the movie, and the opinions
            api.get(f"/api/movies/{movie.movie.tmdb_id}/selections")
        with django_assert_num_queries(4):
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
def test_the_week_of_an_opinion_is_that_of_its_pick(db, made):
    opinion = made()
    assert opinion.week == opinion.pick.week

    @transaction.atomic
    def change() -> None:
        Opinion.objects.update(week=WeekFactory())
        connection.check_constraints()  # now, rather than at the end of the transaction of this test

    with pytest.raises(IntegrityError):
        change()


@pytest.mark.parametrize("made", [MovieOpinionFactory, AlbumOpinionFactory])
def test_the_database_refuses_a_second_opinion(db, made):
    opinion = made()
    pick = {"movie_pick": opinion.movie_pick} if opinion.kind == "movie" else {"album_pick": opinion.album_pick}

    with pytest.raises(IntegrityError, match=f"opinion_{opinion.kind}_unique|user_id"):
        made(user=opinion.user, **pick)


def test_the_database_refuses_an_earlier_rating_beyond_the_scale(db):
    with pytest.raises(IntegrityError, match="earlierrating_rating"):
        MovieOpinionFactory().earlier_ratings.create(rating=11, until_at=timezone.now())
