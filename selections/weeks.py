"""ISO weeks: their names, their days, the current one in a time zone, and whether one is over for a user."""

import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from datetime import timezone as offset
from functools import cache, lru_cache, reduce
from itertools import groupby
from operator import or_

from django.db.models import Q
from django.utils import timezone

from accounts.models import time_zones

type YearWeek = tuple[int, int]  # an ISO year, and the number of a week in it

FIRST_YEAR, LAST_YEAR = 1900, 2100
MONDAY, THURSDAY, SUNDAY = 1, 4, 7


def weeks_in_year(year: int) -> int:
    """52, or 53 in a long ISO year."""
    return date(year, 12, 28).isocalendar().week


LONG_YEARS = [year for year in range(FIRST_YEAR, LAST_YEAR + 1) if weeks_in_year(year) == 53]

# The names that read_week_name() accepts, except for week 53 of a year with 52 weeks.
WEEK_NAME = "^(19[0-9]{2}|20[0-9]{2}|2100)-W(0[1-9]|[1-4][0-9]|5[0-3])$"


def read_week_name(text: str) -> YearWeek | None:
    """The week with this ISO name, such as 2026-W07; None if there is no such week from FIRST_YEAR to LAST_YEAR."""
    if not re.fullmatch(WEEK_NAME, text):
        return None
    year, number = int(text[:4]), int(text[6:])
    return (year, number) if number <= weeks_in_year(year) else None


def week_name(year: int, week_number: int) -> str:
    """The ISO name of a week, such as 2026-W07."""
    return f"{year}-W{week_number:02}"


def week_names(weeks: Iterable[YearWeek]) -> str:
    """Such as `2024-W03, 2024-W05 to 2024-W07`, of weeks in the order of the calendar."""
    runs = groupby(enumerate(weeks), lambda pair: day_of(pair[1], MONDAY) - timedelta(weeks=pair[0]))
    parts = []
    for _, run in runs:
        names = [week_name(*week) for _, week in run]
        parts.append(names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}")
    return ", ".join(parts)


def week_of(day: date) -> YearWeek:
    """The week that contains a day."""
    return day.isocalendar()[:2]


def day_of(week: YearWeek, weekday: int) -> date:
    """A day of a week, from MONDAY to SUNDAY. Its Thursday determines the month and the year of a week."""
    return date.fromisocalendar(*week, weekday)


def week_ordinal(week: YearWeek) -> int:
    """The number of a week, counted through all years: the next week has the next number."""
    return day_of(week, MONDAY).toordinal() // 7


def weeks_later(week: YearWeek, count: int) -> YearWeek:
    """The week `count` weeks after this one, or before it if the count is negative."""
    return week_of(day_of(week, MONDAY) + timedelta(weeks=count))


def weeks_between(first: YearWeek, last: YearWeek) -> Iterator[YearWeek]:
    """All weeks from the first to the last, both included."""
    monday = day_of(first, MONDAY)
    for count in range(week_ordinal(last) - week_ordinal(first) + 1):
        yield week_of(monday + timedelta(weeks=count))


def this_week(user) -> YearWeek:
    """The ISO year and week of today, in the user's time zone."""
    return week_in(user.zone, timezone.now())


def week_in(zone: tzinfo, moment: datetime) -> YearWeek:
    """The current ISO year and week in a time zone at a moment."""
    return week_of(moment.astimezone(zone))


def any_of(names: Iterable[YearWeek]) -> Q:
    """Whether a week is one of these, of which there is at least one."""
    by_year: dict[int, list[int]] = {}
    for year, week_number in names:
        by_year.setdefault(year, []).append(week_number)
    return reduce(or_, (Q(year=year, week_number__in=numbers) for year, numbers in by_year.items()))


def week_before(year: int, week_number: int, week: str = "") -> Q:
    """Whether a `week` is an earlier calendar week than this one."""
    return Q(**{f"{week}year__lt": year}) | Q(**{f"{week}year": year, f"{week}week_number__lt": week_number})


FIRST_ZONE, LAST_ZONE = offset(timedelta(hours=14)), offset(timedelta(hours=-12))  # a new week begins here first, last
SETTLING_TIME = timedelta(days=7)


def over_for(user, week: str = "", at: datetime | None = None) -> Q:
    """Whether a `week` is over for the user now, or was at a moment: its Sunday is past in the time zones of both the
    user and its owner.

    All weeks before the current one in the last time zone are over for everyone. That one ends in other zones up to
    26 hours earlier, and only then the owner's zone matters.
    """
    moment = at or timezone.now()
    last = week_in(LAST_ZONE, moment)
    over = week_before(*last, week)
    if settled_week(user, moment) == last:
        return over
    quarter = moment.replace(second=0, microsecond=0)
    ahead = _zones_after(last, quarter - timedelta(minutes=quarter.minute % 15))
    moved = Q(**{f"{week}user__time_zone_changed_at__gt": moment - SETTLING_TIME})
    running = Q(**{f"{week}year": last[0], f"{week}week_number": last[1], f"{week}user__time_zone__in": ahead})
    return over | (running & ~moved)


def settled_week(user, at: datetime | None = None) -> YearWeek:
    """The ISO year and week of the user with regard to hidden opinions, now or at a moment.

    For a week after they changed their time zone it is that of the last zone, so that a move reveals no week early.
    """
    moment, moved_at = at or timezone.now(), user.time_zone_changed_at
    is_settled = moved_at is None or moved_at <= moment - SETTLING_TIME
    return week_in(user.zone if is_settled else LAST_ZONE, moment)


@lru_cache(maxsize=1)
def _zones_after(week: YearWeek, moment: datetime) -> list[str]:
    """The time zones in which this week is over at a moment, a full quarter of an hour, as offsets are multiples."""
    return [zone.key for zone in _zones() if week_in(zone, moment) > week]


@cache
def _zones() -> list[zoneinfo.ZoneInfo]:
    """All time zones, kept as they take 0.1 s to read."""
    return [zoneinfo.ZoneInfo(name) for name in time_zones()]
