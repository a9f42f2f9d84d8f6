"""Exports of further programs in the shapes that they have, with made-up content."""

import json

IMDB_RATINGS = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,Num Votes,"
    "Release Date,Directors\n"
    'tt0113277,9,2024-02-14,Heat,Heat,https://www.imdb.com/title/tt0113277/,Movie,8.3,170,1995,"Action, Crime",700000,'
    "1995-12-15,Michael Mann\n"
    "tt0078748,8,2024-02-21,Alien,Alien,https://www.imdb.com/title/tt0078748/,movie,8.5,117,1979,Horror,900000,"
    "1979-05-25,Ridley Scott\n"
    "tt11280740,10,2024-03-01,Severance,Severance,https://www.imdb.com/title/tt11280740/,TV Series,8.7,50,2022,Drama,"
    "300000,2022-02-18,\n"
    "tt0944947,10,2018-03-01,Game of Thrones,,https://www.imdb.com/title/tt0944947/,tvEpisode,9.2,57,2011,Drama,1,"
    "2011-04-17,\n"
)
IMDB_WATCHLIST = (
    "Position,Const,Created,Modified,Description,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,"
    "Genres,Num Votes,Release Date,Directors,Your Rating,Date Rated\n"
    "1,tt0113277,2023-01-02,2023-01-02,,Heat,Heat,https://www.imdb.com/title/tt0113277/,Movie,8.3,170,1995,Crime,700000,"
    "1995-12-15,Michael Mann,9,2024-02-14\n"
    "17,tt0078748,2023-01-03,2023-01-03,In space,Alien,Alien,https://www.imdb.com/title/tt0078748/,Movie,8.5,117,1979,Horror,"
    "900000,1979-05-25,Ridley Scott,,\n"
    "18,tt11280740,2023-01-04,2023-01-04,,Severance,Severance,https://www.imdb.com/title/tt11280740/,TV Series,8.7,50,"
    "2022,Drama,300000,2022-02-18,,,\n"
)
IMDB_RESAVED = (
    "Const;Your Rating;Date Rated;Title;URL;Title Type;IMDb Rating;Runtime (mins);Year;Genres;Num Votes;Release Date;"
    "Directors\r\n"
    "tt0088247;8;2/3/2024;The Terminator;https://www.imdb.com/title/tt0088247/;movie;8,1;107;1984;Action;900000;"
    "10/26/1984;James Cameron\r\n"
)
TMDB = (
    "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,Date Rated\n"
    "949,tt0113277,movie,Heat,1995-12-15,,,7.9,9.0,2024-02-14T22:45:00Z\n"
    "348,tt0078748,movie,Alien,1979-05-25,,,8.2,7.5,2024-02-18T23:30:00Z\n"
    "95396,tt11280740,tv,Severance,2022-02-17,,,8.4,10.0,2024-03-01T20:00:00Z\n"
    "95396,tt11280740,tv_episode,Half Loop,2022-02-18,1,2,8.4,10.0,2024-03-01T20:00:00Z\n"
)
TMDB_WATCHLIST = (
    "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,Date Rated\n"
    "949,tt0113277,movie,Heat,1995-12-15,,,7.9,,\n"
    "95396,tt11280740,tv,Severance,2022-02-17,,,8.4,,\n"
)
SIMKL_CSV = (
    '"SIMKL_ID","Title","Type","Year","Watchlist","LastEpWatched","WatchedDate","Rating","Memo","TVDB","TMDB","IMDB"\n'
    '"53992","Heat","movie","1995","completed","","2024-02-14 21:30:00","9","mine","","949","tt0113277"\n'
    '"53993","Alien","movie","1979","completed","","2024-02-21 21:30:00","","","","","tt0078748"\n'
    '"53994","Dune","movie","2021","plantowatch","","","","","","438631","tt1160419"\n'
    '"1234","Severance","tv","2022","completed","s01e09","2024-03-01 21:30:00","10","","371980","95396","tt11280740"\n'
    '"1235","Akira","anime","1988","watching","","2024-03-01 21:30:00","10","","","149","tt0094625"\n'
)


def simkl(**ids):
    """A movie's ids as Simkl writes them, as texts."""
    return {"simkl": 53992, "slug": "x"} | {name: str(known) for name, known in ids.items()}


SIMKL_JSON = json.dumps(
    {
        "shows": [{"status": "completed", "user_rating": 10, "show": {"title": "Severance", "year": 2022, "ids": {}}}],
        "anime": [{"status": "watching", "show": {"title": "Akira", "year": 1988, "ids": {}}, "anime_type": "movie"}],
        "movies": [
            {
                "added_to_watchlist_at": "2024-02-01T10:00:00Z",
                "last_watched_at": "2024-02-14T21:30:00Z",
                "user_rated_at": "2024-02-14T22:00:00Z",
                "user_rating": 9,
                "status": "completed",
                "movie": {"title": "Heat", "poster": "x", "year": 1995, "ids": simkl(imdb="tt0113277", tmdb=949)},
            },
            {
                "last_watched_at": None,
                "user_rating": None,
                "status": "plantowatch",
                "movie": {"title": "Dune", "year": 2021, "ids": simkl(tmdb=438631)},
            },
        ],
    }
)
MOVARY_HISTORY = (
    "title,year,tmdbId,imdbId,watchedAt,comment,location\n"
    '"Heat",1995,949,tt0113277,2024-02-14,"Coffee, guns.",Home\n'
    '"Heat",1995,949,tt0113277,2024-03-01,,\n'
)
MOVARY_RATINGS = "title,year,tmdbId,imdbId,userRating\nHeat,1995,949,tt0113277,9\nAlien,1979,348,tt0078748,0\n"
RYOT = json.dumps(
    {
        "movies": [
            {
                "lot": "Movie",
                "source": "Tmdb",
                "identifier": "949",
                "seen_history": [
                    {"progress": "100", "started_on": None, "ended_on": "2024-02-14", "provider_watched_on": None},
                    {"progress": "100", "started_on": None, "ended_on": "2024-03-01", "provider_watched_on": None},
                ],
                "reviews": [
                    {
                        "rating": "85.5",
                        "review": {"date": "2024-03-02T10:00:00Z", "text": "Again.", "spoiler": False},
                        "comments": [],
                    }
                ],
                "collections": ["Completed"],
            },
            {
                "lot": "Movie",
                "source": "Tmdb",
                "identifier": "348",
                "seen_history": [],
                "reviews": [],
                "collections": [],
            },
        ],
        "shows": [{"lot": "Show", "source": "Tmdb", "identifier": "95396", "seen_history": [], "reviews": []}],
        "books": [],
        "people": [],
        "measurements": [],
        "workouts": [],
    }
)
# Its exporter names the title `source_id`: here those of 1917 (2019) and Alien.
RYOT_TITLED = json.dumps(
    {
        "metadata": [
            {
                "lot": "Movie",
                "source": "Tmdb",
                "source_id": title,
                "identifier": identifier,
                "seen_history": [{"ended_on": "2024-02-14"}],
                "reviews": [],
            }
            for title, identifier in (("1917", "530915"), ("Alien", "348"))
        ]
    }
)
RYOT_NEWER = json.dumps(
    {
        "metadata": [
            {
                "lot": "MOVIE",
                "source": "TMDB",
                "source_id": "949",
                "seen_history": [{"ended_on": "2024-02-14T20:00:00Z"}],
                "reviews": [],
            },
            {"lot": "BOOK", "source": "OPENLIBRARY", "source_id": "OL1W", "seen_history": [], "reviews": []},
        ],
        "exercises": [],
    }
)
WATCHARR = json.dumps(
    [
        {
            "id": 1,
            "createdAt": "2024-02-01T10:00:00Z",
            "updatedAt": "2024-02-14T21:30:00.123456789Z",
            "deletedAt": None,
            "status": "FINISHED",
            "rating": 9,
            "thoughts": "Coffee, guns.",
            "pinned": False,
            "content": {
                "id": 1,
                "tmdbId": 949,
                "title": "Heat",
                "type": "movie",
                "release_date": "1995-12-15T00:00:00Z",
            },
            "activity": [{"type": "ADDED_WATCHED", "data": "{}"}],
        },
        {
            "updatedAt": "2024-02-14T21:30:00Z",
            "status": "PLANNED",
            "rating": 0,
            "content": {"tmdbId": 348, "title": "Alien", "type": "movie"},
        },
        {"status": "FINISHED", "rating": 8, "content": {"tmdbId": 95396, "title": "Severance", "type": "tv"}},
        {"status": "FINISHED", "rating": 8, "content": None, "game": {"igdbId": 1, "name": "Myst"}},
    ]
)
NEODB_MOVIES = (
    "title,info,links,timestamp,status,rating,comment,tags\n"
    "Heat,director:Michael Mann year:1995 imdb:tt0113277,https://neodb.social/movie/3f "
    "https://www.imdb.com/title/tt0113277/ https://www.themoviedb.org/movie/949,2024-02-14 21:30:00+00:00,complete,9,"
    "Coffee and guns.,crime\n"
    "Alien,1979,https://neodb.social/movie/4f,2024-02-14 21:30:00+00:00,wishlist,,,\n"
    "Severance,2022,https://neodb.social/tv/season/5f https://www.themoviedb.org/tv/95396/season/1,"
    "2024-02-14 21:30:00+00:00,complete,10,,\n"
)
NEODB_MUSIC = (
    "title,info,links,timestamp,status,rating,comment,tags\n"
    "Hey What,artist:Low year:2021,https://neodb.social/album/3f https://musicbrainz.org/release/"
    "d5cdb7fd-c7e9-460a-9549-8a369655cc52,2024-02-14 21:30:00+00:00,complete,0,,\n"
)
NEODB_BOOKS = (
    "title,info,links,timestamp,status,rating,comment,tags\n"
    "Emma,author:Jane Austen,https://neodb.social/book/3f,2024-02-14 21:30:00+00:00,complete,9,,\n"
    "Ada,,https://neodb.social/book/4f,2024-02-15 21:30:00+00:00,progress,,,\n"
)
DISCOGS = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes\n"
    'RT0111,Low (2),Hey What,Sub Pop (2),"LP, Album",5,2021,19876,Uncategorized,2022-01-02 10:00:00,Mint (M),,\n'
    'UAS 29283,"Can","Tago Mago",UAS,"2xLP, Album, RE",,0,1234,Uncategorized,2022-01-03 10:00:00,,,\n'
    'X,Various,Nuggets,Elektra,"2xLP, Comp",3,1972,1235,Uncategorized,2022-01-03 10:00:00,,,\n'
)
MUSICBRAINZ = json.dumps(
    {
        "id": "f4784850-3844-11e0-9e42-0800200c9a66",
        "name": "Shelf",
        "editor": "ada",
        "entity-type": "release",
        "type": "Owned music",
        "release-count": 1,
        "release-offset": 0,
        "releases": [
            {
                "id": "d5cdb7fd-c7e9-460a-9549-8a369655cc52",
                "title": "Hey What",
                "date": "2021-09-10",
                "status": "Official",
                "barcode": None,
                "artist-credit": [{"name": "Low", "joinphrase": "", "artist": {"id": "x", "name": "Low"}}],
            },
            {"id": "x", "title": "Nothing"},
        ],
    }
)
AOTY = "Artist,Title,Score\nLow,Hey What,85\nCan,Tago Mago,92\nNick Drake,Pink Moon,100\n"
MUSICBOARD = "Album,Artist,Rating,Date\nHey What,Low,4.5,2024-02-14\nTago Mago,Can,4,2024-02-21\n"

MBID = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
DAY = 24 * 3600
WEDNESDAY = 1_707_908_400  # 2024-02-14, 11:00 UTC


def listens(album, tracks, at=WEDNESDAY, artist="Low", **more):
    """Listens to tracks with these numbers, as ListenBrainz writes them."""
    return [
        {
            "inserted_at": at + 1,
            "listened_at": at + 240 * number,
            "recording_msid": "x",
            "user_name": "ada",
            "track_metadata": {
                "artist_name": artist,
                "track_name": f"{album} {number}",
                "release_name": album,
                "additional_info": {"submission_client": "x"},
            }
            | more,
        }
        for number in tracks
    ]


LISTENS = [
    *listens("Hey What", range(1, 10), mbid_mapping={"release_mbid": MBID}),  # 9 of 10
    *listens("Hey What", [10], WEDNESDAY + 7 * DAY),
    *listens("Hey What", range(1, 5), WEDNESDAY + 14 * DAY),  # 4 of 10
    *listens("Tago Mago", range(1, 8), artist="Can"),  # 7 of 7
    *listens("Single", [1, 2, 3]),  # too few
    *listens("Ones and Sixes", range(1, 6), WEDNESDAY + DAY),  # 5 of 5
    *listens("", [1]),
]
LISTENBRAINZ = {
    "user.json": json.dumps({"user_id": 1, "username": "ada"}),
    "listens/2024/2.jsonl": "\n".join(map(json.dumps, LISTENS)) + "\n",
    "feedback.jsonl": "",
    "pinned_recording.jsonl": "",
}


def stream(album, number, played=200_000):
    return {
        "ts": f"2024-02-14T{10 + number // 12:02}:{number % 12 * 5:02}:00Z",
        "platform": "x",
        "ms_played": played,
        "conn_country": "DE",
        "master_metadata_track_name": f"{album} {number}",
        "master_metadata_album_artist_name": "Low",
        "master_metadata_album_album_name": album,
        "spotify_track_uri": "spotify:track:x",
        "episode_name": None,
        "episode_show_name": None,
        "skipped": False,
    }


SPOTIFY = [
    *(stream("Hey What", number) for number in range(10)),
    *(stream("Trust", number, 9_000) for number in range(10)),
    stream("Podcast", 1) | {"master_metadata_album_album_name": None, "episode_name": "x"},
]
SPOTIFY_SHORT = [{"endTime": "2024-02-14 10:00", "artistName": "Low", "trackName": "Hey", "msPlayed": 200_000}]
FIVE = range(5)
LASTFM = "".join(f'Low,Low,Track {number},"14 Feb 2024 1{number}:00"\n' for number in range(5))
LASTFM_PLAYING = "Low,Low,Track 9,\n" + LASTFM
LASTFM_UTS = "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n" + "".join(
    f'"{WEDNESDAY + number}","14 Feb 2024, 11:00","Low","","Hey What","{MBID}","Track {number}",""\n' for number in FIVE
)
LASTFM_TITLED = "Artist,Album,Title,Date\n" + "".join(
    f"Low,Hey What,Track {number},2024-02-14 1{number}:00\n" for number in range(5)
)
