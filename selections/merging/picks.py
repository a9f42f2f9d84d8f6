"""The picks of works to be merged: their numbers, and the effect of a merge on each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from catalog.models import Album, Movie
from selections.kinds import KINDS
from selections.models import WeekAlbum, WeekMovie


@dataclass(frozen=True)
class Moving:
    """A work to be merged, with its picks that move and those that stay, as their week picks the kept work already.

    Each pick has its `opinion_count`.
    """

    work: Movie | Album
    picks: list[WeekMovie | WeekAlbum] = field(default_factory=list)
    staying: list[WeekMovie | WeekAlbum] = field(default_factory=list)


def with_pick_count(works: QuerySet[Any]) -> QuerySet[Any]:
    """The works with `pick_count`, the number of weeks that pick each."""
    kind = KINDS[works.model.kind]
    picks = kind.picks.objects.order_by().filter(**{kind.name: OuterRef("pk")}).values(kind.name)
    counts = picks.annotate(count=Count("pk")).values("count")
    counted: QuerySet[Any] = works.annotate(pick_count=Coalesce(Subquery(counts), 0))
    return counted


def count_opinions(works: Sequence[Movie | Album]) -> dict[int, int]:
    """The number of opinions on the picks of each of these works of one kind, by primary key."""
    kind = KINDS[works[0].kind]
    picks = kind.picks.objects.order_by().filter(**{f"{kind.name}__in": works})
    return dict(picks.values_list(kind.name).annotate(opinion_count=Count("opinions")))


def preview(kept: Movie | Album, others: Sequence[Movie | Album]) -> list[Moving]:
    """The effects of merging on the picks of the others; two queries."""
    kind = KINDS[kept.kind]
    weeks_with_kept = set(kept.picks.values_list("week", flat=True))
    picks = (
        kind.picks.objects.filter(**{f"{kind.name}__in": others})
        .select_related("week__user", kind.name)
        .annotate(opinion_count=Count("opinions"))
        .order_by("week__user__username", "week__year", "week__week_number", "position")
    )
    found = []
    for other in others:
        moving = Moving(other)
        for pick in (pick for pick in picks if pick.work == other):
            (moving.staying if pick.week_id in weeks_with_kept else moving.picks).append(pick)
            weeks_with_kept.add(pick.week_id)
        found.append(moving)
    return found
