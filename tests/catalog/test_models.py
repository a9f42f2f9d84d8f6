import uuid
from datetime import date

import pytest
from django.db import IntegrityError, models

from catalog.models import Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
from catalog.text import fold, search_words
from tests.factories import AlbumFactory, MovieFactory, WeekAlbumFactory, WeekMovieFactory

pytestmark = pytest.mark.django_db

ID = uuid.UUID(int=5)


def rows():
    """For each constraint, rows whose last one breaks it."""
    yield "movie_tmdb_id", [Movie(tmdb_id=0, title="x")]
    yield "movie_title_present", [Movie(tmdb_id=1, title="")]
    yield "movie_vote_average", [Movie(tmdb_id=1, title="x", vote_average=10.5)]
    yield "movie_runtime", [Movie(tmdb_id=1, title="x", runtime=0)]
    yield "tmdb_id", [Movie(tmdb_id=1, title="x"), Movie(tmdb_id=1, title="y")]
    yield "album_title_present", [Album(musicbrainz_id=ID, title="")]
    yield "album_release_date_precision", [Album(musicbrainz_id=ID, title="x", release_date="19")]
    yield "musicbrainz_id", [Album(musicbrainz_id=ID, title="x"), Album(musicbrainz_id=ID, title="y")]
    yield "tmdb_id", [Person(tmdb_id=1, name="x"), Person(tmdb_id=1, name="y")]
    yield "musicbrainz_id", [Artist(musicbrainz_id=ID, name="x"), Artist(musicbrainz_id=ID, name="y")]
    yield "artist_begin_precision", [Artist(musicbrainz_id=ID, name="x", begin="19")]
    yield "artist_end_precision", [Artist(musicbrainz_id=ID, name="x", end="1999-", ended=True)]
    yield "artist_end_means_ended", [Artist(musicbrainz_id=ID, name="x", end="1999", ended=False)]
    yield "artist_end_means_ended", [Artist(musicbrainz_id=ID, name="x", end="1999", ended=None)]


@pytest.mark.parametrize(("constraint", "broken"), list(rows()))
def test_the_database_refuses(constraint, broken):
    with pytest.raises(IntegrityError, match=constraint):
        type(broken[0])._default_manager.bulk_create(broken)


def test_the_database_refuses_double_credits():
    movie, person = MovieFactory(), Person.objects.create(tmdb_id=1, name="x")
    MovieCrew.objects.create(movie=movie, person=person, credit_id="a", job="Director", order=0)
    with pytest.raises(IntegrityError, match=r"moviecrew_job_unique|job"):
        MovieCrew.objects.create(movie=movie, person=person, credit_id="b", job="Director", order=1)


def test_the_database_refuses_a_double_credit_id():
    movie, person = MovieFactory(), Person.objects.create(tmdb_id=1, name="x")
    MovieCast.objects.create(movie=movie, person=person, credit_id="a", order=0)
    with pytest.raises(IntegrityError, match="credit_id"):
        MovieCast.objects.create(movie=movie, person=person, credit_id="a", order=1)


def test_a_credit_id_may_come_again_in_a_movie_that_was_merged():
    person = Person.objects.create(tmdb_id=1, name="x")

    for _ in range(2):
        MovieCast.objects.create(movie=MovieFactory(), person=person, credit_id="a", order=0)

    assert person.parts.count() == 2


def test_the_database_refuses_two_artists_in_one_place():
    album, artist = AlbumFactory(), Artist.objects.create(musicbrainz_id=ID, name="x")
    AlbumArtist.objects.create(album=album, artist=artist, position=0, name="x")
    with pytest.raises(IntegrityError, match="position"):
        AlbumArtist.objects.create(album=album, artist=artist, position=0, name="y")


@pytest.mark.parametrize("factory", [WeekMovieFactory, WeekAlbumFactory])
def test_what_is_picked_cannot_be_deleted_from_under_its_week(factory):
    pick = factory()
    work = getattr(pick, "movie", None) or pick.album

    with pytest.raises(models.ProtectedError):
        work.delete()


@pytest.mark.parametrize(
    ("known", "day", "precision"),
    [
        ("", None, ""),
        ("2016", date(2016, 1, 1), "year"),
        ("2016-10", date(2016, 10, 1), "month"),
        ("2016-10-21", date(2016, 10, 21), "day"),
    ],
)
def test_partial_dates(known, day, precision):
    album = Album(release_date=known)

    assert (album.release_day, album.release_date_precision) == (day, precision)


def test_titles_sort_by_code_point_on_every_database():
    titles = ["apple", "Banana", "Ärger", "zebra", "Éclair", "100", "(500)", "źle", "日本", "ßend", "_x", "a b", "ab"]
    for title in titles:
        MovieFactory(title=title)

    listed = list(Movie.objects.order_by("title_key", "id").values_list("title", flat=True))

    assert listed == sorted(titles, key=str.lower)


def test_very_long_titles_are_stored_and_found():
    title = "The Boy Bands Have Won " * 120 + "at last"

    movie = MovieFactory(title=title)

    assert Movie.objects.matching("last").get() == movie
    assert Movie.objects.get().title == title


@pytest.mark.parametrize("query", ["ÉCLAIR", "eclair", "eclair d'or", "or éclair", "éclair - d’or", "clai"])
def test_searches_ignore_letter_case_accents_order_and_punctuation(query):
    movie = MovieFactory(title="L'éclair d’or", original_title="")
    MovieFactory(title="Something else")

    assert list(Movie.objects.matching(query)) == [movie]


def test_searches_look_at_original_titles_and_artists():
    movie = MovieFactory(title="Amelie", original_title="Le Fabuleux Destin")
    album = AlbumFactory(title="Debut", artist="Björk")

    assert list(Movie.objects.matching("fabuleux amelie")) == [movie]
    assert list(Album.objects.matching("bjork - debut")) == [album]


@pytest.mark.parametrize("query", ["%", "_", "\\", "?", "'", "´", "\u0301"])
def test_signs_mean_nothing_to_a_search(query):
    MovieFactory(title="Plain")

    assert not Movie.objects.matching(query)


def test_fold():
    assert fold("ÀÉÎõü ẞ İ") == "aeiou ss i"
    assert search_words("AC/DC: Back–in Black!") == ["ac", "dc", "back", "in", "black"]
    assert search_words("1️⃣ ❤️") == ["1"]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Æon Flux", "aeon flux"),
        ("Øresund Łódź", "oresund lodz"),
        ("Þór Straße đặng Œuvre ısı", "thor strasse dang oeuvre isi"),
        ("Ǿ ǽ ᴭ", "o ae ae"),
        ("Ελλάδα Йод שָׁלוֹם مُحَمَّد", "ελλαδα иод שלום محمد"),
    ],
)
def test_letters_are_folded_to_what_people_type(text, typed):
    assert search_words(text) == search_words(typed) == typed.split()


@pytest.mark.parametrize(
    ("one", "other"), [("दिल", "दोल"), ("バス", "パス"), ("バス", "ハス"), ("ที่", "ที้"), ("தமிழ்", "தமழ")]
)
def test_signs_that_make_another_word_are_not_folded(one, other):
    movie = MovieFactory(title=one)
    MovieFactory(title=other)

    assert search_words(one) != search_words(other)
    assert [len(search_words(word)) for word in (one, other)] == [1, 1]
    assert movie in Movie.objects.matching(one)
    assert movie not in Movie.objects.matching(other)


def test_folding_again_changes_nothing():
    text = " ".join(map(chr, range(0x20000)))

    assert fold(fold(text)) == fold(text)


def test_keys_follow_the_names():
    movie = MovieFactory(title="Old")
    movie.title = "New"
    movie.save(update_fields=["title"])

    movie.refresh_from_db()
    assert (movie.title_key, movie.search_text) == ("new", "new")
