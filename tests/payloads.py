"""What the upstreams send, in their shapes, quirks included."""

import json
from typing import Any

RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
GROUP = "99599db8-0e36-4a93-b0e8-350e9d7502a9"
ARTIST = "65314b12-0e08-43fa-ba33-000000000001"
TMDB = "https://api.themoviedb.org/3"
MUSICBRAINZ = "https://musicbrainz.org/ws/2"
COVERART = "https://coverartarchive.org"
UNKNOWN = {"status_code": 34, "status_message": "The resource could not be found.", "error": "Not Found"}  # a 404's


def movie(**changes: Any) -> dict[str, Any]:
    """Details of a movie, with credits."""
    return {
        "adult": False,
        "backdrop_path": "/back.jpg",
        "belongs_to_collection": None,
        "budget": 0,
        "genres": [{"id": 12, "name": "Adventure"}, {"id": 14, "name": "Fantasy"}],
        "homepage": "",
        "id": 120,
        "imdb_id": "tt0120737",
        "original_language": "en",
        "original_title": "The Fellowship of the Ring",
        "overview": "A hobbit leaves home.",
        "popularity": 174.668,
        "poster_path": "/poster.jpg",
        "release_date": "2001-12-18",
        "runtime": 179,
        "status": "Released",
        "tagline": "One ring to rule them all.",
        "title": "The Lord of the Rings: The Fellowship of the Ring",
        "video": False,
        "vote_average": 8.414,
        "vote_count": 24832,
        "softcore": False,
        "credits": {
            "cast": [
                actor(109, "Elijah Wood", "Frodo", 0, profile_path="/wood.jpg"),
                actor(1327, "Ian McKellen", "Gandalf", 1, profile_path=None),
                actor(1327, "Ian McKellen", "Gandalf the White", 2, profile_path=None, credit_id="second-part"),
            ],
            "crew": [
                worker(117, "Howard Shore", "Original Music Composer", "Sound"),
                worker(108, "Peter Jackson", "Director", "Directing", profile_path="/jackson.jpg"),
                worker(108, "Peter Jackson", "Producer", "Production", profile_path="/jackson.jpg"),
                worker(108, "Peter Jackson", "Producer", "Production", profile_path="/jackson.jpg", credit_id="again"),
                worker(1315, "John Gilbert", "Editor", "Editing"),
                worker(126, "Fran Walsh", "Screenplay", "Writing"),
            ],
        },
    } | changes


def actor(person: int, name: str, character: str, order: int, **changes: Any) -> dict[str, Any]:
    row = {"id": person, "name": name, "character": character, "order": order, "credit_id": f"cast-{person}"}
    return row | {"adult": False, "gender": 2, "profile_path": None} | changes


def worker(person: int, name: str, job: str, department: str, **changes: Any) -> dict[str, Any]:
    row = {"id": person, "name": name, "job": job, "department": department, "credit_id": f"crew-{person}-{job}"}
    return row | {"adult": False, "gender": 2, "profile_path": None} | changes


def movie_hit(**changes: Any) -> dict[str, Any]:
    return {
        "adult": False,
        "backdrop_path": None,
        "genre_ids": [],
        "id": 603,
        "original_title": "The Matrix",
        "overview": "A hacker wakes up.",
        "poster_path": "/matrix.jpg",
        "release_date": "1999-03-30",
        "title": "The Matrix",
        "vote_average": 8,
        "vote_count": 26000,
    } | changes


def movie_page(*hits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"page": 1, "results": list(hits), "total_pages": 1, "total_results": len(hits)} | changes


def credit(name: str, joinphrase: str = "", artist_name: str | None = None, number: int = 1) -> dict[str, Any]:
    return {
        "name": name,
        "joinphrase": joinphrase,
        "artist": {
            "id": f"65314b12-0e08-43fa-ba33-{number:012}",
            "name": artist_name or name,
            "sort-name": f"{name}, sorted",
            "disambiguation": "",
            "type": "Person",
        },
    }


def release(**changes: Any) -> dict[str, Any]:
    """A lookup of a release: absent values are null or ""."""
    return {
        "id": RELEASE,
        "title": "You Want It Darker",
        "status": "Official",
        "packaging": None,
        "artist-credit": [credit("Leonard Cohen")],
        "release-group": {
            "id": GROUP,
            "title": "You Want It Darker",
            "primary-type": "Album",
            "secondary-types": [],
            "genres": [{"id": "x", "name": "folk", "count": 3, "disambiguation": ""}],
        },
        "date": "2016-10-21",
        "country": "US",
        "barcode": "",
        "asin": None,
        "disambiguation": "",
        "cover-art-archive": {"front": True, "back": True, "artwork": True, "count": 11, "darkened": False},
        "genres": [],
    } | changes


def release_hit(**changes: Any) -> dict[str, Any]:
    """A release as a search finds it: absent values have no key."""
    row = {
        "id": RELEASE,
        "score": 100,
        "title": "You Want It Darker",
        "status": "Official",
        "artist-credit": [{"name": "Leonard Cohen", "artist": {"id": "65314b12-0e08-43fa-ba33-000000000001"}}],
        "release-group": {"id": GROUP, "title": "You Want It Darker", "primary-type": "Album"},
        "date": "2016-10-21",
        "country": "US",
        "track-count": 9,
    } | changes
    return {name: value for name, value in row.items() if value is not None}


def release_page(*hits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"created": "2026-11-22T00:00:00.000Z", "count": len(hits), "offset": 0, "releases": list(hits)} | changes


def artist(**changes: Any) -> dict[str, Any]:
    """A lookup of an artist: absent values are null or ""; areas come under two names."""
    birthplace = {"id": "35a0d6ae-7d3c-4c1b-a4a4-7d2a0e4e7b5f", "name": "Montréal", "sort-name": "Montréal"}
    return {
        "id": ARTIST,
        "name": "Leonard Cohen",
        "sort-name": "Cohen, Leonard",
        "disambiguation": "Canadian poet",
        "type": "Person",
        "gender": "Male",
        "country": "CA",
        "area": {"id": "71bbafaa-e825-3e15-8ca9-017dcad1748b", "name": "Canada", "iso-3166-1-codes": ["CA"]},
        "begin-area": birthplace,
        "begin_area": birthplace,
        "end-area": None,
        "end_area": None,
        "life-span": {"begin": "1934-09-21", "end": "2016-11", "ended": True},
        "annotation": "'''Cohen''' wrote [https://example.org/book|a book] first.",
        "ipis": [],
        "isnis": [],
        "genres": [
            {"id": "x", "name": "chanson", "count": 2, "disambiguation": ""},
            {"id": "y", "name": "folk", "count": 9, "disambiguation": ""},
        ],
        "relations": [
            link("official homepage", "https://cohen.example.org/"),
            link("IMDb", "http://imdb.example.org/1"),
        ],
    } | changes


def link(kind: str, url: str, **changes: Any) -> dict[str, Any]:
    row = {"type": kind, "target-type": "url", "direction": "forward", "url": {"id": "x", "resource": url}}
    return row | {"begin": None, "end": None, "ended": False, "attributes": []} | changes


def json_of(body: dict[str, Any]) -> str:
    """A body as it is sent."""
    return json.dumps(body)
