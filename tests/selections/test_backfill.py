"""manage.py backfill_weeks"""

import pytest
from django.core.management import CommandError, call_command

from selections import backfill
from selections.models import Week
from selections.weeks import weeks_between
from tests.conftest import at_once, just_before
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
    assert run("--from", "2025-W52", "--apply") == ["No week is missing."]


def test_without_apply_nothing_changes(user, run):
    said = run("--from", "2026-W06", user="ADA")

    assert said == ["Would create 2 weeks (2026-W06 to 2026-W07). Run the command with --apply to create them."]
    assert names(user) == []


@pytest.mark.parametrize(("zone", "last"), [("Pacific/Kiritimati", 8), ("America/Los_Angeles", 7)])
def test_it_ends_with_the_current_week_of_the_person(user, run, zone, last, time_machine):
    time_machine.move_to("2026-02-15T12:00:00Z")  # a Sunday, and Monday already in Kiritimati
    type(user).objects.update(time_zone=zone)

    run("--from", "2026-W07", "--apply")

    assert names(user)[-1] == (2026, last)


def test_future_weeks_are_pointed_out(user, run):
    said = run("--from", "2026-W07", "--to", "2026-W09", "--apply")

    assert said == [
        "2 of them are in the future: 2026-W08 to 2026-W09.",
        "Created 3 weeks (2026-W07 to 2026-W09).",
    ]


def test_weeks_that_it_creates_are_like_any_other(user, run, api):
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
        "Empty: 1 week (2026-W02).",
        "Without a movie: 1 week (2026-W04).",
        "Without an album: 1 week (2026-W03).",
    ]
    assert run("--gaps", "--from", "2026-W05", "--to", "2026-W05") == ["No gaps."]
    assert run("--gaps", "--from", "2026-W05", "--to", "2026-W05", verbosity=2)[0] == "Missing: none."
    assert len(names(user)) == 4


def test_gaps_of_a_user_without_weeks(user, run):
    assert run("--gaps") == ["Missing: 1 week (2026-W07)."]


def test_gaps_when_all_weeks_are_in_the_future(user, run):
    WeekFactory(user=user, year=2027, week_number=1)

    assert run("--gaps") == ["Empty: 1 week (2027-W01)."]


def test_it_is_quiet_when_asked(user, run):
    assert run("--from", "2026-W07", "--apply", verbosity=0) == []
    assert names(user) == [(2026, 7)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--from is required, such as --from 2024-W01."),
        (["--from", "2026-W08"], "2026-W08 is later than 2026-W07. Swap them."),
        (["--from", "2026-W06", "--to", "2026-W05"], "2026-W06 is later than 2026-W05. Swap them."),
        (["--from", "2026-7"], "Error: argument --from: '2026-7' is not an ISO week such as 2024-W07"),
        (["--from", "2025-W53"], "Error: argument --from: '2025-W53' is not an ISO week such as 2024-W07"),
        (["--gaps", "--apply"], "Error: argument --apply: not allowed with argument --gaps"),
    ],
)
def test_bad_input(user, run, arguments, sentence):
    with pytest.raises(CommandError) as refused:
        run(*arguments)

    assert str(refused.value) == sentence


def test_an_unknown_user(run, db):
    with pytest.raises(CommandError, match=r"No user has the username or email address cleo\."):
        run("--from", "2026-W07", user="cleo")


def test_the_number_of_queries_stays_the_same(user, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        run("--from", "2026-W01", "--apply")
    with django_assert_max_num_queries(6):
        run("--from", "2010-W01", "--apply")

    assert len(names(user)) > 800


@pytest.mark.django_db(transaction=True)
def test_several_at_once_create_each_week_once():
    user = UserFactory()
    missing = list(weeks_between((2020, 1), (2024, 52)))

    created = at_once(4, lambda number: len(backfill.create_weeks(user, missing)))

    assert names(user) == missing
    assert max(created) <= len(missing)


def test_weeks_that_another_request_has_just_created_are_counted(user, run):
    def create():
        WeekFactory(user=user, year=2026, week_number=6, created_at="2026-02-11T11:00:00Z")

    with just_before("SELECT COUNT(*)", create):
        said = run("--from", "2026-W06", "--apply")

    assert said[-1] == "1 of them had just been created by another request."


@pytest.mark.django_db(transaction=True)
def test_an_account_that_has_just_been_deleted(run):
    user = UserFactory(username="ada")

    with (
        just_before("SELECT COUNT(*)", user.delete),
        pytest.raises(CommandError, match=r"The account of ada has just been deleted\."),
    ):
        run("--from", "2026-W06", "--apply")
