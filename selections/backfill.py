"""The weeks of a past that nobody entered yet: which are missing or not complete, and making the missing ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.utils import timezone

from . import services
from .models import Week
from .weeks import week_name

type Name = tuple[int, int]  # ISO year and week


@dataclass(frozen=True)
class Gaps:
    """What a person's weeks lack, from one week to another; all in the order of the calendar."""

    missing: list[Name]
    empty: list[Name]
    without_movie: list[Name]
    without_album: list[Name]


def weeks_between(first: Name, last: Name) -> list[Name]:
    """All ISO weeks from one to another, both included."""
    monday = _monday(first)
    count = (_monday(last) - monday).days // 7 + 1
    return [(monday + timedelta(weeks=n)).isocalendar()[:2] for n in range(count)]


def _monday(name: Name) -> date:
    return date.fromisocalendar(name[0], name[1], 1)


def first_week(user) -> Name | None:
    """The earliest of a person's weeks."""
    return Week.objects.filter(user=user).order_by("year", "week_number").values_list("year", "week_number").first()


def find_gaps(user, first: Name, last: Name) -> Gaps:
    """What the person's weeks lack from the first to the last, in one query."""
    weeks = Week.objects.filter(user=user).since(*first).until(*last).for_list()
    known = {(week.year, week.week_number): (week.has_movie, week.has_album) for week in weeks}
    names = weeks_between(first, last)
    return Gaps(
        missing=[name for name in names if name not in known],
        empty=[name for name in names if known.get(name) == (False, False)],
        without_movie=[name for name in names if known.get(name) == (False, True)],
        without_album=[name for name in names if known.get(name) == (True, False)],
    )


def create_weeks(user, names: Iterable[Name]) -> int:
    """Create these weeks, but for those that somebody else has just created, and say how many that were.

    Raises IntegrityError when the person has just left, and Conflict where there would be too many.
    """
    names = list(names)
    services.refuse_too_many_weeks(user, len(names))
    now = timezone.now()
    Week.objects.bulk_create(
        # Without notes there is nothing that save() would fold.
        [
            Week(user=user, year=year, week_number=number, search_text="", created_at=now, updated_at=now)
            for year, number in names
        ],
        ignore_conflicts=True,
    )
    return Week.objects.filter(user=user, created_at=now).count()


def in_words(names: Iterable[Name]) -> str:
    """Such as `2024-W03, 2024-W05 to 2024-W07`."""
    runs = groupby(enumerate(names), lambda pair: _monday(pair[1]) - timedelta(weeks=pair[0]))
    parts = []
    for _, run in runs:
        written = [week_name(*name) for _, name in run]
        parts.append(written[0] if len(written) == 1 else f"{written[0]} to {written[-1]}")
    return ", ".join(parts)
