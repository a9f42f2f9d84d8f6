"""The rows of files that are to be decided."""

import re
from dataclasses import asdict

import pytest
from django.test import Client

from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer import admin as imports
from selections.transfer.importing import settle
from selections.transfer.matching import Candidate
from selections.transfer.outcomes import Decision
from tests import payloads
from tests.admin.staff import address, client_with, history, said
from tests.conftest import at_once
from tests.factories import AlbumFactory, MovieFactory, UserFactory, WeekMovieFactory

LIST = address(ImportedRow, "changelist")


def candidate(work, **values):
    if hasattr(work, "tmdb_id"):
        values = {"picture": "/p.jpg", "artist": ""} | values
        return asdict(Candidate(id=str(work.tmdb_id), title=work.title, released="1984", score=90, **values))
    values = {"artist": work.artist, "group": str(work.release_group_id)} | values
    return asdict(Candidate(id=str(work.musicbrainz_id), title=work.title, released="1971", score=80, **values))


def waiting(user, *works, kind="movie", title="Dune", week=(2024, 7), **values):
    said = {"place": "line 2", "kind": kind, "title": title, "rating": 7} | ({"week": week} if week else {})
    return ImportedRow.objects.create(
        **{"user": user, "kind": kind, "state": "review", "reason": "several are near", "said": said}
        | {"fingerprint": f"row {ImportedRow.objects.count()}", "candidates": [candidate(work) for work in works]}
        | values
    )


def page_of(row):
    return address(ImportedRow, "change", row.pk)


def test_a_row_shows_what_was_said_and_its_candidates(admin_client, user, settings):
    other = WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7, movie__title="Alien")
    row = waiting(user, MovieFactory(title="Dune: <One>", tmdb_id=841), MovieFactory(tmdb_id=842))

    page = admin_client.get(page_of(row)).content.decode()

    assert "Row 1 of 1 to decide: <strong>several are near</strong>" in page
    assert f"2024-W07, which has <em>{other.movie}</em>" in page
    assert f"{settings.TMDB_IMAGE_BASE_URL}/w342/p.jpg" in page
    assert "Dune: &lt;One&gt;" in page
    assert re.findall(r'name="accept" value="(\d+)"', page) == ["841", "842"]


def test_covers_are_looked_for_by_the_browser(admin_client, user):
    album = AlbumFactory()
    row = waiting(user, album, kind="album")

    page = admin_client.get(page_of(row)).content.decode()

    assert f"https://coverartarchive.org/release-group/{album.release_group_id}/front-500" in page


def test_a_candidate_is_accepted_and_the_next_row_opens(admin_client, user):
    movie = MovieFactory()
    row, following = waiting(user, movie), waiting(user, movie)

    response = admin_client.post(page_of(row), {"accept": movie.tmdb_id})

    row.refresh_from_db()
    assert (row.state, WeekMovie.objects.get().movie, Opinion.objects.get().rating) == ("done", movie, 7)
    assert response["Location"] == page_of(following)
    assert said(response) == [f"{movie}: picked in 2024-W07."]
    assert history(row) == [f"{movie}: picked in 2024-W07."]


def test_after_the_last_row_comes_the_first_and_in_the_end_the_list(admin_client, user):
    first, last = waiting(user), waiting(user)

    assert admin_client.post(page_of(last), {"_skip": 1})["Location"] == page_of(first)
    assert admin_client.post(page_of(first), {"_skip": 1})["Location"] == LIST
    assert set(ImportedRow.objects.values_list("state", flat=True)) == {"skipped"}


def test_a_candidate_goes_into_another_week(admin_client, user):
    movie = MovieFactory()
    row = waiting(user, movie, week=None)

    admin_client.post(page_of(row), {"accept": movie.tmdb_id, "week": "2024-w09"})

    assert Week.objects.get(user=user).name == "2024-W09"


def test_an_address_is_as_good_as_a_candidate(admin_client, user):
    album = AlbumFactory()
    row = waiting(user, kind="album")

    admin_client.post(page_of(row), {"choice": f"https://musicbrainz.org/release/{album.musicbrainz_id}"})

    assert WeekAlbum.objects.get().album == album


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Accept a candidate, or enter an id or address."),
        ({"week": "2024-W09"}, "Accept a candidate as well"),
        ({"week": "2024-W60", "accept": "841"}, "Enter an ISO week such as 2026-W07."),
        ({"choice": "nonsense"}, "Enter an id or address of a movie or album."),
        ({"accept": "nonsense"}, "Enter an id or address of a movie or album."),
    ],
)
def test_what_is_not_clear_is_asked_again(admin_client, user, said, sentence):
    row = waiting(user, MovieFactory(tmdb_id=841))

    response = admin_client.post(page_of(row), said)

    assert response.status_code == 200
    assert sentence in response.content.decode()
    row.refresh_from_db()
    assert row.state == "review"


def test_a_full_week_is_a_kind_message_and_another_week_settles_it(admin_client, user):
    for position in (1, 2):
        WeekMovieFactory(week=Week.objects.get_or_create(user=user, year=2024, week_number=7)[0], position=position)
    movie = MovieFactory()
    row = waiting(user, movie)

    full = admin_client.post(page_of(row), {"accept": movie.tmdb_id})
    page = admin_client.get(page_of(row)).content.decode()
    admin_client.post(page_of(row), {"week": "2024-W08"})

    assert full["Location"].startswith(page_of(row))
    assert "2024-W07 has two movies already" in said(full)[0]
    assert '<p class="work-card-mark">chosen</p>' in page
    assert WeekMovie.objects.get(movie=movie).week.name == "2024-W08"


def test_a_search_offers_more(admin_client, user, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page(payloads.movie_hit(id=603)))
    row = waiting(user, MovieFactory(tmdb_id=841))

    page = admin_client.get(page_of(row), {"q": "matrix"}).content.decode()

    assert re.findall(r'name="accept" value="(\d+)"', page) == ["603", "841"]
    assert 'value="matrix"' in page


@pytest.mark.parametrize("way", ["search", "accept", "bulk"])
def test_upstream_trouble_is_a_message_and_the_row_goes_on_waiting(admin_client, user, upstream, way):
    movie = MovieFactory.build(tmdb_id=841)
    row = waiting(user, movie)
    upstream.get(f"{payloads.TMDB}/search/movie" if way == "search" else f"{payloads.TMDB}/movie/841", status=500)

    if way == "search":
        response = admin_client.get(page_of(row), {"q": "matrix"})
    elif way == "accept":
        response = admin_client.post(page_of(row), {"accept": "841"})
    else:
        response = admin_client.post(LIST, {"action": "accept_best", "_selected_action": [row.pk]})

    assert response.status_code in {200, 302}
    assert "TMDB" in said(response)[0]
    row.refresh_from_db()
    assert (row.state, WeekMovie.objects.count()) == ("review", 0)


def test_a_row_that_has_been_settled_is_a_message(admin_client, user):
    movie = MovieFactory()
    row, following = waiting(user, movie, title="Dune"), waiting(user)
    settle(row, Decision(skip=True))

    response = admin_client.post(page_of(row), {"accept": movie.tmdb_id})

    assert said(response) == ["Dune has already been decided."]
    assert response["Location"] == page_of(following)
    assert not WeekMovie.objects.exists()


@pytest.mark.parametrize(("method", "key"), [("get", 1), ("post", 1), ("post", "x")])
def test_a_row_that_is_gone_is_a_kind_message(admin_client, method, key):
    answer = getattr(admin_client, method)(f"{LIST}{key}/change/", {"accept": "1"})

    assert said(answer) == ["This row has been deleted."]
    assert answer["Location"] == LIST


def test_a_settled_row_is_there_to_look_at(admin_client, user):
    row = waiting(user, MovieFactory(), state="done", reason="", chosen="1")

    page = admin_client.get(page_of(row)).content.decode()

    assert "This row is settled: done." in page
    assert 'name="accept"' not in page


def test_the_list_shows_what_waits_unless_asked_otherwise(admin_client, user):
    waits, done = waiting(user), waiting(user, state="done", reason="", chosen="1")

    def shown(**asked):
        return list(admin_client.get(LIST, asked).context["cl"].result_list)

    assert shown() == shown(state__exact="review") == [waits]
    assert shown(state__exact="done") == [done]
    assert shown(state__exact="all") == [waits, done]


@pytest.mark.parametrize(("words", "is_found"), [("Amélie", True), ("0211915", True), ("masterpiece", False)])
def test_rows_are_found_by_all_that_they_show(admin_client, user, words, is_found):
    row = waiting(user, title="Amélie")
    row.said |= {"imdb_id": "tt0211915", "rating": 9, "review": "A masterpiece"}  # which may be hidden
    row.save()

    assert list(admin_client.get(LIST, {"q": words}).context["cl"].result_list) == [row] * is_found


@pytest.mark.parametrize("query", [{"said__rating": 9}, {"said__review__icontains": "masterpiece"}])
def test_lists_are_not_filtered_by_what_they_hide(admin_client, query):
    assert admin_client.get(LIST, query).status_code == 400


def test_the_best_of_several_rows_are_accepted(admin_client, user, other):
    movie, album = MovieFactory(), AlbumFactory()
    rows = [
        waiting(user, movie, MovieFactory()),
        waiting(other, album, kind="album"),
        waiting(user, title="Unknown"),
        waiting(user, movie, state="skipped"),
    ]

    response = admin_client.post(LIST, {"action": "accept_best", "_selected_action": [row.pk for row in rows]})

    assert (WeekMovie.objects.get().movie, WeekAlbum.objects.get().week.user) == (movie, other)
    assert said(response) == ["2 rows picked.", "1 row without a candidate. Search for them."]
    assert [row.state for row in ImportedRow.objects.all()] == ["done", "done", "review", "skipped"]
    assert len(history(rows[0])) == 1


def test_a_candidate_of_another_year_is_not_accepted_with_others(admin_client, user):
    near, far = MovieFactory(), MovieFactory()
    rows = [waiting(user, near, week=(2024, 1)), waiting(user, far, week=(2024, 2))]
    for row, released in zip(rows, ("2002-05-01", "1999-05-01"), strict=True):
        row.said["year"], row.candidates[0]["released"] = 2003, released
        row.save()

    response = admin_client.post(LIST, {"action": "accept_best", "_selected_action": [row.pk for row in rows]})

    assert [pick.movie for pick in WeekMovie.objects.all()] == [near]
    assert said(response) == ["1 row picked.", "1 row whose best candidate is of another year. Decide them one by one."]


def test_several_rows_are_left_out(admin_client, user):
    rows = [waiting(user), waiting(user, state="done", reason="", chosen="1")]

    response = admin_client.post(LIST, {"action": "skip_rows", "_selected_action": [row.pk for row in rows]})

    assert said(response) == ["1 row skipped."]
    assert [row.state for row in ImportedRow.objects.all()] == ["skipped", "done"]


def test_so_many_are_accepted_at_a_time(admin_client, user, monkeypatch):
    monkeypatch.setattr(imports, "MAX_ACCEPTED", 1)
    waiting(user, title="Unknown")
    rows = [waiting(user, MovieFactory(), week=(2024, week)) for week in (1, 2, 3)]
    every = {"action": "accept_best", "select_across": 1, "_selected_action": [row.pk for row in rows]}

    response = admin_client.post(LIST, every)

    assert said(response) == [
        "1 row picked.",
        "2 rows not handled: the limit is 1 at a time. Select them again.",
        "1 row without a candidate. Search for them.",
    ]
    assert WeekMovie.objects.count() == 1
    assert ImportedRow.objects.filter(state="review").count() == 3


def test_so_many_are_left_out_at_a_time(admin_client, user, monkeypatch):
    monkeypatch.setattr(imports, "MAX_SKIPPED", 2)
    rows = [waiting(user) for _ in range(3)]

    response = admin_client.post(LIST, {"action": "skip_rows", "_selected_action": [row.pk for row in rows]})

    assert said(response) == [
        "2 rows skipped.",
        "1 row not handled: the limit is 2 at a time. Select them again.",
    ]
    assert ImportedRow.objects.filter(state="skipped").count() == 2


def test_only_who_may_change_rows_searches(db, user, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page())
    page = page_of(waiting(user))

    seeing = client_with("view_importedrow").get(page, {"q": "matrix"})
    client_with("change_importedrow").get(page, {"q": "dune"})

    assert (seeing.status_code, seeing.context["found"]) == (200, None)
    assert ["query=dune" in call.request.url for call in upstream.calls] == [True]


def test_only_who_may_change_rows_decides(db, user):
    movie = MovieFactory()
    row = waiting(user, movie)
    seeing, other = client_with("view_importedrow"), client_with()

    page = seeing.get(page_of(row))

    assert page.status_code == 200
    assert 'name="accept"' not in page.content.decode()
    assert seeing.post(page_of(row), {"accept": movie.tmdb_id}).status_code == 403
    seeing.post(LIST, {"action": "accept_best", "_selected_action": [row.pk]})
    assert other.get(page_of(row)).status_code == 403
    assert not WeekMovie.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_differently_at_once_one_does(admin_user):
    movies = [MovieFactory() for _ in range(4)]
    row = waiting(UserFactory(), *movies)

    def accept(number):
        client = Client()
        client.force_login(admin_user)
        return client.post(page_of(row), {"accept": movies[number].tmdb_id}).status_code

    assert at_once(4, accept) == [302] * 4
    assert (WeekMovie.objects.count(), Opinion.objects.count()) == (1, 1)
    assert ImportedRow.objects.get().state == "done"
    assert len(history(row)) == 1
