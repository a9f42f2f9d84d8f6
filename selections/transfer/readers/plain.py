"""A CSV with columns by their natural names, in any order."""

import re
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo
from pathlib import Path
from uuid import UUID

from integrations import musicbrainz, tmdb
from selections.weeks import day_of

from . import cells, files
from .rows import FileError, Reading, Row, RowError
from .tables import Record, Table

LABEL = "a plain CSV"
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
    "rating": ("rating", "rating10", "score", "myrating"),
    "stars": ("stars",),
    "review": ("review", "opinion", "comment", "comments"),
    "spoilers": ("spoilers", "spoiler", "containsspoilers"),
    "notes": ("notes", "note", "weeknotes"),
}
USED = [column for columns in COLUMNS.values() for column in columns]
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
OF_MOVIES = ("tmdb", "imdb", "movie", "watched")  # things that only a movie has
OF_ALBUMS = ("release", "group", "album", "artist", "listened")


def read(path: Path, *, zone: tzinfo, kind: str = "") -> Reading:
    """Its movies and albums, of this kind if a row does not give one. Raises FileError."""
    with files.opened(path) as file:
        return _Reader(zone, kind).read(Table(file))


def require(table: Table) -> None:
    """Raise FileError if no column says which movie or album a row is about."""
    if not any(table.has(column) for thing in IDENTIFYING for column in COLUMNS[thing]):
        raise FileError(
            f"No column says which movie or album it is, such as title, tmdb_id or musicbrainz_id: the file has "
            f"{table.found()}."
        )


@dataclass(slots=True)
class _Identity:
    """What a row says about the movie or album itself."""

    kinds: set[str] = field(default_factory=set)  # the kind that its ids imply
    tmdb_id: int | None = None
    imdb_id: str = ""
    musicbrainz_id: UUID | None = None
    release_group_id: UUID | None = None
    title: str = ""

    @property
    def is_known(self) -> bool:
        return bool(self.kinds or self.title)

    def take(self, text: str, *, bare: str = "release") -> bool:
        """Take the id from an address, or the text as an id, and return whether there is one.

        A `bare` id of MusicBrainz may be that of a release or of a release group.
        """
        if at_tmdb := tmdb.read_address(text):
            self.kinds.add("movie")
            if isinstance(at_tmdb, int):
                self.tmdb_id = at_tmdb
            else:
                self.imdb_id = at_tmdb
            return True
        if not (at_musicbrainz := musicbrainz.read_address(text)):
            return False
        self.kinds.add("album")
        what, known = at_musicbrainz
        if (what or bare) == "release":
            self.musicbrainz_id = known
        else:
            self.release_group_id = known
        return True


class _Reader:
    def __init__(self, zone: tzinfo, kind: str) -> None:
        self._zone, self._kind = zone, kind
        self._reading = Reading("csv")
        self._unread = 0  # addresses of other sites, and numbers of an unknown source

    def read(self, table: Table) -> Reading:
        require(table)
        table.collect(self._reading, USED, self._read_row)
        if self._unread:
            self._reading.remarks.append(
                f"Ignored addresses of other sites, and numbers of an unknown source: {self._unread:,}."
            )
        return self._reading

    def _read_row(self, record: Record) -> Row:
        work = self._read_work(record)
        week, day, year = self._read_week(record)
        row = Row(
            place=record.place,
            kind="",
            week=week,
            day=day,
            rating=cells.read_rating(_cell(record, "rating")) or cells.read_rating(_cell(record, "stars"), out_of=5),
            review=cells.read_text(_cell(record, "review")),
            notes=cells.read_text(_cell(record, "notes")),
        )
        if not work.is_known:
            if week and row.notes and not (row.rating or row.review):
                return row
            raise RowError(
                "This row has neither a title nor an id that names its source, such as tmdb_id or an address. Add one."
            )
        return replace(
            row,
            kind=self._read_kind(record, work),
            position=cells.read_position(_cell(record, "position")),
            tmdb_id=work.tmdb_id,
            imdb_id=work.imdb_id,
            musicbrainz_id=work.musicbrainz_id,
            release_group_id=work.release_group_id,
            title=work.title,
            artist=cells.within(_cell(record, "artist")),
            year=cells.read_release_year(_cell(record, "released") or year),
            contains_spoilers=cells.read_yes(_cell(record, "spoilers")),
        )

    def _read_work(self, record: Record) -> _Identity:
        work = _Identity()
        for thing in ("tmdb", "imdb", "release", "group"):
            text = _cell(record, thing)
            is_ambiguous = text.isdecimal() and thing != "tmdb"
            if text and (is_ambiguous or not work.take(text, bare="release-group" if thing == "group" else "release")):
                raise RowError(f"{cells.shown(text)} is not an id or address for this column. Correct or empty it.")
        if text := _cell(record, "address"):
            self._unread += text.isdecimal() or not work.take(text)
        for thing in ("title", "movie", "album"):
            text = _cell(record, thing)
            if text and (text.isdecimal() or not work.take(text)):  # a number can be a title as well
                work.title = work.title or cells.within(text)
        return work

    def _read_week(self, record: Record) -> tuple[tuple[int, int] | None, date | None, str]:
        """The ISO week, the day in it, and the column `year` if it is left to be the year of release."""
        year = _cell(record, "year")
        day = cells.read_day(_cell(record, "date", "watched", "listened"), self._zone)
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

    def _read_kind(self, record: Record, work: _Identity) -> str:
        if said := _cell(record, "kind"):
            kind = KINDS.get(said.casefold())
            if not kind:
                raise RowError(f"{cells.shown(said)} is not a kind. Enter movie or album.")
            kinds = {kind} | work.kinds
        else:
            kinds = work.kinds | ({"movie"} if _cell(record, *OF_MOVIES) else set())
            kinds |= {"album"} if _cell(record, *OF_ALBUMS) else set()
        if len(kinds) > 1:
            raise RowError("This row is about both a movie and an album. Give each its own row.")
        if not kinds and not self._kind:
            raise RowError("This row has no kind. Add a column kind with movie or album.")
        return kinds.pop() if kinds else self._kind


def _cell(record: Record, *things: str) -> str:
    """The first cell with anything in it of all columns for these things."""
    return next((cell for thing in things for column in COLUMNS[thing] if (cell := record[column])), "")
