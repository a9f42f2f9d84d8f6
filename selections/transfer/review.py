"""The review file of rows that an import could not place: written with candidates, edited, and read back."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from catalog.spreadsheets import csv_line, defuse, restore
from selections.weeks import read_week_name, week_name

from .matching import MAX_CANDIDATES
from .outcomes import Decision, Outcome
from .readers import cells, files
from .readers.rows import FileError
from .readers.tables import Table, key

CANDIDATES = [f"candidate_{number}" for number in range(1, MAX_CANDIDATES + 1)]
COLUMNS = ["place", "reason", "kind", "week", "title", "artist", "released", "choice", *CANDIDATES, "key"]


def write(outcomes: Iterable[Outcome]) -> str:
    """A CSV of the rows to decide: `choice` is for the number of a candidate, an id or address, or `skip`."""
    lines = [csv_line(COLUMNS)]
    for outcome in outcomes:
        row = outcome.row
        cells = [row.place, outcome.sentence, row.kind, week_name(*outcome.week) if outcome.week else ""]
        cells += [row.title or outcome.work, row.artist, str(row.year or ""), ""]
        offered = [f"{candidate.id} {candidate}" for candidate in outcome.candidates]
        cells += (offered + [""] * MAX_CANDIDATES)[:MAX_CANDIDATES]
        lines.append(csv_line([*map(defuse, cells), outcome.fingerprint]))
    return "".join(lines)


def read(path: Path) -> dict[str, Decision]:
    """The decisions in such a file, by fingerprint. Raises FileError."""
    decisions = {}
    with files.opened(path) as file:
        table = Table(file)
        table.require(*COLUMNS, what="a review file of Wrong Opinions")
        for record in table.records():
            decision = _decision(record.place, {name: restore(record[key(name)]) for name in COLUMNS})
            if decision.ids or decision.skip or decision.week:
                decisions[record["key"]] = decision
    return decisions


def _decision(place: str, said: Mapping[str, str]) -> Decision:
    choice, week = said["choice"], None
    if said["week"]:
        week = read_week_name(said["week"])
        if week is None:
            raise FileError(f"{place}: the week must be an ISO week such as 2026-W07.")
    if choice.lower() == "skip":
        return Decision(skip=True)
    if re.fullmatch(rf"[1-{MAX_CANDIDATES}](\.0)?", choice):
        candidate = said[f"candidate_{choice[0]}"]
        if not candidate:
            raise FileError(f"{place}: there is no candidate {choice[0]}.")
        choice = candidate.partition(" ")[0]
    if not choice:
        return Decision(week=week)
    ids = read_choice(said["kind"], choice)
    if ids is None:
        wanted = "TMDB or IMDb" if said["kind"] == "movie" else "MusicBrainz"
        raise FileError(
            f"{place}: the choice is neither the number of a candidate, nor an id or address of {wanted}, nor skip."
        )
    return Decision(ids, week)


def read_choice(kind: str, choice: str) -> dict[str, int | str | UUID] | None:
    """The field of a row for an id or an address; None if it is neither."""
    return (cells.read_movie_id(choice) if kind == "movie" else cells.read_album_id(choice)) or None
