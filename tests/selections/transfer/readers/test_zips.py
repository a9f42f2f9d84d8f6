"""Unusable and malicious ZIPs."""

import struct
import tracemalloc
import zipfile

import pytest

from selections.transfer.readers import files

from . import shapes
from .reading import read, refusal, written


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


def peak(path) -> float:
    """The peak memory, in MB, of refusing a file."""
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
