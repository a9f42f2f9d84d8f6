import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from factory.django import DjangoModelFactory
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalog import services
from catalog.fetching import find_known
from catalog.management.commands import refresh_catalog
from catalog.models import Album, AlbumAlias, AlbumArtist, Artist, Movie, MovieCast, Person
from selections.models import WeekAlbum
from tests import payloads
from tests.conftest import AGES, land, right_after_query
from tests.factories import (
    AlbumFactory,
    ArtistFactory,
    MovieFactory,
    PersonFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

MOVIE = f"{payloads.TMDB}/movie/120"
LOOKUP = f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}"
ARTIST = f"{payloads.MUSICBRAINZ}/artist/{payloads.ARTIST}"
OLD = uuid.UUID("00000000-0000-4000-8000-000000000002")
BLANK = {"overview": "", "tagline": "", "poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}


def ago(days):
    return timezone.now() - timedelta(days=days)


def old_movie(days, **values):
    texts = {"overview": "Old.", "tagline": "Old!", "poster_path": "/old.jpg", "backdrop_path": "/old.jpg"}
    values = texts | {"vote_average": 7.5, "vote_count": 9, "title": "Old"} | values
    return MovieFactory(tmdb_id=120, fetched_at=ago(days), **values)


@dataclass(frozen=True)
class Kind:
    """A kind of rows that are fetched, with one that is named New at its source."""

    path: str
    source: str
    name: str  # the field
    factory: type[DjangoModelFactory]
    id: dict[str, object]
    payload: Callable[..., dict]

    def make_old(self, days):
        return self.factory(fetched_at=ago(days), **self.id, **{self.name: "Old"})

    def answer(self, upstream):
        return upstream.upsert("GET", self.source, json=self.payload(**{self.name: "New"}))


RELEASE_ID, ARTIST_ID = {"musicbrainz_id": payloads.RELEASE}, {"musicbrainz_id": payloads.ARTIST}
MOVIE_KIND = Kind("/api/movies/120", MOVIE, "title", MovieFactory, {"tmdb_id": 120}, payloads.movie)
ALBUM_KIND = Kind(f"/api/albums/{payloads.RELEASE}", LOOKUP, "title", AlbumFactory, RELEASE_ID, payloads.release)
ARTIST_KIND = Kind(f"/api/artists/{payloads.ARTIST}", ARTIST, "name", ArtistFactory, ARTIST_ID, payloads.artist)


@pytest.fixture(params=[MOVIE_KIND, ALBUM_KIND, ARTIST_KIND], ids=["movie", "album", "artist"])
def kind(request, now):
    return request.param


# Requests


def test_a_row_is_shown_as_it_is_for_a_month(api, kind):
    kind.make_old(29)

    assert api.get(kind.path).json()[kind.name] == "Old"


def test_a_row_is_fetched_again_after_a_month(api, upstream, kind):
    row = kind.make_old(31)
    kind.answer(upstream)

    first, second = api.get(kind.path).json(), api.get(kind.path).json()

    row.refresh_from_db()
    assert (first[kind.name], first["cached"], second["cached"]) == ("New", False, True)
    assert (getattr(row, kind.name), row.fetched_at) == ("New", timezone.now())


@pytest.mark.usefixtures("now")
def test_a_request_for_credits_fetches_a_movie_again(api, tmdb_movie):
    old_movie(31)
    tmdb_movie(title="New")

    api.get("/api/movies/120/credits")

    assert Movie.objects.get().title == "New"


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 401}, {"body": "garbage"}])
def test_a_row_is_shown_as_it_is_when_its_source_fails(api, upstream, kind, answer):
    kind.make_old(31)
    upstream.get(kind.source, **answer)

    body = api.get(kind.path).json()

    assert (body[kind.name], body["cached"]) == ("Old", True)


@pytest.mark.real_http
def test_a_request_waits_two_seconds_at_most_for_what_is_known(api, httpserver: HTTPServer, settings, monkeypatch):
    monkeypatch.setattr("catalog.fetching.REFRESH_WAIT", 0.3)
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")
    release = threading.Event()

    def answer(request):
        release.wait(AGES)
        return Response('{"id": 120, "title": "New"}', content_type="application/json")

    httpserver.expect_request("/movie/120").respond_with_handler(answer)
    old_movie(31)

    first = api.get("/api/movies/120").json()

    assert (first["title"], first["cached"]) == ("Old", True)
    release.set()
    land()
    assert api.get("/api/movies/120").json()["title"] == "New"  # the answer came, and was kept for whoever asks next
    assert len(httpserver.log) == 1


def test_an_old_answer_of_the_cache_is_not_dated_as_new(api, upstream, kind, time_machine):
    kind.answer(upstream)
    api.get(kind.path)
    rows = kind.factory._meta.model.objects
    fetched_at = rows.get().fetched_at
    upstream.replace("GET", kind.source, status=500)
    time_machine.shift(timedelta(days=40))

    body = api.get(kind.path).json()

    assert (body[kind.name], body["cached"]) == ("New", True)
    assert rows.get().fetched_at == fetched_at


@pytest.mark.usefixtures("now")
def test_what_tmdb_forbids_to_keep_is_blanked_after_six_months(api, upstream):
    movie = old_movie(181, genres=["Fantasy"], release_date="2001-12-18", runtime=179)
    gone = Person.objects.create(tmdb_id=1, name="Only here", profile_path="/a.jpg")
    seen = Person.objects.create(tmdb_id=2, name="Seen elsewhere since", profile_path="/b.jpg")
    for person in (gone, seen):
        MovieCast.objects.create(movie=movie, person=person, credit_id=str(person.pk), order=0)
    MovieCast.objects.create(movie=MovieFactory(fetched_at=ago(3)), person=seen, credit_id="x", order=0)
    upstream.get(MOVIE, status=500)

    body = api.get("/api/movies/120").json()

    assert [body[name] for name in ("overview", "tagline", "poster_url", "backdrop_url")] == [None] * 4
    assert (body["vote_average"], body["vote_count"]) == (0, 0)
    assert (body["title"], body["release_date"], body["runtime"], body["genres"]) == (
        "Old",
        "2001-12-18",
        179,
        ["Fantasy"],
    )
    assert [part["profile_url"] for part in api.get("/api/movies/120/credits").json()["cast"]] == [
        None,
        "https://image.tmdb.org/t/p/w185/b.jpg",
    ]


def test_a_row_that_is_gone_from_its_source_is_marked_and_stays(api, upstream, kind, time_machine):
    row = kind.make_old(31)
    upstream.get(kind.source, status=404, json=payloads.UNKNOWN)

    assert [api.get(kind.path).json()[kind.name] for _ in range(2)] == ["Old", "Old"]
    assert len(upstream.calls) == 1  # it is not requested for a month
    row.refresh_from_db()
    assert row.vanished_at == timezone.now()

    time_machine.shift(timedelta(days=31))
    kind.answer(upstream)
    assert api.get(kind.path).json()[kind.name] == "New"
    row.refresh_from_db()
    assert row.vanished_at is None


@pytest.mark.usefixtures("now")
def test_a_movie_that_is_gone_stays_in_weeks(api, upstream):
    pick = WeekMovieFactory(movie=old_movie(31))
    upstream.get(MOVIE, status=404, json=payloads.UNKNOWN)
    api.get("/api/movies/120")

    assert api.get(f"/api/weeks/{pick.week_id}").json()["movies"][0]["movie"]["title"] == "Old"


@pytest.mark.usefixtures("now")
def test_a_cover_that_was_known_stays_while_the_archive_is_silent(api, musicbrainz_release, upstream):
    front = f"{payloads.COVERART}/release-group/{payloads.GROUP}/front-500"
    AlbumFactory(musicbrainz_id=payloads.RELEASE, cover_art_url=front, fetched_at=ago(31))
    musicbrainz_release(**{"cover-art-archive": {"front": False}})
    upstream.get(front, status=503)

    assert api.get(f"/api/albums/{payloads.RELEASE}").json()["cover_art_url"] == front


# Merged releases


@pytest.mark.usefixtures("now")
def test_a_merged_id_that_is_requested_is_remembered(api, musicbrainz_release, upstream):
    musicbrainz_release(asked_id=OLD)

    first = api.get(f"/api/albums/{OLD}").json()
    second = api.get(f"/api/albums/{OLD}").json()

    assert first["musicbrainz_id"] == second["musicbrainz_id"] == payloads.RELEASE
    assert second["cached"] is True
    assert len(upstream.calls) == 1
    assert api.get(f"/api/albums/{OLD}/credits").json()["artists"]


@pytest.mark.usefixtures("now")
def test_an_album_that_was_merged_takes_the_surviving_id(api, musicbrainz_release):
    album = AlbumFactory(musicbrainz_id=OLD, fetched_at=ago(31))
    pick = WeekAlbumFactory(album=album)
    musicbrainz_release(asked_id=OLD)

    api.get(f"/api/albums/{OLD}")

    album.refresh_from_db()
    assert str(album.musicbrainz_id) == payloads.RELEASE
    assert AlbumAlias.objects.get().musicbrainz_id == OLD
    shown = api.get(f"/api/weeks/{pick.week_id}").json()["albums"][0]["album"]
    assert shown["musicbrainz_id"] == payloads.RELEASE


@pytest.mark.usefixtures("now")
def test_picks_of_a_merged_album_move_to_the_surviving_one(api, musicbrainz_release):
    merged = AlbumFactory(musicbrainz_id=OLD, fetched_at=ago(31))
    survivor = AlbumFactory(musicbrainz_id=payloads.RELEASE)
    earlier = AlbumAlias.objects.create(musicbrainz_id=uuid.UUID(int=9), album=merged)
    pick = WeekAlbumFactory(album=merged)
    musicbrainz_release(asked_id=OLD)

    assert api.get(f"/api/albums/{OLD}").json()["musicbrainz_id"] == payloads.RELEASE

    pick.refresh_from_db()
    earlier.refresh_from_db()
    assert pick.album == earlier.album == survivor
    assert list(Album.objects.all()) == [survivor]


@pytest.mark.usefixtures("now")
def test_a_week_that_has_both_keeps_both(api, musicbrainz_release):
    merged = AlbumFactory(musicbrainz_id=OLD, fetched_at=ago(31))
    survivor = AlbumFactory(musicbrainz_id=payloads.RELEASE)
    week = WeekFactory()
    WeekAlbumFactory(week=week, album=merged, position=1)
    WeekAlbumFactory(week=week, album=survivor, position=2)
    elsewhere = WeekAlbumFactory(album=merged)
    musicbrainz_release(asked_id=OLD)

    assert api.get(f"/api/albums/{OLD}").json()["musicbrainz_id"] == payloads.RELEASE

    assert list(WeekAlbum.objects.filter(week=week).values_list("album", flat=True)) == [merged.pk, survivor.pk]
    elsewhere.refresh_from_db()
    assert elsewhere.album == survivor
    assert find_known(Album, OLD) == survivor
    assert Album.objects.get(pk=merged.pk).vanished_at


@pytest.mark.django_db(transaction=True)
def test_a_merge_while_the_surviving_release_is_stored(time_machine, musicbrainz_release):
    """Another request stores it right after this one has not found it."""
    time_machine.move_to("2026-02-11T12:00:00Z", tick=False)
    pick = WeekAlbumFactory(album=AlbumFactory(musicbrainz_id=OLD, fetched_at=ago(31)))
    musicbrainz_release(asked_id=OLD)

    with right_after_query("catalog_album", lambda: AlbumFactory(musicbrainz_id=payloads.RELEASE)):
        album = services.refresh_album(OLD)

    pick.refresh_from_db()
    assert str(album.musicbrainz_id) == payloads.RELEASE
    assert pick.album == Album.objects.get() == album


# manage.py refresh_catalog


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
        "1 movies and 1 albums to refresh.",
        "1 movies refreshed, 0 no longer on TMDB.",
        "1 albums refreshed, 0 no longer on MusicBrainz.",
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

    assert "1 movies" in refresh("--dry-run").out
    assert Movie.objects.get().overview == "Old."


@pytest.mark.patient
def test_refresh_catalog_marks_what_vanished_and_goes_on(refresh, upstream, db):
    old_movie(200)
    MovieFactory(tmdb_id=121, fetched_at=ago(40))
    upstream.get(MOVIE, status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.TMDB}/movie/121", json=payloads.movie(id=121))

    said = refresh()

    assert "1 movies refreshed, 1 no longer on TMDB." in said.out
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

    assert "The remaining 5 movies were not tried." in said.err
    assert "8 could not be refreshed." in said.out
    assert list(Movie.objects.filter(overview="").values_list("tmdb_id", flat=True)) == [9]


@pytest.mark.patient
@pytest.mark.parametrize("status", [429, 503])
def test_refresh_catalog_waits_as_long_as_it_is_told_to(status, refresh, upstream, db, monkeypatch):
    waits = []
    monkeypatch.setattr("integrations.http.time.sleep", waits.append)
    clock = [1000.0]
    monkeypatch.setattr("integrations.state.monotonic", lambda: clock[0] + sum(waits))
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

    assert said.out.splitlines() == ["1 movies and 0 albums to refresh.", "1 movies refreshed, 0 no longer on TMDB."]
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
    assert said.startswith("Never fetched and not in any week, so would be deleted: 1 movies and 1 albums.\n")
    assert (Movie.objects.count(), Album.objects.count()) == (5, 3)

    assert "so deleted: 1 movies and 1 albums." in refresh().out
    assert {*Movie.objects.all(), *Album.objects.all()} == set(kept)
    assert "deleted" not in refresh().out
