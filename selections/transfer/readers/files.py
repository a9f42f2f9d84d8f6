"""Opens uploaded files of any content: nothing is unpacked to disk, and nothing is read in one go."""

import contextlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Self, TextIO

from .rows import FileError

MAX_FILE = 50 * 2**20  # bytes
MAX_JSON = 200 * 2**20  # bytes, of our own JSON, which is hard to split
SMALLER = {
    MAX_FILE: f"split it below {MAX_FILE // 2**20} MB.",
    MAX_JSON: f"JSON may have {MAX_JSON // 2**20}, so export it as CSV, and split that.",
}
MAX_UNPACKED = 200 * 2**20  # bytes, of all files in a ZIP
MAX_ENTRIES = 10_000  # in a ZIP; Letterboxd has a file for each list
MAX_DIRECTORY = 2 * 2**20  # bytes, of a ZIP's table of contents: zipfile reads it as a whole, and needs far more memory
MAX_LINE = 1_000_000  # characters
FIRST_LINES, BEGINNING = 5, 1_000  # lines, and characters of each, by which formats are told apart
MAX_LINES = 1_000_000
HEAD = 64 * 2**10  # bytes that identify a file's type

AS_DOWNLOADED = "Import the export as you downloaded it."
SPREADSHEET = "This looks like a spreadsheet. Save it as CSV (UTF-8) and import that file."
MAGIC = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": SPREADSHEET,
    b"%PDF-": "This looks like a PDF. Import its source as CSV (UTF-8).",
    b"\x89PNG": "This looks like a picture. Import a CSV file or the export that you downloaded.",
    b"\xff\xd8\xff": "This looks like a picture. Import a CSV file or the export that you downloaded.",
    b"GIF8": "This looks like a picture. Import a CSV file or the export that you downloaded.",
    b"SQLite format 3\0": "This looks like a database. Import an export of it as CSV (UTF-8).",
    b"\x1f\x8b": "This is packed with gzip. Unpack it and import the file in it.",
    b"7z\xbc\xaf\x27\x1c": "This is packed with 7-Zip. Unpack it and import the file in it.",
    b"Rar!": "This is packed with RAR. Unpack it and import the file in it.",
    b"\xff\xfe": 'This is UTF-16. Save the file as UTF-8 (spreadsheets call it "CSV UTF-8") and try again.',
    b"\xfe\xff": 'This is UTF-16. Save the file as UTF-8 (spreadsheets call it "CSV UTF-8") and try again.',
}
DAMAGED = "The ZIP is damaged. Download it again."
LEADS_OUT = re.compile(r"^/|\\|\0|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")  # names of files
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# The errors that zipfile, and zlib below it, raise for damaged files.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError, RuntimeError, ValueError)


class _File(io.FileIO):
    """A file that is never read in large pieces, whatever a ZIP's own figures say."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise FileError(f"The ZIP contains too many files. {AS_DOWNLOADED}")
        return super().read(size)


def _open(path: Path, most: int | None = MAX_FILE) -> _File:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe can be read only once, and a device may never end
            raise FileError(f"{path} is not a file.")
        if most is not None and status.st_size > most:
            raise FileError(f"The file has {status.st_size / 2**20:,.0f} MB: {SMALLER[most]}")
        return _File(path)
    except ValueError:  # a NUL character in the name
        raise FileError("This is not the name of a file.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from None


@contextlib.contextmanager
def opened(path: Path, *, is_json: bool = False) -> Iterator[TextIO]:
    """The text of a file, as Lines and find_flaw() check it; our own JSON may be larger. Raises FileError."""
    with _open(path, MAX_JSON if is_json else MAX_FILE) as file, _decoded(io.BufferedReader(file)) as text:
        yield text


def _decoded(file: IO[bytes]) -> io.TextIOWrapper:
    """Bytes that are not UTF-8 become lone surrogates, which UTF-8 cannot contain, so that they can be located."""
    return io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")


def _head(path: Path) -> bytes:
    with _open(path, None) as file:
        return file.read(HEAD)


def shape(path: Path) -> str:
    """The type of a file by its first bytes: `zip`, `object` or `list` of JSON, or else `table`.

    Raises FileError if it is none of them.
    """
    head = _head(path)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"{"):
        _open(path).close()  # which refuses files that are too large; the limit for JSON is checked when it is read
    if head.startswith(ZIP):
        return "zip"
    for magic, sentence in MAGIC.items():
        if head.startswith(magic):
            raise FileError(sentence)
    if b"\0" in head:
        raise FileError("This looks like a binary file. Import a CSV file or the export that you downloaded.")
    if not start:
        raise FileError("The file is empty.")
    return {b"{": "object", b"[": "list"}.get(start[:1], "table")


def first_key(path: Path) -> str:
    """The first key of an object in JSON; empty without one."""
    head = _head(path).decode("utf-8-sig", "replace")
    found = re.match(r'\s*\{\s*"([^"\\]{1,100})"\s*:', head)
    return found[1] if found else ""


class ZipArchive:
    """A ZIP whose files are read one after the other, as needed. Raises FileError."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.names = list(dict.fromkeys(info.filename for info in archive.infolist() if not info.is_dir()))
        if len(archive.infolist()) > MAX_ENTRIES:
            raise FileError(f"The ZIP contains too many files. {AS_DOWNLOADED}")
        for info in archive.infolist():
            if LEADS_OUT.search(info.orig_filename):
                raise FileError(f"The ZIP contains a file whose name leads out of it. {AS_DOWNLOADED}")
            if info.flag_bits & 1:
                raise FileError("The ZIP has a password. Unpack it and pack it again without one.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise FileError("The ZIP uses an unusual compression. Unpack it and pack it again.")
        # Sizes that are too small do not help: zipfile stops reading there, and the checksum is wrong.
        if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
            raise FileError(f"The ZIP has more than {MAX_UNPACKED // 2**20} MB in it. {AS_DOWNLOADED}")
        if {"[Content_Types].xml", "content.xml"}.intersection(self.names):
            raise FileError(SPREADSHEET)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[TextIO]:
        """The text of one of the files, as opened() gives it."""
        try:
            file = self._zip.open(name)
        except DAMAGE:
            raise FileError(DAMAGED) from None
        try:
            with file, _decoded(file) as text:
                yield text
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise FileError(DAMAGED) from None


@contextlib.contextmanager
def zip_archive(path: Path) -> Iterator[ZipArchive]:
    """The files of a ZIP. Raises FileError."""
    with _open(path) as file:
        try:
            archive = ZipArchive(zipfile.ZipFile(file))
        except DAMAGE:
            raise FileError(DAMAGED) from None
        yield archive


def parts(path: Path, names: re.Pattern[str]) -> Iterator[tuple[str, TextIO]]:
    """The names and texts of these files of a ZIP, in order; another file as it is, unnamed. Raises FileError."""
    if shape(path) != "zip":
        with opened(path) as file:
            yield "", file
        return
    with zip_archive(path) as archive:
        for name in sorted(filter(names.fullmatch, archive.names)):
            with archive.opened(name) as file:
                yield name, file


class Lines:
    """The lines of a text in UTF-8 with their line breaks, of any kind; `number` is that of the last line.

    Raises FileError, which names the line, for an invalid one.
    """

    def __init__(self, text: TextIO, name: str = "") -> None:
        self._text = text
        self._name = name
        self.number = 0
        self.ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        if self.number == 1:
            line = line.removeprefix("\ufeff")
        if self.number > MAX_LINES:
            raise FileError(f"The file has more than {MAX_LINES:,} lines. Split it into several.")
        if len(line) == MAX_LINE:
            raise FileError(f"{self.place().capitalize()} has {MAX_LINE:,} characters or more, which is too long.")
        if flaw := find_flaw(line):
            raise FileError(f"{flaw} in {self.place()}. Save the file as UTF-8 and try again.")
        return line

    def place(self, number: int | None = None) -> str:
        """The place of a line, by default the last one, such as `line 17` or `diary.csv, line 17`."""
        line = f"line {self.number if number is None else number}"
        return f"{self._name}, {line}" if self._name else line


def first_lines(text: TextIO) -> list[str]:
    """The beginnings of the first lines. Raises FileError."""
    return [line[:BEGINNING] for line in islice(Lines(text), FIRST_LINES)]


def find_flaw(text: str) -> str:
    """A sentence about the invalid character in a piece of text, if there is one."""
    if "\0" in text:
        return "There is a NUL character, as in binary files,"
    return "There is a byte that is not UTF-8" if not text.isascii() and re.search("[\ud800-\udfff]", text) else ""
