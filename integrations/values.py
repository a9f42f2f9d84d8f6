"""Readers for what upstreams send. Missing, null, empty and wrongly typed values become None or "", or are left out;
values that exceed the limits here are cut."""

import re
from datetime import date
from typing import Any
from uuid import UUID

MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
MAX_NAME = 1_000  # characters of a title, a name or an address; the longest known title has 865
MAX_TEXT = 20_000  # characters of an overview or an annotation
MAX_ROWS = 5_000  # objects of a list, such as a crew
MAX_NAMES = 100  # of a list of names, such as genres


def text(value: object, limit: int = MAX_NAME) -> str:
    """A string, without NUL characters and lone surrogates, which databases refuse, cut at `limit` characters."""
    if not isinstance(value, str):
        return ""
    if value.isascii() and "\0" not in value:
        return value[:limit]
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def integer(value: object, *, most: int = 2**31 - 1) -> int | None:
    """An integer from 0 to `most`; in some old responses it is a string."""
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        return None
    return value


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [row for row in value[:MAX_ROWS] if isinstance(row, dict)] if isinstance(value, list) else []


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def names(value: object) -> list[str]:
    """The `name` of each object of a list, such as genres."""
    return [name for row in rows(value) if (name := text(row.get("name")))][:MAX_NAMES]


def day(value: object) -> date | None:
    """A whole day written as YYYY-MM-DD."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def partial_date(value: object) -> str:
    """A date as precisely as it is known: YYYY-MM-DD, YYYY-MM, YYYY or "".

    MusicBrainz writes `??` for unknown parts: `2008-??-02` only says 2008.
    """
    found = PARTIAL_DATE.match(value) if isinstance(value, str) else None
    if not found or found[1] == "0000":
        return ""
    year, month, of_month = found.groups()
    if day(f"{year}-{month}-{of_month}"):
        return f"{year}-{month}-{of_month}"
    return f"{year}-{month}" if day(f"{year}-{month}-01") else year


def mbid(value: object) -> UUID | None:
    """A MusicBrainz id in its usual spelling of 36 characters, in any case."""
    return UUID(value) if isinstance(value, str) and MBID.fullmatch(value) else None
