"""The group's week: the weeks of all members side by side, the opinions that are revealed, and what came of it."""

from collections import defaultdict
from collections.abc import Sized
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Case, FilteredRelation, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from accounts.compiled import RowCount, Rows
from selections.kinds import KINDS, Kind
from selections.models import AnyPick, Opinion
from selections.reads import UNUSED, attach_picks, load, rows_of, select_picks, user_with
from selections.weeks import YearWeek, over_for

from .statistics import Row

MAX_MEMBERS = 100  # in a response
MAX_OPINIONS = 100  # on a pick, the latest
STATES = ["complete", "half", "empty", "missing"]  # of a member's week
GROUP = 3  # ratings of a pick from which each of them is compared with the others


def state_of(movies: Sized | int, albums: Sized | int) -> str:
    """The state of a week with these picks."""
    if movies and albums:
        return "complete"
    return "half" if movies or albums else "empty"


def list_members(user: Any, week: YearWeek) -> Rows[Any]:
    """The users whom the user may see, themselves first, then by username. Those with a week of this round have it as
    `week`, and accounts that are disabled are only among these.
    """
    return rows_of(user, count_members, select_members, *week)


def select_members(user: Any, year: int, week_number: int) -> QuerySet[Any]:
    of_round = FilteredRelation("weeks", condition=Q(weeks__year=year, weeks__week_number=week_number))
    members = get_user_model()._default_manager.visible_to(user)
    return (
        members.defer(*UNUSED["user"])
        .annotate(week=of_round)
        .filter(Q(is_active=True) | Q(week__isnull=False))
        .select_related("week")
        .order_by(Case(When(pk=user.pk, then=Value(0)), default=Value(1)), "username")
    )


def count_members(user: Any, year: int, week_number: int) -> QuerySet[Any]:
    members = select_members(user, year, week_number).select_related(None).only("pk").order_by()
    return user_with(user.pk, count=RowCount(members.values("pk")))


@dataclass
class MemberWeek:
    """A member, and their week, if there is one."""

    user: Any
    week: Any

    @property
    def state(self) -> str:
        return state_of(self.week.movies, self.week.albums) if self.week else "missing"


def load_weeks(user: Any, members: list[Any]) -> list[MemberWeek]:
    """The members, as list_members() has found them, with their weeks, in four queries.

    The weeks have their picks as `movies` and `albums`. Each pick has the values of with_opinions(), `revealed`, which
    is whether others' opinions on it are shown to the user, and these as `shown_opinions`.
    """
    # Taken out of the members, as each reference cycle is work for the garbage collector.
    of_members = [MemberWeek(member, vars(member).pop("week", None)) for member in members]
    weeks = [one.week for one in of_members if one.week]
    ids = [week.pk for week in weeks]
    picks = {kind: load(user, select, ids) for kind, select in PICKS.items()}
    attach_picks(weeks, *picks.values())
    for kind, found in picks.items():
        load_opinions(kind, user, found)
    for one in of_members:
        if week := one.week:
            week.user, week.has_movie, week.has_album = one.user, bool(week.movies), bool(week.albums)
    return of_members


def load_opinions(kind: Kind, user: Any, picks: list[Any]) -> None:
    by_id = {pick.pk: pick for pick in picks if pick.revealed and pick.opinions_count}
    for pick in picks:
        pick.shown_opinions = []
    for opinion in load(user, OPINIONS[kind], list(by_id)):
        by_id[getattr(opinion, f"{kind.opinion_field}_id")].shown_opinions.append(opinion)


def select_revealed(kind: Kind, user: Any, weeks: int) -> QuerySet[Any]:
    shown = When(over_for(user, "week__") | Q(my_opinion__isnull=False), then=Value(True))
    return select_picks(kind, weeks, user).annotate(revealed=Case(shown, default=Value(not settings.BLIND_REVEAL)))


def select_opinions(kind: Kind, user: Any, picks: int) -> QuerySet[Any]:
    on = kind.opinion_field
    place = Window(RowNumber(), partition_by=[on], order_by=["-created_at", "-id"])
    opinions = Opinion.objects.visible_to(user).filter(**{f"{on}__in": [picks]}).select_related("user")
    opinions = opinions.defer(*(f"user__{name}" for name in UNUSED["user"]))
    return opinions.annotate(place=place).filter(place__lte=MAX_OPINIONS)


PICKS = {kind: partial(select_revealed, kind) for kind in KINDS.values()}
OPINIONS = {kind: partial(select_opinions, kind) for kind in KINDS.values()}


def result_of(members: list[MemberWeek]) -> dict[str, Row | None]:
    """The result of their weeks, from the opinions that load_weeks() has found."""
    rated: list[Row] = []
    compared: list[Row] = []
    for week in [one.week for one in members if one.week]:
        for pick in [*week.movies, *week.albums]:
            pick.week = week
            given = [opinion for opinion in pick.shown_opinions if opinion.rating]
            if given:
                rated.append(rate(pick, [opinion.rating for opinion in given]))
            if len(given) >= GROUP:
                compared += compare(pick, given)
    return {
        "best": max(rated, key=lambda one: (one["mean"], one["n"]), default=None),
        "worst": min(rated, key=lambda one: (one["mean"], -one["n"]), default=None),
        "widest": max((one for one in rated if one["spread"]), key=lambda one: (one["spread"], one["n"]), default=None),
        "closest_to_group": closest(compared),
        "surprise": max((one for one in compared if one["distance"]), key=itemgetter("distance"), default=None),
    }


def rate(pick: AnyPick, ratings: list[int]) -> Row:
    """A pick with what its ratings come to, in half stars."""
    spread = max(ratings) - min(ratings)
    return {"pick": pick, "n": len(ratings), "mean": sum(ratings) / len(ratings), "spread": spread}


def compare(pick: AnyPick, given: list[Any]) -> list[Row]:
    """Each rating of a pick with the mean of the others, and its distance from that."""
    total = sum(opinion.rating for opinion in given)
    means = [(opinion, (total - opinion.rating) / (len(given) - 1)) for opinion in given]
    return [
        {
            "pick": pick,
            "user": opinion.user,
            "rating": opinion.rating,
            "mean_of_others": mean,
            "distance": abs(opinion.rating - mean),
        }
        for opinion, mean in means
    ]


def closest(compared: list[Row]) -> Row | None:
    """The member with the smallest mean distance, of several the one with more ratings; None without a group."""
    distances = defaultdict(list)
    for one in compared:
        distances[one["user"]].append(one["distance"])
    members = [
        {"user": user, "n": len(found), "distance": sum(found) / len(found)} for user, found in distances.items()
    ]
    return min(members, key=lambda one: (one["distance"], -one["n"], one["user"].username), default=None)
