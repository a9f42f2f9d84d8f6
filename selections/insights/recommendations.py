"""Recommendations for a user, from the works that they like, and from those that members who agree with them like.

A work of the catalog gets points for each feature that it shares with works that the user likes. A feature that led to
an earlier result counts less for the next, so that the results differ. Works that the user picked or has an opinion on
are never included, nor are other editions of such an album.
"""

import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, FloatField, Q, TextField, Value, When
from django.db.models.functions import Cast

from catalog import services as catalog
from catalog.models import Album, Movie
from integrations.tmdb import MovieHit

from .features import ALBUMS, MOVIES, POINTS, Candidate, Feature, Key, SourcePick, WorkFeatures
from .taste import FURTHEST, MIDDLE, Taste

HIGH = (7 - MIDDLE) / FURTHEST  # TMDB is asked about movies that the user likes at least this much
SPREAD = 0.5  # for genres: each of four counts half as much as a single one
PEOPLE_DOUBT = 3  # people without a preference who are assumed beside those who rated a work
STEEPNESS = 1.2  # for the score: one point gives 70 of 100

# Limits, so that a response costs about the same for any amount of data.
MAX_SCANNED = 10  # genres for which the whole catalog is searched
MAX_CANDIDATES = 250  # of each source
MAX_ASKED = 5  # movies, at TMDB
MAX_REASONS = 5  # named for a result
MAX_PICKS = 3  # named for a reason


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

    The work is a hit if TMDB recommends one that is not in the catalog.
    """

    score: int
    because: list[Reason]
    work: Movie | Album | MovieHit


def recommend_movies(user: Any, *, limit: int) -> tuple[str, list[Recommendation]]:
    """Recommended movies, the best first, and their source: `tmdb` if it contributed, else `catalog`."""
    search = Search(user, MOVIES)
    source = "tmdb" if search.ask_tmdb() else "catalog"
    return source, search.results(limit)


def recommend_albums(user: Any, *, limit: int) -> tuple[str, list[Recommendation]]:
    """Recommended albums, as in recommend_movies(), but without asking an upstream."""
    return "catalog", Search(user, ALBUMS).results(limit)


class Search:
    """Finds and ranks works that a user may like."""

    def __init__(self, user: Any, features: WorkFeatures) -> None:
        self.features, self.kind = features, features.kind
        self.taste = Taste(user, features)
        self.hits: dict[int, MovieHit] = {}  # by their TMDB ids
        self.recommended: dict[int, dict[Feature, float]] = defaultdict(dict)  # points by TMDB id of a hit

    def ask_tmdb(self) -> bool:
        """Add TMDB's recommendations for the movies that the user rated highest; return whether it answered in time."""
        liked = {
            tmdb_id: known for tmdb_id, known in self.taste.by_tmdb_id.items() if known.ratings and known.liking >= HIGH
        }
        best = sorted(liked.items(), key=lambda item: (item[1].liking, item[1].latest), reverse=True)
        answers = catalog.movies_like([tmdb_id for tmdb_id, _ in best[:MAX_ASKED]])
        for tmdb_id, hits in answers.items():
            for place, hit in enumerate(hits):
                self.hits[hit.tmdb_id] = hit
                points = POINTS["tmdb"] * liked[tmdb_id].liking * (1 - place / (2 * len(hits)))
                self.recommended[hit.tmdb_id]["tmdb", tmdb_id] = points
        return bool(answers)

    def results(self, limit: int) -> list[Recommendation]:
        """The best works, each ranked after those before it."""
        best: dict[Key, tuple[tuple[Any, ...], Candidate]] = {}
        unused: Counter[Feature] = Counter()
        for candidate in self.candidates():
            rank = (-candidate.total(unused), *candidate.order)
            if candidate.key not in best or rank < best[candidate.key][0]:
                best[candidate.key] = rank, candidate
        waiting = [(rank, number, candidate) for number, (rank, candidate) in enumerate(best.values())]
        heapq.heapify(waiting)
        used: Counter[Feature] = Counter()
        found: list[Recommendation] = []
        while waiting and len(found) < limit:
            (_, *order), number, candidate = heapq.heappop(waiting)
            total = candidate.total(used)
            if total <= 0 or not any(points > 0 for points in candidate.points.values()):
                continue
            # Totals only ever fall, so the first that is still the best after its update is the best of all.
            if waiting and (-total, *order) > waiting[0][0]:
                heapq.heappush(waiting, ((-total, *order), number, candidate))
                continue
            used.update(feature for feature, points in candidate.points.items() if points > 0)
            found.append(Recommendation(_score(total), self.because(candidate), candidate.work))
        return found

    def candidates(self) -> list[Candidate]:
        """All works with at least one reason, with their points."""
        made = self.points_of_people_in()
        ids = {
            *sorted(made, key=lambda work: (-sum(made[work].values()), work))[:MAX_CANDIDATES],
            *self.scan(),
            *self.praised(),
        }
        works = self.kind.works._default_manager.filter(self.chosen(ids)).order_by("pk")
        found = []
        for work in works:
            if work.fetched_at is None and work.pk not in self.taste.own:
                continue  # known from an imported file only; it is treated as a new hit of TMDB
            hit = self.hits.pop(work.tmdb_id, None) if isinstance(work, Movie) else None
            if work.pk in self.taste.own or (work.vanished_at and not hit):
                continue
            candidate = self.features.candidate(work)
            candidate.points |= made[work.pk]
            if hit:
                candidate.points |= self.recommended[hit.tmdb_id]
            found.append(candidate)
        for candidate in found:
            self.add_points(candidate)
        return found + [  # hits that are not in the catalog
            Candidate(hit, -hit.tmdb_id, (0, hit.tmdb_id), points=self.recommended[hit.tmdb_id])
            for hit in self.hits.values()
        ]

    def chosen(self, ids: Collection[int]) -> Q:
        return Q(pk__in=ids) | Q(tmdb_id__in=list(self.hits)) if self.hits else Q(pk__in=ids)

    def points_of_people_in(self) -> dict[int, dict[Feature, float]]:
        """The points of each work for its makers."""
        people = {int(name) for kind, name in self.taste.affinities if kind in {"director", "writer", "cast", "artist"}}
        made: dict[int, dict[Feature, float]] = defaultdict(dict)
        for work, feature, _ in self.features.credits(by=people):
            if feature in self.taste.affinities and work not in self.taste.own:
                made[work][feature] = POINTS[feature[0]] * self.taste.affinities[feature].liking
        return made

    def scan(self) -> list[int]:
        """The works of the catalog with the most of the genres and decades that the user likes."""
        points: Any = Value(0.0)
        strongest = sorted(self.taste.affinities.items(), key=lambda pair: -abs(pair[1].liking))
        genres = [(feature[1], affinity) for feature, affinity in strongest if feature[0] == "genre"][:MAX_SCANNED]
        for name, affinity in genres:
            # SQLite stores non-ASCII characters as escapes, PostgreSQL as they are.
            spellings = {json.dumps(name), json.dumps(name, ensure_ascii=False)}
            has = reduce(or_, (Q(names__contains=spelling) for spelling in sorted(spellings)))
            points += Case(When(has, then=POINTS["genre"] * affinity.liking), default=0.0)
        for feature, affinity in strongest:
            if feature[0] == "decade":
                released = self.features.released(int(feature[1]))
                points += Case(When(released, then=POINTS["decade"] * affinity.liking), default=0.0)
        if isinstance(points, Value):
            return []
        works = self.kind.works._default_manager.exclude(pk__in=self.taste.own).alias(names=Cast("genres", TextField()))
        known_well = ["-vote_count"] if self.kind.works is Movie else []
        best = works.annotate(points=Cast(points, FloatField())).order_by("-points", *known_well, "pk")
        # Not filtered by the points, which databases would compute twice.
        return [work for work, points in best.values_list("pk", "points")[:MAX_CANDIDATES] if points > 0]

    def praised(self) -> list[int]:
        """The works that other members like best."""
        liked = {key: sum(self.praise(key).values()) for key in self.taste.peer_ratings}
        best = sorted((key for key in liked if liked[key] > 0), key=lambda key: -liked[key])[:MAX_CANDIDATES]
        return [rating.work_id for key in best for rating in self.taste.peer_ratings[key]]

    def praise(self, key: Key) -> dict[Feature, float]:
        """The points of a work for other members' ratings: few ratings count less than many."""
        ratings = self.taste.peer_ratings.get(key, [])
        total = sum(peer.weight for peer in ratings) + PEOPLE_DOUBT
        return {
            ("people", peer.user_id): POINTS["people"] * peer.weight * (peer.rating - MIDDLE) / FURTHEST / total
            for peer in ratings
        }

    def add_points(self, candidate: Candidate) -> None:
        """Add the points of a candidate for its genres, its decade and other members' ratings."""
        candidate.points |= self.praise(candidate.key)
        traits = self.features.traits(candidate.work)
        genres = sum(kind == "genre" for kind, _ in traits)
        for feature in traits:
            if affinity := self.taste.affinities.get(feature):
                share = genres**SPREAD if feature[0] == "genre" else 1
                candidate.points[feature] = POINTS[feature[0]] * affinity.liking / share

    def because(self, candidate: Candidate) -> list[Reason]:
        """The reasons for a recommendation, with the picks that led to it."""
        reasons = sorted(
            (feature for feature, points in candidate.points.items() if points > 0),
            key=lambda feature: -candidate.points[feature],
        )
        return [self.reason(candidate.key, *feature) for feature in reasons[:MAX_REASONS]]

    def reason(self, key: Key, kind: str, about: int | str) -> Reason:
        if kind == "people":
            peer = next(peer for peer in self.taste.peer_ratings[key] if peer.user_id == about)
            return Reason(kind, peer.username, [peer.pick])
        if kind == "tmdb":
            picks = self.taste.by_tmdb_id[int(about)].picks
            return Reason(kind, picks[0].title, picks[:MAX_PICKS])
        name = f"{about}s" if kind == "decade" else self.taste.names.get((kind, about), str(about))
        known = [known for known in self.taste.affinities[kind, about].known if known.liking > 0]
        liked = sorted(known, key=lambda known: (known.liking, known.latest), reverse=True)
        return Reason(kind, name, [known.picks[0] for known in liked[:MAX_PICKS]])


def _score(points: float) -> int:
    return round(100 * (1 - math.exp(-STEEPNESS * points)))
