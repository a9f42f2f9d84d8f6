"""Imports the rows of a file into a user's weeks and shortlist: finds each work and a place for it, and remembers
finished rows.

Upstreams are asked some rows ahead, so that only MusicBrainz' limit of one request a second takes time. Rows are
written in order, some at a time, so that an import may end at any moment, and the next one continues from there.
"""

from collections import Counter, deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from datetime import date
from itertools import batched
from math import inf
from time import monotonic

from django.conf import settings
from django.db import IntegrityError, connections
from django.db.models import F

from integrations.errors import IntegrationError, NotFound
from selections.models import ImportedRow, WeekAlbum, WeekMovie
from selections.models.plans import MAX_ITEMS
from selections.services import Conflict
from selections.weeks import YearWeek, week_name

from . import resolving
from .kept_rows import row_from_json
from .matching import Candidate, Match
from .outcomes import Decision, Outcome
from .places import Places
from .readers.rows import Row
from .resolving import SERVICES
from .writing import write

WORKERS = {"movie": 8, "album": 4}  # threads that ask ahead: TMDB's pace needs more than MusicBrainz'
ROWS_AHEAD = 24
BATCH = 50  # rows that are written together
GATHER = 10  # seconds, after which those that are found are written, and the others wait for their upstream
GIVE_UP = 3  # failures in a row, after which an upstream is not asked again
TRIES = 3  # to write a row while another request changes the same week
# Another request has changed something at the same time.
CHANGED = (IntegrityError, WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist, Conflict)
NO_WEEK = "the file does not give a week"
REMOVED = "it was removed after the import; import again to restore it"
ADDED_LATER = ("rating", "review", "rewatch", "notes")  # what a later file may say of a row that is imported already


class Importer:
    """An import of rows, each with its fingerprint, for one user; without `apply` nothing is written.

    `overflow` says what happens to a row whose week is full: `next-free-week` or `skip`. Rows without a week fill the
    free positions from `first_week` on. `decisions` are the user's, by fingerprint. Rows that were imported before and
    whose picks have been removed since are not imported again, unless `again`. It ends after `time_limit` seconds.
    """

    def __init__(
        self,
        user,
        rows: Iterable[tuple[str, Row]],
        *,
        apply: bool = False,
        overflow: str = "skip",
        first_week: YearWeek | None = None,
        decisions: dict[str, Decision] | None = None,
        again: bool = False,
        time_limit: float = inf,
    ) -> None:
        self.user, self.apply, self.overflow, self.first_week = user, apply, overflow, first_week
        self.time_limit = time_limit
        self.places = Places(user)
        self.existing = self.places.weeks.keys() | resolving.merged_ids()
        said = {f"said_{name}": F(f"said__{name}") for name in ADDED_LATER}
        known = ImportedRow.objects.filter(user=user).defer("said").annotate(**said)
        remembered = {row.fingerprint: row for row in known if not (again and self._is_removed(row))}
        self.outcomes = [
            self._begin(key, row, (decisions or {}).get(key) or Decision(), remembered.get(key))
            for key, row in sorted(rows, key=_when)
        ]
        unknown = [outcome for outcome in self.outcomes if self._is_open(outcome)]
        for outcome, work in zip(unknown, resolving.known([outcome.asked for outcome in unknown]), strict=True):
            outcome.meant = work
        self.failures = Counter[str]()  # in a row, by kind

    def to_ask(self) -> Counter[str]:
        """The number of rows of each kind that an upstream has to be asked about."""
        return Counter(outcome.row.kind for outcome in self.outcomes if self._is_open(outcome))

    def seconds(self) -> float:
        """How long this takes at the upstreams' rate limits if nothing is cached."""
        requests = Counter[str]()
        for outcome in self.outcomes:
            if self._is_open(outcome):
                requests[outcome.row.kind] += resolving.max_requests(outcome.asked, in_full=self.apply)
        return max(requests["movie"] * settings.TMDB_INTERVAL, requests["album"] * settings.MUSICBRAINZ_INTERVAL)

    def run(self) -> Generator[Outcome]:
        """The outcome of each row, once it is written, in the order of weeks; rows whose own week is full come later,
        and those for the shortlist last, which must not have what the others pick.

        Raises User.DoesNotExist if the account is deleted in the meantime.
        """
        end = monotonic() + self.time_limit
        picks = [outcome for outcome in self.outcomes if not outcome.is_planned]
        plans = [outcome for outcome in self.outcomes if outcome.is_planned]
        for outcomes in filter(None, (picks, plans)):
            yield from self._run(outcomes, end)
            if monotonic() > end:
                return

    def _run(self, outcomes: Iterable[Outcome], end: float) -> Iterator[Outcome]:
        later: list[Outcome] = []
        for batch in self._gather(outcomes, end):
            if self.apply:
                self._store_works([outcome for outcome in batch if outcome.meant and self._fits(outcome)])
            now = []
            for outcome in batch:
                if outcome.meant and not outcome.state and not self._fits(outcome):
                    outcome.details = None  # of which there may be many; they are cached
                    later.append(outcome)
                else:
                    now.append(self._plan(outcome))
            yield from self._write(now)
            if monotonic() > end:
                return
        later.sort(key=lambda late: late.own_week is None)
        for some in batched(later, BATCH, strict=False):
            for outcome in some:
                self._plan(outcome)
            if self.apply:
                self._store_works([outcome for outcome in some if outcome.is_placed or outcome.state == "planned"])
            yield from self._write(some)
            if monotonic() > end:
                return

    def _begin(self, key: str, row: Row, decision: Decision, remembered: ImportedRow | None) -> Outcome:
        """The row before anything is asked, with what an earlier import knows of it."""
        outcome = Outcome(key, row, decision, remembered, decision.week or row.week)
        if not row.kind:
            return outcome.become("notes")
        if remembered is None:
            return outcome.become("skipped") if decision.skip else outcome
        outcome.candidates = [Candidate(**candidate) for candidate in remembered.candidates]
        match remembered.state:
            case "done":
                self._reopen(outcome, remembered)
            case "skipped":
                outcome.leave("skipped")
            case _ if decision.skip:
                outcome.become("skipped")
            case _ if not (decision.ids or remembered.chosen):
                outcome.leave("review", remembered.reason)
            case _ if not decision.ids:
                offered = outcome.candidates
                outcome.meant = next((known for known in offered if known.id == remembered.chosen), None)
        return outcome

    def _is_removed(self, remembered: ImportedRow) -> bool:
        return remembered.state == "done" and remembered.chosen not in self.existing

    def _reopen(self, outcome: Outcome, remembered: ImportedRow) -> None:
        """Import what the file says of an existing pick and did not say when it was imported before, if anything."""
        row = outcome.row
        weeks = set() if row.is_planned else self.places.weeks.get(remembered.chosen, set())
        if len(weeks) == 1 and _says_more(row, remembered):
            (outcome.own_week,) = weeks
            outcome.meant = Candidate(remembered.chosen, str(row))
        else:
            outcome.leave("before", REMOVED if self._is_removed(remembered) and not row.is_planned else "")

    def _is_open(self, outcome: Outcome) -> bool:
        return not (outcome.state or outcome.meant or self._is_idle(outcome))

    def _is_idle(self, outcome: Outcome) -> bool:
        """Whether the row's work makes no difference: it would have no week, and nothing is written."""
        return (outcome.own_week or self.first_week) is None and not (self.apply or outcome.is_planned)

    def _gather(self, outcomes: Iterable[Outcome], end: float) -> Iterator[list[Outcome]]:
        """The rows in order, with their works, in batches to write; each row by itself if nothing is written."""
        batch: list[Outcome] = []
        write_at = 0.0
        for outcome in self._ahead(outcomes):
            if batch and outcome.answer and wait([outcome.answer], max(0, write_at - monotonic())).not_done:
                yield batch
                batch = []
            if not batch:
                write_at = min(monotonic() + GATHER, end)
            self._find_meaning(outcome)
            batch.append(outcome)
            if len(batch) == BATCH or not self.apply:
                yield batch
                batch = []
        if batch:
            yield batch

    def _ahead(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The rows in order, while upstreams are asked about those that come next."""
        waiting: deque[Outcome] = deque()
        pools = {kind: ThreadPoolExecutor(workers) for kind, workers in WORKERS.items()}
        try:
            for outcome in outcomes:
                if self._is_open(outcome) and self.failures[outcome.row.kind] < GIVE_UP:
                    pool = pools[outcome.row.kind]
                    outcome.answer = pool.submit(copy_context().run, self._ask, outcome.asked)  # with this deadline
                waiting.append(outcome)
                if len(waiting) > ROWS_AHEAD:
                    yield waiting.popleft()
            yield from waiting
        finally:
            for pool in pools.values():
                pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, row: Row) -> Match:
        try:
            return resolving.ask(row, in_full=self.apply)
        finally:
            connections.close_all()  # of this thread of a pool, as a database may have the slots of rate limits

    def _find_meaning(self, outcome: Outcome) -> None:
        """Find the work that the row means; otherwise the outcome says why it is not known, or need not be."""
        if not outcome.state:
            if self._is_idle(outcome):
                outcome.become("review", NO_WEEK)
            elif not outcome.meant:
                self._take_answer(outcome)
        if outcome.own_week and outcome.state in {"review", "failed"}:  # it may need a position there
            self.places.waiting[outcome.own_week, outcome.row.kind] += 1

    def _take_answer(self, outcome: Outcome) -> None:
        """Take the answer of the row's upstream."""
        kind, answer = outcome.row.kind, outcome.answer
        outcome.answer = None  # which may have a whole cast
        if answer is None:
            outcome.become("failed", f"{SERVICES[kind]} is not asked again for now")
            return
        try:
            found = answer.result()
        except NotFound:
            self.failures[kind] = 0
            outcome.become("review", f"{SERVICES[kind]} does not know its id")
        except IntegrationError as error:
            self.failures[kind] += 1
            outcome.become("failed", str(error))
        else:
            self.failures[kind] = 0
            outcome.meant, outcome.candidates, outcome.details = found.winner, found.candidates, found.details
            if found.winner is None:
                outcome.become("review", found.reason)

    def _fits(self, outcome: Outcome) -> bool:
        """Whether the row's own week has its work or room for it, or the shortlist has room."""
        if outcome.is_planned:
            return self.places.room > 0
        own = outcome.own_week
        return own is not None and self.places.find(own, outcome.row, outcome.target) is not None

    def _store_works(self, outcomes: Collection[Outcome]) -> None:
        """Have the works in the catalog; a row whose work cannot be fetched has failed.

        If another request has just changed one of the works, they are stored row by row later.
        """
        with suppress(IntegrityError):
            for outcome, found in resolving.store(outcomes):
                outcome.details = None
                if isinstance(found, IntegrationError):
                    outcome.become("failed", str(found))
                else:
                    outcome.stored = found

    def _plan(self, outcome: Outcome) -> Outcome:
        """Give the row's work a position in its own week, or elsewhere as `overflow` and `first_week` say."""
        row = outcome.row
        if outcome.meant is None or outcome.state == "failed":
            return outcome
        outcome.work, outcome.sentence = str(outcome.meant), ""
        if outcome.is_planned:
            return self._plan_to_pick(outcome)
        week = outcome.own_week if self._fits(outcome) else self._find_other_week(outcome)
        if week is None:
            return outcome
        found = self.places.find(week, row, outcome.target)
        assert found  # noqa: S101 - the week has room for it
        outcome.week, (outcome.position, is_there) = week, found
        if outcome.is_reopened and not is_there:  # it has just been removed
            return outcome.become("before", REMOVED)
        outcome.state = "there" if is_there else "new"
        outcome.has_opinion = row.has_opinion and not self.places.is_rated(week, row.kind, outcome.position)
        if is_there and row.has_opinion and not outcome.has_opinion:
            outcome.sentence = "an earlier opinion on it is kept"
        elif outcome.own_week and week != outcome.own_week:
            outcome.sentence = f"moved on from {week_name(*outcome.own_week)}"
        self.places.take(week, row.kind, outcome.position, outcome.target, is_rated=outcome.has_opinion)
        return outcome

    def _plan_to_pick(self, outcome: Outcome) -> Outcome:
        """Give the row's work a place on the shortlist, unless the user has picked it before or has it there."""
        if self.places.is_picked(outcome.target):
            return outcome.become("there", "picked before")
        if self.places.is_planned(outcome.target):
            return outcome.become("there")
        if self.places.room <= 0:
            outcome.offer_meant()
            return outcome.become("review", f"the shortlist has {MAX_ITEMS:,} titles already")
        self.places.plan(outcome.target)
        return outcome.become("planned")

    def _find_other_week(self, outcome: Outcome) -> YearWeek | None:
        """The first week with room: after its own if `overflow` says so, from `first_week` if it has none.

        Without one the outcome says why.
        """
        row, own = outcome.row, outcome.own_week
        outcome.offer_meant()
        first = own or self.first_week
        if own and self.overflow != "next-free-week":
            outcome.become("full", f"{week_name(*own)} has two {row.kind}s already")
        elif first is None:
            outcome.become("review", NO_WEEK)
        elif week := self.places.first_free_week(first, row, outcome.target):
            return week
        else:
            outcome.become("full", f"no week from {week_name(*first)} up to now has room for it")
        return None

    def _write(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Write the rows together, or one by one if another request has just changed one of their weeks."""
        try:
            if self.apply:
                write(self.user, outcomes)
        except CHANGED:
            for outcome in outcomes:
                self._write_alone(outcome)
        return outcomes

    def _write_alone(self, outcome: Outcome) -> None:
        for _ in range(TRIES):
            self.places.load()
            try:
                if outcome.meant:
                    self._store_works([outcome])  # as it may just have been merged into another
                    self._plan(outcome)
                write(self.user, [outcome])
            except Conflict as conflict:
                outcome.become("failed", str(conflict))
            except CHANGED:
                continue
            return
        outcome.become("failed", f"{outcome.week_name} keeps changing; try again")


def settle(waiting: ImportedRow, decision: Decision) -> Outcome:
    """The outcome of a row that waited for this decision."""
    ((_, outcome),) = settle_all([(waiting, decision)])
    return outcome


def settle_all(decided: Iterable[tuple[ImportedRow, Decision]]) -> Iterator[tuple[ImportedRow, Outcome]]:
    """The outcomes of rows that waited for these decisions; upstreams are asked about those of one user together."""
    by_person: dict[int, list[tuple[ImportedRow, Decision]]] = {}
    for waiting, decision in decided:
        by_person.setdefault(waiting.user_id, []).append((waiting, decision))
    for theirs in by_person.values():
        rows = {waiting.fingerprint: waiting for waiting, _ in theirs}
        said = [(fingerprint, row_from_json(waiting.said)) for fingerprint, waiting in rows.items()]
        decisions = {waiting.fingerprint: decision for waiting, decision in theirs}
        for outcome in Importer(theirs[0][0].user, said, apply=True, decisions=decisions).run():
            yield rows[outcome.fingerprint], outcome


def _says_more(row: Row, remembered: ImportedRow) -> bool:
    """Whether the file says something of the row that it did not say when it was imported."""
    before = {name: getattr(remembered, f"said_{name}") for name in ADDED_LATER}
    had_opinion = before["rating"] is not None or bool(before["review"])
    is_rated = row.has_opinion and not had_opinion
    return (
        is_rated or (row.rewatch is not None and before["rewatch"] is None) or bool(row.notes and not before["notes"])
    )


def _when(numbered: tuple[str, Row]) -> tuple[YearWeek, date]:
    """By week and day; rows without a week come last, in the order of the file."""
    row = numbered[1]
    return row.week or (9999, 0), row.day or date.min
