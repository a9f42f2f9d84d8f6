"""The lists and forms of movies and albums."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog import merging
from catalog.models import OWN_FIELDS, AlbumAlias, Movie, MovieAlias
from tests import payloads
from tests.admin.staff import ALBUMS, MOVIES, client_with, form_of, history, listed, run_action, said
from tests.conftest import right_after_query
from tests.factories import (
    PICKS,
    WORKS,
    AlbumFactory,
    MovieFactory,
    WeekFactory,
    WeekMovieFactory,
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("poster_path__isempty=1", {"bare", "gone"}),
        ("poster_path__isempty=0", {"fresh", "own"}),
        ("asked=due", {"bare", "own"}),
        ("fetched_at__isempty=1", {"bare"}),
        ("vanished_at__isempty=0", {"gone"}),
        ("picked=never", {"bare", "own", "gone"}),
        ("picked=once", {"fresh"}),
        ("picked=often", set()),
        ("decade=1990", {"fresh"}),
        ("decade=2000", {"own"}),
        ("decade=unknown", {"bare", "gone"}),
        ("decade=nonsense", {"fresh", "bare", "own", "gone"}),
        ("genre=Café", {"fresh"}),
        ("genre=Drama", {"fresh", "own"}),
        ("genre=Dram", set()),
        ("curated=title", {"own"}),
        ("curated=cover", {"own"}),
        ("curated=note", {"gone"}),
        ("curated=nothing", {"fresh", "bare"}),
    ],
)
def test_movies_are_filtered(admin_client, query, found):
    now = timezone.now()
    movies = {
        "fresh": MovieFactory(
            fetched_at=now, poster_path="/a.jpg", release_date="1999-12-31", genres=["Café", "Drama"]
        ),
        "bare": MovieFactory(fetched_at=None, genres=["Dramatic"]),
        "own": MovieFactory(
            fetched_at=now - timedelta(days=31),
            own_title="Ours",
            own_cover="/b.jpg",
            release_date="2000-01-01",
            genres=["Drama"],
        ),
        "gone": MovieFactory(fetched_at=now - timedelta(days=40), vanished_at=now, note="Where?"),
    }
    WeekMovieFactory(movie=movies["fresh"])

    response = admin_client.get(f"{MOVIES}?{query}")

    assert listed(response) == {movies[name].pk for name in found}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("cover_art_url__isempty=1", {"bare"}),
        ("release_group_id__isempty=1", {"bare"}),
        ("decade=1990", {"year"}),
        ("decade=2010", {"day"}),
        ("decade=unknown", {"bare"}),
        ("genre=folk", {"day"}),
    ],
)
def test_albums_are_filtered(admin_client, query, found):
    albums = {
        "day": AlbumFactory(release_date="2016-10-21", genres=["folk"], own_cover="https://archive.org/x.jpg"),
        "year": AlbumFactory(release_date="1997", cover_art_url="https://coverartarchive.org/x"),
        "bare": AlbumFactory(release_group_id=None),
    }

    assert listed(admin_client.get(f"{ALBUMS}?{query}")) == {albums[name].pk for name in found}


def test_filters_offer_what_there_is_and_keep_the_rest(admin_client):
    MovieFactory(release_date="1999-12-31", genres=["Drama", "Café"])
    MovieFactory(release_date="2001-12-31", genres=["Drama"])

    page = admin_client.get(f"{MOVIES}?decade=1990&picked=never&q=movie").content.decode()

    assert re.findall(r'<option value="(\w*)"', page[page.index("filter-decade") : page.index("filter-genre")]) == [
        "",
        "2000",
        "1990",
        "unknown",
    ]
    assert '<option value="Café"' in page
    genre_form = page[page.index("By genre") : page.index("filter-genre")]
    assert re.findall(r'hidden" name="(\w+)" value="(\w+)"', genre_form) == [
        ("decade", "1990"),
        ("picked", "never"),
        ("q", "movie"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "MATRIX",
        "nausicaä matrix",
        "the original",
        "603",
        "https://www.themoviedb.org/movie/603-the-matrix",
        "tt0133093",
        "https://www.imdb.com/title/tt0133093/",
        "604",
    ],
)
def test_movies_are_found_by_titles_ids_and_addresses(admin_client, words):
    movie = MovieFactory(
        tmdb_id=603, imdb_id="tt0133093", title="Matrix", own_title="Nausicaa", original_title="The Original"
    )
    MovieAlias.objects.create(tmdb_id=604, movie=movie)
    MovieFactory(title="Other")

    assert listed(admin_client.get(MOVIES, {"q": words})) == {movie.pk}


@pytest.mark.parametrize(
    "words",
    [
        "cohen darker",
        payloads.RELEASE,
        f"https://musicbrainz.org/release/{payloads.RELEASE}",
        f"https://musicbrainz.org/release-group/{payloads.GROUP}",
        payloads.GROUP,
        str(UUID(int=9)),
    ],
)
def test_albums_are_found_by_titles_artists_ids_and_addresses(admin_client, words):
    album = AlbumFactory(
        musicbrainz_id=payloads.RELEASE, release_group_id=payloads.GROUP, artist="Léonard Cohen", title="Darker"
    )
    AlbumAlias.objects.create(musicbrainz_id=UUID(int=9), album=album)
    AlbumFactory(title="Other")

    assert listed(admin_client.get(ALBUMS, {"q": words})) == {album.pk}


def test_a_number_is_a_title_too(admin_client):
    by_title, by_id = MovieFactory(title="1917"), MovieFactory(tmdb_id=1917)

    assert listed(admin_client.get(MOVIES, {"q": "1917"})) == {by_title.pk, by_id.pk}


@pytest.mark.parametrize("kind", ["movie", "album"])
def test_lists_count_picks_and_sort_by_them(admin_client, kind):
    make, pick = WORKS[kind], PICKS[kind]
    once, never, twice = make(), make(), make()
    for work in (once, twice, twice):
        pick(**{kind: work})
    columns = admin_client.get(f"/admin/catalog/{kind}/").context["cl"].list_display

    rows = admin_client.get(f"/admin/catalog/{kind}/", {"o": f"-{columns.index('picked')}"}).context["cl"].result_list

    assert [(row.pk, row.pick_count) for row in rows] == [(twice.pk, 2), (once.pk, 1), (never.pk, 0)]


def test_edits_of_curators_are_kept_and_logged(admin_client):
    movie = MovieFactory(title="The Matrix", tmdb_id=603)
    words = {"own_title": " Matrix ", "own_cover": "https://image.tmdb.org/t/p/w500/own.jpg", "note": "Director's cut"}

    response = admin_client.post(f"{MOVIES}{movie.pk}/change/", form_of(title="Typed over", **words))

    movie.refresh_from_db()
    assert response.status_code == 302
    assert (movie.title, movie.own_title) == ("The Matrix", "Matrix")
    assert (movie.own_cover, movie.note) == ("/own.jpg", "Director's cut")
    assert movie.title_key == "matrix"
    assert history(movie) == ["Changed Own title, Own poster and Note."]
    page = admin_client.get(MOVIES).content.decode()
    assert "TMDB: The Matrix" in page
    assert "/w92/own.jpg" in page


def test_an_old_form_does_not_undo_the_edits_of_another_curator(admin_client):
    movie = MovieFactory(own_title="Matrix", own_cover="/own.jpg")
    page = f"{MOVIES}{movie.pk}/change/"
    shown = {f"initial-{name}": admin_client.get(page).context["adminform"].form.initial[name] for name in OWN_FIELDS}
    Movie.objects.filter(pk=movie.pk).update(own_title="The One", note="")

    edits = {"own_title": "Matrix", "own_cover": "", "note": "Director's cut"}
    admin_client.post(page, form_of(**edits) | shown)

    movie.refresh_from_db()
    assert (movie.own_title, movie.own_cover, movie.note) == ("The One", "", "Director's cut")
    assert history(movie) == ["Changed Own poster and Note."]
    assert admin_client.get(page).content.decode().count('type="hidden" name="initial-') == len(OWN_FIELDS)


def test_own_covers_of_albums_come_from_the_archive(admin_client):
    album = AlbumFactory()
    page = f"{ALBUMS}{album.pk}/change/"

    refused = admin_client.post(page, form_of(own_cover="https://example.org/cover.jpg"))
    admin_client.post(page, form_of(own_cover="http://coverartarchive.org/release/x/1.jpg"))

    album.refresh_from_db()
    assert "Paste the address of a picture at coverartarchive.org or archive.org." in refused.content.decode()
    assert album.own_cover == "https://coverartarchive.org/release/x/1.jpg"


@pytest.mark.parametrize("own_cover", ["abc.jpg", "https://example.org/abc.jpg", "/" + "a" * 200 + ".jpg"])
def test_own_posters_are_of_tmdb(admin_client, own_cover):
    movie = MovieFactory()

    response = admin_client.post(f"{MOVIES}{movie.pk}/change/", form_of(own_cover=own_cover, own_title="Lost?"))

    movie.refresh_from_db()
    assert "Paste the address of a poster at image.tmdb.org" in response.content.decode()
    assert movie.own_title == ""


@pytest.mark.parametrize("own_title", ["\u200b", "\u3164 \u2060", "Two\nlines", "Two\u2028lines", "\u202etxet"])
@pytest.mark.parametrize(("make", "pages"), [(MovieFactory, MOVIES), (AlbumFactory, ALBUMS)])
def test_own_titles_are_one_visible_line(admin_client, make, pages, own_title):
    work = make()

    response = admin_client.post(f"{pages}{work.pk}/change/", form_of(own_title=own_title))

    work.refresh_from_db()
    assert response.context["adminform"].form.errors.keys() == {"own_title"}
    assert work.own_title == ""


@pytest.mark.parametrize("own_title", ["見えない", "?", "👩\u200d🚀", "שלום\u200f!"])
def test_own_titles_are_of_any_script(admin_client, own_title):
    movie = MovieFactory()

    admin_client.post(f"{MOVIES}{movie.pk}/change/", form_of(own_title=own_title))

    movie.refresh_from_db()
    assert movie.own_title == own_title


def test_a_movie_that_is_merged_during_a_change_is_not_brought_back(admin_client):
    movie, kept = MovieFactory(), MovieFactory()

    with right_after_query("catalog_movie", lambda: merging.merge(kept, [Movie.objects.get(pk=movie.pk)])):
        response = admin_client.post(f"{MOVIES}{movie.pk}/change/", form_of(own_title="Mine"), follow=True)

    assert said(response) == ["This has just been merged or deleted. Nothing was changed."]
    assert not history(movie)


def test_readers_cannot_change_works(db):
    movie = MovieFactory(note="For staff")
    reader = client_with("view_movie")

    page = reader.get(f"{MOVIES}{movie.pk}/change/")
    answer = reader.post(f"{MOVIES}{movie.pk}/change/", form_of(own_title="Mine"))
    refreshed = run_action(reader, "movie", "refresh", [movie], from_form="1")

    assert page.status_code == 200
    assert "Refresh" not in page.content.decode()
    assert answer.status_code == 403
    assert said(refreshed) == ["No action selected."]


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["search/", "merge/?id={}"])
def test_pages_need_permissions(page):
    album = AlbumFactory()
    reader = client_with("view_album", "view_merge")

    assert reader.post(f"{ALBUMS}{page.format(album.pk)}").status_code == 403


def test_changes_need_a_csrf_token(admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    rematch = reverse("admin:selections_weekmovie_rematch", args=[WeekMovieFactory().pk])

    pages = [MOVIES, f"{MOVIES}search/", f"{MOVIES}merge/", "/admin/catalog/merge/", rematch]

    assert {client.post(page).status_code for page in pages} == {403}


@pytest.mark.django_db(transaction=True)
def test_a_movie_that_is_picked_during_its_deletion_is_kept(admin_client):
    movie, week = MovieFactory(), WeekFactory()

    with right_after_query("selections_weekmovie", lambda: WeekMovieFactory(movie=movie, week=week)):
        response = admin_client.post(f"{MOVIES}{movie.pk}/delete/", {"post": "yes"}, follow=True)

    assert said(response) == ["A user has just picked it, so it was not deleted."]
    assert Movie.objects.get() == movie


def test_pictures_have_a_frame_and_links_send_no_referrer(admin_client):
    movie = MovieFactory(tmdb_id=603, imdb_id="tt0133093")

    page = admin_client.get(reverse("admin:catalog_movie_change", args=[movie.pk])).content.decode()

    assert '<a href="https://www.themoviedb.org/movie/603" rel="noreferrer">TMDB</a>' in page
    assert '<a href="https://www.imdb.com/title/tt0133093/" rel="noreferrer">IMDb</a>' in page
    assert '<span class="picture poster large"></span>' in page
