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
    "confirmed": True,
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
    "confirmed": True,
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
lead = {"title": picked_movie["title"], "week_id": 7, "year": 2026, "week_number": 7}
earlier = selection | {"week_id": 3, "year": 2025, "week_number": 50, "added_at": "2025-12-10T20:00:00Z", "owner": BEN}
user = ADA | {
    "email": "ada@example.org",
    "pending_email": None,
    "is_active": True,
    "created_at": JOINED,
    "time_zone": "Europe/Berlin",
    "visibility": "members",
}
opinion = {
    "rating": 9,
    "review": "Three hours of walking, and I would walk them again.",
    "contains_spoilers": False,
    "created_at": PICKED,
    "updated_at": PICKED,
}
told = (
    {"id": 5, "user": ADA, "kind": "movie", "position": 1}
    | {"week": {"id": 7, "year": 2026, "week_number": 7, "owner": ADA}}
    | opinion
    | {"movie": picked_movie, "album": None}
)
discussed = {"opinions": [{"user": ADA} | opinion]}
profile = ADA | {"created_at": JOINED, "weeks": 7, "complete_weeks": 6}
session = {
    "id": 3,
    "client": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "created_at": JOINED,
    "last_used_at": PICKED,
    "current": True,
}
api_token = {
    "id": 4,
    "name": "Widget on my phone",
    "scope": "read",
    "hint": "wo_Q3xZr",
    "created_at": JOINED,
    "expires_at": "2027-01-01T00:00:00Z",
    "last_used_at": None,
}

totals = {
    "weeks": 7,
    "complete_weeks": 6,
    "movies": 8,
    "albums": 7,
    "distinct_movies": 8,
    "distinct_albums": 6,
    "repeats": 1,
    "hours_watched": 16.4,
    "runtime_unknown": 0,
}
ratings = {"opinions": 9, "rated": 8, "mean": 7.25, "histogram": [0, 0, 0, 1, 0, 1, 2, 2, 2, 0]}
top = {
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
}
month = {"month": 2, "weeks": 4, "movies": 5, "albums": 4, "picks": 9, "ratings": 6, "mean_rating": 7.5}
week_of_pick = {"id": 7, "year": 2026, "week_number": 7, "owner": ADA}
shown_movie = {"kind": "movie", "week": week_of_pick, "position": 1, "movie": picked_movie, "album": None}
shown_album = {"kind": "album", "week": week_of_pick, "position": 1, "movie": None, "album": picked_album}
year_highlights = {
    "best": shown_movie | {"rating": 9.0, "ratings": 1},
    "worst": shown_album | {"rating": 4.0, "ratings": 1},
    "most_divisive": shown_album | {"lowest": 4, "highest": 9, "ratings": 2},
    "longest_film": shown_movie | {"runtime": 179},
    "earliest_release": shown_movie,
}
# What two people think of one pick, and figures that follow from it
high = {
    "user": ADA,
    "rating": 9,
    "review": "I would go with them.",
    "contains_spoilers": False,
    "created_at": PICKED,
    "updated_at": PICKED,
}
low = high | {"user": BEN, "rating": 4, "review": "They should have taken the eagles.", "contains_spoilers": True}
disputed = {
    "difference": 5,
    "kind": "movie",
    "week": week_of_pick,
    "position": 1,
    "movie": picked_movie,
    "album": None,
    "higher": high,
    "lower": low,
}
compared = {"difference": 5, "kind": "movie", "movie": picked_movie, "album": None} | {
    name: opinion | {"week": week_of_pick, "position": 1} for name, opinion in [("mine", high), ("theirs", low)]
}
agreement = {
    "n": 6,
    "enough": True,
    "note": "Shrunk by the overlap of 6: times 6/(6 + 5)",
    "agreement": 0.42424242424242425,
    "agreement_raw": 0.7777777777777778,
    "mean_difference": 2.0,
    "harshness_gap": 0.0,
}
little = {
    "n": 1,
    "enough": False,
    "note": "Not enough overlap: 1 rated by both, 5 are needed",
    "agreement": None,
    "agreement_raw": 0.4444444444444444,
    "mean_difference": 5.0,
    "harshness_gap": 5.0,
}
marked = {
    "n": 1,
    "mean": 4.0,
    "kind": "movie",
    "week": week_of_pick,
    "position": 1,
    "movie": picked_movie,
    "album": None,
}
marks = {"n": 1, "mean": 4.0, "hit_rate": 0.0, "best": marked, "worst": marked}
no_marks = {"n": 0, "mean": None, "hit_rate": None, "best": None, "worst": None}
# A file of ours, as it goes and comes back
archived_opinion = opinion | {"earlier_ratings": [{"rating": 7, "until_at": PICKED}]}
archived = {
    "format": "wrong-opinions",
    "version": 1,
    "exported_at": PICKED,
    "user": {"username": "ada", "display_name": "Ada L.", "time_zone": "Europe/Berlin", "visibility": "members"},
    "weeks": [
        {name: week[name] for name in ("year", "week_number", "notes", "created_at", "updated_at")}
        | {
            "movies": [
                {"position": 1, "added_at": PICKED, "tmdb_id": 120}
                | {"opinions": [{"by": "ada", "own": True} | archived_opinion]}
            ],
            "albums": [{"position": 1, "added_at": PICKED, "musicbrainz_id": RELEASE, "opinions": []}],
        }
    ],
    "opinions_given": [],
    "catalog": {
        "movies": [{"tmdb_id": 120, "title": picked_movie["title"], "cast": [], "crew": []}],
        "albums": [{"musicbrainz_id": RELEASE, "title": "You Want It Darker", "artist_credit": []}],
    },
}
import_report = {
    "applied": False,
    "profile": ["time_zone"],
    "weeks_created": 6,
    "weeks_existing": 1,
    "notes_filled": 0,
    "picks_created": 12,
    "picks_existing": 2,
    "picks_left_out": 1,
    "opinions_created": 8,
    "opinions_existing": 1,
    "opinions_left_out": 0,
    "opinions_of_others": 3,
    "movies_added": 0,
    "albums_added": 1,
    "remarks": ["2026-W07: both places are taken, so there was none for The Frighteners."],
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
    "CreateApiTokenRequest": {
        "current_password": PASSWORD,
        "name": "Widget on my phone",
        "scope": "read",
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "PatchedChangeProfileRequest": {"display_name": "Ada L.", "time_zone": "Europe/Berlin", "visibility": "members"},
    "OwnPasswordRequest": {"password": PASSWORD},
    "CreateWeekRequest": {"year": 2026, "week_number": 7, "notes": "One of us fell asleep."},
    "PatchedChangeWeekRequest": {"notes": "One of us fell asleep.", "year": 2026, "week_number": 7},
    "PickMovieRequest": {"tmdb_id": 120, "position": 1},
    "PatchedMovePickRequest": {"position": 2},
    "ReplaceMovieRequest": {"tmdb_id": 120},
    "PickAlbumRequest": {"musicbrainz_id": RELEASE, "position": 1},
    "ReplaceAlbumRequest": {"musicbrainz_id": RELEASE},
    "GiveOpinionRequest": {
        "rating": 9,
        "review": "Three hours of walking, and I would walk them again.",
        "contains_spoilers": False,
    },
    "ArchiveRequest": archived,
    # Answered
    "Archive": archived,
    "ImportReport": import_report,
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
    "PaginatedSessionList": page(session),
    "PaginatedApiTokenList": page(api_token),
    "Profile": profile,
    "PaginatedProfileList": page(profile),
    "CalendarAddress": {"url": "https://opinions.example.org/api/weeks.ics?token=wo_Q3xZr…"},
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
    "WeekFull": week
    | {
        "movies": [movie_pick | {"my_opinion": opinion, "opinions_count": 2}],
        "albums": [album_pick | {"my_opinion": None, "opinions_count": 0}],
    },
    "Opinion": opinion,
    "PaginatedFeedList": page(told),
    "PaginatedEarlierRatingList": page({"rating": 7, "until_at": PICKED}),
    "PaginatedDiscussedSelectionList": page(selection | discussed),
    "MoviePicked": {"week_id": 7} | movie_pick | {"previous_selections": [earlier]},
    "AlbumPicked": {"week_id": 7} | album_pick | {"previous_selections": []},
    "Overview": {
        "user": ADA,
        "totals": totals,
        "current_streak": 3,
        "longest_streak": 4,
        "ratings": ratings,
        "top": top,
    },
    "YearStatistics": {
        "user": ADA,
        "year": 2026,
        "weeks": [
            {
                "id": 7,
                "week_number": 7,
                "starts_on": "2026-02-09",
                "ends_on": "2026-02-15",
                "state": "complete",
                "is_running": True,
                "is_future": False,
                "weeks": 1,
                "complete_weeks": 1,
                "movies": 1,
                "albums": 1,
            }
        ],
        "months": [month],
        "totals": totals,
        "longest_streak": 4,
        "ratings": ratings,
        "highlights": year_highlights,
    },
    "YearInOpinions": {
        "user": ADA,
        "year": 2026,
        "totals": totals,
        "longest_streak": 4,
        "months": [month],
        "busiest_month": month,
        "first_pick": shown_movie,
        "last_pick": shown_album,
        "highlights": year_highlights,
        "ratings_given": ratings,
        "ratings_received": {"opinions": 1, "rated": 1, "mean": 9.0, "histogram": [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]},
        "top": top,
    },
    "Comparison": {
        "user": BEN,
        "together": agreement,
        "movies": little,
        "albums": {
            "n": 5,
            "enough": True,
            "note": "Shrunk by the overlap of 5: times 5/(5 + 5)",
            "agreement": 0.4222222222222222,
            "agreement_raw": 0.8444444444444444,
            "mean_difference": 1.4,
            "harshness_gap": -1.0,
        },
        "quarters": [{"year": 2026, "quarter": 1, "together": agreement}],
        "differences": [compared],
    },
    "WrongOpinions": {"year": 2026, "week_number": 7, "user": None, "results": [disputed]},
    "ReportCard": {
        "user": ADA,
        "together": marks,
        "movies": marks,
        "albums": no_marks,
        "by": [{"user": BEN, "n": 1, "mean": 4.0}],
    },
    "Contrarian": {
        "user": ADA,
        "n": 1,
        "mean_signed": 0.6,
        "mean_absolute": 0.6,
        "picks": [
            {
                "difference": 0.6,
                "vote_average": 8.4,
                "vote_count": 24832,
                "movie": picked_movie,
                "opinion": high | {"week": week_of_pick, "position": 1},
            }
        ],
    },
    "OnThisWeek": {
        "user": ADA,
        "year": 2027,
        "week_number": 7,
        "results": [
            week
            | {
                "movies": [
                    movie_pick
                    | {
                        "my_opinion": {key: value for key, value in high.items() if key != "user"},
                        "opinions_count": 2,
                        "opinions": [low, high],
                    }
                ],
                "albums": [album_pick | {"my_opinion": None, "opinions_count": 0, "opinions": []}],
            }
        ],
    },
    "MovieRecommendations": {
        "source": "tmdb",
        "results": [
            {
                "score": 64,
                "because": [
                    {"reason": "director", "name": "Peter Jackson", "picks": [lead]},
                    {
                        "reason": "people",
                        "name": "ben",
                        "picks": [{"title": "The Frighteners", "week_id": 3, "year": 2025, "week_number": 50}],
                    },
                    {"reason": "tmdb", "name": lead["title"], "picks": [lead]},
                ],
                "movie": {
                    "id": 31,
                    "tmdb_id": 779,
                    "title": "The Frighteners",
                    "original_title": "The Frighteners",
                    "release_date": "1996-07-18",
                    "poster_path": None,
                    "overview": "Once an architect, Frank Bannister now passes himself off as an exorcist.",
                },
            }
        ],
    },
    "AlbumRecommendations": {
        "source": "catalog",
        "results": [
            {
                "score": 47,
                "because": [
                    {
                        "reason": "artist",
                        "name": "Leonard Cohen",
                        "picks": [lead | {"title": "You Want It Darker"}],
                    }
                ],
                "album": {
                    "id": 32,
                    "musicbrainz_id": "7a2f0e34-8b2e-4b0c-9d53-6f3f0c1f8a11",
                    "title": "Popular Problems",
                    "artist": "Leonard Cohen",
                    "release_date": "2014-01-01",
                    "release_date_precision": "year",
                    "cover_art_url": None,
                },
            }
        ],
    },
}

# Of answers that are no JSON, by media type.
FILES = {
    "text/csv": "tmdbID,Title,Year,Rating10,WatchedDate,Rewatch,Tags,Review\r\n"
    '603,The Matrix,1999,9,2026-02-14,,"wrong-opinions, 2026-W07",Still falling.\r\n',
    "application/zip": "PK…",
}
# By the operation's first tag where the same name means different things.
PARAMETERS: dict[str, Any] = {
    "with": "ben",
    "token": "wo_Q3xZr…",
    "id": 7,
    "position": 1,
    "tmdb_id": 120,
    "people tmdb_id": 109,
    "year": 2026,
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
            for media_type, content in (item for body in bodies for item in body.get("content", {}).items()):
                if media_type in FILES:
                    content["example"] = FILES[media_type]
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if name in SCHEMAS:
                    content["example"] = SCHEMAS[name]
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                example = PARAMETERS.get(f"{operation['tags'][0]} {name}", PARAMETERS.get(name))
                if parameter.get("required") and example is not None:
                    parameter["example"] = example
    return result
