"""Writing what rows of an import add to a user's weeks and shortlist: many rows in one transaction, all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Any

from django.db import IntegrityError, transaction
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
            changed |= _write_picks(user, kind, [outcome for outcome in placed if outcome.row.kind == kind.name], weeks)
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


def _write_picks(user, kind: Kind, outcomes: list[Outcome], weeks: Mapping[YearWeek, Week]) -> set[int]:
    """Store the new picks, fill in what existing ones lack, and return the keys of weeks with new picks."""
    new = [outcome for outcome in outcomes if outcome.state == "new"]
    picks: list[Any] = [
        kind.picks(
            week=weeks[outcome.week],  # type: ignore[index]  # it has one
            position=outcome.position,
            added_at=_instant(user, outcome.row.added_at, outcome.row),
            rewatch=outcome.row.rewatch,
            **{kind.name: outcome.stored},
        )
        for outcome in new
    ]
    services.place_picks(picks)
    if picks and ShortlistItem.objects.filter(user=user).exists():
        for pick in sorted(picks, key=lambda pick: pick.work.pk):  # works are locked in one order
            services.leave_shortlist(pick)
    said = list(zip(picks, new, strict=True))
    if there := [outcome for outcome in outcomes if outcome.state == "there"]:
        said += _existing(user, kind, there, weeks)
    _write_opinions(user, kind, said)
    return {pick.week_id for pick in picks}


def _existing(
    user, kind: Kind, outcomes: list[Outcome], weeks: Mapping[YearWeek, Week]
) -> list[tuple[AnyPick, Outcome]]:
    """The existing picks that the rows mean, and which get to know whether they are a rewatch."""
    ids = {weeks[outcome.week].pk for outcome in outcomes if outcome.week}
    existing = {
        (pick.week_id, pick.position): pick
        for pick in kind.picks._default_manager.filter(week__in=ids).select_related("week")
    }
    said = []
    for outcome in outcomes:
        pick = existing.get((weeks[outcome.week].pk, outcome.position))  # type: ignore[index]  # it has one
        if pick is None:
            raise kind.picks.DoesNotExist
        if pick.rewatch is None:
            services.change_pick(pick, rewatch=outcome.row.rewatch)
        said.append((pick, outcome))
    return said


def _write_opinions(user, kind: Kind, said: list[tuple[AnyPick, Outcome]]) -> None:
    """Store the opinions of the rows on these picks, unless the user has one there."""
    on = kind.opinion_field
    there = [pick for pick, outcome in said if outcome.state == "there" and outcome.row.has_opinion]
    rated = set(Opinion.objects.filter(user=user, **{f"{on}__in": there}).values_list(on, flat=True))
    opinions = []
    for pick, outcome in said:
        row = outcome.row
        outcome.has_opinion = row.has_opinion and pick.pk not in rated
        if outcome.has_opinion:
            rated.add(pick.pk)
            said_at = _instant(user, row.said_at, row)
            opinion = Opinion(user=user, rating=row.rating, review=row.review, contains_spoilers=row.contains_spoilers)
            opinion.created_at = opinion.updated_at = said_at
            setattr(opinion, on, pick)
            opinions.append(opinion)
    Opinion.objects.bulk_create(opinions)


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
