"""Searches look into an index, which agrees with the rows however they are written."""

import pytest
from django.core.management import CommandError
from django.db import DatabaseError, connection

from catalog import merging, search_index, services
from catalog.models import Movie
from selections.models import Week, WeekMovie
from tests.factories import AlbumFactory, MovieFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

pytestmark = pytest.mark.usefixtures("search_index_agrees")


def found(text):
    return set(Week.objects.mentioning(text))


@pytest.mark.parametrize("part", ["w", "er", "wer", "werew", "olves", "ewolv", "werewolves"])
def test_parts_of_words_of_any_length_are_found(part):
    noted, by_movie, by_album = WeekFactory(notes="Werewolves!"), WeekFactory(), WeekFactory(notes="x")
    WeekMovieFactory(week=by_movie, movie=MovieFactory(title="The Werewolves"))
    WeekAlbumFactory(week=by_album, album=AlbumFactory(title="II", artist="Wérewølves"))
    WeekMovieFactory(week=WeekFactory(notes="one"), movie=MovieFactory(title="Solo", original_title=""))

    assert found(part) == {noted, by_movie, by_album}


def test_each_word_may_be_elsewhere():
    week = WeekFactory(notes="wolf")
    WeekMovieFactory(week=week, movie=MovieFactory(title="Tiger"))
    WeekAlbumFactory(week=week, album=AlbumFactory(title="Lion"))

    assert found("lion wolf tiger") == {week}
    assert found("lion wolf mouse") == set()


def test_notes_are_indexed_however_they_are_written(user):
    kept, *others = Week.objects.bulk_create(
        Week(user=user, year=2025, week_number=number, notes="wolf", search_text="wolf") for number in range(1, 4)
    )
    kept.notes = "tiger"
    kept.save(update_fields=["notes"])
    Week.objects.filter(pk=others[0].pk).update(search_text="lion")
    others[1].delete()

    assert [found(word) for word in ("wolf", "tiger", "lion")] == [set(), {kept}, {others[0]}]


def test_titles_are_indexed_however_they_are_written():
    kept, other = MovieFactory(title="Wolf"), MovieFactory(title="Tiger")
    pick = WeekMovieFactory(movie=other)

    services.curate(kept, own_title="Lion")
    [record] = merging.merge(kept, [other])
    assert (found("lion"), found("tiger")) == ({pick.week}, set())

    merging.undo(record)
    assert (found("lion"), found("tiger")) == (set(), {pick.week})

    WeekMovie.objects.all().delete()
    Movie.objects.all().delete()
    assert not Movie.objects.matching("tiger")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
def test_a_missing_extension_is_explained():
    class Editor:
        connection = connection

        def execute(self, sql):
            if "EXTENSION" in sql:
                raise DatabaseError("permission denied")

    with pytest.raises(CommandError, match="Let an administrator run CREATE EXTENSION pg_trgm in this database"):
        search_index.search_index("selections_week").code(None, Editor())
