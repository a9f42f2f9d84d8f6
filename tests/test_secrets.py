"""Hidden opinions and private members change no response: every address with a GET is requested with and without
them."""

import re

import pytest
from django.db import connection
from django.db.models import Q

from accounts.services import renew_calendar_token
from catalog.models import AlbumArtist, Artist, MovieCast, MovieCrew, Person
from selections.models import Event, Opinion
from tests import payloads
from tests.conftest import client_of
from tests.endpoints import VIEWS, methods_of
from tests.factories import (
    FETCHED,
    AlbumFactory,
    AlbumOpinionFactory,
    ChallengeFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
    share_year,
)

RECENT = FETCHED.replace(month=2)  # fetched within the month before today
SIGNED_IN = {
    address for address in VIEWS if not address.startswith(("/api/auth", "/api/schema", "/api/docs", "/api/redoc"))
}
GETS = sorted(address for address in SIGNED_IN if any("GET" in methods_of(view) for view in VIEWS[address]))
PARTS = {  # each is a test
    "statistics": [address for address in GETS if address.startswith("/api/stats/")],
    "weeks": [address for address in GETS if address.startswith(("/api/weeks", "/api/opinions", "/api/export"))],
}
PARTS["others"] = [address for address in GETS if address not in {*PARTS["statistics"], *PARTS["weeks"]}]
# On PostgreSQL only counts, and the one moment whose queries show most: the rest does not depend on the database.
if connection.vendor != "sqlite":
    PARTS = {"statistics": PARTS["statistics"]}
each_part = pytest.mark.parametrize("addresses", PARTS.values(), ids=PARTS)

# What is asked beside the address; of the others the address is enough.
QUERIES = {
    "/api/movies/search": [{"query": "the"}],
    "/api/albums/search": [{"query": "the"}],
    "/api/movies/lookup": [{"url": "1000000"}],
    "/api/albums/lookup": [{"url": payloads.RELEASE}],
    "/api/export": [{}, {"format": "csv"}, {"format": "letterboxd"}],
    "/api/weeks": [{}, {"search": "the"}, {"complete": "true"}, {"owner": "ben"}],
    "/api/shortlist": [{}, {"owner": "ben"}],
    "/api/opinions": [{}, {"user": "ben"}, {"min_rating": 1}],
    "/api/rounds/{name}": [{}, {"page_size": 1}],
    "/api/stats/overview": [{}, {"user": "ben"}, {"user": "all"}],
    "/api/stats/by-year/{year}": [{}, {"user": "ben"}, {"user": "all"}],
    "/api/stats/year-in-opinions/{year}": [{}, {"user": "ben"}, {"user": "all"}],
    "/api/stats/year-in-opinions/{year}/card.svg": [{}, {"with": "ben"}],
    "/api/stats/compare": [{"with": "ben"}],
    "/api/stats/wrong-opinions": [{}, {"year": 2026}, {"week": "2025-W07"}, {"user": "ben"}],
    "/api/stats/report-card": [{}, {"user": "ben"}],
    "/api/stats/contrarian": [{}, {"user": "ben"}],
    "/api/stats/on-this-week": [{}, {"user": "ben"}],
}
ABOUT_A_HERMIT = (
    {address: [{"owner": "hermit"}] for address in ("/api/weeks", "/api/shortlist")}
    | {"/api/users": [{"search": "hermit"}]}
    | {
        address: [{"with" if address.endswith(("/compare", "/card.svg")) else "user": "hermit"}]
        for address in GETS
        if address.startswith(("/api/stats/", "/api/opinions"))
    }
)


@pytest.fixture
def world(now, user, other, upstream, monkeypatch):
    """This week and an old one of two people, each with a movie and an album, all of them rated by both of them but
    for what is secret."""
    monkeypatch.setattr("catalog.services.EXTRA_WAIT", 14)  # seconds: a late answer would be in only one response
    upstream.assert_all_requests_are_fired = False
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page())
    upstream.get(re.compile(rf"{payloads.TMDB}/movie/\d+/recommendations"), json=payloads.movie_page())
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page())
    movies = [MovieFactory(title=f"The movie {n}", runtime=100, fetched_at=RECENT, genres=["Drama"]) for n in range(4)]
    movies[0].tmdb_id = 1_000_000
    movies[0].save()
    albums = [AlbumFactory(title=f"The album {n}", fetched_at=RECENT, genres=["rock"]) for n in range(4)]
    albums[0].musicbrainz_id = payloads.RELEASE
    albums[0].save()
    person = Person.objects.create(tmdb_id=7, name="Somebody")
    artist = Artist.objects.create(musicbrainz_id=payloads.GROUP, name="Some band", fetched_at=RECENT)
    for movie, album in zip(movies, albums, strict=True):
        MovieCast.objects.create(movie=movie, person=person, credit_id="a", order=0)
        MovieCrew.objects.create(movie=movie, person=person, credit_id="b", job="Director", order=0)
        AlbumArtist.objects.create(album=album, artist=artist, position=0, name="Some band")
    weeks = {}
    for owner in (user, other):
        for year, first in ((2025, 0), (2026, 1)):
            week = weeks[owner.username, year] = WeekFactory(user=owner, year=year, week_number=7, notes="the notes")
            WeekMovieFactory(week=week, movie=movies[first])
            WeekAlbumFactory(week=week, album=albums[first])
    for week in (weeks["ada", 2025], weeks["ben", 2025], weeks["ada", 2026]):
        rate(user, week, 6)
    for week in (weeks["ada", 2025], weeks["ben", 2025]):
        rate(other, week, 9)
    for owner, movie in ((user, movies[2]), (other, movies[3])):
        ShortlistItemFactory(user=owner, movie=movie)
    accepted = {"state": "accepted", "answered_at": FETCHED}
    for week in (weeks["ada", 2025], weeks["ben", 2025], weeks["ben", 2026]):
        pick, challenger = week.movie_picks.get(), user if week.user == other else other
        ChallengeFactory(challenger=challenger, member=week.user, movie=pick.movie, movie_pick=pick, **accepted)
    sharing = [(user,), (other,), (user, other), (other, user), (user, other, 2025), (other, user, 2025)]
    tokens = {
        "/api/weeks.ics": [{"token": renew_calendar_token(user)}],
        "/api/stats/year-in-opinions/shared.svg": [{"token": share_year(*pair)} for pair in sharing],
    }
    return {"weeks": weeks, "movies": movies, "albums": albums, "tokens": tokens}


def rate(person, week, rating, review=""):
    MovieOpinionFactory(user=person, movie_pick=week.movie_picks.get(), rating=rating, review=review)
    AlbumOpinionFactory(user=person, album_pick=week.album_picks.get(), rating=rating, review=review)


def answers(client, world, addresses=GETS, queries=QUERIES):
    """What the addresses say, by address and query."""
    week = world["weeks"]["ben", 2026]
    ids = {
        "/api/weeks": week.pk,
        "/api/users": week.user_id,
        "/api/movies": 1_000_000,
        "/api/albums": payloads.RELEASE,
        "/api/artists": payloads.GROUP,
        "/api/people": 7,
        "/api/stats": 2026,
        "/api/rounds": "2026-W07",
    }
    said = {}
    for address in addresses:
        place = address.replace("{position}", "1")
        for start, value in ids.items():
            if address.startswith(start + "/"):
                place = re.sub(r"\{\w+\}", str(value), place)
        assert "{" not in place, f"{address} needs an id"
        for query in world["tokens"].get(address) or queries.get(address, [{}]):
            response = client.get(place, query)
            text = re.sub(r'"opinions_count":\d+', "", response.getvalue().decode())
            said[f"{address} {query}"] = (response.status_code, text)
    return said


MOMENTS = [  # time zones of the reader and of the week's owner, and when they read
    ("Pacific/Kiritimati", "UTC", "2026-02-15T11:00Z"),
    ("America/New_York", "Pacific/Kiritimati", "2026-02-16T04:59Z"),
]


@each_part
@pytest.mark.parametrize(("zone", "owners_zone", "moment"), MOMENTS if connection.vendor == "sqlite" else MOMENTS[:1])
def test_a_hidden_opinion_changes_nothing(user, other, world, time_machine, addresses, zone, owners_zone, moment):
    for person, its in ((user, zone), (other, owners_zone)):
        person.time_zone = its
        person.save()
    time_machine.move_to(moment, tick=False)
    client, third = client_of(user), UserFactory(username="cleo")
    client.get("/api/weeks/current")  # makes one, which counts
    before = answers(client, world, addresses)

    rate(other, world["weeks"]["ben", 2026], 1, "A hidden review")
    rate(third, world["weeks"]["ben", 2026], 10, "A hidden review")

    assert answers(client, world, addresses) == before


def test_an_opinion_is_shown_once_it_is_revealed(user, other, world):
    rate(other, world["weeks"]["ben", 2026], 1, "A hidden review")
    rate(user, world["weeks"]["ben", 2026], 10)

    told = answers(client_of(user), world)

    assert len([place for place, (_, text) in told.items() if "A hidden review" in text]) >= 4
    refused = {place for place, (status, _) in told.items() if status != 200}
    assert not [place for place in refused if not place.startswith("/api/weeks/{pk}/")]


@each_part
def test_a_private_member_changes_nothing(user, other, world, addresses):
    hermit = UserFactory(username="hermit", visibility="private")
    client = client_of(user)
    queries = {address: QUERIES.get(address, [{}]) + ABOUT_A_HERMIT.get(address, []) for address in GETS}
    before = answers(client, world, addresses, queries)

    for number in (6, 7):
        week = WeekFactory(user=hermit, year=2025, week_number=number, notes="the hidden notes")
        WeekMovieFactory(week=week, movie=world["movies"][0])
        WeekMovieFactory(week=week, movie=world["movies"][3], position=2)
        WeekAlbumFactory(week=week, album=world["albums"][0])
        WeekAlbumFactory(week=week, album=world["albums"][3], position=2)
        for owner in (hermit, other, user):
            MovieOpinionFactory(user=owner, movie_pick=week.movie_picks.first(), rating=10)
    for week in world["weeks"].values():
        rate(hermit, week, 1, "A hidden review")
    ShortlistItemFactory(user=hermit)
    for person in (user, other):
        given = person.shortlist.get().votes.create(user=hermit)
        Event.objects.create(kind="voted", user=hermit, vote=given)
        for challenger, member in ((hermit, person), (person, hermit)):
            made = ChallengeFactory(challenger=challenger, member=member)
            Event.objects.create(kind="challenged", user=challenger, challenge=made)
    for kind in ("week_completed", "week_revealed"):
        Event.objects.create(kind=kind, user=hermit, week=hermit.weeks.first())
    Event.objects.create(kind="joined", user=hermit)
    Event.objects.create(kind="voted", user=other, vote=hermit.shortlist.get().votes.create(user=other))
    for opinion in Opinion.objects.with_picks().filter(Q(user=hermit) | Q(movie_pick__week__user=hermit)):
        Event.objects.create(kind="opinion_given", user=opinion.user, week=opinion.pick.week, opinion=opinion)
    changed = {place for place, said in answers(client, world, addresses, queries).items() if said != before[place]}

    # An opinion that the caller gave before the owner became private stays theirs, but its week is hidden.
    assert changed == set()
