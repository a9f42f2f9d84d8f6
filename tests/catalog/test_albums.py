import pytest
import responses

from catalog.models import AlbumArtist, Artist
from integrations import musicbrainz
from tests import payloads
from tests.conftest import assert_problem
from tests.factories import AlbumFactory

FRONT = f"{payloads.COVERART}/release/{payloads.RELEASE}/front-500"
GROUP_FRONT = f"{payloads.COVERART}/release-group/{payloads.GROUP}/front-500"
ALBUM = f"/api/albums/{payloads.RELEASE}"
ALBUM_DETAILS = {
    "musicbrainz_id": payloads.RELEASE,
    "release_group_id": payloads.GROUP,
    "title": "You Want It Darker",
    "artist": "Leonard Cohen",
    "release_date": "2016-10-21",
    "country": "US",
    "status": "Official",
    "primary_type": "Album",
    "genres": ["folk"],
    "cover_art_url": f"https://coverartarchive.org/release/{payloads.RELEASE}/front-500",
    "cached": False,
}


def test_search_albums(api, upstream):
    other = "00000000-0000-4000-8000-000000000003"
    bare = payloads.release_hit(
        id=other, score=87, date="2016", country=None, **{"release-group": None, "artist-credit": []}
    )
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(payloads.release_hit(), bare, count=40))
    upstream.get(FRONT, status=307, headers={"Location": "https://archive.org/x.jpg"})
    upstream.get(f"{payloads.COVERART}/release/{other}/front-500", status=404)

    response = api.get("/api/albums/search?query=you+want+it+darker&offset=25")

    assert response.status_code == 200
    assert response.json() == {
        "source": "musicbrainz",
        "count": 40,
        "offset": 25,
        "results": [
            {
                "musicbrainz_id": payloads.RELEASE,
                "title": "You Want It Darker",
                "artist": "Leonard Cohen",
                "release_date": "2016-10-21",
                "country": "US",
                "score": 100,
                "cover_art_url": f"https://coverartarchive.org/release/{payloads.RELEASE}/front-500",
                "release_group_id": payloads.GROUP,
                "editions": 1,
                "edition_ids": [payloads.RELEASE],
            },
            {
                "musicbrainz_id": other,
                "title": "You Want It Darker",
                "artist": None,
                "release_date": "2016",
                "country": None,
                "score": 87,
                "cover_art_url": None,
                "release_group_id": None,
                "editions": 1,
                "edition_ids": [other],
            },
        ],
    }
    searches = [call for call in upstream.calls if call.request.url.startswith(payloads.MUSICBRAINZ)]
    assert len(searches) == 1
    assert (searches[0].request.params["limit"], searches[0].request.params["offset"]) == ("25", "25")


def test_covers_that_the_catalog_knows_are_not_asked_for(api, upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(payloads.release_hit()))
    album = AlbumFactory(musicbrainz_id=payloads.RELEASE, cover_art_url=FRONT, cover_known=True)
    assert api.get("/api/albums/search?query=x").json()["results"][0]["cover_art_url"] == FRONT

    album.cover_art_url = GROUP_FRONT  # as details and picks show it, not searches
    album.save()
    assert api.get("/api/albums/search?query=x").json()["results"][0]["cover_art_url"] is None


def test_a_dead_archive_leaves_covers_unknown(api, upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(payloads.release_hit()))
    upstream.get(FRONT, status=503)

    response = api.get("/api/albums/search?query=x")

    assert response.status_code == 200
    assert response.json()["results"][0]["cover_art_url"] is None


def test_search_albums_in_the_catalog_when_musicbrainz_is_dead(api, upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=503)
    AlbumFactory(title="Debut", artist="Björk")

    body = api.get("/api/albums/search?query=bjork%20-%20debut").json()

    assert (body["source"], body["count"], body["offset"]) == ("catalog", 1, 0)
    assert (body["results"][0]["title"], body["results"][0]["score"]) == ("Debut", 100)


def test_a_full_queue_is_a_429(transactional_db, api, settings):
    settings.MUSICBRAINZ_MAX_WAIT, settings.MUSICBRAINZ_INTERVAL = 10, 30
    musicbrainz.upstream.admission.reserve(0)

    response = api.get("/api/albums/search?query=x")

    assert_problem(response, 429)
    assert 20 <= int(response.headers["Retry-After"]) <= 26


def test_album_details_are_fetched_once_and_then_the_same(api, musicbrainz_release, upstream):
    musicbrainz_release()

    first = api.get(ALBUM)
    second = api.get(ALBUM.upper().replace("/API/ALBUMS", "/api/albums"))

    assert first.status_code == second.status_code == 200
    assert first.json() == ALBUM_DETAILS
    assert second.json() == ALBUM_DETAILS | {"cached": True}
    assert len(upstream.calls) == 1  # the lookup's own flag tells that there is a cover


def test_without_a_front_the_release_group_s_is_shown(api, musicbrainz_release, upstream):
    musicbrainz_release(**{"cover-art-archive": {"front": False}})
    upstream.get(GROUP_FRONT, status=307, headers={"Location": "https://archive.org/x.jpg"})

    url = f"https://coverartarchive.org/release-group/{payloads.GROUP}/front-500"
    assert api.get(ALBUM).json()["cover_art_url"] == url
    assert api.get(ALBUM).json()["cover_art_url"] == url


def test_a_cover_that_could_not_be_asked_for_comes_later(api, musicbrainz_release, upstream, now, time_machine):
    musicbrainz_release(**{"cover-art-archive": {"front": False}})
    upstream.get(GROUP_FRONT, status=503)
    assert [api.get(ALBUM).json()["cover_art_url"] for _ in range(3)] == [None] * 3
    assert len(upstream.calls) == 2  # while the archive is down, not every view of the album asks it
    time_machine.shift(660)
    upstream.replace(responses.GET, GROUP_FRONT, status=307, headers={"Location": "https://archive.org/x.jpg"})

    assert api.get(ALBUM).json()["cover_art_url"].endswith("/front-500")


def test_unknown_values_of_albums_are_null(api, musicbrainz_release):
    musicbrainz_release(
        **{
            "date": None,
            "country": None,
            "status": None,
            "release-group": None,
            "artist-credit": [],
            "cover-art-archive": None,
        }
    )

    body = api.get(ALBUM).json()

    assert {name for name, value in body.items() if value is None} == {
        "release_group_id",
        "artist",
        "release_date",
        "country",
        "status",
        "primary_type",
        "cover_art_url",
    }
    assert body["genres"] == []


@pytest.mark.parametrize("date", ["2016", "2016-10", "2016-10-21"])
def test_dates_are_given_as_precisely_as_known(api, musicbrainz_release, date):
    musicbrainz_release(date=date)

    assert [api.get(ALBUM).json()["release_date"] for _ in range(2)] == [date, date]


def test_album_credits(api, musicbrainz_release, upstream):
    first = payloads.credit("JAY‐Z", " & ", artist_name="JAY-Z", number=1)
    musicbrainz_release(**{"artist-credit": [first, payloads.credit("Kanye West", number=2)]})

    short = api.get(f"{ALBUM}/credits?limit=1")
    long = api.get(f"{ALBUM}/credits")

    jay = {
        "musicbrainz_id": "65314b12-0e08-43fa-ba33-000000000001",
        "name": "JAY‐Z",
        "sort_name": "JAY‐Z, sorted",
        "disambiguation": None,
        "artist_type": "Person",
        "country": None,
        "begin": None,
        "end": None,
        "join_phrase": " & ",
        "order": 0,
    }
    kanye = jay | {
        "musicbrainz_id": "65314b12-0e08-43fa-ba33-000000000002",
        "name": "Kanye West",
        "sort_name": "Kanye West, sorted",
        "join_phrase": None,
        "order": 1,
    }
    assert short.json() == {"artists": [jay]}
    assert long.json() == {"artists": [jay, kanye]}
    assert len(upstream.calls) == 1
    assert Artist.objects.get(name="JAY-Z")


def test_an_artist_may_be_credited_twice(api, musicbrainz_release):
    musicbrainz_release(**{"artist-credit": [payloads.credit("Prince", " & "), payloads.credit("The Artist")]})

    assert [artist["name"] for artist in api.get(f"{ALBUM}/credits").json()["artists"]] == ["Prince", "The Artist"]
    assert (Artist.objects.count(), AlbumArtist.objects.count()) == (1, 2)
