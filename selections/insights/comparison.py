"""Comparing ratings: of two members, of others for a member's picks, and of a member with TMDB's average.

Every figure is computed from the ratings that the viewer may read (`Opinion.objects.visible_to`). A work is a movie, or
an album in any edition. If a member rated a work on several picks, comparing them with another member or with TMDB's
average takes the opinion that they changed last.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Avg, Case, Count, F, IntegerField, Max, Min, Prefetch, Q, Sum, When, Window
from django.db.models.functions import Abs, Cast, Coalesce, RowNumber

from selections.kinds import KINDS, Kind
from selections.models import MAX_RATING, AnyPick, Opinion, OpinionQuerySet, Week, WeekQuerySet
from selections.weeks import THURSDAY, day_of

ENOUGH = 5  # common works; with fewer, an agreement is meaningless
DOUBT = 5  # works on which two members would agree as by chance, assumed beside the common ones
FURTHEST_APART = MAX_RATING - 1
# What to call an agreement beyond chance, shrunk by the DOUBT. Of shuffled ratings 1 % are called much closer.
CLOSER = [(0.3, "much closer"), (0.15, "closer"), (-0.15, "no closer"), (-math.inf, "further apart")]
HIT = 7  # half stars from which a rating praises a pick
MAX_DIFFERENCES = 10  # between two members, or between a member and TMDB's average
MAX_WRONG = 20  # disagreements in a response
DECIMALS = 4  # databases add fractions in any order, but the response must not change with it

# What identifies a work: opinions with the same values are about the same work.
WORK = {
    "movie": F("movie_pick__movie"),
    "release_group": F("album_pick__album__release_group_id"),
    "album_of_no_group": Case(When(album_pick__album__release_group_id=None, then=F("album_pick__album"))),
}
# The ISO week for which a work was picked, as a number such as 202607
WEEKS = {
    kind: Cast(f"{kind}_pick__week__year", IntegerField()) * 100 + F(f"{kind}_pick__week__week_number")
    for kind in KINDS
}


@dataclass(frozen=True)
class Agreement:
    """How close two members' ratings of the same works are."""

    pairs: tuple[tuple[int, int], ...] = ()  # the ratings of each work that both rated

    def __add__(self, more: "Agreement") -> "Agreement":
        return Agreement(self.pairs + more.pairs)

    @property
    def n(self) -> int:
        return len(self.pairs)

    @property
    def enough(self) -> bool:
        return self.n >= ENOUGH

    @property
    def note(self) -> str:
        """How reliable the agreement is, and how it compares with chance, in words."""
        if self.beyond_chance is None:
            return f"Not enough overlap: {self.n} rated by both, {ENOUGH} are needed"
        certain = self.beyond_chance * self.n / (self.n + DOUBT)
        word = next(word for least, word in CLOSER if certain >= least)
        return f"{word.capitalize()} than chance, by {self.n} works that both rated"

    @property
    def mean_difference(self) -> float | None:
        """Half stars without sign, 0 to 9; None without common works."""
        return sum(abs(mine - theirs) for mine, theirs in self.pairs) / self.n if self.pairs else None

    @cached_property
    def chance_difference(self) -> float:
        """The mean difference if the same ratings were assigned to the common works at random."""
        mine, theirs = (Counter(ratings) for ratings in zip(*self.pairs, strict=True))
        apart = sum(abs(one - other) * mine[one] * theirs[other] for one in mine for other in theirs)
        return apart / self.n**2

    @property
    def agreement_raw(self) -> float | None:
        """1 if all ratings are the same, 0 if all are as far apart as possible; None without common works."""
        return None if self.mean_difference is None else 1 - self.mean_difference / FURTHEST_APART

    @property
    def agreement(self) -> float | None:
        """The raw agreement, shrunk towards that of chance for few common works; None if there are not enough."""
        if self.agreement_raw is None or not self.enough:
            return None
        by_chance = 1 - self.chance_difference / FURTHEST_APART
        return (self.n * self.agreement_raw + DOUBT * by_chance) / (self.n + DOUBT)

    @property
    def beyond_chance(self) -> float | None:
        """1 if all ratings are the same, 0 if they are as close as by chance, below 0 if further apart; None if there
        are not enough.
        """
        if self.mean_difference is None or not self.enough:
            return None
        # If chance gives no difference, both gave all works the same rating, so there is nothing to compare.
        return 1 - self.mean_difference / self.chance_difference if self.chance_difference else 0.0

    @property
    def harshness_gap(self) -> float | None:
        """The mean of the first ratings minus the second, below 0 if the first are harsher, or None without works."""
        return sum(mine - theirs for mine, theirs in self.pairs) / self.n if self.pairs else None


@dataclass(frozen=True)
class Disagreement:
    """Two ratings of one work."""

    one: Opinion
    another: Opinion

    @property
    def pick(self) -> AnyPick:
        """The pick of the first opinion."""
        return self.one.pick

    @property
    def difference(self) -> int:
        """Half stars by which the first rating is above the other."""
        return (self.one.rating or 0) - (self.another.rating or 0)  # both have one


@dataclass(frozen=True)
class Quarter:
    year: int
    quarter: int
    together: Agreement


@dataclass(frozen=True)
class Comparison:
    user: Any  # the other member
    movies: Agreement
    albums: Agreement
    quarters: list[Quarter]  # those with common works, the latest first
    differences: list[Disagreement]  # the viewer's and the other's, the largest difference first

    @property
    def together(self) -> Agreement:
        return self.movies + self.albums


def compare(viewer: Any, other: Any) -> Comparison:
    """Compare the viewer's ratings with another member's, over the works that both rated.

    A work counts in the quarter of the Thursday of the ISO week for which it was picked, of the later week if they
    rated it on different picks.
    """
    opinions = Opinion.objects.visible_to(viewer).filter(user__in=[viewer, other])
    mine, theirs = Q(user=viewer), Q(user=other)
    common = (
        _latest(opinions)
        .annotate(**WORK)
        .order_by()
        .values(*WORK)
        .annotate(
            is_movie=Count("movie_pick"),
            week=Max(Coalesce(WEEKS["movie"], WEEKS["album"])),
            my_rating=Max("rating", filter=mine),
            their_rating=Max("rating", filter=theirs),
            my_pk=Max("pk", filter=mine),
            their_pk=Max("pk", filter=theirs),
        )
        .filter(my_pk__isnull=False, their_pk__isnull=False)
        .values_list("is_movie", "week", "my_rating", "their_rating", "my_pk", "their_pk", named=True)
    )
    rows = sorted(common, key=lambda row: (-_apart(row), -row.week, not row.is_movie, row.my_pk))
    quarters = defaultdict(list)
    for row in rows:
        quarters[_quarter(row.week)].append(row)
    return Comparison(
        user=other,
        movies=_agreement(row for row in rows if row.is_movie),
        albums=_agreement(row for row in rows if not row.is_movie),
        quarters=[Quarter(*when, _agreement(quarters[when])) for when in sorted(quarters, reverse=True)],
        differences=_load([(row.my_pk, row.their_pk) for row in rows if _apart(row)][:MAX_DIFFERENCES]),
    )


def _agreement(rows: Iterable[Any]) -> Agreement:
    return Agreement(tuple((row.my_rating, row.their_rating) for row in rows))


def _apart(row: Any) -> int:
    return abs(row.my_rating - row.their_rating)


def _latest(opinions: OpinionQuerySet) -> OpinionQuerySet:
    """The opinions with a rating; of a member's several opinions on one work only the one that was changed last."""
    place = Window(RowNumber(), partition_by=["user", *WORK], order_by=["-updated_at", "-pk"])
    rated = opinions.filter(rating__isnull=False).annotate(**WORK).annotate(place=place)
    return Opinion.objects.filter(pk__in=rated.filter(place=1).values("pk"))


def _quarter(week: int) -> tuple[int, int]:
    """The ISO year and the quarter of the Thursday of a week such as 202607."""
    thursday = day_of(divmod(week, 100), THURSDAY)
    return thursday.year, (thursday.month + 2) // 3


def _load(pairs: list[tuple[int, int]]) -> list[Disagreement]:
    """Pairs of opinions with their picks, in one query, without any that have just been deleted."""
    found = Opinion.objects.with_picks().in_bulk({pk for pair in pairs for pk in pair})
    return [Disagreement(found[one], found[other]) for one, other in pairs if one in found and other in found]


def wrong_opinions(
    viewer: Any, *, year: int | None = None, week_number: int | None = None, person: Any = None
) -> list[Disagreement]:
    """The largest differences between two members' ratings of a pick, the higher rating first: of a year, of one of its
    weeks, or of all time, and with a `person` only of pairs with them.

    Of equal differences, those of later weeks come first.
    """
    found: list[tuple[int, int, int, int]] = []
    for kind, week in WEEKS.items():
        pick = f"{kind}_pick"
        ratings = Opinion.objects.visible_to(viewer, pick).filter(rating__isnull=False)
        if year is not None:
            ratings = ratings.filter(**{f"{pick}__week__year": year})
        if week_number is not None:
            ratings = ratings.filter(**{f"{pick}__week__week_number": week_number})
        if person is None:
            # The largest differences are on the picks with the widest spread; there are too many pairs to sort all.
            spreads = ratings.order_by().values(f"{pick}_id").annotate(spread=Max("rating") - Min("rating"), week=week)
            widest = spreads.order_by("-spread", "-week", f"{pick}_id").values_list(f"{pick}_id", flat=True)
            ratings = ratings.filter(**{f"{pick}__in": list(widest[:MAX_WRONG])})
        pairs = ratings.annotate(
            week=week, other_pk=F(f"{pick}__opinions"), gap=F("rating") - F(f"{pick}__opinions__rating")
        ).filter(other_pk__in=ratings.values("pk"))
        pairs = pairs.filter(gap__gt=0) if person is None else pairs.filter(user=person).exclude(gap=0)
        pairs = pairs.annotate(
            difference=Abs("gap"),
            higher_pk=Case(When(gap__gt=0, then="pk"), default="other_pk"),
            lower_pk=Case(When(gap__gt=0, then="other_pk"), default="pk"),
        ).order_by("-difference", "-week", f"{pick}_id", "higher_pk", "lower_pk")
        found += pairs.values_list("difference", "week", "higher_pk", "lower_pk")[:MAX_WRONG]
    found.sort(key=lambda row: (-row[0], -row[1]))  # stable: movies stay before albums
    return _load([row[2:] for row in found[:MAX_WRONG]])


@dataclass(frozen=True)
class Marked:
    """A pick with its ratings by others."""

    pick: AnyPick
    n: int
    total: int

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def weight(self) -> tuple[int, int, int]:
        """The order of equal means: more ratings first, then the later week."""
        return self.n, self.pick.week.year, self.pick.week.week_number


@dataclass(frozen=True)
class Liking:
    """How others liked what a member picked, or proposed to them."""

    n: int  # ratings
    total: int
    hits: int

    @property
    def mean(self) -> float | None:
        """Half stars; None without ratings."""
        return self.total / self.n if self.n else None

    @property
    def hit_rate(self) -> float | None:
        """The share of ratings that praise, 0 to 1; None without ratings."""
        return self.hits / self.n if self.n else None


@dataclass(frozen=True)
class Marks(Liking):
    """The ratings by others of a member's picks."""

    best: Marked | None
    worst: Marked | None

    def __add__(self, more: "Marks") -> "Marks":
        best = [marked for marked in (self.best, more.best) if marked]
        worst = [marked for marked in (self.worst, more.worst) if marked]
        return Marks(
            n=self.n + more.n,
            total=self.total + more.total,
            hits=self.hits + more.hits,
            best=max(best, key=lambda marked: (marked.mean, marked.weight), default=None),
            worst=max(worst, key=lambda marked: (-marked.mean, marked.weight), default=None),
        )


@dataclass(frozen=True)
class Rater:
    user: Any
    n: int
    total: int

    @property
    def mean(self) -> float:
        return self.total / self.n


@dataclass(frozen=True)
class ReportCard:
    user: Any  # who picked
    movies: Marks
    albums: Marks
    raters: list[Rater]  # those who gave the most ratings first
    challenges: Liking  # of the picks that others made because this user challenged them

    @property
    def together(self) -> Marks:
        return self.movies + self.albums


def report_card(viewer: Any, person: Any) -> ReportCard:
    """Others' ratings of a member's picks."""
    ratings = Opinion.objects.visible_to(viewer).filter(rating__isnull=False).exclude(user=person)
    (movies, movie_raters), (albums, album_raters) = (
        _marks(kind, ratings.filter(**{f"{kind.opinion_field}__week__user": person})) for kind in KINDS.values()
    )
    raters: dict[int, Rater] = {}
    for rater in [*movie_raters, *album_raters]:
        same = raters.get(rater.user.pk)
        raters[rater.user.pk] = Rater(rater.user, rater.n + same.n, rater.total + same.total) if same else rater
    return ReportCard(
        user=person,
        movies=movies,
        albums=albums,
        raters=sorted(raters.values(), key=lambda rater: (-rater.n, rater.user.pk)),
        challenges=_liking_of_challenges(ratings, person),
    )


def _liking_of_challenges(ratings: OpinionQuerySet, challenger: Any) -> Liking:
    """The sums of these ratings on picks that were the challenger's idea."""
    sums: Counter[str] = Counter()
    for kind in KINDS.values():
        on_challenges = ratings.filter(**{f"{kind.opinion_field}__challenge__challenger": challenger}).order_by()
        hits = Count("pk", filter=Q(rating__gte=HIT))
        sums.update(on_challenges.aggregate(n=Count("pk"), total=Coalesce(Sum("rating"), 0), hits=hits))
    return Liking(n=sums["n"], total=sums["total"], hits=sums["hits"])


def _marks(kind: Kind, ratings: OpinionQuerySet) -> tuple[Marks, list[Rater]]:
    """The sums of these ratings of picks of a kind, and who gave them.

    Of picks with equal means it gives the one with more ratings, then the later one.
    """
    by_user = (
        ratings.order_by()
        .values("user_id", "user__username", "user__display_name")
        .annotate(n=Count("pk"), total=Sum("rating"), hits=Count("pk", filter=Q(rating__gte=HIT)))
    )
    marked = (
        kind.picks._default_manager.filter(opinions__in=ratings)
        .annotate(n=Count("opinions"), total=Sum("opinions__rating"), mean=Avg("opinions__rating"))
        .select_related(kind.name, "week__user")
    )
    best, worst = (
        marked.order_by(mean, "-n", "-week__year", "-week__week_number", "pk").first() for mean in ("-mean", "mean")
    )
    rows = list(by_user)
    marks = Marks(
        n=sum(row["n"] for row in rows),
        total=sum(row["total"] for row in rows),
        hits=sum(row["hits"] for row in rows),
        best=Marked(best, best.n, best.total) if best else None,
        worst=Marked(worst, worst.n, worst.total) if worst else None,
    )
    users = [
        get_user_model()(pk=row["user_id"], username=row["user__username"], display_name=row["user__display_name"])
        for row in rows
    ]
    return marks, [Rater(user, row["n"], row["total"]) for user, row in zip(users, rows, strict=True)]


@dataclass(frozen=True)
class Contrarian:
    user: Any  # who rated
    n: int  # movies with a rating and with votes at TMDB
    mean_signed: float | None  # the mean of the rating minus TMDB's average; None without such movies
    mean_absolute: float | None
    picks: list[Opinion]  # with their `gap`, the largest first


def contrarian(viewer: Any, person: Any) -> Contrarian:
    """A member's latest rating of each movie compared with TMDB's average, for movies with votes."""
    opinions = Opinion.objects.visible_to(viewer, "movie_pick").filter(user=person, movie_pick__movie__vote_count__gt=0)
    against = _latest(opinions).annotate(gap=F("rating") - F("movie_pick__movie__vote_average"), week=WEEKS["movie"])
    means = against.aggregate(n=Count("pk"), signed=Avg("gap"), absolute=Avg(Abs("gap")))
    furthest = against.exclude(gap=0).order_by(Abs("gap").desc(), "-week", "pk")
    return Contrarian(
        user=person,
        n=means["n"],
        mean_signed=_rounded(means["signed"]),
        mean_absolute=_rounded(means["absolute"]),
        picks=list(furthest.with_picks()[:MAX_DIFFERENCES]),
    )


def _rounded(mean: float | None) -> float | None:
    return None if mean is None else round(mean, DECIMALS)


def earlier_years(viewer: Any, person: Any, *, year: int, week_number: int) -> WeekQuerySet:
    """A member's weeks of this number in earlier ISO years, the newest first, in seven queries.

    They come with their picks and the opinions that the viewer may read. Only long years have a week 53.
    """
    return (
        Week.objects.visible_to(viewer)
        .filter(user=person, week_number=week_number, year__lt=year)
        .for_list()
        .prefetch_related(
            *(
                Prefetch(
                    kind.related_picks,
                    kind.picks.objects.with_opinions(viewer).with_shown_opinions(viewer),
                    to_attr=f"{kind.name}s",
                )
                for kind in KINDS.values()
            )
        )
        .order_by("-year")
    )
