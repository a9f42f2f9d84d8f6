"""JSON objects that somebody hands in, each value checked where it stands, before anything is stored."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.utils import timezone

from integrations.values import day, mbid, partial_date

MOST = 2**31 - 1  # what a column of whole numbers holds
FIRST_YEAR = 1900  # of instants: earlier ones are mistakes, and no time zone shifts them out of the calendar
ADDRESS = re.compile(r"(?i:https?)://\S+")
MAX_DEPTH = 50  # lists and objects in each other: an export has nine
FREE, BYTES_EACH = 1000, 40  # so many lists and objects, and one more for so many bytes: exports have one in fifty
PIECE = 64 * 2**10  # bytes that are looked at together
LIKE_LISTS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Unfit(Exception):
    """A value that is no use; `place` is where it stands, such as `weeks[3].notes`, `sentence` what belongs there."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}" if place else sentence)
        self.place, self.sentence = place, sentence


def write_instant(moment: datetime | None) -> str | None:
    """The moment in UTC, to the microsecond; `Entry.instant()` reads it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def is_overloaded(body: bytes) -> bool:
    """Whether JSON has lists and objects too deep in each other, or so many that parsing would take 40 times its size.

    Also where its brackets do not fit each other. Time and memory grow with its size only.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    found, is_inside = [], False  # inside a text
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    for start in range(0, len(unescaped), PIECE):
        parts = unescaped[start : start + PIECE].split(b'"')
        found.append(b"".join(parts[is_inside::2]).translate(LIKE_LISTS, NO_BRACKETS))
        is_inside ^= len(parts) % 2 == 0
    brackets = b"".join(found)
    if brackets.count(b"[") > FREE + len(body) // BYTES_EACH:
        return True
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, and where it stands. What is missing counts as null; each method raises Unfit."""

    values: dict[str, Any]
    place: str = ""

    def refuse(self, key: str, sentence: str) -> NoReturn:
        raise Unfit(f"{self.place}.{key}".lstrip("."), sentence)

    def text(self, key: str, most: int | None = None, *, needed: bool = False) -> str:
        """A string of up to so many characters; null is an empty one."""
        value = self.values.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.refuse(key, "write a text here.")
        if most is not None and len(value) > most:
            self.refuse(key, f"write {most} characters at most.")
        if not is_storable(value):
            self.refuse(key, "leave out the signs that no database takes.")
        if needed and not value:
            self.refuse(key, "write a text here.")
        return value

    def whole(self, key: str, least: int, most: int = MOST) -> int:
        value = self.maybe_whole(key, least, most)
        if value is None:
            self.refuse(key, f"give a whole number from {least} to {most}.")
        return value

    def maybe_whole(self, key: str, least: int, most: int = MOST) -> int | None:
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(key, f"give a whole number from {least} to {most}.")
        return value

    def fraction(self, key: str, most: int) -> float:
        """A number from 0 on; null is 0."""
        value = self.values.get(key)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            self.refuse(key, f"give a number from 0 to {most}.")
        return float(value)

    def switch(self, key: str) -> bool:
        value = self.maybe_switch(key)
        if value is None:
            self.refuse(key, "say true or false.")
        return value

    def maybe_switch(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.refuse(key, "say true or false.")
        return value

    def instant(self, key: str) -> datetime:
        """A moment with its offset; one that is to come, or none, is now."""
        return self.maybe_instant(key) or timezone.now()

    def maybe_instant(self, key: str) -> datetime | None:
        value = self.values.get(key)
        if value is None:
            return None
        moment = _moment(value) if isinstance(value, str) else None
        if moment is None or moment.year < FIRST_YEAR:
            self.refuse(key, "write an instant such as 2026-02-11T19:30:00Z.")
        return min(moment, timezone.now())

    def maybe_day(self, key: str) -> date | None:
        value = self.values.get(key)
        found = day(value)
        if value is not None and found is None:
            self.refuse(key, "write a day as YYYY-MM-DD.")
        return found

    def partial_date(self, key: str) -> str:
        value = self.values.get(key) or ""
        if partial_date(value) != value:
            self.refuse(key, "write a date as YYYY, YYYY-MM or YYYY-MM-DD.")
        return value

    def mbid(self, key: str) -> UUID:
        found = self.maybe_mbid(key)
        if found is None:
            self.refuse(key, "give a MusicBrainz id of 36 characters.")
        return found

    def maybe_mbid(self, key: str) -> UUID | None:
        value = self.values.get(key)
        found = mbid(value)
        if value is not None and found is None:
            self.refuse(key, "give a MusicBrainz id of 36 characters.")
        return found

    def mbids(self, key: str, most: int) -> list[UUID]:
        """Different ids, up to so many."""
        found = [mbid(value) for value in self._list(key, most)]
        if None in found or len(set(found)) < len(found):
            self.refuse(key, "list different MusicBrainz ids of 36 characters.")
        return [known for known in found if known]

    def numbers(self, key: str, most: int) -> list[int]:
        """Different whole numbers from 1 on, up to so many."""
        values = self._list(key, most)
        fit = all(isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST for value in values)
        if not fit or len(set(values)) < len(values):
            self.refuse(key, f"list different whole numbers from 1 to {MOST}.")
        return values

    def names(self, key: str) -> list[str]:
        values = self._list(key)
        if not all(isinstance(value, str) and is_storable(value) for value in values):
            self.refuse(key, "list texts here.")
        return values

    def links(self, key: str) -> list[dict[str, str]]:
        """Web addresses, each with what it has to do with an artist."""
        links = [{"type": entry.text("type", needed=True), "url": entry.text("url")} for entry in self.entries(key)]
        if not all(ADDRESS.fullmatch(link["url"]) for link in links):
            self.refuse(key, "list web addresses, each with its type.")
        return links

    def entry(self, key: str) -> "Entry":
        """An object; null is an empty one."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            self.refuse(key, "write an object here.")
        return Entry(value or {}, f"{self.place}.{key}".lstrip("."))

    def entries(self, key: str, most: int | None = None) -> Iterator["Entry"]:
        """The objects of a list, up to so many."""
        for number, value in enumerate(self._list(key, most)):
            if not isinstance(value, dict):
                self.refuse(f"{key}[{number}]", "write an object here.")
            yield Entry(value, f"{self.place}.{key}[{number}]".lstrip("."))

    def _list(self, key: str, most: int | None = None) -> list[Any]:
        """A list; null is an empty one."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, list):
            self.refuse(key, "write a list here.")
        if most is not None and len(value or []) > most:
            self.refuse(key, f"list {most} at most.")
        return value or []


def is_storable(text: str) -> bool:
    """Whether every database takes the text: without NUL characters and lone surrogates."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _moment(text: str) -> datetime | None:
    """What is written as a day, a time, and how far that is from UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
