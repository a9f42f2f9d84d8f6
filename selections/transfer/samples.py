"""A year of weeks and opinions of two made-up people, so that a fresh instance has something to show."""

import json
import random
import secrets
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.utils import timezone

from catalog.artists import store_artist_credit
from catalog.models import STALE_AFTER, Album, Movie
from integrations import coverart, musicbrainz
from selections.models import MAX_RATING, Opinion, Week, WeekAlbum, WeekMovie

FILE = Path(__file__).parent / "sample_data.json"
PEOPLE = ["ada", "ben"]
REVIEWS = [
    "Better than everybody says.",
    "I wanted to like this.",
    "An hour too long, and I would not cut a minute.",
    "Overrated. There, I said it.",
    "Again tomorrow.",
    "It gets good after the part where I fell asleep.",
]
WEEKS = 52
NOTES = [
    "One of us fell asleep. The other one denies it.",
    "Watched with the sound too low, heard with the bass too high.",
    "A week of second chances.",
    "We agreed for once. Suspicious.",
    "Rain all weekend, so both sides twice.",
]


def load() -> dict[str, str]:
    """Store the sample catalog and people with their weeks up to today, and return their new passwords by name.

    Call it in a transaction, on an instance without these people. The catalog's rows are facts from recordings of the
    upstreams, which count as fetched so long ago that they are fetched again when somebody looks.
    """
    data = json.loads(FILE.read_text(encoding="utf-8"))
    movies = [_movie(row) for row in data["movies"]]
    albums = [_album(row) for row in data["albums"]]
    chance = random.Random(2026)  # noqa: S311 - the same year for everybody, not a secret
    passwords = {}
    for name in PEOPLE:
        passwords[name] = secrets.token_urlsafe(12)
        person = get_user_model().objects.create_user(name, f"{name}@example.org", passwords[name])
        _fill_year(person, movies, albums, chance)
    _disagree(chance)
    return passwords


def _movie(row: dict) -> Movie:
    movie, _ = Movie.objects.get_or_create(
        tmdb_id=row["tmdb_id"], defaults=row | {"fetched_at": timezone.now() - 2 * STALE_AFTER}
    )
    return movie


def _album(row: dict) -> Album:
    known: dict[str, Any] = {
        name: row[name] for name in ("release_group_id", "title", "release_date", "country", "status", "primary_type")
    } | {"fetched_at": timezone.now() - 2 * STALE_AFTER}
    artist_credit = [
        musicbrainz.ArtistCredit(
            musicbrainz_id=UUID(artist["musicbrainz_id"]),
            name=artist["name"],
            artist_name=artist["name"],
            sort_name=artist["sort_name"],
            disambiguation="",
            artist_type="",
            join_phrase=artist["join_phrase"],
        )
        for artist in row["artists"]
    ]
    if row["cover"]:
        known |= {"cover_art_url": coverart.front_url("release", UUID(row["musicbrainz_id"])), "cover_known": True}
    known["artist"] = "".join(credit.name + credit.join_phrase for credit in artist_credit)
    album, is_new = Album.objects.get_or_create(musicbrainz_id=row["musicbrainz_id"], defaults=known)
    if is_new:
        store_artist_credit(album, artist_credit)
    return album


def _fill_year(person, movies: list[Movie], albums: list[Album], chance: random.Random) -> None:
    """The last WEEKS weeks up to the current one: most complete, some with gaps, a few left out altogether."""
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    for back in range(WEEKS):
        current = back == 0
        if not current and chance.random() < 0.06:
            continue
        start = timezone.make_aware(datetime.combine(monday - timedelta(weeks=back), time(19, 30)))
        iso = start.isocalendar()
        week = Week.objects.create(
            user=person,
            year=iso.year,
            week_number=iso.week,
            notes=chance.choice(NOTES) if chance.random() < 0.25 else "",
            created_at=min(start, timezone.now()),
            updated_at=min(start, timezone.now()),
        )
        picked_movies = chance.sample(movies, chance.choices((0, 1, 2), (1, 5, 4))[0] if not current else 1)
        picked_albums = chance.sample(albums, chance.choices((0, 1, 2), (1, 5, 4))[0] if not current else 1)
        for position, movie in enumerate(picked_movies, 1):
            added_at = min(start + timedelta(days=position), timezone.now())
            WeekMovie.objects.create(week=week, movie=movie, position=position, added_at=added_at)
        for position, album in enumerate(picked_albums, 1):
            added_at = min(start + timedelta(days=position + 2), timezone.now())
            WeekAlbum.objects.create(week=week, album=album, position=position, added_at=added_at)


def _disagree(chance: random.Random) -> None:
    """Opinions of everybody on most of all picks: people know a good work when they see one, or think so."""
    worth: dict[tuple[str, int], int] = {}
    opinions = []
    people = get_user_model().objects.filter(username__in=PEOPLE).order_by("username")
    for person in people:
        for model, kind in ((WeekMovie, "movie"), (WeekAlbum, "album")):
            for pick in model.objects.select_related("week").order_by("week__year", "week__week_number", "id"):
                if chance.random() > (0.9 if pick.week.user_id == person.pk else 0.65):
                    continue
                key = (kind, pick.movie_id if isinstance(pick, WeekMovie) else pick.album_id)
                good = worth.setdefault(key, chance.randint(3, 9))
                said_at = min(pick.added_at + timedelta(hours=chance.randint(2, 90)), timezone.now())
                opinions.append(
                    Opinion(
                        user=person,
                        rating=max(1, min(MAX_RATING, round(chance.gauss(good, 1.8)))),
                        review=chance.choice(REVIEWS) if chance.random() < 0.2 else "",
                        created_at=said_at,
                        updated_at=said_at,
                        **{f"{kind}_pick": pick},
                    )
                )
    Opinion.objects.bulk_create(opinions)
