"""Searching and looking up: addresses, years in parentheses, one hit per album, official releases first."""

import re
from uuid import UUID

import pytest
import responses

from catalog.models import Movie
from integrations import musicbrainz, tmdb
from tests import payloads
from tests.conftest import assert_problem
from tests.factories import AlbumFactory, MovieFactory

SEARCH = f"{payloads.MUSICBRAINZ}/release"
FIND = f"{payloads.TMDB}/find/tt0120737"
ALBUM = f"https://musicbrainz.org/release/{payloads.RELEASE}"
GROUP = f"https://musicbrainz.org/release-group/{payloads.GROUP}"


def release_id(number):
    return f"00000000-0000-4000-8000-{number:012}"


def edition(number, **changes):
    return payloads.release_hit(id=release_id(number), **changes)


@pytest.fixture
def covers(upstream):
    """Lets the archive have fronts of those releases, and of no other."""

    def register(*numbers):
        def answer(request):
            has = request.url.split("/")[-2] in {release_id(number) for number in numbers}
            return (307, {"Location": "https://archive.org/x.jpg"}, "") if has else (404, {}, "")

        upstream.add_callback(responses.GET, re.compile(f"{payloads.COVERART}/.*"), answer)

    return register


# One hit an album


def test_folded_hits_are_the_most_useful_release_of_each_group(api, upstream, covers):
    other_group = {"release-group": {"id": str(UUID(int=7))}}
    hits = [
        edition(1, status="Bootleg", date="1990", score=100),
        edition(2, date="2016-10-21", score=99),
        edition(3, date="2017", score=98),
        edition(4, date="2018", score=97),
        edition(5, score=60, **other_group),
        edition(6, score=50, **{"release-group": None}),
        edition(7, score=40, **{"release-group": None}),
    ]
    upstream.get(SEARCH, json=payloads.release_page(*hits, count=90))
    covers(1, 3, 4)

    body = api.get("/api/albums/search?query=you+want+it+darker&fold=true").json()

    assert (body["count"], body["offset"]) == (90, 0)
    assert [(hit["musicbrainz_id"], hit["editions"], hit["score"]) for hit in body["results"]] == [
        (release_id(3), 4, 100),
        (release_id(5), 1, 60),
        (release_id(6), 1, 50),
        (release_id(7), 1, 40),
    ]
    assert body["results"][0]["edition_ids"] == [release_id(number) for number in (3, 4, 2, 1)]
    assert body["results"][0]["cover_art_url"].endswith(f"{release_id(3)}/front-500")


@pytest.mark.parametrize("fold", ["", "&fold=false", "&fold=0"])
def test_without_fold_each_release_is_a_hit(api, upstream, covers, fold):
    upstream.get(SEARCH, json=payloads.release_page(edition(1), edition(2)))
    covers()

    results = api.get(f"/api/albums/search?query=x{fold}").json()["results"]

    assert [(hit["editions"], hit["edition_ids"]) for hit in results] == [(1, [release_id(1)]), (1, [release_id(2)])]


def test_folding_costs_no_request(api, upstream, covers):
    upstream.get(SEARCH, json=payloads.release_page(edition(1), edition(2)))
    covers()

    for fold in ("false", "true", "true"):
        api.get(f"/api/albums/search?query=x&fold={fold}")

    assert len([call for call in upstream.calls if call.request.url.startswith(SEARCH)]) == 1


def test_fold_is_yes_or_no(api):
    assert_problem(api.get("/api/albums/search?query=x&fold=perhaps"), 422)


def test_the_catalog_folds_too(api, upstream):
    upstream.get(SEARCH, status=503)
    late, early = (
        AlbumFactory(title="Debut", release_group_id=payloads.GROUP, release_date=d) for d in ("2000", "1993")
    )

    body = api.get("/api/albums/search?query=debut&fold=true").json()

    assert (body["source"], body["count"]) == ("catalog", 2)
    (hit,) = body["results"]
    assert hit["edition_ids"] == [str(early.musicbrainz_id), str(late.musicbrainz_id)]


# Official releases first


def test_official_releases_come_before_bootlegs_and_the_like(api, upstream, covers):
    statuses = ["Bootleg", "Official", "Pseudo-Release", None, "Promotion", "Withdrawn", "Official"]
    upstream.get(SEARCH, json=payloads.release_page(*(edition(n, status=s) for n, s in enumerate(statuses))))
    covers()

    results = api.get("/api/albums/search?query=x").json()["results"]

    assert [int(hit["musicbrainz_id"][-3:]) for hit in results] == [1, 3, 4, 6, 0, 2, 5]


def test_in_the_catalog_too(api, upstream):
    upstream.get(SEARCH, status=503)
    AlbumFactory(title="Live A", status="Bootleg")
    AlbumFactory(title="Live B", status="Official")

    results = api.get("/api/albums/search?query=live").json()["results"]

    assert [hit["title"] for hit in results] == ["Live B", "Live A"]


@pytest.mark.parametrize(
    "query", ["Björk - Debut", "bjork debut", "DEBUT BJÖRK", "debut – björk", "Björk: Debut", "  debut,bjork "]
)
def test_artist_and_title_in_any_order_find_the_album(api, upstream, query):
    upstream.get(SEARCH, status=503)
    AlbumFactory(title="Debut", artist="Björk")

    assert api.get("/api/albums/search", {"query": query}).json()["results"][0]["title"] == "Debut"


# Years


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"query": "Dune (1984)"}, {"query": "Dune", "year": "1984"}),
        ({"query": "Dune (1984)", "year": "2021"}, {"query": "Dune (1984)", "year": "2021"}),
        ({"query": "1917"}, {"query": "1917"}),
        ({"query": "(1984)"}, {"query": "(1984)"}),
        ({"query": "Blade Runner 2049"}, {"query": "Blade Runner 2049"}),
        ({"query": "Room (9999)"}, {"query": "Room (9999)"}),
    ],
)
def test_a_year_in_brackets_is_a_year(api, upstream, asked, sent):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    api.get("/api/movies/search", asked)

    params = upstream.calls[0].request.params
    assert {name: params[name] for name in ("query", "year") if name in params} == sent


# Addresses


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("120", 120),
        ("https://www.themoviedb.org/movie/120-the-lord-of-the-rings", 120),
        ("http://themoviedb.org/movie/120", 120),
        ("themoviedb.org/movie/120/cast?language=de#top", 120),
        ("https://www.themoviedb.org/movie/120-pr%C3%A9", 120),
        ("tt0120737", "tt0120737"),
        ("TT0120737", "tt0120737"),
        ("https://www.imdb.com/title/tt0120737/", "tt0120737"),
        ("https://m.imdb.com/title/tt0120737/fullcredits?ref_=tt", "tt0120737"),
        ("https://www.imdb.com/de/title/tt0120737", "tt0120737"),
        ("https://www.imdb.com/es-es/title/tt0120737/", "tt0120737"),
    ],
)
def test_addresses_of_movies(url, address):
    assert tmdb.read_address(url) == address


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (payloads.RELEASE, ""),
        (payloads.RELEASE.upper(), ""),
        (ALBUM, "release"),
        (f"{ALBUM}/cover-art?x=y#z", "release"),
        (ALBUM.replace("https://", "http://beta."), "release"),
        (ALBUM.removeprefix("https://"), "release"),
        (f"https://coverartarchive.org/release/{payloads.RELEASE}/front", "release"),
    ],
)
def test_addresses_of_releases(url, what):
    assert musicbrainz.read_address(url) == (what, UUID(payloads.RELEASE))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "0",
        "x",
        "99999999999",
        "4294967296",
        "https://www.themoviedb.org/tv/1399",
        "https://evil.example/movie/120",
        "https://www.themoviedb.org.evil.example/movie/120",
        "javascript:alert(1)",
        "tt12",
        "a\0b",
        "٣",
    ],
)
def test_other_text_is_no_address(url):
    assert tmdb.read_address(url) is None
    assert musicbrainz.read_address(url) is None


def test_look_up_a_movie_of_tmdb(api, tmdb_movie):
    tmdb_movie()

    body = api.get("/api/movies/lookup", {"url": " https://www.themoviedb.org/movie/120 "}).json()

    assert (body["tmdb_id"], body["runtime"], body["cached"]) == (120, 179, False)


def test_look_up_a_movie_of_imdb(api, upstream, tmdb_movie):
    upstream.get(FIND, json={"movie_results": [payloads.movie_hit(id=120)], "tv_results": [], "person_results": []})
    tmdb_movie()

    body = api.get("/api/movies/lookup", {"url": "https://www.imdb.com/title/tt0120737/"}).json()

    assert body["tmdb_id"] == 120
    assert upstream.calls[0].request.params == {"external_source": "imdb_id"}


def test_a_movie_that_is_known_is_looked_up_without_tmdb(api):
    MovieFactory(tmdb_id=120, imdb_id="tt0120737", title="Known")

    for url in ("tt0120737", "https://www.themoviedb.org/movie/120"):
        body = api.get("/api/movies/lookup", {"url": url}).json()
        assert (body["title"], body["cached"]) == ("Known", True)


def test_an_imdb_id_that_is_no_movie(api, upstream):
    upstream.get(FIND, json={"movie_results": [], "tv_results": [{"id": 1}]})

    assert_problem(api.get("/api/movies/lookup?url=tt0120737"), 404, "Movie not found")


@pytest.mark.parametrize("body", [{}, {"movie_results": None}, []])
def test_an_answer_about_an_imdb_id_that_cannot_be_read(api, upstream, body):
    upstream.get(FIND, json=body)

    assert_problem(api.get("/api/movies/lookup?url=tt0120737"), 502)


@pytest.mark.parametrize("body", [{"movie_results": [{"id": None}, "x", {"id": 120}]}])
def test_odd_rows_about_an_imdb_id_are_passed_over(api, upstream, tmdb_movie, body):
    upstream.get(FIND, json=body)
    tmdb_movie()

    assert api.get("/api/movies/lookup?url=tt0120737").json()["tmdb_id"] == 120


@pytest.mark.parametrize("url", ["", "x", "a\0b", "x" * 501])
@pytest.mark.parametrize("kind", ["movies", "albums"])
def test_look_up_refuses_other_text(api, kind, url):
    response = api.get(f"/api/{kind}/lookup", {"url": url})

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == "url"


@pytest.mark.parametrize("kind", ["movies", "albums"])
def test_look_up_needs_an_address(api, kind):
    assert_problem(api.get(f"/api/{kind}/lookup"), 422)


def test_look_up_a_release(api, musicbrainz_release):
    musicbrainz_release()

    body = api.get("/api/albums/lookup", {"url": ALBUM}).json()

    assert (body["musicbrainz_id"], body["artist"], body["cached"]) == (payloads.RELEASE, "Leonard Cohen", False)


def browse(upstream, *editions):
    upstream.get(SEARCH, json={"release-count": len(editions), "release-offset": 0, "releases": list(editions)})


def browsed(number, status="Official", date="2016", front=True):
    return {"id": release_id(number), "status": status, "date": date, "cover-art-archive": {"front": front}}


@pytest.mark.parametrize(
    ("editions", "best"),
    [
        ([browsed(1, date="2017"), browsed(2, date="2016-10-21"), browsed(3, date="2016")], 2),
        ([browsed(1, front=False, date="2000"), browsed(2)], 2),
        ([browsed(1, status="Bootleg", date="2000"), browsed(2, front=False)], 2),
        ([browsed(1, status=None), browsed(2, status="Pseudo-Release")], 1),
        ([browsed(1, date=None), browsed(2, date="2020")], 2),
        ([browsed(1), browsed(2)], 1),
        ([{"id": "nonsense"}, browsed(2, status="Bootleg", date="????-04-28", front=None)], 2),
    ],
)
def test_look_up_a_release_group(api, upstream, musicbrainz_release, editions, best):
    browse(upstream, *editions)
    musicbrainz_release(id=release_id(best))

    assert api.get("/api/albums/lookup", {"url": GROUP}).json()["musicbrainz_id"] == release_id(best)
    assert upstream.calls[0].request.params["release-group"] == payloads.GROUP


def test_an_id_may_be_a_release_group_s(api, upstream, musicbrainz_release):
    upstream.get(f"{SEARCH}/{payloads.GROUP}", status=404, json=payloads.UNKNOWN)
    browse(upstream, browsed(1))
    musicbrainz_release(id=release_id(1))

    assert api.get("/api/albums/lookup", {"url": payloads.GROUP}).json()["musicbrainz_id"] == release_id(1)


def test_an_album_that_is_known_is_looked_up_without_musicbrainz(api):
    AlbumFactory(release_group_id=payloads.GROUP, status="Bootleg")
    album = AlbumFactory(release_group_id=payloads.GROUP, status="Official", musicbrainz_id=payloads.RELEASE)

    for url in (ALBUM, GROUP, payloads.RELEASE):
        body = api.get("/api/albums/lookup", {"url": url}).json()
        assert (body["title"], body["cached"]) == (album.title, True)


def test_a_release_group_without_releases(api, upstream):
    browse(upstream)

    assert_problem(api.get("/api/albums/lookup", {"url": GROUP}), 404, "Album not found")


def test_a_release_that_is_not_there_is_no_release_group(api, upstream):
    upstream.get(f"{SEARCH}/{payloads.RELEASE}", status=404, json=payloads.UNKNOWN)

    assert_problem(api.get("/api/albums/lookup", {"url": ALBUM}), 404, "Album not found")


@pytest.mark.parametrize(
    ("kind", "url"), [("movies", "120"), ("movies", "tt0120737"), ("albums", ALBUM), ("albums", GROUP)]
)
def test_look_up_of_something_unknown_when_upstream_is_dead(api, upstream, kind, url):
    upstream.get(re.compile(f"{payloads.TMDB if kind == 'movies' else payloads.MUSICBRAINZ}/.*"), status=503)

    assert_problem(api.get(f"/api/{kind}/lookup", {"url": url}), 503)


@pytest.mark.parametrize("query", ["https://www.themoviedb.org/movie/120-x", "tt0120737"])
def test_an_address_in_the_search_box_finds_that_movie(api, query):
    MovieFactory(tmdb_id=120, imdb_id="tt0120737", title="Known")

    body = api.get("/api/movies/search", {"query": query}).json()

    assert (body["source"], body["total_results"], body["results"][0]["tmdb_id"]) == ("catalog", 1, 120)
    assert api.get("/api/movies/search", {"query": query, "page": 2}).json()["results"] == []


def test_an_address_of_something_new_is_asked_for(api, tmdb_movie):
    tmdb_movie()

    assert api.get("/api/movies/search?query=themoviedb.org/movie/120").json()["source"] == "tmdb"


def test_a_number_in_the_search_box_is_a_title(api, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit(title="300")))

    assert api.get("/api/movies/search?query=300").json()["results"][0]["title"] == "300"


@pytest.mark.parametrize("query", [ALBUM, GROUP, payloads.RELEASE])
def test_an_address_in_the_search_box_finds_that_album(api, query):
    AlbumFactory(release_group_id=payloads.GROUP, musicbrainz_id=payloads.RELEASE)

    body = api.get("/api/albums/search", {"query": query}).json()

    assert (body["source"], body["count"]) == ("catalog", 1)
    assert body["results"][0]["musicbrainz_id"] == payloads.RELEASE
    assert body["results"][0]["edition_ids"] == [payloads.RELEASE]
    assert api.get("/api/albums/search", {"query": query, "offset": 25}).json()["results"] == []


def test_an_address_of_nothing_finds_nothing(api, upstream):
    upstream.get(FIND, json={"movie_results": []})
    upstream.get(f"{SEARCH}/{payloads.RELEASE}", status=404, json=payloads.UNKNOWN)

    assert api.get("/api/movies/search?query=tt0120737").json()["results"] == []
    assert api.get("/api/albums/search", {"query": ALBUM}).json()["results"] == []
    assert not Movie.objects.exists()
