"""Who likes what, from the ratings that every member may read: kept in memory, so that a request can use all of them.

Opinions of private members, on their weeks, or on weeks that are not over everywhere are never part of it.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from heapq import nsmallest
from math import sqrt
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, Max, QuerySet, Value
from django.utils import timezone

from accounts.compiled import CompiledQuery
from selections.models import Opinion
from selections.weeks import LAST_YEAR, LAST_ZONE, YearWeek, week_before, week_in

from .features import Key, WorkFeatures

# The preference for each rating, from -1 to 1.
MIDDLE, FURTHEST = 5.5, 4.5

RARE = 10  # likes assumed beside those of each work, so that two who share a little-known one are not taken for twins
PRIOR = 0.003  # the weight of members who like nothing that the user likes: new members see what is liked most

MAX_LIKES = 100_000  # the latest: some 20 MB
FEW = 20_000  # opinions, up to which each request sees the latest
REUSED = 600  # seconds for which likes are kept where there are more

OPINIONS = CompiledQuery(lambda: Opinion.objects.order_by().values_list("pk"))
NEWEST = {"count": Count("pk"), "pk": Max("pk"), "at": Max("updated_at")}
LATEST = CompiledQuery(lambda: Opinion.objects.order_by().values_list(Value(0)).annotate(**NEWEST))
PRIVATE = CompiledQuery(lambda: get_user_model().objects.filter(visibility="private").order_by("pk").values_list("pk"))


type Groups = dict[int, dict[float, list[int]]]  # the works that each member likes, by how much; or members, by work


class Likes:
    """The works that members rated above the middle; works and members are numbered in any order."""

    def __init__(self, features: WorkFeatures) -> None:
        self.works: dict[Key, int] = {}
        self.members: dict[int, int] = {}
        self.by_work: Groups = defaultdict(lambda: defaultdict(list))
        self.by_member: Groups = defaultdict(lambda: defaultdict(list))
        self.opinions: dict[int, dict[int, int]] = defaultdict(dict)  # of each work, by member
        for key, user, rating, opinion in self.read(features):
            work = self.works.setdefault(key, len(self.works))
            member = self.members.setdefault(user, len(self.members))
            if member not in self.opinions[work]:  # the latest of a member's several
                liking = (rating - MIDDLE) / FURTHEST
                self.opinions[work][member] = opinion
                self.by_work[work][liking].append(member)
                self.by_member[member][liking].append(work)
        self.keys, self.users = list(self.works), list(self.members)
        sums = add([0.0] * len(self.works), dict.fromkeys(self.by_member, 1.0).items(), self.by_member)
        self.spread = [sqrt(RARE + likes) for likes in sums]

    def read(self, features: WorkFeatures) -> Any:
        """The latest opinions that are likes, as rows."""
        key = features.key(f"{features.kind.opinion_field}__{features.kind.name}")
        opinions = readable_by_all(features, *first_hidden()).filter(rating__gt=MIDDLE)
        rows = opinions.annotate(key=key).order_by("-created_at", "-id")
        return rows.values_list("key", "user_id", "rating", "pk")[:MAX_LIKES].iterator()

    def near(self, user: Any, liked: dict[Key, float]) -> tuple[list[float], list[float]]:
        """The points of works that are liked by members who like what the user likes, and the weights of these members.

        A work's points add up, over all works that the user likes, the cosine similarity between those who like the one
        and those who like the other. The sums are computed member by member, in one pass over the likes.
        """
        total = 1 + sum(liked.values())
        known = [(self.works[key], liking) for key, liking in liked.items() if key in self.works]
        shares = [(work, liking / self.spread[work] / total) for work, liking in known]
        weights = add([PRIOR / total] * len(self.members), shares, self.by_work)
        if user.pk in self.members:
            weights[self.members[user.pk]] = 0.0
        points = add([0.0] * len(self.works), enumerate(weights), self.by_member)
        return [value / spread for value, spread in zip(points, self.spread, strict=True)], weights

    def closest(self, key: Key, weights: list[float], count: int) -> list[int]:
        """The opinions that contributed most to a work's points."""
        work = self.works.get(key, -1)
        parts = [
            (-weights[member] * liking, self.users[member], self.opinions[work][member])
            for liking, members in self.by_work.get(work, {}).items()
            for member in members
            if weights[member]
        ]
        return [opinion for _, _, opinion in nsmallest(count, parts)]


def add(sums: list[float], shares: Iterable[tuple[int, float]], likes: Groups) -> list[float]:
    """Add to the sums of members, or of works, the shares of works or members times how much they are liked."""
    for number, share in shares:
        for liking, others in likes[number].items():
            part = share * liking
            for other in others:
                sums[other] += part
    return sums


def readable_by_all(features: WorkFeatures, year: int, week_number: int) -> QuerySet[Opinion]:
    """The opinions on works of a kind that every member may read, on weeks before this one."""
    shown = {"user__visibility": "members", "week__user__visibility": "members"}
    return Opinion.objects.on_kind(features.kind.name).filter(week_before(year, week_number, "week__"), **shown)


def first_hidden() -> YearWeek:
    """The first week that is not over everywhere, if opinions are hidden until then."""
    return week_in(LAST_ZONE, timezone.now()) if settings.BLIND_REVEAL else (LAST_YEAR + 1, 1)


def likes_of(features: WorkFeatures) -> Likes:
    """The likes of works of a kind, counted again when the stamp has changed."""
    return keep(features, _stamp())


@lru_cache(maxsize=2)  # one for each kind
def keep(features: WorkFeatures, stamp: tuple[Any, ...]) -> Likes:
    return Likes(features)


def _stamp() -> tuple[Any, ...]:
    """A value that changes when opinions are hidden, every REUSED seconds, and, if opinions are few, with each
    opinion."""
    opinions = [] if OPINIONS.page(1, FEW) else LATEST()
    return first_hidden(), int(timezone.now().timestamp() / REUSED), *opinions, *PRIVATE()
