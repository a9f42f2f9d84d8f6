"""Imported rows as they are remembered: their fingerprints, and their JSON in ImportedRow."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date, datetime
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from .matching import plain
from .readers.rows import Row


def fingerprints(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with its fingerprint: of what was picked, and when, but not of the opinion.

    It is the same for the same row of a later export; identical rows are distinguished by their order.
    """
    seen: Counter[str] = Counter()
    for row in rows:
        said = [row.kind, row.week, row.day, row.position, row.tmdb_id, row.imdb_id, row.musicbrainz_id]
        said += [row.release_group_id, plain(row.title), plain(row.artist), row.year]
        said += ["planned"] if row.is_planned else []
        text = json.dumps(said, cls=DjangoJSONEncoder)
        seen[text] += 1
        yield hashlib.sha256(f"{text}#{seen[text]}".encode()).hexdigest()[:32], row


def row_to_json(row: Row) -> dict[str, object]:
    """The row as ImportedRow keeps it; see row_from_json()."""
    # Django's encoder cuts microseconds off.
    return asdict(row) | {name: at.isoformat() for name in ("said_at", "added_at") if (at := getattr(row, name))}


def row_from_json(said: dict[str, object]) -> Row:
    """The row that was kept."""
    read: dict[str, Callable] = {
        "week": tuple,
        "day": date.fromisoformat,
        "musicbrainz_id": UUID,
        "release_group_id": UUID,
        "said_at": datetime.fromisoformat,
        "added_at": datetime.fromisoformat,
    }
    names = {known.name for known in fields(Row)}
    values = {name: value for name, value in said.items() if name in names}
    return Row(**{name: read[name](value) if name in read and value else value for name, value in values.items()})  # type: ignore[arg-type]
