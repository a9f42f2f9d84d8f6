"""What upstreams send is stored within limits."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from integrations import musicbrainz, tmdb
from integrations.values import MAX_NAME, MAX_NAMES, MAX_TEXT
from tests import payloads

LONG = "ä" * 30_000
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def sizes(value):
    """The lengths of all texts and lists in a value that was read."""
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, list):
        yield len(value)
        for item in value:
            yield from sizes(item)
    elif hasattr(value, "__dict__"):
        for item in vars(value).values():
            yield from sizes(item)


def enlarged(value):
    """The same JSON with long texts everywhere except in ids and addresses, and with many equal items in each list."""
    if isinstance(value, dict):
        kept = {"id", "credit_id", "url", "job", "resource"}
        return {name: item if name in kept else enlarged(item) for name, item in value.items()}
    if isinstance(value, list):
        return [enlarged(item) for item in value] * (MAX_NAMES + 1)
    return LONG if isinstance(value, str) else value


@pytest.mark.parametrize(
    "read",
    [
        lambda: tmdb.Movie.from_json(enlarged(payloads.movie()), NOW),
        lambda: musicbrainz.Release.from_json(enlarged(payloads.release()), NOW),
        lambda: musicbrainz.Artist.from_json(enlarged(payloads.artist()), UUID(payloads.ARTIST), NOW),
    ],
    ids=["movie", "release", "artist"],
)
def test_texts_and_lists_are_cut(read):
    found = read()

    lengths = list(sizes(found))

    assert max(lengths) <= MAX_TEXT
    assert MAX_NAME in lengths or MAX_NAMES in lengths


def test_the_crew_is_cut():
    row = payloads.movie()
    row["credits"]["crew"] = [{"id": n, "name": "x", "job": "Producer"} for n in range(1, 1000)]

    assert len(tmdb.Movie.from_json(row, NOW).crew) == tmdb.MAX_CREW
