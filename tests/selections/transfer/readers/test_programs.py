"""Exports of further programs, from files in their shapes to rows."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from selections.transfer import readers

from . import programs, shapes
from .reading import RELEASE, entry, filled, read

PLANNED = {"is_planned": True, "added_at": datetime(2023, 1, 3, 11, tzinfo=UTC), "notes": "In space"}
HEAT = {"title": "Heat", "year": 1995, "tmdb_id": 949, "rating": 9}


def album(place, title, artist, **said):
    return entry(place, said.pop("day", ""), kind="album", title=title, artist=artist, **said)


@pytest.mark.parametrize(
    ("example", "name", "rows", "left_out"),
    [
        (
            "IMDB_RATINGS",
            "imdb",
            [
                entry("line 2", "2024-02-14", imdb_id="tt0113277", title="Heat", year=1995, rating=9),
                entry("line 3", "2024-02-21", imdb_id="tt0078748", title="Alien", year=1979, rating=8),
            ],
            ["Series, episodes and games, not imported: 2."],
        ),
        (
            "IMDB_WATCHLIST",
            "imdb",
            [
                entry("line 2", "2024-02-14", imdb_id="tt0113277", title="Heat", year=1995, rating=9),
                entry("line 3", imdb_id="tt0078748", title="Alien", year=1979, **PLANNED),
            ],
            ["Series, episodes and games, not imported: 1."],
        ),
        (
            "IMDB_RESAVED",
            "imdb",
            [entry("line 2", "2024-02-03", imdb_id="tt0088247", title="The Terminator", year=1984, rating=8)],
            [],
        ),
        (
            "TMDB",
            "tmdb",
            # in Berlin, the second one after midnight
            [
                entry("line 2", "2024-02-14", **HEAT),
                entry("line 3", "2024-02-19", tmdb_id=348, title="Alien", year=1979, rating=8),
            ],
            ["Series and episodes, not imported: 2."],
        ),
        (
            "TMDB_WATCHLIST",
            "tmdb",
            [entry("line 2", tmdb_id=949, title="Heat", year=1995, is_planned=True)],
            ["Series and episodes, not imported: 1."],
        ),
        (
            "SIMKL_CSV",
            "simkl",
            [
                entry("line 2", "2024-02-14", **HEAT),
                entry("line 3", "2024-02-21", imdb_id="tt0078748", title="Alien", year=1979),
            ],
            ["Movies not imported, as they are not completed: 1.", "Series and anime, not imported: 2."],
        ),
        (
            "SIMKL_JSON",
            "simkl",
            [entry("movies, entry 1", "2024-02-14", imdb_id="tt0113277", **HEAT)],
            ["Movies not imported, as they are not completed: 1.", "Series and anime, not imported: 2."],
        ),
        (
            "MOVARY_HISTORY",
            "movary",
            [
                entry("line 2", "2024-02-14", tmdb_id=949, title="Heat", year=1995, review="Coffee, guns."),
                entry("line 3", "2024-03-01", tmdb_id=949, title="Heat", year=1995, rewatch=True),
            ],
            [],
        ),
        (
            "MOVARY_RATINGS",
            "movary",
            [entry("line 2", **HEAT), entry("line 3", tmdb_id=348, title="Alien", year=1979)],
            [],
        ),
        (
            "RYOT",
            "ryot",
            [
                entry("movies, entry 1", "2024-03-01", tmdb_id=949, rating=9, review="Again.", rewatch=True),
                entry("movies, entry 1", "2024-02-14", tmdb_id=949),
            ],
            ["Movies not imported, as they have not been seen: 1."],
        ),
        (
            "RYOT_TITLED",
            "ryot",
            [
                entry("metadata, entry 1", "2024-02-14", tmdb_id=530915, title="1917"),
                entry("metadata, entry 2", "2024-02-14", tmdb_id=348, title="Alien"),
            ],
            [],
        ),
        (
            "RYOT_NEWER",
            "ryot",
            [entry("metadata, entry 1", "2024-02-14", tmdb_id=949)],
            ["Not imported, as they are not movies: 1."],
        ),
        (
            "WATCHARR",
            "watcharr",
            [entry("entry 1", "2024-02-14", review="Coffee, guns.", **HEAT)],
            ["Movies not imported, as they are not finished: 1.", "Series and games, not imported: 2."],
        ),
        (
            "NEODB_MOVIES",
            "neodb",
            [entry("line 2", "2024-02-14", imdb_id="tt0113277", review="Coffee and guns.", **HEAT)],
            [
                "Books, series, games and others, not imported: 1.",
                "Marks not imported, as they are not completed: 1.",
            ],
        ),
        (
            "NEODB_MUSIC",
            "neodb",
            [album("line 2", "Hey What", "Low", day="2024-02-14", year=2021, musicbrainz_id=UUID(RELEASE))],
            [],
        ),
        ("NEODB_BOOKS", "neodb", [], ["Books, series, games and others, not imported: 2."]),
        (
            "DISCOGS",
            "discogs",
            [
                album("line 2", "Hey What", "Low", year=2021, rating=10),
                album("line 3", "Tago Mago", "Can"),
                album("line 4", "Nuggets", "Various", year=1972, rating=6),
            ],
            [],
        ),
        (
            "AOTY",
            "csv",
            [
                album("line 2", "Hey What", "Low", rating=9),
                album("line 3", "Tago Mago", "Can", rating=9),
                album("line 4", "Pink Moon", "Nick Drake", rating=10),
            ],
            ["Ratings are read as out of 100."],
        ),
        (
            "MUSICBOARD",
            "csv",
            [
                album("line 2", "Hey What", "Low", day="2024-02-14", rating=9),
                album("line 3", "Tago Mago", "Can", day="2024-02-21", rating=8),
            ],
            ["Ratings are read as out of 5, as none is above 5. Otherwise write them as 4/10."],
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_export(tmp_path, example, name, rows, left_out, encoding):
    path = shapes.write(tmp_path, getattr(programs, example), encoding=encoding)

    assert readers.recognise(path) == name
    reading = read(path)
    assert reading.failures == []
    assert [filled(row) for row in reading.rows] == rows
    assert [remark for remark in reading.remarks if "columns that are not imported" not in remark] == left_out


def test_a_collection_of_musicbrainz(tmp_path):
    path = shapes.write(tmp_path, programs.MUSICBRAINZ)

    assert readers.recognise(path) == "musicbrainz"
    reading = read(path)
    assert [filled(row) for row in reading.rows] == [
        album("releases, entry 1", "Hey What", "Low", year=2021, musicbrainz_id=UUID(RELEASE))
    ]
    assert reading.failures == [("releases, entry 2", "This entry has no MusicBrainz id.")]


@pytest.mark.parametrize("text", [programs.RYOT, programs.SIMKL_JSON, programs.MUSICBRAINZ])
def test_a_damaged_object(tmp_path, text):
    with pytest.raises(readers.FileError, match=r"^This is not valid JSON\. Download it again\.$"):
        read(shapes.write(tmp_path, text[:-20]))


def test_a_deep_object(tmp_path):
    with pytest.raises(readers.FileError, match="not valid JSON"):
        read(shapes.write(tmp_path, '{"movies": [' + "[" * 200_000))
