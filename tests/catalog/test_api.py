import pytest
import requests

from catalog.models import Album, Movie, MovieCast, Person
from tests import payloads
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import AlbumFactory, MovieFactory, UserFactory

ALBUM = f"/api/albums/{payloads.RELEASE}"

DETAILS = {
    "tmdb_id": 120,
    "title": "The Lord of the Rings: The Fellowship of the Ring",
    "original_title": "The Fellowship of the Ring",
    "release_date": "2001-12-18",
    "poster_url": "https://image.tmdb.org/t/p/w342/poster.jpg",
    "backdrop_url": "https://image.tmdb.org/t/p/w1280/back.jpg",
    "overview": "A hobbit leaves home.",
    "overview_language": "en-US",
    "vote_average": 8.414,
    "vote_count": 24832,
    "runtime": 179,
    "tagline": "One ring to rule them all.",
    "status": "Released",
    "imdb_id": "tt0120737",
    "genres": ["Adventure", "Fantasy"],
    "cached": False,
}


def test_search_movies(api, upstream):
    hit = payloads.movie_hit(overview="", release_date="", poster_path=None, original_title="", vote_average=8)
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(hit))

    response = api.get("/api/movies/search?query=matrix")

    assert response.status_code == 200
    assert response.json() == {
        "source": "tmdb",
        "page": 1,
        "total_pages": 1,
        "total_results": 1,
        "results": [
            {
                "tmdb_id": 603,
                "title": "The Matrix",
                "original_title": None,
                "release_date": None,
                "poster_url": None,
                "overview": None,
                "vote_average": 8.0,
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("movies/search?", "query"),
        ("movies/search?query=", "query"),
        ("movies/search?query=%20", "query"),
        ("movies/search?query=a%00b", "query"),
        ("movies/search?query=x&page=0", "page"),
        ("movies/search?query=x&page=501", "page"),
        ("movies/search?query=x&page=two", "page"),
        ("movies/search?query=x&year=1799", "year"),
        ("movies/search?query=x&year=2101", "year"),
        ("movies/search?query=x&page=99999999999999999999", "page"),
        ("albums/search?", "query"),
        ("albums/search?query=", "query"),
        ("albums/search?query=x&limit=0", "limit"),
        ("albums/search?query=x&limit=101", "limit"),
        ("albums/search?query=x&offset=-1", "offset"),
        ("albums/search?query=x&offset=99999999999999999999", "offset"),
    ],
)
def test_searches_refuse_bad_input(api, query, field):
    response = api.get(f"/api/{query}")

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field


def test_search_movies_in_the_catalog_when_tmdb_is_dead(api, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", status=503)
    MovieFactory(tmdb_id=603, title="The Matrix", release_date="1999-03-30")
    MovieFactory(title="The Matrix Reloaded", release_date="2003-05-15")

    response = api.get("/api/movies/search?query=MATRIX&year=1999")

    body = response.json()
    assert (response.status_code, body["source"]) == (200, "catalog")
    assert (body["page"], body["total_pages"], body["total_results"]) == (1, 1, 1)
    assert [hit["tmdb_id"] for hit in body["results"]] == [603]


UPSTREAM_FAILURES = [
    ({"status": 429, "headers": {"Retry-After": "7"}}, 429, "7"),
    ({"status": 500}, 502, None),
    ({"status": 503, "headers": {"Retry-After": "9"}}, 503, "9"),
    ({"status": 504}, 504, None),
    ({"status": 401, "json": {"status_code": 7}}, 502, None),
    ({"body": "<html>"}, 502, None),
    ({"body": requests.ConnectionError("refused")}, 503, None),
    ({"body": requests.ReadTimeout("timed out")}, 504, None),
]


UPSTREAM_ADDRESSES = {
    "/api/movies/search?query=x": f"{payloads.TMDB}/search/movie",
    "/api/movies/120": f"{payloads.TMDB}/movie/120",
    "/api/albums/search?query=x": f"{payloads.MUSICBRAINZ}/release",
    ALBUM: f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}",
}


@pytest.mark.parametrize(("answer", "status", "retry_after"), UPSTREAM_FAILURES)
@pytest.mark.parametrize("path", UPSTREAM_ADDRESSES)
def test_upstream_failures(api, upstream, path, answer, status, retry_after):
    upstream.get(UPSTREAM_ADDRESSES[path], **answer)

    response = api.get(path)

    assert_problem(response, status)
    assert response.headers.get("Retry-After") == retry_after
    assert not Movie.objects.exists()
    assert not Album.objects.exists()


@pytest.mark.parametrize("path", ["/api/movies/120", ALBUM])
def test_upstream_failures_of_credits(api, upstream, path):
    upstream.get(UPSTREAM_ADDRESSES[path], status=503, headers={"Retry-After": "9"})

    response = api.get(f"{path}/credits")

    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "9"


def test_movie_details_are_fetched_once_and_then_the_same(api, tmdb_movie, upstream):
    tmdb_movie()

    first = api.get("/api/movies/120")
    second = api.get("/api/movies/120")

    assert first.status_code == second.status_code == 200
    assert first.json() == DETAILS
    assert second.json() == DETAILS | {"cached": True}
    assert len(upstream.calls) == 1


def test_other_languages_cost_no_further_request_and_are_the_same_from_every_cache(api, settings, tmdb_movie, upstream):
    settings.TMDB_LANGUAGES = ["de-DE", "fr-FR"]
    french = {"iso_639_1": "fr", "iso_3166_1": "FR", "data": {"title": "", "overview": "Un hobbit.", "tagline": ""}}
    tmdb_movie(overview="", tagline="", translations={"translations": [french]})

    fresh = api.get("/api/movies/120").json()
    from_catalog = api.get("/api/movies/120").json()
    Movie.objects.all().delete()
    from_http_cache = api.get("/api/movies/120").json()

    texts = {"overview": "Un hobbit.", "overview_language": "fr-FR", "tagline": None}
    assert fresh == DETAILS | texts
    assert from_catalog == fresh | {"cached": True}
    assert from_http_cache == fresh
    assert len(upstream.calls) == 1


def test_unknown_values_are_null(api, tmdb_movie):
    tmdb_movie(
        original_title="",
        release_date="",
        poster_path=None,
        backdrop_path=None,
        overview="",
        runtime=0,
        tagline="",
        status="",
        imdb_id="",
        genres=[],
        vote_average=0,
        vote_count=0,
    )

    body = api.get("/api/movies/120").json()

    unknown = {name for name, value in body.items() if value is None}
    assert unknown == set(DETAILS) - {"tmdb_id", "title", "genres", "vote_average", "vote_count", "cached"}
    assert (body["genres"], body["vote_average"], body["vote_count"]) == ([], 0, 0)


@pytest.mark.parametrize("part", ["", "/credits"])
@pytest.mark.parametrize(("path", "sentence"), [("/api/movies/120", "Movie not found"), (ALBUM, "Album not found")])
def test_a_missing_movie_or_album(api, upstream, path, part, sentence):
    upstream.get(UPSTREAM_ADDRESSES[path], status=404, json=payloads.UNKNOWN)

    assert_problem(api.get(f"{path}{part}"), 404, sentence)


MOVIE_IDS = ["abc", "0", "-1", "1.5", "99999999999999999999", "%00", "%ff", "٣", "1%20", "abc/credits", "0/credits"]
ALBUM_IDS = ["xyz", payloads.RELEASE[:-1], payloads.RELEASE.replace("-", ""), f"{{{payloads.RELEASE}}}", "%00"]


@pytest.mark.parametrize("path", [*(f"movies/{raw}" for raw in MOVIE_IDS), *(f"albums/{raw}" for raw in ALBUM_IDS)])
def test_invalid_ids(api, path):
    assert_problem(api.get(f"/api/{path}"), 422)


def test_a_row_that_was_never_fetched_is_fetched(api, tmdb_movie):
    MovieFactory(tmdb_id=120, title="As known", fetched_at=None)
    tmdb_movie()

    assert api.get("/api/movies/120").json() == DETAILS
    assert Movie.objects.count() == 1


@pytest.mark.parametrize(("status", "answered"), [(404, 404), (500, 502)])
@pytest.mark.parametrize("path", ["/api/movies/120", ALBUM])
def test_a_work_that_was_never_fetched_is_no_answer_when_its_source_fails(api, upstream, path, status, answered):
    MovieFactory(tmdb_id=120, title="From a file", fetched_at=None)
    AlbumFactory(musicbrainz_id=payloads.RELEASE, title="From a file", fetched_at=None)
    upstream.get(UPSTREAM_ADDRESSES[path], status=status, json=payloads.UNKNOWN)

    for _ in range(2):  # also after TMDB has said that there is no such movie
        assert_problem(api.get(path), answered)


def test_movie_credits(api, tmdb_movie):
    tmdb_movie()

    response = api.get("/api/movies/120/credits")

    assert response.status_code == 200
    assert response.json() == {
        "cast": [
            {
                "tmdb_id": 109,
                "name": "Elijah Wood",
                "character": "Frodo",
                "order": 0,
                "profile_url": "https://image.tmdb.org/t/p/w185/wood.jpg",
            },
            {"tmdb_id": 1327, "name": "Ian McKellen", "character": "Gandalf", "order": 1, "profile_url": None},
            {
                "tmdb_id": 1327,
                "name": "Ian McKellen",
                "character": "Gandalf the White",
                "order": 2,
                "profile_url": None,
            },
        ],
        "crew": [
            {
                "tmdb_id": 108,
                "name": "Peter Jackson",
                "department": "Directing",
                "job": "Director",
                "profile_url": "https://image.tmdb.org/t/p/w185/jackson.jpg",
            },
            {
                "tmdb_id": 108,
                "name": "Peter Jackson",
                "department": "Production",
                "job": "Producer",
                "profile_url": "https://image.tmdb.org/t/p/w185/jackson.jpg",
            },
            {
                "tmdb_id": 126,
                "name": "Fran Walsh",
                "department": "Writing",
                "job": "Screenplay",
                "profile_url": None,
            },
        ],
    }


def test_the_first_limit_does_not_shorten_later_ones(api, tmdb_movie, upstream):
    tmdb_movie()

    short = api.get("/api/movies/120/credits?limit=1").json()
    long = api.get("/api/movies/120/credits?limit=50").json()

    assert (len(short["cast"]), len(short["crew"])) == (1, 1)
    assert (len(long["cast"]), len(long["crew"])) == (3, 3)
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("limit", ["0", "51", "x", "1.5"])
@pytest.mark.parametrize("path", ["/api/movies/120/credits", f"{ALBUM}/credits"])
def test_credits_refuse_bad_limits(api, path, limit):
    assert_problem(api.get(f"{path}?limit={limit}"), 422)


def test_credits_cost_the_same_queries_whatever_their_number(api, tmdb_movie, django_assert_num_queries):
    cast = [payloads.actor(n, f"Person {n}", "x", n) for n in range(1, 51)]
    tmdb_movie(credits={"cast": cast, "crew": []})
    api.get("/api/movies/120")

    with django_assert_num_queries(4):  # who asks, the movie, the cast, the crew
        assert len(api.get("/api/movies/120/credits?limit=50").json()["cast"]) == 50


def test_a_refresh_replaces_credits_and_keeps_people(api, tmdb_movie):
    person = Person.objects.create(tmdb_id=109, name="Old name")
    movie = MovieFactory(tmdb_id=120, fetched_at=None)
    MovieCast.objects.create(movie=movie, person=person, credit_id="gone", order=9)
    tmdb_movie()

    api.get("/api/movies/120")

    person.refresh_from_db()
    assert person.name == "Elijah Wood"
    assert list(movie.cast.values_list("credit_id", flat=True)) == ["cast-109", "cast-1327", "second-part"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/api/movies/120", ALBUM])
def test_details_and_credits_of_something_new_at_the_same_moment(path, tmdb_movie, musicbrainz_release):
    if "movies" in path:
        tmdb_movie()
    else:
        musicbrainz_release()
    user = UserFactory()
    statuses = at_once(6, lambda n: client_of(user).get(path + ("/credits" if n % 2 else "")).status_code)

    assert statuses == [200] * 6
    assert Movie.objects.count() + Album.objects.count() == 1
    assert MovieCast.objects.count() in {0, 3}
