"""Exports as tests write them."""

import csv
import io
import re
import uuid
from datetime import UTC, date, datetime, timedelta

from accounts import services as accounts
from accounts.models import User
from catalog.models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    ArtistAlias,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    Person,
)
from selections.models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer import export, restoring
from tests import payloads
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    MovieFactory,
    MovieOpinionFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

# Works with a value for each column that members share
GROUP, RELEASE = uuid.UUID(int=77), uuid.UUID(payloads.RELEASE)
INSTANT = "2026-02-01T00:00:00Z"
PERSON = {"tmdb_id": 9, "name": "Invented", "profile_path": "/evil.jpg"}
ARTIST = {"musicbrainz_id": str(uuid.UUID(int=7)), "name": "Invented", "aliases": [str(uuid.UUID(int=8))]}
INVENTED = {"title": "Invented", "own_title": "Invented", "note": "Invented", "genres": ["Invented"]}
INVENTED |= {"status": "Official", "country": "XW", "fetched_at": INSTANT, "vanished_at": INSTANT}
MOVIE = INVENTED | {
    "tmdb_id": 120,
    "imdb_id": "tt0133093",
    "original_title": "Invented",
    "original_language": "xx",
    "own_cover": "/evil.jpg",
    "release_date": "1999-03-31",
    "runtime": 1,
    "overview": "Invented",
    "overview_language": "xx",
    "tagline": "Invented",
    "poster_path": "/evil.jpg",
    "backdrop_path": "/evil.jpg",
    "vote_average": 10,
    "vote_count": 10**6,
    "aliases": [121],
    "cast": [{"credit_id": "a", "order": 0, "person": PERSON}],
    "crew": [{"credit_id": "a", "order": 0, "job": "Director", "person": PERSON}],
}
ALBUM = INVENTED | {
    "musicbrainz_id": str(RELEASE),
    "artist": "Invented",
    "release_group_id": str(GROUP),
    "release_date": "1999",
    "primary_type": "Album",
    "own_cover": "https://archive.org/evil.jpg",
    "cover_art_url": f"https://coverartarchive.org/release-group/{GROUP}/front-500",
    "cover_known": True,
    "cover_asked_at": INSTANT,
    "aliases": [str(uuid.UUID(int=78))],
    "artist_credit": [{"name": "Invented", "artist": ARTIST}],
}


def exported(user) -> str:
    return "".join(export.to_json(user))


def minimal(**changes):
    """A file with one week of a movie and an album that only the file knows."""
    return {
        "format": "wrong-opinions",
        "version": 1,
        "weeks": [
            {
                "year": 2026,
                "week_number": 2,
                "notes": "From elsewhere.",
                "created_at": "2026-01-05T08:00:00Z",
                "updated_at": "2026-01-07T20:15:30.123456Z",
                "movies": [
                    {
                        "position": 1,
                        "added_at": "2026-01-06T08:00:00Z",
                        "tmdb_id": 603,
                        "opinions": [
                            {
                                "by": "ada",
                                "own": True,
                                "rating": 9,
                                "created_at": "2026-01-06T09:00:00Z",
                                "updated_at": "2026-01-07T09:00:00Z",
                                "earlier_ratings": [{"rating": 4, "until_at": "2026-01-07T09:00:00Z"}],
                            },
                            {"by": "ben", "own": False, "rating": 1, "review": "No."},
                        ],
                    }
                ],
                "albums": [{"position": 2, "musicbrainz_id": str(uuid.UUID(int=5))}],
            }
        ],
        "catalog": {
            "movies": [{"tmdb_id": 603, "title": "The Matrix"}],
            "albums": [{"musicbrainz_id": str(uuid.UUID(int=5)), "title": "OK Computer"}],
        },
    } | changes


def changed(changes):
    """The same with other values at places such as `weeks[0].movies[0].position`."""
    data = minimal()
    for place, value in changes.items():
        *path, last = (int(part) if part.isdecimal() else part for part in re.findall(r"\w+", place))
        inner = data
        for part in path:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
        inner[last] = value
    return data


def given(**changes):
    """An opinion on a pick of ben."""
    return {"owner": "ben", "year": 2026, "week_number": 2, "kind": "movie", "tmdb_id": 603, "rating": 7} | changes


SAID = datetime(2026, 1, 7, 20, 15, 30, 123456, tzinfo=UTC)


def load(user, data, *, apply=True, is_trusted=False):
    return restoring.load(user, data, apply=apply, is_trusted=is_trusted)


def back_again(user) -> User:
    """The same person, after deleting the account and registering again."""
    accounts.delete_account(user)
    return User.objects.create_user(user.username, user.email)


def rows():
    """All that an import could change."""
    models = [User, Week, WeekMovie, WeekAlbum, Opinion, EarlierRating, Movie, Album, AlbumAlias, Artist, ArtistAlias]
    models += [Person, MovieCast, MovieCrew, AlbumArtist, MovieAlias]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def full_history(user, other) -> None:
    """One of everything that a file can hold."""
    type(user).objects.filter(pk=user.pk).update(
        display_name="Ada »L«", time_zone="Pacific/Kiritimati", visibility="private"
    )
    user.refresh_from_db()
    week = WeekFactory(user=user, year=2020, week_number=53, notes='=1+1\r\n"quoted", \u2028 and ✨', created_at=SAID)
    empty = WeekFactory(user=user, year=2021, week_number=1, updated_at=SAID)
    actor = Person.objects.create(tmdb_id=9, name="", profile_path="/p.jpg")
    movie = MovieFactory(
        tmdb_id=2**31 - 1,
        imdb_id="tt0133093",
        release_date=date(1874, 12, 9),
        runtime=1,
        vote_average=7.123456789,
        genres=["Drama", "Sci-Fi"],
        poster_path="/abc.jpg",
        overview="A\nB",
        overview_language="de-DE",
        own_title="As we say",
        own_cover="/own.jpg",
        note="For staff only.",
        vanished_at=SAID,
    )
    MovieAlias.objects.create(movie=movie, tmdb_id=2**31 - 2)
    MovieCast.objects.create(movie=movie, person=actor, credit_id="1", character="", order=0)
    MovieCast.objects.create(movie=movie, person=actor, credit_id="0", character="Two", order=0)
    MovieCrew.objects.create(movie=movie, person=actor, credit_id="1", department="X", job="Director", order=4)
    album = AlbumFactory(
        release_date="1997-05",
        cover_asked_at=SAID,
        cover_art_url="https://coverartarchive.org/x",
        country="XW",
        own_title="As we say, too",
        own_cover="https://archive.org/own.jpg",
        note="For staff only.",
    )
    AlbumAlias.objects.create(album=album, musicbrainz_id=uuid.uuid4())
    artist = ArtistFactory(
        end="2016", ended=True, bio="Long.", links=[{"type": "blog", "url": "https://x.example"}], fetched_at=SAID
    )
    ArtistAlias.objects.create(artist=artist, musicbrainz_id=uuid.uuid4())
    AlbumArtist.objects.create(album=album, artist=artist, position=3, name="A", join_phrase=" & ")
    AlbumArtist.objects.create(album=album, artist=artist, position=4, name="A again")
    first = WeekMovieFactory(week=week, movie=movie, position=2, added_at=SAID, rewatch=False)
    second = WeekAlbumFactory(week=week, album=album, position=1, rewatch=True)
    said = MovieOpinionFactory(user=user, movie_pick=first, rating=None, review="No.", contains_spoilers=True)
    said.earlier_ratings.create(rating=3, until_at=SAID)
    said.earlier_ratings.create(rating=None, until_at=SAID)
    said.earlier_ratings.create(rating=1, until_at=SAID - timedelta(days=1))
    AlbumOpinionFactory(user=user, album_pick=second, created_at=SAID, updated_at=SAID + timedelta(microseconds=1))
    theirs = WeekMovieFactory(week__user=other, week__year=2021, week__week_number=1, position=2)
    given = MovieOpinionFactory(user=user, movie_pick=theirs, review="Good, for once.")
    given.earlier_ratings.create(rating=5, until_at=SAID)
    AlbumOpinionFactory(user=user, album_pick=WeekAlbumFactory(week=theirs.week, album=album))
    MovieOpinionFactory(user=other, movie_pick=first, review="Hm.")
    assert empty.movie_picks.count() == 0


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def long_reviews(user, count=6, sign="ö", length=150_000):
    for number in range(count):
        pick = WeekMovieFactory(week__user=user, week__year=2020, week__week_number=number + 1)
        MovieOpinionFactory(user=user, movie_pick=pick, review=sign * length)


def invented(**changes):
    """A file with a value for each column that members share."""
    return minimal(
        catalog={
            "movies": [MOVIE | {"tmdb_id": 603}],
            "albums": [ALBUM | {"musicbrainz_id": str(uuid.UUID(int=5))}],
        },
        **changes,
    )
