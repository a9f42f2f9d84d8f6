"""Fixing a wrong match: a pick gets the movie or release that was meant, and keeps all else."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Movie
from selections import services
from selections.kinds import MOVIE
from selections.models import Opinion, Week, WeekAlbum, WeekMovie
from tests import payloads
from tests.admin.staff import address, client_with, history, said
from tests.conftest import at_once
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    WeekAlbumFactory,
    WeekMovieFactory,
)


def page_of(pick):
    return reverse(f"admin:selections_{pick._meta.model_name}_rematch", args=[pick.pk])


@pytest.fixture
def tmdb_finds(upstream):
    def register(*hits):
        return upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(*hits))

    return register


def test_a_pick_becomes_the_right_movie_and_keeps_all_else(admin_client, tmdb_movie):
    opinion = MovieOpinionFactory(movie_pick__position=2, movie_pick__movie__title="Dune")
    opinion.earlier_ratings.create(rating=2)
    pick, week = opinion.movie_pick, opinion.movie_pick.week
    tmdb_movie(id=438631, title="Dune: Part One")

    response = admin_client.post(page_of(pick), {"choice": "438631", "q": "dune"})

    after = WeekMovie.objects.get()
    assert response["Location"] == address(Week, "change", week.pk)
    assert (after.pk, after.position, after.added_at) == (pick.pk, 2, pick.added_at)
    assert after.movie == Movie.objects.get(tmdb_id=438631)
    assert (Opinion.objects.get(), opinion.earlier_ratings.count()) == (opinion, 1)
    assert Week.objects.get().updated_at > week.updated_at
    assert history(pick) == history(week)
    assert history(pick)[0].startswith("Fixed a wrong match: Dune became Dune: Part One")


def test_a_pick_becomes_the_right_release(admin_client, musicbrainz_release):
    opinion = AlbumOpinionFactory()
    pick = opinion.album_pick
    musicbrainz_release()

    admin_client.post(page_of(pick), {"choice": payloads.RELEASE})

    pick.refresh_from_db()
    assert pick.album.musicbrainz_id == UUID(payloads.RELEASE)
    assert Opinion.objects.get().album_pick == pick


def test_what_was_right_already_changes_nothing(admin_client):
    pick = WeekMovieFactory()

    response = admin_client.post(page_of(pick), {"choice": pick.movie.tmdb_id})

    assert "Nothing has changed" in said(response)[0]
    assert history(pick) == []
    assert Week.objects.get().updated_at == pick.week.updated_at


@pytest.mark.parametrize("choice", ["", "nonsense", "0", "12345678901234567890", "tt0133093", payloads.RELEASE])
def test_only_what_is_offered_can_be_chosen(admin_client, choice):
    pick = WeekMovieFactory()

    response = admin_client.post(page_of(pick), {"choice": choice, "q": "x & y"})

    assert said(response) == ["Choose one of the cards."]
    assert response["Location"] == f"{page_of(pick)}?q=x+%26+y"


def test_what_the_week_has_already_is_a_kind_message(admin_client):
    pick = WeekMovieFactory()
    other = WeekMovieFactory(week=pick.week, position=2)

    response = admin_client.post(page_of(pick), {"choice": other.movie.tmdb_id})

    assert said(response) == ["This movie is already in this week."]
    pick.refresh_from_db()
    assert pick.movie != other.movie


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_pick_that_is_gone_is_a_kind_message(admin_client, method):
    pick = WeekMovieFactory()
    page = page_of(pick)
    pick.delete()

    response = getattr(admin_client, method)(page, {"choice": 1})

    assert said(response) == ["This pick has been removed."]
    assert response["Location"] == address(WeekMovie, "changelist")


def test_a_pick_that_goes_while_it_is_fixed_is_told_of(user):
    pick = WeekMovieFactory(week__user=user)
    stale = WeekMovie.objects.get()
    services.remove_pick(MOVIE, pick.week, 1)

    with pytest.raises(WeekMovie.DoesNotExist):
        services.rematch(stale, MovieFactory().tmdb_id)


def test_upstream_trouble_is_a_message(admin_client, upstream):
    pick = WeekMovieFactory(movie__title="Dune")
    upstream.get(f"{payloads.TMDB}/search/movie", status=500)
    upstream.get(f"{payloads.TMDB}/movie/1", json=payloads.UNKNOWN, status=404)
    elsewhere = WeekMovieFactory(movie__title="Alien")

    search = admin_client.get(page_of(pick), {"q": "nothing we know"})
    choice = admin_client.post(page_of(elsewhere), {"choice": 1})

    assert search.status_code == 200
    assert "TMDB" in said(search)[0]
    assert said(choice) == ["Movie not found."]


def test_hits_are_cards_and_the_current_one_is_marked(admin_client, tmdb_finds):
    pick = WeekMovieFactory(movie__title="Dune", movie__tmdb_id=841)
    tmdb_finds(
        payloads.movie_hit(id=841, title="Dune"),
        payloads.movie_hit(id=438631, title="<b>Dune</b>", poster_path="/dune.jpg"),
    )

    page = admin_client.get(page_of(pick)).content.decode()

    assert 'value="Dune"' in page
    assert page.count('name="choice"') == 1
    assert 'name="choice" value="438631"' in page
    assert "&lt;b&gt;Dune&lt;/b&gt;" in page
    assert "Current match" in page
    assert "/w342/dune.jpg" in page


def test_a_number_is_an_id_too(admin_client, tmdb_finds, tmdb_movie):
    pick = WeekMovieFactory()
    tmdb_finds(payloads.movie_hit(id=7, title="603"))
    tmdb_movie(id=603, title="The Matrix")

    response = admin_client.get(page_of(pick), {"q": "603"})

    assert [card.title for card in response.context["found"]] == ["The Matrix", "603"]


def test_a_pasted_address_finds_just_that(admin_client, musicbrainz_release):
    pick = WeekAlbumFactory()
    musicbrainz_release()

    response = admin_client.get(page_of(pick), {"q": f"https://musicbrainz.org/release/{payloads.RELEASE}"})

    assert [card.id for card in response.context["found"]] == [payloads.RELEASE]


def test_nothing_is_asked_without_words(admin_client):
    response = admin_client.get(page_of(WeekMovieFactory()), {"q": " "})

    assert response.status_code == 200
    assert response.context["found"] is None


def test_only_who_may_change_picks_fixes_them(db):
    pick, work = WeekMovieFactory(), MovieFactory()
    seeing, changing = client_with("view_weekmovie", "change_weekalbum"), client_with("change_weekmovie")

    assert seeing.get(page_of(pick)).status_code == 403
    assert seeing.post(page_of(pick), {"choice": work.tmdb_id}).status_code == 403
    assert Client().get(page_of(pick)).status_code == 302
    response = changing.post(page_of(pick), {"choice": work.tmdb_id})
    assert response["Location"] == address(WeekMovie, "change", pick.pk)


@pytest.mark.parametrize("model", [WeekMovie, WeekAlbum, Opinion])
def test_lists_and_forms_lead_there(admin_client, model):
    pick = MovieOpinionFactory().movie_pick if model is not WeekAlbum else AlbumOpinionFactory().album_pick

    row = model.objects.get()
    pages = [admin_client.get(address(model, "changelist")), admin_client.get(address(model, "change", row.pk))]

    assert all(f'href="{page_of(pick)}"' in page.content.decode() for page in pages)


def test_a_form_of_a_pick_changes_its_place_and_whether_it_is_a_rewatch_only(admin_client):
    pick = WeekMovieFactory()
    movie = pick.movie
    data = {
        "position": 2,
        "rewatch": "true",
        "added_at_0": "2026-01-02",
        "added_at_1": "03:04:05",
        "movie": MovieFactory().pk,
    }

    admin_client.post(address(WeekMovie, "change", pick.pk), data)

    pick.refresh_from_db()
    assert (pick.position, pick.movie, pick.added_at.isoformat()) == (2, movie, "2026-01-02T03:04:05+00:00")
    assert pick.rewatch is True


@pytest.mark.parametrize("make", [WeekMovieFactory, WeekAlbumFactory])
def test_it_swaps_with_what_is_there(admin_client, make):
    pick = make()
    there, model = make(week=pick.week, position=2), type(pick)
    data = {"position": 2, "added_at_0": "2026-01-02", "added_at_1": "03:04:05"}

    response = admin_client.post(address(model, "change", pick.pk), data)

    assert response.status_code == 302
    assert dict(model.objects.values_list("pk", "position")) == {pick.pk: 2, there.pk: 1}


def test_a_new_pick_takes_no_place_that_is_taken(admin_client):
    pick = WeekMovieFactory()
    data = {"week": pick.week_id, "movie": MovieFactory().pk, "position": 1}
    data |= {"added_at_0": "2026-01-02", "added_at_1": "03:04:05"}

    response = admin_client.post(address(WeekMovie, "add"), data)

    assert "That position is already occupied." in response.content.decode()


def test_picks_that_are_deleted_together_move_their_weeks(admin_client):
    picks = [WeekMovieFactory() for _ in range(2)]
    data = {"action": "delete_selected", "_selected_action": [pick.pk for pick in picks], "post": "yes"}

    admin_client.post(address(WeekMovie, "changelist"), data)

    assert not WeekMovie.objects.exists()
    assert all(Week.objects.get(pk=pick.week_id).updated_at > pick.week.updated_at for pick in picks)


@pytest.mark.django_db(transaction=True)
def test_of_two_picks_that_become_the_same_at_once_one_does(admin_user):
    first, album = WeekAlbumFactory(), AlbumFactory()
    second = WeekAlbumFactory(week=first.week, position=2)

    def fix(number):
        client = Client()
        client.force_login(admin_user)
        return said(client.post(page_of((first, second)[number]), {"choice": str(album.musicbrainz_id)}))[0][:22]

    assert at_once(2, fix) == ["Fixed a wrong match: S", "This album is already "]
    assert WeekAlbum.objects.filter(album=album).count() == 1
