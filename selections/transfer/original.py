"""Importing the SQLite file of the FastAPI version: its users, with their passwords, weeks and picks.

Everything is stored in one transaction, and what exists is left unchanged: an import that was interrupted has done
nothing, and a second one does nothing. The weeks are imported as a member's file of our own JSON is, so that what the
file says about movies and albums shapes nothing that is shared: upstreams are asked about them.
"""

import contextlib
import re
import sqlite3
from collections import Counter, defaultdict
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
from selections.kinds import KINDS, MOVIE, Kind
from selections.models import MAX_TEXT, Position
from selections.weeks import YearWeek, read_week_name, week_name

from . import own_json, restoring
from .readers.rows import FileError
from .restoring import Report

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


def read(path: Path) -> tuple[list[Row], list[Row]]:
    """The users, and the weeks with their `movies` and `albums`, all as they were at the same moment.

    Raises FileError.
    """
    if not path.is_file():
        raise FileError(f"{path} is not a file.")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda value: value.decode("utf-8", "replace")
            connection.execute("BEGIN")
            for table in COLUMNS:
                _check(connection, table)
            return _rows(connection, "SELECT * FROM users ORDER BY 1"), _weeks(connection)
    except sqlite3.Error as error:
        raise FileError(f"{path} cannot be read as an SQLite database: {error}.") from None


def _check(connection: sqlite3.Connection, table: str) -> None:
    names = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
    if not names:
        raise FileError(f"This is not a database of the FastAPI version: it has no table {table}.")
    if missing := sorted(COLUMNS[table] - names):
        raise FileError(
            f"This is not a database of the FastAPI version: its table {table} has no {' or '.join(missing)}."
        )


def _weeks(connection: sqlite3.Connection) -> list[Row]:
    """The weeks with the picks of each, which have the columns of their works as well."""
    weeks = {week["id"]: week for week in _rows(connection, "SELECT * FROM weeks ORDER BY 1")}
    for name in KINDS:
        query = (
            f"SELECT pick.*, work.* FROM week_{name}s AS pick "  # noqa: S608 - our own names
            f"LEFT JOIN {name}s AS work ON work.id = pick.{name}_id ORDER BY 1"
        )
        for pick in _rows(connection, query):
            if week := weeks.get(pick["week_id"]):
                week.setdefault(f"{name}s", []).append(pick)
    return list(weeks.values())


def _rows(connection: sqlite3.Connection, query: str) -> list[Row]:
    rows = connection.execute(query)
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def load(users: list[Row], weeks: list[Row], *, owner: str, same: Collection[str], apply: bool) -> list[Outcome]:
    """Import all users with their weeks, or with `apply=False` report what that would do.

    The account called `owner` also gets the weeks that have no owner. Accounts of this site that are called as in
    `same` are taken for the users of the file with that name; others only if they come from this file. Raises
    User.DoesNotExist if there is no `owner`.
    """
    with transaction.atomic():
        outcomes = _load(users, weeks, owner, same)
        transaction.set_rollback(not apply)
    return outcomes


def _load(rows: list[Row], all_weeks: list[Row], owner: str, same: Collection[str]) -> list[Outcome]:
    users: dict[Any, Any] = {}  # by their ids in the file
    outcomes: dict[Any, Outcome] = {}
    for row in rows:
        outcome = outcomes[row["id"]] = Outcome(text(row["username"]).lower() or f"user {row['id']}")
        try:
            users[row["id"]] = _account(row, same, set(users.values()), outcome)
        except Refused as refused:
            outcome.remarks.append(str(refused))
    weeks: dict[Any, list[Row]] = defaultdict(list)  # by the ids of their users; None without one in the file
    for week in all_weeks:
        weeks[week["user_id"] if week.get("user_id") in outcomes else None].append(week)
    if owner:
        heir = get_user_model().objects.known_as(owner).get()
        known = next((known for known, user in users.items() if user == heir), None)
        if known is None:
            outcomes[None], users[None] = Outcome(heir.username, "existing"), heir
        else:
            weeks[known] += weeks.pop(None, [])
    elif unowned := len(weeks.pop(None, ())):
        sentence = f"Weeks without an owner: {unowned}. Name the account that gets them with --owner."
        outcomes[None] = Outcome("", remarks=[sentence])
    for known, user in users.items():
        _load_weeks(user, weeks.pop(known, []), outcomes[known])
    for known, left in weeks.items():
        outcomes[known].remarks.append(f"Weeks that were left out with the account: {len(left)}.")
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
                f"--same {name} if both belong to the same person."
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


def _load_weeks(user: Any, weeks: list[Row], outcome: Outcome) -> None:
    """Import these weeks into the user's."""
    works: dict[str, dict[Any, Row]] = {name: {} for name in KINDS}
    data = {
        "format": own_json.FORMAT,
        "version": own_json.VERSION,
        "weeks": _as_json(weeks, works, outcome.remarks.append),
        "catalog": {f"{name}s": list(works[name].values()) for name in KINDS},
    }
    try:
        outcome.report = restoring.load(user, data, apply=True, is_trusted=False, with_profile=False)
    except InvalidValue as error:  # the account would have too many weeks
        outcome.remarks.append(f"No week was imported. {error.sentence}")


def _as_json(weeks: Iterable[Row], works: dict[str, dict[Any, Row]], say: Say) -> list[Row]:
    """These weeks as our own JSON has them, and their works in `works`; several for the same calendar week become
    one."""
    by_name: dict[YearWeek, list[Row]] = {}
    for week in weeks:
        year, number = integer(week["year"]), integer(week["week_number"])
        if known := read_week_name(f"{year}-W{number or 0:02}"):
            by_name.setdefault(known, []).append(week)
        else:
            say(f"Week {week['id']} was left out: there is no week {week['week_number']} in {week['year']}.")
    return [_week(name, of_name, works, say) for name, of_name in by_name.items()]


def _week(known: YearWeek, weeks: list[Row], works: dict[str, dict[Any, Row]], say: Say) -> Row:
    def say_where(sentence: str) -> None:
        say(f"{week_name(*known)}: {sentence}")

    notes = "\n\n".join(dict.fromkeys(filter(None, (text(week.get("notes"), 10**9) for week in weeks))))
    if len(notes) > MAX_TEXT:
        say_where(f"The notes were cut after {MAX_TEXT:,} characters.")
    values: Row = {"year": known[0], "week_number": known[1], "notes": notes[:MAX_TEXT]}
    values |= {name: _written(weeks[0], name, say_where) for name in ("created_at", "updated_at")}
    for name, kind in KINDS.items():
        picks = [pick for week in weeks for pick in week.get(f"{name}s", ())]
        values[f"{name}s"] = _picks(kind, picks, works[name], say_where)
    return values


def _picks(kind: Kind, picks: Iterable[Row], works: dict[Any, Row], say: Say) -> list[Row]:
    """The picks of a week, each at its position, or at a free one if that is occupied or does not exist."""
    found: dict[Any, Row] = {}
    for pick in picks:
        known = integer(pick[kind.id_field]) if kind is MOVIE else text(pick[kind.id_field]).lower()
        title = text(pick["title"]) or f"{kind.name.capitalize()} {known}"
        if not (known if kind is MOVIE else mbid(known)):
            say(f"{kind.a_name.capitalize()} was left out, as the file has no {kind.id_name} for it.")
        elif known in found:
            say(f"{title} was listed twice.")
        else:
            found[known] = pick
            works[known] = {kind.id_field: known, "title": title, "artist": text(pick.get("artist"))}
    claims = Counter(integer(pick["position"]) for pick in found.values())
    free = [position for position in Position.values if not claims[position]]
    kept: set[int] = set()
    placed = []
    for known, pick in found.items():
        position, title = integer(pick["position"]), works[known]["title"]
        if position in kept or position not in Position.values:
            if not free:
                say(f"{title} was left out: both positions are occupied.")
                continue
            say(f"{title} is moved to position {free[0]}, as {pick['position']} is occupied or does not exist.")
            position = free.pop(0)
        kept.add(position)
        placed.append({"position": position, kind.id_field: known, "added_at": _written(pick, "added_at", say)})
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
