"""Movies and albums in the admin."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
import requests
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from catalog import merging
from catalog.models import Album, AlbumAlias, Merge, Movie, MovieAlias
from selections.models import WeekAlbum, WeekMovie
from tests import payloads
from tests.admin.staff import client_with, history, said
from tests.conftest import at_once, right_after_query
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

MOVIES, ALBUMS = "/admin/catalog/movie/", "/admin/catalog/album/"
FACTORIES = {"movie": (MovieFactory, WeekMovieFactory), "album": (AlbumFactory, WeekAlbumFactory)}


@pytest.fixture
def admin(db):
    return client_of(User.objects.create_superuser("admin", "admin@example.org", "a-password"))


def client_of(person):
    client = Client()
    client.force_login(person)
    return client


def run_action(client, kind, action, rows, **values):
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"/admin/catalog/{kind}/", data | values, follow=True)


def listed(response):
    return {row.pk for row in response.context["cl"].result_list}


def form_of(**words):
    inlines = ["cast", "crew", "aliases", "artist_credit"]
    management = {f"{name}-{count}_FORMS": 0 for name in inlines for count in ("TOTAL", "INITIAL")}
    return {"own_title": "", "own_cover": "", "note": ""} | words | management


# Lists


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
def test_movies_are_filtered(admin, query, found):
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

    response = admin.get(f"{MOVIES}?{query}")

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
def test_albums_are_filtered(admin, query, found):
    albums = {
        "day": AlbumFactory(release_date="2016-10-21", genres=["folk"], own_cover="https://archive.org/x.jpg"),
        "year": AlbumFactory(release_date="1997", cover_art_url="https://coverartarchive.org/x"),
        "bare": AlbumFactory(release_group_id=None),
    }

    assert listed(admin.get(f"{ALBUMS}?{query}")) == {albums[name].pk for name in found}


def test_filters_offer_what_there_is_and_keep_the_rest(admin):
    MovieFactory(release_date="1999-12-31", genres=["Drama", "Café"])
    MovieFactory(release_date="2001-12-31", genres=["Drama"])

    page = admin.get(f"{MOVIES}?decade=1990&picked=never&q=movie").content.decode()

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
def test_movies_are_found_by_titles_ids_and_addresses(admin, words):
    movie = MovieFactory(
        tmdb_id=603, imdb_id="tt0133093", title="Matrix", own_title="Nausicaa", original_title="The Original"
    )
    MovieAlias.objects.create(tmdb_id=604, movie=movie)
    MovieFactory(title="Other")

    assert listed(admin.get(MOVIES, {"q": words})) == {movie.pk}


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
def test_albums_are_found_by_titles_artists_ids_and_addresses(admin, words):
    album = AlbumFactory(
        musicbrainz_id=payloads.RELEASE, release_group_id=payloads.GROUP, artist="Léonard Cohen", title="Darker"
    )
    AlbumAlias.objects.create(musicbrainz_id=UUID(int=9), album=album)
    AlbumFactory(title="Other")

    assert listed(admin.get(ALBUMS, {"q": words})) == {album.pk}


def test_a_number_is_a_title_too(admin):
    by_title, by_id = MovieFactory(title="1917"), MovieFactory(tmdb_id=1917)

    assert listed(admin.get(MOVIES, {"q": "1917"})) == {by_title.pk, by_id.pk}


@pytest.mark.parametrize("kind", ["movie", "album"])
def test_lists_count_picks_and_sort_by_them(admin, kind):
    make, pick = FACTORIES[kind]
    once, never, twice = make(), make(), make()
    for work in (once, twice, twice):
        pick(**{kind: work})
    columns = admin.get(f"/admin/catalog/{kind}/").context["cl"].list_display

    rows = admin.get(f"/admin/catalog/{kind}/", {"o": f"-{columns.index('picked')}"}).context["cl"].result_list

    assert [(row.pk, row.pick_count) for row in rows] == [(twice.pk, 2), (once.pk, 1), (never.pk, 0)]


def fill(kind, count):
    make, pick = FACTORIES[kind]
    for n in range(count):
        work = make(own_title=f"Own {n}", genres=[f"Genre {n}"], release_date="1999-01-01")
        pick(**{kind: work})


@pytest.mark.parametrize("kind", ["movie", "album"])
def test_query_counts_do_not_grow(admin, kind, django_assert_max_num_queries):
    make, pick = FACTORIES[kind]
    fill(kind, 1)
    work, other = make(), make()
    merging.merge(make(), [make()])
    pages = [
        f"/admin/catalog/{kind}/",
        f"/admin/catalog/{kind}/?q=own",
        f"/admin/catalog/{kind}/{work.pk}/change/",
        f"/admin/catalog/{kind}/merge/?id={work.pk}&id={other.pk}",
        f"/admin/catalog/{kind}/merge/?id={work.pk}&q=own",
        "/admin/catalog/merge/",
    ]
    pick(**{kind: work})
    pick(**{kind: other})
    costs = []
    for page in pages:
        with django_assert_max_num_queries(25) as counted:
            assert admin.get(page).status_code == 200
        costs.append(len(counted.captured_queries))

    fill(kind, 19)
    for _ in range(9):
        pick(**{kind: work})
        pick(**{kind: other})
        merging.merge(make(), [make()])

    for page, cost in zip(pages, costs, strict=True):
        with django_assert_max_num_queries(cost):
            assert admin.get(page).status_code == 200


# Forms


def test_edits_of_curators_are_kept_and_logged(admin):
    movie = MovieFactory(title="The Matrix", tmdb_id=603)
    words = {"own_title": " Matrix ", "own_cover": "https://image.tmdb.org/t/p/w500/own.jpg", "note": "Director's cut"}

    response = admin.post(f"{MOVIES}{movie.pk}/change/", form_of(title="Typed over", **words))

    movie.refresh_from_db()
    assert response.status_code == 302
    assert (movie.title, movie.own_title) == ("The Matrix", "Matrix")
    assert (movie.own_cover, movie.note) == ("/own.jpg", "Director's cut")
    assert movie.title_key == "matrix"
    assert history(movie) == ["Changed Own title, Own poster and Note."]
    page = admin.get(MOVIES).content.decode()
    assert "TMDB: The Matrix" in page
    assert "/w92/own.jpg" in page


def test_own_covers_of_albums_come_from_the_archive(admin):
    album = AlbumFactory()
    page = f"{ALBUMS}{album.pk}/change/"

    refused = admin.post(page, form_of(own_cover="https://example.org/cover.jpg"))
    admin.post(page, form_of(own_cover="http://coverartarchive.org/release/x/1.jpg"))

    album.refresh_from_db()
    assert "Paste the address of a picture at coverartarchive.org or archive.org." in refused.content.decode()
    assert album.own_cover == "https://coverartarchive.org/release/x/1.jpg"


@pytest.mark.parametrize("own_cover", ["abc.jpg", "https://example.org/abc.jpg", "/" + "a" * 200 + ".jpg"])
def test_own_posters_are_of_tmdb(admin, own_cover):
    movie = MovieFactory()

    response = admin.post(f"{MOVIES}{movie.pk}/change/", form_of(own_cover=own_cover, own_title="Lost?"))

    movie.refresh_from_db()
    assert "Paste the address of a poster at image.tmdb.org" in response.content.decode()
    assert movie.own_title == ""


@pytest.mark.parametrize("own_title", ["\u200b", "\u3164 \u2060", "Two\nlines", "Two\u2028lines", "\u202etxet"])
@pytest.mark.parametrize(("make", "pages"), [(MovieFactory, MOVIES), (AlbumFactory, ALBUMS)])
def test_own_titles_are_one_visible_line(admin, make, pages, own_title):
    work = make()

    response = admin.post(f"{pages}{work.pk}/change/", form_of(own_title=own_title))

    work.refresh_from_db()
    assert response.context["adminform"].form.errors.keys() == {"own_title"}
    assert work.own_title == ""


@pytest.mark.parametrize("own_title", ["見えない", "?", "👩\u200d🚀", "שלום\u200f!"])
def test_own_titles_are_of_any_script(admin, own_title):
    movie = MovieFactory()

    admin.post(f"{MOVIES}{movie.pk}/change/", form_of(own_title=own_title))

    movie.refresh_from_db()
    assert movie.own_title == own_title


def test_a_movie_that_is_merged_during_a_change_is_not_brought_back(admin):
    movie, kept = MovieFactory(), MovieFactory()

    with right_after_query("catalog_movie", lambda: merging.merge(kept, [Movie.objects.get(pk=movie.pk)])):
        response = admin.post(f"{MOVIES}{movie.pk}/change/", form_of(own_title="Mine"), follow=True)

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


@pytest.mark.parametrize("page", ["search/", "merge/"])
def test_pages_need_a_login(client, db, page):
    assert client.post(f"{ALBUMS}{page}").headers["Location"].startswith("/admin/login/")


def test_changes_need_a_csrf_token(db):
    chief = User.objects.create_superuser("chief", "chief@example.org", "a-password")
    client = Client(enforce_csrf_checks=True)
    client.force_login(chief)

    pages = [MOVIES, f"{MOVIES}search/", f"{MOVIES}merge/", "/admin/catalog/merge/"]

    assert {client.post(page).status_code for page in pages} == {403}


@pytest.mark.django_db(transaction=True)
def test_a_movie_that_is_picked_during_its_deletion_is_kept():
    admin = client_of(UserFactory(is_staff=True, is_superuser=True))
    movie, week = MovieFactory(), WeekFactory()

    with right_after_query("selections_weekmovie", lambda: WeekMovieFactory(movie=movie, week=week)):
        response = admin.post(f"{MOVIES}{movie.pk}/delete/", {"post": "yes"}, follow=True)

    assert said(response) == ["A user has just picked it, so it was not deleted."]
    assert Movie.objects.get() == movie


# Searching


def test_movies_are_searched_and_added_with_one_button(admin, upstream, tmdb_movie):
    known = MovieFactory(tmdb_id=603, title="The Matrix")
    hits = [payloads.movie_hit(), payloads.movie_hit(id=120, title="The Fellowship")]
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(*hits))
    tmdb_movie()

    found = admin.get(f"{MOVIES}search/", {"q": "ring"})
    added = admin.post(f"{MOVIES}search/?q=ring&page=1", {"id": "120"}, follow=True)
    again = admin.post(f"{MOVIES}search/?q=ring&page=1", {"id": "120"}, follow=True)

    movie = Movie.objects.get(tmdb_id=120)
    assert [hit.known for hit in found.context["found"].hits] == [known, None]
    assert added.request["QUERY_STRING"] == "q=ring&page=1"
    assert "is now in the catalog." in said(added)[0]
    assert f"{MOVIES}{movie.pk}/change/" in said(added)[0]
    assert "is already in the catalog." in said(again)[0]
    assert [hit.known for hit in added.context["found"].hits] == [known, movie]
    assert history(movie) == ["Added."]


def test_a_merged_movie_is_marked_as_known(admin, upstream):
    kept = MovieFactory()
    MovieAlias.objects.create(tmdb_id=603, movie=kept)
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    assert admin.get(f"{MOVIES}search/", {"q": "matrix"}).context["found"].hits[0].known == kept


def test_editions_of_an_album_are_one_card(admin, upstream, musicbrainz_release):
    other = "00000000-0000-4000-8000-000000000001"
    hits = [payloads.release_hit(), payloads.release_hit(id=other, date="2017-01-01", country="DE")]
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(*hits))
    upstream.head(re.compile(".*"), status=404)
    upstream.get(re.compile(f"{payloads.COVERART}/.*"), status=404)
    upstream.assert_all_requests_are_fired = False
    musicbrainz_release(id=other)

    found = admin.get(f"{ALBUMS}search/", {"q": "darker"})
    [hit] = found.context["found"].hits
    admin.post(f"{ALBUMS}search/?q=darker", {"id": other})

    assert "2 editions" in found.content.decode()
    assert [edition.id for edition in hit.editions] == [payloads.RELEASE, other]
    assert str(Album.objects.get().musicbrainz_id) == other


def test_a_pasted_address_is_fetched_with_a_message(admin, tmdb_movie):
    tmdb_movie()

    response = admin.get(f"{MOVIES}search/", {"q": "https://www.themoviedb.org/movie/120"})
    again = admin.get(f"{MOVIES}search/", {"q": "https://www.themoviedb.org/movie/120"})

    movie = Movie.objects.get()
    assert "is now in the catalog." in said(response)[0]
    assert said(again) == []
    assert again.context["found"].hits[0].known == movie
    assert history(movie) == []  # looking is fetching, as in the API, and nobody has added it


def test_a_number_can_be_meant_as_an_id(admin, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page())

    page = admin.get(f"{MOVIES}search/", {"q": "1917"}).content.decode()

    assert "Nothing found" in page
    assert 'href="?q=themoviedb.org/movie/1917"' in page


def test_upstream_failures_are_messages(admin, upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=503, headers={"Retry-After": "7"})
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", body=requests.ConnectionError())
    upstream.assert_all_requests_are_fired = False

    search = admin.get(f"{ALBUMS}search/", {"q": "darker"})
    add = admin.post(f"{ALBUMS}search/", {"id": payloads.RELEASE}, follow=True)

    assert search.status_code == 200
    assert said(search)[0].startswith("MusicBrainz ")
    assert "Try again in 7 seconds." in said(search)[0]
    assert 'value="darker"' in search.content.decode()
    assert add.status_code == 200
    assert said(add)[0].startswith("MusicBrainz ")
    assert not Album.objects.exists()


def test_the_catalog_answers_when_a_source_fails(admin, upstream):
    movie = MovieFactory(title="The Matrix", own_title="Matrix")
    upstream.get(f"{payloads.TMDB}/search/movie", status=500)

    response = admin.get(f"{MOVIES}search/", {"q": "matrix"})

    assert response.context["found"].source == "catalog"
    assert [hit.known for hit in response.context["found"].hits] == [movie]
    assert "results from the catalog" in response.content.decode()


@pytest.mark.parametrize("given", ["", "x", "-1", "99999999999", "tt0133093"])
def test_invalid_ids_are_not_fetched(admin, given):
    response = admin.post(f"{MOVIES}search/", {"id": given}, follow=True)

    assert said(response) == ["This is not an id of TMDB. Search for a title and choose a card."]


@pytest.mark.parametrize("page", ["0", "x", "-3", "²", "999999"])
def test_invalid_pages_are_the_nearest(admin, upstream, page):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    assert admin.get(f"{MOVIES}search/", {"q": "a\0b", "page": page}).status_code == 200


def test_results_have_pages(admin, upstream):
    body = payloads.movie_page(payloads.movie_hit(), total_pages=3, total_results=60)
    upstream.get(f"{payloads.TMDB}/search/movie", json=body)

    page = admin.get(f"{MOVIES}search/", {"q": "a & b", "page": "2"}).content.decode()

    assert 'rel="prev" href="?q=a+%26+b&amp;page=1"' in page
    assert 'rel="next" href="?q=a+%26+b&amp;page=3"' in page


@pytest.mark.parametrize("count", [1, 20])
def test_a_search_costs_the_same_queries_whatever_it_finds(admin, upstream, count, django_assert_max_num_queries):
    hits = [payloads.movie_hit(id=1000 + n) for n in range(count)]
    for hit in hits:
        MovieFactory(tmdb_id=hit["id"])
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(*hits))

    with django_assert_max_num_queries(8):
        admin.get(f"{MOVIES}search/", {"q": "matrix"})


def test_from_another_form_a_movie_is_chosen_in_a_popup(admin, upstream):
    movie = MovieFactory(tmdb_id=603)
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    opened = admin.get(f"{MOVIES}add/?_popup=1&_to_field=id", follow=True)
    page = admin.get(f"{MOVIES}search/?_popup=1&_to_field=id&q=matrix").content.decode()
    movie.fetched_at = timezone.now()
    movie.save()
    chosen = admin.post(f"{MOVIES}search/?q=matrix", {"id": "603", "_popup": "1", "_to_field": "id"})

    assert opened.status_code == 200
    assert "Choose" in page
    assert "breadcrumbs" not in page
    assert f"&quot;value&quot;: &quot;{movie.pk}&quot;" in chosen.content.decode()


@pytest.mark.django_db(transaction=True)
def test_simultaneous_additions_add_one_row(upstream, tmdb_movie):
    chief = User.objects.create_superuser("chief", "chief@example.org", "a-password")
    tmdb_movie()

    def act(number):
        return client_of(chief).post(f"{MOVIES}search/?q=", {"id": "120"}).status_code

    assert at_once(4, act) == [302] * 4
    assert Movie.objects.count() == 1


# Refreshing, and looking for covers


def test_selected_movies_are_refreshed_with_a_message_for_each_failure(admin, upstream, tmdb_movie):
    good, gone, bad = MovieFactory(tmdb_id=120), MovieFactory(tmdb_id=2, title="Gone"), MovieFactory(tmdb_id=3)
    tmdb_movie(title="Fetched")
    upstream.get(f"{payloads.TMDB}/movie/2", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.TMDB}/movie/3", status=500)

    response = run_action(admin, "movie", "refresh", [good, gone, bad])

    good.refresh_from_db()
    gone.refresh_from_db()
    assert good.title == "Fetched"
    assert gone.vanished_at
    told = said(response)
    assert told[0] == "1 movie refreshed."
    assert "No longer on TMDB; marked and kept: Gone." in told
    assert any("TMDB has trouble answering" in words and str(bad) in words for words in told)
    assert (history(good), history(gone)) == (["Refreshed from TMDB."], [])


def test_a_page_refreshes_a_few_at_a_time(admin):
    response = run_action(admin, "album", "refresh", [AlbumFactory() for _ in range(9)])

    assert said(response) == ["Select at most 8. To refresh more, run the command refresh_catalog."]


def test_one_is_refreshed_from_its_form(admin, tmdb_movie):
    movie = MovieFactory(tmdb_id=120)
    tmdb_movie(title="Fetched")

    form = admin.get(f"{MOVIES}{movie.pk}/change/").content.decode()
    response = run_action(admin, "movie", "refresh", [movie], from_form="1")

    assert '<button name="action" value="refresh">Refresh</button>' in form
    assert said(response) == ["1 movie refreshed."]
    assert response.redirect_chain == [(f"{MOVIES}{movie.pk}/change/", 302)]


def test_a_deleted_movie_is_not_refreshed(admin):
    movie = MovieFactory()
    Movie.objects.all().delete()

    response = run_action(admin, "movie", "refresh", [movie], from_form="1")

    assert response.redirect_chain == [(MOVIES, 302)]
    assert said(response) == ["This has just been merged or deleted. Nothing was changed."]


def test_covers_are_found(admin, upstream):
    found, none, own = AlbumFactory(), AlbumFactory(cover_art_url="https://coverartarchive.org/x"), AlbumFactory()
    Album.objects.filter(pk=own.pk).update(release_group_id=None)
    for album, release, group in ((found, 404, 307), (none, 404, 404), (own, 307, None)):
        url = f"{payloads.COVERART}/release/{album.musicbrainz_id}/front-500"
        upstream.get(url, status=release, headers={"Location": "https://archive.org/x"})
        if group:
            url = f"{payloads.COVERART}/release-group/{album.release_group_id}/front-500"
            upstream.get(url, status=group, headers={"Location": "https://archive.org/x"})

    response = run_action(admin, "album", "find_cover", [found, none, own])

    for album in (found, none, own):
        album.refresh_from_db()
    assert found.cover_art_url == f"https://coverartarchive.org/release-group/{found.release_group_id}/front-500"
    assert own.cover_art_url == f"https://coverartarchive.org/release/{own.musicbrainz_id}/front-500"
    assert none.cover_art_url == ""
    assert len(said(response)) == 2
    assert history(found) == ["Cover found."]
    assert history(none) == ["No cover found."]


def test_a_cover_stays_when_the_archive_does_not_answer(admin, upstream):
    album = AlbumFactory(cover_art_url="https://coverartarchive.org/x", release_group_id=None)
    upstream.get(f"{payloads.COVERART}/release/{album.musicbrainz_id}/front-500", status=500)

    response = run_action(admin, "album", "find_cover", [album], from_form="1")

    album.refresh_from_db()
    assert album.cover_art_url == "https://coverartarchive.org/x"
    assert said(response)[0].startswith("The archive did not answer in time")


# Merging


def test_two_movies_are_compared_merged_and_restored(admin):
    kept, other = MovieFactory(title="Dune", tmdb_id=1), MovieFactory(title="Dune?", tmdb_id=2, own_title="Wüste")
    for movie in (kept, kept, other):
        pick = WeekMovieFactory(movie=movie)
    MovieOpinionFactory(movie_pick=pick)

    preview = run_action(admin, "movie", "merge", [other, kept])
    done = admin.post(f"{MOVIES}merge/", {"id": [other.pk, kept.pk], "keep": kept.pk}, follow=True)
    pick.refresh_from_db()
    record = Merge.objects.get()
    page = admin.get(f"/admin/catalog/merge/{record.pk}/change/").content.decode()
    undone = run_action(admin, "merge", "undo", [record], from_form="1")
    again = run_action(admin, "merge", "undo", [record], from_form="1")

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


def test_the_other_entry_can_be_kept(admin):
    first, second = AlbumFactory(), AlbumFactory()
    pick = WeekAlbumFactory(album=first)

    preview = admin.get(f"{ALBUMS}merge/?id={first.pk}&id={second.pk}&keep={second.pk}")
    admin.post(f"{ALBUMS}merge/", {"id": [first.pk, second.pk], "keep": second.pk})

    assert preview.context["kept"] == second
    assert WeekAlbum.objects.get(pk=pick.pk).album == second


def test_weeks_that_have_both_are_shown(admin):
    kept, other, week = MovieFactory(), MovieFactory(), WeekFactory()
    WeekMovieFactory(week=week, movie=kept)
    WeekMovieFactory(week=week, movie=other, position=2)

    page = admin.get(f"{MOVIES}merge/?id={kept.pk}&id={other.pk}&keep={kept.pk}").content.decode()
    admin.post(f"{MOVIES}merge/", {"id": [kept.pk, other.pk], "keep": kept.pk})

    assert "1 week has picked both. It keeps both" in page
    assert WeekMovie.objects.filter(week=week).count() == 2


def test_the_other_entry_is_searched_for_from_a_form(admin):
    movie, same, different = MovieFactory(title="Dune"), MovieFactory(title="Dune (2)"), MovieFactory(title="Alien")

    by_title = admin.get(f"{MOVIES}merge/?id={movie.pk}")
    by_id = admin.get(f"{MOVIES}merge/?id={movie.pk}&q=themoviedb.org/movie/{different.tmdb_id}")

    assert [offer["work"] for offer in by_title.context["offers"]] == [same]
    assert [offer["work"] for offer in by_id.context["offers"]] == [different]
    assert f"?id={movie.pk}&amp;id={same.pk}" in by_title.content.decode()


@pytest.mark.parametrize("query", ["", "?id=x", "?id=99999999999999999999", "?id=12345678"])
def test_without_anything_to_merge_there_is_a_message(admin, query):
    response = admin.get(f"{MOVIES}merge/{query}", follow=True)

    assert said(response) == ["Choose entries to merge. Those you chose no longer exist."]


def test_a_movie_that_is_deleted_meanwhile_is_not_merged(admin):
    movie, gone = MovieFactory(), MovieFactory()
    Movie.objects.filter(pk=gone.pk).delete()

    response = admin.post(f"{MOVIES}merge/", {"id": [movie.pk, gone.pk], "keep": movie.pk}, follow=True)

    assert said(response) == [
        "One of these has just been merged or deleted.",
        "Choose at least two different entries.",
    ]


def test_a_merge_of_the_command_is_undone(admin):
    kept, other = AlbumFactory(), AlbumFactory()
    call_command("merge_albums", str(kept.pk), str(other.pk), apply=True, verbosity=0)
    record = Merge.objects.get()

    listed_page = admin.get("/admin/catalog/merge/").content.decode()
    run_action(admin, "merge", "undo", [record])

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


def test_pictures_have_a_frame_and_links_send_no_referrer(admin):
    movie = MovieFactory(tmdb_id=603, imdb_id="tt0133093")

    page = admin.get(reverse("admin:catalog_movie_change", args=[movie.pk])).content.decode()

    assert '<a href="https://www.themoviedb.org/movie/603" rel="noreferrer">TMDB</a>' in page
    assert '<a href="https://www.imdb.com/title/tt0133093/" rel="noreferrer">IMDb</a>' in page
    assert '<span class="picture poster large"></span>' in page
