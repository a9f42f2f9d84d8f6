"""Any file at all is read or refused in a sentence."""

import csv
import io
import json
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from selections.transfer import readers

from . import shapes
from .reading import read, written


def refused_or_read(path) -> None:
    """No file may raise anything but a FileError."""
    for given in ("", *readers.FORMATS):
        said = sentences(path, given)
        assert all(sentence.endswith(".") and "\n" not in sentence for sentence in said)


def sentences(path, given) -> list[str]:
    try:
        return [sentence for _, sentence in read(path, format=given).failures]
    except readers.FileError as error:
        return [str(error)]


@hypothesis.given(content=st.binary(max_size=2000))
@hypothesis.example(b"PK\x05\x06" + bytes(18))
@hypothesis.example(b"PK\x05\x06" + b"\xff" * 18)
def test_any_bytes(tmp_path, content):
    refused_or_read(written(tmp_path, content))


OTHER_NAMES = (
    "media_id,source,media_type,status,score,end_date,Date,Name,Rating,Letterboxd URI,Watched Date,RYM Album,"
    "First Name,Last Name,Ownership,Review,movie,id,album,week,date,stars,released,,\ufeff"
)


names = st.sampled_from([*shapes.OUR_COLUMNS, *OTHER_NAMES.split(",")])


values = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["1", "ada", "movie", "album", "2024-W07", "2024-02-12", "Completed", "tmdb", "0001-01-01T00:00Z"]),
    st.sampled_from(
        ["4/5", "1e9", "9" * 30, "٣", "٣٣٣٣-W٠٧", "9999-12-31T23:59-12:00", "53", "²", "[spoiler]", "&#xD800;"]
    ),
    st.from_regex(r"[0-9]{4}-W?[0-9]{1,2}(-[0-9]{1,2})?(T[0-9:]{5}(Z|[+-][0-9:]{5})?)?", fullmatch=True),
)


@hypothesis.given(
    rows=st.lists(st.lists(values, max_size=24), max_size=4),
    header=st.one_of(
        st.lists(names, max_size=12, unique=True),
        st.just(shapes.OUR_COLUMNS),
        *(st.just(list(known.needs)) for known in readers.FORMATS.values() if known.needs),
    ),
    sign=st.sampled_from(",;\t"),
)
def test_any_table(tmp_path, header, rows, sign):
    text = io.StringIO()
    csv.writer(text, delimiter=sign, escapechar="\\").writerows([header, *rows])

    refused_or_read(written(tmp_path, text.getvalue().encode("utf-8", "surrogatepass")))


LONG = 100_000  # characters of a cell, of which a file may have thousands
NEODB = {"title": "Low", "links": "https://neodb.social/album/1", "status": "complete"}


@pytest.mark.parametrize(
    ("name", "record", "column", "piece"),
    [
        ("rateyourmusic", {"Title": "Low"}, "Review", "[img]"),
        ("rateyourmusic", {"Title": "Low"}, "Review", "[img][youtube]"),
        ("rateyourmusic", {"Title": "Low"}, "Review", "[artist1,[url="),
        ("neodb", NEODB, "info", "a "),
        ("neodb", NEODB, "info", " "),
        ("neodb", NEODB, "info", "artist:a "),
        ("letterboxd", {"Name": "Heat", "Watched Date": "2024-02-14"}, "Review", "<a </p> "),
    ],
)
def test_a_long_cell_takes_no_longer_than_its_length(tmp_path, name, record, column, piece):
    empty = dict.fromkeys([*readers.FORMATS[name].needs, *record, column], "")
    text = io.StringIO()
    csv.writer(text).writerows([empty, (empty | record | {column: f"artist:{piece * (LONG // len(piece))}x"}).values()])
    path = written(tmp_path, text.getvalue().encode())
    started = time.process_time()

    reading = read(path)

    assert reading.format == name
    assert time.process_time() - started < 1


@hypothesis.given(which=st.sampled_from(["letterboxd", "trakt"]), data=st.data())
def test_any_damage_to_a_zip(tmp_path, which, data):
    whole = shapes.pack(tmp_path, shapes.LETTERBOXD if which == "letterboxd" else shapes.TRAKT).read_bytes()
    content = bytearray(whole)
    spots = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for spot, value in data.draw(st.lists(spots, min_size=1, max_size=6)):
        content[spot] = value
    # The table of contents is at the end, and damage to it has the most effect.
    tail = st.tuples(st.integers(1, 1500), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    for spot, value in data.draw(st.lists(tail, max_size=6)):
        content[-spot] = value
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]

    refused_or_read(written(tmp_path, bytes(content)))


KEYS = (
    "type movie ids tmdb imdb trakt title year watched_at rated_at rating status content tmdbId lot source "
    "seen_history ended_on reviews listened_at track_metadata ts ms_played master_metadata_album_album_name releases"
)
values_of_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("tt0113277"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    max_leaves=12,
)


@hypothesis.given(history=values_of_json, ratings=values_of_json)
def test_any_json(tmp_path, history, ratings):
    refused_or_read(
        shapes.pack(
            tmp_path, {"watched-history.json": json.dumps(history), "ratings-movies.json": json.dumps([ratings])}
        )
    )
    refused_or_read(written(tmp_path, json.dumps([history, ratings]).encode()))
    refused_or_read(written(tmp_path, json.dumps({"movies": [history], "releases": [ratings]}).encode()))
