from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from catalog import merging, services
from catalog.fetching import find_known
from catalog.merging import CannotMerge
from catalog.models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    Merge,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    Person,
)
from selections.kinds import MOVIE
from selections.merging.picks import preview
from selections.models import Opinion, WeekAlbum, WeekMovie
from selections.services import Conflict, pick_work
from tests import payloads
from tests.conftest import at_once
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

pytestmark = pytest.mark.usefixtures("search_index_agrees")


def values_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def kept(db):
    return MovieFactory(tmdb_id=100, title="Kept")


@pytest.fixture
def other(db):
    movie = MovieFactory(
        tmdb_id=200,
        title="Other",
        own_title="Our other",
        note="Twice?",
        genres=["Drama", "Café"],
        release_date="1999-03-30",
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    )
    person = Person.objects.create(tmdb_id=1, name="Ann")
    MovieCast.objects.create(movie=movie, person=person, credit_id="a", character="Herself", order=0)
    MovieCrew.objects.create(movie=movie, person=person, credit_id="b", job="Director", order=0)
    movie.refresh_from_db()
    return movie


def test_picks_move_with_their_opinions_and_change_their_weeks(kept, other):
    pick = WeekMovieFactory(movie=other, rewatch=True)
    opinion = MovieOpinionFactory(movie_pick=pick)
    before = pick.week.updated_at

    [record] = merging.merge(kept, [other])

    pick.refresh_from_db()
    pick.week.refresh_from_db()
    assert (pick.movie, pick.rewatch) == (kept, True)
    assert Opinion.objects.get().pk == opinion.pk
    assert pick.week.updated_at > before
    assert not Movie.objects.filter(tmdb_id=200).exists()
    assert (record.name, record.external_id, record.kept) == ("Our other (1999)", "200", kept)


def test_the_old_id_finds_the_kept_one(api, user, kept, other):
    merging.merge(kept, [other])
    week = WeekFactory(user=user)

    assert api.get("/api/movies/200").json()["tmdb_id"] == 100
    assert api.get("/api/movies/200/selections").status_code == 200
    assert api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 200, "position": 1}).status_code == 201
    assert week.movie_picks.get().movie == kept
    assert api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 200, "position": 2}).status_code == 409


def test_no_refresh_brings_it_back(kept, other, tmdb_movie):
    merging.merge(kept, [other])
    tmdb_movie(id=100, title="Kept, and new")
    tmdb_movie(id=200, title="Other")

    services.refresh_movie(100)
    found = services.refresh_movie(200)

    assert found == kept
    assert [movie.title for movie in Movie.objects.all()] == ["Kept, and new"]


@pytest.mark.django_db
def test_no_refresh_brings_an_album_back(musicbrainz_release):
    kept, other = AlbumFactory(title="Kept"), AlbumFactory(musicbrainz_id=payloads.RELEASE)
    merging.merge(kept, [other])
    musicbrainz_release()

    assert services.refresh_album(other.musicbrainz_id) == kept
    assert list(Album.objects.all()) == [kept]


@pytest.mark.django_db
def test_what_musicbrainz_merges_into_one_merged_here_goes_where_that_went(musicbrainz_release):
    kept, other, third = AlbumFactory(), AlbumFactory(musicbrainz_id=payloads.RELEASE), AlbumFactory()
    pick = WeekAlbumFactory(album=third)
    merging.merge(kept, [other])
    musicbrainz_release(asked_id=third.musicbrainz_id)

    services.refresh_album(third.musicbrainz_id)

    pick.refresh_from_db()
    assert pick.album == kept
    assert list(Album.objects.all()) == [kept]
    assert find_known(Album, third.musicbrainz_id) == kept


def test_what_tmdb_recommends_of_it_is_the_kept_one(upstream, kept, other):
    merging.merge(kept, [other])
    hits = payloads.movie_page(payloads.movie_hit(id=200))
    upstream.get(f"{payloads.TMDB}/movie/5/recommendations", json=hits)

    assert [hit.tmdb_id for hit in services.movies_like([5])[5]] == [100]


def test_a_week_that_has_both_keeps_both(kept, other):
    week = WeekFactory()
    mine, theirs = WeekMovieFactory(week=week, movie=kept), WeekMovieFactory(week=week, movie=other, position=2)
    MovieOpinionFactory(movie_pick=mine)
    MovieOpinionFactory(movie_pick=theirs)
    elsewhere = WeekMovieFactory(movie=other)

    [moving] = preview(kept, [other])
    merging.merge(kept, [other])

    elsewhere.refresh_from_db()
    assert ([pick.pk for pick in moving.picks], [pick.pk for pick in moving.staying]) == ([elsewhere.pk], [theirs.pk])
    assert set(week.movie_picks.values_list("movie", flat=True)) == {kept.pk, other.pk}
    assert elsewhere.movie == kept
    assert Opinion.objects.count() == 2
    assert find_known(Movie, 200) == kept
    assert find_known(Movie, 200, own_first=True) == other


def test_of_two_that_go_into_one_a_week_has_both(kept, other):
    week, third = WeekFactory(), MovieFactory()
    first = WeekMovieFactory(week=week, movie=other)
    second = WeekMovieFactory(week=week, movie=third, position=2)

    moving = preview(kept, [other, third])
    merging.merge(kept, [other, third])

    assert [[len(one.picks), len(one.staying)] for one in moving] == [[1, 0], [0, 1]]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.movie, second.movie) == (kept, third)


def test_undo_restores_everything(kept, other):
    pick, stays = WeekMovieFactory(movie=other), WeekMovieFactory(movie=kept)
    MovieAlias.objects.create(tmdb_id=300, movie=other)
    was, cast, crew = values_of(other), values_of(other.cast.get()), values_of(other.crew.get())
    [record] = merging.merge(kept, [other])
    kept.refresh_from_db()
    assert (kept.own_title, kept.note) == ("Our other", "Twice?")
    assert find_known(Movie, 300) == kept

    undone = merging.undo(record)

    again = Movie.objects.get(tmdb_id=200)
    kept.refresh_from_db()
    assert (undone.work, undone.left) == (again, [])
    assert values_of(again) == was
    assert values_of(again.cast.get()) | {"id": 0} == cast | {"id": 0}
    assert values_of(again.crew.get()) | {"id": 0} == crew | {"id": 0}
    assert (kept.own_title, kept.note, kept.title_key) == ("", "", "kept")
    assert (WeekMovie.objects.get(pk=pick.pk).movie, WeekMovie.objects.get(pk=stays.pk).movie) == (again, kept)
    assert (find_known(Movie, 200), find_known(Movie, 300)) == (again, again)


def test_albums_come_back_with_their_artists(db):
    kept, other = AlbumFactory(), AlbumFactory(own_cover="https://archive.org/x.jpg")
    artist = Artist.objects.create(musicbrainz_id=UUID(int=1), name="Cohen")
    AlbumArtist.objects.create(album=other, artist=artist, position=0, name="L. Cohen")
    AlbumAlias.objects.create(musicbrainz_id=UUID(int=9), album=other)
    was = values_of(other)
    [record] = merging.merge(kept, [other])

    merging.undo(record)

    again = Album.objects.get(musicbrainz_id=other.musicbrainz_id)
    assert values_of(again) == was
    assert again.artist_credit.get().name == "L. Cohen"
    assert find_known(Album, UUID(int=9)) == again


def test_a_merge_is_undone_once(kept, other):
    [record] = merging.merge(kept, [other])
    merging.undo(record)

    with pytest.raises(CannotMerge, match="already been undone"):
        merging.undo(record)


def test_rows_that_changed_since_are_reported(kept, other):
    changed, removed = WeekMovieFactory(movie=other, week__user__username="ada"), WeekMovieFactory(movie=other)
    [record] = merging.merge(kept, [other])
    third = MovieFactory(title="Third")
    WeekMovie.objects.filter(pk=changed.pk).update(movie=third)
    removed.delete()

    undone = merging.undo(record)

    changed.refresh_from_db()
    assert changed.movie == third
    assert undone.left[0].startswith("Movie pick “Third in ")
    assert undone.left[1] == "1 movie pick has been removed since then."


def test_missing_people_are_reported(kept, other):
    [record] = merging.merge(kept, [other])
    Person.objects.all().delete()

    undone = merging.undo(record)

    assert undone.left == ["2 of its credits are missing until it is refreshed."]
    assert Movie.objects.get(tmdb_id=200).is_due


def test_merges_one_after_the_other_are_undone_the_last_one_first(kept, other):
    third = MovieFactory(tmdb_id=300)
    pick = WeekMovieFactory(movie=other)
    [first] = merging.merge(kept, [other])
    [second] = merging.merge(third, [kept])
    first.refresh_from_db()
    assert (first.kept, find_known(Movie, 200)) == (third, third)

    with pytest.raises(CannotMerge, match="First undo the later merge"):
        merging.undo(first)
    merging.undo(second)
    merging.undo(Merge.objects.get(pk=first.pk))

    pick.refresh_from_db()
    assert pick.movie.tmdb_id == 200
    assert set(Movie.objects.values_list("tmdb_id", flat=True)) == {100, 200, 300}
    assert [find_known(Movie, n).tmdb_id for n in (100, 200, 300)] == [100, 200, 300]


def test_undoing_keeps_a_work_that_was_added_again(kept, other):
    pick = WeekMovieFactory(movie=other)
    [record] = merging.merge(kept, [other])
    again = MovieFactory(tmdb_id=200, title="Made again")

    merging.undo(record)

    pick.refresh_from_db()
    assert (pick.movie, Movie.objects.count()) == (again, 2)


def test_invalid_merges_are_refused(kept, other):
    gone = MovieFactory()
    Movie.objects.filter(pk=gone.pk).delete()

    for others in ([], [kept], [other, gone]):
        with pytest.raises(CannotMerge):
            merging.merge(kept, others)

    assert Movie.objects.count() == 2
    assert not Merge.objects.exists()


def test_the_database_wants_one_kept(kept):
    album = AlbumFactory()
    empty = {"name": "x", "external_id": "1", "merged": [], "moved": {}, "gave": {}}

    for of in ({}, {"movie": kept, "album": album}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Merge.objects.create(**empty, **of)


@pytest.mark.parametrize("count", [2, 30])
def test_query_counts_do_not_grow_with_what_moves(kept, other, count, django_assert_max_num_queries):
    for _ in range(count):
        WeekMovieFactory(movie=other)

    with django_assert_max_num_queries(2):
        preview(kept, [other])
    with django_assert_max_num_queries(40):
        [record] = merging.merge(kept, [other])
    with django_assert_max_num_queries(35):
        merging.undo(record)


@pytest.mark.django_db(transaction=True)
def test_one_of_two_simultaneous_merges_wins():
    one, two = MovieFactory(), MovieFactory()
    WeekMovieFactory(movie=one)
    WeekMovieFactory(movie=two)

    def act(number):
        try:
            merging.merge(*((one, [two]) if number else (two, [one])))
        except CannotMerge:
            return "refused"
        return "merged"

    assert at_once(2, act) == ["merged", "refused"]
    assert WeekMovie.objects.filter(movie=Movie.objects.get()).count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_of_two_simultaneous_undos_wins():
    kept, other = AlbumFactory(), AlbumFactory()
    WeekAlbumFactory(album=other)
    [record] = merging.merge(kept, [other])

    def act(number):
        try:
            merging.undo(record)
        except CannotMerge:
            return "refused"
        return "undone"

    assert at_once(2, act) == ["refused", "undone"]
    assert WeekAlbum.objects.get().album.musicbrainz_id == other.musicbrainz_id


@pytest.mark.django_db(transaction=True)
def test_a_pick_during_a_merge_succeeds_or_conflicts():
    movies = [MovieFactory() for _ in range(6)]
    weeks = [WeekFactory() for _ in movies]
    kept = MovieFactory()

    def act(number):
        movie, week = movies[number // 2], weeks[number // 2]
        try:
            if number % 2:
                merging.merge(kept, [movie])
            else:
                pick_work(MOVIE, week, movie.tmdb_id, 1)
        except Conflict as conflict:
            return conflict.code
        return "done"

    results = at_once(12, act)

    assert set(results) <= {"done", "just_merged"}
    assert set(WeekMovie.objects.values_list("movie", flat=True)) <= {kept.pk}
    assert WeekMovie.objects.count() == 6 - results.count("just_merged")
    assert list(Movie.objects.all()) == [kept]


def test_an_own_title_returns_to_its_movie(db):
    one, two, three = (MovieFactory(title=title) for title in ("One", "Two", "Three"))
    one.own_title = "Own"
    one.save()
    [first] = merging.merge(two, [one])
    [second] = merging.merge(three, [two])

    merging.undo(second)
    merging.undo(Merge.objects.get(pk=first.pk))

    assert {movie.title: movie.own_title for movie in Movie.objects.all()} == {"One": "Own", "Two": "", "Three": ""}
