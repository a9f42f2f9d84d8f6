"""Rows that an import remembers: to be decided, decided, and imported before."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction

from catalog.models import Movie
from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer.importing import Importer, settle
from selections.transfer.kept_rows import fingerprints, row_from_json, row_to_json
from selections.transfer.outcomes import Decision
from tests import payloads

from .imports import THREE, film, picks_of, record, run, states

pytestmark = pytest.mark.usefixtures("now")


def test_a_second_run_asks_no_upstream_and_changes_nothing(user, tmdb, musicbrainz, time_machine):
    rows = [
        film("The Matrix", 1999, rating=8, review="Whoa."),
        film("Dune"),
        record("You Want It Darker", "Leonard Cohen"),
    ]
    rows += [film("Heat", 1995), film("Alien", 1979)]
    run(user, *rows)
    before = everything()
    asked = len(tmdb.calls)
    time_machine.move_to(datetime(2026, 6, 1, tzinfo=UTC))  # nothing is cached any more

    again = Importer(user, fingerprints(rows), apply=True)
    outcomes = list(again.run())

    assert again.to_ask().total() == 0
    assert again.seconds() == 0
    assert states(outcomes) == ["before", "review", "before", "before", "full"]
    assert len(tmdb.calls) == asked
    assert everything() == before


def everything():
    return [
        list(model.objects.order_by("pk").values())
        for model in (Week, WeekMovie, WeekAlbum, Opinion, ImportedRow, Movie)
    ]


def test_what_was_removed_comes_back_only_when_asked_for(user, tmdb):
    rows = [film("The Matrix", 1999, rating=8), film("Heat", 1995)]
    run(user, *rows)
    WeekMovie.objects.get(movie__tmdb_id=603).delete()

    outcomes = run(user, *rows)
    assert states(outcomes) == ["before", "before"]
    assert [outcome.sentence for outcome in outcomes] == [
        "it was removed after the import; import again to restore it",
        "",
    ]

    assert states(run(user, *rows, again=True)) == ["new", "before"]
    assert Opinion.objects.get().rating == 8


def test_a_file_that_says_more_fills_in_what_is_unknown(user, tmdb):
    poorer = [film("The Matrix", 1999), film("Heat", 1995), *(film(row.title, row.year) for row in THREE[2:])]
    richer = [
        film("The Matrix", 1999, rating=8, rewatch=True),
        film("Heat", 1995, rewatch=False, notes="Both in one week."),
        film("Alien", 1979, rewatch=True),
    ]
    run(user, *poorer, overflow="next-free-week")

    outcomes = run(user, *richer, overflow="next-free-week")

    assert states(outcomes) == ["there"] * 3
    assert dict(WeekMovie.objects.values_list("movie__title", "rewatch")) == {
        "The Matrix": True,
        "Heat": False,
        "Alien": True,  # although it is in another week than the file says
    }
    assert Opinion.objects.get().rating == 8
    assert Week.objects.get(week_number=7).notes == "Both in one week."
    assert states(run(user, *richer, overflow="next-free-week")) == ["before"] * 3


def test_a_file_that_says_more_changes_nothing_that_is_known_or_was_removed(user, tmdb):
    rows = [film("The Matrix", 1999), film("Heat", 1995, rating=4, rewatch=True), film("Alien", 1979, week=(2024, 8))]
    run(user, *rows)
    WeekMovie.objects.filter(movie__title="The Matrix").update(rewatch=False)
    WeekMovie.objects.filter(movie__title="Heat").update(rewatch=None)
    WeekMovie.objects.filter(movie__title="Alien").delete()
    Opinion.objects.all().delete()

    outcomes = run(user, *(replace(row, rating=9, rewatch=True) for row in rows))

    assert states(outcomes) == ["there", "before", "before"]
    assert dict(WeekMovie.objects.values_list("movie__title", "rewatch")) == {"The Matrix": False, "Heat": None}
    assert Opinion.objects.get().movie_pick.movie.title == "The Matrix"  # which had none


def test_what_was_left_out_goes_there_in_a_later_run_without_asking_upstreams(user, tmdb):
    run(user, *THREE)
    Movie.objects.filter(tmdb_id=348).delete()
    asked = len(tmdb.calls)

    outcomes = run(user, *THREE, overflow="next-free-week")

    assert states(outcomes) == ["before", "before", "new"]
    assert picks_of(user)["2024-W08", 1] == "Alien"
    assert len(tmdb.calls) == asked  # its details are cached
    assert ImportedRow.objects.filter(state="done").count() == 3


def test_what_is_not_clear_is_remembered_with_its_candidates(user, tmdb):
    (outcome,) = run(user, film("Dune", rating=7))

    assert (outcome.state, outcome.sentence) == ("review", "2 go by that name")
    waiting = ImportedRow.objects.get()
    assert {candidate["id"] for candidate in waiting.candidates} == {"841", "438631"}
    assert row_from_json(waiting.said) == film("Dune", rating=7)
    assert str(waiting) == "Dune"


def test_a_decision_settles_it(user, tmdb):
    row = film("Dune", rating=7)
    run(user, row)
    ((fingerprint, _),) = fingerprints([row])

    outcomes = run(user, row, decisions={fingerprint: Decision(ids={"tmdb_id": 841}, week=(2024, 9))})

    assert states(outcomes) == ["new"]
    assert picks_of(user) == {("2024-W09", 1): "Dune"}
    assert ImportedRow.objects.get().state == "done"
    assert states(run(user, row)) == ["before"]


def test_each_of_two_rows_that_say_the_same_can_be_settled(user, tmdb):
    run(user, film("Dune", week=(2024, 7)), film("Dune", week=(2024, 7)))
    first, second = ImportedRow.objects.all()

    outcomes = [settle(first, Decision(ids={"tmdb_id": 841})), settle(second, Decision(ids={"tmdb_id": 438631}))]

    assert states(outcomes) == ["new", "new"]
    assert set(ImportedRow.objects.values_list("state", flat=True)) == {"done"}


def test_a_decision_may_leave_it_out(user, tmdb):
    row = film("Dune")
    ((fingerprint, _),) = fingerprints([row])

    assert states(run(user, row, decisions={fingerprint: Decision(skip=True)})) == ["skipped"]
    assert states(run(user, row)) == ["skipped"]
    assert not Week.objects.exists()


def test_rows_that_say_the_same_are_told_apart_and_ratings_make_no_difference():
    first, second, third = (fingerprint for fingerprint, _ in fingerprints([film("Heat"), film("Heat"), film("Alien")]))
    ((rated, _),) = fingerprints([film("HEAT", rating=7, review="Hot.")])

    assert len({first, second, third}) == 3
    assert rated == first


def test_a_row_is_kept_whole():
    row = record(
        "Blue",
        "Joni Mitchell",
        day=date(2024, 2, 14),
        position=2,
        rewatch=False,
        musicbrainz_id=UUID(payloads.RELEASE),
        release_group_id=UUID(payloads.GROUP),
        rating=9,
        review="Blue.",
        contains_spoilers=True,
        said_at=datetime(2024, 2, 14, 1, 2, 3, 456789, tzinfo=UTC),
        added_at=datetime(2024, 2, 14, 1, 2, 3, 4, tzinfo=UTC),
        notes="A week.",
    )

    assert row_from_json(json.loads(json.dumps(row_to_json(row), cls=DjangoJSONEncoder))) == row


@pytest.mark.parametrize(
    "values",
    [{"state": "lost"}, {"kind": "book"}, {"state": "review", "reason": ""}],
)
def test_the_database_refuses_rows_that_mean_nothing(values, user):
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportedRow.objects.create(**{"user": user, "fingerprint": "a", "kind": "movie", "state": "done"} | values)


def test_the_database_keeps_one_of_each_row(user):
    ImportedRow.objects.create(user=user, fingerprint="a", kind="movie", state="done")

    with pytest.raises(IntegrityError), transaction.atomic():
        ImportedRow.objects.create(user=user, fingerprint="a", kind="movie", state="done")
