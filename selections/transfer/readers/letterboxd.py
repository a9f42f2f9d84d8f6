"""Letterboxd's export, or its diary.csv, reviews.csv or watchlist.csv alone: https://letterboxd.com/settings/data/

Films have no ids in it, and addresses are those of diary entries in some files and of films in others, so that films
are identified by name and year.
"""

import html
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from . import cells, files
from .rows import FileError, Reading, Row, RowError, program_format
from .tables import Record, Table, listed, table_of

FILM = ("Date", "Name", "Year", "Letterboxd URI")  # in each of its files of films
NEEDS = (*FILM, "Watched Date")
USED = (*NEEDS, "Rating", "Rewatch", "Review")
DATED = ("Date", "Watched Date")
# The dates in its other files of films are those of a click; they have the same columns as the watchlist.
UNDATED = (
    "This file of Letterboxd does not say when films were watched. Import diary.csv or the whole ZIP. If it is your "
    "watchlist, name it watchlist.csv."
)
# Folders of the export itself, whose files may have the same names: lists have the names that their owner gave them,
# `deleted` and `orphaned` are copies. And the one that macOS adds.
FOLDERS = {"likes", "lists", "deleted", "orphaned", "__macosx"}
MARKUP = re.compile(r"</?(?:a|b|blockquote|del|em|i|li|ol|p|s|strong|u|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)


def is_export(names: list[str]) -> bool:
    """Whether a ZIP with these file names is such an export."""
    own = {name for name, _ in _own(names)}
    return bool({"diary.csv", "reviews.csv"} & own) or {"ratings.csv", "watched.csv"} <= own


def read(path: Path, reading: Reading) -> None:
    """The rows of its diary, of reviews without an entry in the diary, and of the watchlist. Raises FileError.

    Only the day of an opinion is known, not the time: it counts as noon in this zone.
    """
    if files.shape(path) == "zip":
        with files.zip_archive(path) as archive:
            _read_export(archive, reading)
        return
    with table_of(path, reading, DATED) as table:
        if table.has("Watched Date") or not table.has(*FILM):
            _read_part("diary.csv", table, reading)
        elif "watchlist" in path.name.lower():
            _read_part("watchlist.csv", table, reading)
        else:
            raise FileError(UNDATED)


def _read_export(archive: files.ZipArchive, reading: Reading) -> None:
    own = _files_to_read(archive.names)
    if not {"diary.csv", "reviews.csv"} & own.keys():
        raise FileError("The ZIP has no diary.csv. Download your export from Letterboxd again.")
    rows: dict[str, list[Row]] = {}
    for name in PARTS:
        if name in own:
            with archive.opened(own[name]) as file:
                _read_part(name, Table(file, name), reading)
        rows[name], reading.rows = reading.rows, []  # as they are to be combined
    entries = _with_reviews(rows["diary.csv"], rows["reviews.csv"])
    left_out = _add_ratings(entries, rows["ratings.csv"])
    reading.left_out["Ratings of films that are not in the diary, and so not in a week"] += left_out
    reading.rows = entries + rows["watchlist.csv"]
    if others := _others(archive.names, own):
        reading.remarks.append(
            f"Not imported (only the diary, its reviews, its ratings and the watchlist are): {listed(others)}."
        )


def _read_part(name: str, table: Table, reading: Reading) -> None:
    needs, what, read_row = PARTS[name]
    table.require(*needs, what=what)
    table.collect(reading, USED, read_row)


def _own(names: list[str]) -> Iterator[tuple[str, str]]:
    """The names and paths of the files at the top, or below one folder that is named after the export."""
    for path in names:
        *folders, name = path.lower().split("/")
        if len(folders) <= 1 and not FOLDERS & set(folders):
            yield name, path


def _files_to_read(names: list[str]) -> dict[str, str]:
    """The paths of the files that are read, by their names."""
    found: dict[str, str] = {}
    for name, path in _own(names):
        if name in found:
            raise FileError(f"The ZIP has {name} more than once. Import one export at a time.")
        if name in PARTS:
            found[name] = path
    return found


def _others(names: list[str], own: dict[str, str]) -> list[str]:
    """The files that are not read; those in folders by the name of the folder."""
    folders = {path.rpartition("/")[0] for path in own.values()}
    top = f"{folders.pop()}/" if len(folders) == 1 else ""
    paths = (path.removeprefix(top) for path in names if path not in own.values())
    return sorted({f"{path.partition('/')[0]}/" if "/" in path else path for path in paths})


def _read_entry(record: Record, reading: Reading) -> Row:
    film = _read_film(record, reading)
    day = cells.read_day(record["watcheddate"] or record["date"], reading.zone)
    if not day:
        raise RowError("This entry has no date. Add the day when you watched the film.")
    rating = reading.spare(cells.read_optional_rating, record["rating"], out_of=5)
    review = reading.spare(cells.read_text, _plain(record["review"])) or ""
    return Row(
        rewatch=reading.spare(cells.read_yes, record["rewatch"]) if "rewatch" in record.cells else None,
        rating=rating,
        review=review,
        said_at=cells.read_noon(record["date"], reading.zone) if rating or review else None,
        **film,
        **cells.dated(day),
    )


def _read_film(record: Record, reading: Reading) -> dict[str, Any]:
    """The fields of a row that each of the files has."""
    if not record["name"]:
        raise RowError("This film has no name. Add it.")
    year = reading.spare(cells.read_release_year, record["year"])
    return {"kind": "movie", "title": cells.within(record["name"]), "year": year}


def _plain(review: str) -> str:
    """The text of a review in HTML; `I <3 this` is not HTML."""
    broken = re.sub(r"<br\s*/?>", "\n", review, flags=re.IGNORECASE)
    broken = re.sub(r"</p>\s*<p>", "\n\n", broken, flags=re.IGNORECASE)
    return html.unescape(MARKUP.sub("", broken))


def _with_reviews(diary: list[Row], reviews: list[Row]) -> list[Row]:
    """The entries, with the review of their film and day; other reviews follow as rows of their own."""
    waiting: dict[tuple[Hashable, date | None], list[Row]] = defaultdict(list)
    for review in reviews:
        waiting[review.work, review.day].append(review)
    entries = []
    for entry in diary:
        if same := waiting[entry.work, entry.day]:
            review = same.pop(0)
            rating = entry.rating or review.rating
            entry = replace(entry, review=review.review, rating=rating, said_at=review.said_at)
        entries.append(entry)
    left = {review.place for others in waiting.values() for review in others}
    return entries + [review for review in reviews if review.place in left]


def _add_ratings(entries: list[Row], ratings: list[Row]) -> int:
    """Give a film's rating, if no entry has one, to its last entry, and return how many films have no entry."""
    last: dict[Hashable, int] = {}
    for number, row in sorted(enumerate(entries), key=lambda numbered: numbered[1].day or date.min):
        last[row.work] = number
    rated = {row.work for row in entries if row.rating}
    of_films = {row.work: row for row in ratings if row.rating}
    for film in last.keys() & of_films.keys() - rated:
        said = of_films[film]
        entries[last[film]] = replace(entries[last[film]], rating=said.rating, said_at=said.said_at)
    return len(of_films.keys() - last.keys())


def _read_rating(record: Record, reading: Reading) -> Row:
    rating = reading.spare(cells.read_optional_rating, record["rating"], out_of=5)
    return Row(rating=rating, said_at=cells.read_noon(record["date"], reading.zone), **_read_film(record, reading))


def _read_plan(record: Record, reading: Reading) -> Row:
    """A film on the watchlist."""
    added_at = reading.spare(cells.read_noon, record["date"], zone=reading.zone)
    return Row(added_at=added_at, is_planned=True, **_read_film(record, reading))


# The files that are read: the columns that each needs, what it is called in a sentence, and how its rows are read.
PARTS = {
    "diary.csv": (NEEDS, "a diary of Letterboxd", _read_entry),
    "reviews.csv": (NEEDS, "a diary of Letterboxd", _read_entry),
    "ratings.csv": ((*FILM, "Rating"), "the ratings.csv of Letterboxd", _read_rating),
    "watchlist.csv": (FILM, "a watchlist of Letterboxd", _read_plan),
}
FORMAT = program_format("Letterboxd", needs=FILM, is_export=is_export, read=read)
