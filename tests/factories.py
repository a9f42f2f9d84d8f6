"""Valid and dull rows; a test sets what it asserts on."""

import uuid
from datetime import UTC, date, datetime

import factory
from factory.django import DjangoModelFactory

from accounts.models import User, digest
from catalog.models import Album, Artist, Movie, Person
from selections.models import Challenge, Opinion, SharedYear, ShortlistItem, Week, WeekAlbum, WeekMovie

PASSWORD = "Correct-horse-9-battery"
FETCHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence("person{}".format)
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")


def make_user(**values) -> User:
    """A user who signs in with PASSWORD."""
    user = UserFactory.build(**values)
    user.set_password(PASSWORD)
    user.save()
    return user


class MovieFactory(DjangoModelFactory):
    class Meta:
        model = Movie

    tmdb_id = factory.Sequence(lambda n: 1000 + n)
    title = factory.Sequence("Movie {}".format)
    fetched_at = FETCHED


class AlbumFactory(DjangoModelFactory):
    class Meta:
        model = Album

    musicbrainz_id = factory.LazyFunction(uuid.uuid4)
    release_group_id = factory.LazyFunction(uuid.uuid4)
    title = factory.Sequence("Album {}".format)
    artist = "Somebody"
    cover_known = True
    fetched_at = FETCHED


class ArtistFactory(DjangoModelFactory):
    """An artist with only what credits contain."""

    class Meta:
        model = Artist

    musicbrainz_id = factory.LazyFunction(uuid.uuid4)
    name = factory.Sequence("Artist {}".format)


class PersonFactory(DjangoModelFactory):
    class Meta:
        model = Person

    tmdb_id = factory.Sequence(lambda n: 2000 + n)
    name = factory.Sequence("Person {}".format)


class WeekFactory(DjangoModelFactory):
    class Meta:
        model = Week

    user = factory.SubFactory(UserFactory)
    # Weeks from 1900 to 2015: however many a run creates, they are over, so opinions on them are not hidden.
    year = factory.Sequence(lambda n: date.fromordinal(693_700 + 7 * (n % 6_000)).isocalendar().year)
    week_number = factory.Sequence(lambda n: date.fromordinal(693_700 + 7 * (n % 6_000)).isocalendar().week)


class WeekMovieFactory(DjangoModelFactory):
    class Meta:
        model = WeekMovie

    week = factory.SubFactory(WeekFactory)
    movie = factory.SubFactory(MovieFactory)
    position = 1


class WeekAlbumFactory(DjangoModelFactory):
    class Meta:
        model = WeekAlbum

    week = factory.SubFactory(WeekFactory)
    album = factory.SubFactory(AlbumFactory)
    position = 1


class MovieOpinionFactory(DjangoModelFactory):
    class Meta:
        model = Opinion

    user = factory.SubFactory(UserFactory)
    movie_pick = factory.SubFactory(WeekMovieFactory)
    rating = 7


class AlbumOpinionFactory(DjangoModelFactory):
    class Meta:
        model = Opinion

    user = factory.SubFactory(UserFactory)
    album_pick = factory.SubFactory(WeekAlbumFactory)
    rating = 7


class ShortlistItemFactory(DjangoModelFactory):
    """A movie, unless there is an `album`."""

    class Meta:
        model = ShortlistItem

    user = factory.SubFactory(UserFactory)
    movie = factory.Maybe("album", None, factory.SubFactory(MovieFactory))
    album = None


class ChallengeFactory(DjangoModelFactory):
    """A movie, unless there is an `album`."""

    class Meta:
        model = Challenge

    challenger = factory.SubFactory(UserFactory)
    member = factory.SubFactory(UserFactory)
    movie = factory.Maybe("album", None, factory.SubFactory(MovieFactory))
    album = None


def share_year(user, partner=None, year=2026) -> str:
    """Let the user share a year, alone or with a partner; the token of the address."""
    token = f"{user.pk}-{partner and partner.pk}-{year}"
    SharedYear.objects.create(user=user, partner=partner, year=year, key_hash=digest(token))
    return token


WORKS = {"movie": MovieFactory, "album": AlbumFactory}
PICKS = {"movie": WeekMovieFactory, "album": WeekAlbumFactory}
OPINIONS = {"movie": MovieOpinionFactory, "album": AlbumOpinionFactory}
