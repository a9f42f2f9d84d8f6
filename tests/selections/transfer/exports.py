"""Exports as tests write them."""

import re
import uuid

from selections.transfer import export
from tests import payloads

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
