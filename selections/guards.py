"""Guards before every change of weeks, picks and opinions: locks, and the protection of others' opinions.

The user is locked first, then the week, the work, and plans to pick it: in another order two requests could deadlock.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.compiled import CompiledQuery
from catalog.models import Album, Movie

from .kinds import KINDS
from .models import AnyPick, Opinion, OpinionQuerySet, Week, WeekQuerySet
from .models.conditions import visible_to
from .weeks import over_for


class Conflict(Exception):
    """A change that conflicts with the stored data; `str()` says why."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def lock_user(user) -> None:
    """Keep the account from being deleted until the transaction ends. Raises User.DoesNotExist if it already is."""
    if not select_user(user.pk):
        raise user._meta.model.DoesNotExist


def lock_users(*users) -> None:
    """As lock_user(), for several accounts, in the order of their ids."""
    for user in sorted(users, key=attrgetter("pk")):
        lock_user(user)


def lock_week(week: Week) -> Week:
    """The stored week, locked: no other request changes it or its picks until the transaction ends.

    Raises Week.DoesNotExist.
    """
    if rows := select_week(week.pk):
        return rows[0]
    raise Week.DoesNotExist


@CompiledQuery
def select_user(user: int) -> QuerySet[Any, Any]:
    return get_user_model()._default_manager.select_for_update(no_key=True).filter(pk=user).values_list("pk")


@CompiledQuery
def select_week(week: int) -> WeekQuerySet:
    return Week.objects.select_for_update().filter(pk=week).order_by()


def lock_work(work: Movie | Album) -> None:
    """Keep the work from being merged until the transaction ends: merging locks it before the plans to pick it."""
    list(type(work)._default_manager.select_for_update(no_key=True).filter(pk=work.pk).values_list("pk"))


def touch(week: Week) -> None:
    """Record that the week, or one of its picks, has just changed."""
    # The ORM would take a tenth of the time of a pick to build this.
    with connection.cursor() as cursor:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        cursor.execute("UPDATE selections_week SET updated_at = %s WHERE id = %s", [now, week.pk])


def refuse_merged(work: Movie | Album) -> None:
    """Raise Conflict if the work has just been merged into another."""
    if not type(work)._default_manager.filter(pk=work.pk).exists():
        raise Conflict(f"This {work.kind} has just been merged into another. Pick it again.", "just_merged") from None


def has_revealed(user, pick: AnyPick) -> bool:
    """Whether the user can read others' opinions on a pick only because they have an opinion on it."""
    on = KINDS[pick.kind].opinion_field
    others = Opinion.objects.visible_to(user).filter(**{on: pick}).exclude(user=user)
    return settings.BLIND_REVEAL and others.exclude(over_for(user, "week__")).exists()


def refuse_revealed(week: Week, picks: Iterable[AnyPick]) -> None:
    """Raise Conflict if these picks cannot be removed, as the week owner's opinion on one has revealed others'."""
    if any(has_revealed(week.user, pick) for pick in picks):
        raise Conflict(
            "You have read others' opinions on this, so yours cannot be deleted yet. Try again once the week is over.",
            "revealed",
        )


def refuse_discussed_pick(pick: Any, what: str, *, force: bool) -> None:
    """Raise Conflict if a pick, loaded by picks_by_position() for its owner, cannot be removed: for the reason of
    refuse_revealed() or, without `force`, because others have opinions on it."""
    if pick.opinions_count > bool(pick.my_opinion):
        refuse_revealed(pick.week, [pick])
        if not force:
            on_it = Opinion.objects.filter(**{KINDS[pick.kind].opinion_field: pick})
            refuse_discussed(on_it, pick.week, f"this pick. {what} it", "pick_discussed")


def refuse_discussed(opinions: OpinionQuerySet, week: Week, what: str, code: str) -> None:
    """Raise Conflict if others have these opinions on a week."""
    given = list(
        by_others(opinions, week)
        .select_related("user")
        .only("rating", "user__username", "user__display_name")
        .order_by("created_at", "pk")
    )
    if given:
        lost = "opinion" if len(given) == 1 else "opinions"
        raise Conflict(f"{_who_said(given)} {what} also deletes their {lost}.", code)


def _who_said(opinions: list[Opinion]) -> str:
    """Such as "Ben and 3 others have already rated"."""
    first, *others = {opinion.user_id: opinion.user.get_full_name() for opinion in opinions}.values()
    who = f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}" if others else first
    verbs = {"reviewed" if opinion.rating is None else "rated" for opinion in opinions}
    return f"{who} {'have' if others else 'has'} already {' or '.join(sorted(verbs))}"


def by_others(opinions: OpinionQuerySet, week: Week) -> OpinionQuerySet:
    """The opinions of members other than the week's owner whom the owner may see."""
    return opinions.filter(visible_to(week.user_id, "user")).exclude(user=week.user_id)
