"""Fields of our own JSON files. Each defines the valid values, and reads, writes and describes them:

WEEK = Record(year=Integer(1900, 2100, required=True), notes=Text(10_000, null=True))
WEEK.read({"year": 2026}, "weeks[3]")  # {"year": 2026, "notes": ""}; or InvalidValue at `weeks[3].year`
WEEK.write(week)  # {"year": 2026, "notes": None}
"""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.utils import timezone

from integrations.values import day, mbid, partial_date, text

MAX_INTEGER = 2**31 - 1  # the range of an integer column
FIRST_YEAR = 1900  # the earliest instant: earlier ones are mistakes, and no time zone shifts it out of the calendar

type Check = Callable[[dict[str, Any], str], None]  # of the values of an object, at this place


class InvalidValue(Exception):
    """A value that cannot be read; `place` says where it is, such as `weeks[3].notes`, and `sentence` what is
    expected there."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}" if place else sentence)
        self.place, self.sentence = place, sentence


class Field:
    """A value of a JSON object.

    `required`: a missing value, or null, is refused; else it is read as the `default`, which may be a function.
    `null`: null is written if there is no value. `source`: the path of the attribute that is written, by default
    the field's name.
    """

    json_type, json_format = "string", ""  # the type in JSON Schema
    sentence = ""  # the expected value, in an error

    def __init__(
        self, *, required: bool = False, null: bool = False, default: Any = None, source: str = "", help_text: str = ""
    ) -> None:
        self.required, self.null, self.default, self.source = required, null, default, source
        self.help_text = help_text
        self.limits: dict[str, Any] = {}  # limits in JSON Schema

    def read(self, value: object, place: str) -> Any:
        """The value read from a place. Raises InvalidValue."""
        if value is not None:
            return self.parse(value, place)
        if self.required:
            raise InvalidValue(place, self.sentence)
        return self.default() if callable(self.default) else self.default

    def parse(self, value: Any, place: str) -> Any:
        """A value other than null. Raises InvalidValue."""
        if (found := self.convert(value)) is None:
            raise InvalidValue(place, self.sentence)
        return found

    def convert(self, value: Any) -> Any:
        """The converted value, or None if it is invalid."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        return str(value) if self.json_format and value is not None else value

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema for writing."""
        schema = {"format": self.json_format, "description": self.help_text} | self.limits
        types = [self.json_type, "null"] if self.null else self.json_type
        return {"type": types} | {name: value for name, value in schema.items() if value not in ("", None)}


class Text(Field):
    """A string that every database can store. A missing one is empty; with `null`, an empty one is written as null."""

    sentence = "Must be a text."

    def __init__(self, max_length: int | None = None, **options: Any) -> None:
        super().__init__(default="", **options)
        self.max_length = max_length
        self.limits = {"maxLength": max_length}

    def parse(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or (self.required and not value):
            raise InvalidValue(place, self.sentence)
        if self.max_length is not None and len(value) > self.max_length:
            raise InvalidValue(place, f"Must have at most {self.max_length} characters.")
        if text(value, len(value)) != value:
            raise InvalidValue(place, "Must not contain NUL characters or lone surrogates.")
        return value

    def write(self, value: str) -> str | None:
        return value or None if self.null else value


class Choice(Field):
    """One of some values of the same type."""

    def __init__(self, *choices: str | int, sentence: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices
        self.limits = {"enum": list(choices)}
        self.json_type = "string" if isinstance(choices[0], str) else "integer"
        self.sentence = sentence or f"Must be {' or '.join(map(str, choices))}."

    def convert(self, value: Any) -> str | int | None:
        return value if type(value) is type(self.choices[0]) and value in self.choices else None


class Number(Field):
    json_type, words = "number", "a number"
    types: tuple[type, ...] = (int, float)

    def __init__(self, minimum: int, maximum: int = MAX_INTEGER, **options: Any) -> None:
        super().__init__(**options)
        self.minimum, self.maximum = minimum, maximum
        self.limits = {"minimum": minimum, "maximum": maximum}
        self.sentence = f"Must be {self.words} from {minimum} to {maximum}."

    def convert(self, value: Any) -> float | None:
        return value if type(value) in self.types and self.minimum <= value <= self.maximum else None


class Integer(Number):
    json_type, words = "integer", "a whole number"
    types = (int,)


class Boolean(Field):
    json_type, sentence = "boolean", "Must be true or false."

    def convert(self, value: Any) -> bool | None:
        return value if isinstance(value, bool) else None


class Instant(Field):
    """A moment with its offset, to the microsecond. A future one is read as now, and so is a missing one that cannot
    be null."""

    json_format, sentence = "date-time", "Must be an instant such as 2026-02-11T19:30:00Z."

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not self.null:
            self.default = timezone.now

    def convert(self, value: Any) -> datetime | None:
        try:
            moment = datetime.fromisoformat(value)
            in_utc = moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            return None
        return min(in_utc, timezone.now()) if moment.tzinfo and in_utc.year >= FIRST_YEAR else None

    def write(self, value: datetime | None) -> str | None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


class Day(Field):
    json_format, sentence = "date", "Must be a date such as 2026-02-11."
    convert = staticmethod(day)


class PartialDate(Text):
    """A date, as precise as known."""

    sentence = "Must be a date as YYYY, YYYY-MM or YYYY-MM-DD."

    def parse(self, value: Any, place: str) -> str:
        if partial_date(value) != value:
            raise InvalidValue(place, self.sentence)
        return value


class MusicBrainzId(Field):
    json_format, sentence = "uuid", "Must be a MusicBrainz id."
    convert = staticmethod(mbid)


class Unique(NamedTuple):
    """The keys of a list's items must be unique; a repeated one is an error at this field of the item."""

    field: str  # empty: the item itself
    key: Callable[[Any], Hashable]
    sentence: str


class List(Field):
    """Items of one kind. With `attribute`, that attribute of each row is written."""

    json_type, sentence = "array", "Must be a list."

    def __init__(
        self, item: Field, max_length: int | None = None, *unique: Unique, attribute: str = "", **options: Any
    ) -> None:
        super().__init__(default=list, **options)
        self.item, self.max_length, self.unique, self.attribute = item, max_length, unique, attribute
        self.limits = {"items": item.schema(), "maxItems": max_length}

    def parse(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidValue(place, self.sentence)
        if self.max_length is not None and len(value) > self.max_length:
            raise InvalidValue(place, f"Must have at most {self.max_length} items.")
        items = [self.item.parse(item, f"{place}[{number}]") for number, item in enumerate(value)]
        for rule in self.unique:
            seen = set()
            for number, item in enumerate(items):
                if (key := rule.key(item)) in seen:
                    raise InvalidValue(f"{place}[{number}].{rule.field}".rstrip("."), rule.sentence)
                seen.add(key)
        return items

    def write(self, value: Any) -> list[Any]:
        rows = value.all() if hasattr(value, "all") else value
        return [self.item.write(getattr(row, self.attribute) if self.attribute else row) for row in rows]


class AnyObject(Field):
    """An unchecked object. A missing one is empty."""

    json_type, sentence = "object", "Must be an object."

    def __init__(self, **options: Any) -> None:
        super().__init__(default=dict, **options)
        self.limits = {"additionalProperties": True}

    def convert(self, value: Any) -> dict[str, Any] | None:
        return value if isinstance(value, dict) else None


class Record(AnyObject):
    """An object with these fields; others are ignored. `check` may raise InvalidValue for the values."""

    def __init__(self, check: Check | None = None, /, **fields: Field) -> None:
        super().__init__()
        self.check, self.fields = check, fields
        self.limits = {
            "required": list(fields),
            "properties": {name: field.schema() for name, field in fields.items()},
        }
        self._sources = {name: attrgetter(field.source or name) for name, field in fields.items()}

    def only(self, *names: str) -> "Record":
        """A record of these fields only, without the check."""
        return Record(**{name: self.fields[name] for name in names})

    def read(self, value: object, place: str) -> dict[str, Any]:
        return self.parse({} if value is None else value, place)

    def parse(self, value: Any, place: str) -> dict[str, Any]:
        super().parse(value, place)
        start = f"{place}." if place else ""
        values = {name: field.read(value.get(name), start + name) for name, field in self.fields.items()}
        if self.check:
            self.check(values, place)
        return values

    def write(self, row: Any) -> dict[str, Any]:
        """The object in a file for a row; an object in a JSON column is written unchanged."""
        if isinstance(row, dict):
            return row
        return {name: field.write(self._sources[name](row)) for name, field in self.fields.items()}
