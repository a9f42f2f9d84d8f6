"""What somebody might pick next: by what they rated, and by what people who agree with them rated.

Whatever of the catalog shares something with what the user likes gets points for each such reason. A reason that led to
an earlier result counts less for the next, so that the results differ. What the user picked or has an opinion on is
never among them, nor is another edition of such an album.
"""

import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Avg, Case, Count, F, FloatField, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Abs, Cast, Coalesce

from catalog import services as catalog
from catalog.models import Album, AlbumArtist, Movie, MovieCast, MovieCrew, shown_title
from integrations.musicbrainz import usefulness
from integrations.tmdb import MovieHit
from selections.models import Opinion, WeekAlbum, WeekMovie, visible_to
from selections.weeks import over_for

# What a rating means, from -1 to 1.
MIDDLE, FURTHEST = 5.5, 4.5
UNRATED = 0.2  # one's own pick
HIGH = (7 - MIDDLE) / FURTHEST  # TMDB is asked about a movie that one likes so much

# Points for a reason at its strongest, which is when all that one knows of it is rated 10.
POINTS = {
    "director": 1.8,
    "writer": 0.8,
    "cast": 0.6,
    "artist": 1.8,
    "genre": 1.2,
    "decade": 0.3,
    "people": 2.0,
    "tmdb": 0.6,
}
# How many works without any liking or dislike each of these is taken to have, beside those that one knows.
DOUBT = {"director": 3, "writer": 3, "cast": 3, "artist": 2, "genre": 6, "decade": 6}
# What is left of a reason's points after each result that it led to.
REPEATED = {
    "director": 0.8,
    "writer": 0.85,
    "cast": 0.85,
    "artist": 0.7,
    "genre": 0.98,
    "decade": 0.98,
    "people": 0.99,
    "tmdb": 0.9,
}
SPREAD = 0.5  # of genres: each of four counts half of what a single one does
VOTES = 0.08  # points for TMDB's votes at their best, which tell those apart that have the same reasons
STEEPNESS = 1.2  # of the score: a point is worth 70 of 100

JOBS = {"Director": "director", "Writer": "writer", "Screenplay": "writer"}
LEADING = 5  # parts, from the top of the billing
FIRST_GENRES = 5  # of a work: an album may have dozens
# MusicBrainz' Various Artists and [unknown]: two albums are not alike for having them.
NOBODY = [UUID("89ad4ac3-39f7-470e-963a-56509c546377"), UUID("125ec42a-7229-4250-afc5-e057484327fe")]

AGREED_GAP = 2.5  # between the ratings of two people: strangers are about as far apart
AGREED_DOUBT = 5  # works in common count half of what many do
PEOPLE_DOUBT = 3  # people who neither like nor dislike a work, beside those who say
STRANGER = 0.15  # what somebody's opinion counts where nothing is in common; of one who agrees, up to 1
ENOUGH_PEOPLE = 10  # who agree: no need of strangers

# Bounds, so that an answer costs about the same whatever there is.
MAX_HISTORY = 300  # works that one knows, the latest
MAX_FEATURES = 40  # of a kind: those that one likes or dislikes most
MAX_SCANNED = 10  # genres that the whole catalog is searched for
MAX_CANDIDATES = 250  # of each source
MAX_COMPARED = 500  # people, those with most in common
MAX_AGREEING = 40
MAX_OPINIONS = 3000  # of others, the latest
MAX_ASKED = 5  # movies, at TMDB
MAX_REASONS = 5  # named, of a result
MAX_LEADS = 3  # named, of a reason

type Key = int | UUID  # what counts as the same work: a movie; a release group, or a release where that is unknown
type Feature = tuple[str, int | str]  # a reason, and whom or what it is about
type Credit = tuple[int, Feature, str]  # the id of a work, one of its features, and its name


@dataclass(frozen=True)
class Lead:
    """A pick that led to a recommendation."""

    title: str
    week_id: int
    year: int
    week_number: int


@dataclass(frozen=True)
class Reason:
    """`name` is that of the person, genre or artist; of `decade` such as 1990s, of `people` a username, and of `tmdb`
    the title that TMDB recommends it for.
    """

    reason: str
    name: str
    picks: list[Lead]


@dataclass(frozen=True)
class Recommendation:
    """`score` is from 0 to 100 and never rises from one to the next; `because` begins with the strongest reason.

    The work is a hit where TMDB recommends what the catalog does not have.
    """

    score: int
    because: list[Reason]
    work: Movie | Album | MovieHit


@dataclass
class Experience:
    """A work that the user picked or rated, with their ratings and the picks, the latest first."""

    key: Key
    ratings: list[int] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)

    @property
    def liking(self) -> float:
        """From -1 to 1."""
        return (sum(self.ratings) / len(self.ratings) - MIDDLE) / FURTHEST if self.ratings else UNRATED

    @property
    def latest(self) -> tuple[int, int]:
        return max((lead.year, lead.week_number) for lead in self.leads)


@dataclass
class Affinity:
    """How much the user likes, from -1 to 1, what has a feature, and what they know that has it."""

    liking: float
    known: list[Experience]


@dataclass
class Candidate:
    work: Movie | Album | MovieHit
    key: Key
    order: tuple[Any, ...]  # among equals
    base: float = 0  # points without a reason that can be named
    points: dict[Feature, float] = field(default_factory=dict)

    def total(self, used: Counter[Feature]) -> float:
        """Its points after results that its features have led to, so often each."""
        total = self.base
        for feature, points in self.points.items():
            total += points * REPEATED[feature[0]] ** used[feature] if points > 0 else points
        return total


class Shelf:
    """Movies, or albums: where they are, and what they have."""

    name: str
    picks: type[WeekMovie | WeekAlbum]
    works: type[Movie | Album]
    keys: tuple[str, ...]  # fields of a work; the first that is not null

    @property
    def pick(self) -> str:
        """What opinions call a pick."""
        return f"{self.name}_pick"

    def key(self, path: str) -> Coalesce | F:
        """The key of the work that is at this path."""
        first, *more = [F(f"{path}__{name}") for name in self.keys]
        return Coalesce(first, *more) if more else first

    def lead(self, path: str = "") -> list[Any]:
        """The fields of a Lead, of the pick at this path."""
        of_week = [f"{path}{name}" for name in ("week_id", "week__year", "week__week_number")]
        return [shown_title(f"{path}{self.name}"), *of_week]

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        """The keys by the ids of all works that have one of them."""
        raise NotImplementedError

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        """Who made these works, or what these people made, sorted: what comes first is what is named among equals."""
        raise NotImplementedError

    def released(self, decade: int) -> Q:
        raise NotImplementedError

    def candidate(self, work: Any) -> Candidate:
        raise NotImplementedError

    def decade(self, work: Any) -> int | None:
        raise NotImplementedError

    def traits(self, work: Any) -> list[Feature]:
        """Its genres and its decade."""
        found: list[Feature] = [("genre", name) for name in dict.fromkeys(work.genres[:FIRST_GENRES])]
        decade = self.decade(work)
        return found if decade is None else [*found, ("decade", decade)]


class Movies(Shelf):
    name, picks, works, keys = "movie", WeekMovie, Movie, ("id",)

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        return {key: key for key in keys if isinstance(key, int)}

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        chosen = Q(movie__in=of) if by is None else Q(person__in=by)
        crew = MovieCrew.objects.filter(chosen, job__in=JOBS).order_by()
        cast = MovieCast.objects.filter(chosen, order__lt=LEADING).order_by()
        found: dict[tuple[int, Feature], str] = {}
        for movie, job, person, name in crew.values_list("movie_id", "job", "person_id", "person__name"):
            found[movie, (JOBS[job], person)] = name
        for movie, person, name in cast.values_list("movie_id", "person_id", "person__name"):
            found[movie, ("cast", person)] = name
        # Who directs what they wrote, or acts in, is one reason.
        return sorted(
            (movie, feature, name)
            for (movie, feature), name in found.items()
            if feature[0] == "director" or (movie, ("director", feature[1])) not in found
        )

    def released(self, decade: int) -> Q:
        return Q(release_date__range=(date(decade, 1, 1), date(decade + 9, 12, 31)))

    def decade(self, work: Movie | MovieHit) -> int | None:
        return work.release_date.year // 10 * 10 if work.release_date else None

    def candidate(self, work: Movie) -> Candidate:
        votes = work.vote_count / (work.vote_count + 50) * (work.vote_average - 6) / 4
        return Candidate(work, work.pk, (-work.vote_count, work.pk), base=VOTES * votes)


class Albums(Shelf):
    name, picks, works, keys = "album", WeekAlbum, Album, ("release_group_id", "musicbrainz_id")

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        known = Album.objects.alias(key=Coalesce(*self.keys)).filter(key__in=keys).order_by()
        return dict(known.values_list("pk", Coalesce(*self.keys)))

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        chosen = Q(album__in=of) if by is None else Q(artist__in=by)
        found = AlbumArtist.objects.filter(chosen).exclude(artist__musicbrainz_id__in=NOBODY).order_by()
        rows = found.values_list("album_id", "artist_id", "artist__name").distinct()
        return sorted((album, ("artist", artist), name) for album, artist, name in rows)

    def released(self, decade: int) -> Q:
        return Q(release_date__startswith=f"{decade // 10}")

    def decade(self, work: Album) -> int | None:
        return int(work.release_date[:4]) // 10 * 10 if work.release_date else None

    def candidate(self, work: Album) -> Candidate:
        useful = usefulness(work.status, has_cover=bool(work.cover_art_url), release_date=work.release_date)
        return Candidate(work, work.release_group_id or work.musicbrainz_id, (*useful, work.pk))


MOVIES, ALBUMS = Movies(), Albums()


def recommend_movies(user, *, limit: int) -> tuple[str, list[Recommendation]]:
    """The best first, and their source: `tmdb` where that had a say in it, else `catalog`."""
    search = Search(user, MOVIES)
    source = "tmdb" if search.ask_tmdb() else "catalog"
    return source, search.results(limit)


def recommend_albums(user, *, limit: int) -> tuple[str, list[Recommendation]]:
    """All as recommend_movies(), though nobody else is asked about albums."""
    return "catalog", Search(user, ALBUMS).results(limit)


@dataclass(frozen=True)
class Voice:
    """What somebody else thinks of a work, on which pick, and what that counts."""

    user_id: int
    username: str
    rating: int
    weight: float
    work_id: int
    lead: Lead


class Search:
    """What the user likes, and what is found for it."""

    def __init__(self, user, shelf: Shelf) -> None:
        self.user, self.shelf = user, shelf
        self.names: dict[Feature, str] = {}
        self.hits: dict[int, MovieHit] = {}  # by their TMDB ids
        self.asked: dict[int, Experience] = {}  # movies by their TMDB ids
        self.recommended: dict[int, dict[Feature, float]] = defaultdict(dict)  # points by TMDB id of a hit
        self.known = self.read_history()
        self.own = shelf.editions(self.known)
        known = [known for known in self.known.values() if known.leads]
        self.history = sorted(known, key=lambda known: known.latest, reverse=True)[:MAX_HISTORY]
        self.tastes = self.read_tastes()
        self.voices = self.read_voices()

    def read_history(self) -> dict[Key, Experience]:
        """What the user picked or has an opinion on; without leads where that tells nothing of what they like."""
        shelf = self.shelf
        known: dict[Key, Experience] = {}

        def experience(key: Key) -> Experience:
            return known.setdefault(key, Experience(key))

        latest_first = ("-week__year", "-week__week_number", "position")
        picks = shelf.picks._default_manager.filter(week__user=self.user).order_by(*latest_first)
        for key, *lead in picks.annotate(key=shelf.key(shelf.name)).values_list("key", *shelf.lead()):
            experience(key).leads.append(Lead(*lead))
        opinions = (
            Opinion.objects.filter(user=self.user, **{f"{shelf.pick}__isnull": False})
            .annotate(
                key=shelf.key(f"{shelf.pick}__{shelf.name}"),
                is_own=Case(When(**{f"{shelf.pick}__week__user": self.user}, then=True), default=False),
                is_shown=Case(When(visible_to(self.user, f"{shelf.pick}__week__user"), then=True), default=False),
            )
            .order_by("-created_at", "-id")
        )
        rows = opinions.values_list("key", "rating", "is_own", "is_shown", *shelf.lead(f"{shelf.pick}__"))
        for key, rating, is_own, is_shown, *lead in rows:
            of_this = experience(key)
            if rating is not None and is_shown:
                of_this.ratings.append(rating)
                if not is_own:
                    of_this.leads.append(Lead(*lead))
        return known

    def read_tastes(self) -> dict[Feature, Affinity]:
        """How the user likes what their history has in common, as far as that says much."""
        by_key = {known.key: known for known in self.history}
        ids = {work: key for work, key in self.own.items() if key in by_key}
        knowing: dict[Feature, dict[Key, Experience]] = defaultdict(dict)
        for work, feature, name in self.shelf.credits(of=ids):
            self.names[feature] = name
            knowing[feature][ids[work]] = by_key[ids[work]]
        for row in self.shelf.works._default_manager.filter(pk__in=ids).order_by("pk"):
            experience = by_key[ids[row.pk]]
            for feature in self.shelf.traits(row):
                knowing[feature][experience.key] = experience
            if isinstance(row, Movie) and experience.ratings and experience.liking >= HIGH:
                self.asked[row.tmdb_id] = experience
        tastes: dict[str, list[tuple[Feature, Affinity]]] = defaultdict(list)
        for feature, known in knowing.items():
            liking = sum(one.liking for one in known.values()) / (len(known) + DOUBT[feature[0]])
            tastes[feature[0]].append((feature, Affinity(liking, list(known.values()))))
        return {
            feature: taste
            for of_kind in tastes.values()
            for feature, taste in sorted(of_kind, key=lambda pair: -abs(pair[1].liking))[:MAX_FEATURES]
        }

    def read_voices(self) -> dict[Key, list[Voice]]:
        """What others said lately that the user may read: those who agree with them, or, where these are few,
        everybody who does not disagree.
        """
        pick, path = self.shelf.pick, f"{self.shelf.pick}__{self.shelf.name}"
        weights = self.read_agreements()
        agreeing = sorted((who for who, weight in weights.items() if weight), key=lambda who: (-weights[who], who))
        rated = Opinion.objects.filter(**{f"{pick}__isnull": False, "rating__isnull": False}).exclude(user=self.user)
        if len(agreeing) >= ENOUGH_PEOPLE:
            rated = rated.filter(user__in=agreeing[:MAX_AGREEING])
        # The latest are chosen first, in a query of their own: with all that makes an opinion readable in the same one
        # PostgreSQL would rather go through all of them than along its index. What is revealed before its week is over
        # is about works that the user knows.
        by_seen_people = visible_to(self.user, "user") & visible_to(self.user, f"{pick}__week__user")
        if settings.BLIND_REVEAL:
            by_seen_people &= over_for(self.user, f"{pick}__week__")
        latest = rated.filter(by_seen_people).order_by("-created_at", "-id").values_list("pk", flat=True)
        rows = (
            Opinion.objects.visible_to(self.user, pick)
            .filter(pk__in=list(latest[:MAX_OPINIONS]))
            .annotate(key=self.shelf.key(path))
            .order_by("-created_at", "-id")
            .values_list("key", "user_id", "user__username", "rating", f"{path}_id", *self.shelf.lead(f"{pick}__"))
        )
        voices: dict[Key, dict[int, Voice]] = defaultdict(dict)
        for key, who, username, rating, work, *lead in rows:
            weight = weights.get(who, STRANGER)
            if weight and key not in self.known:
                voices[key].setdefault(who, Voice(who, username, rating, weight, work, Lead(*lead)))
        return {key: list(by_person.values()) for key, by_person in voices.items()}

    def read_agreements(self) -> dict[int, float]:
        """How much each of those counts who rated something that the user rated, too, from 0 to 1."""
        pick, path = self.shelf.pick, f"{self.shelf.pick}__{self.shelf.name}"
        rated: dict[int, list[int]] = defaultdict(list)
        by_key = {known.key: known for known in self.history if known.ratings}
        for work, key in self.own.items():
            if key in by_key:
                rated[round(sum(by_key[key].ratings) / len(by_key[key].ratings))].append(work)
        if not rated:
            return {}
        works = [work for of_rating in rated.values() for work in of_rating]
        picks = self.shelf.picks._default_manager.filter(**{f"{self.shelf.name}__in": works}).order_by().values("pk")
        mine = Case(
            *[When(**{f"{path}__in": rated[rating]}, then=rating) for rating in rated], output_field=IntegerField()
        )
        people = (
            Opinion.objects.visible_to(self.user, pick)
            .filter(rating__isnull=False, **{f"{pick}__in": picks})
            .exclude(user=self.user)
            .values("user")
            .annotate(common=Count(self.shelf.key(path), distinct=True), gap=Avg(Abs(F("rating") - mine)))
            .order_by("-common", "user")
            .values_list("user", "common", "gap")
        )
        return {
            who: max(0, 1 - float(gap) / AGREED_GAP) * common / (common + AGREED_DOUBT)
            for who, common, gap in people[:MAX_COMPARED]
        }

    def ask_tmdb(self) -> bool:
        """Whether TMDB says, in time, what goes with the movies that the user rated highest."""
        best = sorted(self.asked.items(), key=lambda asked: (asked[1].liking, asked[1].latest), reverse=True)
        answers = catalog.movies_like([tmdb_id for tmdb_id, _ in best[:MAX_ASKED]])
        for tmdb_id, hits in answers.items():
            for place, hit in enumerate(hits):
                self.hits[hit.tmdb_id] = hit
                points = POINTS["tmdb"] * self.asked[tmdb_id].liking * (1 - place / (2 * len(hits)))
                self.recommended[hit.tmdb_id]["tmdb", tmdb_id] = points
        return bool(answers)

    def results(self, limit: int) -> list[Recommendation]:
        """The best, each judged after those before it."""
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
            # Totals only ever fall, so the first that is still the best after a new look is the best of all.
            if waiting and (-total, *order) > waiting[0][0]:
                heapq.heappush(waiting, ((-total, *order), number, candidate))
                continue
            used.update(feature for feature, points in candidate.points.items() if points > 0)
            found.append(Recommendation(_score(total), self.because(candidate), candidate.work))
        return found

    def candidates(self) -> list[Candidate]:
        """Everything that there are reasons for, with these."""
        made = self.points_of_people_in()
        ids = {
            *sorted(made, key=lambda work: (-sum(made[work].values()), work))[:MAX_CANDIDATES],
            *self.scan(),
            *self.praised(),
        }
        works = self.shelf.works._default_manager.filter(self.chosen(ids)).order_by("pk")
        found = []
        for work in works:
            if work.fetched_at is None and work.pk not in self.own:
                continue  # only somebody's file names it; TMDB's own words of it are as good as of what is new
            hit = self.hits.pop(work.tmdb_id, None) if isinstance(work, Movie) else None
            if work.pk in self.own or (work.vanished_at and not hit):
                continue
            candidate = self.shelf.candidate(work)
            candidate.points |= made[work.pk]
            if hit:
                candidate.points |= self.recommended[hit.tmdb_id]
            found.append(candidate)
        for candidate in found:
            self.add_points(candidate)
        return found + [  # and what the catalog does not have
            Candidate(hit, -hit.tmdb_id, (0, hit.tmdb_id), points=self.recommended[hit.tmdb_id])
            for hit in self.hits.values()
        ]

    def chosen(self, ids: Collection[int]) -> Q:
        return Q(pk__in=ids) | Q(tmdb_id__in=list(self.hits)) if self.hits else Q(pk__in=ids)

    def points_of_people_in(self) -> dict[int, dict[Feature, float]]:
        """The points of each work for who made it."""
        people = {int(name) for kind, name in self.tastes if kind in {"director", "writer", "cast", "artist"}}
        made: dict[int, dict[Feature, float]] = defaultdict(dict)
        for work, feature, _ in self.shelf.credits(by=people):
            if feature in self.tastes and work not in self.own:
                made[work][feature] = POINTS[feature[0]] * self.tastes[feature].liking
        return made

    def scan(self) -> list[int]:
        """The works of the catalog with the most of the genres and decades that the user likes."""
        points: Any = Value(0.0)
        strongest = sorted(self.tastes.items(), key=lambda pair: -abs(pair[1].liking))
        genres = [(feature[1], taste) for feature, taste in strongest if feature[0] == "genre"][:MAX_SCANNED]
        for name, taste in genres:
            # SQLite keeps what is not ASCII escaped, PostgreSQL as it is.
            spellings = {json.dumps(name), json.dumps(name, ensure_ascii=False)}
            has = reduce(or_, (Q(names__contains=spelling) for spelling in sorted(spellings)))
            points += Case(When(has, then=POINTS["genre"] * taste.liking), default=0.0)
        for feature, taste in strongest:
            if feature[0] == "decade":
                released = self.shelf.released(int(feature[1]))
                points += Case(When(released, then=POINTS["decade"] * taste.liking), default=0.0)
        if isinstance(points, Value):
            return []
        works = self.shelf.works._default_manager.exclude(pk__in=self.own).alias(names=Cast("genres", TextField()))
        known_well = ["-vote_count"] if self.shelf.works is Movie else []
        best = works.annotate(points=Cast(points, FloatField())).order_by("-points", *known_well, "pk")
        # Not filtered by the points, which databases would count twice.
        return [work for work, points in best.values_list("pk", "points")[:MAX_CANDIDATES] if points > 0]

    def praised(self) -> list[int]:
        """The works that others like best."""
        liked = {key: sum(self.praise(key).values()) for key in self.voices}
        best = sorted((key for key in liked if liked[key] > 0), key=lambda key: -liked[key])[:MAX_CANDIDATES]
        return [voice.work_id for key in best for voice in self.voices[key]]

    def praise(self, key: Key) -> dict[Feature, float]:
        """The points of a work for what others say of it: few say less than many."""
        voices = self.voices.get(key, [])
        counts = sum(voice.weight for voice in voices) + PEOPLE_DOUBT
        return {
            ("people", voice.user_id): POINTS["people"] * voice.weight * (voice.rating - MIDDLE) / FURTHEST / counts
            for voice in voices
        }

    def add_points(self, candidate: Candidate) -> None:
        """The points of a candidate for its genres and its decade, and for what others say of it."""
        candidate.points |= self.praise(candidate.key)
        traits = self.shelf.traits(candidate.work)
        genres = sum(kind == "genre" for kind, _ in traits)
        for feature in traits:
            if taste := self.tastes.get(feature):
                share = genres**SPREAD if feature[0] == "genre" else 1
                candidate.points[feature] = POINTS[feature[0]] * taste.liking / share

    def because(self, candidate: Candidate) -> list[Reason]:
        """Why it is recommended, with the picks that led there."""
        reasons = sorted(
            (feature for feature, points in candidate.points.items() if points > 0),
            key=lambda feature: -candidate.points[feature],
        )
        return [self.reason(candidate.key, *feature) for feature in reasons[:MAX_REASONS]]

    def reason(self, key: Key, kind: str, about: int | str) -> Reason:
        if kind == "people":
            voice = next(voice for voice in self.voices[key] if voice.user_id == about)
            return Reason(kind, voice.username, [voice.lead])
        if kind == "tmdb":
            leads = self.asked[int(about)].leads
            return Reason(kind, leads[0].title, leads[:MAX_LEADS])
        name = f"{about}s" if kind == "decade" else self.names.get((kind, about), str(about))
        known = [known for known in self.tastes[kind, about].known if known.liking > 0]
        liked = sorted(known, key=lambda known: (known.liking, known.latest), reverse=True)
        return Reason(kind, name, [one.leads[0] for one in liked[:MAX_LEADS]])


def _score(points: float) -> int:
    return round(100 * (1 - math.exp(-STEEPNESS * points)))
