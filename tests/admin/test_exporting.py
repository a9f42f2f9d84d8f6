"""Lists of the admin as CSV files."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Album, Movie
from selections.models import Week
from selections.transfer import readers
from tests.admin.staff import address, client_with
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

LISTS = [Movie, Album, Week]


def export(client, model, query="", rows=None):
    """The file that the action gives of these rows, or of all that the list shows."""
    data = {"action": "export_csv", "_selected_action": [row.pk for row in rows or model.objects.all()]}
    response = client.post(address(model, "changelist") + query, data | ({} if rows else {"select_across": "1"}))
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith(f'attachment; filename="{model._meta.verbose_name_plural}-20')
    assert "no-store" in response["Cache-Control"]
    return response.getvalue()


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_movies_are_exported_with_what_was_fetched_and_what_curators_wrote(admin_client):
    movie = MovieFactory(title="The Matrix", release_date="1999-03-31", genres=["Action", "Drama"], own_title="Matrix")
    MovieFactory(title="Alien")

    (row,) = rows_of(export(admin_client, Movie, rows=[movie]))

    assert row | {"fetched_at": ""} == {
        "tmdb_id": str(movie.tmdb_id),
        "imdb_id": movie.imdb_id,
        "title": "The Matrix",
        "original_title": movie.original_title,
        "original_language": movie.original_language,
        "release_date": "1999-03-31",
        "runtime": str(movie.runtime or ""),
        "genres": "Action, Drama",
        "status": movie.status,
        "own_title": "Matrix",
        "own_cover": "",
        "note": "",
        "fetched_at": "",
    }


def test_albums_are_exported_with_their_artists_as_credited(admin_client):
    album = AlbumFactory(artist="Simon & Garfunkel", title="Bookends")

    (row,) = rows_of(export(admin_client, Album))

    assert (row["musicbrainz_id"], row["artist"]) == (str(album.musicbrainz_id), "Simon & Garfunkel")


def test_weeks_are_exported_as_our_own_csv_without_opinions(admin_client, user, tmp_path):
    week = WeekFactory(user=user, year=2026, week_number=7, notes="=Snow")
    pick = WeekMovieFactory(week=week, position=2)
    WeekAlbumFactory(week=week, position=1, album__title="-Blue")
    MovieOpinionFactory(user=user, movie_pick=pick, review="A secret until Sunday")
    WeekFactory(user=user, year=2026, week_number=6)

    data = export(admin_client, Week)

    assert b"secret" not in data
    assert b"'=Snow" in data
    (tmp_path / "weeks.csv").write_bytes(data)
    reading = readers.read(tmp_path / "weeks.csv", zone=user.zone)
    assert (reading.format, reading.failures) == ("wrong-opinions", [])
    assert [(row.week, row.kind, row.position, row.notes) for row in reading.rows] == [
        ((2026, 7), "movie", 2, "=Snow"),
        ((2026, 7), "album", 1, "=Snow"),
        ((2026, 6), "", None, ""),
    ]
    assert [row.title for row in reading.rows] == [pick.movie.title, "-Blue", ""]


def test_only_what_is_searched_for_is_exported(admin_client):
    MovieFactory(title="Dune")
    MovieFactory(title="Alien")

    assert [row["title"] for row in rows_of(export(admin_client, Movie, "?q=dune"))] == ["Dune"]


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\r\n=1", " =1", "＝1", "'=1", "''=1"]
)
def test_formulas_are_harmless_in_a_spreadsheet(admin_client, formula):
    MovieFactory(note=formula, title="=cmd|' /C calc'!A0")

    (row,) = rows_of(export(admin_client, Movie))

    assert (row["note"], row["title"]) == ("'" + formula, "'=cmd|' /C calc'!A0")


@pytest.mark.parametrize("model", LISTS)
def test_an_export_costs_the_same_queries_whatever_its_length(admin_client, model, django_assert_num_queries):
    def fill(count):
        for _ in range(count):
            pick = WeekMovieFactory(week__user=UserFactory())
            WeekAlbumFactory(week=pick.week)

    fill(2)
    with CaptureQueriesContext(connection) as few:
        export(admin_client, model)
    fill(20)
    with django_assert_num_queries(len(few)):
        export(admin_client, model)


@pytest.mark.parametrize("model", LISTS)
def test_exporting_needs_the_permission_to_view(db, model):
    row = WeekAlbumFactory(week=WeekMovieFactory().week)
    data = {"action": "export_csv", "_selected_action": [model.objects.get().pk]}

    assert rows_of(export(client_with(f"view_{model._meta.model_name}"), model))
    assert client_with("view_person").post(address(model, "changelist"), data).status_code == 403
    assert row
