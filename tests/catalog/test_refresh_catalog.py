"""manage.py refresh_catalog."""

import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog.management.commands import refresh_catalog
from catalog.models import Album, AlbumArtist, Artist, Movie, MovieCast, Person
from tests import payloads
from tests.catalog.conftest import ago, old_movie
from tests.factories import (
    AlbumFactory,
    ArtistFactory,
    MovieFactory,
    PersonFactory,
    WeekAlbumFactory,
    WeekMovieFactory,
)

MOVIE = f"{payloads.TMDB}/movie/120"
BLANK = {"overview": "", "overview_language": "", "tagline": "", "poster_path": "", "backdrop_path": ""}
BLANK |= {"vote_average": 0, "vote_count": 0}


@pytest.fixture
def refresh(now, capsys):
    """Runs the command and gives what it wrote."""

    def run(*arguments):
        try:
            call_command("refresh_catalog", *arguments)
        except CommandError as error:
            print(error)  # noqa: T201
        return capsys.readouterr()

    return run


@pytest.mark.patient
def test_refresh_catalog_refreshes_what_is_old(refresh, tmdb_movie, musicbrainz_release, db):
    old_movie(31)
    AlbumFactory(musicbrainz_id=payloads.RELEASE, title="Old", fetched_at=ago(31))
    MovieFactory(fetched_at=ago(29))
    tmdb_movie(title="New")
    musicbrainz_release(title="New")

    said = refresh().out

    assert Movie.objects.get(tmdb_id=120).title == Album.objects.get().title == "New"
    assert said.splitlines() == [
        "1 movie and 1 album to refresh.",
        "1 movie refreshed, 0 no longer on TMDB.",
        "1 album refreshed, 0 no longer on MusicBrainz.",
    ]
    assert refresh().out == "0 movies and 0 albums to refresh.\n"


@pytest.mark.patient
def test_refresh_catalog_asks_upstream_and_not_the_cache(refresh, upstream, db, time_machine):
    upstream.get(MOVIE, json=payloads.movie())
    old_movie(31)
    refresh()
    time_machine.shift(60)

    refresh("--older-than", "0d")

    assert len(upstream.calls) == 2
    assert Movie.objects.get().fetched_at == timezone.now()


@pytest.mark.patient
def test_refresh_catalog_begins_with_the_oldest(refresh, upstream, db):
    for number, days in ((1, 40), (2, 60), (3, 50)):
        MovieFactory(tmdb_id=number, fetched_at=ago(days))
    upstream.get(f"{payloads.TMDB}/movie/2", json=payloads.movie(id=2))

    refresh("--limit", "1")

    assert len(upstream.calls) == 1


@pytest.mark.patient
def test_refresh_catalog_only_says_what_it_would_do(refresh, upstream, db):
    old_movie(200)

    assert "1 movie" in refresh("--dry-run").out
    assert Movie.objects.get().overview == "Old."


@pytest.mark.patient
def test_refresh_catalog_marks_what_vanished_and_goes_on(refresh, upstream, db):
    old_movie(200)
    MovieFactory(tmdb_id=121, fetched_at=ago(40))
    upstream.get(MOVIE, status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.TMDB}/movie/121", json=payloads.movie(id=121))

    said = refresh()

    assert "1 movie refreshed, 1 no longer on TMDB." in said.out
    assert "Old is no longer on TMDB; marked and kept" in said.err
    assert Movie.objects.filter(tmdb_id=120, vanished_at=timezone.now(), **BLANK).exists()


@pytest.mark.patient
def test_refresh_catalog_leaves_a_dead_upstream_alone(refresh, upstream, db):
    for number in range(1, 8):
        MovieFactory(tmdb_id=number, fetched_at=ago(100 + number), overview="Old.")
    MovieFactory(tmdb_id=9, fetched_at=ago(200), overview="Old.")
    upstream.get(f"{payloads.TMDB}/movie/9", status=500)
    for number in (7, 6):
        upstream.get(f"{payloads.TMDB}/movie/{number}", status=500)

    said = refresh()

    assert "Not tried any more: 5 movies." in said.err
    assert "8 could not be refreshed." in said.out
    assert list(Movie.objects.filter(overview="").values_list("tmdb_id", flat=True)) == [9]


@pytest.mark.patient
@pytest.mark.parametrize("status", [429, 503])
def test_refresh_catalog_waits_as_long_as_it_is_told_to(status, refresh, upstream, db, monkeypatch):
    waits = []
    monkeypatch.setattr("integrations.http.time.sleep", waits.append)
    clock = [1000.0]
    monkeypatch.setattr("integrations.admission.monotonic", lambda: clock[0] + sum(waits))
    old_movie(31)
    upstream.get(MOVIE, status=status, headers={"Retry-After": "7"})
    upstream.get(MOVIE, json=payloads.movie(title="New"))

    refresh()

    assert waits == [7]
    assert Movie.objects.get().title == "New"


@pytest.mark.patient
def test_refresh_catalog_can_be_interrupted(refresh, upstream, db):
    def interrupt(request):
        raise KeyboardInterrupt

    upstream.add_callback("GET", MOVIE, interrupt)
    old_movie(31)

    assert "Interrupted. Run the command again to continue." in refresh().out


def lacking():
    """One row for each thing that can be missing, asked about two days ago, and two rows that lack nothing."""
    person = Person.objects.create(tmdb_id=1, name="Somebody")
    artist = Artist.objects.create(musicbrainz_id=uuid.UUID(int=1), name="Somebody")
    movies = {name: MovieFactory(title=name, fetched_at=ago(2), poster_path="/a.jpg") for name in "abc"}
    albums = {
        name: AlbumFactory(title=name, fetched_at=ago(2), cover_art_url="https://example.org/a.jpg") for name in "defg"
    }
    for name in "bc":
        MovieCast.objects.create(movie=movies[name], person=person, credit_id="1", order=0)
        MovieCast.objects.create(movie=movies[name], person=person, credit_id="2", order=1)
    for name in "efg":
        AlbumArtist.objects.create(album=albums[name], artist=artist, position=0, name="Somebody")
    Movie.objects.filter(title="b").update(poster_path="")
    Album.objects.filter(title="e").update(cover_art_url="")
    Album.objects.filter(title="f").update(release_group_id=None)


@pytest.mark.parametrize(("missing", "titles"), [("credits", "ad"), ("cover", "be"), ("release-group", "f")])
def test_due_works_that_lack_something(db, missing, titles):
    lacking()

    found = [work for works in (Movie, Album) for work in refresh_catalog.due(works, timedelta(0), missing)]

    assert sorted(work.title for work in found) == list(titles)


@pytest.mark.patient
def test_refresh_catalog_fills_what_was_missing(refresh, tmdb_movie, db):
    MovieFactory(tmdb_id=120, fetched_at=ago(2), poster_path="/a.jpg")
    MovieFactory(fetched_at=ago(60), poster_path="")  # which is not asked about
    AlbumFactory(fetched_at=ago(2), cover_art_url="")
    MovieCast.objects.create(movie=Movie.objects.get(poster_path=""), person=PersonFactory(), credit_id="1", order=0)
    AlbumArtist.objects.create(album=Album.objects.get(), artist=ArtistFactory(), position=0, name="Somebody")
    tmdb_movie()

    said = refresh("--missing", "credits")

    assert said.out.splitlines() == ["1 movie and 0 albums to refresh.", "1 movie refreshed, 0 no longer on TMDB."]
    assert MovieCast.objects.filter(movie__tmdb_id=120).exists()


def test_refresh_catalog_does_not_ask_at_once_for_what_is_still_missing(refresh, db):
    MovieFactory(fetched_at=ago(0.9))
    MovieFactory(fetched_at=ago(0.1), vanished_at=ago(0.1))

    assert refresh("--missing", "cover", "--dry-run").out == "0 movies and 0 albums to refresh.\n"
    assert refresh("--missing", "cover", "--older-than", "0d", "--dry-run").out.startswith("2 movies and 0 albums")


def test_refresh_catalog_of_what_lacks_something_blanks_nothing_else(refresh, db):
    old_movie(200)

    refresh("--missing", "cover")

    assert Movie.objects.get().overview == "Old."


def test_refresh_catalog_asks_as_often_whatever_is_missing(refresh, db, django_assert_num_queries):
    lacking()

    with django_assert_num_queries(4):
        refresh("--missing", "credits", "--dry-run")


@pytest.mark.parametrize(
    "arguments",
    [["--older-than", "soon"], ["--limit", "0"], ["--older-than", "999999d"], ["--missing", "everything"]],
)
def test_refresh_catalog_refuses_nonsense(refresh, arguments, db):
    assert "Error" in refresh(*arguments).out


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "about 1 second"), (504, "about 8 minutes"), (36_000, "about 10 hours")]
)
def test_durations_in_words(seconds, words):
    assert refresh_catalog.duration(seconds) == words


def test_rows_are_due_oldest_first(db):
    never, older, vanished = (
        MovieFactory(fetched_at=None),
        MovieFactory(fetched_at=ago(50)),
        MovieFactory(fetched_at=ago(60), vanished_at=ago(40)),
    )
    MovieFactory(fetched_at=ago(90), vanished_at=ago(3))

    WeekMovieFactory(movie=never)
    assert list(Movie.objects.due()) == [never, older, vanished]
    assert [movie.is_due for movie in Movie.objects.order_by("id")] == [True, True, True, False]


def test_works_that_were_never_fetched_or_picked_come_last(db):
    unused, old, wanted = (
        MovieFactory(fetched_at=None),
        MovieFactory(fetched_at=ago(50)),
        MovieFactory(fetched_at=None),
    )
    WeekMovieFactory(movie=wanted)
    album = AlbumFactory(fetched_at=None)
    WeekAlbumFactory(album=album)

    assert list(Movie.objects.due()) == [wanted, old, unused]
    assert (list(Movie.objects.unused()), list(Album.objects.unused())) == ([unused], [])


def test_refresh_catalog_deletes_unused_works_from_files(refresh, db):
    never = {"fetched_at": None, "created_at": ago(2)}
    MovieFactory(**never)
    AlbumFactory(**never, vanished_at=ago(1))
    asked = {"vanished_at": ago(1)}  # so that none of them is due
    kept = [
        MovieFactory(created_at=ago(2), fetched_at=ago(1)),
        WeekMovieFactory(movie=MovieFactory(**never, **asked)).movie,
        WeekAlbumFactory(album=AlbumFactory(**never, **asked)).album,
        MovieFactory(fetched_at=None, **asked),  # just now, and its week may follow
        MovieFactory(**never, **asked, note="Wait."),
        AlbumFactory(**never, **asked, own_title="As we say"),
    ]

    said = refresh("--dry-run").out
    assert said.startswith("Never fetched and not in any week, so would be deleted: 1 movie and 1 album.\n")
    assert (Movie.objects.count(), Album.objects.count()) == (5, 3)

    assert "so deleted: 1 movie and 1 album." in refresh().out
    assert {*Movie.objects.all(), *Album.objects.all()} == set(kept)
    assert "deleted" not in refresh().out
