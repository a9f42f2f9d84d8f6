"""Weeks of the past that are missing or not complete, and creating the missing ones."""

from dataclasses import dataclass

from django.utils import timezone

from .models import Week
from .services import refuse_too_many_weeks
from .weeks import YearWeek, weeks_between


@dataclass(frozen=True)
class Gaps:
    """The gaps in a user's weeks, in the order of the calendar."""

    missing: list[YearWeek]
    empty: list[YearWeek]
    without_movie: list[YearWeek]
    without_album: list[YearWeek]


def first_week(user) -> YearWeek | None:
    """The earliest of a user's weeks."""
    return Week.objects.filter(user=user).order_by("year", "week_number").values_list("year", "week_number").first()


def find_gaps(user, first: YearWeek, last: YearWeek) -> Gaps:
    """The gaps in the user's weeks from the first to the last, in one query."""
    weeks = Week.objects.filter(user=user).since(*first).until(*last).for_list()
    known = {(week.year, week.week_number): (week.has_movie, week.has_album) for week in weeks}
    asked = list(weeks_between(first, last))
    return Gaps(
        missing=[week for week in asked if week not in known],
        empty=[week for week in asked if known.get(week) == (False, False)],
        without_movie=[week for week in asked if known.get(week) == (False, True)],
        without_album=[week for week in asked if known.get(week) == (True, False)],
    )


def create_weeks(user, weeks: list[YearWeek]) -> list[Week]:
    """Create these weeks, except any that another request has just created; returns those that were created.

    Raises IntegrityError if the account has just been deleted, and Conflict if there would be too many.
    """
    refuse_too_many_weeks(user, len(weeks))
    now = timezone.now()
    Week.objects.bulk_create(
        # Without notes there is nothing for save() to fold.
        [
            Week(user=user, year=year, week_number=number, search_text="", created_at=now, updated_at=now)
            for year, number in weeks
        ],
        ignore_conflicts=True,
    )
    return list(Week.objects.filter(user=user, created_at=now).select_related("user"))
