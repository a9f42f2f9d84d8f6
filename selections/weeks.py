"""ISO weeks: their names, which of them run where, and which are over for whom."""

import re
import zoneinfo
from datetime import date, datetime, timedelta, tzinfo
from datetime import timezone as offset
from functools import lru_cache

from django.db.models import Q
from django.utils import timezone

FIRST_YEAR, LAST_YEAR = 1900, 2100
LONG_YEARS = [year for year in range(FIRST_YEAR, LAST_YEAR + 1) if date(year, 12, 28).isocalendar().week == 53]

# Which names read_week_name() takes, but for the 53 of a year that has 52 weeks.
WEEK_NAME = "^(19[0-9]{2}|20[0-9]{2}|2100)-W(0[1-9]|[1-4][0-9]|5[0-3])$"


def read_week_name(text: str) -> tuple[int, int] | None:
    """The year and number of the week with this ISO name, such as 2026-W07, if there is one in the years we know."""
    found = re.fullmatch(r"([0-9]{4})-W([0-9]{2})", text)
    if not found or not FIRST_YEAR <= (year := int(found[1])) <= LAST_YEAR:
        return None
    last = 53 if year in LONG_YEARS else 52
    return (year, number) if 1 <= (number := int(found[2])) <= last else None


def week_name(year: int, week_number: int) -> str:
    """The ISO name of a week, such as 2026-W07."""
    return f"{year}-W{week_number:02}"


def this_week(user) -> tuple[int, int]:
    """The ISO year and week of today, in the user's time zone."""
    return week_in(user.zone, timezone.now())


def week_in(zone: tzinfo, moment: datetime) -> tuple[int, int]:
    """The ISO year and week that run in a time zone at a moment."""
    day = moment.astimezone(zone).isocalendar()
    return day.year, day.week


def week_before(year: int, week_number: int, week: str = "") -> Q:
    """Whether a `week` is an earlier calendar week than this one."""
    return Q(**{f"{week}year__lt": year}) | Q(**{f"{week}year": year, f"{week}week_number__lt": week_number})


FIRST_ZONE, LAST_ZONE = offset(timedelta(hours=14)), offset(timedelta(hours=-12))  # a new week begins here first, last
SETTLING_TIME = timedelta(days=7)


def over_for(user, week: str = "") -> Q:
    """Whether a `week` is over for the user: its Sunday is past both where the user and where its owner live.

    All weeks before the one that runs in the last time zone are over for everyone. That one is over in other zones for
    up to 26 hours before, and only then the owner's zone is looked at.
    """
    last = week_in(LAST_ZONE, timezone.now())
    over = week_before(*last, week)
    if settled_week(user) == last:
        return over
    quarter = timezone.now().replace(second=0, microsecond=0)
    ahead = _zones_after(last, quarter - timedelta(minutes=quarter.minute % 15))
    moved = Q(**{f"{week}user__time_zone_changed_at__gt": timezone.now() - SETTLING_TIME})
    running = Q(**{f"{week}year": last[0], f"{week}week_number": last[1], f"{week}user__time_zone__in": ahead})
    return over | (running & ~moved)


def settled_week(user) -> tuple[int, int]:
    """The ISO year and week that run for the user as far as secrets go.

    For a week after they changed their time zone it is that of the last zone, so that a move opens no week early.
    """
    moved_at = user.time_zone_changed_at
    if moved_at and moved_at > timezone.now() - SETTLING_TIME:
        return week_in(LAST_ZONE, timezone.now())
    return this_week(user)


@lru_cache(maxsize=1)
def _zones_after(week: tuple[int, int], moment: datetime) -> list[str]:
    """The time zones in which this week is over at a moment, which is a quarter of an hour: offsets are multiples."""
    return [name for name in zoneinfo.available_timezones() if week_in(zoneinfo.ZoneInfo(name), moment) > week]
