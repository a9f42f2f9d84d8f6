"""Importing our own JSON, as export.to_json() writes it: it is added, and existing data is left unchanged.

The file is checked as a whole first. Then each batch of works, each batch of weeks, and each opinion on another
member's pick is stored in its own transaction, so that no other request waits long, and an import that was
interrupted can be run again. Running an import twice does nothing the second time.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import batched
from math import inf
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Prefetch
from django.utils import timezone

from catalog.json_fields import InvalidValue
from selections import services
from selections.kinds import KINDS, Kind
from selections.models import AnyPick, EarlierRating, Opinion, Position, Week
from selections.weeks import YearWeek, any_of, over_for, week_name

from .own_json import PROFILE, Key, read
from .saved_works import SavedWorks
from .shortlists import restore_shortlist

BATCH = 50  # weeks that are stored together, or opinions on others' picks that are looked up together
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
        for plan in _import_weeks(user, some, works):
            report.add(plan.counts, plan.remarks)
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


@dataclass(slots=True)
class Plan:
    """The changes to one week."""

    saved: Values
    week: Week | None  # as it is stored
    notes: str = ""  # if it has none
    is_untouched: bool = False  # created by viewing it and unchanged: it also takes the file's instants
    picks: list[tuple[Values, int]] = field(default_factory=list)  # with their positions
    rewatches: list[tuple[AnyPick, bool]] = field(default_factory=list)  # of existing picks where it is unknown
    opinions: list[Said] = field(default_factory=list)  # on existing picks
    counts: Counter[str] = field(default_factory=Counter)  # for the Report
    remarks: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        parts = (self.notes, self.picks, self.rewatches, self.opinions)
        return self.week is None or self.is_untouched or any(parts)

    def leave_out(self, pick: Values, sentence: str) -> None:
        self.counts.update(picks_left_out=1, opinions_left_out=int(pick["opinion"] is not None))
        self.remarks.append(f"{week_name(*_place(self.saved))}: {sentence}")


def _import_weeks(user, weeks: Sequence[Values], works: SavedWorks, tries: int = TRIES) -> list[Plan]:
    """The changes to each of the weeks, planned, or else made: all or nothing."""
    works.look_up(pick["key"] for week in weeks for pick in week["picks"])
    plans = _plan_weeks(user, weeks, works)
    changing = [plan.saved for plan in plans if plan.changes]
    if not (works.apply and changing):
        return plans
    try:
        return [plan for plan in plans if not plan.changes] + _store_weeks(user, changing, works)
    except IntegrityError:  # another request has created one of these weeks, or merged an album, in the meantime
        if tries == 1:
            raise
    return _import_weeks(user, weeks, works, tries - 1)


def _plan_weeks(user, weeks: Sequence[Values], works: SavedWorks, *, lock: bool = False) -> list[Plan]:
    """The changes to each of the weeks, whose works are stored if they are applied."""
    known = _known_weeks(user, weeks, lock=lock)
    plans = [_plan(saved, known.get(_place(saved)), works) for saved in weeks]
    works.need(pick["key"] for plan in plans for pick, _ in plan.picks)
    return plans


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


def _plan(saved: Values, week: Week | None, works: SavedWorks) -> Plan:
    plan = Plan(saved, week, notes=saved["notes"] if not (week and week.notes) else "")
    plan.counts.update({"weeks_existing" if week else "weeks_created": 1, "notes_filled": bool(week and plan.notes)})
    existing = {name: _picks_of(week, kind) for name, kind in KINDS.items()}
    if week and not week.notes and not any(existing.values()):
        plan.is_untouched = saved["created_at"] < week.created_at
    for kind, picks in existing.items():
        new: list[Values] = []
        seen: set[int | Key] = set()  # two ids of the file may have been merged: the pick with the kept id comes first
        for pick in sorted(saved[f"{kind}s"], key=lambda pick: works.is_merged(pick["key"])):
            key = pick["key"]
            identity, known = works.identity(key), works.known.get(key)
            if identity in seen:
                plan.leave_out(pick, f"{works.title_of(key)} is already in this week.")
            elif sentence := works.reason_against(key):
                plan.leave_out(pick, sentence)
            elif known is not None and known in picks:
                _plan_existing(plan, picks[known], pick)
            else:
                new.append(pick)
            seen.add(identity)
        _plan_positions(plan, new, {pick.position for pick in picks.values()}, works)
    return plan


def _picks_of(week: Week | None, kind: Kind) -> dict[int, AnyPick]:
    """The picks of a week by the primary keys of their works."""
    picks: Any = getattr(week, kind.related_picks).all() if week else ()
    return {getattr(pick, f"{kind.name}_id"): pick for pick in picks}


def _plan_existing(plan: Plan, pick: AnyPick, saved: Values) -> None:
    """Plan what an existing pick lacks: the opinion on it, and whether it is a rewatch."""
    plan.counts["picks_existing"] += 1
    if pick.rewatch is None and saved["rewatch"] is not None:
        plan.counts["rewatches_filled"] += 1
        plan.rewatches.append((pick, saved["rewatch"]))
    if saved["opinion"] is None:
        return
    if getattr(pick, "own_opinions", []):
        plan.counts["opinions_existing"] += 1
    else:
        plan.counts["opinions_created"] += 1
        plan.opinions.append((pick, saved["opinion"]))


def _plan_positions(plan: Plan, picks: list[Values], taken: set[int], works: SavedWorks) -> None:
    """Give each pick its position, or the other one if that is occupied."""
    free = [position for position in Position.values if position not in taken]
    # Picks that can keep their position come first.
    for pick in sorted(picks, key=lambda pick: (pick["position"] not in free, pick["position"])):
        if not free:
            plan.leave_out(pick, f"both positions are occupied, so {works.title_of(pick['key'])} was skipped.")
        else:
            position = pick["position"] if pick["position"] in free else free[0]
            free.remove(position)
            plan.picks.append((pick, position))
            plan.counts.update(picks_created=1, opinions_created=int(pick["opinion"] is not None))


def _store_weeks(user, weeks: Sequence[Values], works: SavedWorks) -> list[Plan]:
    """Store what these weeks of the file add, and return the changes. Raises IntegrityError."""
    with transaction.atomic():
        services.lock_user(user)
        plans = _plan_weeks(user, weeks, works, lock=True)
        new = [plan for plan in plans if plan.week is None]
        services.refuse_too_many_weeks(user, len(new))
        for plan in plans:
            if plan.week:
                _update(plan.week, plan)
            for pick, rewatch in plan.rewatches:
                services.change_pick(pick, rewatch=rewatch)
        _create_weeks(user, new)
        for kind in KINDS.values():
            _add_picks(user, kind, plans, works)
        _add_opinions(user, [said for plan in plans for said in plan.opinions], is_trusted=works.is_trusted)
    return plans


def _update(week: Week, plan: Plan) -> None:
    """Change an existing week."""
    week.notes = week.notes or plan.notes
    if plan.is_untouched:
        week.created_at, week.updated_at = plan.saved["created_at"], plan.saved["updated_at"]
    elif plan.notes or plan.picks:
        week.updated_at = timezone.now()
    if plan.is_untouched or plan.notes or plan.picks:
        week.save(update_fields=["notes", "created_at", "updated_at"])


def _create_weeks(user, plans: list[Plan]) -> None:
    weeks = []
    # In the order in which others create several: else the two could deadlock.
    for plan in sorted(plans, key=lambda plan: _place(plan.saved)):
        plan.week = Week(user=user, **{name: plan.saved[name] for name in WEEK})
        plan.week.set_search_text()
        weeks.append(plan.week)
    Week.objects.bulk_create(weeks)


def _add_picks(user, kind: Kind, plans: list[Plan], works: SavedWorks) -> None:
    """Add the picks of each week's plan, with the opinions on them."""
    new = [
        (plan.week, pick, position) for plan in plans for pick, position in plan.picks if pick["key"][0] == kind.name
    ]
    rows: Any = services.place_picks(
        kind.picks(
            week=week,
            position=position,
            added_at=pick["added_at"],
            rewatch=pick["rewatch"],
            **{f"{kind.name}_id": works.known[pick["key"]]},
        )
        for week, pick, position in new
    )
    said = [(row, pick["opinion"]) for row, (_, pick, _) in zip(rows, new, strict=True) if pick["opinion"]]
    _add_opinions(user, said, is_trusted=works.is_trusted)


def _add_opinions(user, said: list[Said], *, is_trusted: bool) -> None:
    if not is_trusted:
        said = _as_given_now(user, said)
    rows = Opinion.objects.bulk_create(
        Opinion(user=user, **{f"{pick.kind}_pick": pick}, **{name: opinion[name] for name in OPINION})
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
    picks = _picks_of_others(user, opinions, works)
    for given in opinions:
        key = given["key"]
        pick = picks.get((given["owner"], *_place(given), key[0], works.known.get(key)))
        is_new = None if pick is None else not getattr(pick, "own_opinions", [])
        if pick and is_new and works.apply:
            is_new = _store_given(user, pick, given, is_trusted=works.is_trusted)
        if is_new is None:
            report.opinions_left_out += 1
            week = week_name(*_place(given))
            report.remarks.append(f"{week} of {given['owner']}: you cannot see a pick of {works.title_of(key)}.")
        else:
            report.opinions_created += is_new
            report.opinions_existing += not is_new


def _picks_of_others(
    user, opinions: Iterable[dict[str, Any]], works: SavedWorks
) -> dict[tuple[str, int, int, str, int | None], AnyPick]:
    """Picks of others that the user may see, at least those of these opinions: by owner, week, kind and the work's
    primary key."""
    found = {}
    for kind in KINDS.values():
        wanted = {works.known.get(given["key"]) for given in opinions if given["kind"] == kind.name} - {None}
        picks = (
            kind.picks._default_manager.visible_to(user)
            .exclude(week__user=user)
            .filter(
                week__user__username__in={given["owner"] for given in opinions},
                week__year__in={given["year"] for given in opinions},
                **{f"{kind.name}__in": wanted},
            )
            .select_related("week__user")
            .prefetch_related(Prefetch("opinions", Opinion.objects.filter(user=user), to_attr="own_opinions"))
        )
        pick: Any
        for pick in picks:
            week = pick.week
            found[week.user.username, week.year, week.week_number, kind.name, getattr(pick, f"{kind.name}_id")] = pick
    return found


def _store_given(user, pick: AnyPick, opinion: dict[str, Any], *, is_trusted: bool) -> bool | None:
    """Whether the user had no opinion on the pick until now; None if the pick has just been removed."""
    with transaction.atomic():
        services.lock_user(user)
        list(Week.objects.select_for_update().filter(pk=pick.week_id).values_list("pk"))
        now = type(pick)._default_manager.filter(pk=pick.pk)
        if not now.exists():
            return None
        if now.filter(opinions__user=user).exists():
            return False
        _add_opinions(user, [(pick, opinion)], is_trusted=is_trusted)
    return True
