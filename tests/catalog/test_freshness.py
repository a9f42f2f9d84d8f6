import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from factory.django import DjangoModelFactory
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalog import services
from catalog.fetching import find_known
from catalog.models import Album, AlbumAlias, Movie, MovieCast, Person
from selections.models import WeekAlbum
from tests import payloads
from tests.catalog.conftest import ago, old_movie
from tests.conftest import AGES, land, right_after_query
from tests.factories import (
    AlbumFactory,
    ArtistFactory,
    MovieFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

MOVIE = f"{payloads.TMDB}/movie/120"
LOOKUP = f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}"
ARTIST = f"{payloads.MUSICBRAINZ}/artist/{payloads.ARTIST}"
OLD = uuid.UUID("00000000-0000-4000-8000-000000000002")


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
    assert api.get("/api/movies/120").json()["title"] == "New"  # the late answer was kept for the next request
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

    texts = ("overview", "overview_language", "tagline", "poster_url", "backdrop_url")
    assert [body[name] for name in texts] == [None] * 5
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
