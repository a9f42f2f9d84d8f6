"""The queries of the most frequent reads: lists of weeks and of picked works, and a week with its picks."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.compiled import CompiledQuery, RowCount, Rows, compiled, ids_of_page
from accounts.models import User

from .kinds import KINDS, Kind
from .models import AnyPick, Event, PickQuerySet, Week
from .weeks import LAST_ZONE, YearWeek, settled_week, week_in

type Build = Callable[..., QuerySet[Any]]  # takes the user, and integers


def list_weeks(viewer: int, *, own_first: bool) -> Rows[Week]:
    """All weeks that a user may see, for pagination: see WeekQuerySet.newest_first()."""
    return Rows(lambda: count_weeks(viewer)[0].count, partial(compiled(select_weeks, own_first), viewer))


@CompiledQuery
def count_weeks(viewer: int) -> QuerySet[Any]:
    """The number of all weeks less that of the hidden ones, which is faster than joining every week with its owner."""
    weeks = Week.objects.order_by()
    return user_with(viewer, count=RowCount(weeks.values("pk")) - RowCount(weeks.hidden_from(viewer).values("pk")))


def user_with(viewer: int, **values: Any) -> QuerySet[Any]:
    """The user, with these values."""
    return get_user_model()._default_manager.filter(pk=viewer).only("pk").annotate(**values)


def select_weeks(own_first: bool, viewer: int, limit: int, offset: int) -> QuerySet[Week]:
    return Week.objects.visible_to(viewer).newest_first(viewer, own_first=own_first).page(limit, offset)


def with_picks(weeks: list[Week], viewer: int) -> list[Week]:
    """The weeks with their picks as `movies` and `albums`, as WeekQuerySet.for_page() loads them.

    Of weeks that for_list() has found, only those with a movie or an album are looked up.
    """
    picks = [
        compiled(select_picks, kind)(ids, viewer)
        for kind in KINDS.values()
        if (ids := [week.pk for week in weeks if getattr(week, f"has_{kind.name}", True)])
    ]
    return attach_picks(weeks, *picks)


def attach_picks(weeks: list[Week], *picks: Iterable[AnyPick]) -> list[Week]:
    """The weeks with these picks as `movies` and `albums`."""
    by_id = {week.pk: week for week in weeks}
    for week in weeks:
        week.movies, week.albums = [], []
    for pick in chain(*picks):
        getattr(by_id[pick.week_id], f"{pick.kind}s").append(pick)
    return weeks


@CompiledQuery
def week_by_id(week_id: int, viewer: int) -> QuerySet[Week]:
    return Week.objects.visible_to(viewer).for_list().with_owner_only().filter(pk=week_id)


@CompiledQuery
def week_by_name(year: int, week_number: int, owner: int) -> QuerySet[Week]:
    return Week.objects.for_list().with_owner_only().filter(user=owner, year=year, week_number=week_number)


SHOWN_OF_USERS = {"id", "username", "display_name"}
OF_BOTH = "genres note search_text status title_key vanished_at"
UNUSED = {  # values of works and users that no week shows
    "movie": f"{OF_BOTH} backdrop_path imdb_id original_language runtime tagline vote_average vote_count".split(),
    "album": f"{OF_BOTH} country cover_asked_at cover_known primary_type release_group_id".split(),
    "user": [field.name for field in User._meta.concrete_fields if field.name not in SHOWN_OF_USERS],
}


def select_picks(kind: Kind, weeks: int, viewer: Any) -> PickQuerySet:
    """The picks of weeks, without the unused values of their works: reading them takes time as well."""
    picks = kind.picks._default_manager.filter(week__in=[weeks]).with_opinions(viewer)
    return picks.defer(*(f"{kind.name}__{name}" for name in UNUSED[kind.name]))


def picks_by_position(kind: Kind, week: Week, viewer: int) -> dict[int, Any]:
    """The picks of a week, with their works and opinions."""
    picks = compiled(select_picks, kind)([week.pk], viewer)
    for pick in picks:
        pick.week = week
    return {pick.position: pick for pick in picks}


def list_events(viewer: int, since: int, before: int, limit: int) -> tuple[list[int], str]:
    """The ids of the newest events between two ids that a user may see, and a digest of the answer with them: it
    changes with the events, members' names and picks, but not with what the catalog says of a work."""
    rows = select_events.page(limit, 0, viewer, since, before)
    return [row[0] for row in rows], hashlib.sha256(repr(rows).encode()).hexdigest()


@CompiledQuery
def select_events(viewer: int, since: int, before: int) -> QuerySet[Any, Any]:
    joined = ("user", "week__user", "vote__item__user")  # in any case
    names = [f"{user}__{name}" for user in joined for name in ("username", "display_name")]
    events = Event.objects.visible_to(viewer).filter(pk__gt=since, pk__lt=before).order_by("-pk")
    return events.values_list("pk", "week__updated_at", *names)


class Owner(NamedTuple):
    id: int
    username: str
    display_name: str


class WeekOfSelection(NamedTuple):
    year: int
    week_number: int
    user: Owner


class Selection(NamedTuple):
    """What a list of works shows of a pick. A page may have hundreds, and models take three times as long to make."""

    week_id: int
    position: int
    added_at: datetime
    week: WeekOfSelection


def list_picked(kind: Kind, viewer: int) -> Rows[Any]:
    """The works that were picked in weeks that a user may see, by title, each with these picks as `selections`."""
    count, page, picks = PICKED[kind]

    def load(limit: int, offset: int) -> list[Any]:
        works = {work.pk: work for work in page(viewer, limit, offset)}
        for work in works.values():
            work.selections = []
        for work, week, position, added_at, year, number, *owner in picks(list(works), viewer) if works else []:
            selection = Selection(week, position, added_at, WeekOfSelection(year, number, Owner(*owner)))
            works[work].selections.append(selection)
        return list(works.values())

    return Rows(lambda: count(viewer)[0].count, load)


def queries_of_picked(kind: Kind) -> tuple[CompiledQuery[Any], CompiledQuery[Any], CompiledQuery[Any]]:
    """How many works were picked, a page of them, and the picks of some."""
    works, picks = kind.works._default_manager, kind.picks._default_manager

    def picked(seen: PickQuerySet) -> QuerySet[Any]:
        return works.filter(Exists(seen.filter(**{kind.name: OuterRef("pk")})))

    def count(viewer: int) -> QuerySet[Any]:
        # SQLite looks a week up in a list of the hidden ones sooner than in two tables, and reads works by their ids
        # sooner than by an index in another order.
        hidden = Week.objects.order_by().hidden_from(viewer).values("pk")
        seen = picks.exclude(week__in=hidden) if connection.vendor == "sqlite" else picks.visible_to(viewer)
        return user_with(viewer, count=RowCount(picked(seen).order_by("pk").values("pk")))

    def page(viewer: int, limit: int, offset: int) -> QuerySet[Any]:
        in_order = picked(picks.visible_to(viewer)).order_by("title_key", "id")
        return works.filter(pk__in=ids_of_page(in_order, limit, offset)).order_by("title_key", "id")

    def picks_of(works: int, viewer: int) -> QuerySet[Any]:
        found = picks.visible_to(viewer).filter(**{f"{kind.name}__in": [works]}).latest_first()
        shown = ["week_id", "position", "added_at", "week__year", "week__week_number"]
        return found.values_list(kind.name, *shown, *(f"week__user__{name}" for name in Owner._fields))

    return CompiledQuery(count), CompiledQuery(page), CompiledQuery(picks_of)


PICKED = {kind: queries_of_picked(kind) for kind in KINDS.values()}


def rows_of(user: Any, count: Build, select: Build, *arguments: int) -> Rows[Any]:
    """The rows of a user's query, for pagination; see compiled_for()."""

    def page(limit: int, offset: int) -> list[Any]:
        if found := compiled_for(user, select):
            return found.page(limit, offset, *arguments)
        return list(select(user, *arguments)[offset : offset + limit])

    return Rows(lambda: (compiled_for(user, count) or partial(count, user))(*arguments)[0].count, page)


def load(user: Any, build: Build, ids: list[int]) -> list[Any]:
    """The rows of a user's query that takes a list of ids; see compiled_for()."""
    return (compiled_for(user, build) or CompiledQuery(partial(build, user)))(ids) if ids else []


class WeekHasEnded(Exception):
    """The current week has ended in some time zone while a query was compiled."""


def compiled_for(user: Any, build: Build) -> CompiledQuery[Any] | None:
    """A user's compiled query, if its condition for revealed opinions holds until the week ends in the last time zone.

    None in the hours in which the week is over for the user, but not yet in the last time zone.
    """
    last = week_in(LAST_ZONE, timezone.now())
    if settled_week(user) != last:
        return None
    with contextlib.suppress(WeekHasEnded):
        return compiled_while(user, last, settings.BLIND_REVEAL, build)
    return None


@lru_cache(maxsize=1000)
def compiled_while(user: Any, last: YearWeek, is_blind: bool, build: Build) -> CompiledQuery[Any]:
    """A user's query while `last` is the current week for them and in the last time zone. Raises WeekHasEnded."""
    made = CompiledQuery(partial(build, user))
    made.compiled  # noqa: B018 - now, as it depends on the time
    if settled_week(user) != last or week_in(LAST_ZONE, timezone.now()) != last:
        raise WeekHasEnded
    return made
