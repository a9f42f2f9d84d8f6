"""Adding movies and albums by searching their sources, refreshing them, and finding covers."""

import re

import pytest
import requests
from django.utils import timezone

from accounts.models import User
from catalog.models import Album, Movie, MovieAlias
from tests import payloads
from tests.admin.staff import ALBUMS, MOVIES, client_of, history, run_action, said
from tests.conftest import at_once
from tests.factories import (
    AlbumFactory,
    MovieFactory,
)


def test_movies_are_searched_and_added_with_one_button(admin_client, upstream, tmdb_movie):
    known = MovieFactory(tmdb_id=603, title="The Matrix")
    hits = [payloads.movie_hit(), payloads.movie_hit(id=120, title="The Fellowship")]
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(*hits))
    tmdb_movie()

    found = admin_client.get(f"{MOVIES}search/", {"q": "ring"})
    added = admin_client.post(f"{MOVIES}search/?q=ring&page=1", {"id": "120"}, follow=True)
    again = admin_client.post(f"{MOVIES}search/?q=ring&page=1", {"id": "120"}, follow=True)

    movie = Movie.objects.get(tmdb_id=120)
    assert [hit.known for hit in found.context["found"].hits] == [known, None]
    assert added.request["QUERY_STRING"] == "q=ring&page=1"
    assert "is now in the catalog." in said(added)[0]
    assert f"{MOVIES}{movie.pk}/change/" in said(added)[0]
    assert "is already in the catalog." in said(again)[0]
    assert [hit.known for hit in added.context["found"].hits] == [known, movie]
    assert history(movie) == ["Added."]


def test_a_merged_movie_is_marked_as_known(admin_client, upstream):
    kept = MovieFactory()
    MovieAlias.objects.create(tmdb_id=603, movie=kept)
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    assert admin_client.get(f"{MOVIES}search/", {"q": "matrix"}).context["found"].hits[0].known == kept


def test_editions_of_an_album_are_one_card(admin_client, upstream, musicbrainz_release):
    other = "00000000-0000-4000-8000-000000000001"
    hits = [payloads.release_hit(), payloads.release_hit(id=other, date="2017-01-01", country="DE")]
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page(*hits))
    upstream.head(re.compile(".*"), status=404)
    upstream.get(re.compile(f"{payloads.COVERART}/.*"), status=404)
    upstream.assert_all_requests_are_fired = False
    musicbrainz_release(id=other)

    found = admin_client.get(f"{ALBUMS}search/", {"q": "darker"})
    [hit] = found.context["found"].hits
    admin_client.post(f"{ALBUMS}search/?q=darker", {"id": other})

    assert "2 editions" in found.content.decode()
    assert [edition.id for edition in hit.editions] == [payloads.RELEASE, other]
    assert str(Album.objects.get().musicbrainz_id) == other


def test_a_pasted_address_is_fetched_with_a_message(admin_client, tmdb_movie):
    tmdb_movie()

    response = admin_client.get(f"{MOVIES}search/", {"q": "https://www.themoviedb.org/movie/120"})
    again = admin_client.get(f"{MOVIES}search/", {"q": "https://www.themoviedb.org/movie/120"})

    movie = Movie.objects.get()
    assert "is now in the catalog." in said(response)[0]
    assert said(again) == []
    assert again.context["found"].hits[0].known == movie
    assert history(movie) == []  # looking is fetching, as in the API, and nobody has added it


def test_a_number_can_be_meant_as_an_id(admin_client, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page())

    page = admin_client.get(f"{MOVIES}search/", {"q": "1917"}).content.decode()

    assert "Nothing found" in page
    assert 'href="?q=themoviedb.org/movie/1917"' in page


def test_upstream_failures_are_messages(admin_client, upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=503, headers={"Retry-After": "7"})
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", body=requests.ConnectionError())
    upstream.assert_all_requests_are_fired = False

    search = admin_client.get(f"{ALBUMS}search/", {"q": "darker"})
    add = admin_client.post(f"{ALBUMS}search/", {"id": payloads.RELEASE}, follow=True)

    assert search.status_code == 200
    assert said(search)[0].startswith("MusicBrainz ")
    assert "Try again in 7 seconds." in said(search)[0]
    assert 'value="darker"' in search.content.decode()
    assert add.status_code == 200
    assert said(add)[0].startswith("MusicBrainz ")
    assert not Album.objects.exists()


def test_the_catalog_answers_when_a_source_fails(admin_client, upstream):
    movie = MovieFactory(title="The Matrix", own_title="Matrix")
    upstream.get(f"{payloads.TMDB}/search/movie", status=500)

    response = admin_client.get(f"{MOVIES}search/", {"q": "matrix"})

    assert response.context["found"].source == "catalog"
    assert [hit.known for hit in response.context["found"].hits] == [movie]
    assert "results from the catalog" in response.content.decode()


@pytest.mark.parametrize("given", ["", "x", "-1", "99999999999", "tt0133093"])
def test_invalid_ids_are_not_fetched(admin_client, given):
    response = admin_client.post(f"{MOVIES}search/", {"id": given}, follow=True)

    assert said(response) == ["This is not an id of TMDB. Search for a title and choose a card."]


@pytest.mark.parametrize("page", ["0", "x", "-3", "²", "999999"])
def test_invalid_pages_are_the_nearest(admin_client, upstream, page):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    assert admin_client.get(f"{MOVIES}search/", {"q": "a\0b", "page": page}).status_code == 200


def test_results_have_pages(admin_client, upstream):
    body = payloads.movie_page(payloads.movie_hit(), total_pages=3, total_results=60)
    upstream.get(f"{payloads.TMDB}/search/movie", json=body)

    page = admin_client.get(f"{MOVIES}search/", {"q": "a & b", "page": "2"}).content.decode()

    assert 'rel="prev" href="?q=a+%26+b&amp;page=1"' in page
    assert 'rel="next" href="?q=a+%26+b&amp;page=3"' in page


@pytest.mark.parametrize("count", [1, 20])
def test_a_search_costs_the_same_queries_whatever_it_finds(
    admin_client, upstream, count, django_assert_max_num_queries
):
    hits = [payloads.movie_hit(id=1000 + n) for n in range(count)]
    for hit in hits:
        MovieFactory(tmdb_id=hit["id"])
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(*hits))

    with django_assert_max_num_queries(8):
        admin_client.get(f"{MOVIES}search/", {"q": "matrix"})


def test_from_another_form_a_movie_is_chosen_in_a_popup(admin_client, upstream):
    movie = MovieFactory(tmdb_id=603)
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit()))

    opened = admin_client.get(f"{MOVIES}add/?_popup=1&_to_field=id", follow=True)
    page = admin_client.get(f"{MOVIES}search/?_popup=1&_to_field=id&q=matrix").content.decode()
    movie.fetched_at = timezone.now()
    movie.save()
    chosen = admin_client.post(f"{MOVIES}search/?q=matrix", {"id": "603", "_popup": "1", "_to_field": "id"})

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


def test_selected_movies_are_refreshed_with_a_message_for_each_failure(admin_client, upstream, tmdb_movie):
    good, gone, bad = MovieFactory(tmdb_id=120), MovieFactory(tmdb_id=2, title="Gone"), MovieFactory(tmdb_id=3)
    tmdb_movie(title="Fetched")
    upstream.get(f"{payloads.TMDB}/movie/2", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.TMDB}/movie/3", status=500)

    response = run_action(admin_client, "movie", "refresh", [good, gone, bad])

    good.refresh_from_db()
    gone.refresh_from_db()
    assert good.title == "Fetched"
    assert gone.vanished_at
    told = said(response)
    assert told[0] == "1 movie refreshed."
    assert "No longer on TMDB; marked and kept: Gone." in told
    assert any("TMDB has trouble answering" in words and str(bad) in words for words in told)
    assert (history(good), history(gone)) == (["Refreshed from TMDB."], [])


def test_a_page_refreshes_a_few_at_a_time(admin_client):
    response = run_action(admin_client, "album", "refresh", [AlbumFactory() for _ in range(9)])

    assert said(response) == ["Select at most 8. To refresh more, run the command refresh_catalog."]


def test_one_is_refreshed_from_its_form(admin_client, tmdb_movie):
    movie = MovieFactory(tmdb_id=120)
    tmdb_movie(title="Fetched")

    form = admin_client.get(f"{MOVIES}{movie.pk}/change/").content.decode()
    response = run_action(admin_client, "movie", "refresh", [movie], from_form="1")

    assert '<button name="action" value="refresh">Refresh</button>' in form
    assert said(response) == ["1 movie refreshed."]
    assert response.redirect_chain == [(f"{MOVIES}{movie.pk}/change/", 302)]


def test_a_deleted_movie_is_not_refreshed(admin_client):
    movie = MovieFactory()
    Movie.objects.all().delete()

    response = run_action(admin_client, "movie", "refresh", [movie], from_form="1")

    assert response.redirect_chain == [(MOVIES, 302)]
    assert said(response) == ["This has just been merged or deleted. Nothing was changed."]


def test_covers_are_found(admin_client, upstream):
    found, none, own = AlbumFactory(), AlbumFactory(cover_art_url="https://coverartarchive.org/x"), AlbumFactory()
    Album.objects.filter(pk=own.pk).update(release_group_id=None)
    for album, release, group in ((found, 404, 307), (none, 404, 404), (own, 307, None)):
        url = f"{payloads.COVERART}/release/{album.musicbrainz_id}/front-500"
        upstream.get(url, status=release, headers={"Location": "https://archive.org/x"})
        if group:
            url = f"{payloads.COVERART}/release-group/{album.release_group_id}/front-500"
            upstream.get(url, status=group, headers={"Location": "https://archive.org/x"})

    response = run_action(admin_client, "album", "find_cover", [found, none, own])

    for album in (found, none, own):
        album.refresh_from_db()
    assert found.cover_art_url == f"https://coverartarchive.org/release-group/{found.release_group_id}/front-500"
    assert own.cover_art_url == f"https://coverartarchive.org/release/{own.musicbrainz_id}/front-500"
    assert none.cover_art_url == ""
    assert len(said(response)) == 2
    assert history(found) == ["Cover found."]
    assert history(none) == ["No cover found."]


def test_many_covers_are_left_to_the_job_runner(admin_client):
    albums = AlbumFactory.create_batch(13, cover_asked_at=timezone.now())

    response = run_action(admin_client, "album", "find_cover", albums)

    assert Album.objects.filter(cover_asked_at=None).count() == 13
    assert said(response)[0].startswith("13 albums marked.")


def test_a_cover_stays_when_the_archive_does_not_answer(admin_client, upstream):
    album = AlbumFactory(cover_art_url="https://coverartarchive.org/x", release_group_id=None)
    upstream.get(f"{payloads.COVERART}/release/{album.musicbrainz_id}/front-500", status=500)

    response = run_action(admin_client, "album", "find_cover", [album], from_form="1")

    album.refresh_from_db()
    assert album.cover_art_url == "https://coverartarchive.org/x"
    assert said(response)[0].startswith("The archive did not answer in time")
