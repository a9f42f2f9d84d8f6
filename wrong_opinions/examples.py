"""Examples for the OpenAPI document: of all requests and of the answers that people read first, by schema, and of
parameters. They tell of one week of two friends.
"""

from typing import Any

ADA = {"id": 1, "username": "ada", "display_name": "Ada L."}
BEN = {"id": 2, "username": "ben", "display_name": None}
RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
ARTIST = "65314b12-0e08-43fa-ba33-baaa7b874c15"
PICKED = "2026-02-11T19:30:00Z"
PASSWORD = "a long phrase of your own"  # noqa: S105 - an example
TITLE = "The Lord of the Rings: The Fellowship of the Ring"

picked_movie = {
    "id": 11,
    "tmdb_id": 120,
    "title": TITLE,
    "original_title": TITLE,
    "release_date": "2001-12-18",
    "poster_path": "/6oom5QYQ2yQTMJIbnvbkBL9cHo6.jpg",
    "poster_url": "https://image.tmdb.org/t/p/w342/6oom5QYQ2yQTMJIbnvbkBL9cHo6.jpg",
    "overview": "A hobbit leaves home.",
    "overview_language": "en-US",
    "cached_at": PICKED,
    "confirmed": True,
}
picked_album = {
    "id": 12,
    "musicbrainz_id": RELEASE,
    "title": "You Want It Darker",
    "artist": "Leonard Cohen",
    "release_date": "2016-10-21",
    "release_date_precision": "day",
    "cover_art_url": f"https://coverartarchive.org/release/{RELEASE}/front-500",
    "cached_at": PICKED,
    "confirmed": True,
}
MOVIE_HIT = ["tmdb_id", "title", "original_title", "release_date", "poster_url", "overview"]
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
opinion = {
    "rating": 9,
    "review": "Three hours of walking, and I would walk them again.",
    "contains_spoilers": False,
    "created_at": PICKED,
    "updated_at": PICKED,
}
other_opinion = opinion | {"rating": 4, "review": "They should have taken the eagles.", "contains_spoilers": True}
links = {"next": None, "previous": None}
place = {"position": 1, "week": {"id": 7, "year": 2026, "week_number": 7, "owner": ADA}}
agreement = {
    "n": 6,
    "enough": True,
    "note": "Closer than chance, by 6 works that both rated",
    "agreement": 0.7272727272727273,
    "agreement_raw": 0.7777777777777778,
    "beyond_chance": 0.33333333333333337,
    "mean_difference": 2.0,
    "harshness_gap": 0.0,
}
little = {
    "n": 1,
    "enough": False,
    "note": "Not enough overlap: 1 rated by both, 5 are needed",
    "agreement": None,
    "agreement_raw": 0.4444444444444444,
    "beyond_chance": None,
    "mean_difference": 5.0,
    "harshness_gap": 5.0,
}

REQUESTS: dict[str, dict[str, Any]] = {
    "RegisterRequest": {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "invitation": None},
    "LoginRequest": {"username": "ada", "password": PASSWORD},
    "RefreshRequest": {"refresh_token": "eyJhbGciOi…"},
    "ChangePasswordRequest": {"current_password": PASSWORD, "new_password": "another phrase of your own"},
    "PasswordResetRequest": {"email": "ada@example.org"},
    "ConfirmPasswordResetRequest": {"uid": "MQ", "token": "d4kqjz-5b1f0c…", "new_password": PASSWORD},
    "CreateApiTokenRequest": {
        "current_password": PASSWORD,
        "name": "Widget on my phone",
        "scope": "read",
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "PatchedChangeProfileRequest": {"display_name": "Ada L.", "time_zone": "Europe/Berlin", "notifications": "weekly"},
    "OwnPasswordRequest": {"password": PASSWORD},
    "CreateWeekRequest": {"year": 2026, "week_number": 7, "notes": "One of us fell asleep."},
    "PatchedChangeWeekRequest": {"notes": "One of us fell asleep.", "year": 2026, "week_number": 7},
    "PickMovieRequest": {"tmdb_id": 120, "position": 1, "rewatch": False},
    "PickAlbumRequest": {"musicbrainz_id": RELEASE, "position": 1, "rewatch": True},
    "PatchedMovePickRequest": {"position": 2, "rewatch": True},
    "ReplaceMovieRequest": {"tmdb_id": 120, "rewatch": False},
    "ReplaceAlbumRequest": {"musicbrainz_id": RELEASE, "rewatch": True},
    "ProposalRequest": {"tmdb_id": 120, "musicbrainz_id": None, "note": "In the cinema again", "for": None},
    "PatchedChangeShortlistItemRequest": {"note": "In the cinema again"},
    "AskDrawRequest": {"kind": "movie"},
    "ProposeChallengeRequest": {
        "tmdb_id": None,
        "musicbrainz_id": RELEASE,
        "note": "You must hear this",
        "for": "ben",
    },
    "AcceptChallengeRequest": {"week": 7, "position": 1},
    "PartnerRequest": {"with": None},
    "GiveOpinionRequest": {name: opinion[name] for name in ("rating", "review", "contains_spoilers")},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "TokenPair": {
        "access_token": "eyJhbGciOi…",
        "refresh_token": "eyJhbGciOi…",
        "token_type": "bearer",
        "expires_in": 1800,
    },
    "MoviePage": {
        "source": "tmdb",
        "page": 1,
        "total_pages": 1,
        "total_results": 1,
        "results": [{name: picked_movie[name] for name in MOVIE_HIT} | {"vote_average": 8.4}],
    },
    "PaginatedWeekList": {"total": 1, "page": 1, "page_size": 20, "links": links, "results": [week]},
    "WeekFull": week
    | {
        "movies": [
            {"position": 1, "added_at": PICKED, "rewatch": False, "movie": picked_movie}
            | {"my_opinion": opinion, "opinions_count": 2}
        ],
        "albums": [
            {"position": 1, "added_at": PICKED, "rewatch": None, "album": picked_album}
            | {"my_opinion": None, "opinions_count": 0}
        ],
    },
    "Overview": {
        "user": ADA,
        "totals": {
            "weeks": 7,
            "complete_weeks": 6,
            "movies": 8,
            "albums": 7,
            "distinct_movies": 8,
            "distinct_albums": 6,
            "repeats": 1,
            "first_times": 11,
            "rewatches": 3,
            "rewatch_unknown": 1,
            "hours_watched": 16.4,
            "runtime_unknown": 0,
        },
        "current_streak": 3,
        "longest_streak": 4,
        "ratings": {"opinions": 9, "rated": 8, "mean": 7.25, "histogram": [0, 0, 0, 1, 0, 1, 2, 2, 2, 0]},
        "top": {
            "movie_genres": [{"name": "Adventure", "count": 5}, {"name": "Fantasy", "count": 3}],
            "album_genres": [{"name": "folk", "count": 4}],
            "directors": [{"name": "Peter Jackson", "count": 3, "tmdb_id": 108}],
            "actors": [{"name": "Elijah Wood", "count": 3, "tmdb_id": 109}],
            "composers": [{"name": "Howard Shore", "count": 3, "tmdb_id": 117}],
            "artists": [{"name": "Leonard Cohen", "count": 4, "musicbrainz_id": ARTIST}],
            "countries": [{"name": "US", "count": 5}, {"name": "GB", "count": 2}],
            "languages": [{"name": "en", "count": 7}, {"name": "fr", "count": 1}],
            "movie_decades": [{"name": "2000s", "count": 6, "first_year": 2000}],
            "album_decades": [{"name": "2010s", "count": 3, "first_year": 2010}],
        },
    },
    "Comparison": {
        "user": BEN,
        "together": agreement,
        "movies": little,
        "albums": agreement
        | {"n": 5, "note": "Closer than chance, by 5 works that both rated", "agreement": 0.7222222222222222},
        "quarters": [{"year": 2026, "quarter": 1, "together": agreement}],
        "differences": [
            {
                "difference": 5,
                "kind": "movie",
                "movie": picked_movie,
                "album": None,
                "mine": {"user": ADA} | opinion | place,
                "theirs": {"user": BEN} | other_opinion | place,
            }
        ],
    },
}
SCHEMAS = REQUESTS | ANSWERS

# By the operation's first tag where the same name means different things.
PARAMETERS: dict[str, Any] = {
    "with": "ben",
    "token": "wo_Q3xZr…",
    "id": 7,
    "position": 1,
    "tmdb_id": 120,
    "people tmdb_id": 109,
    "year": 2026,
    "name": "2026-W07",
    "musicbrainz_id": RELEASE,
    "artists musicbrainz_id": ARTIST,
    "movies query": "fellowship",
    "albums query": "you want it darker",
    "movies url": "https://www.themoviedb.org/movie/120",
    "albums url": f"https://musicbrainz.org/release/{RELEASE}",
}


def add_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Give requests, answers and required parameters their examples."""
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
