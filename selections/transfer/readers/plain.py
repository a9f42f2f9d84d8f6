"""A CSV with columns by their natural names, in any order."""

import re
from datetime import date, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

from selections.models import MAX_RATING
from selections.weeks import YearWeek, day_of

from . import cells, files
from .rows import FileError, Format, Reading, Row, RowError
from .tables import Record, Table, table_of

# The possible names of each column, by tables.key(); if a row has several, the first one counts.
COLUMNS = {
    "week": ("week", "isoweek", "weeknumber", "weekno", "calendarweek"),
    "week year": ("isoyear", "weekyear"),
    "year": ("year",),
    "date": ("date", "day"),
    "watched": ("watched", "watchedon", "watcheddate", "watchedat", "datewatched", "seen", "seenon"),
    "listened": ("listened", "listenedon", "listeneddate", "listenedat", "datelistened", "heard", "heardon"),
    "kind": ("kind", "type", "mediatype"),
    "tmdb": ("tmdbid", "tmdb"),
    "imdb": ("imdbid", "imdb"),
    "release": (
        "musicbrainzid",
        "mbid",
        "musicbrainz",
        "releaseid",
        "releasembid",
        "musicbrainzreleaseid",
        "mbreleaseid",
    ),
    "group": ("releasegroupid", "releasegroup", "releasegroupmbid", "musicbrainzreleasegroupid", "mbreleasegroupid"),
    "address": ("url", "link", "address", "uri", "id"),
    "title": ("title", "name"),
    "movie": ("movie", "film", "movietitle", "filmtitle"),
    "album": ("album", "record", "albumtitle"),
    "artist": ("artist", "band", "artistname", "albumartist", "by"),
    "released": ("releaseyear", "released", "releasedate", "yearofrelease", "movieyear", "filmyear", "albumyear"),
    "position": ("position", "slot"),
    "rating": ("rating10", "rating", "score", "myrating"),  # Letterboxd's import format has both: Rating is of 5
    "stars": ("stars",),
    "rewatch": ("rewatch", "rewatched", "seenbefore", "heardbefore"),
    "review": ("review", "opinion", "comment", "comments"),
    "spoilers": ("spoilers", "spoiler", "containsspoilers"),
    "notes": ("notes", "note", "weeknotes"),
}
USED = [column for columns in COLUMNS.values() for column in columns]
DATED = [column for thing in ("date", "watched", "listened") for column in COLUMNS[thing]]
STARS = 5
ENOUGH = 10  # ratings of which none is above 5, so that they are out of 5
IDENTIFYING = ("tmdb", "imdb", "release", "group", "address", "title", "movie", "album")
KINDS = {
    "movie": "movie",
    "movies": "movie",
    "film": "movie",
    "films": "movie",
    "album": "album",
    "albums": "album",
    "record": "album",
    "music": "album",
}
FLAGS = re.ASCII | re.IGNORECASE
# What only one kind has: columns, and fields of a row.
OF_KINDS = {
    "movie": (("tmdb", "imdb", "movie", "watched"), {"tmdb_id", "imdb_id"}),
    "album": (("release", "group", "album", "artist", "listened"), {"musicbrainz_id", "release_group_id"}),
}
UNREAD = "Ignored addresses of other sites, and numbers of an unknown source"


def read(path: Path, reading: Reading) -> None:
    """Its movies and albums, of the reading's kind if a row does not give one. Raises FileError."""
    with files.opened(path) as file:
        table = Table(file)
        require(table)
        if not table.has("rating10"):
            _judge_ratings(reading, [_cell(record, "rating") for record in table.records()])
    with table_of(path, reading, DATED) as table:
        table.collect(reading, USED, _read_row)


def _judge_ratings(reading: Reading, ratings: list[str]) -> None:
    """Say in the reading what its ratings are out of, as far as they do not say it themselves, as in 4/5."""
    plain = re.compile(r"\d{1,3}(?:[.,]\d{1,10})?", re.ASCII)
    numbers = [Decimal(cell.replace(",", ".")) for cell in ratings if plain.fullmatch(cell)]
    if not numbers:
        return
    if sum(number > MAX_RATING for number in numbers) > len(numbers) / 2:
        reading.best_rating = 100
    elif max(numbers) <= STARS and (len(numbers) >= ENOUGH or any(number % 1 for number in numbers)):
        reading.best_rating = STARS
    remark = f"Ratings are read as out of {reading.best_rating}."
    if max(numbers) <= STARS:
        remark = f"{remark[:-1]}, as none is above 5. Otherwise write them as 4/{15 - reading.best_rating}."
    reading.remarks.append(remark)


def require(table: Table) -> None:
    """Raise FileError if no column says which movie or album a row is about."""
    if not any(table.has(column) for thing in IDENTIFYING for column in COLUMNS[thing]):
        raise FileError(
            f"No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has "
            f"{table.found()}."
        )


def _read_row(record: Record, reading: Reading) -> Row:
    work = _read_work(record, reading)
    week, day, year = _read_week(record, reading.zone)
    spare = reading.spare
    rating = spare(cells.read_rating, _cell(record, "rating"), out_of=reading.best_rating)
    said: dict[str, Any] = {
        "week": week,
        "day": day,
        "rating": rating or spare(cells.read_rating, _cell(record, "stars"), out_of=STARS),
        "review": spare(cells.read_text, _cell(record, "review")) or "",
        "notes": spare(cells.read_text, _cell(record, "notes")) or "",
    }
    if not work:
        if week and said["notes"] and not (said["rating"] or said["review"]):
            return Row(kind="", **said)
        raise RowError(
            "This row has neither a title nor an id that names its source, such as tmdb_id or an address. Add one."
        )
    return Row(
        kind=_read_kind(record, work, reading.kind),
        position=spare(cells.read_position, _cell(record, "position")),
        artist=cells.within(_cell(record, "artist")),
        year=spare(cells.read_release_year, _cell(record, "released") or year),
        rewatch=spare(cells.read_rewatch, _cell(record, "rewatch")),
        contains_spoilers=spare(cells.read_yes, _cell(record, "spoilers")) or False,
        **work,
        **said,
    )


def _read_work(record: Record, reading: Reading) -> dict[str, Any]:
    """The ids and the title that a row gives, if any."""
    work: dict[str, Any] = {}
    wrong: list[str] = []
    for thing in IDENTIFYING:
        if not (text := _cell(record, thing)):
            continue
        is_unclear = text.isdecimal() and thing != "tmdb"  # a title can be a number as well
        bare = "release-group" if thing == "group" else "release"
        ids = {} if is_unclear else cells.read_movie_id(text) or cells.read_album_id(text, bare=bare)
        if ids:
            work |= ids
        elif thing in ("title", "movie", "album"):
            work.setdefault("title", cells.within(text))
        elif thing == "address":
            reading.left_out[UNREAD] += 1
        else:
            wrong.append(f"{cells.shown(text)} is not an id or address for this column. Correct or empty it.")
    if wrong and not work:
        raise RowError(wrong[0])
    reading.skip_cells(wrong)
    return work


def _read_week(record: Record, zone: tzinfo) -> tuple[YearWeek | None, date | None, str]:
    """The ISO week, the day in it, and the column `year` if it is left to be the year of release."""
    year = _cell(record, "year")
    day = cells.read_day(_cell(record, "date", "watched", "listened"), zone)
    if not (text := _cell(record, "week")):
        return cells.week_of(day) if day else None, day, year
    if found := re.fullmatch(r"(\d{4})[- ]?W(\d{1,2})(?:-?([1-7]))?", text, FLAGS):
        week = cells.read_week(int(found[1]), int(found[2]))
        day = day or (day_of(week, int(found[3])) if found[3] else None)
    elif found := re.fullmatch(r"(?:W|KW|week)?\s*(\d{1,2})", text, FLAGS):
        of_week = _cell(record, "week year")
        if not re.fullmatch(r"\d{4}", of_week or year, re.ASCII):
            raise RowError(f"Week {int(found[1])} has no year. Enter it as 2024-W07, or add a column year.")
        week = cells.read_week(int(of_week or year), int(found[1]))
        year = year if of_week else ""
    else:
        raise RowError(f"{cells.shown(text)} is not a week. Enter it as 2024-W07.")
    if day and cells.week_of(day) != week:
        raise RowError(f"{day} is not in week {week[1]} of {week[0]}. Correct one of them.")
    return week, day, year


def _read_kind(record: Record, work: dict[str, Any], usual: str) -> str:
    kinds = {kind for kind, (_, ids) in OF_KINDS.items() if ids & work.keys()}
    if said := _cell(record, "kind"):
        if said.casefold() not in KINDS:
            raise RowError(f"{cells.shown(said)} is not a kind. Enter movie or album.")
        kinds.add(KINDS[said.casefold()])
    else:
        kinds |= {kind for kind, (things, _) in OF_KINDS.items() if _cell(record, *things)}
    if len(kinds) > 1:
        raise RowError("This row is about both a movie and an album. Give each its own row.")
    if not kinds and not usual:
        raise RowError("This row has no kind. Add a column kind with movie or album.")
    return kinds.pop() if kinds else usual


def _cell(record: Record, *things: str) -> str:
    """The first cell with anything in it of all columns for these things."""
    return record.first(*(column for thing in things for column in COLUMNS[thing]))


FORMAT = Format(name="csv", label="a plain CSV", read=read)
