"""A curator's work, in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Album
from selections.models import ImportedRow, Opinion, Week
from tests import payloads
from tests.factories import (
    PASSWORD,
    AlbumFactory,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
)

from .conftest import OTHER_EDITION

pytestmark = pytest.mark.real_http


def heading(page: Page, name: str | re.Pattern):
    return page.get_by_role("heading", name=name)


def test_signing_in(visitor, chief):
    visitor.goto("/admin/")
    visitor.get_by_label("Username").fill(chief.username)
    visitor.get_by_label("Password").fill("not-this-one")
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor.locator(".errornote")).to_contain_text("correct username and password")

    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.get_by_role("button", name="Log in").click()

    expect(heading(visitor, re.compile("This week"))).to_be_visible()
    visitor.get_by_role("button", name="Log out").click()
    expect(visitor.locator("#content")).to_contain_text("Thanks for spending some quality time")


def test_an_album_is_searched_added_and_picked(page):
    week = WeekFactory(user__username="ada", year=2015, week_number=7)

    page.goto("/admin/catalog/album/")
    page.get_by_role("link", name="Search MusicBrainz").click()
    page.get_by_role("searchbox").fill("you want it darker")
    page.get_by_role("button", name="Search", exact=True).click()
    card = page.locator(".hit").first
    expect(card).to_contain_text("Leonard Cohen")
    card.get_by_role("button", name=re.compile("^Add")).first.click()
    expect(page.locator(".messagelist .success")).to_contain_text("is now in the catalog")
    expect(page.locator(".hit").first).to_contain_text("In the catalog")

    page.goto(f"/admin/selections/week/{week.pk}/change/")
    row = page.locator("#album_picks-0")
    row.get_by_role("combobox").first.click()
    page.locator(".select2-search__field").fill("darker")
    suggestion = page.locator(".select2-results__option", has_text="Leonard Cohen")
    expect(suggestion.locator(".picture")).to_be_visible()
    suggestion.click()
    expect(row.get_by_label("Position")).to_have_value("1")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator(".messagelist .success")).to_contain_text("was changed successfully")
    assert str(week.album_picks.get().album.musicbrainz_id) == payloads.RELEASE


def test_fixing_a_wrong_match_keeps_opinions(page):
    wrong = AlbumFactory(title="You Want It Darker", artist="A tribute band")
    pick = WeekAlbumFactory(album=wrong)
    opinion = AlbumOpinionFactory(album_pick=pick, rating=3)

    page.goto(f"/admin/selections/week/{pick.week_id}/change/")
    page.get_by_role("link", name=re.compile("Fix a wrong match")).click()
    expect(page.locator(".work-current")).to_contain_text("A tribute band")
    page.get_by_role("searchbox").fill("leonard cohen you want it darker")
    page.get_by_role("button", name="Search", exact=True).click()
    german = page.locator(".work-card", has_text="DE")
    german.get_by_role("button", name=re.compile("^Choose")).click()

    expect(page.locator(".messagelist .success")).to_contain_text("opinions and position were kept")
    pick.refresh_from_db()
    assert str(pick.album.musicbrainz_id) == OTHER_EDITION
    assert (pick.position, pick.opinions.get(), Opinion.objects.get().rating) == (1, opinion, 3)


def test_two_albums_are_merged_and_the_merge_is_undone(page):
    kept = WeekAlbumFactory(album__title="Kid A").album
    other = WeekAlbumFactory(album__title="Kid A (again)").album
    WeekAlbumFactory(album=kept)
    moved = other.picks.get()

    page.goto("/admin/catalog/album/?q=kid")
    page.get_by_role("checkbox", name=re.compile("Select all")).check()
    page.locator("select[name=action]").select_option(label="Merge the selected albums…")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".merge-side.is-kept")).to_contain_text("This entry is kept")
    expect(page.locator(".merge-moves")).to_contain_text("1 pick moves")
    page.get_by_role("button", name=re.compile("^Merge into")).click()
    expect(page.locator(".messagelist .success")).to_contain_text("Merged “")
    moved.refresh_from_db()
    assert (moved.album, list(Album.objects.all())) == (kept, [kept])

    page.get_by_role("link", name="View or undo").click()
    page.get_by_role("button", name="Undo this merge").click()

    expect(page.locator(".messagelist .success")).to_contain_text("Restored")
    moved.refresh_from_db()
    assert moved.album.musicbrainz_id == other.musicbrainz_id


def test_accepting_an_imported_row_opens_the_next_one(page):
    user = UserFactory(username="ada")
    MovieFactory(title="Dune", tmdb_id=841), MovieFactory(title="Dune", tmdb_id=438631)
    dune = {"title": "Dune", "artist": "", "released": "", "score": 70, "group": "", "picture": "/x.jpg"}
    for number, title in enumerate(["Dune", "Solaris"]):
        ImportedRow.objects.create(
            user=user,
            fingerprint=title,
            kind="movie",
            state="review",
            reason="There are two of that name",
            said={"place": f"line {number}", "kind": "movie", "title": title, "week": [2024, 7 + number], "rating": 8},
            candidates=[dune | {"id": "841"}, dune | {"id": "438631"}],
        )

    page.goto("/admin/")
    page.get_by_role("link", name=re.compile("rows", re.IGNORECASE)).first.click()
    page.get_by_role("link", name=re.compile("^Dune")).click()
    page.locator(".work-card").nth(1).get_by_role("button", name=re.compile("^Accept")).click()

    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(heading(page, re.compile("Solaris"))).to_be_visible()
    assert Opinion.objects.get().movie_pick.movie.tmdb_id == 438631
    page.get_by_role("button", name="Skip").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert not ImportedRow.objects.filter(state="review").exists()


def test_the_grid_of_a_year_opens_and_creates_weeks(page):
    week = WeekFactory(user__username="ada", year=2015, week_number=7)

    page.goto(f"/admin/selections/week/grid/?user={week.user_id}&year=2015")
    expect(page.locator(".year-grid li")).to_have_count(53)
    page.get_by_role("link", name=re.compile("^7: 2015-W07")).click()
    expect(page).to_have_url(re.compile(rf"/week/{week.pk}/change/"))
    page.go_back()
    page.get_by_role("button", name=re.compile("^53: 2015-W53")).press("Enter")

    expect(page.locator(".messagelist .success")).to_contain_text("Created")
    created = Week.objects.get(week_number=53)
    expect(page).to_have_url(re.compile(rf"/week/{created.pk}/change/"))
    assert (created.user, created.year) == (week.user, 2015)


def test_an_upstream_error_is_shown_as_a_message(page, upstreams):
    upstreams.clear()
    upstreams.expect_request(re.compile("/ws/2/.*")).respond_with_data("", status=503, headers={"Retry-After": "7"})

    page.goto("/admin/catalog/album/search/")
    page.get_by_role("searchbox").fill("https://musicbrainz.org/release/" + payloads.RELEASE)
    page.get_by_role("button", name="Search", exact=True).click()

    expect(page.locator(".messagelist .error")).to_contain_text("MusicBrainz")
    assert not Album.objects.exists()


def test_changing_a_week_keeps_its_opinions(page):
    opinion = MovieOpinionFactory(rating=9)
    week = opinion.movie_pick.week

    page.goto(f"/admin/selections/week/{week.pk}/change/")
    page.get_by_label("Notes").fill("Rain all weekend")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator(".messagelist .success")).to_contain_text("was changed successfully")
    week.refresh_from_db()
    assert (week.notes, Opinion.objects.get().rating) == ("Rain all weekend", 9)
