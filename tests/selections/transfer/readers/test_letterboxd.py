"""Letterboxd's export, from a file in its true shape to rows."""

from datetime import UTC, datetime

import pytest

from selections.transfer import readers

from . import shapes
from .reading import entry, filled, read, read_all, refusal

LISTED = datetime(2025, 1, 2, 11, tzinfo=UTC)
STALKER = entry("watchlist.csv, line 2", title="Stalker", year=1979, added_at=LISTED, is_planned=True)


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
        entry("diary.csv, line 3", "2025-01-06", title="Good, the Bad and the Ugly, The", year=1966, rewatch=True),
        entry("diary.csv, line 4", "2025-01-07", title="Alien", year=1979),
        # of ratings.csv, as neither entry has one
        entry(
            "diary.csv, line 5",
            "2025-02-01",
            title="Alien",
            year=1979,
            rewatch=True,
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
        STALKER,
    ]


def test_letterboxds_export_says_what_is_left_out(tmp_path):
    files = shapes.LETTERBOXD | {
        "ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n2025-02-03,Cats,2019,https://boxd.it/x,1\n"
    }

    assert read(shapes.pack(tmp_path, files, "top/")).remarks == [
        "diary.csv has columns that are not imported: Tags.",
        "reviews.csv has columns that are not imported: Tags.",
        "Not imported (only the diary, its reviews, its ratings and the watchlist are): comments.csv, deleted/, "
        "likes/, lists/, orphaned/, profile.csv, watched.csv.",
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
        "2025-01-06,Heat,1995,u,5.5,,,2025-01-06\n"
        "2025-01-06,Heat,1995,u,,,,2025-13-06\n"
        "2025-01-06,,1995,u,,,,2025-01-06\n"
        ",Heat,1995,u,,,,\n"
        "1899-01-06,Heat,1995,u,,,,1899-01-06\n"
        "2025-01-06,Heat,1995,u,,,,2025-01-06\n"
    )

    reading = read(shapes.write(tmp_path, diary))

    assert [row.place for row in reading.rows] == ["line 2", "line 7"]
    assert reading.skipped_cells == [
        "Imported without a cell, in line 2: “5.5” is not a rating. Enter 1 to 10, or 4/5."
    ]
    assert reading.failures == [
        ("line 3", "“2025-13-06” is not a date. Enter it as 2024-12-31."),
        ("line 4", "This film has no name. Add it."),
        ("line 5", "This entry has no date. Add the day when you watched the film."),
        ("line 6", "1899-01-06 is not between 1900 and 2100. Correct the date."),
    ]


def test_letterboxds_rows_that_are_no_use_in_other_files_than_the_diary(tmp_path):
    export = shapes.LETTERBOXD | {
        "reviews.csv": shapes.LETTERBOXD["reviews.csv"] + "2025-03-05,,1972,https://boxd.it/x,,,Slow.,,\n",
        "ratings.csv": shapes.LETTERBOXD["ratings.csv"] + "2025-03-05,Cats,2019,https://boxd.it/x,6\n",
    }

    reading = read(shapes.pack(tmp_path, export))

    assert reading.failures == [("reviews.csv, line 5", "This film has no name. Add it.")]
    assert reading.skipped_cells == [
        "Imported without a cell, in ratings.csv, line 5: “6” is not a rating. Enter 1 to 10, or 4/5."
    ]


def test_two_exports_in_one_zip(tmp_path):
    path = shapes.pack(tmp_path, {"a/diary.csv": "", "b/diary.csv": ""})

    assert refusal(path) == "The ZIP has diary.csv more than once. Import one export at a time."


def test_letterboxds_export_without_a_diary(tmp_path):
    files = {name: shapes.LETTERBOXD[name] for name in ("ratings.csv", "watched.csv", "deleted/diary.csv")}

    assert refusal(shapes.pack(tmp_path, files)) == (
        "The ZIP has no diary.csv. Download your export from Letterboxd again."
    )


def test_letterboxds_watchlist_is_told_by_its_name(tmp_path):
    path = shapes.write(tmp_path, shapes.LETTERBOXD["watchlist.csv"])
    path = path.rename(path.with_name("watchlist-ada-2025-03-06-10-00-utc.csv"))

    reading = read(path)

    assert [filled(row) for row in reading.rows] == [STALKER | {"place": "line 2"}]
    assert reading.remarks == []


@pytest.mark.parametrize("name", ["ratings.csv", "watched.csv", "watchlist.csv", "likes/films.csv"])
def test_letterboxds_files_without_dates_of_watching(tmp_path, name):
    assert refusal(shapes.write(tmp_path, shapes.LETTERBOXD[name]), kind="movie") == (
        "This file of Letterboxd does not say when films were watched. Import diary.csv or the whole ZIP. If it is "
        "your watchlist, name it watchlist.csv."
    )


@pytest.mark.parametrize("none", ["0", "0.0", ""])
def test_a_rating_of_zero_means_no_rating(tmp_path, none):
    header = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
    diary = f"2025-01-06,Heat,1995,u,{none},,,2025-01-06\n2025-01-06,Alien,1979,u,4,,,2025-01-06\n"
    ratings = f"Date,Name,Year,Letterboxd URI,Rating\n2025-01-06,Heat,1995,u,{none}\n2025-01-06,Alien,1979,u,{none}\n"

    reading = read(shapes.pack(tmp_path, {"diary.csv": header + diary, "ratings.csv": ratings}))

    assert [(row.rating, row.said_at is None) for row in reading.rows] == [(None, True), (8, False)]
    assert reading.failures == []


def test_a_diary_says_of_each_entry_whether_it_is_a_rewatch(tmp_path):
    diary = "Date,Name,Year,Letterboxd URI,Rating{},Watched Date\n2025-01-06,Heat,1995,u,4{},2025-01-06\n"

    said = [read(shapes.write(tmp_path, diary.format(",Rewatch", f",{cell}"))).rows for cell in ("Yes", "")]

    assert [row.rewatch for rows in said for row in rows] == [True, False]
    assert read(shapes.write(tmp_path, diary.format("", ""))).rows[0].rewatch is None


@pytest.mark.parametrize("top", ["", "letterboxd-ada-2025-03-06-10-00-utc/"])
@pytest.mark.parametrize("name", ["lists/diary.csv", "likes/reviews.csv", "deleted/diary.csv", "orphaned/reviews.csv"])
def test_files_of_other_folders_make_no_export(tmp_path, top, name):
    path = shapes.pack(tmp_path, {name: shapes.LETTERBOXD[name]}, top)

    assert refusal(path).startswith("The ZIP has neither diary.csv")
