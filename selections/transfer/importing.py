"""Imports the rows of a file into a user's weeks: finds each work and a position for it, and remembers finished rows.

Upstreams are asked some rows ahead, so that only MusicBrainz' limit of one request a second takes time. Rows are
written one by one, in order, so that an import may end at any moment, and the next one continues from there.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import Album, Movie
from integrations.errors import IntegrationError, NotFound
from selections import services
from selections.kinds import KINDS
from selections.models import ImportedRow, Week, WeekAlbum, WeekMovie
from selections.weeks import YearWeek, week_name

from . import resolving
from .kept_rows import row_from_json, row_to_json
from .matching import Candidate, Match
from .places import Places
from .readers.rows import Row
from .resolving import SERVICES

WORKERS = {"movie": 8, "album": 4}  # threads that ask ahead: TMDB's pace needs more than MusicBrainz'
ROWS_AHEAD = 24
GIVE_UP = 3  # failures in a row, after which an upstream is not asked again
CHANGED = {"position_occupied", "already_picked", "just_merged"}  # conflicts with another request at the same time
TRIES = 3  # to write a row while another request changes the same week
NOON = time(12)
NO_WEEK = "the file does not give a week"
REMOVED = "it was removed after the import; import again to restore it"
MEANWHILE = "another user has just decided it"
STATES = {
    "new": "picked",
    "there": "existing",
    "before": "imported before",
    "notes": "notes of weeks",
    "review": "to be decided",
    "full": "skipped because their week is full",
    "skipped": "skipped",
    "failed": "failed",
}


@dataclass(frozen=True)
class Decision:
    """A user's decision about a row: the work that it means, the week that it belongs to, or to skip it.

    `ids` is one of a row's own fields: tmdb_id, imdb_id, musicbrainz_id or release_group_id.
    """

    ids: Mapping[str, int | str | UUID] = field(default_factory=dict)
    week: YearWeek | None = None
    skip: bool = False


@dataclass
class Outcome:
    """A row to import, and its outcome. `state` is one of STATES; `sentence` gives the reason if it is not obvious."""

    fingerprint: str
    row: Row
    decision: Decision
    remembered: ImportedRow | None  # from an earlier import
    work: str  # its title
    week: YearWeek | None
    known: Candidate | None = None  # the work, if it is known at once
    answer: Future[Match] | None = None  # else the answer of an upstream
    state: str = ""
    position: int = 0
    sentence: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    has_opinion: bool = False  # whether the row's opinion is new

    @property
    def is_settled(self) -> bool:
        """Whether its work need not be found: it is done or skipped, or waits for a decision."""
        if self.decision.skip or (self.remembered and self.remembered.state != "review"):
            return True
        return bool(self.remembered and not self.remembered.chosen and not self.decision.ids)

    @property
    def asked(self) -> Row:
        """The row, as if it had the id that was chosen for it."""
        ids = self.decision.ids
        if not ids:
            return self.row
        none = {"tmdb_id": None, "imdb_id": "", "musicbrainz_id": None, "release_group_id": None, "title": ""}
        return replace(self.row, **none | dict(ids))  # type: ignore[arg-type]

    @property
    def week_name(self) -> str:
        return week_name(*self.week) if self.week else "–"

    @property
    def words(self) -> str:
        """The outcome in words."""
        words = self.sentence or STATES[self.state]
        return f"{words} ({self.row.evidence})" if self.row.evidence else words

    def become(self, state: str, sentence: str = "") -> "Outcome":
        self.state, self.sentence = state, sentence
        return self


class Importer:
    """An import of rows, each with its fingerprint, for one user; without `apply` nothing is written.

    `overflow` says what happens to a row whose week is full: `next-free-week` or `skip`. Rows without a week fill the
    free positions from `first_week` on. `decisions` are the user's, by fingerprint. Rows that were imported before and
    whose picks have been removed since are not imported again, unless `again`.
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
    ) -> None:
        self.user, self.apply, self.overflow, self.first_week = user, apply, overflow, first_week
        self.places = Places(user)
        remembered = {known.fingerprint: known for known in ImportedRow.objects.filter(user=user).defer("said")}
        existing = self.places.ids | resolving.merged_ids()
        self.removed = {key for key, row in remembered.items() if row.state == "done" and row.chosen not in existing}
        if again:
            remembered = {key: row for key, row in remembered.items() if key not in self.removed}
        self.outcomes = []
        for key, row in sorted(rows, key=_when):
            decision = (decisions or {}).get(key) or Decision()
            outcome = Outcome(key, row, decision, remembered.get(key), str(row), decision.week or row.week)
            outcome.known = _known(outcome)
            if outcome.known and outcome.remembered:
                outcome.candidates = [Candidate(**candidate) for candidate in outcome.remembered.candidates]
            self.outcomes.append(outcome)
        self.failures = Counter[str]()  # in a row, by kind
        self.noted: set[YearWeek] = set()

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
        """The outcome of each row, in the order of weeks; rows whose own week is full come last.

        Raises User.DoesNotExist if the account is deleted in the meantime.
        """
        later: list[tuple[Outcome, Candidate]] = []
        for outcome in self._ahead():
            if not outcome.is_settled:
                self._take_notes(outcome.row)
            if outcome.is_settled or not outcome.row.kind:
                yield self._keep_free(self._settle(outcome))
            elif self._is_idle(outcome):
                yield outcome.become("review", NO_WEEK)
            elif (work := self._find_meaning(outcome)) is None:
                yield self._keep_free(self._remember(outcome))
            elif outcome.week is None or self.places.find(outcome.week, outcome.row, work) is None:
                later.append((outcome, work))
            else:
                yield self._place(outcome, work, outcome.week)
        later.sort(key=lambda late: late[0].week is None)
        for outcome, work in later:
            yield self._place_elsewhere(outcome, work)

    def _is_open(self, outcome: Outcome) -> bool:
        return bool(outcome.row.kind) and not (self._is_idle(outcome) or outcome.known or outcome.is_settled)

    def _is_idle(self, outcome: Outcome) -> bool:
        """Whether the row's work makes no difference: it would have no week, and nothing is written."""
        return (outcome.week or self.first_week) is None and not self.apply

    def _keep_free(self, outcome: Outcome) -> Outcome:
        """Keep a position in its week free for a row whose work is not known yet."""
        if outcome.week and outcome.state in {"review", "failed"}:
            self.places.waiting[outcome.week, outcome.row.kind] += 1
        return outcome

    def _settle(self, outcome: Outcome) -> Outcome:
        """The outcome of a row whose work need not be found."""
        remembered = outcome.remembered
        if not outcome.row.kind:
            return outcome.become("notes")
        if outcome.decision.skip and (not remembered or remembered.state == "review"):
            return self._remember(outcome.become("skipped"))
        assert remembered  # noqa: S101 - else it would not be settled
        outcome.candidates = [Candidate(**candidate) for candidate in remembered.candidates]
        if remembered.state == "review":
            return outcome.become("review", remembered.reason)
        is_removed = outcome.fingerprint in self.removed
        state = "before" if remembered.state == "done" else "skipped"
        return outcome.become(state, REMOVED if is_removed else "")

    def _ahead(self) -> Iterator[Outcome]:
        """The rows in order, while upstreams are asked about those that come next."""
        waiting: deque[Outcome] = deque()
        pools = {kind: ThreadPoolExecutor(workers) for kind, workers in WORKERS.items()}
        try:
            for outcome in self.outcomes:
                if self._is_open(outcome) and self.failures[outcome.row.kind] < GIVE_UP:
                    ask = partial(resolving.ask, outcome.asked, in_full=self.apply)
                    pool = pools[outcome.row.kind]
                    outcome.answer = pool.submit(copy_context().run, ask)  # with the deadline of the caller
                waiting.append(outcome)
                if len(waiting) > ROWS_AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for pool in pools.values():
                pool.shutdown(wait=False, cancel_futures=True)

    def _find_meaning(self, outcome: Outcome) -> Candidate | None:
        """The work that the row means; otherwise the outcome says why it is not known."""
        kind = outcome.row.kind
        if outcome.known:
            return outcome.known
        if outcome.answer is None:
            outcome.become("failed", f"{SERVICES[kind]} is not asked again for now")
            return None
        try:
            found = outcome.answer.result()
        except NotFound:
            self.failures[kind] = 0
            outcome.become("review", f"{SERVICES[kind]} does not know its id")
            return None
        except IntegrationError as error:
            self.failures[kind] += 1
            outcome.become("failed", str(error))
            return None
        self.failures[kind] = 0
        outcome.candidates = found.candidates
        if found.winner is None:
            outcome.become("review", found.reason)
        return found.winner

    def _place_elsewhere(self, outcome: Outcome, work: Candidate) -> Outcome:
        """In the first week with room: after its own if `overflow` says so, from `first_week` if it has none."""
        row, own, outcome.work = outcome.row, outcome.week, str(work)
        if all(candidate.id != work.id for candidate in outcome.candidates):
            outcome.candidates = [replace(work, score=100), *outcome.candidates]
        first = own or self.first_week
        if own and self.overflow != "next-free-week":
            outcome.become("full", f"{week_name(*own)} has two {row.kind}s already")
        elif first is None:
            outcome.become("review", NO_WEEK)
        elif week := self.places.first_free_week(first, row, work):
            outcome.sentence = f"moved on from {week_name(*own)}" if own else ""
            return self._place(outcome, work, week)
        else:
            outcome.become("full", f"no week from {week_name(*first)} up to now has room for it")
        return self._remember(outcome, work)

    def _place(self, outcome: Outcome, work: Candidate, week: YearWeek) -> Outcome:
        """In a week that has room for it, or has it already."""
        row, outcome.week, outcome.work = outcome.row, week, str(work)
        for _ in range(TRIES):
            found = self.places.find(week, row, work)
            if found is None:  # another request was faster
                return self._place_elsewhere(outcome, work)
            outcome.position, is_there = found
            outcome.state = "there" if is_there else "new"
            outcome.has_opinion = row.has_opinion and not self.places.is_rated(week, row.kind, outcome.position)
            if is_there and row.has_opinion and not outcome.has_opinion:
                outcome.sentence = "your existing opinion is kept"
            try:
                if self.apply:
                    stored = resolving.stored(row.kind, work)
                    with transaction.atomic():
                        self._write(outcome, week, stored)
                        self._keep(outcome, "done", work)
                    work = resolving.work_of(stored)
            except DecidedMeanwhile:
                return outcome.become("failed", MEANWHILE)
            except (IntegrationError, services.Conflict) as error:
                if getattr(error, "code", "") not in CHANGED:
                    return outcome.become("failed", str(error))
                self.places.load()
            except (IntegrityError, Week.DoesNotExist, WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist):
                self.places.load()  # another request has just changed that week
            else:
                self.places.take(week, row.kind, outcome.position, work, is_rated=outcome.has_opinion)
                return outcome
        return outcome.become("failed", f"{week_name(*week)} keeps changing; try again")

    def _write(self, outcome: Outcome, name: YearWeek, stored: Movie | Album) -> None:
        """Store the week, the pick and the opinion, as far as they are missing. Call it in a transaction."""
        row, kind = outcome.row, KINDS[outcome.row.kind]
        services.lock_user(self.user)
        week = services.get_or_create_week(self.user, *name)[0]
        pick: Any
        if outcome.state == "there":
            services.lock_week(week)
            pick = kind.picks._default_manager.get(week=week, position=outcome.position)
            if pick.rewatch is None:
                services.change_pick(pick, rewatch=row.rewatch)
        else:
            values = {"added_at": self._instant(row.added_at, row), "rewatch": row.rewatch, kind.name: stored}
            pick = kind.picks(week=week, position=outcome.position, **values)
            services.place_pick(pick)
        outcome.has_opinion = row.has_opinion and not pick.opinions.filter(user=self.user).exists()
        if outcome.has_opinion:
            said_at = self._instant(row.said_at, row)
            pick.opinions.create(
                user=self.user,
                rating=row.rating,
                review=row.review,
                contains_spoilers=row.contains_spoilers,
                created_at=said_at,
                updated_at=said_at,
            )

    def _take_notes(self, row: Row) -> None:
        """Give the row's week its notes if it has none, whatever the outcome of the row."""
        if not self.apply or not row.notes or row.week is None or row.week in self.noted:
            return
        self.noted.add(row.week)
        # If there are too many weeks, the outcomes of this week's rows say so.
        with suppress(services.Conflict), transaction.atomic():
            services.lock_user(self.user)
            week = services.lock_week(services.get_or_create_week(self.user, *row.week)[0])
            if not week.notes:
                week.notes, week.updated_at = row.notes, timezone.now()
                week.save(update_fields=["notes", "updated_at"])

    def _instant(self, known: datetime | None, row: Row) -> datetime:
        """When it was picked: as the file says, else at noon of the day, else now; never later than now."""
        now = timezone.now()
        if known is None and row.day:
            known = datetime.combine(row.day, NOON, tzinfo=self.user.zone).astimezone(UTC)
        return min(known or now, now)

    def _remember(self, outcome: Outcome, work: Candidate | None = None) -> Outcome:
        """Keep the row if it is to be decided, or has been; a failed row is tried again by the next import."""
        if self.apply and outcome.state in {"review", "full", "skipped"}:
            try:
                with transaction.atomic():
                    services.lock_user(self.user)
                    self._keep(outcome, "skipped" if outcome.state == "skipped" else "review", work)
            except DecidedMeanwhile:
                outcome.become("failed", MEANWHILE)
        return outcome

    def _keep(self, outcome: Outcome, state: str, work: Candidate | None) -> None:
        """Raises DecidedMeanwhile."""
        remembered, chosen = outcome.remembered, work.id if work else ""
        if remembered and (remembered.state, remembered.chosen, remembered.reason) == (state, chosen, outcome.sentence):
            return  # a second run changes nothing
        values = {
            "kind": outcome.row.kind,
            "said": row_to_json(outcome.row),
            "state": state,
            "reason": outcome.sentence,
            "chosen": chosen,
            "candidates": [asdict(candidate) for candidate in outcome.candidates] if state == "review" else [],
            "updated_at": timezone.now(),
        }
        if remembered is None:
            key = {"user": self.user, "fingerprint": outcome.fingerprint}
            ImportedRow.objects.update_or_create(**key, defaults=values)
            return
        same = ImportedRow.objects.filter(pk=remembered.pk, state=remembered.state, updated_at=remembered.updated_at)
        if not same.update(**values):
            raise DecidedMeanwhile


class DecidedMeanwhile(Exception):
    """Another user has just decided a row; its changes are rolled back."""


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


def _known(outcome: Outcome) -> Candidate | None:
    """The work that the row means, as far as the catalog or an earlier import can tell."""
    if not outcome.row.kind or outcome.is_settled:
        return None
    if outcome.remembered and not outcome.decision.ids:
        for candidate in outcome.remembered.candidates:
            if candidate["id"] == outcome.remembered.chosen:
                return Candidate(**candidate)
    return resolving.known(outcome.asked)


def _when(numbered: tuple[str, Row]) -> tuple[YearWeek, date]:
    """By week and day; rows without a week come last, in the order of the file."""
    row = numbered[1]
    return row.week or (9999, 0), row.day or date.min
