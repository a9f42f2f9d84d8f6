"""Files in the shapes that other programs give them: https://letterboxd.com, https://trakt.tv and so on."""

import csv
import io
import json
import zipfile
from pathlib import Path

LETTERBOXD_LIST = (
    "Letterboxd list export v7\nDate,Name,Tags,URL,Description\n2025-01-02,Best of,,https://boxd.it/y,\n\n"
    "Position,Name,Year,URL,Description\n1,Heat,1995,https://boxd.it/2a1m,\n"
)
LETTERBOXD = {
    "profile.csv": "Date Joined,Username,Given Name\n2012-01-01,ada,Ada\n",
    "watched.csv": "Date,Name,Year,Letterboxd URI\n2025-01-02,Heat,1995,https://boxd.it/2a1m\n",
    "ratings.csv": (
        "Date,Name,Year,Letterboxd URI,Rating\n"
        "2025-02-03,Alien,1979,https://boxd.it/2awY,4.5\n"
        "2025-02-04,Heat,1995,https://boxd.it/2a1m,2\n"
        "2025-02-05,Solaris,1972,https://boxd.it/28Zq,5\n"
    ),
    "watchlist.csv": "Date,Name,Year,Letterboxd URI\n2025-01-02,Stalker,1979,https://boxd.it/28Zr\n",
    "comments.csv": "Date,Content,Comment\n2025-01-02,https://boxd.it/x,nice\n",
    "diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2025-01-06,Heat,1995,https://boxd.it/8dPaaa,3.5,,,2024-12-31\n"
        '2025-01-07,"Good, the Bad and the Ugly, The",1966,https://boxd.it/8dPaab,,Yes,"tv, dubbed",2025-01-06\n'
        "2025-01-08,Alien,1979,https://boxd.it/8dPaac,,,,2025-01-07\n"
        "2025-02-02,Alien,1979,https://boxd.it/8dPaad,,Yes,,2025-02-01\n"
        "2025-02-03,Untitled,,https://boxd.it/8dPaae,0.5,,,2025-02-02\n"
    ),
    "reviews.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
        '2025-01-06,Heat,1995,https://boxd.it/8dPaaa,3.5,,"<b>Coffee</b> &amp; guns.<br>I <3 it,\n'
        '""really"".",,2024-12-31\n'
        "2025-03-05,Solaris,1972,https://boxd.it/8dPaaf,,,Slow.,,\n"
    ),
    "likes/films.csv": "Date,Name,Year,Letterboxd URI\n2025-01-02,Heat,1995,https://boxd.it/2a1m\n",
    "likes/reviews.csv": "Date,Content\n2025-01-02,https://boxd.it/8dPzza\n",
    "likes/lists.csv": "Date,Content\n",
    "lists/best-of.csv": LETTERBOXD_LIST,
    "lists/diary.csv": LETTERBOXD_LIST,  # lists that are called so
    "lists/ratings.csv": LETTERBOXD_LIST,
    "deleted/diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2020-01-06,Cats,2019,https://boxd.it/8dPzzz,0.5,,,2020-01-05\n"
    ),
    "deleted/lists/ratings.csv": LETTERBOXD_LIST,
    "orphaned/diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2020-01-06,Gone,2019,https://boxd.it/8dPzzy,0.5,,,2020-01-05\n"
    ),
    "orphaned/reviews.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
        "2020-01-06,Gone,2019,https://boxd.it/8dPzzy,0.5,,Gone.,,2020-01-05\n"
    ),
}

HEAT = {"title": "Heat", "year": 1995, "ids": {"trakt": 1, "slug": "heat-1995", "imdb": "tt0113277", "tmdb": 949}}
ALIEN = {"title": "Alien", "year": 1979, "ids": {"trakt": 2, "slug": "alien-1979", "imdb": "tt0078748", "tmdb": 348}}
HOMEMADE = {
    "title": "At the Lake",
    "year": 2020,
    "ids": {"trakt": 3, "slug": "at-the-lake", "imdb": None, "tmdb": None},
}
EPISODE = {
    "type": "episode",
    "episode": {"season": 1, "number": 2, "title": "Half Loop", "ids": {"trakt": 9, "tmdb": 8}},
    "show": {"title": "Severance", "year": 2022, "ids": {"trakt": 7, "tmdb": 95396}},
}


def play(number, movie, watched_at, action="watch"):
    return {"id": number, "watched_at": watched_at, "action": action, "type": "movie", "movie": movie}


WATCHLIST = [
    {"rank": 1, "id": 8, "listed_at": "2024-02-01T09:00:00.000Z", "notes": "At last", "type": "movie", "movie": ALIEN},
    {"rank": 2, "id": 9, "listed_at": "2024-02-02T09:00:00.000Z", "notes": None, **EPISODE},
]
TRAKT = {
    "ada/watched-history-10.json": [play(1, HEAT, "2024-01-07T23:30:00.000Z", "scrobble")],
    "ada/watched-history-2.json": [
        play(3, ALIEN, "2024-06-03T10:00:00.000Z"),
        {"id": 2, "watched_at": "2024-06-01T10:00:00.000Z", "action": "scrobble", **EPISODE},
    ],
    "ada/watched-history.json": [
        play(5, HEAT, "2025-06-24T21:30:00.000Z", "checkin"),
        play(4, HOMEMADE, "2024-06-04T10:00:00.000Z"),
    ],
    "ada/watched-movies.json": [{"plays": 2, "last_watched_at": "2025-06-24T21:30:00.000Z", "movie": HEAT}],
    "ada/ratings-movies.json": [
        {"rated_at": "2024-02-01T09:00:00.000Z", "rating": 9, "type": "movie", "movie": HEAT},
        {"rated_at": "2023-02-01T09:00:00.000Z", "rating": 4, "type": "movie", "movie": ALIEN},
        {
            "rated_at": "2023-02-01T09:00:00.000Z",
            "rating": 4,
            "type": "movie",
            "movie": {"title": "Cats", "year": 2019, "ids": {"trakt": 5, "tmdb": 536869}},
        },
    ],
    "ada/lists-watchlist.json": WATCHLIST,
    "ada/user-profile.json": {"username": "ada"},
}

YAMTRACK = (
    '"media_id","source","media_type","title","image","season_number","episode_number","score","status","notes",'
    '"start_date","end_date","progress","created_at","progressed_at"\n'
    '"603","tmdb","movie","The Matrix","https://img.example/m.jpg","","","8.5","Completed","mine","",'
    '"2024-01-14 22:30:00+00:00","1","2026-07-13 00:49:07+00:00","2026-07-13 00:49:07+00:00"\n'
    '"949","tmdb","movie","Heat","","","","0.0","Completed","","2024-02-11 00:00:00+00:00","","1",'
    '"2026-07-13 00:49:07+00:00","2026-07-13 00:49:07+00:00"\n'
    '"1","manual","movie","At the Lake","","","","7.4","Completed","","","","1",'
    '"2026-07-13 00:49:07+00:00","2024-03-01 12:00:00+00:00"\n'
    '"348","tmdb","movie","Alien","","","","","Completed","","","","1","2026-07-13 00:49:07+00:00",""\n'
    '"27205","tmdb","movie","Inception","","","","","Planning","","","","0","2026-07-13 00:49:07+00:00",""\n'
    '"1668","tmdb","tv","Friends","","","","9","In progress","","2024-02-09","","24","2026-07-13 00:49:07+00:00",""\n'
    '"1668","tmdb","episode","Friends","","1","24","","","","","2024-02-09","","2026-07-13 00:49:07+00:00",""\n'
)
OLDER_YAMTRACK = (
    '"media_id","source","media_type","title","image","season_number","episode_number","score","progress","status",'
    '"start_date","end_date","notes","progress_changed"\n'
    '"10494","tmdb","movie","Perfect Blue","https://img.example/p.jpg","","","9.0","1","Completed","","2024-02-09","",'
    '"2024-02-10T15:30:00Z"\n'
    '"949","tmdb","movie","Heat","","","","7.5","1","Completed","","","","2024-02-12T15:30:00Z"\n'
)

RATEYOURMUSIC = (
    "RYM Album, First Name,Last Name,First Name localized, Last Name localized,Title,Release_Date,Rating,Ownership,"
    "Purchase Date,Media Type, Review, Review Title\n"
    '"10","The Jimi","Hendrix Experience","","","Are You Experienced?","1967","10","o","","CD",'
    '"[b]bold[/b] [url=https://example.org]words[/url] by [Artist12,Noel Redding], [sic]","First &amp; best"\n'
    '"11","","Simon &amp; Garfunkel","","","Bookends","1968","0","n","","",'
    '"It ends with [spoiler]old friends[/spoiler].",""\n'
    '"12","","","椎名","林檎","勝訴ストリップ","2000","9","n","","","",""\n'
    '"13","","Low","","","Hey What","2021","0","w","","","",""\n'
    '"14","","Can","","","Tago Mago","","7","w","","","",""\n'
)
# As it is today: two blanks before the last cell of each row, which may have commas, quotation marks and lines in it.
RATEYOURMUSIC_TODAY = (
    "RYM Album, First Name,Last Name,First Name localized, Last Name localized,Title,Release_Date,Rating,Ownership,"
    "Purchase Date,Media Type,Review\n"
    '"10","","Low","","","Hey What","2021","7","n","","",  ""\n'
    '"11","","Can","","","Tago Mago","1971","0","w","","",  ""\n'
    '"12","Nick","Drake","","","Pink Moon","1972","9","o","2020-01-02","Vinyl",  "Short, ""sparse"",\nand good."\n'
)
OLDER_RATEYOURMUSIC = (
    "RYM Album, First Name,Last Name,First Name localized, Last Name localized,Title,Release_Date,Rating,Ownership,"
    "Purchase Date,Media Type,Review\n"
    '"15","","Low","","","Things We Lost in the Fire","2001","8","o","","","Quiet."\n'
)

OUR_COLUMNS = [
    *("format_version", "username", "year", "week_number", "week_start", "kind", "position", "tmdb_id"),
    *("musicbrainz_id", "release_group_id", "title", "artist", "release_date", "added_at", "rating", "review"),
    *("contains_spoilers", "opinion_by", "opinion_at", "week_notes", "rewatch"),
]
OUR_MOVIE = {
    "format_version": "1",
    "username": "ada",
    "year": "2025",
    "week_number": "1",
    "week_start": "2024-12-30",
    "kind": "movie",
    "position": "1",
    "tmdb_id": "949",
    "title": "Heat",
    "release_date": "1995-12-15",
    "added_at": "2025-01-01T20:15:00.123456Z",
}


def ours(*rows):
    """Our own CSV, of rows that say in what they differ from a movie without opinions."""
    file = io.StringIO()
    writer = csv.DictWriter(file, OUR_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(OUR_MOVIE | row for row in rows)
    return file.getvalue()


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    """A file with this text, and a name that does not show its format."""
    path = folder / "download"
    path.write_bytes(text.encode(encoding))
    return path


def pack(folder: Path, files: dict[str, object], top: str = "") -> Path:
    """A ZIP of these files, of which those that are no text become JSON."""
    path = folder / "download"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(top + name, content if isinstance(content, str | bytes) else json.dumps(content))
    return path
