"""Unusable files: each is refused in one sentence, which names the line if there is one, and never with a traceback."""

import csv
import io
import json
from pathlib import Path

import pytest

from catalog.json_fields import InvalidValue
from selections.transfer import own_json, readers
from selections.transfer.readers import files
from selections.transfer.readers.rows import FileError

from . import shapes
from .reading import read, refusal, written


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"GIF89a", "a picture"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet. Save it as CSV (UTF-8)"),
        (b"SQLite format 3\0", "a database"),
        (b"\x1f\x8b\x08", "packed with gzip"),
        (b"7z\xbc\xaf\x27\x1c", "packed with 7-Zip"),
        (b"Rar!\x1a\x07", "packed with RAR"),
        ("title\nHeat\n".encode("utf-16"), "Save the file as UTF-8"),
        (b"\x7fELF\x02\x01\x01\0", "a binary file"),
        (b"title\nHe\0at\n", "a binary file"),
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n\t\n", "The file is empty."),
    ],
)
def test_what_is_no_text(tmp_path, content, words):
    assert words in refusal(written(tmp_path, content))


UNKNOWN = "No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has"
UNCLOSED = "A quotation mark in the row that begins in line {} is never closed. Close it."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"album\n" + 800 * (10 * b"Hey What " + b"\n") + b"L\0w\n",
            "There is a NUL character, as in binary files, in line 802. Save the file as UTF-8 and try again.",
        ),
        (
            "Größe,album\n1,Low\n".encode("latin-1"),
            "There is a byte that is not UTF-8 in line 1. Save the file as UTF-8 and try again.",
        ),
        (b'album,review\nLow,"' + 30_000 * b"Can,good\n" + b'"\n', UNCLOSED.format(2)),
        (b'"album,review\nLow,good\n', UNCLOSED.format(1)),
        (b"album\n" + 300_000 * b"x", "Line 2 has 100,000 characters or more, which is too long."),
        (b"album\n" + 100_001 * b"\n", "The file has more than 100,000 lines. Split it into several."),
    ],
    ids=["NUL", "encoding", "swallowed lines", "unclosed header", "line without end", "lines without end"],
)
def test_a_flaw_is_found_in_its_line(tmp_path, tenth, content, sentence):
    assert refusal(written(tmp_path, content)) == sentence


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", [0, 1, 800])
def test_another_encoding_names_its_line(tmp_path, ends, before):
    text = "album" + ends + before * (10 * "Hey What " + ends) + "Ágætis byrjun" + ends + "Low" + ends

    assert refusal(written(tmp_path, text.encode("latin-1"))) == (
        f"There is a byte that is not UTF-8 in line {before + 2}. Save the file as UTF-8 and try again."
    )


def test_what_is_no_file(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path} is not a file."
    assert refusal(tmp_path / "absent") == f"{tmp_path}/absent cannot be read: No such file or directory."
    assert refusal(Path("nul\0")) == "This is not the name of a file."


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "download"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)

    assert refusal(path) == "The file has 51 MB: split it below 50 MB."


@pytest.mark.parametrize("content", [b'{"format": "other"}', b"{}", b"{", b'\xef\xbb\xbf {"weeks": []}'])
def test_json_like_ours_is_for_our_own_reader_to_refuse(tmp_path, content):
    path = written(tmp_path, content)

    assert readers.recognise(path) == readers.JSON
    with pytest.raises((FileError, InvalidValue), match=r"not an export of Wrong Opinions|not valid JSON"):
        own_json.read(own_json.parse(path), is_trusted=True)


def test_json_of_another_program_is_refused(tmp_path):
    assert "not an export of a program that is supported" in refusal(written(tmp_path, b'{"title": "Dune"}'))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_our_own_json_is_known_whatever_comes_first_in_it(tmp_path, mark):
    whole = {"catalog": {"movies": [{"title": "x" * files.HEAD}]}, "format": "wrong-opinions", "version": 1}
    path = written(tmp_path, mark + json.dumps(whole).encode())

    assert readers.recognise(path) == readers.JSON
    assert own_json.parse(path) == whole


def test_our_own_json_may_be_larger_than_other_files(tmp_path):
    path = written(tmp_path, b'{"format": "wrong-opinions"}' + b" " * files.MAX_FILE)
    assert readers.recognise(path) == readers.JSON
    assert own_json.parse(path) == {"format": "wrong-opinions"}

    with path.open("r+b") as file:
        file.truncate(201 * 2**20)
    with pytest.raises(
        FileError, match=r"^The file has 201 MB: JSON may have 200, so export it as CSV, and split that\.$"
    ):
        own_json.parse(path)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_breaks_in_cells_semicolons_and_a_bom(tmp_path, sign, encoding, ends):
    lines = [
        [" Album", "WEEK ", "my, own; mood\t!", "rating", "Review", ""],
        ["Low, high; and\tlow", "2024-W07", "", "7", f'One,{ends}{ends}two "three";', ""],
        ["", " ", "", "", "", ""],
        ["Hey What", "2024-W08", "", "11", f"Four{ends}five"],
        ["Can", "2024-W09", "sad", "", "", "", ""],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=sign, lineterminator=ends).writerows(lines)
    path = written(tmp_path, (ends + text.getvalue()).encode(encoding))

    reading = read(path)

    assert [(row.place, row.title, row.week, row.rating, row.review) for row in reading.rows] == [
        ("line 3", "Low, high; and\tlow", (2024, 7), 7, 'One,\n\ntwo "three";'),
        ("line 7", "Hey What", (2024, 8), None, "Four\nfive"),
        ("line 9", "Can", (2024, 9), None, ""),
    ]
    assert reading.remarks == [
        "Ratings are read as out of 10.",
        "The file has columns that are not imported: my, own; mood?!.",
        "Imported without a cell, in line 7: “11” is not a rating. Enter 1 to 10, or 4/5.",
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("rows", [1, 5000])
def test_a_quotation_mark_that_is_never_closed_names_the_line_of_its_row(tmp_path, ends, rows):
    lines = ["album,review", 'Low,"two', 'lines"', 'Hey What,"never closed', *rows * ["Can,good"]]

    assert refusal(written(tmp_path, ends.join(lines).encode())) == UNCLOSED.format(4)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("Wann,Was", f"{UNKNOWN} the columns Wann, Was in line 1."),
        ("<!DOCTYPE html>", f"{UNKNOWN} the columns <!DOCTYPE html> in line 1."),
        ("#,*", f"{UNKNOWN} no names of columns in line 1."),
        ("title,Week,week", "Line 1 has week twice. Give each column its own name."),
        ("tmdb_id,TMDB ID", "Line 1 has TMDB ID twice. Give each column its own name."),
    ],
)
def test_headers_that_are_no_use(tmp_path, header, sentence):
    assert refusal(shapes.write(tmp_path, f"{header}\n")) == sentence


def test_names_of_columns_are_not_repeated_without_end(tmp_path):
    sentence = refusal(shapes.write(tmp_path, ",".join(f"{number}{'x' * 100}" for number in range(5))))
    assert sentence.count("x" * 29) == 5
    assert "x" * 30 not in sentence

    path = shapes.write(tmp_path, "title," + ",".join(f"column{number}" for number in range(200)))
    (remark, _) = read(path).remarks
    assert remark.endswith("column11 and 188 more.")


def test_a_header_only(tmp_path):
    reading = read(shapes.write(tmp_path, "week,title\n\n,\n"))

    assert (reading.rows, reading.failures, reading.remarks) == ([], [], ["The file has no rows."])


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (
            shapes.OLDER_YAMTRACK,
            "rateyourmusic",
            "The file is not a CSV of RateYourMusic. Missing: RYM Album, First Name, Last Name, Rating. It has the "
            "columns media_id, source, media_type, title, image, season_number, episode_number, score, progress, "
            "status, start_date, end_date and 2 more in line 1.",
        ),
        (
            "title,week\n",
            "wrong-opinions",
            "The file is not a CSV of Wrong Opinions. Missing: format_version, username, year, week_number, kind. It "
            "has the columns title, week in line 1.",
        ),
        (
            "Date,Name,Letterboxd URI\n",
            "letterboxd",
            "The file is not a diary of Letterboxd. Missing: Year, Watched Date. It has the columns Date, Name, "
            "Letterboxd URI in line 1.",
        ),
        ("title,week\n", "trakt", "This is not an export of Trakt but looks like a plain CSV. Leave the format out."),
        ("[]", "csv", "This is not a plain CSV but looks like an export of Trakt. Leave the format out."),
        (
            '{"format": "wrong-opinions"}',
            "csv",
            "This is not a plain CSV but looks like our own JSON. Leave the format out.",
        ),
    ],
)
def test_a_given_format_that_does_not_fit(tmp_path, text, given, sentence):
    path = shapes.write(tmp_path, text)
    with pytest.raises(readers.FileError) as refused:
        read(path, format=given)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "given"),
    [(shapes.YAMTRACK, "yamtrack"), (shapes.YAMTRACK, "csv"), (shapes.LETTERBOXD["diary.csv"], "csv")],
)
def test_a_given_format_that_fits(tmp_path, text, given):
    reading = read(shapes.write(tmp_path, text), format=given, kind="movie")

    assert reading.format == given
    assert reading.rows


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Book Id,Title,Author,Author l-f,ISBN,ISBN13,My Rating,Date Read,Exclusive Shelf", "a list of books"),
        ("Title,Authors,Contributors,ISBN/UID,Format,Read Status,Date Added,Star Rating,Review", "a list of books"),
        ("Title,Platform,Status,Rating,Completed", "a list of games"),
        ("Artist,Album,Title,Length", "a list of tracks"),
    ],
)
def test_lists_of_other_things_are_refused_in_one_sentence(tmp_path, header, words):
    assert words in refusal(shapes.write(tmp_path, header + "\n" + "x," * header.count(",") + "x\n"))
