"""Writing what rows of an import add to a user's weeks and shortlist: many rows in one transaction, all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Prefetch
from django.utils import timezone

from selections import services
from selections.kinds import KINDS, Kind
from selections.models import AnyPick, ImportedRow, Opinion, PickQuerySet, ShortlistItem, Week
from selections.weeks import YearWeek

from .kept_rows import row_to_json
from .outcomes import Outcome
from .readers.rows import Row

NOON = time(12)
REMEMBERED = {"new": "done", "planned": "done", "there": "done"}
REMEMBERED |= {"review": "review", "full": "review", "skipped": "skipped"}


def write(user, outcomes: Sequence[Outcome]) -> None:
    """Store the weeks, notes, picks, opinions and plans of the rows as far as they are missing, and remember them.

    Weeks with notes take them whatever the outcome of their rows. Failed rows are not remembered, so that the next
    import tries them again. Raises Conflict if there are too many weeks or plans, or another user has just decided a
    row; IntegrityError or the DoesNotExist of a pick if another request was faster; and User.DoesNotExist.
    """
    outcomes = [outcome for outcome in outcomes if not outcome.is_settled]
    placed = [outcome for outcome in outcomes if outcome.is_placed]
    notes: dict[YearWeek, str] = {}
    for outcome in outcomes:
        if outcome.row.notes and outcome.row.week:
            notes.setdefault(outcome.row.week, outcome.row.notes)
    kept = [outcome for outcome in outcomes if outcome.state in REMEMBERED]
    if not (placed or notes or kept):
        return
    with transaction.atomic():
        services.lock_user(user)
        weeks = services.lock_weeks(user, {outcome.week for outcome in placed if outcome.week} | notes.keys())
        changed = _fill_notes(weeks, notes)
        for kind in KINDS.values():
            of_kind = [outcome for outcome in placed if outcome.row.kind == kind.name]
            new = _place_picks(user, kind, of_kind, weeks)
            _fill_picks(user, kind, of_kind, weeks, new)
            changed |= {pick.week_id for pick in new}
        Week.objects.filter(pk__in=changed).update(updated_at=timezone.now())
        _write_plans(user, [outcome for outcome in outcomes if outcome.state == "planned"])
        _remember(user, kept)


def _fill_notes(weeks: Mapping[YearWeek, Week], notes: Mapping[YearWeek, str]) -> set[int]:
    """Give the weeks that have no notes theirs, and return the keys of those."""
    empty = [name for name in notes if not weeks[name].notes]
    for name in empty:
        weeks[name].notes = notes[name]
        weeks[name].save(update_fields=["notes"])
    return {weeks[name].pk for name in empty}


def _place_picks(user, kind: Kind, outcomes: list[Outcome], weeks: Mapping[YearWeek, Week]) -> list[AnyPick]:
    """Store the new picks, and take their works off the shortlist."""
    new = services.place_picks(
        kind.picks(
            week=weeks[outcome.week],  # type: ignore[index]  # it has one
            position=outcome.position,
            added_at=_instant(user, outcome.row.added_at, outcome.row),
            rewatch=outcome.row.rewatch,
            **{kind.name: outcome.stored},
        )
        for outcome in outcomes
        if outcome.state == "new"
    )
    if new and ShortlistItem.objects.filter(user=user).exists():
        for pick in sorted(new, key=lambda pick: pick.work.pk):  # works are locked in one order
            services.leave_shortlist(pick)
    return new


def _fill_picks(
    user, kind: Kind, outcomes: list[Outcome], weeks: Mapping[YearWeek, Week], new: Iterable[AnyPick]
) -> None:
    """Store what picks lack: the user's opinion, and whether they are a rewatch. Raises the DoesNotExist of a pick."""
    there = {weeks[outcome.week].pk for outcome in outcomes if outcome.week and outcome.state == "there"}
    own = Prefetch("opinions", Opinion.objects.filter(user=user).only(kind.opinion_field), to_attr="own_opinions")
    existing = kind.picks._default_manager.filter(week__in=there).select_related("week").prefetch_related(own)
    picks: dict[tuple[int, int], Any] = {(pick.week_id, pick.position): pick for pick in (*new, *existing)}
    opinions: list[Opinion] = []
    for outcome in outcomes:
        row, pick = outcome.row, picks.get((weeks[outcome.week].pk, outcome.position))  # type: ignore[index]
        if pick is None:
            raise kind.picks.DoesNotExist
        if pick.rewatch is None:
            services.change_pick(pick, rewatch=row.rewatch)
        outcome.has_opinion = row.has_opinion and not getattr(pick, "own_opinions", [])
        if outcome.has_opinion:
            pick.own_opinions = [_opinion(user, pick, row)]
            opinions += pick.own_opinions
    Opinion.objects.bulk_create(opinions)


def _opinion(user, pick: AnyPick, row: Row) -> Opinion:
    at = _instant(user, row.said_at, row)
    return Opinion(
        user=user,
        rating=row.rating,
        review=row.review,
        contains_spoilers=row.contains_spoilers,
        created_at=at,
        updated_at=at,
        week=pick.week,
        **{f"{pick.kind}_pick": pick},
    )


def _write_plans(user, outcomes: Iterable[Outcome]) -> None:
    """Put the works on the shortlist. Raises IntegrityError or Conflict if another request was faster."""
    items = []
    for outcome in outcomes:
        row, kind = outcome.row, KINDS[outcome.row.kind]
        at = _instant(user, row.added_at, row)
        picks: PickQuerySet = kind.picks._default_manager.filter(week__user=user)
        if outcome.stored is None or picks.of_work(outcome.stored).exists():
            raise IntegrityError(f"This {kind.name} has just been merged or picked.")
        items.append(ShortlistItem(user=user, note=row.notes, created_at=at, **{kind.name: outcome.stored}))
    services.add_items(user, items)


def _instant(user, known: datetime | None, row: Row) -> datetime:
    """When it was picked: as the file says, else at noon of the day, else now; never later than now."""
    now = timezone.now()
    if known is None and row.day:
        known = datetime.combine(row.day, NOON, tzinfo=user.zone).astimezone(UTC)
    return min(known or now, now)


def _remember(user, outcomes: Iterable[Outcome]) -> None:
    """Keep the rows: done, to be decided, or skipped. Raises Conflict."""
    new = []
    for outcome in outcomes:
        known, state, chosen = outcome.remembered, REMEMBERED[outcome.state], outcome.meant.id if outcome.meant else ""
        is_same = known and (known.state, known.chosen, known.reason) == (state, chosen, outcome.sentence)
        if is_same and state != "done":
            continue  # a second run changes nothing
        values = {
            "kind": outcome.row.kind,
            "said": row_to_json(outcome.row),
            "state": state,
            "reason": outcome.sentence,
            "chosen": chosen,
            "candidates": [asdict(candidate) for candidate in outcome.candidates] if state == "review" else [],
            "updated_at": timezone.now(),
        }
        if known is None:
            new.append(ImportedRow(user=user, fingerprint=outcome.fingerprint, **values))
            continue
        same = ImportedRow.objects.filter(pk=known.pk, state=known.state, updated_at=known.updated_at)
        if not same.update(**values):
            raise services.Conflict("another user has just decided it", "already_decided")
    ImportedRow.objects.bulk_create(
        new,  # another import of the same file may be faster
        update_conflicts=True,
        unique_fields=["user", "fingerprint"],
        update_fields=["kind", "said", "state", "reason", "chosen", "candidates", "updated_at"],
    )
