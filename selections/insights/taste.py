"""A user's taste, from their picks and ratings, and from the ratings of members who agree with them."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Avg, Case, Count, F, IntegerField, When
from django.db.models.functions import Abs

from catalog.models import Movie
from selections.models import Opinion, visible_to
from selections.weeks import over_for

from .features import Feature, Key, SourcePick, WorkFeatures

# The preference for each rating, from -1 to 1.
MIDDLE, FURTHEST = 5.5, 4.5
UNRATED = 0.2  # the preference for a work that the user picked

# For each of these, the number of works without a preference that are assumed in addition to those the user knows.
DOUBT = {"director": 3, "writer": 3, "cast": 3, "artist": 2, "genre": 6, "decade": 6}

AGREED_GAP = 2.5  # between the ratings of two users: the typical difference for strangers
AGREED_DOUBT = 5  # works in common, at which an agreement counts half
STRANGER = 0.15  # the weight of a stranger's opinion; that of a member who agrees is up to 1
ENOUGH_PEOPLE = 10  # members who agree, from which on strangers are not needed

# Limits, so that a response costs about the same for any amount of data.
MAX_HISTORY = 300  # works that the user knows, the latest
MAX_FEATURES = 40  # of a kind: those with the strongest preference
MAX_COMPARED = 500  # people, those with most in common
MAX_AGREEING = 40
MAX_OPINIONS = 3000  # of others, the latest


@dataclass
class KnownWork:
    """A work that the user picked or rated, with their ratings and the picks, the latest first."""

    key: Key
    ratings: list[int] = field(default_factory=list)
    picks: list[SourcePick] = field(default_factory=list)

    @property
    def liking(self) -> float:
        """From -1 to 1."""
        return (sum(self.ratings) / len(self.ratings) - MIDDLE) / FURTHEST if self.ratings else UNRATED

    @property
    def latest(self) -> tuple[int, int]:
        return max((pick.year, pick.week_number) for pick in self.picks)


@dataclass
class Affinity:
    """A user's preference for works with a feature, from -1 to 1, and the works that they know."""

    liking: float
    known: list[KnownWork]


@dataclass(frozen=True)
class PeerRating:
    """Another member's rating of a work, with the pick that it is on and its weight."""

    user_id: int
    username: str
    rating: int
    weight: float
    work_id: int
    pick: SourcePick


class Taste:
    """The works that the user knows and likes, and other members' ratings of works that the user does not know."""

    def __init__(self, user: Any, features: WorkFeatures) -> None:
        self.user, self.features, self.kind = user, features, features.kind
        self.names: dict[Feature, str] = {}
        self.known = self.read_history()
        self.own = features.editions(self.known)
        known = [known for known in self.known.values() if known.picks]
        self.history = sorted(known, key=lambda known: known.latest, reverse=True)[:MAX_HISTORY]
        self.by_tmdb_id: dict[int, KnownWork] = {}  # movies of the history
        self.affinities = self.read_affinities()
        self.peer_ratings = self.read_peer_ratings()

    def read_history(self) -> dict[Key, KnownWork]:
        """The works that the user picked or has an opinion on; without picks if these say nothing about their taste."""
        features, opinion_field = self.features, self.kind.opinion_field
        known: dict[Key, KnownWork] = {}

        def known_work(key: Key) -> KnownWork:
            return known.setdefault(key, KnownWork(key))

        latest_first = ("-week__year", "-week__week_number", "position")
        picks = self.kind.picks._default_manager.filter(week__user=self.user).order_by(*latest_first)
        rows = picks.annotate(key=features.key(self.kind.name)).values_list("key", *features.source_pick())
        for key, *pick in rows:
            known_work(key).picks.append(SourcePick(*pick))
        opinions = (
            Opinion.objects.filter(user=self.user, **{f"{opinion_field}__isnull": False})
            .annotate(
                key=features.key(f"{opinion_field}__{self.kind.name}"),
                is_own=Case(When(**{f"{opinion_field}__week__user": self.user}, then=True), default=False),
                is_shown=Case(When(visible_to(self.user, f"{opinion_field}__week__user"), then=True), default=False),
            )
            .order_by("-created_at", "-id")
        )
        fields = ("key", "rating", "is_own", "is_shown", *features.source_pick(f"{opinion_field}__"))
        for key, rating, is_own, is_shown, *pick in opinions.values_list(*fields):
            of_this = known_work(key)
            if rating is not None and is_shown:
                of_this.ratings.append(rating)
                if not is_own:
                    of_this.picks.append(SourcePick(*pick))
        return known

    def read_affinities(self) -> dict[Feature, Affinity]:
        """The user's preferences for the features of their history, the strongest of each kind."""
        by_key = {known.key: known for known in self.history}
        ids = {work: key for work, key in self.own.items() if key in by_key}
        knowing: dict[Feature, dict[Key, KnownWork]] = defaultdict(dict)
        for work, feature, name in self.features.credits(of=ids):
            self.names[feature] = name
            knowing[feature][ids[work]] = by_key[ids[work]]
        for row in self.kind.works._default_manager.filter(pk__in=ids).order_by("pk"):
            known_work = by_key[ids[row.pk]]
            for feature in self.features.traits(row):
                knowing[feature][known_work.key] = known_work
            if isinstance(row, Movie):
                self.by_tmdb_id[row.tmdb_id] = known_work
        affinities: dict[str, list[tuple[Feature, Affinity]]] = defaultdict(list)
        for feature, known in knowing.items():
            liking = sum(work.liking for work in known.values()) / (len(known) + DOUBT[feature[0]])
            affinities[feature[0]].append((feature, Affinity(liking, list(known.values()))))
        return {
            feature: affinity
            for of_kind in affinities.values()
            for feature, affinity in sorted(of_kind, key=lambda pair: -abs(pair[1].liking))[:MAX_FEATURES]
        }

    def read_peer_ratings(self) -> dict[Key, list[PeerRating]]:
        """Recent ratings that the user may read: of members who agree with them or, if these are few, of all who do
        not disagree.
        """
        opinion_field = self.kind.opinion_field
        path = f"{opinion_field}__{self.kind.name}"
        weights = self.read_agreements()
        agreeing = sorted((who for who, weight in weights.items() if weight), key=lambda who: (-weights[who], who))
        rated = Opinion.objects.filter(**{f"{opinion_field}__isnull": False, "rating__isnull": False})
        rated = rated.exclude(user=self.user)
        if len(agreeing) >= ENOUGH_PEOPLE:
            rated = rated.filter(user__in=agreeing[:MAX_AGREEING])
        # The latest are chosen first, in a query of their own: with all conditions of a readable opinion in one query
        # PostgreSQL would scan all opinions instead of using its index. Opinions that are revealed before
        # their week is over are about works that the user knows.
        by_seen_people = visible_to(self.user, "user") & visible_to(self.user, f"{opinion_field}__week__user")
        if settings.BLIND_REVEAL:
            by_seen_people &= over_for(self.user, f"{opinion_field}__week__")
        latest = rated.filter(by_seen_people).order_by("-created_at", "-id").values_list("pk", flat=True)
        source_pick = self.features.source_pick(f"{opinion_field}__")
        rows = (
            Opinion.objects.visible_to(self.user, opinion_field)
            .filter(pk__in=list(latest[:MAX_OPINIONS]))
            .annotate(key=self.features.key(path))
            .order_by("-created_at", "-id")
            .values_list("key", "user_id", "user__username", "rating", f"{path}_id", *source_pick)
        )
        ratings: dict[Key, dict[int, PeerRating]] = defaultdict(dict)
        for key, who, username, rating, work, *pick in rows:
            weight = weights.get(who, STRANGER)
            if weight and key not in self.known:
                ratings[key].setdefault(who, PeerRating(who, username, rating, weight, work, SourcePick(*pick)))
        return {key: list(by_person.values()) for key, by_person in ratings.items()}

    def read_agreements(self) -> dict[int, float]:
        """The weight, from 0 to 1, of each member with rated works in common with the user."""
        opinion_field = self.kind.opinion_field
        path = f"{opinion_field}__{self.kind.name}"
        rated: dict[int, list[int]] = defaultdict(list)
        by_key = {known.key: known for known in self.history if known.ratings}
        for work, key in self.own.items():
            if key in by_key:
                rated[round(sum(by_key[key].ratings) / len(by_key[key].ratings))].append(work)
        if not rated:
            return {}
        works = [work for of_rating in rated.values() for work in of_rating]
        picks = self.kind.picks._default_manager.filter(**{f"{self.kind.name}__in": works}).order_by().values("pk")
        mine = Case(
            *[When(**{f"{path}__in": rated[rating]}, then=rating) for rating in rated], output_field=IntegerField()
        )
        people = (
            Opinion.objects.visible_to(self.user, opinion_field)
            .filter(rating__isnull=False, **{f"{opinion_field}__in": picks})
            .exclude(user=self.user)
            .values("user")
            .annotate(common=Count(self.features.key(path), distinct=True), gap=Avg(Abs(F("rating") - mine)))
            .order_by("-common", "user")
            .values_list("user", "common", "gap")
        )
        return {
            who: max(0, 1 - float(gap) / AGREED_GAP) * common / (common + AGREED_DOUBT)
            for who, common, gap in people[:MAX_COMPARED]
        }
