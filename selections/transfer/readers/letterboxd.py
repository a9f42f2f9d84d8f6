"""Letterboxd's export, or its diary.csv, reviews.csv or watchlist.csv alone: https://letterboxd.com/settings/data/

Films have no ids in it, and addresses are those of diary entries in some files and of films in others, so that films
are identified by name and year.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from . import cells, files
from .rows import FileError, Format, Reading, Row, RowError
from .tables import Record, Table, listed, table_of

FILM = ("Date", "Name", "Year", "Letterboxd URI")  # in each of its files of films
NEEDS = (*FILM, "Watched Date")
USED = (*NEEDS, "Rating", "Rewatch", "Review")
DATED = ("Date", "Watched Date")
READ = ("diary.csv", "reviews.csv", "ratings.csv", "watchlist.csv")
# The dates in its other files of films are those of a click; they have the same columns as the watchlist.
UNDATED = (
    "This file of Letterboxd does not say when films were watched. Import diary.csv or the whole ZIP. If it is your "
    "watchlist, name it watchlist.csv."
)
# Folders of the export itself, whose files may have the same names: lists have the names that their owner gave them,
# `deleted` and `orphaned` are copies. And the one that macOS adds.
FOLDERS = {"likes", "lists", "deleted", "orphaned", "__macosx"}
MARKUP = re.compile(r"</?(?:a|b|blockquote|del|em|i|li|ol|p|s|strong|u|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)

type Film = tuple[str, int | None]  # name and year


def is_export(names: list[str]) -> bool:
    """Whether a ZIP with these file names is such an export."""
    own = {name for name, _ in _own(names)}
    return bool({"diary.csv", "reviews.csv"} & own) or {"ratings.csv", "watched.csv"} <= own


def read(path: Path, reading: Reading) -> None:
    """The rows of its diary, of reviews without an entry in the diary, and of the watchlist. Raises FileError.

    Only the day of an opinion is known, not the time: it counts as noon in this zone.
    """
    if files.shape(path) != "zip":
        with table_of(path, reading, DATED) as table:
            if table.has("Watched Date") or not table.has(*FILM):
                _read_entries(table, reading)
            elif "watchlist" in path.name.lower():
                table.collect(reading, FILM, _read_plan)
            else:
                raise FileError(UNDATED)
        return
    with files.zip_archive(path) as archive:
        own = _files_to_read(archive.names)
        if not {"diary.csv", "reviews.csv"} & own.keys():
            raise FileError("The ZIP has no diary.csv. Download your export from Letterboxd again.")
        reviews = Reading("letterboxd", reading.zone)
        for name, part in {"diary.csv": reading, "reviews.csv": reviews}.items():
            if name in own:
                with archive.opened(own[name]) as file:
                    _read_entries(Table(file, name), part)
        _add_reviews(reading, reviews)
        if "ratings.csv" in own:
            with archive.opened(own["ratings.csv"]) as file:
                _add_ratings(reading, Table(file, "ratings.csv"))
        if "watchlist.csv" in own:
            with archive.opened(own["watchlist.csv"]) as file:
                Table(file, "watchlist.csv").collect(reading, FILM, _read_plan)
        if others := _others(archive.names, own):
            reading.remarks.append(
                f"Not imported (only the diary, its reviews, its ratings and the watchlist are): {listed(others)}."
            )


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
        if name in READ:
            found[name] = path
    return found


def _others(names: list[str], own: dict[str, str]) -> list[str]:
    """The files that are not read; those in folders by the name of the folder."""
    folders = {path.rpartition("/")[0] for path in own.values()}
    top = f"{folders.pop()}/" if len(folders) == 1 else ""
    paths = (path.removeprefix(top) for path in names if path not in own.values())
    return sorted({f"{path.partition('/')[0]}/" if "/" in path else path for path in paths})


def _read_entries(table: Table, reading: Reading) -> None:
    """Add the rows of diary.csv or reviews.csv."""
    table.require(*NEEDS, what="a diary of Letterboxd")
    table.collect(reading, USED, _read_entry)


def _read_entry(record: Record, reading: Reading) -> Row:
    title, year = _read_film(record, reading)
    day = cells.read_day(record["watcheddate"] or record["date"], reading.zone)
    if not day:
        raise RowError("This entry has no date. Add the day when you watched the film.")
    rating = reading.spare(record.place, _read_stars, record["rating"])
    review = reading.spare(record.place, cells.read_text, _plain(record["review"])) or ""
    return Row(
        place=record.place,
        kind="movie",
        title=title,
        year=year,
        rewatch=reading.spare(record.place, cells.read_yes, record["rewatch"]) if "rewatch" in record.cells else None,
        rating=rating,
        review=review,
        said_at=cells.read_noon(record["date"], reading.zone) if rating or review else None,
        **cells.dated(day),
    )


def _read_film(record: Record, reading: Reading) -> Film:
    if not record["name"]:
        raise RowError("This film has no name. Add it.")
    return cells.within(record["name"]), reading.spare(record.place, cells.read_release_year, record["year"])


def _read_stars(cell: str) -> int | None:
    """Half stars; other programs write 0 if there is no rating."""
    return cells.read_rating(cell, out_of=5) if cell.strip("0.") else None


def _plain(review: str) -> str:
    """The text of a review in HTML; `I <3 this` is not HTML."""
    broken = re.sub(r"<br\s*/?>", "\n", review, flags=re.IGNORECASE)
    broken = re.sub(r"</p>\s*<p>", "\n\n", broken, flags=re.IGNORECASE)
    return html.unescape(MARKUP.sub("", broken))


def _add_reviews(diary: Reading, reviews: Reading) -> None:
    """Give each review to the entry of its film and day in the diary; the others follow as rows of their own."""
    waiting: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for review in reviews.rows:
        waiting[review.title, review.year, review.day].append(review)
    joined: set[str] = set()  # the places of reviews
    for number, entry in enumerate(diary.rows):
        if same := waiting[entry.title, entry.year, entry.day]:
            review = same.pop(0)
            joined.add(review.place)
            rating = entry.rating or review.rating
            diary.rows[number] = replace(entry, review=review.review, rating=rating, said_at=review.said_at)
    diary.rows += [review for review in reviews.rows if review.place not in joined]
    diary.take_reports(reviews)


def _add_ratings(reading: Reading, table: Table) -> None:
    """Give a film's rating, if the diary has none for it, to its last entry."""
    table.require(*FILM, "Rating", what="the ratings.csv of Letterboxd")
    ratings = Reading("letterboxd", reading.zone)
    table.collect(ratings, USED, _read_rating)
    reading.take_reports(ratings)
    last: dict[Film, int] = {}
    for number, row in sorted(enumerate(reading.rows), key=lambda numbered: numbered[1].day or date.min):
        last[row.title, row.year] = number
    said = {(row.title, row.year) for row in reading.rows if row.rating}
    for film, rating in {(row.title, row.year): row for row in ratings.rows if row.rating}.items():
        if film not in last:
            reading.left_out["Ratings of films that are not in the diary, and so not in a week"] += 1
        elif film not in said:
            entry = reading.rows[last[film]]
            reading.rows[last[film]] = replace(entry, rating=rating.rating, said_at=rating.said_at)


def _read_rating(record: Record, reading: Reading) -> Row:
    title, year = _read_film(record, reading)
    return Row(
        place=record.place,
        kind="movie",
        title=title,
        year=year,
        rating=reading.spare(record.place, _read_stars, record["rating"]),
        said_at=cells.read_noon(record["date"], reading.zone),
    )


def _read_plan(record: Record, reading: Reading) -> Row:
    """A film on the watchlist."""
    title, year = _read_film(record, reading)
    added_at = reading.spare(record.place, cells.read_noon, record["date"], zone=reading.zone)
    return Row(place=record.place, kind="movie", title=title, year=year, added_at=added_at, is_planned=True)


FORMAT = Format(
    name="letterboxd",
    label="an export of Letterboxd",
    program="Letterboxd",
    needs=FILM,
    is_export=is_export,
    read=read,
)
