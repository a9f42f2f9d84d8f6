"""Reading single cells. Each function raises RowError with a sentence for the user who uploaded the file."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from catalog.text import printable
from integrations import musicbrainz, tmdb
from selections.models import MAX_RATING, MAX_TEXT
from selections.weeks import FIRST_YEAR, LAST_YEAR, read_week_name, week_name

from .rows import RowError

FIRST_RELEASE = 1800  # nothing was filmed or recorded before
MAX_NAME = 500  # characters of a title or artist, which are used for searching
YES = {"yes", "y", "true", "1", "x"}
NO = {"no", "n", "false", "0", ""}


def shown(cell: str) -> str:
    """The cell for use in a message: shortened, and without terminal control characters."""
    return f"“{printable(cell[:40])}…”" if len(cell) > 40 else f"“{printable(cell)}”"


def read_week(year: int, number: int) -> tuple[int, int]:
    """The ISO year and week."""
    if not (week := read_week_name(week_name(year, number))):
        raise RowError(f"There is no week {number} in {year}. Years from {FIRST_YEAR} to {LAST_YEAR} have 52 or 53.")
    return week


def week_of(day: date) -> tuple[int, int]:
    """The ISO year and week that a day is in."""
    year, number, _ = day.isocalendar()
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RowError(f"{day} is not between {FIRST_YEAR} and {LAST_YEAR}. Correct the date.")
    return year, number


def dated(day: date | None) -> dict[str, Any]:
    """A row's day and its week."""
    return {"day": day, "week": week_of(day)} if day else {}


def read_day(cell: str, zone: tzinfo) -> date | None:
    """The day of a date, or of an instant in this zone; None without one.

    An instant at exactly midnight UTC counts as a date, which another program has written as an instant.
    """
    if not cell:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", cell, re.ASCII):
            return date.fromisoformat(cell)
        moment = _moment(cell, zone)
        if moment.utcoffset() == timedelta() and moment.time() == time():
            return moment.date()
        return moment.astimezone(zone).date()
    except (ValueError, OverflowError):
        raise RowError(f"{shown(cell)} is not a date. Enter it as 2024-12-31.") from None


def read_noon(cell: str, zone: tzinfo) -> datetime | None:
    """Noon of a day in this zone, for what has no time; None without one."""
    day = read_day(cell, zone)
    return datetime.combine(day, time(12), zone).astimezone(UTC) if day and week_of(day) else None


def read_instant(cell: str, zone: tzinfo) -> datetime | None:
    """An instant, in this zone if it names none; None without one."""
    try:
        moment = _moment(cell, zone).astimezone(UTC) if cell else None
    except (ValueError, OverflowError):
        raise RowError(f"{shown(cell)} is not a time. Enter it as 2024-12-31T20:15:00Z.") from None
    return moment if moment and week_of(moment.date()) else None


def _moment(cell: str, zone: tzinfo) -> datetime:
    """Raises ValueError."""
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", cell, re.ASCII):
        raise ValueError(cell)
    moment = datetime.fromisoformat(cell)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_number(cell: str) -> Decimal:
    """A number with a point or a comma, such as 3.5."""
    if not re.fullmatch(r"\d{1,4}(?:[.,]\d{1,10})?", cell, re.ASCII):
        raise RowError(f"{shown(cell)} is not a number. Enter it as 8 or 3.5.")
    return Decimal(cell.replace(",", "."))


def read_rating(cell: str, *, out_of: int = MAX_RATING) -> int | None:
    """Whole half stars of a rating out of 10, or out of its own maximum as in 4/5; None without one."""
    if not cell:
        return None
    number, _, most = (part.strip() for part in cell.partition("/"))
    half_stars = read_number(number) * MAX_RATING / int(most or out_of) if most in ("", "5", "10") else Decimal(0)
    if not 0 < half_stars <= MAX_RATING:
        raise RowError(f"{shown(cell)} is not a rating. Enter 1 to {max(out_of, MAX_RATING)}, or 4/5.")
    return max(1, int(half_stars.quantize(Decimal(1), ROUND_HALF_UP)))


def read_optional_rating(cell: str, *, out_of: int = MAX_RATING) -> int | None:
    """A rating, of a program that writes 0 if there is none."""
    return read_rating(cell, out_of=out_of) if cell.strip("0.,") else None


def read_release_year(cell: str) -> int | None:
    """The year in a release date of any form; None without one, or if it is just zeros."""
    if not cell.strip("0"):
        return None
    years = re.findall(r"(?<!\d)\d{4}(?!\d)", cell, re.ASCII)
    if len(years) != 1 or not FIRST_RELEASE <= int(years[0]) <= LAST_YEAR:
        raise RowError(f"{shown(cell)} is not a year of release. Enter it as 1994.")
    return int(years[0])


def read_movie(tmdb_id: int | None, title: str, *, imdb_id: str = "") -> dict[str, Any]:
    """A row's fields for a movie that has an id or a title; 0 is not an id."""
    if not (tmdb_id or imdb_id or title):
        raise RowError("This movie has neither an id nor a title. Add one.")
    return {"kind": "movie", "tmdb_id": tmdb_id or None, "imdb_id": imdb_id, "title": within(title)}


def read_movie_id(text: str) -> dict[str, Any]:
    """A row's `tmdb_id` or `imdb_id`, from an id or an address; empty if it is neither."""
    found = tmdb.read_address(text)
    return {"tmdb_id" if isinstance(found, int) else "imdb_id": found} if found else {}


def read_album_id(text: str, *, bare: str = "release") -> dict[str, Any]:
    """A row's `musicbrainz_id` or `release_group_id`, from an address, or from an id of the `bare` kind."""
    what, found = musicbrainz.read_address(text) or ("", None)
    return {"musicbrainz_id" if (what or bare) == "release" else "release_group_id": found} if found else {}


def read_position(cell: str) -> int | None:
    if cell not in ("", "1", "2"):
        raise RowError(f"{shown(cell)} is not a position. Enter 1 or 2, or leave it empty.")
    return int(cell) if cell else None


def read_yes(cell: str) -> bool:
    if (answer := cell.casefold()) not in YES | NO:
        raise RowError(f"{shown(cell)} is neither yes nor no.")
    return answer in YES


def read_rewatch(cell: str) -> bool | None:
    """Whether it had been seen or heard before; None without an answer."""
    return read_yes(cell) if cell else None


def read_text(text: str) -> str:
    """A review or notes, with normalized line breaks."""
    return within(re.sub(r"\r\n?", "\n", text).strip(), MAX_TEXT)


def within(text: str, most: int = MAX_NAME) -> str:
    """The text, if it is not longer than this."""
    if len(text) > most:
        raise RowError(f"{shown(text)} has {len(text):,} characters. Shorten it to {most:,}.")
    return text
