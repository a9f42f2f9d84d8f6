"""Lists of the opinions that a user may read."""

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.compiled import RowCount, Rows
from accounts.models import User
from selections.kinds import KINDS
from selections.models import Opinion, OpinionQuerySet, Week, on_rated
from selections.reads import UNUSED, rows_of, user_with
from selections.weeks import LAST_ZONE, over_for, week_in


def list_opinions(user: Any) -> Rows[Opinion]:
    """All that the user may read, the newest first."""
    return rows_of(user, count_all, select_all)


def list_filtered(opinions: OpinionQuerySet, user: Any) -> Rows[Opinion]:
    """Those of these that the user may read."""
    visible = with_shown(opinions.visible_to(user))
    count = user_with(user.pk, count=count_visible(opinions, user))
    return Rows(lambda: count[0].count, lambda limit, offset: list(visible[offset : offset + limit]))


def list_on_week(user: Any, week: Week) -> Rows[Opinion]:
    """Those on the picks of a week that the user may read, the newest first."""
    return rows_of(user, count_on_week, select_on_week, week.pk)


def select_all(user: Any) -> QuerySet[Opinion]:
    return with_shown(Opinion.objects.visible_to(user))


def count_all(user: Any) -> QuerySet[Any]:
    return user_with(user.pk, count=count_visible(Opinion.objects.all(), user))


def select_on_week(user: Any, week_id: int) -> QuerySet[Opinion]:
    return with_shown(Opinion.objects.filter(week=week_id).visible_to(user))


def count_on_week(user: Any, week_id: int) -> QuerySet[Any]:
    on_week = Opinion.objects.filter(week=week_id).visible_to(user)
    return user_with(user.pk, count=RowCount(on_week.order_by().values("pk")))


NOT_SHOWN = [
    *(f"{kind}_pick__{name}" for kind in KINDS for name in ("week", "added_at", "rewatch")),
    *(f"{kind}_pick__{kind}__{name}" for kind in KINDS for name in UNUSED[kind]),
    *(f"week__{name}" for name in ("notes", "search_text", "created_at", "updated_at")),
    *(f"{user}__{name}" for user in ("user", "week__user") for name in UNUSED["user"]),
]


def with_shown(opinions: OpinionQuerySet) -> OpinionQuerySet:
    """With their picks, without the values that no list of opinions shows: reading them takes time as well."""
    return opinions.with_picks().defer(*NOT_SHOWN)


def count_visible(opinions: OpinionQuerySet, user: Any) -> Any:
    """How many of these opinions visible_to() keeps, as an expression: all less the hidden ones.

    These are found by indexes, and each is subtracted once: those by private members; others on private members' weeks;
    others on weeks that are not over, where the user has rated nothing; and others on picks there that the user has not
    rated.
    """
    private = User.objects.hidden_from(user.pk).values("pk")
    by_seen = opinions.exclude(user__in=private)
    hidden = [opinions.filter(user__in=private), by_seen.filter(week__user__in=private)]
    if settings.BLIND_REVEAL:
        running = Week.objects.since(*week_in(LAST_ZONE, timezone.now())).order_by().values("pk")
        running = running.exclude(over_for(user) | Q(user__in=private))
        rated = Q(pk__in=Opinion.objects.filter(user=user).order_by().values("week"))
        hidden.append(by_seen.filter(week__in=running.exclude(rated)))
        hidden.append(by_seen.filter(week__in=running.filter(rated)).exclude(Q(user=user) | on_rated(user)))
    count: Any = RowCount(opinions.order_by().values("pk"))
    for some in hidden:
        count -= RowCount(some.order_by().values("pk"))
    return count
