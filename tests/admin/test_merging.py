"""Merging movies and albums, and undoing that."""

import pytest
from django.core.management import call_command

from catalog import merging
from catalog.models import Album, Merge, Movie
from selections.models import WeekAlbum, WeekMovie
from tests.admin.staff import ALBUMS, MOVIES, client_with, history, run_action, said
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)


def test_two_movies_are_compared_merged_and_restored(admin_client):
    kept, other = MovieFactory(title="Dune", tmdb_id=1), MovieFactory(title="Dune?", tmdb_id=2, own_title="Wüste")
    for movie in (kept, kept, other):
        pick = WeekMovieFactory(movie=movie)
    MovieOpinionFactory(movie_pick=pick)

    preview = run_action(admin_client, "movie", "merge", [other, kept])
    done = admin_client.post(f"{MOVIES}merge/", {"id": [other.pk, kept.pk], "keep": kept.pk}, follow=True)
    pick.refresh_from_db()
    record = Merge.objects.get()
    page = admin_client.get(f"/admin/catalog/merge/{record.pk}/change/").content.decode()
    undone = run_action(admin_client, "merge", "undo", [record], from_form="1")
    again = run_action(admin_client, "merge", "undo", [record], from_form="1")

    assert preview.context["kept"] == kept
    assert str(pick.week) in preview.content.decode()
    assert "1 opinion" in preview.content.decode()
    assert pick.movie == kept
    assert record.by.username == "admin"
    assert said(done)[0].startswith("Merged “Wüste” into")
    assert "1 movie pick moved" in said(done)[0]
    assert "Undo this merge" in page
    pick.refresh_from_db()
    restored = Movie.objects.get(tmdb_id=2)
    assert pick.movie == restored
    assert "Restored" in said(undone)[0]
    assert said(again) == ["This merge has already been undone."]
    assert "Undo this merge" not in again.content.decode()
    assert history(kept) == [
        "Merged Wüste (2) into it: 1 movie pick moved.",
        "The merge of Wüste into it was undone.",
    ]
    assert history(restored) == ["Merged into Dune (1): 1 movie pick moved.", "Its merge into Wüste was undone."]


def test_the_other_entry_can_be_kept(admin_client):
    first, second = AlbumFactory(), AlbumFactory()
    pick = WeekAlbumFactory(album=first)

    preview = admin_client.get(f"{ALBUMS}merge/?id={first.pk}&id={second.pk}&keep={second.pk}")
    admin_client.post(f"{ALBUMS}merge/", {"id": [first.pk, second.pk], "keep": second.pk})

    assert preview.context["kept"] == second
    assert WeekAlbum.objects.get(pk=pick.pk).album == second


def test_weeks_that_have_both_are_shown(admin_client):
    kept, other, week = MovieFactory(), MovieFactory(), WeekFactory()
    WeekMovieFactory(week=week, movie=kept)
    WeekMovieFactory(week=week, movie=other, position=2)

    page = admin_client.get(f"{MOVIES}merge/?id={kept.pk}&id={other.pk}&keep={kept.pk}").content.decode()
    admin_client.post(f"{MOVIES}merge/", {"id": [kept.pk, other.pk], "keep": kept.pk})

    assert "1 week has picked both. It keeps both" in page
    assert WeekMovie.objects.filter(week=week).count() == 2


def test_the_other_entry_is_searched_for_from_a_form(admin_client):
    movie, same, different = MovieFactory(title="Dune"), MovieFactory(title="Dune (2)"), MovieFactory(title="Alien")

    by_title = admin_client.get(f"{MOVIES}merge/?id={movie.pk}")
    by_id = admin_client.get(f"{MOVIES}merge/?id={movie.pk}&q=themoviedb.org/movie/{different.tmdb_id}")

    assert [offer["work"] for offer in by_title.context["offers"]] == [same]
    assert [offer["work"] for offer in by_id.context["offers"]] == [different]
    assert f"?id={movie.pk}&amp;id={same.pk}" in by_title.content.decode()


@pytest.mark.parametrize("query", ["", "?id=x", "?id=99999999999999999999", "?id=12345678"])
def test_without_anything_to_merge_there_is_a_message(admin_client, query):
    response = admin_client.get(f"{MOVIES}merge/{query}", follow=True)

    assert said(response) == ["Choose entries to merge. Those you chose no longer exist."]


def test_a_movie_that_is_deleted_meanwhile_is_not_merged(admin_client):
    movie, gone = MovieFactory(), MovieFactory()
    Movie.objects.filter(pk=gone.pk).delete()

    response = admin_client.post(f"{MOVIES}merge/", {"id": [movie.pk, gone.pk], "keep": movie.pk}, follow=True)

    assert said(response) == [
        "One of these has just been merged or deleted.",
        "Choose at least two different entries.",
    ]


def test_without_the_movie_to_keep_the_others_are_shown_and_not_merged(admin_client):
    kept, *others = MovieFactory(), MovieFactory(), MovieFactory()
    merging.merge(others[0], [kept])

    ids = [kept.pk, *(other.pk for other in others)]
    response = admin_client.post(f"{MOVIES}merge/", {"id": ids, "keep": kept.pk}, follow=True)

    assert said(response) == ["One of these has just been merged or deleted."]
    assert {side["work"] for side in response.context["sides"]} == set(others)
    assert Movie.objects.count() == 2


def test_a_merge_of_the_command_is_undone(admin_client):
    kept, other = AlbumFactory(), AlbumFactory()
    call_command("merge_albums", str(kept.pk), str(other.pk), apply=True, verbosity=0)
    record = Merge.objects.get()

    listed_page = admin_client.get("/admin/catalog/merge/").content.decode()
    run_action(admin_client, "merge", "undo", [record])

    assert "a command" in listed_page
    assert Album.objects.filter(musicbrainz_id=other.musicbrainz_id).exists()


def test_undoing_a_merge_needs_permission(db):
    kept, other = MovieFactory(), MovieFactory()
    [record] = merging.merge(kept, [other])
    reader = client_with("view_merge", "change_album", "view_movie")

    page = reader.get(f"/admin/catalog/merge/{record.pk}/change/")
    answer = run_action(reader, "merge", "undo", [record])

    assert page.status_code == 200
    assert "Undo this merge" not in page.content.decode()
    assert answer.status_code == 403
    assert Movie.objects.count() == 1
