"""Our JSON there and back: nothing is lost, nothing is changed, and nothing breaks."""

import json
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime

import hypothesis
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import strategies as st

from accounts.models import User
from catalog.json_fields import InvalidValue
from catalog.models import (
    Album,
    Artist,
    Movie,
    Person,
)
from selections.models import EarlierRating, Opinion, Week, WeekMovie
from selections.transfer import restoring
from tests.conftest import at_once
from tests.factories import (
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

from .exports import back_again, changed, exported, full_history, given, invented, load, minimal, rows
from .test_own_json import JUNK, places, spoil

pytestmark = pytest.mark.usefixtures("search_index_agrees")


def comparable(text: str) -> str:
    """The file without its time and others' opinions."""
    lines = re.sub(r'"exported_at": "[^"]*"', '"exported_at": ""', text).split("\n")
    return "\n".join(
        re.sub(r'(, )?\{"by": "[\w-]+", "own": false, .*?"earlier_ratings": \[\]\}', "", line) for line in lines
    )


@pytest.fixture
def whole(now, user, other):
    """An export with everything that it can contain, and the account into which it is imported."""
    full_history(user, other)
    text = exported(user)
    return text, back_again(user)


def test_everything_that_there_can_be_comes_back(whole):
    before, back = whole

    report = load(back, json.loads(before))

    assert comparable(exported(back)) == comparable(before)
    assert '"own": false' in before
    assert report.profile == ["display_name", "time_zone", "visibility"]
    assert (report.weeks_created, report.picks_created, report.opinions_created) == (2, 2, 4)


def test_a_trusted_file_fills_an_empty_instance(now, user, other, upstream):
    full_history(user, other)
    before = exported(user)
    User.objects.all().delete()
    for model in (Movie, Album, Artist, Person):
        model.objects.all().delete()
    ada = UserFactory(username="ada")
    ben = UserFactory(username="ben")
    data = json.loads(before)
    theirs = WeekFactory(user=ben, year=2021, week_number=1)
    known = data["catalog"]["movies"][0]["tmdb_id"]
    WeekMovieFactory(week=theirs, movie=MovieFactory(tmdb_id=known), position=2)

    report = load(ada, data, is_trusted=True)

    after = json.loads(exported(ada))
    assert after["catalog"]["movies"][1:] == data["catalog"]["movies"][1:]
    assert after["catalog"]["albums"] == data["catalog"]["albums"]
    assert after["weeks"][0]["movies"][0]["tmdb_id"] == 2**31 - 1
    assert report.opinions_left_out == 1  # on the album of ben's, who has not come with it
    assert (report.movies_added, report.albums_added) == (1, 1)
    assert "For staff only" not in before
    assert Movie.objects.matching("we say").get().own_cover == "/own.jpg"
    album = Album.objects.get()
    assert [known.musicbrainz_id for known in album.aliases.all()] == [
        uuid.UUID(data["catalog"]["albums"][0]["aliases"][0])
    ]


def test_twice_is_harmless(whole, time_machine):
    data, back = json.loads(whole[0]), whole[1]
    load(back, data)
    before = rows()

    time_machine.shift(3600)
    report = load(back, data)

    assert rows() == before
    assert (report.weeks_existing, report.picks_existing, report.opinions_existing) == (2, 2, 4)
    assert (report.weeks_created, report.picks_created, report.opinions_created, report.profile) == (0, 0, 0, [])


def test_a_dry_run_says_the_same_and_changes_nothing(whole):
    data, back = json.loads(whole[0]), whole[1]
    data["weeks"] += minimal()["weeks"]
    data["catalog"]["movies"] += minimal()["catalog"]["movies"]
    before = rows()

    would = load(back, data, apply=False)
    assert rows() == before

    did = load(back, data)
    assert (would.applied, did.applied) == (False, True)
    would.applied = True
    assert would == did
    assert did.remarks == [f"2026-W02: album {uuid.UUID(int=5)} is neither in the catalog nor in the file."]


def test_a_dry_run_neither_writes_nor_locks(whole):
    with CaptureQueriesContext(connection) as asked:
        load(whole[1], json.loads(whole[0]), apply=False)

    assert len(asked) > 5
    assert all(query["sql"].startswith("SELECT") and "FOR " not in query["sql"] for query in asked)


def test_what_is_there_stays(now, user):
    week = WeekFactory(user=user, year=2026, week_number=2, notes="Mine.")
    movie = WeekMovieFactory(week=week, movie__tmdb_id=603, movie__title="As we know it")
    MovieOpinionFactory(user=user, movie_pick=movie, rating=2)
    WeekAlbumFactory(week=week, position=2)
    before = Opinion.objects.values().get()

    report = load(user, minimal())

    week.refresh_from_db()
    assert (week.notes, week.updated_at) == ("Mine.", now)
    assert Opinion.objects.values().get() == before
    assert Movie.objects.get(tmdb_id=603).title == "As we know it"
    assert week.album_picks.get(position=1).album.title == "OK Computer"  # in the other place
    assert (report.picks_created, report.picks_existing, report.opinions_existing) == (1, 1, 1)
    assert report.opinions_of_others == 1


def test_where_both_places_are_taken_a_pick_is_left_out_and_named(now, user):
    week = WeekFactory(user=user, year=2026, week_number=2, notes="Mine.")
    for position in (1, 2):
        WeekMovieFactory(week=week, position=position)
        WeekAlbumFactory(week=week, position=position)
    before = rows()

    report = load(user, minimal())

    assert rows() == before  # not even the catalog has more
    assert (report.picks_left_out, report.opinions_left_out, report.movies_added) == (2, 1, 0)
    assert report.remarks == [
        "2026-W02: both positions are occupied, so The Matrix was skipped.",
        "2026-W02: both positions are occupied, so OK Computer was skipped.",
    ]


def test_empty_notes_are_filled(now, user):
    week = WeekFactory(user=user, year=2026, week_number=2)
    WeekMovieFactory(week=week, position=1)

    report = load(user, minimal())

    week.refresh_from_db()
    assert (week.notes, week.search_text, report.notes_filled) == ("From elsewhere.", "from elsewhere", 1)
    assert [pick.position for pick in week.movie_picks.all()] == [1, 2]


@pytest.mark.parametrize(("known", "said", "filled"), [(None, True, 1), (None, None, 0), (False, True, 0)])
def test_a_pick_learns_whether_it_is_a_rewatch_if_that_was_unknown(now, user, known, said, filled):
    pick = WeekMovieFactory(week__user=user, week__year=2026, week__week_number=2, movie__tmdb_id=603, rewatch=known)
    data = changed({"weeks[0].movies[0].rewatch": said})

    would, did = load(user, data, apply=False), load(user, data)

    pick.refresh_from_db()
    assert pick.rewatch is (said if filled else known)
    assert would.rewatches_filled == did.rewatches_filled == filled
    assert load(user, data).rewatches_filled == 0


def test_a_week_that_was_only_looked_at_takes_the_instants_of_the_file(now, user):
    WeekFactory(user=user, year=2026, week_number=2, created_at=now, updated_at=now)

    load(user, minimal())

    week = Week.objects.get()
    assert (week.created_at.isoformat(), week.updated_at.isoformat()) == (
        "2026-01-05T08:00:00+00:00",
        "2026-01-07T20:15:30.123456+00:00",
    )


def test_the_first_of_two_picks_does_not_push_the_second_from_its_place(now, user):
    week = WeekFactory(user=user, year=2026, week_number=2)
    WeekMovieFactory(week=week, position=1)
    data = minimal()
    data["weeks"][0]["movies"].append({"position": 2, "tmdb_id": 604})
    data["catalog"]["movies"].append({"tmdb_id": 604, "title": "The Matrix Reloaded"})

    report = load(user, data)

    assert week.movie_picks.get(position=2).movie.title == "The Matrix Reloaded"
    assert report.remarks == ["2026-W02: both positions are occupied, so The Matrix was skipped."]


def test_instants_in_the_future_are_read_as_now(now, user):
    data = minimal()
    data["weeks"][0] |= {"created_at": "2999-01-01T00:00:00Z", "updated_at": "9999-12-31T23:59:59Z"}

    load(user, data)

    assert Week.objects.values_list("created_at", "updated_at").get() == (now, now)


def test_a_time_zone_from_a_file_is_a_move(now, user):
    theirs = {"username": "x", "display_name": None, "time_zone": "Asia/Tokyo", "visibility": "members"}

    load(user, minimal(user=theirs))

    user.refresh_from_db()
    assert (user.time_zone, user.time_zone_changed_at) == ("Asia/Tokyo", now)


def test_a_profile_is_filled_in_only_where_it_has_its_defaults(now, user):
    User.objects.filter(pk=user.pk).update(time_zone="Europe/Berlin", visibility="private")
    theirs = {"username": "x", "display_name": "Ada", "time_zone": "Asia/Tokyo", "visibility": "members"}

    report = load(user, minimal(user=theirs))

    user.refresh_from_db()
    assert (user.display_name, user.time_zone, user.visibility) == ("Ada", "Europe/Berlin", "private")
    assert (report.profile, user.search_text) == (["display_name"], "ada ada")


def test_a_name_of_spaces_is_ignored(now, user):
    assert load(user, minimal(user={"display_name": " \u2003 "})).profile == []
    assert load(user, minimal(user={"display_name": " Ada\n"})).profile == ["display_name"]
    assert user.display_name == "Ada"


def test_opinions_of_others_are_never_imported(now, user, other):
    load(user, minimal())

    assert list(Opinion.objects.values_list("user__username", "rating")) == [("ada", 9)]


@pytest.mark.parametrize(("moment", "is_over"), [("2026-02-15T23:59:59Z", False), ("2026-02-16T00:00:00Z", True)])
def test_a_file_says_when_an_opinion_was_given_only_once_the_week_is_over(user, other, time_machine, moment, is_over):
    time_machine.move_to(moment, tick=False)
    theirs = WeekAlbumFactory(week__user=other, week__year=2026, week__week_number=7).album
    earlier = [{"rating": 2, "until_at": "2026-02-10T09:00:00Z"}]
    said = {"created_at": "2026-02-09T09:00:00Z", "updated_at": "2026-02-10T09:00:00Z", "earlier_ratings": earlier}
    on = {"week_number": 7, "kind": "album", "musicbrainz_id": str(theirs.musicbrainz_id)}
    data = changed({"weeks[0].week_number": 7}) | {"opinions_given": [given(**on, **said)]}

    load(user, data)

    now = timezone.now()
    assert Opinion.objects.count() == 2
    assert Opinion.objects.filter(created_at=now, updated_at=now).count() == (0 if is_over else 2)
    assert EarlierRating.objects.count() == (2 if is_over else 0)


def test_the_time_of_the_import_counts_too_where_an_opinion_is_added_to_a_pick_that_is_there(now, user):
    WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie__tmdb_id=603)

    load(user, changed({"weeks[0].week_number": 7}))

    assert Opinion.objects.get().created_at == now
    assert not EarlierRating.objects.exists()


def test_the_operators_file_says_when_an_opinion_was_given(now, user):
    load(user, changed({"weeks[0].week_number": 7}), is_trusted=True)

    assert Opinion.objects.get().created_at == datetime(2026, 1, 6, 9, tzinfo=UTC)
    assert EarlierRating.objects.exists()


def test_an_opinion_on_a_pick_that_is_not_to_be_seen_is_left_out_as_if_there_were_none(now, user, other):
    MovieFactory(tmdb_id=603, title="The Matrix")
    hidden = minimal(opinions_given=[given()], weeks=[])
    absent = load(user, hidden, apply=False)

    WeekMovieFactory(week__user=other, week__year=2026, week__week_number=2, movie=Movie.objects.get())
    User.objects.filter(pk=other.pk).update(visibility="private")

    assert load(user, hidden, apply=False) == absent
    report = load(user, hidden)
    assert report.remarks == ["2026-W02 of ben: you cannot see a pick of The Matrix."]
    assert not Opinion.objects.exists()

    User.objects.filter(pk=other.pk).update(visibility="members")
    assert load(user, hidden).opinions_created == 1


@pytest.mark.parametrize("apply", [False, True])
def test_opinions_on_both_ids_of_a_merged_movie_are_one(now, user, other, apply):
    pick = WeekMovieFactory(week__user=other, week__year=2026, week__week_number=2, movie__tmdb_id=603)
    pick.movie.aliases.create(tmdb_id=604)

    report = load(user, minimal(opinions_given=[given(), given(tmdb_id=604, rating=2)], weeks=[]), apply=apply)

    assert (report.opinions_created, report.opinions_existing) == (1, 1)
    assert [opinion.rating for opinion in pick.opinions.all()] == [7] * apply


def test_a_dry_run_says_nothing_of_hidden_opinions(now, user, other):
    pick = WeekMovieFactory(week__user=other, week__year=2026, week__week_number=7, movie__tmdb_id=603)
    data = minimal(opinions_given=[given(week_number=7)])
    before = load(user, data, apply=False)

    MovieOpinionFactory(user=other, movie_pick=pick)

    assert load(user, data, apply=False) == before


def test_an_opinion_on_another_members_pick_is_not_one_on_the_users_own(now, user):
    WeekMovieFactory(week__user=user, week__year=2026, week__week_number=2, movie__tmdb_id=603)

    report = load(user, minimal(weeks=[], opinions_given=[given(owner="ada")]))

    assert (report.opinions_left_out, Opinion.objects.count()) == (1, 0)


def test_a_refused_file_changes_nothing(now, user):
    before = rows()

    for changes in ({"weeks[0].year": 1899}, {"catalog.albums[0].title": ""}):
        with pytest.raises(InvalidValue):
            load(user, changed(changes))

    assert rows() == before


def test_no_invalid_value_breaks_an_import(now, user, other):
    theirs = WeekMovieFactory(week__user=other, week__year=2026, week__week_number=2)
    data = invented(user={"display_name": "Ada"}, opinions_given=[given(tmdb_id=theirs.movie.tmdb_id)])

    @hypothesis.given(st.sampled_from(list(places(data))[1:]), JUNK, st.booleans(), st.booleans())
    def load_spoiled(path, value, is_left_out, is_trusted):
        with transaction.atomic():
            with suppress(InvalidValue):
                load(user, spoil(data, path, value, is_left_out=is_left_out), is_trusted=is_trusted)
            transaction.set_rollback(True)

    load_spoiled()


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_do_it_once(user, other):
    full_history(user, other)
    MovieFactory(tmdb_id=603)
    data = json.loads(exported(user))
    data["weeks"] += minimal()["weeks"]
    data["catalog"]["movies"] += minimal()["catalog"]["movies"]
    data["catalog"]["albums"] += minimal()["catalog"]["albums"]
    back = back_again(user)

    at_once(3, lambda number: len(load(back, data).remarks))  # as by several processes

    assert back.weeks.count() == 3
    assert back.opinions.count() == 5
    assert EarlierRating.objects.count() == 5


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_import_ends_when_its_user_is_deleted(now, user, other, after, monkeypatch):
    """Before anything is stored, after the first of two weeks, or before the opinion on another's pick."""
    monkeypatch.setattr(restoring, "BATCH", 1)
    WeekMovieFactory(week__user=other, week__year=2026, week__week_number=2, movie__tmdb_id=603)
    data = minimal(user={"display_name": "Ada"}, opinions_given=[given()])
    data["weeks"].append({"year": 2026, "week_number": 3})

    def leave(done, total=2):
        if done == after:
            User.objects.filter(pk=user.pk).delete()

    leave(0)
    with pytest.raises(User.DoesNotExist):
        restoring.load(user, data, apply=True, is_trusted=False, progress=leave)
    assert not Opinion.objects.exists()


def test_the_number_of_queries_does_not_grow_with_what_is_there_already(now, user, django_assert_max_num_queries):
    for number in range(1, 41):
        week = WeekFactory(user=user, year=2020, week_number=number)
        MovieOpinionFactory(user=user, movie_pick=WeekMovieFactory(week=week))
        AlbumOpinionFactory(user=user, album_pick=WeekAlbumFactory(week=week))
    data = json.loads(exported(user))

    with django_assert_max_num_queries(17):
        report = load(user, data)

    assert report.weeks_existing == 40


def test_an_interrupted_import_is_taken_up_again(now, user, monkeypatch):
    monkeypatch.setattr(restoring, "BATCH", 4)
    data = minimal(weeks=[minimal()["weeks"][0] | {"week_number": number} for number in range(1, 10)])

    class Enough(Exception):
        pass

    def interrupt(done, total):
        assert total == 9
        if done == 4:
            raise Enough

    with pytest.raises(Enough):
        restoring.load(user, data, apply=True, is_trusted=False, progress=interrupt)
    assert user.weeks.count() == 4

    report = load(user, data)

    assert (report.weeks_existing, report.weeks_created) == (4, 5)
    assert Opinion.objects.get(user=user, movie_pick=WeekMovie.objects.first()).rating == 9
