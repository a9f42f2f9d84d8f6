"""Picking, replacing, moving and removing movies and albums."""

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError

from catalog.models import Movie
from selections.guards import lock_user, lock_week
from selections.kinds import ALBUM, MOVIE
from selections.models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie
from tests import payloads
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    OPINIONS,
    PICKS,
    WORKS,
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

UNSEEN = {"movie": {"tmdb_id": 120}, "album": {"musicbrainz_id": payloads.RELEASE}}


@pytest.fixture
def week(user, now, time_machine):
    week = WeekFactory(user=user, year=2026, week_number=7)
    time_machine.shift(timedelta(hours=1))
    return week


def path_of(week, kind, position=None):
    path = f"/api/weeks/{week.pk}/{kind.name}s"
    return path if position is None else f"{path}/{position}"


def pick(client, week, kind, work=None, **body):
    what = {kind.id_field: work.external_id} if work else UNSEEN[kind.name]
    return client.post(path_of(week, kind), what | {"position": 1} | body)


def put(client, week, kind, work=None, position=1, **body):
    what = {kind.id_field: work.external_id} if work else UNSEEN[kind.name]
    return client.put(path_of(week, kind, position), what | body)


def move(client, week, kind, position=1, body=None):
    return client.patch(path_of(week, kind, position), {"position": 2} if body is None else body)


def remove(client, week, kind, position=1):
    return client.delete(path_of(week, kind, position), content_type="application/json")


def positions(kind):
    return dict(kind.picks.objects.values_list("pk", "position"))


def updated_at(client, week):
    return client.get(f"/api/weeks/{week.pk}").json()["updated_at"]


# Picking


def test_pick_a_new_movie(api, week, tmdb_movie):
    tmdb_movie()

    response = pick(api, week, MOVIE)

    assert response.status_code == 201
    assert response.json() == {
        "week_id": week.pk,
        "position": 1,
        "added_at": "2026-02-11T13:00:00Z",
        "rewatch": None,
        "movie": {
            "id": Movie.objects.get().pk,
            "tmdb_id": 120,
            "title": "The Lord of the Rings: The Fellowship of the Ring",
            "original_title": "The Fellowship of the Ring",
            "release_date": "2001-12-18",
            "poster_path": "/poster.jpg",
            "poster_url": "https://image.tmdb.org/t/p/w342/poster.jpg",
            "overview": "A hobbit leaves home.",
            "overview_language": "en-US",
            "cached_at": "2026-02-11T13:00:00Z",
            "confirmed": True,
        },
        "previous_selections": [],
    }


def test_put_a_new_album(api, week, musicbrainz_release):
    musicbrainz_release(date="2016-10")

    response = api.put(f"/api/weeks/{week.pk}/albums/2", UNSEEN["album"])

    assert response.status_code == 201
    assert response.json() == {
        "week_id": week.pk,
        "position": 2,
        "added_at": "2026-02-11T13:00:00Z",
        "rewatch": None,
        "album": {
            "id": WeekAlbum.objects.get().album_id,
            "musicbrainz_id": payloads.RELEASE,
            "title": "You Want It Darker",
            "artist": "Leonard Cohen",
            "release_date": "2016-10-01",
            "release_date_precision": "month",
            "cover_art_url": f"https://coverartarchive.org/release/{payloads.RELEASE}/front-500",
            "cached_at": "2026-02-11T13:00:00Z",
            "confirmed": True,
        },
        "previous_selections": [],
    }


def test_works_in_the_catalog_are_picked_without_an_upstream(api, week, kind):
    first, second = WORKS[kind.name].create_batch(2)

    assert pick(api, week, kind, first).status_code == 201
    assert put(api, week, kind, second, 2).status_code == 201


def test_a_movie_that_was_never_fetched_is_not_picked_during_an_outage(api, week, upstream):
    MovieFactory(tmdb_id=120, title="As a file says", fetched_at=None)
    upstream.get(f"{payloads.TMDB}/movie/120", status=500)

    assert_problem(pick(api, week, MOVIE), 502)


def test_picks_and_removals_move_the_week(api, week, kind, time_machine):
    pick(api, week, kind, WORKS[kind.name]())
    assert updated_at(api, week) == "2026-02-11T13:00:00Z"
    time_machine.shift(timedelta(hours=1))

    response = remove(api, week, kind)

    assert (response.status_code, response.content) == (204, b"")
    assert updated_at(api, week) == "2026-02-11T14:00:00Z"


def test_a_taken_position(api, week, kind):
    PICKS[kind.name](week=week, position=2)

    assert_problem(pick(api, week, kind, position=2), 409, "Position 2 is already occupied")


def test_a_work_is_in_a_week_once(api, week, kind):
    work = PICKS[kind.name](week=week).work

    for twice in (pick(api, week, kind, work, position=2), put(api, week, kind, work, 2)):
        assert_problem(twice, 409, f"This {kind.name} is already in this week")


def test_another_edition_is_another_album(api, week):
    album = WeekAlbumFactory(week=week).album
    other = AlbumFactory(release_group_id=album.release_group_id)

    assert pick(api, week, ALBUM, other, position=2).status_code == 201


def test_the_old_id_of_an_album_that_is_in_the_week(api, week, musicbrainz_release):
    WeekAlbumFactory(week=week, album=AlbumFactory(musicbrainz_id=payloads.RELEASE))
    old = "00000000-0000-4000-8000-000000000002"
    musicbrainz_release(asked_id=old)

    response = api.put(f"/api/weeks/{week.pk}/albums/2", {"musicbrainz_id": old})

    assert_problem(response, 409, "This album is already in this week")


def test_works_that_upstream_does_not_know(api, week, kind, upstream):
    upstream.assert_all_requests_are_fired = False
    upstream.get(f"{payloads.TMDB}/movie/120", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", status=404, json=payloads.UNKNOWN)
    known = PICKS[kind.name](week=week)

    for response in (pick(api, week, kind, position=2), put(api, week, kind)):
        assert_problem(response, 404, f"{kind.name.capitalize()} not found in {kind.works.source}")
    assert kind.picks.objects.get() == known


@pytest.mark.parametrize(("status", "ours"), [(429, 429), (500, 502), (503, 503), (401, 502)])
def test_a_failed_pick_leaves_nothing_behind(api, week, kind, upstream, status, ours):
    before = Week.objects.values().get()
    upstream.assert_all_requests_are_fired = False
    upstream.get(f"{payloads.TMDB}/movie/120", status=status)
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", status=status)

    assert_problem(pick(api, week, kind), ours)

    assert Week.objects.values().get() == before
    assert not kind.works.objects.exists()
    assert not kind.picks.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"tmdb_id": None, "musicbrainz_id": None},
        {"tmdb_id": 0, "musicbrainz_id": "xyz"},
        {"tmdb_id": "120", "musicbrainz_id": 5},
        {"tmdb_id": 2**31, "musicbrainz_id": payloads.RELEASE.replace("-", "")},
        {"tmdb_id": True, "musicbrainz_id": True},
    ],
)
def test_bad_ids(api, week, kind, body):
    for response in (pick(api, week, kind, **body), put(api, week, kind, **body)):
        assert_problem(response, 422)
        assert [error["field"] for error in response.json()["errors"]] == [kind.id_field]


@pytest.mark.parametrize("value", [0, 3, "2", 1.5, True, None, [], 10**30])
def test_there_are_two_positions(api, week, kind, value):
    PICKS[kind.name](week=week)

    for answer in (move(api, week, kind, body={"position": value}), pick(api, week, kind, position=value)):
        assert_problem(answer, 422, "Position must be 1 or 2.")
        assert [error["field"] for error in answer.json()["errors"]] == ["position"]


@pytest.mark.parametrize("position", ["0", "3", "abc", "-1", "01", "9" * 30, "%00"])
def test_the_position_of_an_address_is_checked_before_the_week(api, kind, position):
    nowhere = Week(pk=999_999)

    for answer in (f(api, nowhere, kind, position=position) for f in (put, move, remove)):
        assert_problem(answer, 400, "Position must be 1 or 2")


def test_the_order_of_checks(api, anonymous, week, other, kind, upstream):
    foreign, nowhere = WeekFactory(user=other), Week(pk=999_999)
    for taken in (foreign, week):
        PICKS[kind.name](week=taken)

    for act in (pick, put, move, remove):
        assert_problem(act(anonymous, nowhere, kind, position=3), 401)
        assert_problem(act(api, nowhere, kind), 404, "Week not found")
        assert_problem(act(api, foreign, kind), 403, "Only the owner can modify this week")
    bad_id = {kind.id_field: 0}
    assert_problem(pick(api, nowhere, kind, **bad_id), 422)
    assert_problem(put(api, nowhere, kind, position=3, **bad_id), 422)
    assert_problem(pick(api, week, kind), 409)
    assert not upstream.calls


@pytest.fixture
def meanwhile(upstream):
    """Lets something happen while TMDB is asked, which a thread of its own does."""

    def register(act):
        def matches(request):
            with closing(connection):
                act()
            return True, ""

        upstream.get(f"{payloads.TMDB}/movie/120", json=payloads.movie(), match=[matches])

    return register


@pytest.mark.django_db(transaction=True)
def test_a_week_that_is_deleted_while_upstream_is_asked(api, week, meanwhile):
    meanwhile(lambda: Week.objects.all().delete())

    assert_problem(pick(api, week, MOVIE), 404, "Week not found")


@pytest.mark.django_db(transaction=True)
def test_a_position_that_is_taken_while_upstream_is_asked(api, week, meanwhile):
    meanwhile(lambda: WeekMovieFactory(week=week, position=1))

    assert_problem(pick(api, week, MOVIE), 409, "Position 1 is already occupied")


# Replacing, moving and removing


def test_put_replaces_a_pick(api, week, kind):
    PICKS[kind.name](week=week)
    new = WORKS[kind.name]()

    response = put(api, week, kind, new)

    assert (response.status_code, response.json()["added_at"]) == (200, "2026-02-11T13:00:00Z")
    assert kind.picks.objects.get().work == new
    assert updated_at(api, week) == "2026-02-11T13:00:00Z"


def test_putting_the_same_work_changes_nothing(api, week, kind, time_machine):
    there = PICKS[kind.name](week=week)
    before = Week.objects.get().updated_at
    time_machine.shift(60)

    response = put(api, week, kind, there.work)

    assert (response.status_code, response.json()["added_at"]) == (200, "2026-02-11T13:00:00Z")
    assert (kind.picks.objects.get(), Week.objects.get().updated_at) == (there, before)


def test_a_pick_moves_to_the_free_position(api, week, kind):
    there, elsewhere = PICKS[kind.name](week=week), PICKS[kind.name]()

    response = move(api, week, kind)

    body = response.json()
    assert response.status_code == 200
    assert (body["week_id"], body["position"], body["added_at"]) == (week.pk, 2, "2026-02-11T13:00:00Z")
    assert body["previous_selections"] == []
    assert positions(kind) == {there.pk: 2, elsewhere.pk: 1}
    assert updated_at(api, week) == "2026-02-11T13:00:00Z"


def test_two_picks_swap_and_keep_opinions_and_times(api, user, other, week, kind):
    first, second = (PICKS[kind.name](week=week, position=position) for position in (1, 2))
    given = [
        OPINIONS[kind.name](user=person, rating=rating, **{kind.opinion_field: there})
        for person, rating, there in [(user, 2, first), (other, 9, second)]
    ]
    EarlierRating.objects.create(opinion=given[0], rating=5)
    before = dict(kind.picks.objects.values_list("pk", "added_at"))

    response = move(api, week, kind)

    assert (response.status_code, response.json()["position"]) == (200, 2)
    assert positions(kind) == {first.pk: 2, second.pk: 1}
    assert dict(kind.picks.objects.values_list("pk", "added_at")) == before
    ratings = Opinion.objects.values_list(f"{kind.opinion_field}_id", "rating")
    assert dict(ratings) == {first.pk: 2, second.pk: 9}
    assert EarlierRating.objects.get().opinion == given[0]


@pytest.mark.parametrize("body", [{}, {"position": 1}])
def test_staying_changes_nothing(api, week, kind, body):
    PICKS[kind.name](week=week)

    assert move(api, week, kind, body=body).json()["position"] == 1
    assert Week.objects.get().updated_at == week.updated_at


def test_only_the_pick_at_the_position_is_removed(api, week, kind):
    for position in (1, 2):
        PICKS[kind.name](week=week, position=position)

    assert remove(api, week, kind).status_code == 204
    assert list(positions(kind).values()) == [2]
    for answer in (remove(api, week, kind), move(api, week, kind)):
        assert_problem(answer, 404, f"No {kind.name} found at position 1")


# At the same time


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("lock", "of"), [(lock_user, UserFactory), (lock_week, WeekFactory)])
def test_locks_are_taken_in_transactions_only(lock, of):
    row = of()

    with pytest.raises(TransactionManagementError):
        lock(row)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_swaps_are_never_a_server_error():
    week = WeekFactory()
    picks = [WeekMovieFactory(week=week, position=position) for position in (1, 2)]
    given = [MovieOpinionFactory(movie_pick=there) for there in picks]

    def act(number):
        if number == 6:
            return client_of(given[0].user).put(f"/api/weeks/{week.pk}/movies/1/opinion", {"rating": 3}).status_code
        position = 1 + number % 2
        return move(client_of(week.user), week, MOVIE, position, {"position": 3 - position}).status_code

    assert at_once(7, act)[:6] == [200] * 6
    connection.check_constraints()
    assert set(WeekMovie.objects.filter(week=week).order_by("position")) == set(picks)
    assert {opinion.movie_pick for opinion in Opinion.objects.filter(pk__in=[one.pk for one in given])} == set(picks)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_moves_of_one_pick_one_wins():
    there = WeekMovieFactory()

    statuses = at_once(4, lambda _: move(client_of(there.week.user), there.week, MOVIE).status_code)

    assert statuses == [200, 404, 404, 404]
    assert positions(MOVIE) == {there.pk: 2}


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_replacements_the_last_stays():
    week, movies = WeekFactory(), MovieFactory.create_batch(6)

    statuses = at_once(6, lambda n: put(client_of(week.user), week, MOVIE, movies[n]).status_code)

    assert statuses == [200] * 5 + [201]
    assert week.movie_picks.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_puts_of_one_movie_into_both_positions_one_wins():
    week, movie = WeekFactory(), MovieFactory()

    statuses = at_once(2, lambda n: put(client_of(week.user), week, MOVIE, movie, n + 1).status_code)

    assert statuses == [201, 409]


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_picks_for_one_position_one_wins():
    week, movies = WeekFactory(), MovieFactory.create_batch(8)

    assert at_once(8, lambda n: pick(client_of(week.user), week, MOVIE, movies[n]).status_code) == [201] + [409] * 7


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_picks_of_one_movie_one_wins():
    week, movie = WeekFactory(), MovieFactory()

    statuses = at_once(8, lambda n: pick(client_of(week.user), week, MOVIE, movie, position=n % 2 + 1).status_code)

    assert statuses == [201] + [409] * 7


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [put, remove])
def test_picks_of_a_week_that_is_being_deleted(act):
    movies, user = MovieFactory.create_batch(2), UserFactory()
    for _ in range(10):
        week = WeekFactory(user=user, year=2026, week_number=7)
        for position in (1, 2):
            WeekMovieFactory(week=week, position=position)

        def change(number, week=week):
            if number == 0:
                return client_of(user).delete(f"/api/weeks/{week.pk}").status_code
            arguments = [movies[number - 1]] if act is put else []
            return act(client_of(user), week, MOVIE, *arguments, position=number).status_code

        assert set(at_once(3, change)) <= {200, 204, 404}
