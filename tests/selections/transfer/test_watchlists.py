"""Titles of watchlists, which an import puts on the shortlist."""

import re
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from catalog.models import Movie
from selections.models import ImportedRow, ShortlistItem, WeekMovie
from selections.transfer import places
from selections.transfer.importing import Importer, settle
from selections.transfer.kept_rows import fingerprints
from selections.transfer.outcomes import Decision
from tests.conftest import at_once
from tests.factories import AlbumFactory, MovieFactory, ShortlistItemFactory, WeekAlbumFactory, WeekMovieFactory

from .imports import film, record, run, states
from .readers import shapes

pytestmark = pytest.mark.usefixtures("now")
LISTED_AT = datetime(2024, 2, 1, 9, tzinfo=UTC)


def wish(title="", year=None, make=film, **values):
    return make(title, year=year, week=None, is_planned=True, **values)


def shortlist(user):
    return [str(item.work) for item in user.shortlist.order_by("pk")]


def test_a_watchlist_fills_the_shortlist(user, tmdb, musicbrainz):
    rows = [wish("The Matrix", 1999, added_at=LISTED_AT, notes="At last"), wish("Dune")]
    rows.append(wish("You Want It Darker", artist="Leonard Cohen", make=record))

    would = run(user, *rows, apply=False)
    assert [ShortlistItem.objects.count(), Movie.objects.count(), ImportedRow.objects.count()] == [0, 0, 0]
    did = run(user, *rows, first_week=(2024, 1))

    assert states(would) == states(did) == ["planned", "review", "planned"]
    assert [outcome.week_name for outcome in would] == ["shortlist"] * 3
    assert shortlist(user) == ["The Matrix (1999)", "Leonard Cohen: You Want It Darker"]
    item = user.shortlist.get(movie__tmdb_id=603)
    assert (item.note, item.created_at, item.suggested_by) == ("At last", LISTED_AT, None)
    assert not user.weeks.exists()


def test_a_second_import_changes_nothing(user, tmdb):
    rows = [wish("The Matrix", 1999), wish("Heat", 1995)]
    run(user, *rows)
    user.shortlist.get(movie__tmdb_id=603).delete()

    again = run(user, *rows)

    assert [(outcome.state, outcome.sentence) for outcome in again] == [("before", "")] * 2
    assert len(shortlist(user)) == 1
    assert states(run(user, *rows, again=True)) == ["planned", "there"]
    watched = run(user, film("The Matrix", 1999), wish("Matrix", 1999, tmdb_id=603))
    assert states(watched) == ["new", "there"]  # another row, of the day when it was watched
    assert shortlist(user) == ["Heat (1995)"]


def test_what_was_picked_or_is_there_in_any_edition_stays_as_it_is(user):
    seen, heard = WeekMovieFactory(week__user=user).movie, WeekAlbumFactory(week__user=user).album
    items = [ShortlistItemFactory(user=user, **values) for values in ({}, {"album": AlbumFactory()})]
    editions = [AlbumFactory(release_group_id=album.release_group_id) for album in (heard, items[1].album)]
    rows = [wish(tmdb_id=movie.tmdb_id, notes="Theirs") for movie in (seen, items[0].movie)]
    rows += [wish(musicbrainz_id=album.musicbrainz_id, make=record) for album in editions]

    outcomes = run(user, *rows)

    assert [outcome.words for outcome in outcomes] == ["picked before", "existing"] * 2
    assert [item.note for item in user.shortlist.all()] == [item.note for item in items]


def test_a_full_shortlist_leaves_the_others_to_decide(user, tmdb, monkeypatch):
    monkeypatch.setattr(places, "MAX_ITEMS", 1)
    rows = [wish("The Matrix", 1999), wish("Heat", 1995)]

    first, second = run(user, *rows)

    assert (first.state, second.state) == ("planned", "review")
    assert second.sentence == "the shortlist has 1,000 titles already"
    user.shortlist.all().delete()
    assert states(run(user, *rows)) == ["before", "planned"]
    assert shortlist(user) == ["Heat (1995)"]


@pytest.mark.parametrize(("week", "state", "counts"), [(None, "planned", (1, 0)), ((2024, 7), "new", (0, 1))])
def test_a_decided_title_goes_to_the_shortlist_or_to_a_given_week(admin_client, user, tmdb, week, state, counts):
    run(user, wish("Dune"))
    queue = admin_client.get("/admin/selections/importedrow/").content.decode()

    outcome = settle(ImportedRow.objects.get(), Decision({"tmdb_id": 603}, week))

    assert '<td class="field-week">shortlist</td>' in queue
    assert outcome.state == state
    assert (user.shortlist.count(), WeekMovie.objects.count()) == counts


@pytest.mark.parametrize(("factory", "owner"), [(WeekMovieFactory, "week__user"), (ShortlistItemFactory, "user")])
def test_what_another_request_picks_or_plans_first_is_noticed(user, tmdb, factory, owner):
    importer = Importer(user, fingerprints([wish("The Matrix", 1999), wish("Heat", 1995)]), apply=True)
    factory(**{owner: user, "movie": MovieFactory(tmdb_id=603)})

    assert states(importer.run()) == ["there", "planned"]


@pytest.mark.parametrize("week", [(2024, 7), None])
@pytest.mark.parametrize("apply", [False, True])
def test_what_the_file_picks_in_another_week_than_its_own_is_not_planned(user, tmdb, week, apply):
    rows = [film("The Matrix", 1999), film("Alien", 1979), wish("Heat", 1995), film("Heat", 1995, week=week)]

    outcomes = run(user, *rows, first_week=(2024, 1), overflow="next-free-week", apply=apply)

    assert states(outcomes) == ["new", "new", "new", "there"]
    assert outcomes[3].sentence == "picked before"
    assert shortlist(user) == []


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_plan_each_title_once(user, tmdb):
    rows = [wish("The Matrix", 1999), wish("Heat", 1995)]

    results = at_once(2, lambda number: ",".join(states(run(user, *rows))))

    assert not [said for said in results if "failed" in said]
    assert user.shortlist.count() == 2


def test_an_export_with_its_watchlist_is_imported_by_the_command(user, tmdb, tmp_path, capsys):
    watchlist = shapes.LETTERBOXD["watchlist.csv"].replace("Stalker,1979", "The Matrix,1999")
    path = shapes.pack(tmp_path, shapes.LETTERBOXD | {"watchlist.csv": watchlist})

    call_command("import_selections", "ada", str(path))

    said = capsys.readouterr().out
    assert f"\nshortlist movie    {'The Matrix (1999)':60}  put on the shortlist\n" in said
    assert re.search("\nRows would be: .*, 1 put on the shortlist, ", said)
