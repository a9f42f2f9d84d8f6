"""Each format, from a file in its true shape to rows."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from selections.transfer import readers

from . import shapes
from .reading import GROUP, RELEASE, entry, failure, filled, only, read, read_all, skipped


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
        "Not imported, as they are not movies: 2.",
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

    assert "“" + score in skipped(tmp_path, header, f"1,tmdb,movie,,{score},Completed")


def test_yamtracks_movie_without_title_and_id(tmp_path):
    header = "media_id,source,media_type,title,score,status"

    assert "neither" in failure(tmp_path, header, "1,manual,movie,,,Completed")


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
        entry("line 5", kind="album", title="Hey What", artist="Low", year=2021, is_planned=True),
        entry("line 6", kind="album", title="Tago Mago", artist="Can", rating=7),
    ]
    assert reading.remarks == ["The file has columns that are not imported: RYM Album, Purchase Date, Media Type."]


def test_rateyourmusics_csv_of_today(tmp_path):
    reading = read(shapes.write(tmp_path, shapes.RATEYOURMUSIC_TODAY))

    assert reading.failures == []
    assert [(row.title, row.rating, row.review, row.is_planned) for row in reading.rows] == [
        ("Hey What", 7, "", False),
        ("Tago Mago", None, "", True),
        ("Pink Moon", 9, 'Short, "sparse",\nand good.', False),
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
        "rewatch": "true",
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
            rewatch=True,
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
        ({"tmdb_id": "", "title": ""}, "neither an id nor a title"),
    ],
)
def test_our_rows_that_are_no_use(tmp_path, change, words):
    reading = read(shapes.write(tmp_path, shapes.ours(change, {"week_number": "2"})))

    assert [row.week for row in reading.rows] == [(2025, 2)]
    ((place, sentence),) = reading.failures
    assert place == "line 2"
    assert words in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tmdb_id": "x"}, "“x” is not a TMDB id"),
        ({"musicbrainz_id": "x"}, "“x” is not a MusicBrainz id"),
        ({"release_group_id": "x"}, "“x” is not a MusicBrainz id"),
        ({"added_at": "2025-01-01"}, "“2025-01-01” is not a time"),
        ({"added_at": "0001-01-01T00:00:00Z"}, "0001-01-01 is not between 1900 and 2100"),
        ({"opinion_at": "1899-12-31T23:59:59Z"}, "1899-12-31 is not between 1900 and 2100"),
        ({"rating": "11"}, "“11” is not a rating"),
        ({"contains_spoilers": "?"}, "“?” is neither"),
        ({"position": "0"}, "“0” is not a position"),
        ({"release_date": "May-97"}, "“May-97” is not a year of release"),
    ],
)
def test_a_cell_of_ours_that_is_not_needed_does_not_cost_its_row(tmp_path, change, words):
    reading = read(shapes.write(tmp_path, shapes.ours(change)))

    assert [row.title for row in reading.rows] == ["Heat"]
    assert reading.failures == []
    assert words in reading.remarks[0]


def test_our_csv_saved_by_a_spreadsheet(tmp_path):
    rows = [
        {"release_date": "12/15/1995", "week_start": "12/30/2024", "added_at": "1/1/2025 9:15"},
        {"week_number": "2", "rating": "8", "contains_spoilers": "FALSE", "opinion_by": "ada"},
    ]
    text = "sep=;\r\n" + shapes.ours(*rows).replace(",", ";")

    reading = read(shapes.write(tmp_path, text, encoding="utf-8-sig"))

    assert (reading.failures, reading.remarks) == ([], [])
    assert [(row.week, row.title, row.year, row.rating) for row in reading.rows] == [
        ((2025, 1), "Heat", 1995, None),
        ((2025, 2), "Heat", 1995, 8),
    ]
    assert reading.rows[0].added_at == datetime(2025, 1, 1, 8, 15, tzinfo=UTC)


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
