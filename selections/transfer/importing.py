"""Puts what a file says into somebody's weeks: finds what is meant, finds a place for it, and remembers what is done.

Upstreams are asked some rows ahead, so that MusicBrainz' one request a second is all that takes time; what is written
is written row by row, in order, so that an import may end at any moment, and the next one goes on where it was.
"""

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import Album, Movie
from integrations.errors import IntegrationError, NotFound
from selections import services
from selections.kinds import KINDS
from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import this_week, week_name

from . import resolving
from .matching import Candidate, Match, plain
from .readers.rows import Row
from .resolving import SERVICES, Work

POSITIONS = (1, 2)
WORKERS = 4  # who ask ahead
ROWS_AHEAD = 8
GIVE_UP = 3  # failures in a row, after which an upstream counts as dead
CHANGED = {"position_occupied", "already_picked", "just_merged"}  # conflicts with another request at the same time
TRIES = 3  # to write a row while somebody else changes the same week
IMPORTING = threading.Lock()  # of this process, for files that are read whole, into many times their size
NOON = time(12)
NO_WEEK = "no week is known: say with --from which is the first"
MEANWHILE = "somebody else has just decided about it"
STATES = {
    "new": "picked",
    "there": "there already",
    "before": "imported before",
    "notes": "notes of weeks",
    "review": "to be decided",
    "full": "left out, as their week is full",
    "skipped": "left out for good",
    "failed": "failed",
}

type WeekName = tuple[int, int]


@dataclass
class Outcome:
    """What becomes of a row. `state` is one of STATES; `sentence` says why, where that is not plain."""

    fingerprint: str
    row: Row
    work: str  # as people read it
    week: WeekName | None
    state: str = ""
    position: int = 0
    sentence: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    has_opinion: bool = False  # whether the row's opinion is new

    @property
    def week_name(self) -> str:
        return week_name(*self.week) if self.week else "–"

    @property
    def words(self) -> str:
        """What becomes of the row, in words."""
        return self.sentence or STATES[self.state]


@dataclass(frozen=True)
class Decision:
    """What a person says about a row: what it means, in which week it belongs, or to leave it out.

    `ids` is one of a row's own fields: tmdb_id, imdb_id, musicbrainz_id or release_group_id.
    """

    ids: Mapping[str, int | str | UUID] = field(default_factory=dict)
    week: WeekName | None = None
    skip: bool = False


@dataclass
class Task:
    """A row with what it means, as far as that is known: at once, or in an answer to come."""

    fingerprint: str
    row: Row
    work: Work | None = None
    answer: Future[Match | Work] | None = None


def fingerprints(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with what tells it from all others: what was picked, and when, but not what is thought of it.

    It is the same for the same row of a later export; rows that say the same are told apart by their order.
    """
    seen: Counter[str] = Counter()
    for row in rows:
        said = [row.kind, row.week, row.day, row.position, row.tmdb_id, row.imdb_id, row.musicbrainz_id]
        said += [row.release_group_id, plain(row.title), plain(row.artist), row.year]
        text = json.dumps(said, cls=DjangoJSONEncoder)
        seen[text] += 1
        yield hashlib.sha256(f"{text}#{seen[text]}".encode()).hexdigest()[:32], row


def row_to_json(row: Row) -> dict[str, object]:
    """What ImportedRow keeps of a row; see row_from_json()."""
    kept: dict[str, object] = json.loads(json.dumps(asdict(row), cls=DjangoJSONEncoder))
    # Django's encoder cuts microseconds off.
    return kept | {name: at.isoformat() for name in ("said_at", "added_at") if (at := getattr(row, name))}


def row_from_json(said: dict[str, object]) -> Row:
    """The row that was kept."""
    read: dict[str, Callable] = {
        "week": tuple,
        "day": date.fromisoformat,
        "musicbrainz_id": UUID,
        "release_group_id": UUID,
        "said_at": datetime.fromisoformat,
        "added_at": datetime.fromisoformat,
    }
    names = {known.name for known in fields(Row)}
    values = {name: value for name, value in said.items() if name in names}
    return Row(**{name: read[name](value) if name in read and value else value for name, value in values.items()})  # type: ignore[arg-type]


class Importer:
    """One import of rows, each with its fingerprint, for one person; without `apply` nothing is written.

    `overflow` says what happens to what its week has no place for: `next-free-week`, or `skip`. Rows without a week
    fill the free places from `first_week` on. `decisions` are a person's, by fingerprint. What was imported before and
    has been removed since stays away, unless `again`.
    """

    def __init__(
        self,
        user,
        rows: Iterable[tuple[str, Row]],
        *,
        apply: bool = False,
        overflow: str = "skip",
        first_week: WeekName | None = None,
        decisions: dict[str, Decision] | None = None,
        again: bool = False,
    ) -> None:
        self.user, self.apply, self.overflow, self.first_week = user, apply, overflow, first_week
        self.decisions = decisions or {}
        self.places = Places(user)
        remembered = ImportedRow.objects.filter(user=user).defer("said")
        there = self.places.ids | resolving.merged_ids()
        self.removed = {
            known.fingerprint for known in remembered if known.state == "done" and known.chosen not in there
        }
        self.remembered = {
            known.fingerprint: known for known in remembered if not (again and known.fingerprint in self.removed)
        }
        self.tasks = [
            Task(fingerprint, row, self._known(fingerprint, row)) for fingerprint, row in sorted(rows, key=_when)
        ]
        self.failures = Counter[str]()  # in a row, by kind
        self.noted: set[WeekName] = set()

    def to_ask(self) -> Counter[str]:
        """Of how many rows of each kind an upstream has to say what they mean."""
        return Counter(task.row.kind for task in self.tasks if self._is_open(task))

    def seconds(self) -> float:
        """How long upstreams need for that, at the pace that they allow, if nothing of it is cached."""
        requests = Counter[str]()
        for task in self.tasks:
            if self._is_open(task):
                requests[task.row.kind] += resolving.most_requests(self._asked(task), in_full=self.apply)
        return max(requests["movie"] * settings.TMDB_INTERVAL, requests["album"] * settings.MUSICBRAINZ_INTERVAL)

    def run(self) -> Generator[Outcome]:
        """What becomes of each row, in the order of weeks; what its own week has no place for comes last.

        Raises the DoesNotExist of a user who leaves meanwhile.
        """
        later: list[tuple[Outcome, Work]] = []
        for task in self._ahead():
            row = task.row
            if not self._is_settled(task.fingerprint):
                self._take_notes(row)
            outcome = Outcome(task.fingerprint, row, _name(row), self._decision(task.fingerprint).week or row.week)
            if self._is_settled(task.fingerprint) or not row.kind:
                yield self._wait_for(self._settle(outcome))
            elif self._is_idle(task):
                outcome.state, outcome.sentence = "review", NO_WEEK
                yield outcome
            elif (work := self._meaning(task, outcome)) is None:
                yield self._wait_for(self._remember(outcome))
            elif outcome.week is None or self.places.find(outcome.week, row, work) is None:
                later.append((outcome, work))
            else:
                yield self._place(outcome, work, outcome.week)
        later.sort(key=lambda late: late[0].week is None)
        for outcome, work in later:
            yield self._place_elsewhere(outcome, work)

    def _decision(self, fingerprint: str) -> Decision:
        return self.decisions.get(fingerprint) or Decision()

    def _is_settled(self, fingerprint: str) -> bool:
        """Whether nobody need know what the row means: it is done, left out, or waits for a person."""
        remembered, decision = self.remembered.get(fingerprint), self._decision(fingerprint)
        if decision.skip or (remembered and remembered.state != "review"):
            return True
        return bool(remembered and not remembered.chosen and not decision.ids)

    def _is_open(self, task: Task) -> bool:
        is_wanted = bool(task.row.kind) and not self._is_idle(task)
        return is_wanted and task.work is None and not self._is_settled(task.fingerprint)

    def _is_idle(self, task: Task) -> bool:
        """Whether there is no use in knowing what the row means: it would have no week, and nothing is written."""
        week = task.row.week or self.first_week or self._decision(task.fingerprint).week
        return week is None and not self.apply

    def _wait_for(self, outcome: Outcome) -> Outcome:
        """Keep a place in its week free for a row of which it is not known yet what it means."""
        if outcome.week and outcome.state in {"review", "failed"}:
            self.places.waiting[outcome.week, outcome.row.kind] += 1
        return outcome

    def _settle(self, outcome: Outcome) -> Outcome:
        """A row of which nobody need know what it means."""
        remembered = self.remembered.get(outcome.fingerprint)
        if not outcome.row.kind:
            outcome.state = "notes"
            return outcome
        if self._decision(outcome.fingerprint).skip and (not remembered or remembered.state == "review"):
            outcome.state = "skipped"
            return self._remember(outcome)
        assert remembered  # noqa: S101 - else it would not be settled
        outcome.state = {"done": "before", "skipped": "skipped", "review": "review"}[remembered.state]
        outcome.sentence = remembered.reason if remembered.state == "review" else ""
        if outcome.fingerprint in self.removed:
            outcome.sentence = "it has been removed since, and comes back with --again"
        outcome.candidates = [Candidate(**candidate) for candidate in remembered.candidates]
        return outcome

    def _known(self, fingerprint: str, row: Row) -> Work | None:
        """What the row means, as far as the catalog or an earlier import can tell."""
        if not row.kind or self._is_settled(fingerprint):
            return None
        remembered, decision = self.remembered.get(fingerprint), self._decision(fingerprint)
        if remembered and not decision.ids:
            for candidate in remembered.candidates:
                if candidate["id"] == remembered.chosen:
                    return Work(candidate["id"], str(Candidate(**candidate)), candidate["group"])
        return resolving.known(self._asked(Task(fingerprint, row)))

    def _asked(self, task: Task) -> Row:
        """The row, as if it had the id that was chosen for it."""
        ids = self._decision(task.fingerprint).ids
        if not ids:
            return task.row
        none = {"tmdb_id": None, "imdb_id": "", "musicbrainz_id": None, "release_group_id": None, "title": ""}
        return replace(task.row, **none | dict(ids))  # type: ignore[arg-type]

    def _ahead(self) -> Iterator[Task]:
        """The tasks in order, while upstreams are asked about those that come next."""
        waiting: deque[Task] = deque()
        pool = ThreadPoolExecutor(WORKERS)
        try:
            for task in self.tasks:
                if self._is_open(task) and self.failures[task.row.kind] < GIVE_UP:
                    ask = partial(resolving.ask, self._asked(task), in_full=self.apply)
                    task.answer = pool.submit(copy_context().run, ask)  # with the deadline of the caller
                waiting.append(task)
                if len(waiting) > ROWS_AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _meaning(self, task: Task, outcome: Outcome) -> Work | None:
        """What the row means; else the outcome says what is in the way."""
        kind = task.row.kind
        if task.work:
            return task.work
        if task.answer is None:
            outcome.state, outcome.sentence = "failed", f"{SERVICES[kind]} is left alone for now"
            return None
        try:
            found = task.answer.result()
        except NotFound:
            self.failures[kind] = 0
            outcome.state, outcome.sentence = "review", f"{SERVICES[kind]} does not know its id"
            return None
        except IntegrationError as error:
            self.failures[kind] += 1
            outcome.state, outcome.sentence = "failed", str(error)
            return None
        self.failures[kind] = 0
        if isinstance(found, Work):
            return found
        outcome.candidates = found.candidates
        if found.winner:
            return Work(found.winner.id, str(found.winner), found.winner.group)
        outcome.state, outcome.sentence = "review", found.reason
        return None

    def _place_elsewhere(self, outcome: Outcome, work: Work) -> Outcome:
        """In the first week with room: after its own if `overflow` says so, from `first_week` if it has none."""
        row, own, outcome.work = outcome.row, outcome.week, work.name
        if own and self.overflow != "next-free-week":
            outcome.state, outcome.sentence = "full", f"{week_name(*own)} has two {row.kind}s already"
            return self._remember(outcome, work)
        first = own or self.first_week
        if first is None:
            outcome.state, outcome.sentence = "review", NO_WEEK
            return self._remember(outcome, work)
        for week in _weeks(first, this_week(self.user)):
            if self.places.has_room(week, row, work):
                outcome.sentence = f"moved on from {week_name(*own)}" if own else ""
                return self._place(outcome, work, week)
        outcome.state, outcome.sentence = "full", f"no week from {week_name(*first)} up to now has a place for it"
        return self._remember(outcome, work)

    def _place(self, outcome: Outcome, work: Work, week: WeekName) -> Outcome:
        """In a week that has a place for it, or has it already."""
        row, outcome.week, outcome.work = outcome.row, week, work.name
        stored = None
        for _ in range(TRIES):
            found = self.places.find(week, row, work)
            if found is None:  # somebody else was faster
                return self._place_elsewhere(outcome, work)
            outcome.position, is_there = found
            outcome.state = "there" if is_there else "new"
            outcome.has_opinion = says_something(row) and not self.places.is_rated(week, row.kind, outcome.position)
            if is_there and says_something(row) and not outcome.has_opinion:
                outcome.sentence = "what is said of it there stays"
            if not self.apply:
                self.places.take(week, row.kind, outcome.position, work, is_rated=outcome.has_opinion)
                return outcome
            try:
                stored = stored or resolving.stored(row.kind, work)
                with transaction.atomic():
                    self._write(outcome, week, stored)
                    self._keep(outcome, "done", work)
            except DecidedMeanwhile:
                outcome.state, outcome.sentence = "failed", MEANWHILE
                return outcome
            except (IntegrityError, Week.DoesNotExist, WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist):
                stored = None
                self._look_again()
            except (IntegrationError, services.Conflict) as error:
                if getattr(error, "code", "") not in CHANGED:
                    outcome.state, outcome.sentence = "failed", str(error)
                    return outcome
                stored = None
                self._look_again()
            else:
                self.places.take(
                    week, row.kind, outcome.position, resolving.work_of(stored), is_rated=outcome.has_opinion
                )
                return outcome
        outcome.state, outcome.sentence = "failed", f"{week_name(*week)} keeps changing: try again"
        return outcome

    def _look_again(self) -> None:
        """Load the weeks again: another request has just changed one of them."""
        waiting, self.places = self.places.waiting, Places(self.user)
        self.places.waiting = waiting

    def _write(self, outcome: Outcome, name: WeekName, stored: Movie | Album) -> None:
        """The week, the pick and the opinion, as far as they are not there. Call it in a transaction."""
        row, kind = outcome.row, KINDS[outcome.row.kind]
        services.lock_user(self.user)
        week = services.find_or_create_week(self.user, *name)
        pick: Any
        if outcome.state == "there":
            services.lock_week(week)
            pick = kind.picks._default_manager.get(week=week, position=outcome.position)
        else:
            added_at = self._instant(row.added_at, row)
            pick = kind.picks(week=week, position=outcome.position, added_at=added_at, **{kind.name: stored})
            services.place_pick(pick)
        outcome.has_opinion = says_something(row) and services.own_opinion(self.user, pick) is None
        if outcome.has_opinion:
            said_at = self._instant(row.said_at, row)
            Opinion.objects.create(
                user=self.user,
                **services.on_pick(pick),
                rating=row.rating,
                review=row.review,
                contains_spoilers=row.contains_spoilers,
                created_at=said_at,
                updated_at=said_at,
            )

    def _take_notes(self, row: Row) -> None:
        """Give the row's week its notes, where it has none, whatever becomes of the row."""
        if not self.apply or not row.notes or row.week is None or row.week in self.noted:
            return
        self.noted.add(row.week)
        # Where there are too many weeks, the rows that are about this one say so.
        with suppress(services.Conflict), transaction.atomic():
            services.lock_user(self.user)
            week = services.lock_week(services.find_or_create_week(self.user, *row.week))
            if not week.notes:
                week.notes, week.updated_at = row.notes, timezone.now()
                week.save(update_fields=["notes", "updated_at"])

    def _instant(self, known: datetime | None, row: Row) -> datetime:
        """When it happened: as the file says, else at noon of the day, else now; never later than now."""
        now = timezone.now()
        if known is None and row.day:
            known = datetime.combine(row.day, NOON, tzinfo=self.user.zone).astimezone(UTC)
        return min(known or now, now)

    def _remember(self, outcome: Outcome, work: Work | None = None) -> Outcome:
        """Keep what somebody has to decide, or has decided; what failed is tried again by the next run."""
        if self.apply and outcome.state in {"review", "full", "skipped"}:
            try:
                with transaction.atomic():
                    services.lock_user(self.user)
                    self._keep(outcome, "skipped" if outcome.state == "skipped" else "review", work)
            except DecidedMeanwhile:
                outcome.state, outcome.sentence = "failed", MEANWHILE
        return outcome

    def _keep(self, outcome: Outcome, state: str, work: Work | None) -> None:
        remembered = self.remembered.get(outcome.fingerprint)
        chosen = work.id if work else ""
        if remembered and (remembered.state, remembered.chosen, remembered.reason) == (state, chosen, outcome.sentence):
            return  # a second run changes nothing
        candidates = outcome.candidates
        if work and all(candidate.id != work.id for candidate in candidates):
            candidates = [Candidate(work.id, work.name, "", "", 100, work.group), *candidates]
        values = {
            "kind": outcome.row.kind,
            "said": row_to_json(outcome.row),
            "state": state,
            "reason": outcome.sentence,
            "chosen": chosen,
            "candidates": [candidate.to_json() for candidate in candidates] if state == "review" else [],
            "updated_at": timezone.now(),
        }
        if remembered is None:
            ImportedRow.objects.update_or_create(user=self.user, fingerprint=outcome.fingerprint, defaults=values)
            return
        same = ImportedRow.objects.filter(pk=remembered.pk, state=remembered.state, updated_at=remembered.updated_at)
        if not same.update(**values):
            raise DecidedMeanwhile


class DecidedMeanwhile(Exception):
    """Somebody else has just decided about a row; what was begun for it is undone."""


def settle(waiting: ImportedRow, decision: Decision) -> Outcome:
    """What becomes of a row that waited for this decision."""
    ((_, outcome),) = settle_all([(waiting, decision)])
    return outcome


def settle_all(decided: Iterable[tuple[ImportedRow, Decision]]) -> Iterator[tuple[ImportedRow, Outcome]]:
    """What becomes of rows that waited for these decisions; upstreams are asked about those of one person together."""
    by_person: dict[int, list[tuple[ImportedRow, Decision]]] = {}
    for waiting, decision in decided:
        by_person.setdefault(waiting.user_id, []).append((waiting, decision))
    for theirs in by_person.values():
        rows = {waiting.fingerprint: waiting for waiting, _ in theirs}
        said = [(fingerprint, row_from_json(waiting.said)) for fingerprint, waiting in rows.items()]
        decisions = {waiting.fingerprint: decision for waiting, decision in theirs}
        for outcome in Importer(theirs[0][0].user, said, apply=True, decisions=decisions).run():
            yield rows[outcome.fingerprint], outcome


class Places:
    """Which places of somebody's weeks are taken, by what, and whether they said what they think of it."""

    def __init__(self, user) -> None:
        self.taken: dict[tuple[WeekName, str], dict[int, tuple[Work, bool]]] = {}
        self.waiting = Counter[tuple[WeekName, str]]()  # rows that are to come
        self.ids: set[str] = set()  # of all works
        own = Opinion.objects.filter(user=user)
        rated = {
            "movie": set(own.on_movies().values_list("movie_pick", flat=True)),
            "album": set(own.on_albums().values_list("album_pick", flat=True)),
        }
        where = ("pk", "week__year", "week__week_number", "position")
        movies = WeekMovie.objects.filter(week__user=user).values_list(*where, "movie__tmdb_id")
        albums = WeekAlbum.objects.filter(week__user=user).values_list(
            *where, "album__musicbrainz_id", "album__release_group_id"
        )
        for kind, picks in (("movie", movies), ("album", albums)):
            for pk, year, week_number, position, known, *of in picks:
                work = Work(str(known), "", str(of[0] or "") if of else "")
                self.take((year, week_number), kind, position, work, is_rated=pk in rated[kind])

    def find(self, week: WeekName, row: Row, work: Work) -> tuple[int, bool] | None:
        """The position that has the work already, or a free one, and whether it has it; None where there is neither.

        Another edition of an album is the same album, unless the file names the release.
        """
        there = self.taken.get((week, row.kind), {})
        for position, (other, _) in there.items():
            if other.id == work.id or (other.group and other.group == work.group and not row.musicbrainz_id):
                return position, True
        free = [position for position in (row.position, *POSITIONS) if position and position not in there]
        return (free[0], False) if free else None

    def has_room(self, week: WeekName, row: Row, work: Work) -> bool:
        """Whether it is there, or there is a place that nobody else waits for."""
        found = self.find(week, row, work)
        if found is None:
            return False
        free = len(POSITIONS) - len(self.taken.get((week, row.kind), {}))
        return found[1] or free > self.waiting[week, row.kind]

    def is_rated(self, week: WeekName, kind: str, position: int) -> bool:
        return self.taken.get((week, kind), {}).get(position, (None, False))[1]

    def take(self, week: WeekName, kind: str, position: int, work: Work, *, is_rated: bool) -> None:
        there = self.taken.setdefault((week, kind), {})
        self.ids.add(work.id)
        known, was_rated = there.get(position, (work, False))
        there[position] = (known, was_rated or is_rated)


def says_something(row: Row) -> bool:
    return row.rating is not None or bool(row.review)


def _when(numbered: tuple[str, Row]) -> tuple[WeekName, date]:
    """By week and day; what has no week comes last, in the order of the file."""
    row = numbered[1]
    return row.week or (9999, 0), row.day or date.min


def _weeks(first: WeekName, last: WeekName) -> Iterator[WeekName]:
    monday = date.fromisocalendar(*first, 1)
    while (iso := monday.isocalendar())[:2] <= last:
        yield iso.year, iso.week
        monday += timedelta(weeks=1)


def _name(row: Row) -> str:
    """How people read what the row says, before it is known what it means."""
    title = row.title or row.imdb_id or str(row.tmdb_id or row.musicbrainz_id or row.release_group_id or "notes")
    names = f"{row.artist}: {title}" if row.artist else title
    return f"{names} ({row.year})" if row.year else names
