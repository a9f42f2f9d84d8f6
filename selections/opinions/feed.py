"""The number of opinions that a user may read, without looking at each of them."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from selections.kinds import KINDS
from selections.models import OpinionQuerySet, RowCount, Week, revealed_to
from selections.weeks import LAST_ZONE, week_in


def count_visible(opinions: OpinionQuerySet, user: Any) -> int:
    """How many of these opinions visible_to() keeps: all less the hidden ones, each of which an index finds."""
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
    users = get_user_model()._default_manager.filter(pk=user.pk)
    visible = RowCount(opinions.order_by().values("pk")) - RowCount(first.union(*others).order_by())
    return users.values_list(visible, flat=True).get()
