"""Importing our own JSON, as export.to_json() writes it: it is added, and existing data is left unchanged.

The file is checked as a whole first. Then each batch of works, of weeks, and of opinions on other members' picks is
stored in its own transaction, so that no other request waits long, and an import that was interrupted can be run
again. Running an import twice does nothing the second time.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import batched
from math import inf
from operator import attrgetter
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from catalog.json_fields import InvalidValue
from selections import services
from selections.kinds import KINDS, Kind
from selections.models import AnyPick, EarlierRating, Opinion, Position, Week
from selections.weeks import YearWeek, any_of, over_for, week_name

from .own_json import PROFILE, Key, read
from .saved_works import SavedWorks
from .shortlists import restore_shortlist

BATCH = 50  # weeks, or opinions on others' picks, that are stored together
TRIES = 3  # other requests may change the same weeks
MAX_UNCONFIRMED = 4_000  # works of a user's picks that were never fetched: upstreams are asked about each
IMPORTING = threading.Lock()
IMPORT_WAIT = 2  # seconds to wait for it: a thread of the server waits

type Values = dict[str, Any]  # a week, a pick or an opinion of the file, as own_json.py reads it
type Said = tuple[AnyPick, Values]  # an opinion of the file, and the pick that it is on

WEEK = ("year", "week_number", "notes", "created_at", "updated_at")  # the columns that are in a file
OPINION = ("rating", "review", "contains_spoilers", "created_at", "updated_at")


@dataclass(slots=True)
class Report:
    """The result of an import, or of a dry run. `existing` counts data that is left unchanged."""

    applied: bool
    profile: list[str] = field(default_factory=list)  # the fields that were filled in
    weeks_created: int = 0
    weeks_existing: int = 0
    notes_filled: int = 0
    rewatches_filled: int = 0
    picks_created: int = 0
    picks_existing: int = 0
    picks_left_out: int = 0
    opinions_created: int = 0
    opinions_existing: int = 0
    opinions_left_out: int = 0
    shortlist_created: int = 0
    shortlist_existing: int = 0
    shortlist_left_out: int = 0
    opinions_of_others: int = 0  # in the file for reading only, and never imported
    movies_added: int = 0
    albums_added: int = 0
    remarks: list[str] = field(default_factory=list)  # a sentence for each item that was skipped

    def lines(self) -> list[tuple[str, int, int, int]]:
        """What was imported: the number of new ones, of those that exist, and of those that were skipped."""
        return [
            ("weeks", self.weeks_created, self.weeks_existing, 0),
            ("picks", self.picks_created, self.picks_existing, self.picks_left_out),
            ("opinions", self.opinions_created, self.opinions_existing, self.opinions_left_out),
            ("shortlist items", self.shortlist_created, self.shortlist_existing, self.shortlist_left_out),
        ]

    def add(self, counts: Counter[str], remarks: list[str]) -> None:
        """Add the counts of a part of the file, by their names, and its remarks."""
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)
        self.remarks += remarks


class ImportRunning(Exception):
    """Another import of our JSON takes longer than IMPORT_WAIT."""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one import run at a time in this process, as a file takes up to twenty times its size in memory.

    Raises ImportRunning.
    """
    if not IMPORTING.acquire(timeout=IMPORT_WAIT):
        raise ImportRunning
    try:
        yield
    finally:
        IMPORTING.release()


def load(
    user,
    data: object,
    *,
    apply: bool,
    is_trusted: bool,
    with_profile: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Add the file's data to the user's, or with `apply=False` report what that would do.

    The catalog takes less from a file that is not trusted: see catalog/portable.py. `progress` is called with the
    number of finished weeks and their total. Raises InvalidValue without having changed anything, or
    User.DoesNotExist if the account is deleted in the meantime.
    """
    file = read(data, is_trusted=is_trusted)
    weeks = file["weeks"]
    _refuse_too_many_weeks(user, weeks)
    report = Report(applied=apply)
    profile = {name: file["user"][name] for name in PROFILE if file["user"][name]}
    if with_profile:  # first, so that a member whom it makes private shows nothing in between
        report.profile = _fill_profile(user, profile, apply=apply)
    elif profile:
        report.remarks.append(
            "An API token cannot change the account, so the profile was ignored. Sign in to import it."
        )
    works = SavedWorks(
        file["works"], apply=apply, is_trusted=is_trusted, room=inf if is_trusted else _room_for_unconfirmed(user)
    )
    for number, some in enumerate(batched(weeks, BATCH, strict=False)):
        changes = _import_weeks(user, some, works)
        report.add(changes.counts, changes.remarks)
        if progress:
            progress(number * BATCH + len(some), len(weeks))
    for opinions in batched(file["opinions_given"], BATCH, strict=False):
        works.look_up(given["key"] for given in opinions)
        _give(user, opinions, works, report)
    report.add(*restore_shortlist(user, file["shortlist"], works))
    report.opinions_of_others = sum(
        not opinion["own"] for week in weeks for pick in week["picks"] for opinion in pick["opinions"]
    )
    report.movies_added = sum(kind == "movie" for kind, _ in works.added)
    report.albums_added = len(works.added) - report.movies_added
    return report


def _place(week: Values) -> YearWeek:
    return week["year"], week["week_number"]


def _refuse_too_many_weeks(user, weeks: Iterable[Values]) -> None:
    existing = set(Week.objects.filter(user=user).values_list("year", "week_number"))
    try:
        services.refuse_too_many_weeks(user, len({_place(week) for week in weeks} - existing))
    except services.Conflict as conflict:
        raise InvalidValue("weeks", str(conflict)) from None


def _room_for_unconfirmed(user) -> int:
    """The number of further works that were never fetched which the user may pick."""
    of_user = {"fetched_at": None, "picks__week__user": user}
    return MAX_UNCONFIRMED - sum(
        kind.works._default_manager.filter(**of_user).distinct().count() for kind in KINDS.values()
    )


def _fill_profile(user, profile: dict[str, str], *, apply: bool) -> list[str]:
    """The profile fields that had their defaults and are now as in the file. A private member stays private."""
    defaults = {name: user._meta.get_field(name).get_default() for name in PROFILE}
    with transaction.atomic() if apply else nullcontext():
        if apply:
            services.lock_user(user)
        now = type(user)._default_manager.filter(pk=user.pk).values(*PROFILE).first() or {}
        filled = [name for name, value in profile.items() if now.get(name) == defaults[name] != value]
        if apply and filled:
            for name in filled:
                setattr(user, name, profile[name])
            user.save(update_fields=filled)
    return filled


class Changes:
    """What some weeks of the file add to the user's, as rows that are not stored yet."""

    def __init__(self, user, weeks: Sequence[Values], works: SavedWorks, *, lock: bool = False) -> None:
        self.user, self.works = user, works
        self.new_weeks: list[Week] = []
        self.filled_weeks: list[Week] = []  # existing ones that change
        self.new_picks: list[tuple[AnyPick, Values]] = []  # each with that of the file
        self.rewatches: list[tuple[AnyPick, bool]] = []  # of existing picks where it is unknown
        self.opinions: list[Said] = []
        self.counts, self.remarks = Counter[str](), list[str]()  # for the Report
        known = _known_weeks(user, weeks, lock=lock)
        for saved in weeks:
            if week := known.get(_place(saved)):
                self._fill_week(week, saved)
            else:
                week = Week(user=user, **{name: saved[name] for name in WEEK})
                week.set_search_text()
                self.new_weeks.append(week)
                self._add_picks(week, saved)
        works.need(pick["key"] for _, pick in self.new_picks)
        self.counts.update(
            weeks_created=len(self.new_weeks),
            picks_created=len(self.new_picks),
            rewatches_filled=len(self.rewatches),
            opinions_created=len(self.opinions),
        )

    def __bool__(self) -> bool:
        return any((self.new_weeks, self.filled_weeks, self.new_picks, self.rewatches, self.opinions))

    def _fill_week(self, week: Week, saved: Values) -> None:
        """Add what an existing week lacks: notes, and picks or what these lack."""
        before = len(self.new_picks)
        self._add_picks(week, saved)
        self.counts["weeks_existing"] += 1
        fills_notes = bool(saved["notes"] and not week.notes)
        if not (week.notes or week.picks) and saved["created_at"] < week.created_at:  # created by viewing it
            week.created_at, week.updated_at = saved["created_at"], saved["updated_at"]
        elif fills_notes or len(self.new_picks) > before:
            week.updated_at = timezone.now()
        else:
            return
        self.counts["notes_filled"] += fills_notes
        week.notes = week.notes or saved["notes"]
        self.filled_weeks.append(week)

    def _add_picks(self, week: Week, saved: Values) -> None:
        for kind in KINDS.values():
            existing = getattr(week, kind.related_picks).all() if week.pk else ()
            picks: dict[int, AnyPick] = {getattr(pick, f"{kind.name}_id"): pick for pick in existing}
            new: list[Values] = []
            seen: set[int | Key] = set()  # two ids of the file may have been merged: that of the kept one comes first
            for pick in sorted(saved[f"{kind.name}s"], key=lambda pick: self.works.is_merged(pick["key"])):
                key = pick["key"]
                identity, known = self.works.identity(key), self.works.known.get(key)
                if identity in seen:
                    self._leave_out(week, pick, f"{self.works.title_of(key)} is already in this week.")
                elif sentence := self.works.reason_against(key):
                    self._leave_out(week, pick, sentence)
                elif known is not None and known in picks:
                    self._fill_pick(picks[known], pick)
                else:
                    new.append(pick)
                seen.add(identity)
            self._place(week, kind, new, {pick.position for pick in picks.values()})

    def _leave_out(self, week: Week, pick: Values, sentence: str) -> None:
        self.counts.update(picks_left_out=1, opinions_left_out=int(pick["opinion"] is not None))
        self.remarks.append(f"{week.name}: {sentence}")

    def _fill_pick(self, pick: AnyPick, saved: Values) -> None:
        """Add what an existing pick lacks: the opinion on it, and whether it is a rewatch."""
        self.counts["picks_existing"] += 1
        if pick.rewatch is None and saved["rewatch"] is not None:
            self.rewatches.append((pick, saved["rewatch"]))
        if saved["opinion"] and getattr(pick, "own_opinions", []):
            self.counts["opinions_existing"] += 1
        elif saved["opinion"]:
            self.opinions.append((pick, saved["opinion"]))

    def _place(self, week: Week, kind: Kind, picks: list[Values], taken: set[int]) -> None:
        """Add each pick at its position, or at the other one if that is occupied."""
        free = [position for position in Position.values if position not in taken]
        # Picks that can keep their position come first.
        for saved in sorted(picks, key=lambda pick: (pick["position"] not in free, pick["position"])):
            if not free:
                title = self.works.title_of(saved["key"])
                self._leave_out(week, saved, f"both positions are occupied, so {title} was skipped.")
                continue
            position = saved["position"] if saved["position"] in free else free[0]
            free.remove(position)
            pick = kind.picks(week=week, position=position, added_at=saved["added_at"], rewatch=saved["rewatch"])
            self.new_picks.append((pick, saved))
            if saved["opinion"]:
                self.opinions.append((pick, saved["opinion"]))

    def store(self) -> None:
        """Store all of it; call this in a transaction that has locked the user. Raises IntegrityError."""
        services.refuse_too_many_weeks(self.user, len(self.new_weeks))
        for week in self.filled_weeks:
            week.save(update_fields=["notes", "created_at", "updated_at"])
        for pick, rewatch in self.rewatches:
            services.change_pick(pick, rewatch=rewatch)
        # In the order in which others create several: else the two could deadlock.
        Week.objects.bulk_create(sorted(self.new_weeks, key=attrgetter("year", "week_number")))
        for pick, saved in self.new_picks:
            setattr(pick, f"{pick.kind}_id", self.works.known[saved["key"]])
        for name in KINDS:
            services.place_picks(pick for pick, _ in self.new_picks if pick.kind == name)
        _add_opinions(self.user, self.opinions, is_trusted=self.works.is_trusted)


def _import_weeks(user, weeks: Sequence[Values], works: SavedWorks, tries: int = TRIES) -> Changes:
    """The changes to these weeks; they are stored, all or nothing, if the import is applied."""
    works.look_up(pick["key"] for week in weeks for pick in week["picks"])
    changes = Changes(user, weeks, works)
    if not (works.apply and changes):
        return changes
    try:
        with transaction.atomic():
            services.lock_user(user)
            changes = Changes(user, weeks, works, lock=True)
            changes.store()
    except IntegrityError:  # another request has created one of these weeks, or merged an album, in the meantime
        if tries == 1:
            raise
        return _import_weeks(user, weeks, works, tries - 1)
    return changes


def _known_weeks(user, weeks: Iterable[Values], *, lock: bool = False) -> dict[YearWeek, Week]:
    """The existing ones of these weeks, with their picks, and the user's `own_opinions` on each, in five queries."""
    known = Week.objects.filter(any_of(map(_place, weeks)), user=user).order_by("pk")
    if lock:
        known = known.select_for_update()
    own = Opinion.objects.filter(user=user)
    for kind in KINDS.values():
        opinions = Prefetch(f"{kind.related_picks}__opinions", own, to_attr="own_opinions")
        known = known.prefetch_related(kind.related_picks, opinions)
    return {(week.year, week.week_number): week for week in known}


def _add_opinions(user, said: list[Said], *, is_trusted: bool) -> None:
    if not is_trusted:
        said = _as_given_now(user, said)
    rows = Opinion.objects.bulk_create(
        Opinion(user=user, week=pick.week, **{f"{pick.kind}_pick": pick}, **{name: opinion[name] for name in OPINION})
        for pick, opinion in said
    )
    EarlierRating.objects.bulk_create(
        EarlierRating(opinion=row, **earlier)
        for row, (_, opinion) in zip(rows, said, strict=True)
        for earlier in opinion["earlier_ratings"]
    )


def _as_given_now(user, said: list[Said]) -> list[Said]:
    """Without the file's times and history in weeks that are not over: a file cannot claim who was first."""
    weeks = Week.objects.filter(over_for(user), pk__in={pick.week_id for pick, _ in said})
    over = set(weeks.order_by().values_list("pk", flat=True)) if said else set()
    now = {"created_at": timezone.now(), "updated_at": timezone.now(), "earlier_ratings": []}
    return [(pick, opinion if pick.week_id in over else opinion | now) for pick, opinion in said]


def _give(user, opinions: Sequence[Values], works: SavedWorks, report: Report) -> None:
    """Add the user's opinions on picks of others whom they may see."""
    weeks = Week.objects.filter(
        any_of(map(_place, opinions)), user__username__in={given["owner"] for given in opinions}
    )
    said: list[Said] = []
    with transaction.atomic() if works.apply else nullcontext():
        if works.apply:
            services.lock_user(user)
            list(weeks.select_for_update(of=["self"]).order_by("pk").values_list("pk"))
        picks = _picks_of_others(user, weeks, opinions, works)
        for given in opinions:
            key = given["key"]
            pick = picks.get((given["owner"], *_place(given), key[0], works.known.get(key)))
            if pick is None:
                report.opinions_left_out += 1
                week = week_name(*_place(given))
                report.remarks.append(f"{week} of {given['owner']}: you cannot see a pick of {works.title_of(key)}.")
            elif getattr(pick, "own_opinions", []):
                report.opinions_existing += 1
            else:
                report.opinions_created += 1
                said.append((pick, given))
                vars(pick)["own_opinions"] = [given]  # as the file may name a merged work by each of its ids
        if works.apply:
            _add_opinions(user, said, is_trusted=works.is_trusted)


def _picks_of_others(
    user, weeks: QuerySet[Week], opinions: Iterable[Values], works: SavedWorks
) -> dict[tuple[str, int, int, str, int | None], AnyPick]:
    """Picks of others in these weeks that the user may see, at least those of these opinions: by owner, week, kind and
    the work's primary key."""
    found = {}
    for kind in KINDS.values():
        wanted = {works.known.get(given["key"]) for given in opinions if given["kind"] == kind.name} - {None}
        picks = (
            kind.picks._default_manager.visible_to(user)
            .exclude(week__user=user)
            .filter(week__in=weeks, **{f"{kind.name}__in": wanted})
            .select_related("week__user")
            .prefetch_related(Prefetch("opinions", Opinion.objects.filter(user=user), to_attr="own_opinions"))
        )
        pick: Any
        for pick in picks:
            week = pick.week
            found[week.user.username, week.year, week.week_number, kind.name, getattr(pick, f"{kind.name}_id")] = pick
    return found
