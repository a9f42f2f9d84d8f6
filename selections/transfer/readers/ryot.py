"""Ryot's JSON export: https://docs.ryot.io/exporting"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from integrations.values import integer, mapping, rows, text

from . import cells
from .json_files import collect, numbered, read_object
from .rows import LeftOut, Reading, Row, program_format

LISTS = ("movies", "media", "metadata")  # of older and newer versions


def _is_object(data: dict[str, Any]) -> bool:
    return any(entry.keys() >= {"lot", "source"} for key in LISTS for entry in rows(data.get(key))[:1])


def read(path: Path, reading: Reading) -> None:
    """Its movies, once for each time that they were seen. Raises FileError."""
    plays: list[Row] = []

    def read_entry(entry: dict[str, Any]) -> Row:
        *earlier, last = _read_movie(entry, reading)
        plays.extend(replace(play, place=reading.place) for play in earlier)
        return last

    data = read_object(path)
    for key in LISTS:
        collect(reading, numbered(key, data.get(key)), read_entry)
    reading.rows += plays
    reading.mark_rewatches()


def _read_movie(entry: dict[str, Any], reading: Reading) -> list[Row]:
    """A row for each time, of which the last one has the rating and the review."""
    if text(entry.get("lot")).casefold() != "movie":
        raise LeftOut("Not imported, as they are not movies")
    seen = [text(time.get("ended_on")) for time in rows(entry.get("seen_history")) if text(time.get("ended_on"))]
    if not seen:
        raise LeftOut("Movies not imported, as they have not been seen")
    # Where there is an `identifier`, Ryot writes the title as `source_id`, and a title may be a number.
    known, title = entry.get("identifier"), entry.get("source_id")
    if not known:
        known, title = title, ""
    tmdb_id = integer(known) if text(entry.get("source")).casefold() == "tmdb" else None
    movie = cells.read_movie(tmdb_id, text(entry.get("title") or entry.get("source_name") or title))
    reviews = rows(entry.get("reviews"))
    rating = next((said for review in reviews if (said := review.get("rating")) not in (None, "")), "")
    review = next((said for review in reviews if (said := text(mapping(review.get("review")).get("text")))), "")
    opinion: dict[str, Any] = {
        "rating": reading.spare(cells.read_optional_rating, str(rating), out_of=100),
        "review": reading.spare(cells.read_text, review) or "",
    }
    days = sorted(filter(None, (cells.read_day(moment, reading.zone) for moment in seen)))
    return [
        Row(**movie, **cells.dated(day), **(opinion if number == len(days) else {}))
        for number, day in enumerate(days, 1)
    ]


FORMAT = program_format("Ryot", is_object=_is_object, read=read)
