"""A user's taste, from their picks and ratings."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Case, QuerySet, When

from accounts.compiled import compiled
from selections.models import Opinion
from selections.models.conditions import visible_to

from .features import Feature, Key, SourcePick, WorkFeatures
from .likes import FURTHEST, MIDDLE

UNRATED = 0.2  # the preference for a work that the user picked
DOUBT = 5  # works without a preference that are assumed beside those with a feature that the user knows

# Limits, so that a response costs about the same for any amount of data.
MAX_HISTORY = 300  # works whose features count, the latest
MAX_FEATURES = 100  # of a kind: those with the strongest preference


@dataclass
class KnownWork:
    """A work that the user picked or rated, with their ratings and the picks, the latest first."""

    key: Key
    ratings: list[int] = field(default_factory=list)
    picks: list[SourcePick] = field(default_factory=list)

    @cached_property
    def liking(self) -> float:
        """From -1 to 1."""
        return (sum(self.ratings) / len(self.ratings) - MIDDLE) / FURTHEST if self.ratings else UNRATED

    @cached_property
    def latest(self) -> tuple[int, int]:
        return max((pick.year, pick.week_number) for pick in self.picks)


class Taste:
    """The works that the user knows, and their preference for the features of these."""

    def __init__(self, user: Any, features: WorkFeatures) -> None:
        self.user, self.features = user, features
        self.known = self.read_history()
        self.own = features.editions(self.known)
        shown = [known for known in self.known.values() if known.picks]
        self.liked = {known.key: known.liking for known in shown if known.liking > 0}
        history = sorted(shown, key=lambda known: known.latest, reverse=True)[:MAX_HISTORY]
        self.history = {known.key: known for known in history}
        self.knowing: dict[Feature, dict[Key, KnownWork]] = defaultdict(dict)
        self.names: dict[Feature, str] = {}
        self.affinities: dict[Feature, float] = {}  # from -1 to 1, the strongest of each kind

    def read_history(self) -> dict[Key, KnownWork]:
        """The works that the user picked or has an opinion on; without picks if these say nothing about their taste."""
        known: dict[Key, KnownWork] = {}

        def known_work(key: Key) -> KnownWork:
            return known.setdefault(key, KnownWork(key))

        for key, *pick in compiled(own_picks, self.features)(self.user.pk):
            known_work(key).picks.append(SourcePick(*pick))
        for key, rating, is_own, is_shown, *pick in compiled(own_opinions, self.features)(self.user.pk):
            of_this = known_work(key)
            if rating is not None and is_shown:
                of_this.ratings.append(rating)
                if not is_own:
                    of_this.picks.append(SourcePick(*pick))
        return known

    def learn(self, features: list[tuple[int, Feature, str]]) -> None:
        """Add the preferences for features of works that the user knows, all of one kind of feature or of several."""
        learned = set()
        for work, feature, name in features:
            if known := self.history.get(self.own[work]):
                learned.add(feature)
                self.names[feature] = name
                self.knowing[feature][known.key] = known
        by_kind: dict[str, list[tuple[Feature, float]]] = defaultdict(list)
        for feature in sorted(learned, key=str):
            works = self.knowing[feature].values()
            by_kind[feature[0]].append((feature, sum(known.liking for known in works) / (len(works) + DOUBT)))
        for of_kind in by_kind.values():
            self.affinities |= sorted(of_kind, key=lambda pair: -abs(pair[1]))[:MAX_FEATURES]


def own_picks(features: WorkFeatures, user: int) -> QuerySet[Any, Any]:
    picks = features.kind.picks._default_manager.filter(week__user=user)
    rows = picks.annotate(key=features.key(features.kind.name)).values_list("key", *features.source_pick())
    return rows.order_by("-week__year", "-week__week_number", "position")


def own_opinions(features: WorkFeatures, user: int) -> QuerySet[Any, Any]:
    pick = features.kind.opinion_field
    opinions = Opinion.objects.filter(user=user, **{f"{pick}__isnull": False}).annotate(
        key=features.key(f"{pick}__{features.kind.name}"),
        is_own=Case(When(week__user=user, then=True), default=False),
        is_shown=Case(When(visible_to(user, "week__user"), then=True), default=False),
    )
    rows = opinions.values_list("key", "rating", "is_own", "is_shown", *features.source_pick(f"{pick}__"))
    return rows.order_by("-created_at", "-id")
