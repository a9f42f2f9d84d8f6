"""Recommendations for a user: works like those that they like, and works that people who like the same ones like.

A work gets points for each feature (a maker, its genres, its decade) that it shares with works that the user likes, and
for the members who like both it and works that the user likes. A maker who led to an earlier result counts less for the
next, so that the results differ. Works that the user picked or has an opinion on are never included, nor are other
editions of such an album.

`tests/benchmarks/taste.py` measures this on people's ratings; its docstring says what each constant is worth.
"""

import heapq
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from accounts.compiled import compiled
from catalog import services as catalog
from catalog.models import Album, Movie
from integrations.tmdb import MovieHit
from selections.kinds import MOVIE

from .features import ALBUMS, MAKERS, MOVIES, Feature, Key, SourcePick, WorkFeatures
from .likes import FURTHEST, MIDDLE, first_hidden, likes_of, readable_by_all
from .taste import Taste

NEAR = 20  # the weight of people beside features, which each have the weight 1
TMDB = 0.6  # that of TMDB's first recommendation
HIGH = (7 - MIDDLE) / FURTHEST  # TMDB is asked about movies that the user likes at least this much
REPEATED = 0.8  # the share of a maker's points that is left after each result that it led to
STEEPNESS = 1.2  # for the score: one point gives 70 of 100
PEOPLE: Feature = ("people", 0)

# Limits, so that a response costs about the same for any amount of data.
MAX_CANDIDATES = 100  # of each source
MAX_ASKED = 5  # movies, at TMDB
MAX_REASONS = 5  # named for a result
MAX_PICKS = 3  # named for a reason, and members for a result


@dataclass(frozen=True)
class Reason:
    """A reason for a recommendation. `name` is that of the person, genre or artist; for `decade` such as 1990s, for
    `people` a username, and for `tmdb` the title that TMDB recommends the work for.
    """

    reason: str
    name: str
    picks: list[SourcePick]


@dataclass(frozen=True)
class Recommendation:
    """`score` is from 0 to 100 and never rises from one to the next; `because` begins with the strongest reason.

    The work has no id if TMDB recommends one that is not in the catalog.
    """

    score: int
    because: list[Reason]
    work: Movie | Album


@dataclass
class Candidate:
    """A work that might be recommended, with its points by feature."""

    work: Any  # its id and the fields of its features, or the hit
    key: Key
    order: tuple[Any, ...]  # the order among equals
    points: dict[Feature, float] = field(default_factory=dict)

    def total(self, used: Counter[Feature]) -> float:
        """Its points after the results that its makers have led to, by the number of results for each."""
        total = 0.0
        for feature, points in self.points.items():
            repeated = points > 0 and feature in used
            total += points * REPEATED ** used[feature] if repeated else points
        return total


def recommend_movies(user: Any, *, limit: int) -> tuple[str, list[Recommendation]]:
    """Recommended movies, the best first, and their source: `tmdb` if it contributed, else `catalog`."""
    search = Search(user, MOVIES)
    return "tmdb" if search.ask_tmdb() else "catalog", search.results(limit)


def recommend_albums(user: Any, *, limit: int) -> tuple[str, list[Recommendation]]:
    """Recommended albums, as in recommend_movies(), but without asking an upstream."""
    return "catalog", Search(user, ALBUMS).results(limit)


class Search:
    """Finds and ranks works that a user may like."""

    def __init__(self, user: Any, features: WorkFeatures) -> None:
        self.features, self.kind = features, features.kind
        self.taste = Taste(user, features)
        self.likes = likes_of(features)
        self.near, self.weights = self.likes.near(user, self.taste.liked)
        self.hits: dict[int, MovieHit] = {}  # by their TMDB ids
        self.asked: dict[int, list[SourcePick]] = {}  # the picks of the movies that TMDB was asked about
        self.recommended: dict[int, dict[Feature, float]] = defaultdict(dict)  # points by TMDB id of a hit

    def ask_tmdb(self) -> bool:
        """Add TMDB's recommendations for the movies that the user rated highest; return whether it answered in time."""
        rated = [known for known in self.taste.history.values() if known.ratings and known.liking >= HIGH]
        best = sorted(rated, key=lambda known: (known.liking, known.latest), reverse=True)[:MAX_ASKED]
        movies = self.load([known.key for known in best])
        liked = {movies[known.key].tmdb_id: known for known in best}
        answers = catalog.movies_like(list(liked))
        for tmdb_id, hits in answers.items():
            self.asked[tmdb_id] = liked[tmdb_id].picks
            for place, hit in enumerate(hits):
                self.hits[hit.tmdb_id] = hit
                points = TMDB * liked[tmdb_id].liking * (1 - place / (2 * len(hits)))
                self.recommended[hit.tmdb_id]["tmdb", tmdb_id] = points
        return bool(answers)

    def results(self, limit: int) -> list[Recommendation]:
        """The best works, each ranked after those before it."""
        waiting = [(-candidate.total(Counter()), candidate.order, candidate) for candidate in self.candidates()]
        heapq.heapify(waiting)
        used: Counter[Feature] = Counter()
        found: list[tuple[float, Candidate]] = []
        keys = set()
        while waiting and len(found) < limit:
            _, order, candidate = heapq.heappop(waiting)
            total = candidate.total(used)
            if total <= 0 or candidate.key in keys:  # of several editions the first
                continue
            # Totals only ever fall, so the first that is still the best after its update is the best of all.
            if waiting and (-total, order) > waiting[0][:2]:
                heapq.heappush(waiting, (-total, order, candidate))
                continue
            keys.add(candidate.key)
            used.update(feature for feature, points in candidate.points.items() if points > 0 and feature[0] in MAKERS)
            found.append((total, candidate))
        return self.explained(found)

    def candidates(self) -> list[Candidate]:
        """The works that may have the most points, with these."""
        features, own = self.features, self.taste.own
        known = [work for work, key in own.items() if key in self.taste.history]
        self.taste.learn(sorted(features.credits(features.kind.name, known)))
        made = self.points_of_makers()
        known_numbers = {self.likes.works.get(key) for key in self.taste.known}
        unknown = (number for number in range(len(self.near)) if number not in known_numbers)
        near = heapq.nlargest(MAX_CANDIDATES, unknown, key=self.near.__getitem__)
        ids = {
            *known,
            *heapq.nsmallest(MAX_CANDIDATES, made, key=lambda work: (-sum(made[work].values()), work)),
            *features.editions([self.likes.keys[number] for number in near]),
        }
        works = compiled(candidates, features)([*ids], [*own], [*self.hits])
        traits = {work.pk: features.traits(work) for work in works}
        self.taste.learn([(work, feature, str(feature[1])) for work in known for feature in traits.get(work, [])])
        return [self.candidate(work, made[work.pk], traits[work.pk]) for work in works if self.may_be(work)] + [
            Candidate(hit, -hit.tmdb_id, (0, 1, hit.tmdb_id), self.recommended[hit.tmdb_id])  # not in the catalog
            for hit in self.hits.values()
        ]

    def points_of_makers(self) -> dict[int, dict[Feature, float]]:
        """The points of each work for its makers."""
        affinities = self.taste.affinities
        people = {int(name) for _, name in affinities}
        made: dict[int, dict[Feature, float]] = defaultdict(dict)
        rows = self.features.credits(self.features.maker, people)
        for work, feature in sorted(
            (work, feature) for work, feature, _ in rows if feature in affinities and work not in self.taste.own
        ):
            made[work][feature] = affinities[feature]
        return made

    def may_be(self, work: Any) -> bool:
        """Whether to recommend the work: not one that the user knows, nor one known from a member's file only."""
        is_hit = self.kind is MOVIE and work.tmdb_id in self.hits
        if work.pk in self.taste.own:
            self.hits.pop(getattr(work, "tmdb_id", 0), None)
            return False
        return work.is_fetched and (is_hit or work.is_there)

    def candidate(self, work: Any, points: dict[Feature, float], traits: list[Feature]) -> Candidate:
        key = self.features.key_of(work)
        if key in self.likes.works:
            points[PEOPLE] = NEAR * self.near[self.likes.works[key]]
        genres = sum(kind == "genre" for kind, _ in traits)
        for feature in traits:
            if liking := self.taste.affinities.get(feature):
                points[feature] = liking / genres if feature[0] == "genre" else liking
        if self.hits.pop(getattr(work, "tmdb_id", 0), None):
            points |= self.recommended[work.tmdb_id]
        return Candidate(work, key, self.features.order(work), points)

    def load(self, ids: list[Any]) -> dict[Any, Any]:
        return {work.pk: work for work in compiled(whole_works, self.features)(ids)} if ids else {}

    def explained(self, found: list[tuple[float, Candidate]]) -> list[Recommendation]:
        """The recommendations with all fields of their works, and the reasons that can be named."""
        works = self.load([getattr(candidate.work, "pk", 0) for _, candidate in found])
        closest = {candidate.key: self.likes.closest(candidate.key, self.weights, MAX_PICKS) for _, candidate in found}
        contributed = [pk for pks in closest.values() for pk in pks]
        rows = compiled(named_opinions, self.features)(contributed, *first_hidden()) if contributed else []
        people = {pk: Reason("people", username, [SourcePick(*source)]) for pk, username, *source in rows}
        recommended = []
        for total, candidate in found:
            work = works.get(getattr(candidate.work, "pk", 0)) or Movie(**vars(candidate.work))
            if because := self.because(candidate, [people[pk] for pk in closest[candidate.key] if pk in people]):
                recommended.append(Recommendation(round(100 * (1 - math.exp(-STEEPNESS * total))), because, work))
        return recommended

    def because(self, candidate: Candidate, people: list[Reason]) -> list[Reason]:
        """The reasons for a recommendation, the strongest first, with the picks that led to it."""
        reasons: list[Reason] = []
        for feature, points in sorted(candidate.points.items(), key=lambda pair: -pair[1]):
            if points > 0 and len(reasons) < MAX_REASONS:
                reasons += people if feature == PEOPLE else [self.reason(*feature)]
        return reasons[:MAX_REASONS]

    def reason(self, kind: str, about: int | str) -> Reason:
        if kind == "tmdb":
            picks = self.asked[int(about)]
            return Reason(kind, picks[0].title, picks[:MAX_PICKS])
        known = [known for known in self.taste.knowing[kind, about].values() if known.liking > 0]
        liked = sorted(known, key=lambda known: (known.liking, known.latest), reverse=True)
        return Reason(kind, self.taste.names[kind, about], [known.picks[0] for known in liked[:MAX_PICKS]])


def candidates(features: WorkFeatures, ids: int, own: int, hits: int) -> QuerySet[Any, Any]:
    """These works, the best known others that are not the user's own, and the hits."""
    works = features.kind.works._default_manager
    best_known = works.exclude(pk__in=[own]).order_by(*features.best_known).values("pk")[:MAX_CANDIDATES]
    chosen = Q(pk__in=[ids]) | Q(pk__in=best_known)
    if features is MOVIES:
        chosen |= Q(tmdb_id__in=[hits])
    state = {"is_fetched": Q(fetched_at__isnull=False), "is_there": Q(vanished_at=None)}
    return works.filter(chosen).order_by("pk").annotate(**state).values_list("pk", *features.fields, *state)


def whole_works(features: WorkFeatures, ids: int) -> QuerySet[Any]:
    return features.kind.works._default_manager.filter(pk__in=[ids]).order_by()


def named_opinions(features: WorkFeatures, ids: int, year: int, week_number: int) -> QuerySet[Any, Any]:
    """These opinions, except those that have just been hidden or deleted."""
    opinions = readable_by_all(features, year, week_number).filter(pk__in=[ids]).order_by()
    return opinions.values_list("pk", "user__username", *features.source_pick(f"{features.kind.opinion_field}__"))
