"""Examples for the OpenAPI document, by schema and by parameter: one week of two friends, told throughout."""

from typing import Any

ADA = {"id": 1, "username": "ada", "display_name": "Ada L."}
BEN = {"id": 2, "username": "ben", "display_name": None}
RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
EDITION = "e8a9ae3f-0d63-4a4b-8f5e-9d7b9e6b2f15"
GROUP = "99599db8-0e36-4a93-b0e8-350e9d7502a9"
ARTIST = "65314b12-0e08-43fa-ba33-baaa7b874c15"
IMAGES = "https://image.tmdb.org/t/p"
COVER = f"https://coverartarchive.org/release/{RELEASE}/front-500"
JOINED = "2026-01-01T09:30:00Z"
PICKED = "2026-02-11T19:30:00Z"
PASSWORD = "a long phrase of one's own"  # noqa: S105 - an example

movie_hit = {
    "tmdb_id": 120,
    "title": "The Lord of the Rings: The Fellowship of the Ring",
    "original_title": "The Lord of the Rings: The Fellowship of the Ring",
    "release_date": "2001-12-18",
    "poster_url": f"{IMAGES}/w342/6oom5QYQ2yQTMJIbnvbkBL9cHo6.jpg",
    "overview": "A hobbit leaves home.",
    "vote_average": 8.4,
}
movie_details = movie_hit | {
    "backdrop_url": f"{IMAGES}/w1280/x2RS3uTcsJJ9IfjNPcgDmukoEcQ.jpg",
    "vote_count": 24832,
    "runtime": 179,
    "tagline": "One ring to rule them all.",
    "status": "Released",
    "imdb_id": "tt0120737",
    "genres": ["Adventure", "Fantasy", "Action"],
    "cached": True,
}
picked_movie = {
    "id": 11,
    "tmdb_id": 120,
    "title": "The Lord of the Rings: The Fellowship of the Ring",
    "original_title": "The Lord of the Rings: The Fellowship of the Ring",
    "release_date": "2001-12-18",
    "poster_path": "/6oom5QYQ2yQTMJIbnvbkBL9cHo6.jpg",
    "overview": "A hobbit leaves home.",
    "cached_at": PICKED,
}
album_hit = {
    "musicbrainz_id": RELEASE,
    "title": "You Want It Darker",
    "artist": "Leonard Cohen",
    "release_date": "2016-10-21",
    "country": "US",
    "score": 100,
    "cover_art_url": COVER,
    "release_group_id": GROUP,
    "editions": 2,
    "edition_ids": [RELEASE, EDITION],
}
album_details = {
    "musicbrainz_id": RELEASE,
    "release_group_id": GROUP,
    "title": "You Want It Darker",
    "artist": "Leonard Cohen",
    "release_date": "2016-10-21",
    "country": "US",
    "status": "Official",
    "primary_type": "Album",
    "genres": ["folk", "singer-songwriter"],
    "cover_art_url": COVER,
    "cached": True,
}
picked_album = {
    "id": 12,
    "musicbrainz_id": RELEASE,
    "title": "You Want It Darker",
    "artist": "Leonard Cohen",
    "release_date": "2016-10-21",
    "release_date_precision": "day",
    "cover_art_url": COVER,
    "cached_at": PICKED,
}
week = {
    "id": 7,
    "user_id": 1,
    "owner": ADA,
    "year": 2026,
    "week_number": 7,
    "starts_on": "2026-02-09",
    "ends_on": "2026-02-15",
    "notes": "One of us fell asleep.",
    "is_complete": True,
    "created_at": "2026-02-09T08:00:00Z",
    "updated_at": PICKED,
}
movie_pick = {"position": 1, "added_at": PICKED, "movie": picked_movie}
album_pick = {"position": 1, "added_at": PICKED, "album": picked_album}
selection = {"week_id": 7, "year": 2026, "week_number": 7, "position": 1, "added_at": PICKED, "owner": ADA}
earlier = selection | {"week_id": 3, "year": 2025, "week_number": 50, "added_at": "2025-12-10T20:00:00Z", "owner": BEN}
user = ADA | {
    "email": "ada@example.org",
    "is_active": True,
    "created_at": JOINED,
    "time_zone": "Europe/Berlin",
    "visibility": "members",
}
profile = ADA | {"created_at": JOINED, "weeks": 7, "complete_weeks": 6}
api_token = {
    "id": 4,
    "name": "Widget on my phone",
    "scope": "read",
    "hint": "wo_Q3xZr",
    "created_at": JOINED,
    "expires_at": "2027-01-01T00:00:00Z",
    "last_used_at": None,
}


def page(result: dict[str, Any]) -> dict[str, Any]:
    return {"total": 1, "page": 1, "page_size": 20, "results": [result]}


SCHEMAS: dict[str, dict[str, Any]] = {
    # Asked
    "RegisterRequest": {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "invitation": None},
    "LoginRequest": {"username": "ada", "password": PASSWORD},
    "RefreshRequest": {"refresh_token": "eyJhbGciOi…"},
    "ChangePasswordRequest": {"current_password": PASSWORD, "new_password": "another phrase of one's own"},
    "PasswordResetRequest": {"email": "ada@example.org"},
    "ConfirmPasswordResetRequest": {
        "uid": "MQ",
        "token": "d4kqjz-5b1f0c…",
        "new_password": "another phrase of one's own",
    },
    "CreateApiTokenRequest": {"name": "Widget on my phone", "scope": "read", "expires_at": "2027-01-01T00:00:00Z"},
    "PatchedChangeProfileRequest": {"display_name": "Ada L.", "time_zone": "Europe/Berlin", "visibility": "members"},
    "OwnPasswordRequest": {"password": PASSWORD},
    "CreateWeekRequest": {"year": 2026, "week_number": 7, "notes": "One of us fell asleep."},
    "PatchedChangeWeekRequest": {"notes": "One of us fell asleep.", "year": 2026, "week_number": 7},
    "PickMovieRequest": {"tmdb_id": 120, "position": 1},
    "ReplaceMovieRequest": {"tmdb_id": 120},
    "PickAlbumRequest": {"musicbrainz_id": RELEASE, "position": 1},
    "ReplaceAlbumRequest": {"musicbrainz_id": RELEASE},
    # Answered
    "Health": {"status": "healthy", "version": "0.1.0"},
    "User": user,
    "TokenPair": {
        "access_token": "eyJhbGciOi…",
        "refresh_token": "eyJhbGciOi…",
        "token_type": "bearer",
        "expires_in": 1800,
    },
    "Sent": {"detail": "If there is an account with that address, a link is on its way to it"},
    "NewApiToken": api_token | {"token": "wo_Q3xZr…"},
    "PaginatedApiTokenList": page(api_token),
    "Profile": profile,
    "PaginatedProfileList": page(profile),
    "MoviePage": {"source": "tmdb", "page": 1, "total_pages": 1, "total_results": 1, "results": [movie_hit]},
    "MovieDetails": movie_details,
    "MovieCredits": {
        "cast": [
            {
                "tmdb_id": 109,
                "name": "Elijah Wood",
                "character": "Frodo Baggins",
                "order": 0,
                "profile_url": f"{IMAGES}/w185/7UKRbJBNG7mxBl2QQc5XsAh6F8B.jpg",
            }
        ],
        "crew": [
            {
                "tmdb_id": 108,
                "name": "Peter Jackson",
                "department": "Directing",
                "job": "Director",
                "profile_url": None,
            }
        ],
    },
    "PaginatedMovieWithSelectionsList": page(picked_movie | {"selections": [selection, earlier]}),
    "AlbumPage": {"source": "musicbrainz", "count": 1, "offset": 0, "results": [album_hit]},
    "AlbumDetails": album_details,
    "AlbumCredits": {
        "artists": [
            {
                "musicbrainz_id": ARTIST,
                "name": "Leonard Cohen",
                "sort_name": "Cohen, Leonard",
                "disambiguation": None,
                "artist_type": "Person",
                "country": "CA",
                "begin": "1934-09-21",
                "end": "2016-11-07",
                "join_phrase": None,
                "order": 0,
            }
        ]
    },
    "PaginatedAlbumWithSelectionsList": page(picked_album | {"selections": [selection]}),
    "ArtistWithAlbums": {
        "musicbrainz_id": ARTIST,
        "name": "Leonard Cohen",
        "sort_name": "Cohen, Leonard",
        "disambiguation": None,
        "artist_type": "Person",
        "area": "Canada",
        "country": "CA",
        "begin": "1934-09-21",
        "end": "2016-11-07",
        "ended": True,
        "bio": None,
        "genres": ["folk", "singer-songwriter"],
        "links": [{"type": "official homepage", "url": "https://www.leonardcohen.com/"}],
        "cached": False,
        "albums": [picked_album | {"selections": [selection]}],
    },
    "PersonWithMovies": {
        "tmdb_id": 109,
        "name": "Elijah Wood",
        "profile_url": f"{IMAGES}/w185/7UKRbJBNG7mxBl2QQc5XsAh6F8B.jpg",
        "movies": [picked_movie | {"selections": [selection], "characters": ["Frodo Baggins"], "jobs": []}],
    },
    "Week": week,
    "PaginatedWeekList": page(week),
    "WeekFull": week | {"movies": [movie_pick], "albums": [album_pick]},
    "MoviePicked": {"week_id": 7} | movie_pick | {"previous_selections": [earlier]},
    "AlbumPicked": {"week_id": 7} | album_pick | {"previous_selections": []},
}

# By the operation's first tag where the same name means different things.
PARAMETERS: dict[str, Any] = {
    "id": 7,
    "position": 1,
    "tmdb_id": 120,
    "people tmdb_id": 109,
    "musicbrainz_id": RELEASE,
    "artists musicbrainz_id": ARTIST,
    "movies query": "fellowship",
    "albums query": "you want it darker",
    "movies url": "https://www.themoviedb.org/movie/120",
    "albums url": f"https://musicbrainz.org/release/{RELEASE}",
}


def add_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Gives each operation's body, answers and needed parameters an example."""
    for operations in result["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (content for body in bodies for content in body.get("content", {}).values()):
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if name in SCHEMAS:
                    content["example"] = SCHEMAS[name]
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                example = PARAMETERS.get(f"{operation['tags'][0]} {name}", PARAMETERS.get(name))
                if parameter.get("required") and example is not None:
                    parameter["example"] = example
    return result
