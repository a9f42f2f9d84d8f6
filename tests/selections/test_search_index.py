"""Searches look into an index, which agrees with the rows however they are written."""

import random
import re

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


LETTERS = "ab1東京𠮷दि"  # the last one is a vowel sign


def test_the_index_finds_what_reading_all_texts_finds(user):
    dice = random.Random(7)

    def word(length):
        return "".join(dice.choices(LETTERS, k=length))

    def text():
        return " ".join(word(dice.randint(1, 6)) for _ in range(dice.randrange(4)))

    weeks = Week.objects.bulk_create(
        Week(user=user, year=2000 + n // 50, week_number=n % 50 + 1, search_text=text()) for n in range(200)
    )
    for week in weeks[:60]:
        week.search_text = text()
    Week.objects.bulk_update(weeks[:60], ["search_text"])
    Week.objects.filter(pk__in=[week.pk for week in weeks[40:80]]).delete()
    Week.objects.filter(pk__in=[week.pk for week in weeks[100:120]]).update(search_text="東京")
    texts = dict(Week.objects.values_list("pk", "search_text"))
    at_ends = [text[-length:] for text in texts.values() if text for length in (1, 2, 3)]

    for sought in {*at_ends, *(word(length) for length in range(1, 6) for _ in range(60))} - {" "}:
        ids = {pk for pk, text in texts.items() if sought in text}
        by_index = Week.objects.filter(pk__in=search_index.IdsMentioning(Week, sought))
        assert {week.pk for week in by_index} == ids, sought
        assert {week.pk for week in Week.objects.filter(search_text__mentions=sought)} == ids, sought


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
@pytest.mark.parametrize("word", ["東京", "wolf"])
def test_no_texts_are_read_for_words_of_two_characters_or_more(word):
    plan = Week.objects.mentioning(word).values("pk").explain()

    assert "SCAN selections_week_search" in plan
    assert not re.search("SCAN (?!selections_week_search|catalog_movie_search|catalog_album_search)", plan), plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
def test_a_missing_extension_is_explained():
    class Editor:
        connection = connection

        def execute(self, sql):
            if "EXTENSION" in sql:
                raise DatabaseError("permission denied")

    with pytest.raises(CommandError, match="Let an administrator run CREATE EXTENSION pg_trgm in this database"):
        search_index.search_index("selections_week").code(None, Editor())
