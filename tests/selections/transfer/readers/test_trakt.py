"""Trakt's export, from a file in its true shape to rows."""

from datetime import UTC, datetime

import pytest

from selections.transfer import readers

from . import shapes
from .reading import entry, filled, read, refusal

PLANNED = {"tmdb_id": 348, "imdb_id": "tt0078748", "title": "Alien", "year": 1979, "notes": "At last"}
PLANNED |= {"added_at": datetime(2024, 2, 1, 9, tzinfo=UTC), "is_planned": True}


def test_trakts_export(tmp_path):
    path = shapes.pack(tmp_path, shapes.TRAKT)

    assert readers.recognise(path) == "trakt"
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == [
        # in Berlin; the Sunday before in UTC
        # given after this time, before the other
        entry(
            "watched-history-10.json, entry 1",
            "2024-01-08",
            tmdb_id=949,
            imdb_id="tt0113277",
            title="Heat",
            year=1995,
            rating=9,
            said_at=datetime(2024, 2, 1, 9, tzinfo=UTC),
        ),
        # given before anything: to the first
        entry(
            "watched-history-2.json, entry 1",
            "2024-06-03",
            tmdb_id=348,
            imdb_id="tt0078748",
            title="Alien",
            year=1979,
            rating=4,
            said_at=datetime(2023, 2, 1, 9, tzinfo=UTC),
        ),
        entry("watched-history.json, entry 2", "2024-06-04", title="At the Lake", year=2020),
        entry(
            "watched-history.json, entry 1",
            "2025-06-24",
            tmdb_id=949,
            imdb_id="tt0113277",
            title="Heat",
            year=1995,
            rewatch=True,
        ),
        entry("lists-watchlist.json, entry 1", **PLANNED),
    ]
    assert reading.remarks == [
        "Not imported (only the history of movies, their ratings and the watchlist are): user-profile.json, "
        "watched-movies.json.",
        "Episodes and shows, not imported: 2.",
        "Ratings of movies that are not in the history, and so not in a week: 1.",
    ]


def test_trakts_parts_come_in_the_order_of_their_numbers(tmp_path):
    at = "2025-06-24T21:30:00.000Z"  # all of them, so that nothing else orders them
    names = ["watched-history-10.json", "b/watched-history-2.json", "watched-history-1.json", "watched-history.json"]
    path = shapes.pack(tmp_path, {name: [shapes.play(1, shapes.HEAT, at)] for name in names})

    assert [row.place for row in read(path).rows] == [
        "watched-history.json, entry 1",
        "watched-history-1.json, entry 1",
        "watched-history-2.json, entry 1",
        "watched-history-10.json, entry 1",
    ]


def test_trakts_history_alone(tmp_path):
    history = [shapes.play(number, shapes.HEAT, "2025-06-24T21:30:00.000Z") for number in range(2000)]
    path = shapes.pack(tmp_path, {})
    path.write_text(shapes.json.dumps(history, indent=2), encoding="utf-8-sig")

    assert readers.recognise(path) == "trakt"
    assert [row.place for row in read(path).rows] == [f"entry {number}" for number in range(1, 2001)]


def test_trakts_entries_that_are_no_use(tmp_path):
    history = [
        "Heat",
        {"type": "movie", "movie": None},
        shapes.play(1, shapes.HEAT, "yesterday"),
        shapes.play(2, shapes.HEAT | {"year": None, "ids": {"tmdb": "x", "imdb": "x"}}, None),
        shapes.play(3, shapes.HEAT, "1970-01-01T00:00:00.000Z"),
    ]
    ratings = [
        {"rated_at": "2024-02-01T09:00:00.000Z", "rating": 11, "movie": shapes.HEAT},
        {"rated_at": "?", "rating": 1, "movie": shapes.HEAT},
        [],
    ]

    reading = read(shapes.pack(tmp_path, {"watched-history.json": history, "ratings-movies.json": ratings}))

    assert [filled(row) for row in reading.rows] == [
        {"place": "watched-history.json, entry 4", "kind": "movie", "title": "Heat"},
        entry("watched-history.json, entry 5", tmdb_id=949, imdb_id="tt0113277", title="Heat", year=1995),
    ]
    assert reading.failures == [
        ("watched-history.json, entry 1", "This entry is not about a movie or album."),
        ("watched-history.json, entry 2", "This movie has neither an id nor a title. Add one."),
        ("watched-history.json, entry 3", "“yesterday” is not a time. Enter it as 2024-12-31T20:15:00Z."),
        ("ratings-movies.json, entry 1", "This entry is not a rating of a movie from 1 to 10."),
        ("ratings-movies.json, entry 2", "“?” is not a time. Enter it as 2024-12-31T20:15:00Z."),
        ("ratings-movies.json, entry 3", "This entry is not a rating of a movie from 1 to 10."),
    ]


@pytest.mark.parametrize(
    ("content", "entry"),
    [
        ("", 0),
        ("[", 0),
        ('{"type": "movie"}', 0),
        ("[}", 0),
        ("[,]", 0),
        (', {"type": "show"}]', 0),
        ('[{"type": "show"}', 1),
        ('[{"type": "show"}, {"type":', 1),
        ('[{"type": "show"} {"type": "show"}]', 1),
        ('[{"type": "show"}, {"type": show}]', 1),
        ('[{"type": "show"}, 12', 1),
        ('[{"type": "show"}, ' + 200_000 * "[", 1),
        ('[{"type": "show"}, ' + 5000 * "9" + "]", 1),
        ('[{"type": "show"}, "' + 400_000 * "x" + '"]', 1),
    ],
)
def test_damaged_json(tmp_path, content, entry):
    path = shapes.pack(tmp_path, {"watched-history-3.json": content})

    assert refusal(path) == (f"There is no JSON in watched-history-3.json after entry {entry}. Download it again.")


def test_json_in_another_encoding(tmp_path):
    path = shapes.pack(tmp_path, {"watched-history.json": '[{"title": "Amélie"}]'.encode("latin-1")})

    assert refusal(path) == (
        "There is a byte that is not UTF-8 in watched-history.json after entry 0. Download it again."
    )


def test_what_no_database_takes_is_left_out_of_json(tmp_path):
    path = shapes.pack(tmp_path, {"watched-history.json": [shapes.play(1, {"title": "He\0at\ud800"}, None)]})

    assert [row.title for row in read(path).rows] == ["Heat?"]


@pytest.mark.parametrize(
    ("entry", "rating"),
    [
        ({"watched_at": "2024-02-01T09:00:00.000Z", "type": "movie"}, None),
        ({"last_watched_at": "2024-02-01T09:00:00.000Z", "plays": 2}, None),
        ({"rated_at": "2024-02-01T09:00:00.000Z", "rating": 9, "type": "movie"}, 9),
    ],
)
def test_trakts_lists_are_told_by_their_entries(tmp_path, entry, rating):
    show = {key: value for key, value in entry.items() if key != "type"} | {"show": {"title": "Severance"}}
    path = shapes.write(tmp_path, shapes.json.dumps([entry | {"movie": shapes.HEAT}, show]), encoding="utf-8-sig")

    assert readers.recognise(path) == "trakt"
    reading = read(path)
    assert [(row.tmdb_id, str(row.day), row.rating) for row in reading.rows] == [(949, "2024-02-01", rating)]
    assert [row.rewatch for row in reading.rows] == [True if "plays" in entry else None]
    assert reading.remarks == ["Episodes and shows, not imported: 1."]


def test_trakts_watchlist(tmp_path):
    reading = read(shapes.write(tmp_path, shapes.json.dumps(shapes.WATCHLIST)))

    assert [filled(row) for row in reading.rows] == [entry("entry 1", **PLANNED)]
    assert reading.remarks == ["Episodes and shows, not imported: 1."]


def test_trakts_export_without_a_history(tmp_path):
    path = shapes.pack(tmp_path, {"watched-movies.json": shapes.TRAKT["ada/watched-movies.json"]})

    assert [(row.place, str(row.day)) for row in read(path).rows] == [("watched-movies.json, entry 1", "2025-06-24")]


@pytest.mark.parametrize(
    "content", ['[{"some": "thing"}]', '[{"watched_at": "2024-02-01", "book": {"title": "Emma"}}]']
)
def test_lists_of_other_things_are_refused(tmp_path, content):
    assert refusal(shapes.write(tmp_path, content)).startswith("This JSON is not an export of a program that")
