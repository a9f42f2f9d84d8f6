import pytest
from django.db import IntegrityError, transaction

from catalog import services
from catalog.models import Album, Movie
from integrations import coverart, tmdb
from tests import payloads
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

OWN_COVER = "https://archive.org/download/mbid-x/front.jpg"


@pytest.fixture
def movie(db):
    return MovieFactory(
        tmdb_id=603,
        title="The Matrix",
        own_title="Matrix",
        poster_path="/theirs.jpg",
        own_cover="/ours.jpg",
        note="Hush",
    )


@pytest.fixture
def album(db):
    return AlbumFactory(
        musicbrainz_id=payloads.RELEASE,
        title="You Want It Darker",
        own_title="Darker",
        cover_art_url="https://coverartarchive.org/release/x/front-500",
        own_cover=OWN_COVER,
        note="Hush",
    )


def test_edits_of_a_movie_are_shown_everywhere(api, user, movie):
    week = WeekFactory(user=user)
    WeekMovieFactory(week=week, movie=movie)

    details = api.get("/api/movies/603")
    picked = api.get(f"/api/weeks/{week.pk}").json()["movies"][0]["movie"]
    listed = api.get("/api/movies/selections").json()["results"][0]

    assert details.json()["title"] == picked["title"] == listed["title"] == str(movie) == "Matrix"
    assert details.json()["poster_url"].endswith("/w342/ours.jpg")
    assert picked["poster_path"] == listed["poster_path"] == "/ours.jpg"
    assert "Hush" not in details.text


def test_edits_of_an_album_are_shown_everywhere(api, user, album):
    week = WeekFactory(user=user)
    WeekAlbumFactory(week=week, album=album)

    details = api.get(f"/api/albums/{payloads.RELEASE}")
    picked = api.get(f"/api/weeks/{week.pk}").json()["albums"][0]["album"]

    assert details.json()["title"] == picked["title"] == "Darker"
    assert details.json()["cover_art_url"] == picked["cover_art_url"] == OWN_COVER
    assert str(album) == "Somebody: Darker"
    assert "Hush" not in details.text


def test_edits_are_shown_in_searches(api, upstream, movie, album):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit(id=603)))
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(payloads.release_hit()))
    Album.objects.filter(pk=album.pk).update(cover_known=True)

    [movie_hit] = api.get("/api/movies/search", {"query": "matrix"}).json()["results"]
    [album_hit] = api.get("/api/albums/search", {"query": "darker"}).json()["results"]

    assert (movie_hit["title"], movie_hit["poster_url"][-9:]) == ("Matrix", "/ours.jpg")
    assert (album_hit["title"], album_hit["cover_art_url"]) == ("Darker", OWN_COVER)


def test_edits_are_shown_in_recommendations(api, user, movie, settings):
    settings.TMDB_API_KEY = ""
    MovieOpinionFactory(user=user, movie_pick=WeekMovieFactory(week__user=user, movie=movie), rating=10)
    movie.genres = ["Drama"]
    movie.save()
    MovieFactory(tmdb_id=2, title="Other", own_title="Another", own_cover="/another.jpg", genres=["Drama"])

    [found] = api.get("/api/recommendations/movies").json()["results"]

    assert (found["movie"]["title"], found["movie"]["poster_path"]) == ("Another", "/another.jpg")
    assert found["because"][0]["picks"][0]["title"] == "Matrix"


def test_lists_are_sorted_and_searched_by_both_titles(movie):
    MovieFactory(title="Nausicaä")

    assert [one.shown_title for one in Movie.objects.all()] == ["Matrix", "Nausicaä"]
    assert list(Movie.objects.matching("the matrix")) == [movie]
    assert list(Movie.objects.matching("MATRIX")) == [movie]


def test_a_refresh_keeps_edits(movie, tmdb_movie, album, musicbrainz_release):
    tmdb_movie(id=603, title="Fetched", poster_path="/fetched.jpg")
    musicbrainz_release(title="Fetched")

    services.refresh_movie(603)
    services.refresh_album(album.musicbrainz_id)

    movie.refresh_from_db()
    album.refresh_from_db()
    assert (movie.title, movie.poster_path) == ("Fetched", "/fetched.jpg")
    assert (movie.shown_title, movie.picture, movie.note) == ("Matrix", "/ours.jpg", "Hush")
    assert (album.title, album.shown_title, album.picture, album.note) == (
        "Fetched",
        "Darker",
        OWN_COVER,
        "Hush",
    )
    assert movie.title_key == "matrix"


def test_a_removed_edit_shows_the_fetched_title_again(movie):
    services.curate(movie, own_title="", own_cover="")

    movie.refresh_from_db()
    assert (movie.shown_title, movie.title_key, movie.picture) == ("The Matrix", "the matrix", "/theirs.jpg")


def test_an_edit_keeps_what_was_fetched_meanwhile(movie):
    Movie.objects.filter(pk=movie.pk).update(title="Fetched just now")

    services.curate(movie, own_title="")

    movie.refresh_from_db()
    assert (movie.title, movie.title_key) == ("Fetched just now", "fetched just now")


@pytest.mark.parametrize("own_cover", ["https://example.org/x.jpg", "x.jpg"])
def test_the_database_refuses_pictures_from_elsewhere(movie, album, own_cover):
    for model in (Movie, Album):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(own_cover=own_cover)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/abc.jpg", "/abc.jpg"),
        ("https://image.tmdb.org/t/p/w500/aB_c-1.jpg", "/aB_c-1.jpg"),
        ("https://www.themoviedb.org/t/p/w600_and_h900_bestv2/abc.png?x=1", "/abc.png"),
        ("https://image.example.org/t/p/w500/abc.jpg", None),
        ("https://image.tmdb.org.example.org/t/p/w500/abc.jpg", None),
        ("//example.org/abc.jpg", None),
        ("/../abc.jpg", None),
        ("/..abc.jpg", None),
        ("abc.jpg", None),
        ("/abc", None),
    ],
)
def test_posters_are_read_from_paths_and_addresses(text, path):
    assert tmdb.read_image(text) == path


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (OWN_COVER, OWN_COVER),
        ("http://coverartarchive.org/release/1/front", "https://coverartarchive.org/release/1/front"),
        ("https://www.archive.org/download/a/b.jpg", "https://archive.org/download/a/b.jpg"),
        ("https://ia801.us.archive.org/12/items/mbid-x/front.jpg", OWN_COVER),
        ("https://archive.org/download/a/b..c.jpg", "https://archive.org/download/a/b..c.jpg"),
        ("https://archive.org/download/../a.jpg", None),
        ("https://archive.org/download/%2E%2e/a.jpg", None),
        ("https://coverartarchive.org/release/1%2f..%2fa.jpg", None),
        ("https://coverartarchive.org", None),
        ("https://coverartarchive.org.example.org/x.jpg", None),
        ("https://example.org/coverartarchive.org/x.jpg", None),
        ("javascript:alert(1)", None),
        ('https://archive.org/x"onload=', None),
    ],
)
def test_covers_are_read_from_addresses(text, url):
    assert coverart.read_address(text) == url
