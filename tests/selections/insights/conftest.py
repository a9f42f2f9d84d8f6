"""Three people who disagree in 2020, two people's year 2026, and asking for figures about them."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from catalog.models import AlbumArtist, MovieCast, MovieCrew
from selections.models import WeekMovie
from tests.conftest import client_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

ADDRESSES = ["/api/stats/overview", "/api/stats/by-year/2026", "/api/stats/year-in-opinions/2026"]
GROUP, OTHER_GROUP = uuid.UUID(int=1), uuid.UUID(int=2)
DUO, RADIO = uuid.UUID(int=3), uuid.UUID(int=4)


def stats(person, place):
    response = client_of(person).get(f"/api/stats/{place}")
    assert response.status_code == 200, response.json()
    return response.json()


@dataclass
class Club:
    """Three people over 2020, a year of 53 weeks. Who picked what, and what each gave it:

    week  (its Thursday)  pick                  ada  ben  cyd   TMDB
    W01   2 January       ada's movie `one`      8    5    1    8.5
    W13   26 March        ada's movie `two`      6    6    -    nobody voted
                          ada's album `first`    7    -    8
    W14   2 April         ben's movie `four`     3    9    4    6.5
                          ben's album `song`     5  words  6
    W27   2 July          cyd's movie `five`     4    8    -    4.0
    W53   31 December     ada's movie `three`   10    2    9    7.0
                          ben's movie `one`      9    -    -    8.5, as above
                          ben's album `second`   -   10    -    another edition of `first`
    """

    ada: object
    ben: object
    cyd: object
    movies: dict = field(default_factory=dict)
    picks: dict = field(default_factory=dict)
    weeks: dict = field(default_factory=dict)


@pytest.fixture
def club(user, other, time_machine):
    club = Club(user, other, UserFactory(username="cyd"))
    time_machine.move_to(datetime(2021, 2, 10, 12, tzinfo=UTC), tick=False)
    crowd = {"one": (8.5, 100), "two": (0, 0), "three": (7.0, 5), "four": (6.5, 1), "five": (4.0, 9)}
    for name, (average, count) in crowd.items():
        club.movies[name] = MovieFactory(title=name, vote_average=average, vote_count=count)
    first = AlbumFactory(title="first")
    albums = {
        "first": first,
        "second": AlbumFactory(title="second", release_group_id=first.release_group_id),
        "song": AlbumFactory(title="song", release_group_id=None),
    }
    rows = [
        ("ada", 1, "one", [8, 5, 1]),
        ("ada", 13, "two", [6, 6, None]),
        ("ada", 13, "first", [7, None, 8]),
        ("ben", 14, "four", [3, 9, 4]),
        ("ben", 14, "song", [5, None, 6]),
        ("cyd", 27, "five", [4, 8, None]),
        ("ada", 53, "three", [10, 2, 9]),
        ("ben", 53, "one", [9, None, None]),
        ("ben", 53, "second", [None, 10, None]),
    ]
    for owner, number, title, ratings in rows:
        if (owner, number) not in club.weeks:
            club.weeks[owner, number] = WeekFactory(user=getattr(club, owner), year=2020, week_number=number)
        week = club.weeks[owner, number]
        if title in albums:
            pick = WeekAlbumFactory(week=week, album=albums[title])
        else:
            pick = WeekMovieFactory(week=week, movie=club.movies[title])
        club.picks[owner, title] = pick
        for person, rating in zip([club.ada, club.ben, club.cyd], ratings, strict=True):
            time_machine.shift(1)
            if rating:
                give(person, pick, rating)
    AlbumOpinionFactory(user=club.ben, album_pick=club.picks["ben", "song"], rating=None, review="No words.")
    return club


def give(person, pick, rating, **values):
    if isinstance(pick, WeekMovie):
        return MovieOpinionFactory(user=person, movie_pick=pick, rating=rating, **values)
    return AlbumOpinionFactory(user=person, album_pick=pick, rating=rating, **values)


def owner(person):
    return {"id": person.pk, "username": person.username, "display_name": None}


def title(row):
    return (row["movie"] or row["album"])["title"]


def disagreements(body):
    return [
        (row["difference"], title(row), row["higher"]["user"]["username"], row["lower"]["user"]["username"])
        for row in body["results"]
    ]


EVERYTHING = [
    (8, "three", "ada", "ben"),
    (7, "three", "cyd", "ben"),
    (7, "one", "ada", "cyd"),
    (6, "four", "ben", "ada"),
    (5, "four", "ben", "cyd"),
    (4, "five", "ben", "ada"),
    (4, "one", "ben", "cyd"),
    (3, "one", "ada", "ben"),
    (1, "three", "ada", "cyd"),
    (1, "four", "cyd", "ada"),
    (1, "song", "cyd", "ada"),
    (1, "first", "cyd", "ada"),
]


def cast(movie, person, order):
    MovieCast.objects.create(movie=movie, person=person, order=order, credit_id=f"cast {order}")


def crew(movie, person, job):
    MovieCrew.objects.create(movie=movie, person=person, job=job, order=0, credit_id=job)


def credit(album, *artists):
    for position, artist in enumerate(artists):
        AlbumArtist.objects.create(album=album, artist=artist, position=position, name="as credited")


@pytest.fixture
def works(db):
    dora, eve = PersonFactory(tmdb_id=501, name="Dora"), PersonFactory(tmdb_id=502, name="Eve")
    abe, bea, zoe = (PersonFactory(tmdb_id=601 + n, name=name) for n, name in enumerate(["Abe", "Bea", "Zoe"]))
    cid = PersonFactory(tmdb_id=701, name="Cid")
    alpha = MovieFactory(
        title="Alpha", release_date=date(1994, 9, 10), runtime=142, genres=["Drama", "Crime"], original_language="en"
    )
    beta = MovieFactory(
        title="Beta", release_date=date(2001, 12, 18), runtime=179, genres=["Drama"], original_language="en"
    )
    gamma = MovieFactory(title="Gamma")  # without details
    delta = MovieFactory(
        title="Delta", release_date=date(1998, 1, 1), runtime=90, genres=["Comedy"], original_language="fr"
    )
    for movie, director in [(alpha, dora), (beta, dora), (delta, eve)]:
        crew(movie, director, "Director")
        crew(movie, zoe, "Writer")
    crew(alpha, cid, "Composer")
    crew(alpha, cid, "Original Music Composer")
    cast(alpha, abe, 0)
    cast(alpha, bea, 9)
    cast(alpha, zoe, 10)  # the eleventh place does not count
    cast(beta, abe, 0)
    cast(beta, abe, 2)  # a second part counts no second time
    duo = ArtistFactory(name="Duo", musicbrainz_id=DUO)
    radio = ArtistFactory(name="Radio", musicbrainz_id=RADIO)
    first = AlbumFactory(
        title="First", release_group_id=GROUP, release_date="1997-05-21", country="GB", genres=["rock"]
    )
    again = AlbumFactory(title="First again", release_group_id=GROUP, release_date="2009", country="US")
    alone = AlbumFactory(title="Alone", release_group_id=None)
    third = AlbumFactory(
        title="Third", release_group_id=OTHER_GROUP, release_date="1991-04", country="DE", genres=["pop", "rock"]
    )
    credit(first, radio)
    credit(again, radio)
    credit(alone, radio, duo)
    credit(third, duo)
    return SimpleNamespace(
        alpha=alpha, beta=beta, gamma=gamma, delta=delta, first=first, again=again, alone=alone, third=third
    )


def make_week(user, year, week_number, *, movies=(), albums=()):
    """A week whose picks are `movies` and `albums`."""
    week = WeekFactory(user=user, year=year, week_number=week_number)
    return SimpleNamespace(
        pk=week.pk,
        movies=[WeekMovieFactory(week=week, movie=movie, position=n) for n, movie in enumerate(movies, 1)],
        albums=[WeekAlbumFactory(week=week, album=album, position=n) for n, album in enumerate(albums, 1)],
    )


@pytest.fixture
def story(user, other, works, time_machine):
    """Ada asks on the Wednesday of 2026-W53, which is running, after Ben and a private person have said much.

    | week     | Ada's movies        | Ada's albums     | Ben's  | Ada says      | Ben says  | hidden from Ada       |
    | -------- | ------------------- | ---------------- | ------ | ------------- | --------- | --------------------- |
    | 2025-W51 | gamma               | third            |        |               |           |                       |
    | 2025-W52 | alpha               | first            |        | alpha 9       |           |                       |
    | 2026-W01 | beta                | again (repeat)   |        | beta 8,       | beta 2    | beta 1 of the private |
    |          |                     |                  |        | again 3       |           | person                |
    | 2026-W02 | alpha (repeat)      |                  |        |               |           |                       |
    | 2026-W05 |                     |                  |        |               |           |                       |
    | 2026-W09 | gamma (repeat),     | alone            |        | delta 3       | delta 4   |                       |
    |          | delta               |                  |        |               |           |                       |
    | 2026-W10 | delta (repeat)      | third (repeat)   |        | third, words  |           |                       |
    | 2026-W52 | beta (repeat)       | alone (repeat)   | alpha, | Ben's alpha   | his alpha |                       |
    |          |                     |                  | third  | 10            | 6, his    |                       |
    |          |                     |                  |        |               | third 7   |                       |
    | 2026-W53 | gamma (repeat)      |                  | beta,  |               |           | gamma 5 and his beta  |
    |          |                     |                  | first  |               |           | 10 of Ben: W53 runs   |
    """
    time_machine.move_to(datetime(2026, 12, 30, 12, tzinfo=UTC), tick=False)
    hidden = UserFactory(username="hidden", visibility="private")
    w = works
    make_week(user, 2025, 51, movies=[w.gamma], albums=[w.third])
    w52_25 = make_week(user, 2025, 52, movies=[w.alpha], albums=[w.first])
    w01 = make_week(user, 2026, 1, movies=[w.beta], albums=[w.again])
    make_week(user, 2026, 2, movies=[w.alpha])
    make_week(user, 2026, 5)
    w09 = make_week(user, 2026, 9, movies=[w.gamma, w.delta], albums=[w.alone])
    w10 = make_week(user, 2026, 10, movies=[w.delta], albums=[w.third])
    make_week(user, 2026, 52, movies=[w.beta], albums=[w.alone])
    w53 = make_week(user, 2026, 53, movies=[w.gamma])
    bens_52 = make_week(other, 2026, 52, movies=[w.alpha], albums=[w.third])
    bens_53 = make_week(other, 2026, 53, movies=[w.beta], albums=[w.first])
    secret = make_week(hidden, 2026, 1, movies=[w.gamma], albums=[w.first])
    for person, pick, rating in [
        (user, w52_25.movies[0], 9),
        (user, w01.movies[0], 8),
        (user, w09.movies[1], 3),
        (user, bens_52.movies[0], 10),
        (other, w01.movies[0], 2),
        (other, w09.movies[1], 4),
        (other, bens_52.movies[0], 6),
        (other, w53.movies[0], 5),
        (other, bens_53.movies[0], 10),
        (hidden, w01.movies[0], 1),
        (hidden, secret.movies[0], 1),
    ]:
        MovieOpinionFactory(user=person, movie_pick=pick, rating=rating)
    AlbumOpinionFactory(user=user, album_pick=w01.albums[0], rating=3)
    AlbumOpinionFactory(user=user, album_pick=w10.albums[0], rating=None, review="Hm.")
    AlbumOpinionFactory(user=other, album_pick=bens_52.albums[0], rating=7)
    return SimpleNamespace(w01=w01, bens_53=bens_53)


def get(client, address, **query):
    response = client.get(address, query)
    assert response.status_code == 200, response.json()
    return response.json()


def names(rows):
    return [(row["name"], row["count"]) for row in rows]


def place(pick):
    """Where a shown pick is, and what it is."""
    work = pick[pick["kind"]]
    return pick["week"]["owner"]["username"], pick["week"]["week_number"], pick["position"], work["title"]
