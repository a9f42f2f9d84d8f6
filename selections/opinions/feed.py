"""Lists of the opinions that a user may read."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.compiled import RowCount, Rows
from selections.kinds import KINDS
from selections.models import Opinion, OpinionQuerySet, Week, revealed_to
from selections.reads import rows_of, user_with
from selections.weeks import LAST_ZONE, week_in


def list_opinions(user: Any) -> Rows[Opinion]:
    """All that the user may read, the newest first."""
    return rows_of(user, count_all, select_all)


def list_filtered(opinions: OpinionQuerySet, user: Any) -> Rows[Opinion]:
    """Those of these that the user may read."""
    visible = opinions.visible_to(user).with_picks()
    count = user_with(user.pk, count=count_visible(opinions, user))
    return Rows(lambda: count[0].count, lambda limit, offset: list(visible[offset : offset + limit]))


def list_on_week(user: Any, week: Week) -> Rows[Opinion]:
    """Those on the picks of a week that the user may read, the newest first."""
    return rows_of(user, count_on_week, select_on_week, week.pk)


def select_all(user: Any) -> QuerySet[Opinion]:
    return Opinion.objects.visible_to(user).with_picks()


def count_all(user: Any) -> QuerySet[Any]:
    return user_with(user.pk, count=count_visible(Opinion.objects.all(), user))


def select_on_week(user: Any, week_id: int) -> QuerySet[Opinion]:
    return Opinion.objects.on_week(week_id).visible_to(user).with_picks()


def count_on_week(user: Any, week_id: int) -> QuerySet[Any]:
    on_week = Opinion.objects.on_week(week_id).visible_to(user)
    return user_with(user.pk, count=RowCount(on_week.order_by().values("pk")))


def count_visible(opinions: OpinionQuerySet, user: Any) -> Any:
    """How many of these opinions visible_to() keeps, as an expression.

    On SQLite it subtracts the number of hidden ones, each of which an index finds. PostgreSQL gains nothing from that,
    and plans it badly for rows that it has not analyzed yet.
    """
    if connection.vendor != "sqlite":
        return RowCount(opinions.visible_to(user).order_by().values("pk"))
    private = get_user_model()._default_manager.exclude(Q(pk=user.pk) | Q(visibility="members")).values("pk")
    running = Week.objects.since(*week_in(LAST_ZONE, timezone.now()))
    hidden = [opinions.filter(user__in=private)]
    for kind in KINDS.values():
        pick, picks = f"{kind.opinion_field}__in", kind.picks._default_manager.order_by().values("pk")
        hidden.append(opinions.filter(**{pick: picks.filter(week__user__in=private)}))
        if settings.BLIND_REVEAL:
            on_running = opinions.filter(**{pick: picks.filter(week__in=running.order_by().values("pk"))})
            hidden.append(on_running.exclude(revealed_to(user, kind.opinion_field)))
    first, *others = (of_one.order_by().values("pk") for of_one in hidden)
    return RowCount(opinions.order_by().values("pk")) - RowCount(first.union(*others).order_by())
