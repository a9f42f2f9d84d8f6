"""Our JSON there and back: nothing is lost, nothing is changed, and nothing breaks."""

import json
import re
import uuid
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import hypothesis
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from catalog import merging, portable
from catalog.models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    ArtistAlias,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    Person,
)
from selections.models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie
from selections.opinions.services import own_opinion
from selections.transfer import restoring, saved_works
from selections.transfer.own_json import InvalidExport
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

from .exports import ALBUM, MOVIE, changed, exported, given, minimal
from .test_own_json import JUNK, places, spoil

pytestmark = pytest.mark.usefixtures("search_index_agrees")

few = hypothesis.settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
SAID = datetime(2026, 1, 7, 20, 15, 30, 123456, tzinfo=UTC)


def comparable(text: str) -> str:
    """The file but for when it was made and what others say in it."""
    lines = re.sub(r'"exported_at": "[^"]*"', '"exported_at": ""', text).split("\n")
    return "\n".join(
        re.sub(r'(, )?\{"by": "[\w-]+", "own": false, .*?"earlier_ratings": \[\]\}', "", line) for line in lines
    )


def load(user, data, *, apply=True, is_trusted=False):
    return restoring.load(user, data, apply=apply, is_trusted=is_trusted)


def back_again(user) -> User:
    """The same person, after deleting the account and registering again."""
    accounts.delete_account(user)
    return User.objects.create_user(user.username, user.email)


def rows():
    """All that an import could change."""
    models = [User, Week, WeekMovie, WeekAlbum, Opinion, EarlierRating, Movie, Album, AlbumAlias, Artist, ArtistAlias]
    models += [Person, MovieCast, MovieCrew, AlbumArtist, MovieAlias]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


# There and back


def full_history(user, other) -> None:
    """One of everything that a file can hold."""
    type(user).objects.filter(pk=user.pk).update(
        display_name="Ada »L«", time_zone="Pacific/Kiritimati", visibility="private"
    )
    user.refresh_from_db()
    week = WeekFactory(user=user, year=2020, week_number=53, notes='=1+1\r\n"quoted", \u2028 and ✨', created_at=SAID)
    empty = WeekFactory(user=user, year=2021, week_number=1, updated_at=SAID)
    actor = Person.objects.create(tmdb_id=9, name="", profile_path="/p.jpg")
    movie = MovieFactory(
        tmdb_id=2**31 - 1,
        imdb_id="tt0133093",
        release_date=date(1874, 12, 9),
        runtime=1,
        vote_average=7.123456789,
        genres=["Drama", "Sci-Fi"],
        poster_path="/abc.jpg",
        overview="A\nB",
        own_title="As we say",
        own_cover="/own.jpg",
        note="For staff only.",
        vanished_at=SAID,
    )
    MovieAlias.objects.create(movie=movie, tmdb_id=2**31 - 2)
    MovieCast.objects.create(movie=movie, person=actor, credit_id="1", character="", order=0)
    MovieCast.objects.create(movie=movie, person=actor, credit_id="0", character="Two", order=0)
    MovieCrew.objects.create(movie=movie, person=actor, credit_id="1", department="X", job="Director", order=4)
    album = AlbumFactory(
        release_date="1997-05",
        cover_asked_at=SAID,
        cover_art_url="https://coverartarchive.org/x",
        country="XW",
        own_title="As we say, too",
        own_cover="https://archive.org/own.jpg",
        note="For staff only.",
    )
    AlbumAlias.objects.create(album=album, musicbrainz_id=uuid.uuid4())
    artist = ArtistFactory(
        end="2016", ended=True, bio="Long.", links=[{"type": "blog", "url": "https://x.example"}], fetched_at=SAID
    )
    ArtistAlias.objects.create(artist=artist, musicbrainz_id=uuid.uuid4())
    AlbumArtist.objects.create(album=album, artist=artist, position=3, name="A", join_phrase=" & ")
    AlbumArtist.objects.create(album=album, artist=artist, position=4, name="A again")
    first = WeekMovieFactory(week=week, movie=movie, position=2, added_at=SAID)
    second = WeekAlbumFactory(week=week, album=album, position=1)
    said = MovieOpinionFactory(user=user, movie_pick=first, rating=None, review="No.", contains_spoilers=True)
    said.earlier_ratings.create(rating=3, until_at=SAID)
    said.earlier_ratings.create(rating=None, until_at=SAID)
    said.earlier_ratings.create(rating=1, until_at=SAID - timedelta(days=1))
    AlbumOpinionFactory(user=user, album_pick=second, created_at=SAID, updated_at=SAID + timedelta(microseconds=1))
    theirs = WeekMovieFactory(week__user=other, week__year=2021, week__week_number=1, position=2)
    given = MovieOpinionFactory(user=user, movie_pick=theirs, review="Good, for once.")
    given.earlier_ratings.create(rating=5, until_at=SAID)
    AlbumOpinionFactory(user=user, album_pick=WeekAlbumFactory(week=theirs.week, album=album))
    MovieOpinionFactory(user=other, movie_pick=first, review="Hm.")
    assert empty.movie_picks.count() == 0


def test_everything_that_there_can_be_comes_back(now, user, other):
    full_history(user, other)
    before = exported(user)

    back = back_again(user)
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


moments = st.datetimes(datetime(2015, 1, 1), datetime(2026, 2, 10), timezones=st.just(UTC))  # noqa: DTZ001
texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
ratings = st.lists(st.tuples(st.none() | st.integers(1, 10), moments), max_size=2)
opinions = st.none() | st.tuples(
    st.none() | st.integers(1, 10), texts, st.booleans(), moments, moments, ratings
).filter(lambda said: said[0] or said[1])
picks = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1, 2]), moments, opinions), max_size=2).filter(
    lambda chosen: len({pick[0] for pick in chosen}) == len({pick[1] for pick in chosen}) == len(chosen)
)
weeks = st.dictionaries(
    st.tuples(st.integers(2018, 2025), st.sampled_from([1, 7, 52])), st.tuples(texts, moments, moments, picks, picks)
)


@few
@hypothesis.given(mine=weeks, theirs=weeks)
def test_any_history_comes_back(now, db, mine, theirs):
    with transaction.atomic():
        ada, ben = UserFactory(username="ada"), UserFactory(username="ben")
        movies, albums = MovieFactory.create_batch(5), AlbumFactory.create_batch(5)
        for owner, history in ((ada, mine), (ben, theirs)):
            make_history(ada, owner, history, movies, albums)
        before = exported(ada)

        back = back_again(ada)
        report = load(back, json.loads(before))

        assert comparable(exported(back)) == comparable(before)
        assert report.remarks == []
        transaction.set_rollback(True)


def make_history(ada, owner, history, movies, albums):
    """Weeks of the owner, with what ada thinks of them."""
    for (year, number), (notes, created_at, updated_at, films, records) in history.items():
        week = WeekFactory(
            user=owner, year=year, week_number=number, notes=notes, created_at=created_at, updated_at=updated_at
        )
        for chosen, works, make, name in (
            (films, movies, WeekMovieFactory, "movie"),
            (records, albums, WeekAlbumFactory, "album"),
        ):
            for work, position, added_at, opinion in chosen:
                pick = make(week=week, position=position, added_at=added_at, **{name: works[work]})
                if opinion:
                    rating, review, spoilers, said_at, changed_at, earlier = opinion
                    said = Opinion.objects.create(
                        user=ada,
                        rating=rating,
                        review=review,
                        contains_spoilers=spoilers,
                        created_at=said_at,
                        updated_at=changed_at,
                        **{f"{name}_pick": pick},
                    )
                    for number_before, until_at in earlier:
                        said.earlier_ratings.create(rating=number_before, until_at=until_at)


def test_twice_is_harmless(now, user, other, time_machine):
    full_history(user, other)
    data = json.loads(exported(user))
    back = back_again(user)
    load(back, data)
    before = rows()

    time_machine.shift(3600)
    report = load(back, data)

    assert rows() == before
    assert (report.weeks_existing, report.picks_existing, report.opinions_existing) == (2, 2, 4)
    assert (report.weeks_created, report.picks_created, report.opinions_created, report.profile) == (0, 0, 0, [])


def test_a_dry_run_says_the_same_and_changes_nothing(now, user, other):
    full_history(user, other)
    data = json.loads(exported(user)) | {"weeks": [*json.loads(exported(user))["weeks"], *minimal()["weeks"]]}
    data["catalog"]["movies"] += minimal()["catalog"]["movies"]
    back = back_again(user)
    before = rows()

    would = load(back, data, apply=False)
    assert rows() == before

    did = load(back, data)
    assert (would.applied, did.applied) == (False, True)
    would.applied = True
    assert would == did
    assert did.remarks == [f"2026-W02: album {uuid.UUID(int=5)} is neither in the catalog nor in the file."]


def test_a_dry_run_neither_writes_nor_locks(now, user, other):
    full_history(user, other)
    data = json.loads(exported(user))
    back = back_again(user)

    with CaptureQueriesContext(connection) as asked:
        load(back, data, apply=False)

    assert len(asked) > 5
    assert all(query["sql"].startswith("SELECT") and "FOR " not in query["sql"] for query in asked)


# Merging


@pytest.fixture(params=["movie", "album"])
def both(request, now, user):
    """A week with two works, of which one was merged into the other, and an opinion on that one only."""
    make, pick = {"movie": (MovieFactory, WeekMovieFactory), "album": (AlbumFactory, WeekAlbumFactory)}[request.param]
    kept, other = make(title="Kept"), make(title="Merged")
    week = WeekFactory(user=user, year=2026, week_number=2)
    first, _ = (
        pick(week=week, position=position, added_at=SAID, **{request.param: work})
        for position, work in enumerate([other, kept], 1)
    )
    Opinion.objects.create(user=user, rating=3, **{f"{request.param}_pick": first})
    merging.merge(kept, [other])
    assert type(kept).objects.count() == 2
    return kept, other


def without_date(text: str) -> str:
    return re.sub(r'"exported_at": "[^"]*"', "", text)


def test_a_week_that_has_both_of_a_merge_comes_back(user, both):
    before = exported(user)
    rows_before = rows()

    report = load(user, json.loads(before))
    assert (report.picks_existing, report.opinions_existing, report.opinions_created) == (2, 1, 0)
    assert rows() == rows_before

    back = back_again(user)
    report = load(back, json.loads(before))
    assert (report.picks_created, report.opinions_created, report.remarks) == (2, 1, [])
    assert without_date(exported(back)) == without_date(before)


@pytest.mark.parametrize("batch", [1, 50])
def test_a_week_that_has_both_of_a_merge_comes_back_to_an_empty_instance(user, both, batch, monkeypatch):
    monkeypatch.setattr(saved_works, "WORKS", 1)
    monkeypatch.setattr(restoring, "BATCH", batch)
    kept, _ = both
    # A week before, so that the kept one, and with it the other's id, may be stored first.
    earlier = WeekFactory(user=user, year=2026, week_number=1)
    make = WeekMovieFactory if isinstance(kept, Movie) else WeekAlbumFactory
    make(week=earlier, position=1, added_at=SAID, **{str(kept._meta.model_name): kept})
    before = exported(user)
    back = back_again(user)
    for model in (Movie, Album):
        model.objects.all().delete()

    report = load(back, json.loads(before), is_trusted=True)

    assert (report.picks_created, report.opinions_created, report.remarks) == (3, 1, [])
    assert without_date(exported(back)) == without_date(before)
    assert load(back, json.loads(before), is_trusted=True).picks_existing == 3


def test_of_two_ids_of_one_work_that_week_has_one_and_its_own_opinion(now, user):
    album = AlbumFactory(title="The surviving one")
    AlbumAlias.objects.create(album=album, musicbrainz_id=uuid.UUID(int=5))
    week = WeekFactory(user=user, year=2026, week_number=2)
    WeekAlbumFactory(week=week, album=album)
    picks = [
        {"position": position, "musicbrainz_id": str(known), "opinions": [{"own": True, "rating": rating}]}
        for position, known, rating in ((1, uuid.UUID(int=5), 3), (2, album.musicbrainz_id, 9))
    ]

    report = load(user, changed({"weeks[0].albums": picks, "weeks[0].movies": []}))

    assert Opinion.objects.get().rating == 9
    assert (report.picks_existing, report.picks_left_out, report.opinions_left_out) == (1, 1, 1)
    assert report.remarks == ["2026-W02: OK Computer is already in this week."]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_work_is_found_in_the_file_by_its_earlier_id(now, user, is_trusted):
    data = minimal()
    data["weeks"][0]["movies"][0]["tmdb_id"] = 600
    data["weeks"][0]["albums"][0]["musicbrainz_id"] = str(uuid.UUID(int=4))
    data["weeks"].append({"year": 2026, "week_number": 3, "movies": [{"position": 1, "tmdb_id": 603}]})
    data["catalog"]["movies"][0]["aliases"] = [600]
    data["catalog"]["albums"][0]["aliases"] = [str(uuid.UUID(int=4))]
    would = load(user, data, apply=False, is_trusted=is_trusted)

    report = load(user, data, is_trusted=is_trusted)

    assert set(WeekMovie.objects.values_list("week__week_number", "movie__tmdb_id")) == {(2, 603), (3, 603)}
    assert WeekAlbum.objects.get().album.musicbrainz_id == uuid.UUID(int=5)
    assert (report.movies_added, report.albums_added, report.remarks) == (1, 1, [])
    would.applied = True
    assert would == report
    assert load(user, data, is_trusted=is_trusted).picks_existing == 3


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


# The catalog


def invented():
    """A file with a value for each column that members share."""
    return minimal(
        catalog={
            "movies": [MOVIE | {"tmdb_id": 603}],
            "albums": [ALBUM | {"musicbrainz_id": str(uuid.UUID(int=5))}],
        }
    )


def test_names_of_a_members_file_are_cut_to_what_fits_a_page(now, user):
    data = minimal()
    data["catalog"]["movies"][0]["title"] = "T" * 10**5
    data["catalog"]["albums"][0] |= {"title": "T" * 10**5, "artist": "A" * 10**5}

    load(user, data)

    movie, album = Movie.objects.get(), Album.objects.get()
    assert [len(text) for text in (movie.title, album.title, album.artist)] == [500, 500, 500]


def test_works_that_the_file_does_not_pick_are_not_even_read(now, user):
    data = minimal()
    data["catalog"]["movies"].append({"tmdb_id": 5, "title": 5, "cast": "nobody"})

    assert load(user, data).movies_added == 1


def test_many_invented_works_cost_few_queries(now, user, django_assert_max_num_queries):
    """As they are stored together; one by one they would cost some thousand."""
    weeks = [(year, number) for year in (2020, 2021) for number in range(1, 51)]
    data = minimal(
        weeks=[
            {
                "year": year,
                "week_number": number,
                "movies": [{"position": place, "tmdb_id": 2 * (year * 100 + number) + place} for place in (1, 2)],
            }
            for year, number in weeks
        ]
    )
    data["catalog"]["movies"] = [
        {"tmdb_id": pick["tmdb_id"], "title": "Invented"} for week in data["weeks"] for pick in week["movies"]
    ]

    with django_assert_max_num_queries(120):
        report = load(user, data)

    assert (report.weeks_created, report.picks_created, report.movies_added) == (100, 200, 200)
    assert Movie.objects.matching("invented").count() == 200


def test_what_the_database_refuses_is_not_tried_again(now, user):
    with pytest.raises(IntegrityError), transaction.atomic():
        portable.store(Movie, "tmdb_id", [{"tmdb_id": 603, "title": ""}])


def test_the_operators_file_is_stored_in_full(now, user):
    load(user, invented(), is_trusted=True)

    movie, album, artist = Movie.objects.get(), Album.objects.get(), Artist.objects.get()
    assert (movie.imdb_id, movie.fetched_at.isoformat()) == ("tt0133093", "2026-02-01T00:00:00+00:00")
    assert (album.cover_known, album.aliases.get().musicbrainz_id) == (True, uuid.UUID(int=78))
    assert (artist.name, artist.aliases.get().musicbrainz_id) == ("Invented", uuid.UUID(int=8))


def test_people_and_artists_whom_we_know_are_not_changed_by_a_file(now, user):
    Person.objects.create(tmdb_id=9, name="Keanu Reeves", profile_path="/k.jpg")
    ArtistFactory(musicbrainz_id=uuid.UUID(int=7), name="On a Friday")

    load(user, invented(), is_trusted=True)

    assert Person.objects.values_list("name", "profile_path").get() == ("Keanu Reeves", "/k.jpg")
    assert Artist.objects.values_list("name", "bio").get() == ("On a Friday", "")
    assert AlbumArtist.objects.get().artist.name == "On a Friday"
    assert not ArtistAlias.objects.exists()


def test_an_alias_of_a_file_hides_no_album_that_we_have(now, user):
    ours = WeekAlbumFactory(week__user=user, album__musicbrainz_id=uuid.UUID(int=78)).album
    before = json.loads(exported(user))["weeks"]

    load(user, invented(), is_trusted=True)

    assert AlbumAlias.objects.get().musicbrainz_id == ours.musicbrainz_id  # MusicBrainz, or a curator, has merged it
    user.weeks.filter(year=before[0]["year"]).delete()
    load(user, minimal(weeks=before), is_trusted=True)
    assert WeekAlbum.objects.filter(album=ours).count() == 1


def test_works_that_nothing_in_the_file_picks_stay_in_the_file(now, user):
    load(user, minimal(weeks=[]), is_trusted=True)

    assert not Movie.objects.exists()


# Files that cannot be read


def test_a_refused_file_changes_nothing(now, user):
    before = rows()

    for changes in ({"weeks[0].year": 1899}, {"catalog.albums[0].title": ""}):
        with pytest.raises(InvalidExport):
            load(user, changed(changes))

    assert rows() == before


def test_no_invalid_value_breaks_an_import(now, user, other):
    full_history(user, other)
    data = json.loads(exported(user))
    back = back_again(user)
    # So that there is something to store.
    Movie.objects.exclude(picks__isnull=False).delete()
    WeekAlbum.objects.all().delete()
    Album.objects.all().delete()

    @hypothesis.settings(few, max_examples=20)
    @hypothesis.given(st.sampled_from(list(places(data))[1:]), JUNK, st.booleans(), st.booleans())
    def load_spoiled(path, value, is_left_out, is_trusted):
        with transaction.atomic():
            with suppress(InvalidExport):
                load(back, spoil(data, path, value, is_left_out=is_left_out), is_trusted=is_trusted)
            transaction.set_rollback(True)

    load_spoiled()


# Others at the same time


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_do_it_once(user, other):
    full_history(user, other)
    MovieFactory(tmdb_id=603)
    data = json.loads(exported(user)) | {"weeks": [*json.loads(exported(user))["weeks"], *minimal()["weeks"]]}
    data["catalog"]["movies"] += minimal()["catalog"]["movies"]
    data["catalog"]["albums"] += minimal()["catalog"]["albums"]
    back = back_again(user)

    at_once(3, lambda number: len(load(back, data).remarks))  # as by several processes

    assert back.weeks.count() == 3
    assert back.opinions.count() == 5
    assert EarlierRating.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_meanwhile_gets_a_401(user):
    data = minimal(weeks=[minimal()["weeks"][0] | {"week_number": number} for number in range(1, 40)])
    client = client_of(user)

    def act(number):
        if number == 0:
            accounts.delete_account(user)
            return 0
        return client.post("/api/import?dry_run=false", data).status_code

    results = at_once(2, act)

    assert results[1] in {200, 401}
    assert not Week.objects.exists()


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


# The API


def test_the_api_takes_a_file_back_after_a_dry_run(now, user, api):
    would = api.post("/api/import", minimal()).json()
    assert not Week.objects.exists()
    assert not Movie.objects.exists()

    did = api.post("/api/import?dry_run=false", minimal()).json()

    assert did == would | {"applied": True}
    assert did == {
        "applied": True,
        "profile": [],
        "weeks_created": 1,
        "weeks_existing": 0,
        "notes_filled": 0,
        "picks_created": 2,
        "picks_existing": 0,
        "picks_left_out": 0,
        "opinions_created": 1,
        "opinions_existing": 0,
        "opinions_left_out": 0,
        "opinions_of_others": 1,
        "movies_added": 1,
        "albums_added": 1,
        "remarks": [],
    }
    assert Week.objects.get().user == user


def test_an_api_token_imports_no_profile(now, user, api):
    _, secret = accounts.create_token(user, name="script", scope="full")
    data = minimal(user={"display_name": "Ada", "time_zone": "Asia/Tokyo", "visibility": "private"})
    script = APIClient(headers={"Authorization": f"Bearer {secret}"})

    report = script.post("/api/import?dry_run=false", data).json()

    user.refresh_from_db()
    assert (user.display_name, user.time_zone, user.visibility) == ("", "UTC", "members")
    assert (report["profile"], report["weeks_created"]) == ([], 1)
    assert report["remarks"] == [
        "An API token cannot change the account, so the profile was ignored. Sign in to import it."
    ]
    assert api.post("/api/import?dry_run=false", data).json()["profile"] == ["display_name", "time_zone", "visibility"]


def test_the_api_says_what_is_wrong_and_where(api):
    response = api.post("/api/import?dry_run=false", changed({"weeks[0].year": 1}))

    assert_problem(response, 422, "weeks[0].year: Must be a whole number from 1900 to 2100.")
    assert response.json()["errors"][0]["field"] == "weeks[0].year"
    assert not Week.objects.exists()


def test_imports_are_limited_by_account(now, user, api, settings):
    settings.IMPORT_RATE = "2/hour"
    assert [api.post("/api/import", minimal()).status_code for _ in range(2)] == [200, 200]

    response = api.post("/api/import?dry_run=false", minimal())

    assert_problem(response, 429, "Too many attempts. Try again in 60 minutes.")
    assert response.headers["Retry-After"] == "3600"
    assert not Week.objects.exists()


def test_a_user_who_is_deleted_during_an_import_is_not_signed_in(now, user, api):
    once = iter([True])

    def leave(execute, sql, *context):
        if 'FROM "selections_week"' in sql and next(once, False):
            User.objects.filter(pk=user.pk).delete()
        return execute(sql, *context)

    with connection.execute_wrapper(leave):
        response = api.post("/api/import?dry_run=false", minimal())

    assert_problem(response, 401)


def test_a_dry_run_is_said_with_true_or_false(api):
    assert_problem(api.post("/api/import?dry_run=perhaps", minimal()), 422)


def test_a_file_may_be_larger_than_other_bodies(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.IMPORT_MAX_MB = 0.01
    large = json.dumps(minimal(more="x" * 5000))
    too_large = json.dumps(minimal(more="x" * 10_000))

    assert api.generic("POST", "/api/import", large, content_type="application/json").status_code == 200
    response = api.generic("POST", "/api/import", too_large, content_type="application/json")
    assert_problem(response, 413, "The body is too large")


def test_a_file_that_is_no_json_is_a_400(api):
    for body in (b"{", b"\xff", b"[" * 100_000, b'{"format": NaN}'):
        assert_problem(api.generic("POST", "/api/import", body, content_type="application/json"), 400)


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
    assert own_opinion(user, WeekMovie.objects.first()).rating == 9
