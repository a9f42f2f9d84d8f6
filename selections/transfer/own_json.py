"""Our own JSON: its fields, each with its type and limit. export.py writes it, restoring.py imports it.

{"format": "wrong-opinions", "version": 1, "user": {…}, "weeks": […], "opinions_given": […], "shortlist": […],
 "catalog": {…}}
"""

import json
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from catalog import portable
from catalog.json_fields import (
    AnyObject,
    Boolean,
    Check,
    Choice,
    Field,
    Instant,
    Integer,
    InvalidValue,
    List,
    MusicBrainzId,
    Record,
    Text,
    Unique,
)
from selections.kinds import KINDS, Kind
from selections.models import MAX_EARLIER, MAX_RATING, MAX_TEXT, Position
from selections.models.plans import MAX_NOTE
from selections.weeks import FIRST_YEAR, LAST_YEAR, LONG_YEARS

from .readers import files
from .readers.rows import FileError

FORMAT, VERSION = "wrong-opinions", 1
PROFILE = ["display_name", "time_zone", "visibility"]

type Fields = dict[str, Field]
Key = tuple[str, int | UUID]  # `movie` with a TMDB id, or `album` with a MusicBrainz id


def _column(name: str) -> Any:
    return get_user_model()._meta.get_field(name)


def _check_profile(values: dict[str, Any], place: str) -> None:
    for name in PROFILE:
        values[name] = values[name].strip()
        try:
            _column(name).clean(values[name] or _column(name).get_default(), None)
        except ValidationError as error:
            raise InvalidValue(f"{place}.{name}", error.messages[0]) from None


def _check_week_name(values: dict[str, Any], place: str) -> None:
    if values["week_number"] == 53 and values["year"] not in LONG_YEARS:
        raise InvalidValue(f"{place}.week_number", "This ISO year has only 52 weeks.")


def _check_opinion(values: dict[str, Any], place: str) -> None:
    if values["rating"] is None and not values["review"]:
        raise InvalidValue(f"{place}.rating", "Must have a rating, a review, or both.")
    values["earlier_ratings"] = sorted(values["earlier_ratings"], key=itemgetter("until_at"))[-MAX_EARLIER:]


def _check_pick(values: dict[str, Any], place: str) -> None:
    """Also name the user's own `opinion`."""
    own = [number for number, opinion in enumerate(values["opinions"]) if opinion["own"]]
    if len(own) > 1:
        raise InvalidValue(f"{place}.opinions[{own[1]}].own", "There can be only one opinion of your own on a pick.")
    values["opinion"] = values["opinions"][own[0]] if own else None


def _check_week(values: dict[str, Any], place: str) -> None:
    """Also list the `picks` of all kinds, each with the `key` of its work."""
    _check_week_name(values, place)
    values["picks"] = []
    for name, kind in KINDS.items():
        for pick in values[f"{name}s"]:
            pick["key"] = name, pick[kind.id_field]
            values["picks"].append(pick)


def _check_given(values: dict[str, Any], place: str) -> None:
    _check_week_name(values, place)
    _check_opinion(values, place)
    values["owner"] = values["owner"].lower()


def _id_of(kind: Kind, source: str) -> Fields:
    if kind.name == "movie":
        return {"tmdb_id": Integer(1, required=True, source=source)}
    return {"musicbrainz_id": MusicBrainzId(required=True, source=source)}


class ByKind(AnyObject):
    """An object about a movie or an album, as its `kind` says, with the id of the work, which is at this `path`; read
    with its `key`."""

    def __init__(self, path: str, before: Fields, after: Fields, check: Check | None = None) -> None:
        super().__init__()
        self.records = {
            name: Record(check, **before, kind=Choice(name), **_id_of(kind, f"{path}.external_id"), **after)
            for name, kind in KINDS.items()
        }
        self.limits = {"oneOf": [record.schema() for record in self.records.values()]}

    def parse(self, value: Any, place: str) -> dict[str, Any]:
        kind = super().parse(value, place).get("kind")
        Choice(*self.records, required=True).read(kind, f"{place}.kind")
        values = self.records[kind].parse(value, place)
        return values | {"key": (kind, values[KINDS[kind].id_field])}

    def write(self, row: Any) -> dict[str, Any]:
        return self.records[row.kind].write(row)


def _name_of_week(source: str = "") -> Fields:
    return {
        "year": Integer(FIRST_YEAR, LAST_YEAR, required=True, source=f"{source}year"),
        "week_number": Integer(1, 53, required=True, source=f"{source}week_number"),
    }


USER = Record(
    _check_profile,
    username=Text(),
    display_name=Text(null=True),
    time_zone=Text(),
    visibility=Choice(*dict(_column("visibility").flatchoices), default=""),
)
EARLIER_RATING = Record(rating=Integer(1, MAX_RATING, null=True), until_at=Instant(help_text="When it was changed."))


def _opinion(max_text: int | None) -> Fields:
    return {
        "rating": Integer(1, MAX_RATING, null=True),
        "review": Text(max_text, null=True),
        "contains_spoilers": Boolean(default=False),
        "created_at": Instant(),
        "updated_at": Instant(),
        "earlier_ratings": List(EARLIER_RATING, help_text="Of the user's own opinions, the earliest first."),
    }


def _picks(kind: Kind, max_text: int | None) -> List:
    own = "Opinions of others are for reading only, and are never imported."
    opinion = Record(
        _check_opinion,
        by=Text(source="user.username", help_text="A username."),
        own=Boolean(required=True, help_text=own),
        **_opinion(max_text),
    )
    pick = Record(
        _check_pick,
        position=Integer(min(Position), max(Position), required=True),
        added_at=Instant(),
        rewatch=Boolean(null=True, help_text="Whether the user had seen or heard it before."),
        **_id_of(kind, "work.external_id"),
        opinions=List(opinion, source="readable_opinions"),
    )
    return List(
        pick,
        None,
        Unique("position", itemgetter("position"), "Each position can be used only once."),
        Unique(kind.id_field, itemgetter(kind.id_field), f"Each {kind.name} can be picked only once a week."),
        source=kind.related_picks,
    )


def _week(max_text: int | None) -> Record:
    return Record(
        _check_week,
        **_name_of_week(),
        notes=Text(max_text, null=True),
        created_at=Instant(),
        updated_at=Instant(),
        **{f"{name}s": _picks(kind, max_text) for name, kind in KINDS.items()},
    )


def _given_opinion(max_text: int | None) -> ByKind:
    owner = Text(50, required=True, source="pick.week.user.username", help_text="The owner of the pick.")
    return ByKind("pick.work", {"owner": owner} | _name_of_week("pick.week."), _opinion(max_text), _check_given)


SHORTLIST_ITEM = ByKind("work", {}, {"note": Text(MAX_NOTE, null=True), "created_at": Instant()})


ONE_WEEK = Unique("week_number", itemgetter("year", "week_number"), "Each week can be listed only once.")
ONE_OPINION = Unique(
    "", itemgetter("owner", "year", "week_number", "key"), "There can be only one opinion of your own on a pick."
)
ONE_ITEM = Unique("", itemgetter("key"), "Each title can be on the shortlist only once.")
NOT_OURS = f"This is not an export of Wrong Opinions: `format` must be {FORMAT}."
NEWER = f"This version of Wrong Opinions can only read version {VERSION}. Update it."


def _export(max_text: int | None) -> Record:
    """A whole file. Its works are read one by one, and only those of its picks, opinions and shortlist."""
    return Record(
        format=Choice(FORMAT, required=True, sentence=NOT_OURS),
        version=Choice(VERSION, required=True, sentence=NEWER),
        exported_at=Instant(),
        user=USER,
        weeks=List(_week(max_text), None, ONE_WEEK),
        opinions_given=List(_given_opinion(max_text), None, ONE_OPINION, help_text="On picks of others."),
        shortlist=List(SHORTLIST_ITEM, None, ONE_ITEM, help_text="What the user means to pick, the earliest first."),
        catalog=Record(
            movies=List(AnyObject(), help_text="All details that the catalog has, with cast and crew."),
            albums=List(AnyObject(), help_text="All details that the catalog has, with the artist credit."),
        ),
    )


EXPORT, WEEK, GIVEN_OPINION = _export(MAX_TEXT), _week(MAX_TEXT), _given_opinion(MAX_TEXT)
TRUSTED_EXPORT = _export(None)  # the operator's may have texts from before there was a limit


@dataclass(slots=True)
class FileWorks:
    """Those works of a file that its picks, opinions and shortlist are about."""

    records: dict[Key, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[Key, Key] = field(default_factory=dict)  # merged ids, and the works that they lead to
    kept: set[Key] = field(default_factory=set)  # merged into other works of the file, but with an entry of their own

    def key_of(self, key: Key) -> Key:
        """The key of the file's work for this one: the one that it was merged into, if any."""
        return self.aliases.get(key, key)


def parse(path: Path) -> object:
    """The JSON of a file. Raises FileError if it is invalid."""
    with files.opened(path, is_json=True) as file:
        try:
            return json.loads(file.read().removeprefix("\ufeff"))
        except json.JSONDecodeError as error:
            raise FileError(f"Line {error.lineno} is not valid JSON. Choose the file as it was exported.") from None
        except (ValueError, RecursionError):  # a number of a million digits, or deeply nested brackets
            raise FileError("This is not valid JSON. Choose the file as it was exported.") from None


def read(data: object, *, is_trusted: bool) -> dict[str, Any]:
    """The values of a file, checked, with its FileWorks as `works`. A file that any member may have written has lower
    text limits. Raises InvalidValue."""
    if not isinstance(data, dict):
        raise InvalidValue("", "This is not an export of Wrong Opinions. Choose the file as it was exported.")
    values = (TRUSTED_EXPORT if is_trusted else EXPORT).parse(data, "")
    said = [pick for week in values["weeks"] for pick in week["picks"]] + values["opinions_given"]
    said += values["shortlist"]
    wanted = {pick["key"] for pick in said}
    works = FileWorks()
    for kind in KINDS.values():
        _read_works(values["catalog"][f"{kind.name}s"], kind, wanted, works, is_trusted=is_trusted)
    return values | {"works": works}


def _read_works(
    entries: list[dict[str, Any]], kind: Kind, wanted: set[Key], works: FileWorks, *, is_trusted: bool
) -> None:
    """Read the works that are wanted; of the others only their ids."""
    known: set[Key] = set()
    aliases: dict[Key, Key] = {}
    for number, data in enumerate(entries):
        place = f"catalog.{kind.name}s[{number}]"
        ids = portable.KEYS[kind.works].parse(data, place)
        key = kind.name, ids[kind.id_field]
        if key in known:
            raise InvalidValue(f"{place}.{kind.id_field}", f"Each {kind.name} can be listed only once.")
        known.add(key)
        merged: list[Key] = [(kind.name, alias) for alias in ids["aliases"]]
        if key in wanted or not wanted.isdisjoint(merged):
            aliases = dict.fromkeys(merged, key) | aliases
            works.records[key] = portable.read_work(kind.works, data, place, is_trusted=is_trusted)
    works.aliases |= {alias: key for alias, key in aliases.items() if alias not in known}
    if is_trusted:
        works.kept |= known & aliases.keys()
