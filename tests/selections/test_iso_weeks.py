"""selections/weeks.py"""

from datetime import date, timedelta

import pytest

from selections import weeks

DAYS = [date(2018, 1, 1) + timedelta(days=n) for n in range(365 * 8)]
CALENDAR = list(dict.fromkeys(weeks.week_of(day) for day in DAYS))


def test_the_weeks_between_two_are_all_weeks_of_the_calendar():
    assert list(weeks.weeks_between(CALENDAR[0], CALENDAR[-1])) == CALENDAR
    assert [week for week in CALENDAR if week[1] == 53] == [(2020, 53)]


@pytest.mark.parametrize("count", [-1, 0, 1, 60])
def test_weeks_later_and_earlier(count):
    assert weeks.weeks_later(CALENDAR[100], count) == CALENDAR[100 + count]


def test_a_week_has_seven_days_from_monday_on():
    for week in CALENDAR[:-1]:
        days = [day for day in DAYS if weeks.week_of(day) == week]
        assert [weeks.day_of(week, number) for number in range(weeks.MONDAY, weeks.SUNDAY + 1)] == days


def test_every_week_is_found_by_its_name():
    assert [weeks.read_week_name(weeks.week_name(*week)) for week in CALENDAR] == CALENDAR


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-W00", "2026-W54", "2025-W53", "1899-W01", "2101-W01", "2026-W7", "2026-w07", "2026-W07\n"],
)
def test_other_text_is_no_week(text):
    assert weeks.read_week_name(text) is None


def test_runs_of_weeks_are_written_by_their_first_and_last():
    assert weeks.week_names([(2020, 52), (2020, 53), (2021, 1), (2021, 3)]) == "2020-W52 to 2021-W01, 2021-W03"
    assert weeks.week_names([]) == ""
