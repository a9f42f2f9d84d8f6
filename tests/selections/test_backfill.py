"""manage.py backfill_weeks"""

from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from selections import backfill
from selections.models import Week
from tests.conftest import at_once
from tests.factories import UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def run(now, capsys):
    """Runs the command for ada and gives what it wrote, in lines."""

    def run(*arguments, user="ada", **options):
        call_command("backfill_weeks", user, *arguments, **options)
        return capsys.readouterr().out.splitlines()

    return run


def names(user):
    return sorted(Week.objects.filter(user=user).values_list("year", "week_number"))


def test_it_creates_the_missing_weeks(user, other, run):
    kept = WeekFactory(user=user, year=2026, week_number=3, notes="the notes")
    WeekFactory(user=other, year=2026, week_number=4)

    said = run("--from", "2025-W52", "--apply")

    assert said == ["Created 7 weeks (2025-W52 to 2026-W02, 2026-W04 to 2026-W07)."]
    assert names(user) == [(2025, 52), *((2026, number) for number in range(1, 8))]
    assert Week.objects.get(pk=kept.pk).notes == "the notes"
    assert names(other) == [(2026, 4)]
    assert run("--from", "2025-W52", "--apply") == ["Nothing to do: no week is missing."]


def test_a_long_year_has_its_53rd_week(user, run):
    run("--from", "2020-W52", "--to", "2021-W01", "--apply")

    assert names(user) == [(2020, 52), (2020, 53), (2021, 1)]


def test_it_only_says_what_it_would_do(user, run):
    said = run("--from", "2026-W06", user="ADA")

    assert said == ["Would create 2 weeks (2026-W06 to 2026-W07). Run it with --apply to do so."]
    assert names(user) == []


@pytest.mark.parametrize(("zone", "last"), [("Pacific/Kiritimati", 8), ("America/Los_Angeles", 7)])
def test_it_ends_with_the_current_week_of_the_person(user, run, zone, last, time_machine):
    time_machine.move_to("2026-02-15T12:00:00Z")  # a Sunday, and Monday already in Kiritimati
    type(user).objects.update(time_zone=zone)

    run("--from", "2026-W07", "--apply")

    assert names(user)[-1] == (2026, last)


def test_weeks_to_come_are_pointed_out(user, run):
    said = run("--from", "2026-W07", "--to", "2026-W09", "--apply")

    assert said == [
        "Of these, 2 are still to come: 2026-W08 to 2026-W09.",
        "Created 3 weeks (2026-W07 to 2026-W09).",
    ]


def test_weeks_that_it_creates_are_as_any_other(user, run, api):
    run("--from", "2026-W06", "--apply")

    body = api.get("/api/weeks/2026-W06").json()
    assert (body["notes"], body["created_at"], body["movies"]) == (None, "2026-02-11T12:00:00Z", [])
    assert api.patch(f"/api/weeks/{body['id']}", {"notes": "now"}).status_code == 200
    assert [week["id"] for week in api.get("/api/weeks", {"search": "now"}).json()["results"]] == [body["id"]]


def test_gaps(user, run):
    for number in (2, 3, 4, 5):
        week = WeekFactory(user=user, year=2026, week_number=number)
        if number in {3, 5}:
            WeekMovieFactory(week=week)
            WeekMovieFactory(week=week, position=2)
        if number in {4, 5}:
            WeekAlbumFactory(week=week)

    assert run("--gaps") == [
        "Missing: 2 weeks (2026-W06 to 2026-W07).",
        "Empty: 1 weeks (2026-W02).",
        "Without a movie: 1 weeks (2026-W04).",
        "Without an album: 1 weeks (2026-W03).",
    ]
    assert run("--gaps", "--from", "2026-W05", "--to", "2026-W05") == ["No gaps."]
    assert run("--gaps", "--from", "2026-W05", "--to", "2026-W05", verbosity=2)[0] == "Missing: none."
    assert len(names(user)) == 4


def test_gaps_of_somebody_without_weeks(user, run):
    assert run("--gaps") == ["Missing: 1 weeks (2026-W07)."]


def test_gaps_when_all_weeks_are_to_come(user, run):
    WeekFactory(user=user, year=2027, week_number=1)

    assert run("--gaps") == ["Empty: 1 weeks (2027-W01)."]


def test_it_is_quiet_when_asked(user, run):
    assert run("--from", "2026-W07", "--apply", verbosity=0) == []
    assert names(user) == [(2026, 7)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say from which week on, such as --from 2024-W01."),
        (["--from", "2026-W08"], "2026-W08 is later than 2026-W07: swap them."),
        (["--from", "2026-W06", "--to", "2026-W05"], "2026-W06 is later than 2026-W05: swap them."),
        (["--from", "2026-7"], "Error: argument --from: '2026-7' is no week such as 2024-W07"),
        (["--from", "2025-W53"], "Error: argument --from: '2025-W53' is no week such as 2024-W07"),
        (["--gaps", "--apply"], "Error: argument --apply: not allowed with argument --gaps"),
    ],
)
def test_bad_input(user, run, arguments, sentence):
    with pytest.raises(CommandError) as refused:
        run(*arguments)

    assert str(refused.value) == sentence


def test_nobody_of_that_name(run, db):
    with pytest.raises(CommandError, match=r"There is nobody called cleo\."):
        run("--from", "2026-W07", user="cleo")


def test_the_number_of_queries_stays_the_same(user, run):
    counts = []
    for first in ("2026-W01", "2010-W01"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run("--from", first, "--apply")
        counts.append(len(queries))

    assert len(names(user)) > 800
    assert counts[0] == counts[1] <= 6


@pytest.mark.django_db(transaction=True)
def test_several_at_once_create_each_week_once():
    user = UserFactory()
    missing = backfill.weeks_between((2020, 1), (2024, 52))

    created = at_once(4, lambda number: backfill.create_weeks(user, missing))

    assert names(user) == missing
    assert max(created) <= len(missing)


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_just_created_is_told(run, monkeypatch):
    user = UserFactory(username="ada")
    create = backfill.create_weeks

    def late(person, missing):
        WeekFactory(user=user, year=2026, week_number=6, created_at="2026-02-11T11:00:00Z")
        return create(person, missing)

    monkeypatch.setattr(backfill, "create_weeks", late)

    assert run("--from", "2026-W06", "--apply")[-1] == "1 of them somebody else created just then."


@pytest.mark.django_db(transaction=True)
def test_somebody_who_leaves_just_then(run, monkeypatch):
    user = UserFactory(username="ada")
    find = backfill.find_gaps

    def leave(*arguments):
        found = find(*arguments)
        type(user).objects.all().delete()
        return found

    monkeypatch.setattr(backfill, "find_gaps", leave)

    with pytest.raises(CommandError, match=r"ada has just left\."):
        run("--from", "2026-W06", "--apply")


def test_weeks_between_are_all_weeks():
    days = [date(2018, 1, 1).fromordinal(date(2018, 1, 1).toordinal() + n) for n in range(365 * 8)]

    assert backfill.weeks_between((2018, 1), days[-1].isocalendar()[:2]) == list(
        dict.fromkeys(day.isocalendar()[:2] for day in days)
    )
