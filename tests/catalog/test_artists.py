import uuid

import pytest
from django.utils import timezone

from catalog import artists
from catalog.models import AlbumArtist, Artist
from tests import payloads
from tests.conftest import assert_problem, at_once, client_of, forget_sessions
from tests.factories import AlbumFactory, ArtistFactory, UserFactory, WeekAlbumFactory, WeekFactory

ADDRESS = f"/api/artists/{payloads.ARTIST}"
LOOKUP = f"{payloads.MUSICBRAINZ}/artist/{payloads.ARTIST}"
OLD = uuid.UUID("00000000-0000-4000-8000-000000000002")

DETAILS = {
    "musicbrainz_id": payloads.ARTIST,
    "name": "Leonard Cohen",
    "sort_name": "Cohen, Leonard",
    "disambiguation": "Canadian poet",
    "artist_type": "Person",
    "area": "Canada",
    "country": "CA",
    "begin": "1934-09-21",
    "end": "2016-11",
    "ended": True,
    "bio": "Cohen wrote a book first.",
    "genres": ["folk", "chanson"],
    "links": [
        {"type": "official homepage", "url": "https://cohen.example.org/"},
        {"type": "IMDb", "url": "http://imdb.example.org/1"},
    ],
    "cached": False,
    "albums": [],
}
FROM_CREDITS = {
    "musicbrainz_id": payloads.ARTIST,
    "name": "Leonard Cohen",
    "sort_name": "Leonard Cohen, sorted",
    "disambiguation": None,
    "artist_type": "Person",
    "area": None,
    "country": None,
    "begin": None,
    "end": None,
    "ended": None,
    "bio": None,
    "genres": [],
    "links": [],
    "cached": True,
    "albums": [],
}


def known_artist(**values):
    return ArtistFactory(musicbrainz_id=payloads.ARTIST, **values)


def credited_artist():
    return known_artist(name="Leonard Cohen", sort_name="Leonard Cohen, sorted", artist_type="Person")


def credit(album, artist, position=0):
    return AlbumArtist.objects.create(album=album, artist=artist, position=position, name=artist.name)


def test_an_artist_is_looked_up_once_and_then_the_same(api, musicbrainz_artist, upstream):
    musicbrainz_artist()

    first = api.get(ADDRESS)
    second = api.get(ADDRESS)

    assert first.status_code == second.status_code == 200
    assert first.json() == DETAILS
    assert second.json() == DETAILS | {"cached": True}
    assert len(upstream.calls) == 1


def test_an_artist_known_from_credits_is_looked_up(api, musicbrainz_artist):
    credited_artist()
    musicbrainz_artist()

    assert api.get(ADDRESS).json() == DETAILS
    assert Artist.objects.get().fetched_at


@pytest.mark.parametrize("answer", [{"status": 404, "json": payloads.UNKNOWN}, {"status": 500}, {"body": "garbage"}])
def test_an_artist_known_from_credits_is_shown_when_musicbrainz_fails(api, upstream, answer):
    credited_artist()
    upstream.get(LOOKUP, **answer)

    response = api.get(ADDRESS)

    assert (response.status_code, response.json()) == (200, FROM_CREDITS)


@pytest.mark.parametrize(
    ("answer", "status", "retry_after"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 429, "7"),
        ({"status": 500}, 502, None),
        ({"status": 503, "headers": {"Retry-After": "9"}}, 503, "9"),
        ({"json": {"name": "Somebody"}}, 502, None),
    ],
)
def test_upstream_failures(api, upstream, answer, status, retry_after):
    upstream.get(LOOKUP, **answer)

    response = api.get(ADDRESS)

    assert_problem(response, status)
    assert response.headers.get("Retry-After") == retry_after
    assert not Artist.objects.exists()


def test_a_missing_artist(api, upstream):
    upstream.get(LOOKUP, status=404, json=payloads.UNKNOWN)

    assert_problem(api.get(ADDRESS), 404, "Artist not found")


@pytest.mark.parametrize(
    "raw", ["xyz", payloads.ARTIST[:-1], payloads.ARTIST.replace("-", ""), f"{{{payloads.ARTIST}}}", "%00", "%0a"]
)
def test_no_artist_id(api, raw):
    assert_problem(api.get(f"/api/artists/{raw}"), 422)


def test_unknown_values_of_artists_are_null(api, musicbrainz_artist):
    nothing = ["sort-name", "disambiguation", "type", "area", "country", "life-span", "annotation"]
    musicbrainz_artist(**dict.fromkeys(nothing), genres=[], relations=[])

    body = api.get(ADDRESS).json()

    assert {name for name, value in body.items() if value is None} == {
        "sort_name", "disambiguation", "artist_type", "area", "country", "begin", "end", "ended", "bio",
    }  # fmt: skip
    assert (body["genres"], body["links"], body["albums"]) == ([], [], [])


def test_an_active_artist_has_not_ended(api, musicbrainz_artist):
    musicbrainz_artist(**{"life-span": {"begin": "1988-01", "end": None, "ended": False}})

    body = api.get(ADDRESS).json()

    assert (body["begin"], body["end"], body["ended"]) == ("1988-01", None, False)


# Their albums


def test_picked_albums_are_there_by_title_with_their_weeks(api, user, other):
    artist = known_artist(fetched_at=timezone.now())
    late, early = AlbumFactory(title="Z", artist="Cohen & Co."), AlbumFactory(title="a", release_date="2016-10")
    for album in (late, early, AlbumFactory(title="Not picked")):
        credit(album, artist)
    WeekAlbumFactory()  # of another artist
    mine = WeekAlbumFactory(week=WeekFactory(user=user, year=2026, week_number=7), album=early)
    WeekAlbumFactory(week=WeekFactory(user=other, year=2025, week_number=7), album=early, position=2)
    WeekAlbumFactory(week=WeekFactory(user=other), album=late)

    albums = api.get(ADDRESS).json()["albums"]

    assert [album["title"] for album in albums] == ["a", "Z"]
    assert albums == api.get("/api/albums/selections").json()["results"][:1] + albums[1:]
    assert albums[0] == {
        "id": early.pk,
        "musicbrainz_id": str(early.musicbrainz_id),
        "title": "a",
        "artist": "Somebody",
        "release_date": "2016-10-01",
        "release_date_precision": "month",
        "cover_art_url": None,
        "cached_at": "2026-01-02T03:04:05Z",
        "confirmed": True,
        "selections": albums[0]["selections"],
    }
    assert [(pick["week_id"], pick["position"]) for pick in albums[0]["selections"]] == [
        (mine.week_id, 1),
        (mine.week_id + 1, 2),
    ]


def test_picks_of_private_people_are_theirs_alone(api, user):
    hermit = UserFactory(visibility="private")
    artist = known_artist(fetched_at=timezone.now())
    shared, hidden = AlbumFactory(), AlbumFactory()
    for album in (shared, hidden):
        credit(album, artist)
        WeekAlbumFactory(week=WeekFactory(user=hermit), album=album)
    mine = WeekAlbumFactory(week=WeekFactory(user=user), album=shared)

    (album,) = api.get(ADDRESS).json()["albums"]

    assert (album["id"], [pick["week_id"] for pick in album["selections"]]) == (shared.pk, [mine.week_id])
    assert len(client_of(hermit).get(ADDRESS).json()["albums"]) == 2


def test_an_album_that_credits_an_artist_twice_is_listed_once(api):
    artist = known_artist(fetched_at=timezone.now())
    pick = WeekAlbumFactory()
    credit(pick.album, artist, 0)
    credit(pick.album, artist, 1)

    assert len(api.get(ADDRESS).json()["albums"]) == 1


def test_an_artist_costs_the_same_queries_whatever_was_picked(api, django_assert_num_queries):
    artist = known_artist(fetched_at=timezone.now())
    for _ in range(9):
        album = AlbumFactory()
        credit(album, artist)
        for _ in range(3):
            WeekAlbumFactory(album=album)

    with django_assert_num_queries(4):  # who asks, the artist, the albums, their picks
        assert len(api.get(ADDRESS).json()["albums"]) == 9


# Credits


def test_credits_tell_more_once_the_artist_was_looked_up(api, musicbrainz_release, musicbrainz_artist):
    musicbrainz_release()
    musicbrainz_artist()
    path = f"/api/albums/{payloads.RELEASE}/credits"
    (before,) = api.get(path).json()["artists"]

    api.get(ADDRESS)

    assert (before["country"], before["begin"], before["end"]) == (None, None, None)
    looked_up = {name: DETAILS[name] for name in ("sort_name", "disambiguation", "country", "begin", "end")}
    assert api.get(path).json()["artists"] == [before | looked_up]


def test_credits_leave_what_was_looked_up_alone(api, musicbrainz_release, musicbrainz_artist):
    musicbrainz_release()
    musicbrainz_artist()
    api.get(ADDRESS)
    looked_up = Artist.objects.values(
        "area", "country", "begin", "end", "ended", "bio", "genres", "links", "fetched_at"
    )
    before = looked_up.get()

    api.get(f"/api/albums/{payloads.RELEASE}")

    assert AlbumArtist.objects.get().artist.sort_name == "Leonard Cohen, sorted"
    assert looked_up.get() == before


# Merged artists


def test_a_merged_id_is_remembered(api, musicbrainz_artist):
    asked = musicbrainz_artist(asked_id=OLD)
    fresh = api.get(f"/api/artists/{OLD}").json()
    forget_sessions()

    again = api.get(f"/api/artists/{OLD}").json()

    assert (fresh, again) == (DETAILS, DETAILS | {"cached": True})
    assert asked.call_count == 1


@pytest.mark.parametrize("is_known", [False, True])
def test_the_surviving_artist_takes_the_credits(api, musicbrainz_artist, is_known):
    merged = ArtistFactory(musicbrainz_id=OLD)
    pick = WeekAlbumFactory()
    credit(pick.album, merged)
    if is_known:
        credit(pick.album, known_artist(), 1)
    musicbrainz_artist(asked_id=OLD)

    body = api.get(f"/api/artists/{OLD}").json()

    assert (body["musicbrainz_id"], [album["id"] for album in body["albums"]]) == (payloads.ARTIST, [pick.album_id])
    assert str(Artist.objects.get().musicbrainz_id) == payloads.ARTIST
    assert AlbumArtist.objects.filter(artist__musicbrainz_id=payloads.ARTIST).count() == 1 + is_known


@pytest.mark.django_db(transaction=True)
def test_a_merge_at_the_same_moment_as_lookups_and_credits(musicbrainz_artist, musicbrainz_release, upstream):
    upstream.assert_all_requests_are_fired = False
    credit(AlbumFactory(), ArtistFactory(musicbrainz_id=OLD))
    musicbrainz_artist(asked_id=OLD)
    musicbrainz_artist()
    first = payloads.credit("Leonard Cohen", " & ")
    second = payloads.credit("As he was")
    second["artist"]["id"] = str(OLD)
    musicbrainz_release(**{"artist-credit": [first, second]})
    user = UserFactory()
    paths = [f"/api/artists/{OLD}", ADDRESS, f"/api/albums/{payloads.RELEASE}"]

    statuses = at_once(6, lambda n: client_of(user).get(paths[n % 3]).status_code)

    assert statuses == [200] * 6
    assert artists.refresh_artist(OLD) == Artist.objects.get()
    assert AlbumArtist.objects.filter(artist__musicbrainz_id=payloads.ARTIST).count() == 3


# Admin


def test_the_admin_shows_what_was_looked_up_with_links_to_follow(client, db):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    links = [{"type": "official <b>homepage</b>", "url": 'https://example.org/?a=1&b="'}]
    artist = known_artist(fetched_at=timezone.now(), bio="Once upon a time", links=links)
    known = ArtistFactory(name="From credits")

    page = client.get(f"/admin/catalog/artist/{artist.pk}/change/").content.decode()
    looked_up = client.get("/admin/catalog/artist/?fetched_at__isempty=0").content.decode()

    url = "https://example.org/?a=1&amp;b=&quot;"
    assert f'official &lt;b&gt;homepage&lt;/b&gt;: <a href="{url}" rel="noreferrer">{url}</a>' in page
    assert "Once upon a time" in page
    assert (artist.name in looked_up, known.name in looked_up) == (True, False)
