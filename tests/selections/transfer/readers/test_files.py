"""Files that are no use: each is refused in one sentence, with the line where there is one, and never a traceback."""

import csv
import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st

from catalog.json_fields import InvalidValue
from selections.transfer import own_json, readers
from selections.transfer.readers import files, rows
from selections.transfer.readers.rows import FileError

from . import shapes

UTC = ZoneInfo("UTC")
fuzz = hypothesis.settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture
def tenth(monkeypatch):
    """A tenth of all limits, which are reached in a tenth of the time."""
    for module, name in [
        *((files, name) for name in ("MAX_UNPACKED", "MAX_ENTRIES", "MAX_DIRECTORY", "MAX_LINE", "MAX_LINES")),
        (rows, "MAX_ROWS"),
    ]:
        monkeypatch.setattr(module, name, getattr(module, name) // 10)
    usual = csv.field_size_limit(files.MAX_LINE)
    yield
    csv.field_size_limit(usual)


def read(path, **options):
    return readers.read(path, zone=UTC, **options)


def refusal(path, **options):
    """The one sentence with which a file is refused."""
    with pytest.raises(readers.FileError) as refused:
        read(path, **options)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 600
    return sentence


def written(tmp_path, content: bytes) -> Path:
    path = tmp_path / "download"
    path.write_bytes(content)
    return path


# What is no text


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


def test_a_nul_character_far_into_the_file(tmp_path):
    path = written(tmp_path, b"album\n" + 800 * (10 * b"Hey What " + b"\n") + b"L\0w\n")

    assert refusal(path) == (
        "There is a NUL character, as in binary files, in line 802. Save the file as UTF-8 and try again."
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", [0, 1, 800])
def test_another_encoding_names_its_line(tmp_path, ends, before):
    text = "album" + ends + before * (10 * "Hey What " + ends) + "Ágætis byrjun" + ends + "Low" + ends

    assert refusal(written(tmp_path, text.encode("latin-1"))) == (
        f"There is a byte that is not UTF-8 in line {before + 2}. Save the file as UTF-8 and try again."
    )


def test_another_encoding_in_the_header(tmp_path):
    assert "in line 1." in refusal(written(tmp_path, "Größe,album\n1,Low\n".encode("latin-1")))


def test_what_is_no_file(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path} is not a file."
    assert refusal(tmp_path / "absent") == f"{tmp_path}/absent cannot be read: No such file or directory."
    assert refusal(Path("nul\0")) == "This is not the name of a file."


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "download"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)

    assert refusal(path) == "The file has 51 MB: split it below 50 MB."


@pytest.mark.parametrize("content", [b'{"format": "other"}', b"{}", b"{", b'{"weeks": []}', b'\xef\xbb\xbf {"a": 1}'])
def test_other_json_is_for_our_own_reader_to_refuse(tmp_path, content):
    path = written(tmp_path, content)

    assert readers.recognise(path) == readers.JSON
    with pytest.raises((FileError, InvalidValue), match=r"not an export of Wrong Opinions|not valid JSON"):
        own_json.read(own_json.parse(path), is_trusted=True)


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


# Tables


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
        ("line 9", "Can", (2024, 9), None, ""),
    ]
    assert [place for place, _ in reading.failures] == ["line 7"]
    assert reading.remarks == ["The file has columns that are not imported: my, own; mood?!."]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("rows", [1, 5000])
def test_a_quotation_mark_that_is_never_closed_names_the_line_of_its_row(tmp_path, ends, rows):
    lines = ["album,review", 'Low,"two', 'lines"', 'Hey What,"never closed', *rows * ["Can,good"]]

    assert refusal(written(tmp_path, ends.join(lines).encode())) == (
        "A quotation mark in the row that begins in line 4 is never closed. Close it."
    )


def test_a_cell_that_swallows_more_than_a_line_may_have(tmp_path, tenth):
    content = b'album,review\nLow,"' + 30_000 * b"Can,good\n" + b'"\n'

    assert refusal(written(tmp_path, content)) == (
        "A quotation mark in the row that begins in line 2 is never closed. Close it."
    )


def test_a_quotation_mark_in_the_header_that_is_never_closed(tmp_path):
    assert refusal(written(tmp_path, b'"album,review\nLow,good\n')) == (
        "A quotation mark in the row that begins in line 1 is never closed. Close it."
    )


def test_a_line_without_end(tmp_path, tenth):
    assert refusal(written(tmp_path, b"album\n" + 300_000 * b"x")) == (
        "Line 2 has 100,000 characters or more, which is too long."
    )


def test_lines_without_end(tmp_path, tenth):
    assert refusal(written(tmp_path, b"album\n" + 100_001 * b"\n")) == (
        "The file has more than 100,000 lines. Split it into several."
    )


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (
            "Wann,Was",
            "No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has the "
            "columns Wann, Was in line 1.",
        ),
        (
            "<!DOCTYPE html>",
            "No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has the "
            "columns <!DOCTYPE html> in line 1.",
        ),
        (
            "#,*",
            "No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has no "
            "names of columns in line 1.",
        ),
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


@pytest.mark.parametrize("name", ["ratings.csv", "watched.csv", "watchlist.csv", "likes/films.csv"])
def test_letterboxds_files_without_dates_of_watching(tmp_path, name):
    assert refusal(shapes.write(tmp_path, shapes.LETTERBOXD[name]), kind="movie") == (
        "This file of Letterboxd does not say when films were watched. Import diary.csv or the whole ZIP."
    )


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
            "Date,Name,Year,Letterboxd URI\n",
            "letterboxd",
            "The file is not a diary of Letterboxd. Missing: Watched Date. It has the columns Date, Name, Year, "
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


# ZIPs


def test_a_zip_of_something_else(tmp_path):
    assert refusal(shapes.pack(tmp_path, {"holiday.txt": "sun"})).startswith("The ZIP has neither diary.csv")
    assert refusal(shapes.pack(tmp_path, {})).startswith("The ZIP has neither diary.csv")


@pytest.mark.parametrize("name", ["[Content_Types].xml", "content.xml"])
def test_a_spreadsheet(tmp_path, name):
    assert "a spreadsheet. Save it as CSV (UTF-8)" in refusal(shapes.pack(tmp_path, {name: "<x/>"}))


def test_a_zip_given_as_another_format(tmp_path):
    path = shapes.pack(tmp_path, shapes.LETTERBOXD)

    assert refusal(path, format="trakt") == (
        "This is not an export of Trakt but looks like an export of Letterboxd. Leave the format out."
    )


@pytest.mark.parametrize(
    "name",
    ["../diary.csv", "a/../../diary.csv", "/etc/diary.csv", "C:/diary.csv", "c:diary.csv", "a\\diary.csv", "a/.."],
)
def test_names_that_lead_out_of_a_zip(tmp_path, name):
    path = shapes.pack(tmp_path, shapes.LETTERBOXD | {name: ""})

    assert refusal(path) == (
        "The ZIP contains a file whose name leads out of it. Import the export as you downloaded it."
    )


def test_names_with_dots_in_them_are_fine(tmp_path):
    assert read(shapes.pack(tmp_path, shapes.LETTERBOXD | {"lists/what..csv": "", "a...b/c": ""})).rows


def test_a_zip_with_a_password(tmp_path):
    path = shapes.pack(tmp_path, shapes.LETTERBOXD)
    content = bytearray(path.read_bytes())
    for at in range(len(content)):  # as zipfile writes none
        if content.startswith(b"PK\1\2", at):
            content[at + 8] |= 1
        elif content.startswith(b"PK\3\4", at):
            content[at + 6] |= 1

    assert "password" in refusal(written(tmp_path, bytes(content)))


def test_a_zip_packed_in_an_unusual_way(tmp_path):
    path = tmp_path / "download"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("diary.csv", shapes.LETTERBOXD["diary.csv"])

    assert "unusual compression" in refusal(path)


def test_a_damaged_zip(tmp_path):
    path = tmp_path / "download"
    with zipfile.ZipFile(path, "w") as archive:  # stored, so that only the checksum can tell
        archive.writestr("diary.csv", shapes.LETTERBOXD["diary.csv"])
    path.write_bytes(path.read_bytes().replace(b"Alien", b"Aliem"))

    assert refusal(path) == "The ZIP is damaged. Download it again."


def test_a_zip_cut_short(tmp_path):
    path = shapes.pack(tmp_path, shapes.LETTERBOXD)

    assert refusal(written(tmp_path, path.read_bytes()[:-30])) == "The ZIP is damaged. Download it again."


def test_the_line_of_a_file_in_a_zip(tmp_path):
    diary = shapes.LETTERBOXD["diary.csv"]

    path = shapes.pack(tmp_path, {"x/diary.csv": (diary + "2025-01-01,Amélie,2001,u,,,,\n").encode("latin-1")})
    assert "in diary.csv, line 7. Save" in refusal(path)
    path = shapes.pack(tmp_path, {"x/diary.csv": f'{diary}2025-01-01,"Amélie,2001\n'})
    assert "begins in diary.csv, line 7 is never closed" in refusal(path)
    path = shapes.pack(tmp_path, {"diary.csv": diary.replace("Watched Date", "Seen", 1)})
    assert refusal(path).startswith("diary.csv is not a diary of Letterboxd. Missing: Watched Date. It has")
    path = shapes.pack(tmp_path, {"diary.csv": ""})
    assert refusal(path) == "diary.csv is empty."
    path = shapes.pack(tmp_path, {"diary.csv": diary, "ratings.csv": "Name,Year\n"})
    assert refusal(path).startswith("ratings.csv is not the ratings.csv of Letterboxd. Missing: Date, Letterboxd URI")


def test_two_exports_in_one_zip(tmp_path):
    path = shapes.pack(tmp_path, {"a/diary.csv": "", "b/diary.csv": ""})

    assert refusal(path) == "The ZIP has diary.csv more than once. Import one export at a time."


def test_letterboxds_export_without_a_diary(tmp_path):
    files = {name: shapes.LETTERBOXD[name] for name in ("ratings.csv", "watched.csv", "deleted/diary.csv")}

    assert refusal(shapes.pack(tmp_path, files)) == (
        "The ZIP has no diary.csv. Download your export from Letterboxd again."
    )


@pytest.mark.parametrize(
    ("content", "entry"),
    [
        ("", 0),
        ("[", 0),
        ('{"type": "movie"}', 0),
        ("[}", 0),
        ("[,]", 0),
        (', {"type": "show"}]', 0),
        ('[{"type": "show"}', 1),
        ('[{"type": "show"}, {"type":', 1),
        ('[{"type": "show"} {"type": "show"}]', 1),
        ('[{"type": "show"}, {"type": show}]', 1),
        ('[{"type": "show"}, 12', 1),
        ('[{"type": "show"}, ' + 200_000 * "[", 1),
        ('[{"type": "show"}, ' + 5000 * "9" + "]", 1),
        ('[{"type": "show"}, "' + 400_000 * "x" + '"]', 1),
    ],
)
def test_damaged_json(tmp_path, content, entry):
    path = shapes.pack(tmp_path, {"watched-history-3.json": content})

    assert refusal(path) == (f"There is no JSON in watched-history-3.json after entry {entry}. Download it again.")


def test_json_in_another_encoding(tmp_path):
    path = shapes.pack(tmp_path, {"watched-history.json": '[{"title": "Amélie"}]'.encode("latin-1")})

    assert refusal(path) == (
        "There is a byte that is not UTF-8 in watched-history.json after entry 0. Download it again."
    )


def test_what_no_database_takes_is_left_out_of_json(tmp_path):
    path = shapes.pack(tmp_path, {"watched-history.json": [shapes.play(1, {"title": "He\0at\ud800"}, None)]})

    assert [row.title for row in read(path).rows] == ["Heat?"]


# Bombs


def peak(path) -> float:
    """The megabytes that it took at most to refuse a file."""
    tracemalloc.start()
    try:
        refusal(path)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_a_zip_that_unpacks_to_too_much(tmp_path, tenth):
    path = tmp_path / "download"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("diary.csv", "lists/a.csv", "lists/b.csv"):
            with archive.open(name, "w") as file:
                for _ in range(7):
                    file.write(bytes(2**20))
    assert path.stat().st_size < 2**20

    assert refusal(path) == "The ZIP has more than 20 MB in it. Import the export as you downloaded it."
    assert peak(path) < 5


@pytest.mark.parametrize("piece", [b"2025-01-06,Heat,1995,u,,,,2025-01-06\n", b"\n", b"x", b'"'])
def test_a_zip_that_lies_about_its_size(tmp_path, tenth, piece):
    head = shapes.LETTERBOXD["diary.csv"].encode()
    path = tmp_path / "download"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("diary.csv", "w") as file,
    ):
        file.write(head)
        for _ in range(10):
            file.write(piece * (2**20 // len(piece)))
    size = archive.getinfo("diary.csv").file_size
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", size), struct.pack("<L", len(head) + 7)))

    assert refusal(path) in (
        "The ZIP is damaged. Download it again.",
        "A quotation mark in the row that begins in diary.csv, line 7 is never closed. Close it.",
    )
    assert peak(path) < 5


@pytest.mark.parametrize(
    "piece", [b"2025-01-06,Heat,1995,u,,,,2025-01-06\n", b"x", b'"\n', b'""', b",", b"\xff", b"\xf0\x9f\x8e\xac"]
)
def test_a_file_of_one_thing_over_and_over(tmp_path, tenth, piece):
    """Nearly as large as a file may be, it is refused before it fills the memory."""
    path = tmp_path / "download"
    with path.open("wb") as file:
        file.write(shapes.LETTERBOXD["diary.csv"].encode())
        for _ in range(5):
            file.write(piece * (2**20 // len(piece)))

    assert peak(path) < 10


def test_a_zip_with_too_many_files(tmp_path, tenth):
    path = tmp_path / "download"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1_001):
            archive.writestr(f"{number}", b"")
    assert refusal(path) == "The ZIP contains too many files. Import the export as you downloaded it."

    with zipfile.ZipFile(path, "a") as archive:
        for number in range(4_000):
            archive.writestr(f"a{number}", b"")
    assert path.stat().st_size < files.MAX_FILE
    assert peak(path) < 5


# Whatever


def refused_or_read(path) -> None:
    """Nothing but a FileError may come of any file."""
    for given in ("", *readers.FORMATS):
        said = sentences(path, given)
        assert all(sentence.endswith(".") and "\n" not in sentence for sentence in said)


def sentences(path, given) -> list[str]:
    try:
        return [sentence for _, sentence in read(path, format=given).failures]
    except readers.FileError as error:
        return [str(error)]


@fuzz
@hypothesis.given(content=st.binary(max_size=2000))
@hypothesis.example(b"PK\x05\x06" + bytes(18))
@hypothesis.example(b"PK\x05\x06" + b"\xff" * 18)
def test_any_bytes(tmp_path, content):
    refused_or_read(written(tmp_path, content))


OTHER_NAMES = (
    "media_id,source,media_type,status,score,end_date,Date,Name,Rating,Letterboxd URI,Watched Date,RYM Album,"
    "First Name,Last Name,Ownership,Review,movie,id,album,week,date,stars,released,,\ufeff"
)
names = st.sampled_from([*shapes.OUR_COLUMNS, *OTHER_NAMES.split(",")])
values = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["1", "ada", "movie", "album", "2024-W07", "2024-02-12", "Completed", "tmdb", "0001-01-01T00:00Z"]),
    st.sampled_from(
        ["4/5", "1e9", "9" * 30, "٣", "٣٣٣٣-W٠٧", "9999-12-31T23:59-12:00", "53", "²", "[spoiler]", "&#xD800;"]
    ),
    st.from_regex(r"[0-9]{4}-W?[0-9]{1,2}(-[0-9]{1,2})?(T[0-9:]{5}(Z|[+-][0-9:]{5})?)?", fullmatch=True),
)


@fuzz
@hypothesis.given(
    rows=st.lists(st.lists(values, max_size=24), max_size=4),
    header=st.one_of(
        st.lists(names, max_size=12, unique=True),
        st.just(shapes.OUR_COLUMNS),
        st.just(["Date", "Name", "Year", "Letterboxd URI", "Rating", "Review", "Watched Date"]),
        st.just(["media_id", "source", "media_type", "title", "status", "score", "end_date"]),
        st.just(["RYM Album", "First Name", "Last Name", "Title", "Rating", "Review", "Release_Date"]),
    ),
    sign=st.sampled_from(",;\t"),
)
def test_any_table(tmp_path, header, rows, sign):
    text = io.StringIO()
    csv.writer(text, delimiter=sign, escapechar="\\").writerows([header, *rows])

    refused_or_read(written(tmp_path, text.getvalue().encode("utf-8", "surrogatepass")))


@fuzz
@hypothesis.given(which=st.sampled_from(["letterboxd", "trakt"]), data=st.data())
def test_any_damage_to_a_zip(tmp_path, which, data):
    whole = shapes.pack(tmp_path, shapes.LETTERBOXD if which == "letterboxd" else shapes.TRAKT).read_bytes()
    content = bytearray(whole)
    spots = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for spot, value in data.draw(st.lists(spots, min_size=1, max_size=6)):
        content[spot] = value
    # The table of contents is at the end, and what can be damaged most.
    tail = st.tuples(st.integers(1, 1500), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    for spot, value in data.draw(st.lists(tail, max_size=6)):
        content[-spot] = value
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]

    refused_or_read(written(tmp_path, bytes(content)))


values_of_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("tt0113277"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "movie", "ids", "tmdb", "imdb", "trakt", "title", "year", "watched_at", "rated_at", "rating"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@fuzz
@hypothesis.given(history=values_of_json, ratings=values_of_json)
def test_any_json(tmp_path, history, ratings):
    refused_or_read(
        shapes.pack(
            tmp_path, {"watched-history.json": json.dumps(history), "ratings-movies.json": json.dumps([ratings])}
        )
    )
    refused_or_read(written(tmp_path, json.dumps([history, ratings]).encode()))
