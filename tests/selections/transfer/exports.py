"""Exports as tests write them."""

import re
import uuid

from selections.transfer import export


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
