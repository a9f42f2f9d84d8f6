import threading
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalog import services
from catalog.management.commands import refresh_catalog
from catalog.models import Album, AlbumAlias, AlbumArtist, Artist, Movie, MovieCast, Person
from catalog.services import known_album
from selections.models import WeekAlbum
from tests import payloads
from tests.conftest import AGES, land
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
OLD = uuid.UUID("00000000-0000-4000-8000-000000000002")
BLANK = {"overview": "", "tagline": "", "poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}


def ago(days):
    return timezone.now() - timedelta(days=days)


def old_movie(days, **values):
    texts = {"overview": "Old.", "tagline": "Old!", "poster_path": "/old.jpg", "backdrop_path": "/old.jpg"}
    values = texts | {"vote_average": 7.5, "vote_count": 9, "title": "Old"} | values
    return MovieFactory(tmdb_id=120, fetched_at=ago(days), **values)


# When somebody looks


@pytest.mark.usefixtures("now")
def test_what_is_younger_than_a_month_is_shown_as_it_is(api):
    old_movie(29)

    assert api.get("/api/movies/120").json()["title"] == "Old"


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("path", ["", "/credits"])
def test_a_movie_of_last_month_is_asked_for_again(api, tmdb_movie, path):
    old_movie(31)
    tmdb_movie(title="New")

    api.get(f"/api/movies/120{path}")

    movie = Movie.objects.get()
    assert (movie.title, movie.fetched_at) == ("New", timezone.now())
    assert api.get("/api/movies/120").json()["cached"] is True


@pytest.mark.usefixtures("now")
def test_an_album_of_last_month_is_asked_for_again(api, musicbrainz_release):
    AlbumFactory(musicbrainz_id=payloads.RELEASE, title="Old", fetched_at=ago(31))
    musicbrainz_release(title="New")

    body = api.get(f"/api/albums/{payloads.RELEASE}").json()

    assert (body["title"], body["cached"]) == ("New", False)


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 401}, {"body": "garbage"}])
def test_it_is_shown_as_it_is_when_upstream_fails(api, upstream, answer):
    old_movie(31)
    upstream.get(MOVIE, **answer)

    body = api.get("/api/movies/120").json()

    assert (body["title"], body["overview"], body["cached"]) == ("Old", "Old.", True)


@pytest.mark.real_http
def test_nobody_waits_for_more_than_two_seconds_for_what_is_known(api, httpserver: HTTPServer, settings, monkeypatch):
    monkeypatch.setattr("catalog.services.REFRESH_WAIT", 0.3)
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


@pytest.mark.usefixtures("now")
def test_an_old_answer_of_the_cache_is_not_dated_as_new(api, upstream, time_machine):
    upstream.get(MOVIE, json=payloads.movie())
    api.get("/api/movies/120")
    told_at = Movie.objects.get().fetched_at
    upstream.get(MOVIE, status=500)
    time_machine.shift(timedelta(days=40))

    body = api.get("/api/movies/120").json()

    assert (body["title"], body["cached"]) == (payloads.movie()["title"], True)
    assert Movie.objects.get().fetched_at == told_at


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


@pytest.mark.usefixtures("now")
def test_a_movie_that_vanished_is_marked_and_stays_in_weeks(api, upstream, time_machine):
    movie = old_movie(31)
    pick = WeekMovieFactory(movie=movie)
    upstream.get(MOVIE, status=404, json=payloads.UNKNOWN)

    assert api.get("/api/movies/120").json()["title"] == "Old"
    assert api.get("/api/movies/120").status_code == 200
    assert len(upstream.calls) == 1  # and is not asked about for a month
    assert Movie.objects.get().vanished_at == timezone.now()
    assert api.get(f"/api/weeks/{pick.week_id}").json()["movies"][0]["movie"]["title"] == "Old"

    time_machine.shift(timedelta(days=31))
    upstream.remove("GET", MOVIE)
    upstream.get(MOVIE, json=payloads.movie(title="Back"))
    assert api.get("/api/movies/120").json()["title"] == "Back"
    assert Movie.objects.get().vanished_at is None


@pytest.mark.usefixtures("now")
def test_a_cover_that_was_known_stays_while_the_archive_is_silent(api, musicbrainz_release, upstream):
    front = f"{payloads.COVERART}/release-group/{payloads.GROUP}/front-500"
    AlbumFactory(musicbrainz_id=payloads.RELEASE, cover_art_url=front, fetched_at=ago(31))
    musicbrainz_release(**{"cover-art-archive": {"front": False}})
    upstream.get(front, status=503)

    assert api.get(f"/api/albums/{payloads.RELEASE}").json()["cover_art_url"] == front


# Merged releases


@pytest.mark.usefixtures("now")
def test_a_merged_id_that_somebody_asks_for_is_remembered(api, musicbrainz_release, upstream):
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
    assert known_album(OLD) == survivor
    assert Album.objects.get(pk=merged.pk).vanished_at


@pytest.mark.django_db(transaction=True)
def test_a_merge_while_the_surviving_release_is_stored(time_machine, musicbrainz_release, monkeypatch):
    """Somebody stores it just when nobody has found it."""
    time_machine.move_to("2026-02-11T12:00:00Z", tick=False)
    pick = WeekAlbumFactory(album=AlbumFactory(musicbrainz_id=OLD, fetched_at=ago(31)))
    musicbrainz_release(asked_id=OLD)
    find = services.Album.objects.select_for_update

    def find_nothing():
        AlbumFactory(musicbrainz_id=payloads.RELEASE)
        monkeypatch.setattr(services.Album.objects, "select_for_update", find)
        return services.Album.objects.none()

    monkeypatch.setattr(services.Album.objects, "select_for_update", find_nothing)

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
        "1 movies refreshed, 0 vanished.",
        "1 albums refreshed, 0 vanished.",
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

    assert "1 movies refreshed, 1 vanished." in said.out
    assert "Old is not known any more" in said.err
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

    assert "The other 5 movies are left for another time." in said.err
    assert "8 could not be refreshed." in said.out
    assert list(Movie.objects.filter(overview="").values_list("tmdb_id", flat=True)) == [9]


@pytest.mark.patient
@pytest.mark.parametrize("status", [429, 503])
def test_refresh_catalog_comes_back_when_it_is_told_to(status, refresh, upstream, db, monkeypatch):
    waits = []
    monkeypatch.setattr("integrations.http.time.sleep", waits.append)
    clock = [1000.0]
    monkeypatch.setattr("integrations.circuit_breaker.monotonic", lambda: clock[0] + sum(waits))
    old_movie(31)
    upstream.get(MOVIE, status=status, headers={"Retry-After": "7"})
    upstream.get(MOVIE, json=payloads.movie(title="New"))

    refresh()

    assert waits == [7]
    assert Movie.objects.get().title == "New"


@pytest.mark.patient
def test_refresh_catalog_can_be_interrupted(refresh, upstream, db, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.services.refresh_movie", interrupt)
    old_movie(31)

    assert "Interrupted. Run it again to go on." in refresh().out


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
def test_what_lacks_something(db, missing, titles):
    lacking()

    found = [*Movie.objects.lacking(missing), *Album.objects.lacking(missing)]

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

    assert said.out.splitlines() == ["1 movies and 0 albums to refresh.", "1 movies refreshed, 0 vanished."]
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


def test_a_wrong_row_never_hides_that_others_are_due(db):
    never, older, vanished = (
        MovieFactory(fetched_at=None),
        MovieFactory(fetched_at=ago(50)),
        MovieFactory(fetched_at=ago(60), vanished_at=ago(40)),
    )
    MovieFactory(fetched_at=ago(90), vanished_at=ago(3))

    WeekMovieFactory(movie=never)
    assert list(Movie.objects.due()) == [never, older, vanished]
    assert [movie.is_due for movie in Movie.objects.order_by("id")] == [True, True, True, False]


def test_what_was_never_fetched_and_nobody_picks_comes_last(db):
    unwanted, old, wanted = (
        MovieFactory(fetched_at=None),
        MovieFactory(fetched_at=ago(50)),
        MovieFactory(fetched_at=None),
    )
    WeekMovieFactory(movie=wanted)
    album = AlbumFactory(fetched_at=None)
    WeekAlbumFactory(album=album)

    assert list(Movie.objects.due()) == [wanted, old, unwanted]
    assert (list(Movie.objects.unwanted()), list(Album.objects.unwanted())) == ([unwanted], [])


def test_refresh_catalog_forgets_what_nobody_picks_and_only_a_file_told_of(refresh, db):
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
    assert said.startswith("Never fetched and in nobody's week, and so would be forgotten: 1 movies and 1 albums.\n")
    assert (Movie.objects.count(), Album.objects.count()) == (5, 3)

    assert "so forgotten: 1 movies and 1 albums." in refresh().out
    assert {*Movie.objects.all(), *Album.objects.all()} == set(kept)
    assert "forgotten" not in refresh().out
