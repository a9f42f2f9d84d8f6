"""Each format, from a file in its true shape to rows."""

import dataclasses
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from selections.transfer import readers
from selections.transfer.readers import rows

from . import shapes

BERLIN = ZoneInfo("Europe/Berlin")
RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
GROUP = "1b022e01-4da6-387b-8658-8678046e4cef"


def read(path, **options):
    return readers.read(path, zone=BERLIN, **options)


def filled(row):
    """What a row says, by name."""
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def entry(place, day="", **said):
    """What the row of a movie says, with the week of its day."""
    dated = date.fromisoformat(day) if day else None
    week = {"day": dated, "week": tuple(dated.isocalendar()[:2])} if dated else {}
    return {name: value for name, value in ({"place": place, "kind": "movie"} | week | said).items() if value != ""}


def read_all(path, **options):
    """What the rows of a file say, none of which fails."""
    reading = read(path, **options)
    assert reading.failures == []
    return [filled(row) for row in reading.rows]


def table(tmp_path, *lines):
    return shapes.write(tmp_path, "\n".join(lines))


def only(tmp_path, *lines, **options):
    """What the one row of a table says, but for its place and kind."""
    (row,) = read_all(table(tmp_path, *lines), **options)
    return {name: value for name, value in row.items() if name not in ("place", "kind")}


def failure(tmp_path, *lines, **options):
    """Why the one row of a table is no use."""
    reading = read(table(tmp_path, *lines), **options)
    assert reading.rows == []
    ((place, sentence),) = reading.failures
    assert place == f"line {len(lines)}"
    assert sentence.endswith(".")
    return sentence


# Letterboxd


@pytest.mark.parametrize("top", ["", "letterboxd-ada-2025-03-06-10-00-utc/"])
def test_letterboxds_export(tmp_path, top):
    path = shapes.pack(tmp_path, shapes.LETTERBOXD, top)

    assert readers.recognise(path) == "letterboxd"
    assert read_all(path) == [
        entry(
            "diary.csv, line 2",
            "2024-12-31",
            title="Heat",
            year=1995,
            rating=7,
            review='Coffee & guns.\nI <3 it,\n"really".',
            said_at=datetime(2025, 1, 6, 11, tzinfo=UTC),
        ),
        entry("diary.csv, line 3", "2025-01-06", title="Good, the Bad and the Ugly, The", year=1966),
        entry("diary.csv, line 4", "2025-01-07", title="Alien", year=1979),
        # of ratings.csv, as neither entry has one
        entry(
            "diary.csv, line 5",
            "2025-02-01",
            title="Alien",
            year=1979,
            rating=9,
            said_at=datetime(2025, 2, 3, 11, tzinfo=UTC),
        ),
        entry(
            "diary.csv, line 6", "2025-02-02", title="Untitled", rating=1, said_at=datetime(2025, 2, 3, 11, tzinfo=UTC)
        ),
        entry(
            "reviews.csv, line 4",
            "2025-03-05",
            title="Solaris",
            year=1972,
            rating=10,
            review="Slow.",
            said_at=datetime(2025, 2, 5, 11, tzinfo=UTC),
        ),
    ]


def test_letterboxds_export_says_what_is_left_out(tmp_path):
    files = shapes.LETTERBOXD | {
        "ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n2025-02-03,Cats,2019,https://boxd.it/x,1\n"
    }

    assert read(shapes.pack(tmp_path, files, "top/")).remarks == [
        "diary.csv has columns that are not imported: Rewatch, Tags.",
        "reviews.csv has columns that are not imported: Rewatch, Tags.",
        "Not imported (only the diary, its reviews and its ratings are): comments.csv, deleted/, likes/, lists/, "
        "orphaned/, profile.csv, watched.csv, watchlist.csv.",
        "Ratings of films that are not in the diary, and so not in a week: 1.",
    ]


def test_a_rated_entry_of_the_diary_keeps_its_rating(tmp_path):
    files = shapes.LETTERBOXD | {
        "diary.csv": shapes.LETTERBOXD["diary.csv"] + "2025-03-01,Heat,1995,https://boxd.it/z,,Yes,,2025-03-01\n"
    }

    entries = [row for row in read(shapes.pack(tmp_path, files)).rows if row.title == "Heat"]

    assert [row.rating for row in entries] == [7, None]  # though ratings.csv says 4


def test_two_reviews_of_one_film_and_day_go_to_an_entry_each(tmp_path):
    diary = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n" + 2 * (
        "2025-01-06,Heat,1995,https://boxd.it/a,,,,2025-01-06\n"
    )
    reviews = (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
        "2025-01-06,Heat,1995,https://boxd.it/b,1,,Once.,,2025-01-06\n"
        "2025-01-06,Heat,1995,https://boxd.it/c,2,,Twice.,,2025-01-06\n"
        "2025-01-06,Heat,1995,https://boxd.it/d,3,,Thrice.,,2025-01-06\n"
    )

    reading = read(shapes.pack(tmp_path, {"diary.csv": diary, "reviews.csv": reviews}))

    assert [(row.place, row.rating, row.review) for row in reading.rows] == [
        ("diary.csv, line 2", 2, "Once."),
        ("diary.csv, line 3", 4, "Twice."),
        ("reviews.csv, line 4", 6, "Thrice."),
    ]


@pytest.mark.parametrize(("name", "count"), [("diary.csv", 5), ("reviews.csv", 2)])
def test_letterboxds_files_alone(tmp_path, name, count):
    path = shapes.write(tmp_path, shapes.LETTERBOXD[name])

    assert readers.recognise(path) == "letterboxd"
    rows = read_all(path)
    assert len(rows) == count
    assert rows[0]["place"] == "line 2"
    assert rows[0]["rating"] == 7


def test_letterboxds_rows_that_are_no_use(tmp_path):
    diary = (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2025-01-06,Heat,1995,u,3.7,,,2025-01-06\n"
        "2025-01-06,Heat,1995,u,,,,2025-13-06\n"
        "2025-01-06,,1995,u,,,,2025-01-06\n"
        ",Heat,1995,u,,,,\n"
        "1899-01-06,Heat,1995,u,,,,1899-01-06\n"
        "2025-01-06,Heat,1995,u,,,,2025-01-06\n"
    )

    reading = read(shapes.write(tmp_path, diary))

    assert [row.place for row in reading.rows] == ["line 7"]
    assert reading.failures == [
        ("line 2", "“3.7” is not a rating. Enter 1 to 10, or 4/5."),
        ("line 3", "“2025-13-06” is not a date. Enter it as 2024-12-31."),
        ("line 4", "This film has no name. Add it."),
        ("line 5", "This entry has no date. Add the day when you watched the film."),
        ("line 6", "1899-01-06 is not between 1900 and 2100. Correct the date."),
    ]


def test_letterboxds_rows_that_are_no_use_in_other_files_than_the_diary(tmp_path):
    export = shapes.LETTERBOXD | {
        "reviews.csv": shapes.LETTERBOXD["reviews.csv"] + "2025-03-05,,1972,https://boxd.it/x,,,Slow.,,\n",
        "ratings.csv": shapes.LETTERBOXD["ratings.csv"] + "2025-03-05,Cats,2019,https://boxd.it/x,0\n",
    }

    assert read(shapes.pack(tmp_path, export)).failures == [
        ("reviews.csv, line 5", "This film has no name. Add it."),
        ("ratings.csv, line 5", "“0” is not a rating. Enter 1 to 10, or 4/5."),
    ]


# Trakt


def test_trakts_export(tmp_path):
    path = shapes.pack(tmp_path, shapes.TRAKT)

    assert readers.recognise(path) == "trakt"
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == [
        # in Berlin; the Sunday before in UTC
        # given after this time, before the other
        entry(
            "watched-history-10.json, entry 1",
            "2024-01-08",
            tmdb_id=949,
            imdb_id="tt0113277",
            title="Heat",
            year=1995,
            rating=9,
            said_at=datetime(2024, 2, 1, 9, tzinfo=UTC),
        ),
        # given before anything: to the first
        entry(
            "watched-history-2.json, entry 1",
            "2024-06-03",
            tmdb_id=348,
            imdb_id="tt0078748",
            title="Alien",
            year=1979,
            rating=4,
            said_at=datetime(2023, 2, 1, 9, tzinfo=UTC),
        ),
        entry("watched-history.json, entry 2", "2024-06-04", title="At the Lake", year=2020),
        entry("watched-history.json, entry 1", "2025-06-24", tmdb_id=949, imdb_id="tt0113277", title="Heat", year=1995),
    ]
    assert reading.remarks == [
        "Not imported (only the history of movies and their ratings are): lists-watchlist.json, user-profile.json, "
        "watched-movies.json.",
        "Episodes and shows, not imported: 1.",
        "Ratings of movies that are not in the history, and so not in a week: 1.",
    ]


def test_trakts_parts_come_in_the_order_of_their_numbers(tmp_path):
    at = "2025-06-24T21:30:00.000Z"  # all of them, so that nothing else orders them
    names = ["watched-history-10.json", "b/watched-history-2.json", "watched-history-1.json", "watched-history.json"]
    path = shapes.pack(tmp_path, {name: [shapes.play(1, shapes.HEAT, at)] for name in names})

    assert [row.place for row in read(path).rows] == [
        "watched-history.json, entry 1",
        "watched-history-1.json, entry 1",
        "watched-history-2.json, entry 1",
        "watched-history-10.json, entry 1",
    ]


def test_trakts_history_alone(tmp_path):
    history = [shapes.play(number, shapes.HEAT, "2025-06-24T21:30:00.000Z") for number in range(2000)]
    path = shapes.pack(tmp_path, {})
    path.write_text(shapes.json.dumps(history, indent=2), encoding="utf-8-sig")

    assert readers.recognise(path) == "trakt"
    assert [row.place for row in read(path).rows] == [f"entry {number}" for number in range(1, 2001)]


def test_trakts_entries_that_are_no_use(tmp_path):
    history = [
        "Heat",
        {"type": "movie", "movie": None},
        shapes.play(1, shapes.HEAT, "yesterday"),
        shapes.play(2, shapes.HEAT | {"year": None, "ids": {"tmdb": "x", "imdb": "x"}}, None),
        shapes.play(3, shapes.HEAT, "1970-01-01T00:00:00.000Z"),
    ]
    ratings = [
        {"rated_at": "2024-02-01T09:00:00.000Z", "rating": 11, "movie": shapes.HEAT},
        {"rated_at": "?", "rating": 1, "movie": shapes.HEAT},
        [],
    ]

    reading = read(shapes.pack(tmp_path, {"watched-history.json": history, "ratings-movies.json": ratings}))

    assert [filled(row) for row in reading.rows] == [
        {"place": "watched-history.json, entry 4", "kind": "movie", "title": "Heat"},
        entry("watched-history.json, entry 5", tmdb_id=949, imdb_id="tt0113277", title="Heat", year=1995),
    ]
    assert reading.failures == [
        ("watched-history.json, entry 1", "This entry is not about a movie."),
        ("watched-history.json, entry 2", "This entry has neither an id of a movie nor a title."),
        ("watched-history.json, entry 3", "“yesterday” is not a time. Enter it as 2024-12-31T20:15:00Z."),
        ("ratings-movies.json, entry 1", "This entry is not a rating of a movie from 1 to 10."),
        ("ratings-movies.json, entry 2", "“?” is not a time. Enter it as 2024-12-31T20:15:00Z."),
        ("ratings-movies.json, entry 3", "This entry is not a rating of a movie from 1 to 10."),
    ]


# Yamtrack


def test_yamtracks_csv(tmp_path):
    path = shapes.write(tmp_path, shapes.YAMTRACK)

    assert readers.recognise(path) == "yamtrack"
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == [
        # of 8.5
        entry("line 2", "2024-01-14", tmdb_id=603, title="The Matrix", rating=9),
        # a date that became an instant
        # of 0
        entry("line 3", "2024-02-11", tmdb_id=949, title="Heat", rating=1),
        entry("line 4", "2024-03-01", title="At the Lake", rating=7),
        entry("line 5", tmdb_id=348, title="Alien"),
    ]
    assert reading.remarks == [
        "The file has columns that are not imported: image, season_number, episode_number, progress, created_at.",
        "Movies not imported, as they are not completed: 1.",
        "Not imported, as they are no movies: 2.",
        "Notes not imported, as they are private in Yamtrack: 1.",
    ]


def test_yamtracks_older_csv(tmp_path):
    path = shapes.write(tmp_path, shapes.OLDER_YAMTRACK)

    assert readers.recognise(path) == "yamtrack"
    assert [(row["tmdb_id"], row["day"], row["rating"]) for row in read_all(path)] == [
        (10494, date(2024, 2, 9), 9),
        (949, date(2024, 2, 12), 8),
    ]


@pytest.mark.parametrize(
    ("score", "rating"), [("0", 1), ("0.4", 1), ("1.4", 1), ("1.5", 2), ("9.5", 10), ("10", 10), ("", None)]
)
def test_yamtracks_scores(tmp_path, score, rating):
    row = only(tmp_path, "media_id,source,media_type,title,score,status", f"1,tmdb,movie,,{score},Completed")

    assert row.get("rating") == rating


@pytest.mark.parametrize("score", ["10.1", "-1", "NaN", "good"])
def test_yamtracks_scores_that_are_none(tmp_path, score):
    header = "media_id,source,media_type,title,score,status"

    assert "“" + score in failure(tmp_path, header, f"1,tmdb,movie,,{score},Completed")


def test_yamtracks_movie_without_title_and_id(tmp_path):
    header = "media_id,source,media_type,title,score,status"

    assert "neither" in failure(tmp_path, header, "1,manual,movie,,,Completed")


# RateYourMusic


def test_rateyourmusics_csv(tmp_path):
    path = shapes.write(tmp_path, shapes.RATEYOURMUSIC, encoding="utf-8-sig")

    assert readers.recognise(path) == "rateyourmusic"
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == [
        entry(
            "line 2",
            kind="album",
            title="Are You Experienced?",
            artist="The Jimi Hendrix Experience",
            year=1967,
            rating=10,
            review="First & best\n\nbold words by Noel Redding, [sic]",
        ),
        entry(
            "line 3",
            kind="album",
            title="Bookends",
            artist="Simon & Garfunkel",
            year=1968,
            review="It ends with old friends.",
            contains_spoilers=True,
        ),
        entry("line 4", kind="album", title="勝訴ストリップ", artist="椎名 林檎", year=2000, rating=9),
        entry("line 6", kind="album", title="Tago Mago", artist="Can", rating=7),
    ]
    assert reading.remarks == [
        "The file has columns that are not imported: RYM Album, Purchase Date, Media Type.",
        "Albums on the wish list, not imported: 1.",
    ]


def test_rateyourmusics_older_csv(tmp_path):
    path = shapes.write(tmp_path, shapes.OLDER_RATEYOURMUSIC)

    assert readers.recognise(path) == "rateyourmusic"
    assert read_all(path) == [
        entry(
            "line 2",
            kind="album",
            title="Things We Lost in the Fire",
            artist="Low",
            year=2001,
            rating=8,
            review="Quiet.",
        )
    ]


# A plain CSV


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("week,title", "2024-W07,Heat", {"week": (2024, 7), "title": "Heat"}),
        ("Week;Title", "2024-w7;Heat", {"week": (2024, 7), "title": "Heat"}),
        ("ISO week\ttmdb id", "2024W073\t949", {"week": (2024, 7), "day": date(2024, 2, 14), "tmdb_id": 949}),
        ("year,week,title", "2024,7,Heat", {"week": (2024, 7), "title": "Heat"}),
        ("year,week,released,title", "2024,W07,1995,Heat", {"week": (2024, 7), "year": 1995, "title": "Heat"}),
        ("iso_year,week,year,title", "2024,07,1995,Heat", {"week": (2024, 7), "year": 1995, "title": "Heat"}),
        ("week,year,title", "2024-W07,1995,Heat", {"week": (2024, 7), "year": 1995, "title": "Heat"}),
        (
            "date,film,year",
            "2024-12-30,Heat,1995",
            {"week": (2025, 1), "day": date(2024, 12, 30), "title": "Heat", "year": 1995},
        ),
        ("watched,imdb", "2021-01-03,tt0113277", {"week": (2020, 53), "day": date(2021, 1, 3), "imdb_id": "tt0113277"}),
        ("watched_at,tmdb", "2024-01-07T23:30:00Z,949", {"week": (2024, 2), "day": date(2024, 1, 8), "tmdb_id": 949}),
        ("date,week,movie", "2024-02-18,2024-W07,Heat", {"week": (2024, 7), "day": date(2024, 2, 18), "title": "Heat"}),
        ("movie", "1917", {"title": "1917"}),
        ("movie", "https://www.themoviedb.org/movie/949-heat", {"tmdb_id": 949}),
        ("url", "https://www.imdb.com/title/tt0113277/", {"imdb_id": "tt0113277"}),
        ("id", "tt0113277", {"imdb_id": "tt0113277"}),
        ("link", f"https://musicbrainz.org/release-group/{GROUP}", {"release_group_id": UUID(GROUP)}),
        ("id", RELEASE.upper(), {"musicbrainz_id": UUID(RELEASE)}),
        ("MBID", f"https://musicbrainz.org/release/{RELEASE}", {"musicbrainz_id": UUID(RELEASE)}),
        ("release id", RELEASE, {"musicbrainz_id": UUID(RELEASE)}),
        ("release_group_id", GROUP, {"release_group_id": UUID(GROUP)}),
        (
            "title,band,release date,position",
            "Bookends,Simon & Garfunkel,1968-04-03,2",
            {"title": "Bookends", "artist": "Simon & Garfunkel", "year": 1968, "position": 2},
        ),
        ("album,rating,review", "Low,7,Quiet.", {"title": "Low", "rating": 7, "review": "Quiet."}),
        ("album,rating", "Low,3.5/5", {"title": "Low", "rating": 7}),
        ("album;rating", "Low;3,5 / 5", {"title": "Low", "rating": 7}),
        ("album,rating10", "Low,8/10", {"title": "Low", "rating": 8}),
        ("album,stars", "Low,3.5", {"title": "Low", "rating": 7}),
        ("album,rating", "Low,8.0", {"title": "Low", "rating": 8}),
        ("album,spoilers,notes", "Low,Yes,Rain.", {"title": "Low", "contains_spoilers": True, "notes": "Rain."}),
    ],
)
def test_a_plain_csv(tmp_path, header, row, said):
    assert only(tmp_path, header, row, kind="movie") == said


def test_a_week_that_only_has_notes(tmp_path):
    path = table(tmp_path, "week,movie,notes", "2024-W07,,We were ill.")

    assert readers.recognise(path) == "csv"
    assert read_all(path) == [{"place": "line 2", "week": (2024, 7), "notes": "We were ill."}]


@pytest.mark.parametrize(
    ("header", "row", "option", "kind"),
    [
        ("kind,title", "Film,Low", "", "movie"),
        ("type,title", "album,Low", "", "album"),
        ("kind,title,artist", "movie,Heat,Michael Mann", "", "movie"),
        ("title,artist", "Low,Low", "movie", "album"),
        ("title,tmdb_id", "Heat,949", "album", "movie"),
        ("title,listened", "Low,2024-02-12", "", "album"),
        ("title,watched", "Heat,2024-02-12", "", "movie"),
        ("movie,album", "Heat,", "", "movie"),
        ("movie,album", ",Low", "", "album"),
        ("title", "Low", "movie", "movie"),
        ("title", "Low", "album", "album"),
    ],
)
def test_the_kind_of_a_row(tmp_path, header, row, option, kind):
    (said,) = read_all(table(tmp_path, header, row), kind=option)

    assert said["kind"] == kind


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("title", "Low", "has no kind"),
        ("movie,album", "Heat,Low", "both a movie and an album"),
        ("kind,tmdb_id", "album,949", "both a movie and an album"),
        ("kind,title", "book,Low", "“book” is not a kind"),
        ("week,album", "2024-W53,Low", "There is no week 53 in 2024"),
        ("week,album", "2101-W01,Low", "There is no week 1 in 2101"),
        ("week,album", "7,Low", "Week 7 has no year"),
        ("week,album", "2024-07,Low", "“2024-07” is not a week"),
        ("year,week,album", "24,7,Low", "Week 7 has no year"),
        ("week,date,album", "2024-W07,2024-02-19,Low", "2024-02-19 is not in week 7 of 2024"),
        ("date,album", "31.12.2024,Low", "“31.12.2024” is not a date"),
        ("date,album", "12/31/2024,Low", "“12/31/2024” is not a date"),
        ("date,album", "20241231,Low", "“20241231” is not a date"),
        ("date,album", "2024-02-30,Low", "“2024-02-30” is not a date"),
        ("date,album", "2024-02-30T10:00,Low", "“2024-02-30T10:00” is not a date"),
        ("date,album", "0001-01-01T00:00+14:00,Low", "is not a date"),
        ("date,album", "9999-12-31,Low", "9999-12-31 is not between"),
        ("album,rating", "Low,11", "“11” is not a rating"),
        ("album,rating", "Low,0", "“0” is not a rating"),
        ("album,rating", "Low,4.5", "“4.5” is not a rating"),
        ("album,rating", "Low,3/4", "“3/4” is not a rating"),
        ("album,rating", "Low,-8", "“-8” is not a number"),
        ("album,rating", "Low,٨", "“٨” is not a number"),
        ("album,stars", "Low,5.5", "“5.5” is not a rating"),
        ("album,position", "Low,3", "“3” is not a position"),
        ("album,released", "Low,May 1994", "“May 1994” is not a year"),
        ("album,released", "Low,0194", "“0194” is not a year"),
        ("album,spoilers", "Low,perhaps", "“perhaps” is neither"),
        ("album,week", ",2024-W07", "neither a title nor an id"),
        ("album,id", ",12", "neither a title nor an id"),
        ("album,notes", ",Rain.", "neither a title nor an id"),
        ("title,tmdb_id", "Heat,heat", "“heat” is not an id"),
        ("title,imdb_id", "Heat,113277", "“113277” is not an id"),
        ("title,mbid", "Low,12", "“12” is not an id"),
        ("album", "Low,2024", "more cells than there are columns"),
        ("album,review", f"Low,{'x' * 10_001}", "has 10,001 characters"),
        ("album,notes", f"Low,{'x' * 10_001}", "has 10,001 characters"),
        ("album", "x" * 501, "has 501 characters"),
        ("album,artist", f"Low,{'x' * 501}", "has 501 characters"),
        ("album,rating", "Low,\x1b[31m9", "“?[31m9” is not a number"),
    ],
)
def test_rows_that_are_no_use(tmp_path, header, row, words):
    sentence = failure(tmp_path, header, row)

    assert words in sentence
    assert len(sentence) < 160


def test_the_rest_of_the_rows_goes_on(tmp_path):
    reading = read(table(tmp_path, "album,rating", "Low,11", "Hey What,9"))

    assert [row.title for row in reading.rows] == ["Hey What"]
    assert [place for place, _ in reading.failures] == ["line 2"]


def test_columns_and_addresses_that_are_ignored_are_named(tmp_path):
    path = table(tmp_path, "id,album,Mood,link,", "1,Low,sad,https://rateyourmusic.com/x,", "2,Can,fine,,")

    reading = read(path)

    assert [row.title for row in reading.rows] == ["Low", "Can"]
    assert reading.remarks == [
        "The file has columns that are not imported: Mood.",
        "Ignored addresses of other sites, and numbers of an unknown source: 2.",
    ]


def test_what_we_write_for_letterboxd_is_read_as_well(tmp_path):
    row = only(
        tmp_path,
        "tmdbID,Title,Year,Rating10,WatchedDate,Rewatch,Tags,Review",
        '949,Heat,1995,8,2024-12-30,,,"Coffee, guns."',
    )

    assert row == {
        "week": (2025, 1),
        "day": date(2024, 12, 30),
        "tmdb_id": 949,
        "title": "Heat",
        "year": 1995,
        "rating": 8,
        "review": "Coffee, guns.",
    }


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-01-15", date(2024, 1, 15)),
        ("2024-01-15T00:00:00Z", date(2024, 1, 15)),  # a date that became an instant
        ("2024-01-15 00:00:00+00:00", date(2024, 1, 15)),
        ("2024-01-15T00:00:01Z", date(2024, 1, 14)),
        ("2024-01-14T19:00:00-05:00", date(2024, 1, 14)),  # midnight UTC, but not written as that
        ("2024-01-14 19:00", date(2024, 1, 14)),  # by the clocks of the zone
        ("2024-01-15 00:00", date(2024, 1, 15)),
        ("2024-01-15T02:00+09:00", date(2024, 1, 14)),
    ],
)
def test_the_day_of_an_instant_is_that_of_the_users_zone(tmp_path, cell, day):
    reading = readers.read(table(tmp_path, "album,date", f"Low,{cell}"), zone=ZoneInfo("America/New_York"))

    assert [row.day for row in reading.rows] == [day]


# Ours


def test_our_csv(tmp_path):
    album = {
        "kind": "album",
        "position": "2",
        "tmdb_id": "",
        "musicbrainz_id": RELEASE,
        "release_group_id": GROUP,
        "title": "'=1+1",
        "artist": "'@ll",
        "release_date": "1997-05",
        "week_notes": "'-\r\nRain. ",
    }
    path = shapes.write(
        tmp_path,
        shapes.ours(
            {"opinion_by": "ben", "rating": "2", "review": "No."},
            {
                "opinion_by": "ada",
                "rating": "8",
                "review": "'+1,\r\n yes",
                "contains_spoilers": "true",
                "opinion_at": "2025-01-02T03:04:05Z",
            },
            {"opinion_by": "cleo", "rating": "3"},
            album | {"opinion_by": "ben", "rating": "3"},
            {"week_number": "2", "kind": "", "tmdb_id": "", "title": "", "position": "", "week_notes": "Ill."},
        ),
    )

    assert readers.recognise(path) == "wrong-opinions"
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == [
        entry(
            "line 2",
            week=(2025, 1),
            position=1,
            tmdb_id=949,
            title="Heat",
            year=1995,
            rating=8,
            review="+1,\r\n yes",
            contains_spoilers=True,
            said_at=datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
            added_at=datetime(2025, 1, 1, 20, 15, 0, 123456, tzinfo=UTC),
        ),
        entry(
            "line 6",
            kind="album",
            week=(2025, 1),
            position=2,
            musicbrainz_id=UUID(RELEASE),
            release_group_id=UUID(GROUP),
            title="=1+1",
            artist="@ll",
            year=1997,
            added_at=datetime(2025, 1, 1, 20, 15, 0, 123456, tzinfo=UTC),
            notes="-\r\nRain. ",
        ),
        {"place": "line 8", "week": (2025, 2), "notes": "Ill."},
    ]
    assert reading.remarks == ["Opinions of others, which are not imported: 3."]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "book"}, "“book” is not a kind"),
        ({"year": ""}, "no year and week_number"),
        ({"week_number": "53"}, "There is no week 53 in 2025"),
        ({"tmdb_id": "x"}, "“x” is not a TMDB id"),
        ({"musicbrainz_id": "x"}, "“x” is not a MusicBrainz id"),
        ({"release_group_id": "x"}, "“x” is not a MusicBrainz id"),
        ({"tmdb_id": "", "title": ""}, "neither an id nor a title"),
        ({"added_at": "2025-01-01"}, "“2025-01-01” is not a time"),
        ({"rating": "11"}, "“11” is not a rating"),
        ({"contains_spoilers": "?"}, "“?” is neither"),
        ({"position": "0"}, "“0” is not a position"),
    ],
)
def test_our_rows_that_are_no_use(tmp_path, change, words):
    reading = read(shapes.write(tmp_path, shapes.ours(change, {"week_number": "2"})))

    assert [row.week for row in reading.rows] == [(2025, 2)]
    ((place, sentence),) = reading.failures
    assert place == "line 2"
    assert words in sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format_version": "2"}, "Line 3 has another format_version than 1. Export the file again."),
        ({"username": "ben"}, "Line 3 belongs to another person. Import the export of one person."),
    ],
)
def test_our_files_that_are_no_use(tmp_path, change, sentence):
    with pytest.raises(readers.FileError) as refused:
        read(shapes.write(tmp_path, shapes.ours({}, change)))

    assert str(refused.value) == sentence


def test_our_json_is_recognised_and_read_elsewhere(tmp_path):
    path = shapes.write(tmp_path, '{\n "format": "wrong-opinions",\n "version": 1}', encoding="utf-8-sig")

    assert readers.recognise(path) == "json"
    with pytest.raises(readers.FileError):
        read(path)


def test_more_rows_than_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROWS", 3)

    assert len(read(table(tmp_path, "album,rating", "Low,1", "Low,2", "Low,11")).rows) == 2
    with pytest.raises(readers.FileError, match=r"^The file has more than 3 rows\. Split it into several\.$"):
        read(table(tmp_path, "album,rating", "Low,1", "Low,2", "Low,11", "Low,12"))
