"""The file in which a person decides what an import could not: written with candidates, edited, and read back."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from integrations import musicbrainz, tmdb

from .importing import Decision, Outcome, week_name
from .matching import MOST_CANDIDATES
from .models import read_week_name
from .readers.rows import FileError
from .spreadsheets import defuse, restore

CANDIDATES = [f"candidate_{number}" for number in range(1, MOST_CANDIDATES + 1)]
COLUMNS = ["place", "reason", "kind", "week", "title", "artist", "released", "choice", *CANDIDATES, "key"]


def write(outcomes: Iterable[Outcome]) -> str:
    """A CSV with what there is to decide: in `choice` goes the number of a candidate, an id or address, or `skip`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for outcome in outcomes:
        row = outcome.row
        cells = [row.place, outcome.sentence, row.kind, week_name(outcome.week) if outcome.week else ""]
        cells += [row.title or outcome.work, row.artist, str(row.year or ""), ""]
        offered = [f"{candidate.id} {candidate}" for candidate in outcome.candidates]
        cells += (offered + [""] * MOST_CANDIDATES)[:MOST_CANDIDATES]
        table.writerow([*map(defuse, cells), outcome.fingerprint])
    return text.getvalue()


def read(rows: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, Decision]:
    """What somebody has decided, by fingerprint, from the rows of such a file with their places. Raises FileError."""
    decisions = {}
    for place, cells in rows:
        said = {name: restore(cell).strip() for name, cell in cells.items() if cell}
        decision = _decision(place, said)
        if decision.ids or decision.skip or decision.week:
            decisions[said.get("key", "")] = decision
    return decisions


def _decision(place: str, said: Mapping[str, str]) -> Decision:
    choice = said.get("choice", "")
    week = None
    if written := said.get("week", ""):
        week = read_week_name(written)
        if week is None:
            raise FileError(f"{place}: {written[:20]!r} is no ISO week such as 2026-W07")
    if choice.lower() == "skip":
        return Decision(skip=True)
    if re.fullmatch(rf"[1-{MOST_CANDIDATES}](\.0)?", choice):
        candidate = said.get(f"candidate_{choice[0]}", "")
        if not candidate:
            raise FileError(f"{place}: there is no candidate {choice[0]}")
        choice = candidate.partition(" ")[0]
    if not choice:
        return Decision(week=week)
    ids = read_choice(said.get("kind", ""), choice)
    if ids is None:
        wanted = "TMDB or IMDb" if said.get("kind") == "movie" else "MusicBrainz"
        raise FileError(
            f"{place}: the choice is neither the number of a candidate, nor an id or address of {wanted}, nor skip"
        )
    return Decision(ids, week)


def read_choice(kind: str, choice: str) -> dict[str, int | str | UUID] | None:
    """The field of a row that an id or an address means; None where it means none."""
    if kind == "movie":
        found = tmdb.read_address(choice)
        if found is None:
            return None
        return {"tmdb_id": found} if isinstance(found, int) else {"imdb_id": found}
    address = musicbrainz.read_address(choice)
    if address is None:
        return None
    return {"release_group_id" if address[0] == "release-group" else "musicbrainz_id": address[1]}
