"""Who likes what, from the ratings that every member may read: kept in memory, so that a request can use all of them.

Opinions of private members, on their weeks, or on weeks that are not over everywhere are never part of it.
"""

from collections import defaultdict
from functools import lru_cache
from heapq import nlargest
from math import sqrt
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, Max
from django.utils import timezone

from selections.models import Opinion
from selections.weeks import LAST_ZONE, week_before, week_in

from .features import Key, WorkFeatures

# The preference for each rating, from -1 to 1.
MIDDLE, FURTHEST = 5.5, 4.5

RARE = 10  # likes assumed beside those of each work, so that two who share a little-known one are not taken for twins
PRIOR = 0.003  # the weight of members who like nothing that the user likes: new members see what is liked most

MAX_LIKES = 100_000  # the latest: some 20 MB
FEW = 20_000  # opinions, up to which each request sees the latest
REUSED = 600  # seconds for which likes are kept where there are more


class Likes:
    """The works that members rated above the middle."""

    def __init__(self, features: WorkFeatures) -> None:
        self.members: dict[int, dict[float, list[Key]]] = defaultdict(lambda: defaultdict(list))  # by how they like it
        self.works: dict[Key, list[tuple[int, float, int]]] = defaultdict(list)  # a member, how they like it, opinion
        known = set()
        for key, member, rating, opinion in self.read(features):
            if (key, member) not in known:  # the latest of a member's several
                known.add((key, member))
                liking = (rating - MIDDLE) / FURTHEST
                self.members[member][liking].append(key)
                self.works[key].append((member, liking, opinion))
        self.spread = {key: sqrt(RARE + sum(liking for _, liking, _ in of)) for key, of in self.works.items()}

    def read(self, features: WorkFeatures) -> Any:
        """The latest opinions that say so, as rows."""
        pick = features.kind.opinion_field
        shown = {"user__visibility": "members", f"{pick}__week__user__visibility": "members"}
        opinions = Opinion.objects.filter(rating__gt=MIDDLE, **{f"{pick}__isnull": False}, **shown)
        if settings.BLIND_REVEAL:
            opinions = opinions.filter(week_before(*week_in(LAST_ZONE, timezone.now()), f"{pick}__week__"))
        rows = opinions.annotate(key=features.key(f"{pick}__{features.kind.name}")).order_by("-created_at", "-id")
        return rows.values_list("key", "user_id", "rating", "pk")[:MAX_LIKES].iterator()

    def near(self, user: Any, liked: dict[Key, float]) -> tuple[dict[Key, float], dict[int, float]]:
        """The points of works that are liked by those who like what the user likes, and the weights of these members.

        It is the cosine of who likes both works, over all works that the user likes: the likes are counted by member,
        which takes one pass over them.
        """
        total = 1 + sum(liked.values())
        weights: dict[int, float] = defaultdict(lambda: PRIOR / total)
        for key, liking in liked.items():
            for member, theirs, _ in self.works.get(key, ()):
                weights[member] += liking * theirs / self.spread[key] / total
        points: dict[Key, float] = defaultdict(float)
        for member, by_liking in self.members.items():
            if member != user.pk:
                for liking, keys in by_liking.items():
                    share = weights[member] * liking
                    for key in keys:
                        points[key] += share
        return {key: value / self.spread[key] for key, value in points.items()}, weights

    def closest(self, user: Any, key: Key, weights: dict[int, float], count: int) -> list[int]:
        """The opinions that contributed most to a work's points."""
        others = (like for like in self.works.get(key, ()) if like[0] != user.pk)
        return [opinion for *_, opinion in nlargest(count, others, key=lambda like: weights[like[0]] * like[1])]


def likes_of(features: WorkFeatures) -> Likes:
    """The likes of works of a kind, counted again when the stamp has changed."""
    return _count(features, _stamp())


@lru_cache(maxsize=2)  # one for each kind
def _count(features: WorkFeatures, stamp: tuple[Any, ...]) -> Likes:
    return Likes(features)


def _stamp() -> tuple[Any, ...]:
    """Changes with whatever hides opinions, every REUSED seconds, and where opinions are few, with each of them."""
    now = timezone.now()
    private = get_user_model().objects.filter(visibility="private").order_by("pk").values_list("pk", flat=True)
    few = Opinion.objects.exclude(Exists(Opinion.objects.filter(pk__gt=FEW)))  # a condition that is evaluated once
    opinions = few.aggregate(Count("pk"), Max("pk"), Max("updated_at"))
    moment = int(now.timestamp() / REUSED)
    return settings.BLIND_REVEAL, week_in(LAST_ZONE, now), moment, *opinions.values(), *private
