"""Comparing ratings: of two members, of others for a member's picks, and of a member with TMDB's average.

Every figure is computed from the ratings that the viewer may read (`Opinion.objects.visible_to`). A work is a movie, or
an album in any edition. If a member rated a work on several picks, comparing them with another member or with TMDB's
average takes the opinion that they changed last.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Avg, Case, Count, F, IntegerField, Max, Min, Prefetch, Q, Sum, When, Window
from django.db.models.functions import Abs, Cast, Coalesce, RowNumber

from selections.kinds import KINDS, Kind
from selections.models import MAX_RATING, Opinion, OpinionQuerySet, Week, WeekQuerySet
from selections.weeks import THURSDAY, day_of

from .statistics import Row

ENOUGH = 5  # common works; with fewer, an agreement is meaningless
DOUBT = 5  # works on which two members would agree as by chance, assumed beside the common ones
FURTHEST_APART = MAX_RATING - 1
# What to call an agreement beyond chance, shrunk by the DOUBT. Of shuffled ratings 1 % are called much closer.
CLOSER = [(0.3, "much closer"), (0.15, "closer"), (-0.15, "no closer"), (-math.inf, "further apart")]
HIT = 7  # half stars from which a rating praises a pick
MAX_DIFFERENCES = 10  # between two members, or between a member and TMDB's average
MAX_WRONG = 20  # disagreements in a response
SUMS = {"n": Count("pk"), "total": Coalesce(Sum("rating"), 0), "hits": Count("pk", filter=Q(rating__gte=HIT))}
DECIMALS = 4  # databases add fractions in any order, but the response must not change with it

# What identifies a work: opinions with the same values are about the same work.
WORK = {
    "movie": F("movie_pick__movie"),
    "release_group": F("album_pick__album__release_group_id"),
    "album_of_no_group": Case(When(album_pick__album__release_group_id=None, then=F("album_pick__album"))),
}
# The ISO week for which a work was picked, as a number such as 202607
WEEK = Cast("week__year", IntegerField()) * 100 + F("week__week_number")


def agreement_of(pairs: Collection[tuple[int, int]]) -> Row:
    """How close two members' ratings are, by the ratings of each work that both rated: see AgreementSerializer."""
    n = len(pairs)
    apart = raw = agreement = beyond_chance = harshness_gap = None
    if pairs:
        apart = sum(abs(mine - theirs) for mine, theirs in pairs) / n
        raw = 1 - apart / FURTHEST_APART
        harshness_gap = sum(mine - theirs for mine, theirs in pairs) / n
        if n >= ENOUGH:
            by_chance = chance_difference(pairs)
            agreement = (n * raw + DOUBT * (1 - by_chance / FURTHEST_APART)) / (n + DOUBT)
            # If chance gives no difference, each gave all works the same rating, so there is nothing to compare.
            beyond_chance = 1 - apart / by_chance if by_chance else 0.0
    return {
        "n": n,
        "enough": n >= ENOUGH,
        "agreement": agreement,
        "agreement_raw": raw,
        "beyond_chance": beyond_chance,
        "note": note_on(n, beyond_chance),
        "mean_difference": apart,
        "harshness_gap": harshness_gap,
    }


def chance_difference(pairs: Collection[tuple[int, int]]) -> float:
    """The mean difference if the same ratings were assigned to the common works at random."""
    mine, theirs = (Counter(ratings) for ratings in zip(*pairs, strict=True))
    apart = sum(abs(one - other) * mine[one] * theirs[other] for one in mine for other in theirs)
    return apart / len(pairs) ** 2


def note_on(n: int, beyond_chance: float | None) -> str:
    """How reliable an agreement is, and how it compares with chance, in words."""
    if beyond_chance is None:
        return f"Not enough overlap: {n} rated by both, {ENOUGH} are needed"
    certain = beyond_chance * n / (n + DOUBT)
    word = next(word for least, word in CLOSER if certain >= least)
    return f"{word.capitalize()} than chance, by {n} works that both rated"


def compare(viewer: Any, other: Any) -> Row:
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
            picked_for=Max(WEEK),
            my_rating=Max("rating", filter=mine),
            their_rating=Max("rating", filter=theirs),
            my_pk=Max("pk", filter=mine),
            their_pk=Max("pk", filter=theirs),
        )
        .filter(my_pk__isnull=False, their_pk__isnull=False)
        .values_list("is_movie", "picked_for", "my_rating", "their_rating", "my_pk", "their_pk", named=True)
    )
    rows = sorted(common, key=lambda row: (-_apart(row), -row.picked_for, not row.is_movie, row.my_pk))
    quarters = defaultdict(list)
    for row in rows:
        quarters[_quarter(row.picked_for)].append(row)
    return {
        "user": other,
        "together": _agreement(rows),
        "movies": _agreement(row for row in rows if row.is_movie),
        "albums": _agreement(row for row in rows if not row.is_movie),
        "quarters": [
            {"year": year, "quarter": quarter, "together": _agreement(quarters[year, quarter])}
            for year, quarter in sorted(quarters, reverse=True)
        ],
        "differences": _load([(row.my_pk, row.their_pk) for row in rows if _apart(row)][:MAX_DIFFERENCES]),
    }


def _agreement(rows: Iterable[Any]) -> Row:
    return agreement_of([(row.my_rating, row.their_rating) for row in rows])


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


def _load(pairs: list[tuple[int, int]]) -> list[Row]:
    """Pairs of opinions, with the pick of the first and the half stars by which its rating is above the other, in one
    query; without any that have just been deleted.
    """
    found = Opinion.objects.with_picks().in_bulk({pk for pair in pairs for pk in pair})
    loaded = [(found[one], found[another]) for one, another in pairs if one in found and another in found]
    return [
        {"one": one, "another": another, "pick": one.pick, "difference": (one.rating or 0) - (another.rating or 0)}
        for one, another in loaded
    ]


def wrong_opinions(
    viewer: Any, *, year: int | None = None, week_number: int | None = None, person: Any = None
) -> list[Row]:
    """The largest differences between two members' ratings of a pick, the higher rating first: of a year, of one of its
    weeks, or of all time, and with a `person` only of pairs with them.

    Of equal differences, those of later weeks come first.
    """
    found: list[tuple[int, int, int, int]] = []
    period = {"week__year": year, "week__week_number": week_number}
    of_period = {name: number for name, number in period.items() if number is not None}
    for kind in KINDS:
        pick = f"{kind}_pick"
        ratings = Opinion.objects.visible_to(viewer).on_kind(kind).filter(rating__isnull=False, **of_period)
        if person is None:
            # The largest differences are on the picks with the widest spread; there are too many pairs to sort all.
            spreads = (
                ratings.order_by().values(f"{pick}_id").annotate(spread=Max("rating") - Min("rating"), picked_for=WEEK)
            )
            widest = spreads.order_by("-spread", "-picked_for", f"{pick}_id").values_list(f"{pick}_id", flat=True)
            ratings = ratings.filter(**{f"{pick}__in": list(widest[:MAX_WRONG])})
        pairs = ratings.annotate(
            picked_for=WEEK, other_pk=F(f"{pick}__opinions"), gap=F("rating") - F(f"{pick}__opinions__rating")
        ).filter(other_pk__in=ratings.values("pk"))
        pairs = pairs.filter(gap__gt=0) if person is None else pairs.filter(user=person).exclude(gap=0)
        pairs = pairs.annotate(
            difference=Abs("gap"),
            higher_pk=Case(When(gap__gt=0, then="pk"), default="other_pk"),
            lower_pk=Case(When(gap__gt=0, then="other_pk"), default="pk"),
        ).order_by("-difference", "-picked_for", f"{pick}_id", "higher_pk", "lower_pk")
        found += pairs.values_list("difference", "picked_for", "higher_pk", "lower_pk")[:MAX_WRONG]
    found.sort(key=lambda row: (-row[0], -row[1]))  # stable: movies stay before albums
    return _load([row[2:] for row in found[:MAX_WRONG]])


def report_card(viewer: Any, person: Any) -> Row:
    """Others' ratings of a member's picks, and of the picks that others made because this member challenged them."""
    ratings = Opinion.objects.visible_to(viewer).filter(rating__isnull=False).exclude(user=person).order_by()
    on_challenges = [
        ratings.filter(**{f"{kind.opinion_field}__challenge__challenger": person}).aggregate(**SUMS)
        for kind in KINDS.values()
    ]
    on_own = ratings.filter(week__user=person)
    (movie_sums, movies), (album_sums, albums) = (_marked(kind, on_own.on_kind(kind.name)) for kind in KINDS.values())
    return {
        "user": person,
        "together": _marks([*movie_sums, *album_sums], [*movies, *albums]),
        "movies": _marks(movie_sums, movies),
        "albums": _marks(album_sums, albums),
        "raters": _raters([*movie_sums, *album_sums]),
        "challenges": _liking(on_challenges),
    }


def _marked(kind: Kind, ratings: OpinionQuerySet) -> tuple[list[Row], list[Any]]:
    """The sums of these ratings of picks of a kind by who gave them, and the picks with the best and the worst mean.

    Of picks with equal means it is the one with more ratings, then the later one.
    """
    sums = ratings.values("user_id", "user__username", "user__display_name").annotate(**SUMS)
    marked = (
        kind.picks._default_manager.filter(opinions__in=ratings)
        .annotate(n=Count("opinions"), total=Sum("opinions__rating"), mean=Avg("opinions__rating"))
        .select_related(kind.name, "week__user")
    )
    ends = (
        marked.order_by(mean, "-n", "-week__year", "-week__week_number", "pk").first() for mean in ("-mean", "mean")
    )
    return list(sums), [pick for pick in ends if pick]


def _marks(sums: list[Row], picks: list[Any]) -> Row:
    """What these sums come to, with the best and the worst of the picks."""
    marked = [{"pick": pick, "n": pick.n, "mean": pick.total / pick.n} for pick in picks]

    def weight(one: Row) -> tuple[int, int, int]:
        return one["n"], one["pick"].week.year, one["pick"].week.week_number

    return _liking(sums) | {
        "best": max(marked, key=lambda one: (one["mean"], weight(one)), default=None),
        "worst": max(marked, key=lambda one: (-one["mean"], weight(one)), default=None),
    }


def _liking(sums: list[Row]) -> Row:
    """The number of ratings, their mean in half stars, and the share of those that praise; None without ratings."""
    n, total, hits = (sum(row[name] for row in sums) for name in SUMS)
    return {"n": n, "mean": total / n if n else None, "hit_rate": hits / n if n else None}


def _raters(sums: list[Row]) -> list[Row]:
    """Who gave the ratings, those with the most first."""
    by_user = defaultdict(list)
    for row in sums:
        user = row["user_id"], row["user__username"], row["user__display_name"]
        by_user[user].append(row)
    raters = [
        {"user": get_user_model()(pk=pk, username=username, display_name=display_name)} | _liking(rows)
        for (pk, username, display_name), rows in by_user.items()
    ]
    return sorted(raters, key=lambda rater: (-rater["n"], rater["user"].pk))


def contrarian(viewer: Any, person: Any) -> Row:
    """A member's latest rating of each movie compared with TMDB's average, for movies with votes."""
    opinions = Opinion.objects.visible_to(viewer).filter(user=person, movie_pick__movie__vote_count__gt=0)
    against = _latest(opinions).annotate(gap=F("rating") - F("movie_pick__movie__vote_average"), picked_for=WEEK)
    means = against.aggregate(n=Count("pk"), signed=Avg("gap"), absolute=Avg(Abs("gap")))
    furthest = against.exclude(gap=0).order_by(Abs("gap").desc(), "-picked_for", "pk")
    return {
        "user": person,
        "n": means["n"],
        "mean_signed": _rounded(means["signed"]),
        "mean_absolute": _rounded(means["absolute"]),
        "picks": list(furthest.with_picks()[:MAX_DIFFERENCES]),
    }


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
