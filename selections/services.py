"""All changes of weeks and picks; database constraints decide, and their errors become sentences here."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.utils import timezone

from accounts.compiled import compiled
from catalog.fetching import not_found
from catalog.models import Album, Movie

from .guards import (
    Conflict,
    by_others,
    lock_user,
    lock_week,
    lock_work,
    refuse_discussed,
    refuse_discussed_pick,
    refuse_merged,
    refuse_revealed,
    touch,
)
from .kinds import KINDS, Kind
from .models import AnyPick, Challenge, PickQuerySet, ShortlistItem, Week
from .models.plans import MAX_ITEMS, ShortlistQuerySet
from .reads import picks_by_position
from .recording import record_completed
from .weeks import FIRST_ZONE, LAST_ZONE, YearWeek, any_of, settled_week, week_before, week_in

MAX_WEEKS = 3_200  # per user: 61 years
MAX_PREVIOUS = 50  # earlier picks in the response to a pick
ANSWERED = "This challenge has already been answered or no longer exists.", "challenge_answered"


def create_week(user, *, year: int, week_number: int, notes: str = "") -> Week:
    """Create a week of the user. Raises Conflict if it exists, or if the user has MAX_WEEKS."""
    week = Week(user=user, year=year, week_number=week_number, notes=notes)
    _refuse_existing(week)
    try:
        with transaction.atomic():
            lock_user(user)
            refuse_too_many_weeks(user)
            week.save(force_insert=True)
    except IntegrityError:
        _refuse_existing(week)
        raise
    return week


def refuse_too_many_weeks(user, new: int = 1) -> None:
    """Raise Conflict if the user would have more than MAX_WEEKS with this many new ones. Lock the user before."""
    if new and (count := Week.objects.filter(user=user).count() + new) > MAX_WEEKS:
        raise Conflict(
            f"That makes {count:,} weeks, and an account can have {MAX_WEEKS:,}. Delete some weeks first.",
            "too_many_weeks",
        )


def _refuse_existing(week: Week) -> None:
    same = Week.objects.filter(user=week.user_id, year=week.year, week_number=week.week_number)
    if same.exclude(pk=week.pk).exists():
        raise Conflict(f"Week {week.name} already exists", "week_exists") from None


def get_or_create_week(user, year: int, week_number: int) -> tuple[Week, bool]:
    """A week of the user, created if it does not exist, and whether it is new. Raises Conflict at MAX_WEEKS."""
    weeks = Week.objects.filter(user=user, year=year, week_number=week_number)
    if week := weeks.first():
        return week, False
    with transaction.atomic():
        lock_user(user)
        if week := weeks.first():  # another request was faster
            return week, False
        refuse_too_many_weeks(user)
        return Week.objects.get_or_create(user=user, year=year, week_number=week_number)


def lock_weeks(user, names: Iterable[YearWeek]) -> dict[YearWeek, Week]:
    """These weeks of the user, locked; those that are missing are created. Raises Conflict at MAX_WEEKS.

    Call it in a transaction, with the user locked.
    """
    wanted = set(names)
    if not wanted:
        return {}
    locked = Week.objects.select_for_update().filter(any_of(wanted), user=user).order_by("pk")
    weeks = {(week.year, week.week_number): week for week in locked}
    new = [Week(user=user, year=year, week_number=number) for year, number in sorted(wanted - weeks.keys())]
    refuse_too_many_weeks(user, len(new))
    return weeks | {(week.year, week.week_number): week for week in Week.objects.bulk_create(new)}


def change_week(week: Week, **values: str | int) -> None:
    """Change the `notes`, or move the week with its picks to another `year` and `week_number`.

    Raises Conflict if that week exists, or if the move would reveal others' opinions before the week is over, and
    Week.DoesNotExist if the week has just been deleted.
    """
    for name, value in values.items():
        setattr(week, name, value)
    week.updated_at = timezone.now()
    try:
        with transaction.atomic():
            refuse_early_end(lock_week(week), week.year, week.week_number)
            week.save(update_fields=[*values, "updated_at"])
    except IntegrityError:
        _refuse_existing(week)
        raise


def refuse_early_end(week: Week, year: int, week_number: int) -> None:
    """Raise Conflict if moving the stored week to this one would reveal others' opinions on it."""
    now = timezone.now()
    ends = [min(settled_week(week.user), week_in(zone, now)) for zone in (FIRST_ZONE, LAST_ZONE)]  # for readers there
    moves_past = any((year, week_number) < end <= (week.year, week.week_number) for end in ends)
    if moves_past and by_others(week.opinions.all(), week).exists():
        what = "Other members have opinions on this week, which are hidden until it is over. Move it after that."
        raise Conflict(what, "week_discussed")


def delete_week(week: Week, *, force: bool = False) -> None:
    """Delete a week with its picks.

    Raises Conflict if others have opinions on these, unless `force` deletes them as well, or if the owner's own have
    revealed some before the week is over, and Week.DoesNotExist if another request was faster.
    """
    with transaction.atomic():
        lock_week(week)
        refuse_revealed(week, week.picks)
        if not force:
            refuse_discussed(week.opinions.all(), week, "your picks in this week. Deleting it", "week_discussed")
        week.delete()


def pick_work(
    kind: Kind,
    week: Week,
    external_id: Any,
    position: int,
    *,
    replace: bool = False,
    force: bool = False,
    **values: bool | None,
) -> tuple[AnyPick, bool]:
    """Put the movie with this TMDB id, or the album with this release id, into a position of a week with place_pick().

    Further `values` of the pick, such as `rewatch`, are stored with it. Raises Conflict, IntegrationError, or
    Week.DoesNotExist if the week was deleted while upstream was asked.
    """
    _refuse_taken(kind, week, position, external_id, replace=replace, force=force)
    pick = kind.picks(week=week, position=position, **{kind.name: get_work(kind, external_id)}, **values)
    return place_pick(pick, replace=replace, force=force, challenge=None, **values)


def get_work(kind: Kind, external_id: Any) -> Movie | Album:
    """The work by its id at the source. Raises IntegrationError."""
    with not_found(f"{kind.name.capitalize()} not found in {kind.works.source}"):
        return kind.get_work(external_id)[0]


def _refuse_taken(kind: Kind, week: Week, position: int, external_id: Any, *, replace: bool, force: bool) -> None:
    """Raise Conflict if place_pick() would: before upstream is asked, and if the database refuses a pick."""
    others = picks_by_position(kind, week, week.user_id)
    current = others.pop(position, None)
    if current and not replace:
        raise Conflict(f"Position {position} is already occupied", "position_occupied")
    if current and current.work.external_id != external_id:
        refuse_discussed_pick(current, "Replacing", force=force)
    if external_id in [pick.work.external_id for pick in others.values()]:
        raise Conflict(f"This {kind.name} is already in this week", "already_picked")


def place_pick[P: AnyPick](
    pick: P, *, replace: bool = False, force: bool = False, challenge: Challenge | None = None, **values: bool | None
) -> tuple[P, bool]:
    """Store a new pick, take its work off the owner's shortlist and move its week's `updated_at`, all or nothing; every
    pick is written here, or by place_picks().

    Returns the pick at its position, and whether that was free. With `replace` an existing pick is deleted, with
    `force` even if other members have opinions on it; an existing pick of the same work is kept, and only takes these
    `values` of the new one. A `challenge` is accepted with it. Raises Conflict, or Week.DoesNotExist.
    """
    kind, week, current = KINDS[pick.kind], pick.week, None
    try:
        with transaction.atomic():
            lock_user(week.user)
            lock_week(week)
            if replace and (current := picks_by_position(kind, week, week.user_id).get(pick.position)):
                if current.work == pick.work:
                    change_pick(current, **values)
                    return current, False
                refuse_discussed_pick(current, "Replacing", force=force)
                delete_pick(current)
            pick.save(force_insert=True)
            leave_shortlist(pick)
            if challenge:
                answer_challenge(challenge, Challenge.State.ACCEPTED, pick)
            touch(week)
            record_completed(week)
    except IntegrityError:  # another request was faster
        _refuse_taken(kind, week, pick.position, pick.work.external_id, replace=replace, force=force)
        refuse_merged(pick.work)
        raise
    return pick, current is None


def leave_shortlist(pick: AnyPick) -> None:
    """Remove what has just been picked from the shortlist of the week's owner. Call it in a transaction."""
    kind, work, owner = KINDS[pick.kind], pick.work, pick.week.user_id
    if compiled(shortlisted, kind)(work.pk, owner):
        lock_work(work)
        remove_items(shortlisted(kind, work.pk, owner))


def shortlisted(kind: Kind, work: int, user: int) -> ShortlistQuerySet:
    return ShortlistItem.objects.filter(user=user).of_work(kind.works(pk=work)).order_by()


def add_items(user, items: Sequence[ShortlistItem]) -> None:
    """Store new items of a shortlist, for a caller who has locked the user.

    Raises Conflict if any edition of one is there already, or if there would be more than MAX_ITEMS.
    """
    stored = ShortlistItem.objects.filter(user=user)
    for item in items:
        if stored.of_work(item.work).exists():
            raise Conflict(f"This {item.kind} is already on the shortlist.", "already_on_shortlist")
    if items and stored.count() + len(items) > MAX_ITEMS:
        raise Conflict(f"A shortlist has at most {MAX_ITEMS:,} titles. Remove some first.", "shortlist_full")
    ShortlistItem.objects.bulk_create(items)


def remove_items(items: ShortlistQuerySet) -> None:
    """Delete items of shortlists with their votes. Call it in a transaction."""
    items.filter(pk__in=list(items.select_for_update(of=["self"]).values_list("pk", flat=True))).delete()


def answer_challenge(challenge: Challenge, state: str, pick: AnyPick | None = None) -> None:
    """Accept or decline a challenge, as the first to do so. Raises Conflict."""
    values = {KINDS[pick.kind].opinion_field: pick} if pick else {}
    pending = Challenge.objects.filter(pk=challenge.pk, state=Challenge.State.PENDING)
    if pick:
        lock_work(pick.work)
    if not pending.update(state=state, answered_at=timezone.now(), **values):
        raise Conflict(*ANSWERED)


def place_picks(picks: Iterable[AnyPick]) -> list[AnyPick]:
    """Store new picks of one kind as they are, many at a time, for a caller who has locked their weeks, or has created
    them in the same transaction, and who sets their `updated_at`. Raises IntegrityError."""
    rows: list[Any] = list(picks)
    return type(rows[0])._default_manager.bulk_create(rows) if rows else []


def rematch(pick: AnyPick, external_id: Any) -> AnyPick:
    """Change the work of a pick to the movie with this TMDB id or the album with this release id, and return the pick.

    This corrects a wrong match: position, time and opinions are kept. Raises Conflict if the week already has that
    work, IntegrationError, Week.DoesNotExist, or the DoesNotExist of a pick that has just been removed.
    """
    kind = KINDS[pick.kind]
    work, _ = kind.get_work(external_id)
    try:
        with transaction.atomic():
            lock_week(pick.week)
            corrected = kind.picks._default_manager.select_related(kind.name, "week__user").get(pk=pick.pk)
            if corrected.work != work:
                setattr(corrected, kind.name, work)
                corrected.save(update_fields=[kind.name])
                touch(corrected.week)
    except IntegrityError:
        if kind.picks_in(pick.week).filter(**{kind.name: work}).exists():
            raise Conflict(f"This {kind.name} is already in this week", "already_picked") from None
        raise Conflict(f"This {kind.name} is no longer in the catalog. Choose again.", "work_gone") from None
    return corrected


def previous_picks(pick: AnyPick, user) -> list[AnyPick]:
    """The latest picks that the user may see of the same movie, or of any edition of the same album, in earlier
    weeks."""
    week = pick.week
    return compiled(earlier_picks, KINDS[pick.kind]).page(
        MAX_PREVIOUS, 0, pick.work.pk, week.year, week.week_number, user.pk
    )


def earlier_picks(kind: Kind, work: int, year: int, week_number: int, viewer: int) -> PickQuerySet:
    same = kind.picks._default_manager.of_work(kind.works(pk=work))
    return same.filter(week_before(year, week_number, "week__")).visible_to(viewer).latest_first()


def remove_pick(kind: Kind, week: Week, position: int, *, force: bool = False) -> bool:
    """Empty a position of a week; returns whether there was a pick.

    Raises Conflict if others have opinions on the pick, unless `force` deletes them as well, or if the owner's own has
    revealed them before the week is over, and Week.DoesNotExist.
    """
    with transaction.atomic():
        lock_week(week)
        if pick := picks_by_position(kind, week, week.user_id).get(position):
            refuse_discussed_pick(pick, "Removing", force=force)
            delete_pick(pick)
            touch(week)
    return pick is not None


def delete_pick(pick: AnyPick) -> None:
    """Delete a pick, and what belongs to it if there is anything. Call it with the week locked."""
    if compiled(unrelated, KINDS[pick.kind])(pick.pk):
        type(pick)._default_manager.filter(pk=pick.pk)._raw_delete(DEFAULT_DB_ALIAS)  # delete() takes 4 times as long
    else:
        pick.delete()


def unrelated(kind: Kind, pick: int) -> PickQuerySet:
    """The pick with this id, if no row refers to it."""
    relations = (relation.name for relation in kind.picks._meta.related_objects)
    return kind.picks._default_manager.filter(pk=pick, **dict.fromkeys(relations)).order_by()


def move_pick(kind: Kind, week: Week, position: int, new_position: int, **values: bool | None) -> AnyPick | None:
    """Move the pick at a position of a week to the new one, in exchange for any pick there; returns None without one.

    It also gets these `values`. Opinions stay with their pick. Raises Week.DoesNotExist.
    """
    with transaction.atomic():
        lock_week(week)
        by_position = picks_by_position(kind, week, week.user_id)
        pick = by_position.get(position)
        if pick and position != new_position:
            other = by_position.get(new_position)
            set_positions(kind, week, {pick.pk: new_position} | ({other.pk: position} if other else {}))
            touch(week)
            pick.position = new_position
        if pick:
            change_pick(pick, **values)
    return pick


def change_pick(pick: AnyPick, **values: bool | None) -> None:
    """Store values of a pick, such as `rewatch`, if they differ. Call it with the week locked."""
    changed = [name for name, value in values.items() if getattr(pick, name) != value]
    if changed:
        for name in changed:
            setattr(pick, name, values[name])
        pick.save(update_fields=changed)
        touch(pick.week)


def set_positions(kind: Kind, week: Week, positions: dict[int, int]) -> None:
    """Move picks of a week, which is locked, to new positions, by their primary keys.

    The constraint on positions is checked row by row, while foreign keys are checked when the transaction ends: until
    all picks have their new positions, they are in a week that does not exist.
    """
    picks = kind.picks._default_manager
    picks.filter(week=week, pk__in=positions).update(week=-week.pk)
    for pk, position in positions.items():
        picks.filter(pk=pk, week=-week.pk).update(week=week, position=position)
