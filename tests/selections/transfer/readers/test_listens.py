"""Listens to tracks, of which albums are made."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from selections.transfer import readers
from selections.transfer.readers import listens

from . import programs, shapes
from .reading import read, refusal


def albums(reading):
    return [(row.week, row.title, row.evidence) for row in reading.rows]


def packed(tmp_path):
    return shapes.pack(tmp_path, programs.LISTENBRAINZ)


def listed(tmp_path):
    return shapes.write(tmp_path, shapes.json.dumps(programs.LISTENS), encoding="utf-8-sig")


def in_lines(tmp_path):
    return shapes.write(tmp_path, programs.LISTENBRAINZ["listens/2024/2.jsonl"])


@pytest.mark.parametrize("written", [packed, listed, in_lines])
def test_listenbrainz(tmp_path, written):
    path = written(tmp_path)

    assert readers.recognise(path) == "listenbrainz"
    reading = read(path)
    assert reading.failures == []
    assert albums(reading) == [
        ((2024, 7), "Hey What", "9 of 10 tracks heard"),
        ((2024, 7), "Tago Mago", "7 of 7 tracks heard"),
        ((2024, 7), "Ones and Sixes", "5 of 5 tracks heard"),
    ]
    assert [row.artist for row in reading.rows] == ["Low", "Can", "Low"]
    assert [row.musicbrainz_id for row in reading.rows] == [UUID(programs.MBID), None, None]
    assert reading.rows[0].added_at == datetime(2024, 2, 14, 11, 36, tzinfo=UTC)
    assert reading.remarks == [
        "An album counts in a week if at least 4 of its tracks were heard in it, and more than half of those that the "
        "file has of the album. Albums heard: 4; weeks in which one counts: 3.",
        "Listens without an artist, album or track, not counted: 1.",
    ]


@pytest.mark.parametrize("is_packed", [True, False])
def test_spotifys_extended_history(tmp_path, is_packed):
    files = {"Streaming_History_Audio_2024_1.json": programs.SPOTIFY, "Streaming_History_Video_2024.json": []}
    if is_packed:
        path = shapes.pack(tmp_path, files, "Spotify Extended Streaming History/")
    else:
        path = shapes.write(tmp_path, shapes.json.dumps(programs.SPOTIFY))

    assert readers.recognise(path) == "spotify"
    reading = read(path)
    assert albums(reading) == [((2024, 7), "Hey What", "10 of 10 tracks heard")]
    assert reading.remarks[1:] == [
        "Listens without an artist, album or track, not counted: 1.",
        "Streams of less than 30 seconds, not counted: 10.",
    ]


def test_times_that_no_calendar_has_in_each_zone(tmp_path):
    ends = [{**programs.SPOTIFY[0], "ts": ts} for ts in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")]

    reading = read(shapes.write(tmp_path, shapes.json.dumps([*programs.SPOTIFY, *ends])))

    assert albums(reading) == [((2024, 7), "Hey What", "10 of 10 tracks heard")]
    assert [sentence for _, sentence in reading.failures] == [
        "0001-01-01 is not between 1900 and 2100. Correct the date.",
        "9999-12-31 is not between 1900 and 2100. Correct the date.",
    ]


def test_spotifys_short_history_names_no_albums(tmp_path):
    short = shapes.json.dumps(programs.SPOTIFY_SHORT)
    packed = shapes.pack(tmp_path, {"StreamingHistory_music_0.json": short}, "Spotify Account Data/")

    for path in (shapes.write(tmp_path, short), packed):
        assert refusal(path) == (
            "This history of Spotify names no albums. Request the extended streaming history there, and import its ZIP."
        )


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        (programs.LASTFM, "lastfm", "Low"),
        (programs.LASTFM_PLAYING, "lastfm", "Low"),
        (programs.LASTFM_UTS, "lastfm", "Hey What"),
        (programs.LASTFM_TITLED, "scrobbles", "Hey What"),
    ],
)
def test_lastfm(tmp_path, text, name, title):
    path = shapes.write(tmp_path, text, encoding="utf-8-sig")

    assert readers.recognise(path) == name
    reading = read(path)
    assert reading.failures == []
    assert albums(reading) == [((2024, 7), title, "5 of 5 tracks heard")]


def test_listens_that_are_no_use(tmp_path):
    content = [*programs.listens("Low", range(5)), {"listened_at": 0}, "x", {"listened_at": 1}]
    reading = read(shapes.write(tmp_path, shapes.json.dumps(content)))

    assert [place for place, _ in reading.failures] == ["entry 6", "entry 7"]
    assert {sentence for _, sentence in reading.failures} == {"This listen has no time."}
    reading = read(shapes.write(tmp_path, programs.LASTFM + 'Low,Low,x,"31 Feb 2024 10:00"\nLow\n'))
    assert reading.failures == [
        ("line 6", "“31 Feb 2024 10:00” is not a time. Enter it as 05 Jan 2024 10:00."),
    ]
    assert reading.remarks[1:] == ["Listens without a time, not counted: 1."]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        (programs.LASTFM, 'Low,Low,Track {n},"01 Jan 1970 00:0{n}"\n'),
        (programs.LASTFM_UTS, '"{n}","01 Jan 1970, 00:00","Low","","Hey What","","Track {n}",""\n'),
        (programs.LASTFM_TITLED, "Low,Hey What,Track {n},1970-01-01 00:0{n}\n"),
    ],
)
def test_devices_without_a_clock_scrobble_in_1970(tmp_path, text, unknown):
    reading = read(shapes.write(tmp_path, text + "".join(unknown.format(n=n) for n in range(5))))

    assert reading.failures == []
    assert [(row.week, row.rewatch) for row in reading.rows] == [((2024, 7), None)]
    assert reading.remarks[1:] == ["Listens without a time, not counted: 5."]


def test_an_album_that_was_heard_again(tmp_path):
    again = programs.listens("Low", range(5), programs.WEDNESDAY + 14 * programs.DAY)
    content = [*programs.listens("Low", range(5)), *again]

    reading = read(shapes.write(tmp_path, shapes.json.dumps(content)))

    assert [(row.week, row.rewatch) for row in reading.rows] == [((2024, 7), None), ((2024, 9), True)]


def test_a_line_of_listens_that_is_no_json(tmp_path):
    path = shapes.pack(tmp_path, {"listens/2024/2.jsonl": '{"listened_at": 1}\n{"listened'})

    assert refusal(path) == "There is no JSON in listens/2024/2.jsonl, line 2. Download it again."


def test_more_listens_than_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(listens, "MAX_LISTENS", 3)

    assert "more than 3 listens" in refusal(shapes.write(tmp_path, shapes.json.dumps(programs.LISTENS)))
