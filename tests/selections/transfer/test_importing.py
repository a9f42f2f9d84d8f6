"""Importing the rows of a file: they are found, placed, written, and remembered."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from accounts.services import delete_account
from catalog.models import Album, Movie
from integrations import deadline
from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer import importing
from selections.transfer.importing import Importer, settle
from selections.transfer.kept_rows import fingerprints
from selections.transfer.outcomes import Decision
from selections.transfer.readers.rows import Row
from tests import payloads
from tests.conftest import at_once
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

from .imports import THREE, film, picks_of, record, run, states

pytestmark = pytest.mark.usefixtures("search_index_agrees", "now")


def test_a_title_becomes_a_pick_in_its_week(user, tmdb, musicbrainz):
    outcomes = run(user, film("the matrix", 1999), record("you want it darker", "Leonard Cohen"))

    assert states(outcomes) == ["new", "new"]
    assert picks_of(user) == {("2024-W07", 1): "The Matrix", ("2024-W07", -1): "You Want It Darker"}
    assert Movie.objects.get().cast.count() == 3  # with all that we keep
    assert Album.objects.get().musicbrainz_id == UUID(payloads.RELEASE)  # the official edition


def test_a_dry_run_says_the_same_and_writes_nothing(user, tmdb, musicbrainz):
    rows = [film("The Matrix", 1999, rating=8), film("Heat", 1995), film("Alien", 1979), film("Dune")]

    said = run(user, *rows, apply=False)

    assert states(said) == ["new", "new", "review", "full"]
    assert [Week.objects.count(), Movie.objects.count(), ImportedRow.objects.count()] == [0, 0, 0]
    done = run(user, *rows)
    assert [(outcome.state, outcome.position, outcome.sentence) for outcome in done] == [
        (outcome.state, outcome.position, outcome.sentence) for outcome in said
    ]


def test_ids_need_no_search(user, tmdb, musicbrainz):
    rows = [film(tmdb_id=603), film(imdb_id="tt0000603", week=(2024, 8)), record(musicbrainz_id=UUID(payloads.RELEASE))]
    rows.append(record(release_group_id=UUID(payloads.GROUP), week=(2024, 8)))

    outcomes = run(user, *rows)

    assert states(outcomes) == ["new"] * 4
    assert not [call for call in tmdb.calls if "search" in call.request.url or "query" in call.request.url]


def test_an_id_that_is_no_release_may_be_a_release_group(user, musicbrainz):
    musicbrainz.get(f"{payloads.MUSICBRAINZ}/release/{payloads.GROUP}", status=404, json=payloads.UNKNOWN)

    assert states(run(user, record(musicbrainz_id=UUID(payloads.GROUP)))) == ["new"]
    assert WeekAlbum.objects.get().album.musicbrainz_id == UUID(payloads.RELEASE)


def test_what_the_catalog_knows_by_id_is_not_asked_for(user):
    movie, album = MovieFactory(imdb_id="tt0000949"), AlbumFactory()
    rows = [
        film(tmdb_id=movie.tmdb_id),
        film(imdb_id="tt0000949", week=(2024, 8)),
        record(musicbrainz_id=album.musicbrainz_id),
    ]

    importer = Importer(user, fingerprints(rows), apply=True)

    assert importer.to_ask().total() == 0
    assert states(importer.run()) == ["new"] * 3


def test_what_is_imported_leaves_the_shortlist(user):
    movie, other = MovieFactory.create_batch(2)
    for planned in (movie, other):
        ShortlistItemFactory(user=user, movie=planned)

    run(user, film(tmdb_id=movie.tmdb_id))

    assert [item.movie for item in user.shortlist.all()] == [other]


def test_an_unknown_id_is_found_by_its_title(user, tmdb):
    assert states(run(user, film("The Matrix", 1999, tmdb_id=77777))) == ["new"]
    assert picks_of(user) == {("2024-W07", 1): "The Matrix"}


def test_an_unknown_id_without_a_title_is_for_a_person_to_decide(user, tmdb):
    (outcome,) = run(user, film(tmdb_id=77777))

    assert (outcome.state, outcome.sentence) == ("review", "TMDB does not know its id")


def test_what_upstream_never_said_is_asked_for_first(user, tmdb):
    MovieFactory(tmdb_id=603, title="What a file said", fetched_at=None)

    (outcome,) = run(user, film(tmdb_id=603))

    assert (outcome.state, outcome.work) == ("new", "The Matrix (1999)")
    assert Movie.objects.get().title == "The Matrix"


def test_what_upstream_never_said_waits_while_it_cannot_be_asked(user, settings):
    settings.TMDB_API_KEY = ""
    MovieFactory(tmdb_id=603, title="What a file said", fetched_at=None)

    assert states(run(user, film(tmdb_id=603))) == ["failed"]


def test_ratings_and_reviews_become_opinions(user, tmdb):
    said_at = datetime(2024, 3, 1, 20, 15, tzinfo=UTC)

    run(user, film("The Matrix", 1999, rating=9, review="Whoa.", contains_spoilers=True, said_at=said_at))

    opinion = Opinion.objects.get()
    assert (opinion.user, opinion.rating, opinion.review, opinion.contains_spoilers) == (user, 9, "Whoa.", True)
    assert opinion.created_at == opinion.updated_at == said_at


def test_the_day_says_when_it_was_picked_and_rated(user, tmdb):
    user.time_zone = "America/New_York"

    run(user, film("The Matrix", 1999, rating=9, day=date(2024, 2, 14)))

    assert WeekMovie.objects.get().added_at == datetime(2024, 2, 14, 17, tzinfo=UTC)
    assert Opinion.objects.get().created_at == datetime(2024, 2, 14, 17, tzinfo=UTC)


def test_nothing_was_said_in_the_future(user, tmdb, now):
    later = datetime(2031, 1, 1, tzinfo=UTC)

    run(user, film("The Matrix", 1999, week=(2031, 1), day=date(2031, 1, 1), rating=9, said_at=later, added_at=later))

    assert WeekMovie.objects.get().added_at == Opinion.objects.get().created_at == now


def test_an_opinion_that_is_there_stays(user, tmdb):
    pick = WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7, movie__tmdb_id=603)
    MovieOpinionFactory(user=user, movie_pick=pick, rating=3)

    (outcome,) = run(user, film("The Matrix", 1999, rating=9))

    assert (outcome.state, outcome.has_opinion) == ("there", False)
    assert Opinion.objects.get().rating == 3


def test_what_is_there_already_gets_its_opinion_and_keeps_its_week_as_it_was(user, tmdb):
    pick = WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7, movie__tmdb_id=603)

    (outcome,) = run(user, film("The Matrix", 1999, rating=9))

    assert (outcome.state, outcome.has_opinion) == ("there", True)
    assert Opinion.objects.get().movie_pick == pick
    assert Week.objects.get().updated_at == pick.week.updated_at


@pytest.mark.parametrize(
    ("known", "said", "then"), [(None, True, True), (None, None, None), (False, True, False), (True, None, True)]
)
def test_a_file_fills_in_whether_a_pick_is_a_rewatch_and_erases_nothing(user, tmdb, known, said, then):
    pick = WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7, movie__tmdb_id=603, rewatch=known)

    (outcome,) = run(user, film("The Matrix", 1999, rewatch=said))

    pick.refresh_from_db()
    assert (outcome.state, pick.rewatch) == ("there", then)


def test_a_new_pick_is_a_rewatch_as_the_file_says(user, tmdb):
    run(user, film("The Matrix", 1999, rewatch=False))

    assert WeekMovie.objects.get().rewatch is False


def test_another_edition_is_the_same_album_unless_the_file_names_the_release(user, musicbrainz):
    edition = AlbumFactory(release_group_id=payloads.GROUP)
    WeekAlbumFactory(week__user=user, week__year=2024, week__week_number=7, album=edition)

    by_title = run(user, record("You Want It Darker", "Leonard Cohen"))
    by_release = run(user, record(musicbrainz_id=UUID(payloads.RELEASE)))

    assert states(by_title) == ["there"]
    assert states(by_release) == ["new"]


def test_positions_are_kept_where_they_are_free(user, tmdb):
    run(user, film("The Matrix", 1999, position=2), film("Heat", 1995, position=2))

    assert picks_of(user) == {("2024-W07", 2): "The Matrix", ("2024-W07", 1): "Heat"}


def test_the_days_of_a_week_give_the_order(user, tmdb):
    run(user, film("Heat", 1995, day=date(2024, 2, 17)), film("The Matrix", 1999, day=date(2024, 2, 12)))

    assert picks_of(user) == {("2024-W07", 1): "The Matrix", ("2024-W07", 2): "Heat"}


def test_a_third_movie_is_left_out_and_named(user, tmdb):
    outcomes = run(user, *THREE)

    assert states(outcomes) == ["new", "new", "full"]
    assert (outcomes[2].work, outcomes[2].sentence) == ("Alien (1979)", "2024-W07 has two movies already")
    remembered = ImportedRow.objects.get(state="review")
    assert (remembered.chosen, remembered.reason) == ("348", "2024-W07 has two movies already")


def test_a_third_movie_goes_to_the_next_free_week(user, tmdb):
    later = film("Dune", 2021, week=(2024, 8))

    outcomes = run(user, *THREE, later, film("Dune", 1984, week=(2024, 8)), overflow="next-free-week")

    assert states(outcomes) == ["new"] * 5
    # The next week's own come first.
    assert picks_of(user)["2024-W09", 1] == "Alien"


def test_what_moves_on_leaves_room_for_what_is_still_to_be_decided(user, tmdb):
    rows = [*THREE, film("Dune", 2021, week=(2024, 8)), film("Dune", week=(2024, 8))]

    outcomes = run(user, *rows, overflow="next-free-week")

    assert states(outcomes) == ["new", "new", "new", "review", "new"]
    assert (outcomes[4].week, outcomes[4].sentence) == ((2024, 9), "moved on from 2024-W07")
    settle(ImportedRow.objects.get(state="review"), Decision(ids={"tmdb_id": 841}))
    assert picks_of(user)["2024-W08", 2] == "Dune"


def test_notes_stay_with_their_week_whatever_becomes_of_the_row(user, tmdb):
    rows = [*THREE[:2], film("Alien", 1979, notes="Of the seventh."), film("Nothing", week=(2024, 10), notes="Tenth.")]

    run(user, *rows, overflow="next-free-week")

    notes = {week.name: week.notes for week in Week.objects.all()}
    assert notes == {"2024-W07": "Of the seventh.", "2024-W08": "", "2024-W10": "Tenth."}


def test_a_second_opinion_on_one_pick_is_left_out_and_said(user, tmdb):
    outcomes = run(user, film("The Matrix", 1999, rating=8), film("the matrix", 1999, rating=3))

    assert [(outcome.state, outcome.sentence) for outcome in outcomes] == [
        ("new", ""),
        ("there", "an earlier opinion on it is kept"),
    ]
    assert Opinion.objects.get().rating == 8


def test_without_a_week_a_dry_run_asks_no_upstream(user):
    importer = Importer(user, fingerprints([film("Alien", 1979, week=None)]))

    assert importer.to_ask().total() == 0
    assert states(importer.run()) == ["review"]


@pytest.mark.parametrize("row", [film("The Matrix", 1999), film("Dune")])
def test_deleting_the_account_meanwhile_ends_it(row, user, tmdb, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 1)
    running = Importer(user, fingerprints([film("Heat", 1995), row]), apply=True).run()
    next(running)
    delete_account(user)

    with pytest.raises(type(user).DoesNotExist):
        next(running)
    assert not ImportedRow.objects.exists()


def test_nothing_overflows_beyond_this_week(user, tmdb):
    outcomes = run(user, *(film(row.title, row.year, week=(2026, 7)) for row in THREE), overflow="next-free-week")

    assert states(outcomes) == ["new", "new", "full"]
    assert outcomes[2].sentence == "no week from 2026-W07 up to now has room for it"


def test_rows_without_a_week_fill_the_free_places(user, tmdb):
    WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7)
    rows = [film("Alien", 1979, week=None), film("The Matrix", 1999, week=None), film("Heat", 1995, week=(2024, 8))]

    outcomes = run(user, *rows, first_week=(2024, 7))

    assert states(outcomes) == ["new"] * 3
    assert picks_of(user)["2024-W07", 2] == "Alien"
    assert picks_of(user)["2024-W08", 2] == "The Matrix"


def test_rows_without_a_week_wait_for_one(user, tmdb):
    (outcome,) = run(user, film("Alien", 1979, week=None))

    assert (outcome.state, outcome.sentence) == ("review", "the file does not give a week")
    assert states(run(user, film("Alien", 1979, week=None), first_week=(2024, 7))) == ["new"]


def test_notes_of_a_week_fill_only_an_empty_one(user):
    WeekFactory(user=user, year=2024, week_number=7, notes="Mine.")
    notes = [Row(place="line 2", kind="", week=(2024, number), notes="Theirs.") for number in (7, 8)]

    assert states(run(user, *notes)) == ["notes", "notes"]
    assert list(Week.objects.order_by("week_number").values_list("notes", flat=True)) == ["Mine.", "Theirs."]
    assert states(run(user, *notes)) == ["notes", "notes"]


def test_a_dead_upstream_is_left_alone_and_asked_by_the_next_run(user, upstream, monkeypatch):
    monkeypatch.setattr("integrations.http.time.sleep", lambda seconds: None)
    upstream.get(f"{payloads.TMDB}/search/movie", status=500)
    rows = [film(f"Movie {number}", 1999, week=(2024, number)) for number in range(1, 30)]

    outcomes = run(user, *rows)

    assert states(outcomes) == ["failed"] * 29
    assert outcomes[-1].sentence == "TMDB is not asked again for now"
    assert len(upstream.calls) <= 14
    assert not ImportedRow.objects.exists()


def test_what_failed_holds_nothing_else_up(user, upstream, musicbrainz, settings):
    settings.TMDB_API_KEY = ""

    outcomes = run(user, film("The Matrix", 1999), record("You Want It Darker", "Leonard Cohen"))

    assert states(outcomes) == ["failed", "new"]
    assert "no TMDB key" in outcomes[0].sentence


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_an_interrupted_import_goes_on_to_the_same_result(user, other, tmdb, monkeypatch, batch):
    monkeypatch.setattr(importing, "BATCH", batch)
    rows = [film("The Matrix", 1999), film("Heat", 1995), film("Alien", 1979), film("Dune", 1984), film("Dune", 2021)]
    run(other, *rows, overflow="next-free-week")

    for steps in (1, 2, 4):
        running = Importer(user, fingerprints(rows), apply=True, overflow="next-free-week").run()
        for _ in range(steps):
            next(running)
        running.close()
    outcomes = run(user, *rows, overflow="next-free-week")

    assert states(outcomes)[:4] == ["before"] * 4
    assert picks_of(user) == picks_of(other)


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_one(user, tmdb):
    rows = [
        film("The Matrix", 1999, rating=8),
        film("Heat", 1995),
        film("Alien", 1979),
        film("Dune", 1984, week=(2024, 8)),
    ]

    results = at_once(3, lambda number: ",".join(sorted(states(run(user, *rows)))))

    assert not [said for said in results if "failed" in said]
    assert WeekMovie.objects.filter(week__user=user).count() == 3
    assert Opinion.objects.count() == 1


@pytest.mark.parametrize(("taken", "state"), [([1], "new"), ([1, 2], "full")])
def test_places_that_another_request_takes_first_are_noticed(user, tmdb, taken, state):
    importer = Importer(user, fingerprints([film("The Matrix", 1999)]), apply=True)
    week = WeekFactory(user=user, year=2024, week_number=7)
    for position in taken:
        WeekMovieFactory(week=week, position=position)

    (outcome,) = importer.run()

    assert (outcome.state, WeekMovie.objects.filter(week=week).count()) == (state, 2)


def test_one_row_that_loses_a_race_holds_no_other_up(user, tmdb):
    rows = [film("The Matrix", 1999), film("Heat", 1995, week=(2024, 8)), film("Alien", 1979, week=(2024, 9))]
    importer = Importer(user, fingerprints(rows), apply=True)
    week = WeekFactory(user=user, year=2024, week_number=8)
    for position in (1, 2):
        WeekMovieFactory(week=week, position=position)

    outcomes = list(importer.run())

    assert [(outcome.row.title, outcome.state) for outcome in outcomes] == [
        ("The Matrix", "new"),
        ("Heat", "full"),
        ("Alien", "new"),
    ]
    assert ImportedRow.objects.get(state="review").reason == "2024-W08 has two movies already"


def test_rows_are_written_together(user, django_assert_max_num_queries):
    albums = AlbumFactory.create_batch(30)
    rows = [
        record(musicbrainz_id=album.musicbrainz_id, week=(2024, number // 2 + 1), rating=7, rewatch=True)
        for number, album in enumerate(albums)
    ]

    with django_assert_max_num_queries(40):
        outcomes = run(user, *rows)

    assert states(outcomes) == ["new"] * 30
    assert Opinion.objects.count() == 30


def test_what_is_asked_ahead_has_the_deadline_of_the_caller(user, tmdb):
    with deadline.at_most(0):
        assert states(run(user, film("The Matrix", 1999))) == ["failed"]

    assert states(run(user, film("The Matrix", 1999))) == ["new"]
