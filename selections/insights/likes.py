"""Who likes what, from the ratings that every member may read: kept in memory, so that a request can use all of them.

Opinions of private members, on their weeks, or on weeks that are not over everywhere are never part of it.
"""

from collections import defaultdict
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


class Likes:
    """The works that members rated above the middle, numbered in any order."""

    def __init__(self, features: WorkFeatures) -> None:
        self.numbers: dict[Key, int] = {}
        self.works: list[dict[int, tuple[float, int]]] = []  # by member, how they like it, and the opinion
        self.members: dict[int, dict[float, list[int]]] = defaultdict(lambda: defaultdict(list))  # works by liking
        for key, member, rating, opinion in self.read(features):
            number = self.numbers.setdefault(key, len(self.works))
            if number == len(self.works):
                self.works.append({})
            if member not in self.works[number]:  # the latest of a member's several
                liking = (rating - MIDDLE) / FURTHEST
                self.works[number][member] = liking, opinion
                self.members[member][liking].append(number)
        self.keys = list(self.numbers)
        self.spread = [sqrt(RARE + sum(liking for liking, _ in work.values())) for work in self.works]

    def read(self, features: WorkFeatures) -> Any:
        """The latest opinions that say so, as rows."""
        key = features.key(f"{features.kind.opinion_field}__{features.kind.name}")
        opinions = readable_by_all(features, *first_hidden()).filter(rating__gt=MIDDLE)
        rows = opinions.annotate(key=key).order_by("-created_at", "-id")
        return rows.values_list("key", "user_id", "rating", "pk")[:MAX_LIKES].iterator()

    def near(self, user: Any, liked: dict[Key, float]) -> tuple[dict[Key, float], dict[int, float]]:
        """The points of works that are liked by those who like what the user likes, and the weights of these members.

        It is the cosine of who likes both works, over all works that the user likes: the likes are counted by member,
        which takes one pass over them.
        """
        total = 1 + sum(liked.values())
        weights: dict[int, float] = dict.fromkeys(self.members, PRIOR / total)
        for key, liking in liked.items():
            if (number := self.numbers.get(key)) is not None:
                share = liking / self.spread[number] / total
                for member, (theirs, _) in self.works[number].items():
                    weights[member] += share * theirs
        weights.pop(user.pk, None)
        points = [0.0] * len(self.works)
        for member, weight in weights.items():
            for liking, numbers in self.members[member].items():
                share = weight * liking
                for number in numbers:
                    points[number] += share
        return {key: value / spread for key, value, spread in zip(self.keys, points, self.spread, strict=True)}, weights

    def closest(self, key: Key, weights: dict[int, float], count: int) -> list[int]:
        """The opinions that contributed most to a work's points."""
        work = self.works[self.numbers[key]] if key in self.numbers else {}
        best = nsmallest(count, ((-weights[who] * liking, who) for who, (liking, _) in work.items() if who in weights))
        return [work[member][1] for _, member in best]


def readable_by_all(features: WorkFeatures, year: int, week_number: int) -> QuerySet[Opinion]:
    """The opinions on works of a kind that every member may read, on weeks before this one."""
    pick = features.kind.opinion_field
    shown = {"user__visibility": "members", f"{pick}__week__user__visibility": "members"}
    return Opinion.objects.filter(
        week_before(year, week_number, f"{pick}__week__"), **{f"{pick}__isnull": False}, **shown
    )


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
    """Changes with whatever hides opinions, every REUSED seconds, and where opinions are few, with each of them."""
    opinions = [] if OPINIONS.page(1, FEW) else LATEST()
    return first_hidden(), int(timezone.now().timestamp() / REUSED), *opinions, *PRIVATE()
