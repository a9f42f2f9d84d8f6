import random
from collections import Counter

import pytest
from django.db import IntegrityError, transaction

from catalog import merging
from selections.models import Challenge, ShortlistItem, ShortlistVote
from selections.planning import services
from selections.services import place_pick
from tests.conftest import assert_problem, at_once, client_of, just_before, right_after_query
from tests.factories import (
    PICKS,
    WORKS,
    AlbumFactory,
    MovieFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

SHORTLIST = "/api/shortlist"
UNKNOWN = "There is no member of that name. Use me, or a username from GET /api/users."


def titles(response):
    assert response.status_code == 200, response.json()
    return [(item["movie"] or item["album"])["title"] for item in response.json()["results"]]


def add(client, work, **more):
    external_id = work.tmdb_id if work.kind == "movie" else str(work.musicbrainz_id)
    return client.post(SHORTLIST, {work.id_field: external_id} | more, format="json")


def item_of(user, kind, **values):
    return ShortlistItemFactory(user=user, **{kind.name: WORKS[kind.name]()}, **values)


def test_what_a_shortlist_says(api, user, kind):
    work = WORKS[kind.name](title="It")
    created = add(api, work, note="Ben liked it")

    assert created.status_code == 201, created.json()
    other = "album" if kind.name == "movie" else "movie"
    assert created.json() == {
        "id": ShortlistItem.objects.get().pk,
        "owner": {"id": user.pk, "username": "ada", "display_name": None},
        "kind": kind.name,
        kind.name: created.json()[kind.name],
        other: None,
        "note": "Ben liked it",
        "suggested_by": None,
        "votes": 0,
        "voted": False,
        "created_at": created.json()["created_at"],
    }
    assert created.json()[kind.name]["title"] == "It"
    assert api.get(SHORTLIST).json()["results"] == [created.json()]


def test_works_are_fetched_into_the_catalog(api, tmdb):
    assert api.post(SHORTLIST, {"tmdb_id": 949}).json()["movie"]["title"] == "Heat"
    assert_problem(api.post(SHORTLIST, {"tmdb_id": 5}), 404, "Movie not found in TMDB")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tmdb_id"),
        ({"tmdb_id": 1, "musicbrainz_id": "d5cdb7fd-c7e9-460a-9549-000000000002"}, "tmdb_id"),
        ({"tmdb_id": "1"}, "tmdb_id"),
        ({"tmdb_id": 1, "note": "x" * 1001}, "note"),
        ({"tmdb_id": 1, "for": "nobody"}, "for"),
        ({"tmdb_id": 1, "for": "hermit"}, "for"),
    ],
)
def test_invalid_items(api, body, field):
    UserFactory(username="hermit", visibility="private")

    response = api.post(SHORTLIST, body, format="json")

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field


def test_a_title_is_there_once_in_any_edition(api, other):
    album = AlbumFactory()
    edition = AlbumFactory(release_group_id=album.release_group_id)
    add(api, album)

    for client, work in ((api, album), (api, edition), (client_of(other), edition)):
        assert_problem(add(client, work, **{"for": "ada"}), 409, "This album is already on the shortlist.")
    assert add(api, edition, **{"for": "ben"}).status_code == 201


def test_a_suggestion_names_who_made_it_unless_they_are_private(api, other):
    suggested = add(client_of(other), MovieFactory(), **{"for": "ada"})
    assert suggested.json()["owner"]["username"] == "ada"
    assert api.get(SHORTLIST).json()["results"][0]["suggested_by"]["username"] == "ben"

    other.visibility = "private"
    other.save()

    assert api.get(SHORTLIST).json()["results"][0]["suggested_by"] is None
    assert_problem(add(client_of(other), MovieFactory(), **{"for": "ada"}), 403)
    assert add(client_of(other), MovieFactory()).status_code == 201


def test_lists_and_their_filters(api, user, other, kind):
    mine, theirs = item_of(user, kind), item_of(other, kind)
    item_of(UserFactory(username="hermit", visibility="private"), kind)

    assert titles(api.get(SHORTLIST)) == titles(api.get(SHORTLIST, {"owner": "me"})) == [mine.work.title]
    assert titles(api.get(SHORTLIST, {"owner": "Ben"})) == [theirs.work.title]
    assert titles(api.get(SHORTLIST, {"kind": kind.name})) == [mine.work.title]
    assert titles(api.get(SHORTLIST, {"kind": "album" if kind.name == "movie" else "movie"})) == []
    for name in ("hermit", "nobody"):
        assert_problem(
            api.get(SHORTLIST, {"owner": name}),
            422,
            f"Owner: {UNKNOWN}",
        )


def test_lists_cost_the_same_queries_whatever_their_length(api, user, other, kind, django_assert_num_queries):
    for count in (1, 3):
        for _ in range(count):
            item_of(user, kind, suggested_by=other).votes.create(user=other)
        with django_assert_num_queries(2):  # who asks, which
            api.get(SHORTLIST)


def test_the_owner_changes_the_note_and_removes_titles(api, user, other):
    item = ShortlistItemFactory(user=user, note="old")
    item.votes.create(user=other)
    place = f"{SHORTLIST}/{item.pk}"

    assert api.patch(place, {}).json()["note"] == "old"
    assert api.patch(place, {"note": None}, format="json").json()["note"] is None
    assert_problem(client_of(other).patch(place, {"note": "mine"}), 403)
    assert_problem(client_of(other).delete(place), 403)
    assert api.delete(place).status_code == 204
    assert_problem(api.delete(place), 404, "Not on a shortlist")
    assert_problem(api.delete(f"{SHORTLIST}/{10**30}"), 404)
    assert not ShortlistVote.objects.exists()


def test_votes_count_once_and_are_withdrawn(api, other):
    item = ShortlistItemFactory(user=other)
    place = f"{SHORTLIST}/{item.pk}/vote"

    for _ in range(2):
        assert api.put(place).json() | {"votes": 1, "voted": True} == api.put(place).json()
    assert client_of(other).get(SHORTLIST).json()["results"][0] | {"votes": 1, "voted": False} == {
        **api.get(SHORTLIST, {"owner": "ben"}).json()["results"][0],
        "voted": False,
    }
    assert_problem(client_of(other).put(place), 409, "Others vote for your shortlist. You cannot vote for it yourself.")
    for _ in range(2):
        assert api.delete(place).status_code == 204
    assert not ShortlistVote.objects.exists()


def test_what_is_picked_leaves_the_shortlist(user, other, kind):
    item, others = item_of(user, kind), ShortlistItemFactory(user=user)
    item.votes.create(user=other)
    theirs = ShortlistItemFactory(user=other, **{kind.name: item.work})

    place_pick(PICKS[kind.name].build(week=WeekFactory(user=user), **{kind.name: item.work}))

    assert set(ShortlistItem.objects.all()) == {others, theirs}


def test_another_edition_that_is_picked_leaves_it_too(user):
    item = ShortlistItemFactory(user=user, album=AlbumFactory())
    edition = AlbumFactory(release_group_id=item.album.release_group_id)

    place_pick(WeekAlbumFactory.build(week=WeekFactory(user=user), album=edition))

    assert not ShortlistItem.objects.exists()


def test_a_draw_says_how_likely_it_was_and_follows_the_votes(api, user, other):
    popular, lonely = ShortlistItemFactory(user=user), ShortlistItemFactory(user=user)
    for voter in (other, UserFactory()):
        popular.votes.create(user=voter)
    popular.votes.create(user=UserFactory(visibility="private"))  # who is not seen does not weigh
    ShortlistItemFactory(user=other)

    drawn = api.post(f"{SHORTLIST}/draw", {"kind": "movie"}).json()

    assert drawn["among"] == 2
    assert drawn["odds"] == {popular.pk: 3 / 4, lonely.pk: 1 / 4}[drawn["item"]["id"]]
    random.seed(1)
    often = Counter(services.draw(user, services.KINDS["movie"]).item.pk for _ in range(20))
    assert often[popular.pk] > often[lonely.pk] > 0


def test_what_was_picked_before_is_not_drawn(api, user):
    for movie in (MovieFactory(), MovieFactory()):
        WeekMovieFactory(movie=movie)  # another member's
        ShortlistItemFactory(user=user, movie=movie)
    picked = WeekMovieFactory(week__user=user).movie
    ShortlistItemFactory(user=user, movie=picked)
    edition = AlbumFactory(release_group_id=WeekAlbumFactory(week__user=user).album.release_group_id)
    ShortlistItemFactory(user=user, album=edition)
    loose = ShortlistItemFactory(user=user, album=AlbumFactory(release_group_id=None))

    assert api.post(f"{SHORTLIST}/draw", {"kind": "movie"}).json()["among"] == 2
    assert api.post(f"{SHORTLIST}/draw", {"kind": "album"}).json()["item"]["id"] == loose.pk
    loose.delete()
    nothing = api.post(f"{SHORTLIST}/draw", {"kind": "album"})
    assert_problem(nothing, 404)
    assert nothing.json()["code"] == "nothing_to_draw"
    assert_problem(api.post(f"{SHORTLIST}/draw", {"kind": "book"}), 422, "Kind must be movie or album.")


def test_full_shortlists_take_no_more(api, user, monkeypatch):
    monkeypatch.setattr("selections.services.MAX_ITEMS", 1)
    ShortlistItemFactory(user=user)

    assert add(api, MovieFactory()).json()["code"] == "shortlist_full"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"movie": True, "album": True},
        {"movie": True, "suggested_by": "the user"},
    ],
)
def test_the_database_refuses(user, values):
    works = {kind: WORKS[kind]() for kind in ("movie", "album") if kind in values}
    suggested_by = user if "suggested_by" in values else None

    with pytest.raises(IntegrityError), transaction.atomic():
        ShortlistItem.objects.create(user=user, suggested_by=suggested_by, **works)


def test_the_database_refuses_a_title_or_a_vote_twice(user, other, kind):
    item = item_of(user, kind)
    item.votes.create(user=other)

    with pytest.raises(IntegrityError), transaction.atomic():
        ShortlistItemFactory(user=user, **{kind.name: item.work})
    with pytest.raises(IntegrityError), transaction.atomic():
        item.votes.create(user=other)


def test_a_merge_takes_titles_along_and_keeps_what_is_there_twice(user, other, kind):
    kept, merged = WORKS[kind.name](), WORKS[kind.name]()
    moved = ShortlistItemFactory(user=other, **{kind.name: merged})
    for work in (kept, merged):
        ShortlistItemFactory(user=user, **{kind.name: work})

    [record] = merging.merge(kept, [merged])

    moved.refresh_from_db()
    assert moved.work == kept
    assert {item.work for item in user.shortlist.all()} == {kept, merged}
    merging.undo(record)
    assert ShortlistItem.objects.get(pk=moved.pk).work == merged


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("place", "whom"), [("shortlist", "me"), ("challenges", "ben")])
def test_a_title_that_has_just_been_merged_is_refused(api, other, place, whom):
    movie, kept = MovieFactory(), MovieFactory()

    with right_after_query("catalog_movie", lambda: merging.merge(kept, [movie])):
        response = api.post(f"/api/{place}", {"tmdb_id": movie.tmdb_id, "for": whom})

    assert response.json()["code"] == "just_merged"


@pytest.mark.parametrize(("who", "method", "path"), [("ben", "put", "/vote"), ("ada", "patch", "")])
def test_a_title_that_has_just_been_removed_is_not_found(user, other, who, method, path):
    item = ShortlistItemFactory(user=user)
    client = client_of(user if who == "ada" else other)

    with right_after_query("selections_shortlistitem", ShortlistItem.objects.filter(pk=item.pk).delete):
        response = getattr(client, method)(f"{SHORTLIST}/{item.pk}{path}", {"note": "Late."}, format="json")

    assert_problem(response, 404, "Not on a shortlist")


@pytest.mark.parametrize(("place", "model"), [("shortlist", ShortlistItem), ("challenges", Challenge)])
def test_a_proposal_that_is_removed_at_once_is_not_found(api, other, place, model):
    movie = MovieFactory()

    with just_before(f'SELECT "{model._meta.db_table}"."id"', model.objects.all().delete):
        response = api.post(f"/api/{place}", {"tmdb_id": movie.tmdb_id, "for": "ben"})

    assert_problem(response, 404)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_additions_of_a_title_one_wins():
    user, movie = UserFactory(), MovieFactory()

    assert at_once(5, lambda _: add(client_of(user), movie).status_code) == [201] + [409] * 4


@pytest.mark.django_db(transaction=True)
def test_simultaneous_votes_of_one_member_are_one():
    item, voter = ShortlistItemFactory(), UserFactory()

    assert at_once(4, lambda _: client_of(voter).put(f"{SHORTLIST}/{item.pk}/vote").status_code) == [200] * 4
    assert item.votes.count() == 1


@pytest.mark.django_db(transaction=True)
def test_votes_for_what_is_being_picked_or_removed():
    voters, week = UserFactory.create_batch(4), WeekFactory()
    items = [ShortlistItemFactory(user=week.user) for _ in range(2)]

    def act(number):
        item = items[number % 2]
        if number == 0:
            place_pick(WeekMovieFactory.build(week=week, movie=item.movie))
        elif number == 1:
            return client_of(week.user).delete(f"{SHORTLIST}/{item.pk}").status_code
        else:
            return client_of(voters[number - 2]).put(f"{SHORTLIST}/{item.pk}/vote").status_code
        return 201

    assert set(at_once(6, act)) <= {200, 201, 204, 404}
    assert not ShortlistItem.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_pick_from_the_shortlist_during_a_merge_succeeds_or_conflicts():
    kept, items = MovieFactory(), [ShortlistItemFactory() for _ in range(3)]
    weeks = [WeekFactory(user=item.user) for item in items]

    def act(number):
        item, week = items[number // 2], weeks[number // 2]
        try:
            if number % 2:
                merging.merge(kept, [item.movie])
            else:
                place_pick(WeekMovieFactory.build(week=week, movie=item.movie))
        except services.Conflict as conflict:
            return conflict.code
        return "done"

    assert set(at_once(6, act)) <= {"done", "just_merged"}
