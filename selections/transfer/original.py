"""Importing the SQLite file of the FastAPI version: its users, with their passwords, weeks and picks.

Everything is stored in one transaction, and what exists is left unchanged: an import that was interrupted has done
nothing, and a second one does nothing. The weeks are imported as a member's file of our own JSON is, so that what the
file says about movies and albums shapes nothing that is shared: upstreams are asked about them.
"""

import contextlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.json_fields import Instant, InvalidValue
from integrations.values import integer, mbid, text
from selections.kinds import KINDS, Kind
from selections.models import MAX_TEXT, Position
from selections.weeks import YearWeek, read_week_name, week_name

from . import own_json, restoring
from .readers.rows import FileError
from .report import Report

# The columns that a table must have; others may be missing, and further tables are ignored.
COLUMNS = {
    "users": {"id", "username", "email", "hashed_password"},
    "weeks": {"id", "year", "week_number"},
    "movies": {"id", "tmdb_id", "title"},
    "albums": {"id", "musicbrainz_id", "title"},
    "week_movies": {"week_id", "movie_id", "position"},
    "week_albums": {"week_id", "album_id", "position"},
}
# With a cost above 16, checking a password would take longer than ten seconds.
BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")

type Row = dict[str, Any]
type Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What was imported for a user of the file, or would be."""

    name: str  # empty for weeks without an owner
    state: str = ""  # of the account: `new`, `existing`, or empty if nothing was imported
    report: Report | None = None
    remarks: list[str] = field(default_factory=list)  # a sentence for each thing that was left out or changed


class Refused(Exception):
    """A user cannot be imported; `str()` says why."""


def read(path: Path) -> dict[str, list[Row]]:
    """The rows of each table of COLUMNS, all as they were at the same moment. Raises FileError."""
    if not path.is_file():
        raise FileError(f"{path} is not a file.")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda value: value.decode("utf-8", "replace")
            connection.execute("BEGIN")
            return {table: _rows(connection, table) for table in COLUMNS}
    except sqlite3.Error as error:
        raise FileError(f"{path} cannot be read as an SQLite database: {error}.") from None


def _rows(connection: sqlite3.Connection, table: str) -> list[Row]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", [table])
    if not found.fetchone():
        raise FileError(f"This is not a database of the FastAPI version: it has no table {table}.")
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - a name of COLUMNS
    names = [column[0] for column in rows.description]
    if missing := sorted(COLUMNS[table] - set(names)):
        raise FileError(
            f"This is not a database of the FastAPI version: its table {table} has no {' or '.join(missing)}."
        )
    return [dict(zip(names, row, strict=True)) for row in rows]


def load(tables: dict[str, list[Row]], *, owner: str, same: Collection[str], apply: bool) -> list[Outcome]:
    """Import all users with their weeks, or with `apply=False` report what that would do.

    The account called `owner` also gets the weeks that have no owner. Accounts of this site that are called as in
    `same` are taken for the users of the file with that name; others only if they come from this file. Raises
    User.DoesNotExist if there is no `owner`.
    """
    with transaction.atomic():
        outcomes = _load(tables, owner, same)
        transaction.set_rollback(not apply)
    return outcomes


def _load(tables: dict[str, list[Row]], owner: str, same: Collection[str]) -> list[Outcome]:
    works = {name: _works(kind, tables[f"{name}s"]) for name, kind in KINDS.items()}
    users: dict[Any, Any] = {}  # by their ids in the file
    outcomes: dict[Any, Outcome] = {}
    for row in tables["users"]:
        outcome = outcomes[row["id"]] = Outcome(text(row["username"]).lower() or f"user {row['id']}")
        try:
            users[row["id"]] = _account(row, same, set(users.values()), outcome)
        except Refused as refused:
            outcome.remarks.append(str(refused))
    weeks = _weeks_by_owner(tables, outcomes)
    if owner:
        heir = get_user_model().objects.known_as(owner).get()
        known = next((known for known, user in users.items() if user == heir), None)
        if known is None:
            outcomes[None], users[None] = Outcome(heir.username, "existing"), heir
        else:
            weeks[known] = weeks.get(known, []) + weeks.pop(None, [])
    elif unowned := len(weeks.pop(None, ())):
        sentence = "Weeks without an owner: {}. Name the account that gets them with --owner."
        outcomes[None] = Outcome("", remarks=[sentence.format(unowned)])
    for known, user in users.items():
        _load_weeks(user, weeks.get(known, []), tables, works, outcomes[known])
    for known in weeks.keys() - users.keys():
        outcomes[known].remarks.append(f"Weeks that were left out with the account: {len(weeks[known])}.")
    return list(outcomes.values())


def _account(row: Row, same: Collection[str], taken: Collection[Any], outcome: Outcome) -> Any:
    """The account of a user: the one that an earlier import has created, or a new one. Raises Refused."""
    accounts, name = get_user_model().objects, outcome.name
    joined_at = _instant(row.get("created_at"))
    password = f"bcrypt${row['hashed_password']}" if BCRYPT.fullmatch(str(row["hashed_password"])) else None
    if existing := accounts.filter(username=name).first():
        # No registration makes such a hash, or has a time in the past.
        is_imported = existing.password == password or existing.date_joined == joined_at
        if existing in taken or not (is_imported or name in same):
            raise Refused(
                "There is another account with this name, so this user was left out. Rename one of the two, or add "
                f"--same {name} if both are the same person's."
            )
        outcome.state = "existing"
        return existing
    user = accounts.model(
        username=name,
        email=text(row["email"]),
        password=password or make_password(None),
        is_active=row.get("is_active") not in (0, False),
        date_joined=joined_at or timezone.now(),
    )
    try:
        user.full_clean()
        with transaction.atomic():
            user.save(force_insert=True)
    except ValidationError as error:
        reasons = [f"{column}: {' '.join(messages)}" for column, messages in error.message_dict.items()]
        raise Refused(f"This user was left out. {' '.join(reasons)}".replace("__all__: ", "")) from None
    except IntegrityError:
        raise Refused("An account with this name or address was just created, so this user was left out.") from None
    if password is None:
        outcome.remarks.append(f"The password cannot be read. Set one with manage.py changepassword {name}.")
    outcome.state = "new"
    return user


def _works(kind: Kind, rows: Iterable[Row]) -> dict[Any, Row]:
    """The movies or albums by their ids in the file, as our own JSON has them; without those that have no id at their
    source."""
    read_id: Callable[[Any], Any] = integer if kind.name == "movie" else mbid
    works = {}
    for row in rows:
        if external_id := read_id(row[kind.id_field]):
            known = external_id if kind.name == "movie" else str(external_id)
            title = text(row["title"]) or f"{kind.name.capitalize()} {known}"
            works[row["id"]] = {kind.id_field: known, "title": title, "artist": text(row.get("artist"))}
    return works


def _weeks_by_owner(tables: dict[str, list[Row]], outcomes: dict[Any, Outcome]) -> dict[Any, list[Row]]:
    """The weeks by the ids of their users; None for those that have none, or one who is not in the file."""
    weeks: dict[Any, list[Row]] = {}
    for week in tables["weeks"]:
        owner = week.get("user_id")
        weeks.setdefault(owner if owner in outcomes else None, []).append(week)
    return weeks


def _load_weeks(
    user: Any, weeks: list[Row], tables: dict[str, list[Row]], works: dict[str, dict[Any, Row]], outcome: Outcome
) -> None:
    """Import these weeks into the user's."""
    picks: dict[tuple[str, Any], list[Row]] = {}
    for name in KINDS:
        for pick in tables[f"week_{name}s"]:
            picks.setdefault((name, pick["week_id"]), []).append(pick)
    data = {
        "format": own_json.FORMAT,
        "version": own_json.VERSION,
        "weeks": _as_json(weeks, picks, works, outcome.remarks.append),
        "catalog": {
            f"{name}s": list({work[kind.id_field]: work for work in works[name].values()}.values())
            for name, kind in KINDS.items()
        },
    }
    try:
        outcome.report = restoring.load(user, data, apply=True, is_trusted=False, with_profile=False)
    except InvalidValue as error:  # the account would have too many weeks
        outcome.remarks.append(f"No week was imported. {error.sentence}")


def _as_json(
    weeks: Iterable[Row], picks: dict[tuple[str, Any], list[Row]], works: dict[str, dict[Any, Row]], say: Say
) -> list[Row]:
    """These weeks as our own JSON has them; several for the same calendar week become one."""
    by_name: dict[YearWeek, list[Row]] = {}
    for week in weeks:
        year, number = integer(week["year"]), integer(week["week_number"])
        if known := read_week_name(f"{year}-W{number or 0:02}"):
            by_name.setdefault(known, []).append(week)
        else:
            say(f"Week {week['id']} was left out: there is no week {week['week_number']} in {week['year']}.")
    return [_week(name, same, picks, works, say) for name, same in by_name.items()]


def _week(
    known: YearWeek,
    weeks: list[Row],
    picks: dict[tuple[str, Any], list[Row]],
    works: dict[str, dict[Any, Row]],
    say: Say,
) -> Row:
    def say_where(sentence: str) -> None:
        say(f"{week_name(*known)}: {sentence}")

    notes = "\n\n".join(dict.fromkeys(filter(None, (text(week.get("notes"), 10**9) for week in weeks))))
    if len(notes) > MAX_TEXT:
        say_where(f"The notes were cut after {MAX_TEXT:,} characters.")
    values: Row = {"year": known[0], "week_number": known[1], "notes": notes[:MAX_TEXT]}
    values |= {name: _written(weeks[0], name, say_where) for name in ("created_at", "updated_at")}
    for name, kind in KINDS.items():
        of_these = [pick for week in weeks for pick in picks.get((name, week["id"]), ())]
        values[f"{name}s"] = _picks(kind, of_these, works[name], say_where)
    return values


def _picks(kind: Kind, picks: Iterable[Row], works: dict[Any, Row], say: Say) -> list[Row]:
    """The picks of a week, each at its position, or at a free one if that is occupied or does not exist."""
    found: dict[Any, Row] = {}
    for pick in picks:
        work = works.get(pick[f"{kind.name}_id"])
        if work is None:
            say(f"{kind.a_name.capitalize()} was left out, as the file has no {kind.id_name} for it.")
        elif work[kind.id_field] in found:
            say(f"{work['title']} was listed twice.")
        else:
            found[work[kind.id_field]] = pick
    claims = Counter(integer(pick["position"]) for pick in found.values())
    free = [position for position in Position.values if not claims[position]]
    kept: set[int] = set()
    placed = []
    for external_id, pick in found.items():
        position, title = integer(pick["position"]), works[pick[f"{kind.name}_id"]]["title"]
        if position in kept or position not in Position.values:
            if not free:
                say(f"{title} was left out: both positions are occupied.")
                continue
            say(f"{title} is moved to position {free[0]}, as {pick['position']} is occupied or does not exist.")
            position = free.pop(0)
        kept.add(position)
        placed.append({"position": position, kind.id_field: external_id, "added_at": _written(pick, "added_at", say)})
    return placed


def _written(row: Row, name: str, say: Say) -> str | None:
    """An instant as our own JSON has it; None, which is read as now, if there is none that can be read."""
    moment = _instant(row.get(name))
    if moment is None and row.get(name) is not None:
        say(f"{name} is not a time, so that of the import is used.")
    return moment.isoformat() if moment else None


def _instant(value: object) -> datetime | None:
    """An instant of the file, which without an offset is in UTC, and not in the future."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return Instant(null=True).convert((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat())
