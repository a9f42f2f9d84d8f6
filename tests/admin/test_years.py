"""The grid of a person's year, and creating what is missing in it."""

import pytest
from django.test import Client
from django.urls import reverse

from selections import services
from selections.admin.years import cells_of
from selections.models import Week
from tests.admin.staff import address, client_with, history, said
from tests.conftest import at_once, just_before
from tests.factories import UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

pytestmark = pytest.mark.usefixtures("now")
GRID, BACKFILL = (reverse(f"admin:selections_week_{page}") for page in ("grid", "backfill"))


def a_year(user):
    """A user's weeks of 2026, of which the seventh is the current one."""
    complete, half, _ = (WeekFactory(user=user, year=2026, week_number=n) for n in (1, 2, 3))
    WeekMovieFactory(week=complete)
    WeekAlbumFactory(week=complete)
    WeekAlbumFactory(week=half)


def test_each_week_of_a_year_has_its_state(user):
    a_year(user)

    cells = cells_of(user, 2026)

    assert len(cells) == 53
    assert [cell["state"] for cell in cells[:4]] == ["complete", "half", "empty", "none"]
    assert [cell["week_number"] for cell in cells if cell["is_running"]] == [7]
    assert [cell["week_number"] for cell in cells if cell["is_future"]] == list(range(8, 54))
    assert cells[0]["label"] == "1: 2026-W01, 29 December to 04 January, complete, 1 movie, 1 album"
    assert cells[6]["label"] == "7: 2026-W07, 09 February to 15 February, no week, current week"


def test_a_grid_links_to_weeks_and_offers_to_create_others(admin_client, user):
    a_year(user)
    week = Week.objects.get(week_number=1)

    response = admin_client.get(GRID, {"user": user.pk, "year": 2026})
    page = response.content.decode()

    assert f'href="{address(Week, "change", week.pk)}"' in page
    assert '<button type="submit" name="week" value="2026-W07"' in page
    assert page.count('class="week-cell none') == 50 + 1  # and one in the legend
    assert [cell["week_number"] for cell in response.context["months"][0][1]] == [1, 2, 3, 4, 5]
    assert {state: count for _, count, state in response.context["counts"]} == {
        "complete": 1,
        "half": 1,
        "empty": 1,
        "none": 50,
    }


@pytest.mark.parametrize(("year", "links"), [(2026, 2), (1900, 1), (2100, 1)])
def test_years_end_where_weeks_do(admin_client, user, year, links):
    page = admin_client.get(GRID, {"user": user.pk, "year": year}).content.decode()

    assert page.count('rel="prev"') + page.count('rel="next"') == links


@pytest.mark.parametrize("asked", [{"user": "x"}, {"user": 10**30}, {"year": "x"}, {"year": 1899}, {"user": ""}])
def test_what_cannot_be_read_is_said(admin_client, user, asked):
    response = admin_client.get(GRID, asked)

    assert response.status_code == 200
    assert 'class="errorlist' in response.content.decode()


def test_without_a_name_it_is_the_year_of_who_was_here_last(admin_client, user):
    WeekFactory(user=user)

    assert admin_client.get(GRID).context["person"] == user


def test_a_missing_week_is_created_and_opened(admin_client, user):
    response = admin_client.post(f"{GRID}?user={user.pk}&year=2026", {"week": "2026-W09"})

    week = Week.objects.get(user=user)
    assert (week.name, response["Location"]) == ("2026-W09", address(Week, "change", week.pk))
    assert history(week) == ["Created in the year's grid."]


def test_a_week_that_somebody_has_just_created_is_opened(admin_client, user):
    week = WeekFactory(user=user, year=2026, week_number=9)

    response = admin_client.post(f"{GRID}?user={user.pk}&year=2026", {"week": "2026-W09"})

    assert response["Location"] == address(Week, "change", week.pk)
    assert said(response) == ["2026-W09 of ada already existed."]


def test_a_week_for_an_account_that_has_just_been_deleted_is_refused(admin_client, user):
    with just_before('SELECT "accounts_user"."id" AS "pk"', user.delete):
        response = admin_client.post(f"{GRID}?user={user.pk}&year=2026", {"week": "2026-W09"})

    assert response["Location"] == address(Week, "changelist")
    assert said(response) == ["The account of ada has just been deleted."]


def test_curators_make_no_more_weeks_than_an_account_can_have(admin_client, user, monkeypatch):
    monkeypatch.setattr(services, "MAX_WEEKS", 1)
    WeekFactory(user=user, year=2020, week_number=1)
    sentence = "That makes 2 weeks, and an account can have 1. Delete some weeks first."

    grid = admin_client.post(f"{GRID}?user={user.pk}&year=2026", {"week": "2026-W09"})
    filled = admin_client.post(BACKFILL, {"user": user.pk, "first": "2026-W07", "last": "2026-W07"})
    added = admin_client.post(address(Week, "add"), {"user": user.pk, "year": 2026, "week_number": 7})

    assert sentence in said(grid)
    assert sentence in said(filled)
    assert sentence in added.content.decode()
    assert Week.objects.count() == 1


@pytest.mark.parametrize("name", ["", "2025-W53", "nonsense"])
def test_a_week_that_does_not_exist_is_not_created(admin_client, user, name):
    response = admin_client.post(f"{GRID}?user={user.pk}&year=2026", {"week": name})

    assert said(response) == ["Choose one of the weeks."]
    assert not Week.objects.exists()


def test_nobody_creates_a_week_for_somebody_else_than_was_asked(admin_client, user):
    WeekFactory(user=user)

    response = admin_client.post(f"{GRID}?user=987654321&year=2026", {"week": "2026-W09"})

    assert "There is no such user" in response.content.decode()
    assert Week.objects.count() == 1


def test_the_grid_is_for_those_who_may_see_weeks_and_creating_for_those_who_may_add(db, user):
    seeing, nobody = client_with("view_week"), client_with()

    assert nobody.get(GRID).status_code == 403
    assert "<button type" not in seeing.get(GRID, {"user": user.pk}).content.decode().partition("year-grid")[2]
    assert seeing.post(f"{GRID}?user={user.pk}", {"week": "2026-W09"}).status_code == 403
    assert seeing.get(BACKFILL).status_code == 403
    assert Client().get(GRID).status_code == 302


def test_a_full_year_costs_the_queries_of_an_empty_one(admin_client, user, django_assert_max_num_queries):
    asked = {"user": user.pk, "year": 2026}
    WeekMovieFactory(week__user=user, week__year=2026, week__week_number=53)
    admin_client.get(GRID, asked)
    with django_assert_max_num_queries(20) as few:
        admin_client.get(GRID, asked)
    for n in range(1, 53):
        week = WeekFactory(user=user, year=2026, week_number=n)
        WeekMovieFactory(week=week)
        WeekAlbumFactory(week=week)

    with django_assert_max_num_queries(len(few.captured_queries)):
        admin_client.get(GRID, asked)


def test_a_preview_says_what_is_missing_and_creates_nothing(admin_client, user):
    a_year(user)

    response = admin_client.get(BACKFILL, {"user": user.pk, "first": "2025-W52", "last": ""})

    page = response.content.decode()
    assert "5 of 8 weeks are missing:</strong> 2025-W52, 2026-W04 to 2026-W07." in page
    assert "1 empty, 1 without a movie, 0 without an album" in page
    assert 'value="Create 5 weeks"' in page
    assert Week.objects.count() == 3


def test_missing_weeks_are_created(admin_client, user):
    a_year(user)
    Week.objects.update(created_at="2026-01-01T00:00:00Z")

    response = admin_client.post(BACKFILL, {"user": user.pk, "first": "2025-W52", "last": "2026-W08"})

    assert said(response) == ["Created 6 weeks: 2025-W52, 2026-W04 to 2026-W08."]
    assert response["Location"] == f"{GRID}?user={user.pk}&year=2026"
    created = Week.objects.get(user=user, year=2025, week_number=52)
    assert history(created) == ["Created with other missing weeks."]
    assert history(Week.objects.get(week_number=1)) == []
    assert Week.objects.count() == 9


def test_weeks_to_come_are_named(admin_client, user):
    page = admin_client.get(BACKFILL, {"user": user.pk, "first": "2026-W07", "last": "2026-W09"}).content.decode()

    assert "In the future: 2026-W08 to 2026-W09." in page


def test_nothing_is_created_where_nothing_is_missing(admin_client, user):
    WeekFactory(user=user, year=2026, week_number=7)

    response = admin_client.post(BACKFILL, {"user": user.pk, "first": "2026-W07", "last": "2026-W07"})

    assert said(response) == ["No week is missing."]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"first": "2025-W53"}, "Enter an ISO week such as 2026-W07."),
        ({"first": "2026-W07", "last": "2026-W01"}, "This is before the first week. Swap them."),
        ({"first": "2026-W07", "user": "9999999"}, "There is no such user. Choose one from the list."),
        ({"first": "2026-W07", "last": "soon"}, "Enter an ISO week such as 2026-W07."),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_invalid_range_is_reported(admin_client, user, asked, sentence, method):
    response = getattr(admin_client, method)(BACKFILL, {"user": user.pk} | asked)

    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not Week.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_week_is_created_once(admin_user):
    user = UserFactory()

    def create(_):
        client = Client()
        client.force_login(admin_user)
        return client.post(f"{GRID}?user={user.pk}&year=2026", {"week": "2026-W09"}).status_code

    assert at_once(4, create) == [302] * 4
    assert Week.objects.count() == 1
