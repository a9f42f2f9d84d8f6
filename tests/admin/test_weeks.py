"""The list and form of weeks."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from selections import services
from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from tests.admin.staff import address, client_with, history, said
from tests.conftest import at_once
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)


def form_of(week, movie=(), album=(), **values):
    """What the week's form sends: of each kind the picks that it shows, and then new ones."""
    data = {"user": week.user_id, "year": week.year, "week_number": week.week_number, "notes": week.notes}
    for kind, rows in (("movie", movie), ("album", album)):
        shown = [row for row in rows if "pick" in row]
        data |= {f"{kind}_picks-TOTAL_FORMS": len(rows), f"{kind}_picks-INITIAL_FORMS": len(shown)}
        for n, row in enumerate([*shown, *(row for row in rows if "pick" not in row)]):
            prefix = f"{kind}_picks-{n}"
            data |= {f"{prefix}-week": week.pk or "", f"{prefix}-position": row["position"]}
            if "pick" in row:
                data |= {f"{prefix}-id": row["pick"].pk}
            elif "work" in row:
                data |= {f"{prefix}-{kind}": row["work"].pk}
            if row.get("delete"):
                data[f"{prefix}-DELETE"] = "on"
    return data | values


def save(client, week, **how):
    return client.post(address(Week, "change", week.pk), form_of(week, **how))


def names(response):
    return [week.name for week in response.context["cl"].result_list]


def weeks_of_each_state():
    complete, movie_only, album_only, _ = (WeekFactory(year=2020, week_number=n) for n in (1, 2, 3, 4))
    WeekMovieFactory(week=complete)
    WeekMovieFactory(week=complete, position=2)
    WeekAlbumFactory(week=complete)
    WeekMovieFactory(week=movie_only)
    WeekAlbumFactory(week=album_only)


@pytest.mark.parametrize(
    ("state", "found"),
    [("complete", ["2020-W01"]), ("half", ["2020-W03", "2020-W02"]), ("empty", ["2020-W04"])],
)
def test_weeks_are_filtered_by_state(admin_client, state, found):
    weeks_of_each_state()

    assert names(admin_client.get(address(Week, "changelist"), {"state": state})) == found


def test_weeks_are_filtered_by_a_range(admin_client):
    for n in (1, 2, 3, 4):
        WeekFactory(year=2020, week_number=n)
    page = address(Week, "changelist")

    assert names(admin_client.get(page, {"from": "2020-w02", "to": "2020-W03"})) == ["2020-W03", "2020-W02"]
    assert names(admin_client.get(page, {"from": "2020-W04"})) == ["2020-W04"]
    assert names(admin_client.get(page, {"to": "2020-W01"})) == ["2020-W01"]


def test_an_unreadable_range_is_reported(admin_client):
    WeekFactory()

    response = admin_client.get(address(Week, "changelist"), {"from": "2025-W53"})

    assert response.status_code == 200
    assert said(response) == ["Enter an ISO week such as 2026-W07."]
    assert 'value="2025-W53"' in response.content.decode()


@pytest.mark.parametrize("model", [Week, WeekMovie, WeekAlbum, Opinion, ImportedRow])
def test_filters_can_show_counts(admin_client, model):
    weeks_of_each_state()

    response = admin_client.get(address(model, "changelist"), {"_facets": "True"})

    assert response.status_code == 200
    assert ("half filled (2)" in response.content.decode()) == (model is Week)


def test_a_range_keeps_what_else_is_asked(admin_client):
    response = admin_client.get(address(Week, "changelist"), {"state": "half", "q": "dune", "from": "2020-W01"})

    kept = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', response.content.decode())
    assert {("state", "half"), ("q", "dune")} <= set(kept)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("2020-W02", ["2020-W02"]),
        ("amelie", ["2020-W01"]),
        ("Björk", ["2020-W02"]),
        ("CLEO 2020-w01", ["2020-W01"]),
        ("cleo björk", []),
        ("rainy", ["2020-W02"]),
        ("!!!", []),
    ],
)
def test_searches_look_at_names_works_notes_and_weeks(admin_client, words, found):
    cleo = UserFactory(username="cleo")
    WeekMovieFactory(week=WeekFactory(user=cleo, year=2020, week_number=1), movie=MovieFactory(title="Amélie"))
    other = WeekFactory(year=2020, week_number=2, notes="Rainy")
    WeekAlbumFactory(week=other, album=AlbumFactory(artist="Björk"))

    assert names(admin_client.get(address(Week, "changelist"), {"q": words})) == found


def test_the_list_shows_picks_with_pictures_state_and_opinions(admin_client, settings):
    pick = WeekMovieFactory(movie=MovieFactory(title="Dune", poster_path="/dune.jpg"))
    MovieOpinionFactory(movie_pick=pick)
    MovieOpinionFactory(movie_pick=pick)

    page = admin_client.get(address(Week, "changelist")).content.decode()

    assert f"{settings.TMDB_IMAGE_BASE_URL}/w92/dune.jpg" in page
    assert "half filled</span>" in page
    assert '<td class="field-opinions">2</td>' in page


def test_a_week_links_to_those_before_and_after_and_to_its_year(admin_client, user):
    before, week, after = (WeekFactory(user=user, year=2020, week_number=n) for n in (1, 20, 53))
    WeekFactory(year=2020, week_number=21)

    page = admin_client.get(address(Week, "change", week.pk)).content.decode()

    links = re.findall(r'<a href="([^"]+)" rel="(prev|next)">', page)
    assert links == [(address(Week, "change", before.pk), "prev"), (address(Week, "change", after.pk), "next")]
    assert f"{reverse('admin:selections_week_grid')}?user={user.pk}&amp;year=2020" in page


def test_a_form_says_what_people_think_and_that_it_goes_with_a_pick(admin_client):
    opinion = MovieOpinionFactory(rating=3, review="<i>Overrated</i>")
    week = opinion.movie_pick.week

    page = admin_client.get(address(Week, "change", week.pk)).content.decode()

    assert address(Opinion, "change", opinion.pk) in page
    assert "3 of 10, “&lt;i&gt;Overrated&lt;/i&gt;”" in page
    assert "Deleting this pick also deletes 1 opinion." in page


@pytest.mark.parametrize("permission", ["view_week", "change_week"])
def test_what_people_think_is_for_those_who_may_see_opinions(db, permission):
    opinion = MovieOpinionFactory(rating=3, review="Overrated")
    page = address(Week, "change", opinion.movie_pick.week_id)
    picks = ("view_weekmovie", "view_weekalbum")

    hidden = client_with(permission, *picks).get(page).content.decode()
    shown = client_with(permission, *picks, "view_opinion").get(page).content.decode()

    assert "Deleting this pick also deletes 1 opinion." in hidden
    for text in ("Overrated", "3 of 10", str(opinion.user), address(Opinion, "change", opinion.pk)):
        assert text not in hidden
        assert text in shown


def test_a_pick_gives_way_to_another_in_one_step(admin_client):
    old = MovieOpinionFactory().movie_pick
    new = MovieFactory()

    response = save(
        admin_client,
        old.week,
        movie=[{"pick": old, "position": 1, "delete": True}, {"work": new, "position": 1}],
    )

    assert response.status_code == 302
    assert [pick.movie for pick in old.week.movie_picks.all()] == [new]
    assert not Opinion.objects.exists()


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [
        ({"position": 2}, {"position": 1}, {"first": 2, "second": 1}),
        ({"position": 2}, {"position": 2}, {"first": 2, "second": 1}),
        ({"position": 2}, {"position": 2, "delete": True}, {"first": 2}),
        ({"position": 2, "delete": True}, {"position": 1}, {"second": 1}),
    ],
)
def test_picks_swap_or_take_the_place_of_one_that_leaves(admin_client, first, second, after):
    picks = {"first": WeekMovieFactory()}
    week = picks["first"].week
    picks["second"] = WeekMovieFactory(week=week, position=2)
    opinions = {name: MovieOpinionFactory(movie_pick=pick) for name, pick in picks.items()}

    response = save(admin_client, week, movie=[first | {"pick": picks["first"]}, second | {"pick": picks["second"]}])

    assert response.status_code == 302
    assert dict(week.movie_picks.values_list("pk", "position")) == {picks[name].pk: at for name, at in after.items()}
    assert set(Opinion.objects.values_list("pk", "movie_pick")) == {
        (opinions[name].pk, picks[name].pk) for name in after
    }


def test_a_free_position_is_chosen_and_stays_empty_without_a_work(admin_client):
    week = WeekMovieFactory(position=2).week
    page = admin_client.get(address(Week, "change", week.pk)).content.decode()
    chosen = re.findall(r'name="(\w+-\d)-position".*?<option value="(\d)" selected>', page, re.DOTALL)

    response = save(admin_client, week, album=[{"position": 1}, {"position": 2}])

    places = [("movie_picks-0", "2"), ("movie_picks-1", "1"), ("album_picks-0", "1"), ("album_picks-1", "2")]
    assert chosen == places
    assert (response.status_code, week.album_picks.count()) == (302, 0)


def test_a_new_week_needs_a_user(admin_client):
    response = admin_client.post(address(Week, "add"), form_of(Week(year=2024, week_number=7)) | {"user": ""})

    assert response.context["adminform"].form.errors["user"] == ["This field is required."]


def test_what_a_pick_is_of_cannot_be_typed_over(admin_client):
    pick = WeekMovieFactory()
    movie = pick.movie
    data = form_of(pick.week, movie=[{"pick": pick, "position": 2}]) | {"movie_picks-0-movie": MovieFactory().pk}

    admin_client.post(address(Week, "change", pick.week.pk), data)

    pick.refresh_from_db()
    assert (pick.movie, pick.position) == (movie, 2)


def test_whoever_was_faster_keeps_the_place(admin_client):
    pick = WeekAlbumFactory()
    album = pick.album

    same_place = save(admin_client, pick.week, album=[{"work": AlbumFactory(), "position": 1}])
    same_album = save(admin_client, pick.week, album=[{"work": album, "position": 2}])

    assert "That position is already occupied." in same_place.content.decode()
    assert "This album is already in this week." in same_album.content.decode()
    assert WeekAlbum.objects.get() == pick


def test_an_old_form_does_not_undo_what_somebody_else_saved(admin_client):
    week = WeekFactory(notes="Old")
    page = admin_client.get(address(Week, "change", week.pk)).content.decode()
    (seen_at,) = re.findall(r'name="seen_at" value="([^"]+)"', page)
    services.change_week(week, notes="By its owner")

    late = save(admin_client, week, notes="By staff", seen_at=seen_at)
    fresh = save(admin_client, week, notes="By staff", seen_at=week.updated_at.isoformat())

    assert "This has been changed since you opened it" in late.content.decode()
    assert fresh.status_code == 302


@pytest.mark.usefixtures("now")
def test_a_week_that_others_think_of_is_not_moved_into_the_past(admin_client, user):
    week = WeekFactory(user=user, year=2026, week_number=7)
    MovieOpinionFactory(movie_pick__week=week)
    pick = WeekMovie.objects.get()

    response = save(admin_client, week, movie=[{"pick": pick, "position": 1}], week_number=3)

    assert (
        "Other members have opinions on this week, which are hidden until it is over. Move it"
        in response.content.decode()
    )
    week.refresh_from_db()
    assert week.week_number == 7


def test_a_week_53_and_a_week_that_is_there_are_kind_messages(admin_client):
    week = WeekFactory(year=2025, week_number=1)
    WeekFactory(user=week.user, year=2025, week_number=2)

    impossible, existing = save(admin_client, week, week_number=53), save(admin_client, week, week_number=2)

    assert "That ISO year has no such week." in impossible.content.decode()
    assert "This week already exists." in existing.content.decode()


def test_whose_a_week_is_stays(admin_client, other):
    week = WeekFactory()

    save(admin_client, week, user=other.pk)

    assert Week.objects.get().user == week.user


def test_a_week_that_is_gone_is_no_error(admin_client):
    week = WeekFactory()
    Week.objects.all().delete()

    answers = [
        save(admin_client, week),
        admin_client.post(address(Week, "delete", week.pk), {"post": "yes"}),
        admin_client.post(address(Week, "change", "no-number"), form_of(week)),
    ]

    assert [answer.status_code for answer in answers] == [302] * 3


def test_several_weeks_are_deleted_though_one_is_gone(admin_client):
    weeks = [WeekMovieFactory().week for _ in range(2)]
    data = {"action": "delete_selected", "_selected_action": [week.pk for week in weeks], "post": "yes"}

    response = admin_client.post(address(Week, "changelist"), data)

    assert response.status_code == 302
    assert not Week.objects.exists()


def test_deleting_a_pick_shows_what_goes_along(admin_client):
    opinion = MovieOpinionFactory(user__username="cleo")

    page = admin_client.get(address(WeekMovie, "delete", opinion.movie_pick.pk)).content.decode()

    assert "Opinion" in page
    assert "cleo on " in page


def test_what_was_done_to_a_week_is_in_its_history(admin_client):
    week = WeekFactory()

    save(admin_client, week, movie=[{"work": MovieFactory(title="Dune"), "position": 1}])
    page = admin_client.get(address(Week, "history", week.pk)).content.decode()

    assert "Added movie pick" in history(week)[0]
    assert "Dune" in page


def test_suggestions_have_pictures_and_what_tells_them_apart(admin_client, settings):
    MovieFactory(title="Dune", original_title="Дюна", poster_path="/dune.jpg")
    AlbumFactory(title="Blue", artist="Joni Mitchell", release_date="1971-06-22", country="US", status="Official")

    def suggest(model, field, term):
        asked = {"app_label": "selections", "model_name": model, "field_name": field, "term": term}
        (suggestion,) = admin_client.get(reverse("admin:autocomplete"), asked).json()["results"]
        return suggestion

    movie, album = suggest("weekmovie", "movie", "dune"), suggest("weekalbum", "album", "blue")
    assert f"{settings.TMDB_IMAGE_BASE_URL}/w92/dune.jpg" in movie["picture"]
    assert (movie["name"], movie["by"]) == ("Dune", "Дюна")
    assert 'class="picture cover' in album["picture"]
    assert (album["name"], album["by"]) == ("Blue", "Joni Mitchell · 1971 · US · Official")


def test_suggestions_are_for_those_who_may_see_movies(db):
    asked = {"app_label": "selections", "model_name": "weekmovie", "field_name": "movie", "term": "x"}

    assert client_with("view_week").get(reverse("admin:autocomplete"), asked).status_code == 403


def test_people_are_suggested_by_their_names_alone_to_those_who_add_weeks(db):
    UserFactory(username="cleo", email="secret@example.org")
    asked = {"app_label": "selections", "model_name": "week", "field_name": "user"}

    def suggest(term, *permissions):
        return client_with(*permissions).get(reverse("admin:autocomplete"), asked | {"term": term})

    assert [found["text"] for found in suggest("CLÉO", "add_week").json()["results"]] == ["cleo"]
    assert suggest("secret", "view_week").json()["results"] == []
    assert suggest("cleo", "view_movie").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_who_create_the_same_week_at_once_one_is_told(admin_user, user):
    week = Week(user=user, year=2024, week_number=7)

    def create(_):
        client = Client()
        client.force_login(admin_user)
        return client.post(address(Week, "add"), form_of(week)).status_code

    assert at_once(4, create) == [200, 200, 200, 302]
    assert Week.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_who_fill_the_same_place_at_once_one_does(admin_user):
    week = WeekFactory()
    movies = [MovieFactory() for _ in range(4)]

    def fill(number):
        client = Client()
        client.force_login(admin_user)
        return save(client, week, movie=[{"work": movies[number], "position": 1}]).status_code

    assert at_once(4, fill) == [200, 200, 200, 302]
    assert WeekMovie.objects.count() == 1
