"""A plain CSV, with columns by their natural names."""

from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from selections.transfer import readers
from selections.transfer.readers import rows

from .reading import GROUP, RELEASE, failure, only, read, read_all, refusal, skipped, table


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
        ("album,Rating,Rating10", "Low,3.5,7", {"title": "Low", "rating": 7}),
        ("album,stars", "Low,3.5", {"title": "Low", "rating": 7}),
        ("album,rating", "Low,4.5", {"title": "Low", "rating": 9}),
        ("album,rating", "Low,7.5", {"title": "Low", "rating": 8}),
        ("album,rating", "Low,85", {"title": "Low", "rating": 9}),
        ("album,released", "Low,May 1994", {"title": "Low", "year": 1994}),
        ("album,released", "Low,5/1/1994", {"title": "Low", "year": 1994}),
        ("album,date", "Low,31.12.2024", {"title": "Low", "day": date(2024, 12, 31), "week": (2025, 1)}),
        ("album,rating", "Low,8.0", {"title": "Low", "rating": 8}),
        ("album,heard before", "Low,yes", {"title": "Low", "rewatch": True}),
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
        ("album,rating", "Low,101", "“101” is not a rating"),
        ("album,rating", "Low,0", "“0” is not a rating"),
        ("album,rating", "Low,3/4", "“3/4” is not a rating"),
        ("album,rating", "Low,-8", "“-8” is not a number"),
        ("album,rating", "Low,٨", "“٨” is not a number"),
        ("album,stars", "Low,5.5", "“5.5” is not a rating"),
        ("album,position", "Low,3", "“3” is not a position"),
        ("album,released", "Low,0194", "“0194” is not a year"),
        ("album,spoilers", "Low,perhaps", "“perhaps” is neither"),
        ("title,tmdb_id", "Heat,heat", "“heat” is not an id"),
        ("title,imdb_id", "Heat,113277", "“113277” is not an id"),
        ("title,mbid", "Low,12", "“12” is not an id"),
        ("album,review", f"Low,{'x' * 10_001}", "has 10,001 characters"),
        ("album,notes", f"Low,{'x' * 10_001}", "has 10,001 characters"),
        ("album,rating", "Low,\x1b[31m9", "“?[31m9” is not a number"),
    ],
)
def test_a_cell_that_is_not_needed_does_not_cost_its_row(tmp_path, header, row, words):
    sentence = skipped(tmp_path, header, row, kind="movie")

    assert sentence.startswith("Imported without a cell, in line 2: ")
    assert words in sentence
    assert len(sentence) < 190


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
        ("date,album", "20241231,Low", "“20241231” is not a date"),
        ("date,album", "2024-02-30,Low", "“2024-02-30” is not a date"),
        ("date,album", "2024-02-30T10:00,Low", "“2024-02-30T10:00” is not a date"),
        ("date,album", "0001-01-01T00:00+14:00,Low", "is not a date"),
        ("date,album", "9999-12-31,Low", "9999-12-31 is not between"),
        ("album,week", ",2024-W07", "neither a title nor an id"),
        ("album,id", ",12", "neither a title nor an id"),
        ("album,notes", ",Rain.", "neither a title nor an id"),
        ("album", "Low,2024", "more cells than there are columns"),
        ("album", "x" * 501, "has 501 characters"),
        ("album,artist", f"Low,{'x' * 501}", "has 501 characters"),
        ("title,tmdb_id", ",heat", "“heat” is not an id"),
        ("date,album", "31.31.2024,Low", "“31.31.2024” is not a date"),
    ],
)
def test_rows_that_are_no_use(tmp_path, header, row, words):
    sentence = failure(tmp_path, header, row)

    assert words in sentence
    assert len(sentence) < 160


def test_a_file_without_a_useful_row_is_refused_in_one_sentence(tmp_path):
    assert refusal(table(tmp_path, "Title,Date", "Heat,2024-02-14", "Alien,2024-02-15")) == (
        "All 2 rows have the same problem. This row has no kind. Add a column kind with movie or album."
    )


def test_the_rest_of_the_rows_goes_on(tmp_path):
    reading = read(table(tmp_path, "album,week", "Low,11", "Hey What,2024-W09"))

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
        '949,Heat,1995,8,2024-12-30,Yes,,"Coffee, guns."',
    )

    assert row == {
        "week": (2025, 1),
        "day": date(2024, 12, 30),
        "tmdb_id": 949,
        "title": "Heat",
        "year": 1995,
        "rewatch": True,
        "rating": 8,
        "review": "Coffee, guns.",
    }


def test_no_differs_from_an_empty_cell(tmp_path):
    path = table(tmp_path, "album,week,rewatch", "Low,2024-W01,no", "Can,2024-W01,")

    assert [row.rewatch for row in read(path).rows] == [False, None]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["2024/12/31", "2024-1-5", "05.02.2024"], ["2024-12-31", "2024-01-05", "2024-02-05"]),
        (["1/2/2024", "12/31/2024", "3/4/24"], ["2024-01-02", "2024-12-31", "2024-03-04"]),
        (["1/2/2024", "31-12-2024"], ["2024-02-01", "2024-12-31"]),
        (["2/2/2024"], ["2024-02-02"]),
        (["31/12/2024", "12/30/2024"], ["2024-12-31", "2024-12-30"]),
        (["1/2/2024 9:30", "12/31/2024 10:00"], ["2024-01-02", "2024-12-31"]),
    ],
)
def test_dates_are_read_as_the_whole_file_shows(tmp_path, written, days):
    reading = read(table(tmp_path, "album,date", *(f"Low,{cell}" for cell in written)))

    assert reading.failures == []
    assert [str(row.day) for row in reading.rows] == days


def test_dates_that_can_be_read_both_ways_need_an_answer(tmp_path):
    path = table(tmp_path, "album,date", "Low,1/2/2024")

    assert refusal(path) == (
        "The date “1/2/2024” may begin with the day or the month. Say which with --dates dmy or --dates mdy, or in the "
        "form of the admin."
    )
    assert [str(read(path, dates=order).rows[0].day) for order in ("dmy", "mdy")] == ["2024-02-01", "2024-01-02"]


@pytest.mark.parametrize(
    ("ratings", "remark", "read_as"),
    [
        (
            ["4", "3.5", "1"],
            "Ratings are read as out of 5, as none is above 5. Otherwise write them as 4/10.",
            [8, 7, 2],
        ),
        (["5"] * 10, "Ratings are read as out of 5, as none is above 5. Otherwise write them as 4/10.", [10] * 10),
        (["4", "3"], "Ratings are read as out of 10, as none is above 5. Otherwise write them as 4/5.", [4, 3]),
        (["4", "8.5"], "Ratings are read as out of 10.", [4, 9]),
        (["4", "82", "100"], "Ratings are read as out of 100.", [1, 8, 10]),
    ],
)
def test_ratings_are_judged_by_the_whole_file_which_is_said(tmp_path, ratings, remark, read_as):
    reading = read(table(tmp_path, "album,rating", *(f"Low,{rating}" for rating in ratings)))

    assert reading.remarks == [remark]
    assert [row.rating for row in reading.rows] == read_as


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_line_that_excel_writes_first(tmp_path, sign):
    assert only(tmp_path, f"sep={sign}", f"album{sign}released", f"Low{sign}2001") == {"title": "Low", "year": 2001}


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


def test_more_rows_than_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROWS", 3)

    assert len(read(table(tmp_path, "album,week", "Low,2024-W01", "Low,2024-W02", "Low,11")).rows) == 2
    with pytest.raises(readers.FileError, match=r"^The file has more than 3 rows\. Split it into several\.$"):
        read(table(tmp_path, "album,week", "Low,2024-W01", "Low,2024-W02", "Low,11", "Low,12"))
