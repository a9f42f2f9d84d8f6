import json
import sqlite3

import pytest

from integrations import tmdb
from integrations.errors import RateLimited, Unavailable
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/120"
SEARCH = f"{payloads.TMDB}/search/movie"
V3_KEY = "0123456789abcdef0123456789abcdef"


def cached(settings) -> str:
    """All rows of the cache file."""
    connection = sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")
    rows = connection.execute("SELECT * FROM responses").fetchall()
    connection.close()
    assert rows
    return json.dumps(rows)


def test_details_credits_and_translations_are_one_request(upstream):
    upstream.get(MOVIE, json=payloads.movie())

    tmdb.fetch_movie(120)

    (call,) = upstream.calls
    assert call.request.params == {"language": "en-US", "append_to_response": "credits,translations"}
    assert call.request.headers["Authorization"] == "Bearer a-read-access-token"


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"release_date": None}, "release_date", None),
        ({"release_date": "2001-02-30"}, "release_date", None),
        ({"runtime": None}, "runtime", None),
        ({"runtime": "179"}, "runtime", 179),
        ({"imdb_id": None}, "imdb_id", ""),
        ({"overview": None}, "overview", ""),
        ({"overview": "a\0b\ud800"}, "overview", "ab?"),
        ({"poster_path": "//evil.example/x.jpg"}, "poster_path", ""),
        ({"vote_average": 7}, "vote_average", 7),
        ({"vote_average": "7"}, "vote_average", 0),
        ({"vote_count": None}, "vote_count", 0),
        ({"genres": None}, "genres", []),
        ({"credits": None}, "cast", []),
        ({"credits": {"cast": "none"}}, "crew", []),
    ],
)
def test_odd_values_are_read_as_unknown(upstream, changes, field, value):
    upstream.get(MOVIE, json=payloads.movie(**changes))

    assert getattr(tmdb.fetch_movie(120), field) == value


def test_another_movie_is_no_answer(upstream):
    upstream.get(MOVIE, json=payloads.movie(id=121))

    with pytest.raises(Unavailable):
        tmdb.fetch_movie(120)


def test_search_movies(upstream):
    body = payloads.movie_page(payloads.movie_hit(), payloads.movie_hit(), payloads.movie_hit(id=604, title="Reloaded"))
    upstream.get(SEARCH, json=body | {"total_results": 19, "total_pages": 612})

    page = tmdb.search_movies("matrix", page=2, year=1999)

    assert [(hit.tmdb_id, hit.title) for hit in page.results] == [(603, "The Matrix"), (604, "Reloaded")]
    assert (page.page, page.total_pages, page.total_results) == (2, 500, 19)
    assert upstream.calls[0].request.params == {
        "query": "matrix",
        "page": "2",
        "year": "1999",
        "language": "en-US",
        "include_adult": "false",
    }


def test_a_v3_key_goes_into_the_query_and_nowhere_else(upstream, settings, caplog):
    settings.TMDB_API_KEY = V3_KEY
    upstream.get(MOVIE, json=payloads.movie())
    upstream.get(SEARCH, status=500)

    with caplog.at_level("DEBUG"):
        tmdb.fetch_movie(120)
        with pytest.raises(Unavailable) as failure:
            tmdb.search_movies("matrix")

    assert upstream.calls[0].request.params["api_key"] == V3_KEY
    assert "Authorization" not in upstream.calls[0].request.headers
    assert V3_KEY not in cached(settings)
    assert V3_KEY not in caplog.text + str(failure.value)


def test_the_v4_token_is_not_in_the_cache_file(upstream, settings):
    upstream.get(MOVIE, json=payloads.movie())

    tmdb.fetch_movie(120)

    assert "api.themoviedb.org" in cached(settings)
    assert settings.TMDB_API_KEY not in cached(settings)


def test_a_v3_key_is_in_no_error_of_a_dead_connection(upstream, settings, caplog):
    settings.TMDB_API_KEY = V3_KEY

    with pytest.raises(Unavailable) as failure:
        tmdb.fetch_movie(120)  # nothing is registered, and `responses` says so with the whole address

    assert V3_KEY not in caplog.text + repr(failure.value) + repr(failure.value.__cause__)
    assert failure.value.__suppress_context__


def test_without_a_key_no_request_is_sent(settings, upstream):
    settings.TMDB_API_KEY = ""

    with pytest.raises(Unavailable, match="no TMDB key") as failure:
        tmdb.fetch_movie(120)

    assert failure.value.status == 503
    assert not upstream.calls


@pytest.mark.parametrize("header", [{}, {"Retry-After": "soon"}, {"Retry-After": "0"}])
def test_too_many_requests_without_a_time_are_tried_again_in_a_second(upstream, header):
    upstream.get(MOVIE, status=429, headers=header)

    with pytest.raises(RateLimited) as failure:
        tmdb.fetch_movie(120)

    assert failure.value.retry_after == 1


def test_image_url():
    assert tmdb.image_url("/a.jpg", "w342") == "https://image.tmdb.org/t/p/w342/a.jpg"
    assert tmdb.image_url("", "w342") is None
