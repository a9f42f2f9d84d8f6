"""Our JSON, as export.to_json() writes it, checked as a whole before anything is done with it."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from catalog import portable
from catalog.objects import Entry, Unfit
from selections.models import MAX_EARLIER, MAX_RATING, MAX_TEXT, Position
from selections.transfer.export import FORMAT, VERSION
from selections.weeks import FIRST_YEAR, LAST_YEAR, LONG_YEARS, week_name

from . import files
from .rows import FileError

PROFILE = ["display_name", "time_zone", "visibility"]

KINDS = {"movie": "movies", "album": "albums"}  # and the names of their lists

Key = tuple[str, int | UUID]  # `movie` with a TMDB id, or `album` with a MusicBrainz id


class UnfitArchive(FileError):
    """The file is no use; `place` says where, such as `weeks[3].notes`, and `sentence` what belongs there."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}" if place else sentence)
        self.place, self.sentence = place, sentence


@dataclass(frozen=True, slots=True)
class SavedOpinion:
    values: dict[str, Any]  # of its row
    earlier_ratings: list[tuple[int | None, datetime]]


@dataclass(frozen=True, slots=True)
class SavedPick:
    key: Key
    position: int
    added_at: datetime
    opinion: SavedOpinion | None  # one's own


@dataclass(frozen=True, slots=True)
class SavedWeek:
    year: int
    week_number: int
    notes: str
    created_at: datetime
    updated_at: datetime
    picks: list[SavedPick]

    @property
    def place(self) -> tuple[int, int]:
        return self.year, self.week_number

    @property
    def name(self) -> str:
        return week_name(self.year, self.week_number)


@dataclass(frozen=True, slots=True)
class GivenOpinion:
    """What the user thinks of somebody else's pick."""

    owner: str
    year: int
    week_number: int
    key: Key
    opinion: SavedOpinion


@dataclass(slots=True)
class Archive:
    """A file, checked, with those works of its catalog that it picks or has opinions on."""

    profile: dict[str, str]
    is_trusted: bool
    weeks: list[SavedWeek] = field(default_factory=list)
    given: list[GivenOpinion] = field(default_factory=list)
    movies: dict[int, portable.MovieRecord] = field(default_factory=dict)
    albums: dict[UUID, portable.AlbumRecord] = field(default_factory=dict)
    aliases: dict[Key, Key] = field(default_factory=dict)  # of ids that the file has no work of: whose they are
    kept: set[Key] = field(default_factory=set)  # merged into others of the file, and yet works of their own
    opinions_of_others: int = 0

    def key_of(self, key: Key) -> Key:
        """The key of the work that the file has for this one: the one that it was merged into where it was."""
        return self.aliases.get(key, key)

    def find(self, key: Key) -> portable.MovieRecord | portable.AlbumRecord | None:
        kind, known = self.key_of(key)
        return self.movies.get(known) if kind == "movie" else self.albums.get(known)  # type: ignore[arg-type]


def parse(path: Path) -> object:
    """The JSON of a file. Raises FileError where it is none."""
    with files.opened(path, is_json=True) as file:
        try:
            return json.loads(file.read().removeprefix("\ufeff"))
        except json.JSONDecodeError as error:
            raise FileError(f"Line {error.lineno} is no valid JSON: give the file as it was exported.") from None
        except (ValueError, RecursionError):  # a number of a million digits, or brackets in brackets in brackets
            raise FileError("This is no valid JSON: give the file as it was exported.") from None


def read(data: object, *, is_trusted: bool) -> Archive:
    """The file, checked. One that anybody may have written has shorter texts. Raises UnfitArchive."""
    most_text = None if is_trusted else MAX_TEXT
    try:
        if not isinstance(data, dict):
            raise Unfit("", "This is no export of Wrong Opinions: write a JSON object.")
        entry = Entry(data)
        if entry.values.get("format") != FORMAT:
            entry.refuse("format", f"this is no export of Wrong Opinions, which says {FORMAT} here.")
        version = entry.whole("version", 1)
        if version != VERSION:
            entry.refuse("version", f"this version of Wrong Opinions reads {VERSION} only: update it.")
        archive = Archive(_read_profile(entry.entry("user")), is_trusted)
        names = set()
        for item in entry.entries("weeks"):
            week = _read_week(item, archive, most_text)
            if week.name in names:
                item.refuse("week_number", "list each week once.")
            names.add(week.name)
            archive.weeks.append(week)
        picks = set()
        for item in entry.entries("opinions_given"):
            given = _read_given(item, most_text)
            pick = given.owner, given.year, given.week_number, given.key
            if pick in picks:
                item.refuse(_id_name(given.key[0]), "have one opinion of your own on a pick.")
            picks.add(pick)
            archive.given.append(given)
        _read_catalog(entry.entry("catalog"), archive, is_trusted=is_trusted)
    except Unfit as error:
        raise UnfitArchive(error.place, error.sentence) from None
    return archive


def _read_catalog(entry: Entry, archive: Archive, *, is_trusted: bool) -> None:
    """Read the works that the file's weeks and opinions are about; of the others only which they are."""
    wanted = {pick.key for week in archive.weeks for pick in week.picks} | {given.key for given in archive.given}
    for kind, list_name in KINDS.items():
        known: set[Key] = set()
        aliases: dict[Key, Key] = {}
        for item in entry.entries(list_name):
            key = _read_key(item, kind)
            if key in known:
                item.refuse(_id_name(kind), f"list each {kind} once.")
            known.add(key)
            merged: list[Key] = [(kind, alias) for alias in portable.read_aliases(item, kind)]
            if key not in wanted and wanted.isdisjoint(merged):
                continue
            for alias in merged:
                aliases.setdefault(alias, key)
            if kind == "movie":
                movie = portable.read_movie(item, is_trusted=is_trusted)
                archive.movies[movie.values["tmdb_id"]] = movie
            else:
                album = portable.read_album(item, is_trusted=is_trusted)
                archive.albums[album.values["musicbrainz_id"]] = album
        archive.aliases |= {alias: key for alias, key in aliases.items() if alias not in known}
        if is_trusted:
            archive.kept |= known & aliases.keys()


def _read_profile(entry: Entry) -> dict[str, str]:
    """What of a profile the file has."""
    profile = {}
    for name in PROFILE:
        if value := entry.text(name).strip():
            column: Any = get_user_model()._meta.get_field(name)
            if column.choices and value not in dict(column.flatchoices):
                entry.refuse(name, f"say {' or '.join(dict(column.flatchoices))}.")
            try:
                column.run_validators(value)
            except ValidationError as error:
                entry.refuse(name, error.messages[0])
            profile[name] = value
    return profile


def _read_week_name(entry: Entry) -> tuple[int, int]:
    year, week_number = entry.whole("year", FIRST_YEAR, LAST_YEAR), entry.whole("week_number", 1, 53)
    if week_number == 53 and year not in LONG_YEARS:
        entry.refuse("week_number", "that ISO year has 52 weeks.")
    return year, week_number


def _read_week(entry: Entry, archive: Archive, most_text: int | None) -> SavedWeek:
    year, week_number = _read_week_name(entry)
    picks = []
    for kind, key in KINDS.items():
        positions, works = set(), set()
        for item in entry.entries(key):
            pick = _read_pick(item, kind, archive, most_text)
            if pick.position in positions:
                item.refuse("position", "use each position once.")
            if pick.key in works:
                item.refuse(_id_name(kind), f"pick each {kind} once a week.")
            positions.add(pick.position)
            works.add(pick.key)
            picks.append(pick)
    return SavedWeek(
        year,
        week_number,
        entry.text("notes", most_text),
        entry.instant("created_at"),
        entry.instant("updated_at"),
        picks,
    )


def _id_name(kind: str) -> str:
    return "tmdb_id" if kind == "movie" else "musicbrainz_id"


def _read_key(entry: Entry, kind: str) -> Key:
    return (kind, entry.whole("tmdb_id", 1)) if kind == "movie" else (kind, entry.mbid("musicbrainz_id"))


def _read_pick(entry: Entry, kind: str, archive: Archive, most_text: int | None) -> SavedPick:
    own = None
    for item in entry.entries("opinions"):
        opinion = _read_opinion(item, most_text)
        if not item.switch("own"):
            archive.opinions_of_others += 1
        elif own:
            item.refuse("own", "have one opinion of your own on a pick.")
        else:
            own = opinion
    positions = min(Position.values), max(Position.values)
    return SavedPick(_read_key(entry, kind), entry.whole("position", *positions), entry.instant("added_at"), own)


def _read_opinion(entry: Entry, most_text: int | None) -> SavedOpinion:
    values = {
        "rating": entry.maybe_whole("rating", 1, MAX_RATING),
        "review": entry.text("review", most_text),
        "contains_spoilers": bool(entry.maybe_switch("contains_spoilers")),
        "created_at": entry.instant("created_at"),
        "updated_at": entry.instant("updated_at"),
    }
    if values["rating"] is None and not values["review"]:
        entry.refuse("rating", "give a rating, a review, or both.")
    earlier = [
        (item.maybe_whole("rating", 1, MAX_RATING), item.instant("until_at"))
        for item in entry.entries("earlier_ratings")
    ]
    return SavedOpinion(values, sorted(earlier, key=itemgetter(1))[-MAX_EARLIER:])


def _read_given(entry: Entry, most_text: int | None) -> GivenOpinion:
    kind = entry.text("kind")
    if kind not in KINDS:
        entry.refuse("kind", "say movie or album.")
    year, week_number = _read_week_name(entry)
    owner = entry.text("owner", 50, needed=True).lower()
    opinion = _read_opinion(entry, most_text)
    return GivenOpinion(owner, year, week_number, _read_key(entry, kind), opinion)
