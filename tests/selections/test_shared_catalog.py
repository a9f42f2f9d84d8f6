"""All members read the catalog, so what only a member's file says does not affect it until an upstream was asked."""

import pytest
from django.apps import apps
from django.db.models import NOT_PROVIDED

from catalog.models import Album, Movie
from selections.insights import recommendations
from selections.merging import duplicates
from selections.models import WeekAlbum, WeekMovie
from selections.transfer import restoring
from tests import payloads
from tests.conftest import assert_problem, client_of
from tests.factories import AlbumFactory, MovieFactory, MovieOpinionFactory, UserFactory, WeekFactory

from .transfer.exports import ALBUM, GROUP, MOVIE, RELEASE, minimal

pytestmark = pytest.mark.django_db

# Who may write a shared column: "upstream" only (and the operator's files); "curators"; a member's "file" as well until
# upstream is asked; or "us", as it follows from the others.
WRITERS = {
    "catalog.Movie": {
        "file": "tmdb_id title",
        "curators": "own_title own_cover note",
        "us": "id title_key search_text created_at",
        "upstream": "fetched_at vanished_at genres imdb_id original_title original_language release_date runtime"
        " overview overview_language tagline status poster_path backdrop_path vote_average vote_count",
    },
    "catalog.Album": {
        "file": "musicbrainz_id title artist",
        "curators": "own_title own_cover note",
        "us": "id title_key search_text created_at",
        "upstream": "fetched_at vanished_at genres release_group_id release_date country status primary_type"
        " cover_art_url cover_asked_at cover_known",
    },
    "catalog.Artist": {
        "us": "id",
        "upstream": "fetched_at vanished_at musicbrainz_id name sort_name disambiguation artist_type area country begin"
        " end ended bio genres links",
    },
    "catalog.Person": {"us": "id", "upstream": "tmdb_id name profile_path"},
    "catalog.MovieCast": {"us": "id", "upstream": "movie person credit_id character order"},
    "catalog.MovieCrew": {"us": "id", "upstream": "movie person credit_id department job order"},
    "catalog.AlbumArtist": {"us": "id", "upstream": "album artist position name join_phrase"},
    "catalog.MovieAlias": {"us": "id created_at", "upstream": "tmdb_id movie"},
    "catalog.AlbumAlias": {"us": "id created_at", "upstream": "musicbrainz_id album"},
    "catalog.ArtistAlias": {"us": "id", "upstream": "musicbrainz_id artist"},
    "catalog.Merge": {
        "us": "id created_at",
        "curators": "movie album name external_id merged moved gave by undone_at",
    },
}


@pytest.fixture
def invented(user):
    """A member's import with a value for each shared column."""
    opinion = [{"by": user.username, "own": True, "rating": 10}]
    week = {
        "year": 2020,
        "week_number": 1,
        "movies": [{"position": 1, "tmdb_id": 120, "opinions": opinion}],
        "albums": [{"position": 1, "musicbrainz_id": str(RELEASE), "opinions": opinion}],
    }
    data = minimal(weeks=[week], catalog={"movies": [MOVIE], "albums": [ALBUM]})
    restoring.load(user, data, apply=True, is_trusted=False)
    return Movie.objects.get(), Album.objects.get()


@pytest.fixture
def stranger(db):
    return client_of(UserFactory(username="stranger"))


def test_the_list_has_every_shared_column():
    columns = {
        model._meta.label: {field.name for field in model._meta.concrete_fields}
        for model in apps.get_app_config("catalog").get_models()
    }

    assert {model: set(" ".join(names.values()).split()) for model, names in WRITERS.items()} == columns


def test_a_members_file_writes_only_what_a_work_is_recognised_by(invented):
    for work in invented:
        writers = WRITERS[work._meta.label]
        for name in f"{writers['upstream']} {writers['curators']}".split():
            field = work._meta.get_field(name)
            assert getattr(work, name) == (None if field.null else field.get_default()), name
            assert field.default is not NOT_PROVIDED or field.null or field.empty_strings_allowed
    for label in WRITERS.keys() - {"catalog.Movie", "catalog.Album"}:
        assert not apps.get_model(label).objects.exists(), label


def test_lookups_of_others_ask_upstream(invented, stranger, upstream):
    upstream.get(f"{payloads.TMDB}/movie/120", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.TMDB}/find/tt0133093", json={"movie_results": []})
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{RELEASE}", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.UNKNOWN, status=404)
    week = WeekFactory(user__username="stranger2", year=2021, week_number=1)
    owner = client_of(week.user)

    for client, path in [
        (stranger, "/api/movies/120"),
        (stranger, "/api/movies/120/credits"),
        (stranger, "/api/movies/lookup?url=tt0133093"),
        (stranger, f"/api/albums/{RELEASE}"),
        (stranger, f"/api/albums/{RELEASE}/credits"),
        (stranger, f"/api/albums/lookup?url=https://musicbrainz.org/release-group/{GROUP}"),
    ]:
        assert_problem(client.get(path), 404)
    assert_problem(owner.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 120, "position": 1}), 404)
    assert_problem(owner.post(f"/api/weeks/{week.pk}/albums", {"musicbrainz_id": str(RELEASE), "position": 1}), 404)


def test_searches_of_others_do_not_find_it(invented, stranger, settings, upstream):
    settings.TMDB_API_KEY = ""
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=503)

    for kind in ("movies", "albums"):
        assert stranger.get(f"/api/{kind}/search?query=invented").status_code in {502, 503}


def test_an_invented_group_joins_no_albums(invented, stranger):
    week = WeekFactory(user__username="stranger2", year=2021, week_number=1)
    album = AlbumFactory(release_group_id=GROUP)

    body = client_of(week.user).post(
        f"/api/weeks/{week.pk}/albums", {"musicbrainz_id": str(album.musicbrainz_id), "position": 1}
    )

    assert (body.status_code, body.json()["previous_selections"]) == (201, [])
    assert duplicates.find_albums() == []


def test_it_is_not_recommended_to_others(invented, user):
    other = UserFactory()
    liked = MovieFactory()
    for person in (user, other):
        MovieOpinionFactory(user=person, rating=10, movie_pick__week__user=person, movie_pick__movie=liked)

    _, found = recommendations.recommend_movies(other, limit=20)

    assert found == []


def test_lists_say_that_it_is_not_confirmed(invented, stranger, tmdb_movie):
    (shown,) = stranger.get("/api/movies/selections").json()["results"]
    assert (shown["title"], shown["confirmed"], shown["release_date"], shown["poster_path"]) == (
        "Invented",
        False,
        None,
        None,
    )
    tmdb_movie()

    stranger.get("/api/movies/120")

    (shown,) = stranger.get("/api/movies/selections").json()["results"]
    assert (shown["title"], shown["confirmed"]) == (payloads.movie()["title"], True)
    assert (WeekMovie.objects.count(), WeekAlbum.objects.count()) == (1, 1)
