import re

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import services
from accounts.models import ApiToken, Invitation, Session, User
from selections.models import ImportedRow, Opinion, Week
from tests.admin.everything import fill
from tests.conftest import session_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekFactory,
)

OURS = [model for model in site._registry if model._meta.app_label in {"accounts", "catalog", "selections"}]


@pytest.fixture
def admin(db):
    staff = User.objects.create_superuser("admin", "admin@example.org", "a-password")
    client = Client()
    client.force_login(staff)
    return client


def address(model, page, *arguments):
    from django.urls import reverse

    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def test_every_model_of_ours_is_there():
    names = {model.__name__ for model in OURS}

    accounts = {"User", "Session", "ApiToken", "Invitation", "Attempts"}
    assert names == accounts | {
        "Movie",
        "Album",
        "Person",
        "Artist",
        "Merge",
        "Week",
        "WeekMovie",
        "WeekAlbum",
        "Opinion",
        "ImportedRow",
    }


@pytest.mark.parametrize("model", OURS)
def test_searches_and_filters_work(admin, model):
    fill(1)
    page = admin.get(address(model, "changelist"))

    searched = admin.get(address(model, "changelist"), {"q": "5"})
    filtered = [
        admin.get(address(model, "changelist") + choice["query_string"])
        for spec in page.context["cl"].filter_specs
        for choice in spec.choices(page.context["cl"])
    ]

    assert {answer.status_code for answer in [searched, *filtered]} == {200}


def form_of(week, **picks):
    data = {"user": week.user_id, "year": week.year, "week_number": week.week_number, "notes": "By hand"}
    for kind in ("movie", "album"):
        rows = picks.get(kind, [])
        data |= {f"{kind}_picks-TOTAL_FORMS": len(rows), f"{kind}_picks-INITIAL_FORMS": 0}
        for n, (work, position) in enumerate(rows):
            prefix = f"{kind}_picks-{n}"
            data |= {f"{prefix}-{kind}": work.pk, f"{prefix}-position": position}
            data |= {
                f"{prefix}-added_at_0": "2026-02-11",
                f"{prefix}-added_at_1": "12:00:00",
                f"{prefix}-week": week.pk,
            }
    return data


def test_a_week_is_put_together_in_its_form(admin):
    week = WeekFactory()
    before = week.updated_at

    response = admin.post(
        address(Week, "change", week.pk), form_of(week, movie=[(MovieFactory(), 1)], album=[(AlbumFactory(), 2)])
    )

    week.refresh_from_db()
    assert response.status_code == 302
    assert (week.notes, week.is_complete) == ("By hand", True)
    assert week.updated_at > before


def test_constraints_are_kind_messages(admin):
    week, movie = WeekFactory(), MovieFactory()

    twice = admin.post(address(Week, "change", week.pk), form_of(week, movie=[(movie, 1), (movie, 2)]))
    same = admin.post(address(Week, "change", week.pk), form_of(week, movie=[(movie, 1), (MovieFactory(), 1)]))
    impossible = admin.post(address(Week, "add"), form_of(Week(user=week.user, year=2025, week_number=53)))
    existing = admin.post(address(Week, "add"), form_of(week))

    assert [page.status_code for page in (twice, same, impossible, existing)] == [200] * 4
    assert "This movie is here twice" in twice.content.decode()
    assert "Two picks have the same position" in same.content.decode()
    assert "That ISO year has no such week" in impossible.content.decode()
    assert "already exists" in existing.content.decode()


def test_an_account_is_made_and_its_name_lowered(admin):
    data = {"username": "Cleo", "email": "Cleo@example.org", "usable_password": "true"}

    response = admin.post(address(User, "add"), data | {"password1": "a-long-one-9", "password2": "a-long-one-9"})
    double = admin.post(address(User, "add"), data | {"password1": "a-long-one-9", "password2": "a-long-one-9"})

    assert response.status_code == 302
    assert User.objects.get(username="cleo").email == "Cleo@example.org"
    assert double.status_code == 200


def test_what_was_fetched_is_looked_at_not_typed_over(admin):
    movie = MovieFactory(title="As TMDB says")

    admin.post(address(type(movie), "change", movie.pk), {"title": "Mine"})

    movie.refresh_from_db()
    assert movie.title == "As TMDB says"


def link_in(response):
    found = re.search(r"http://testserver/join/[\w-]+", response.content.decode())
    return found[0].removeprefix("http://testserver") if found else None


def test_an_invitation_is_made_and_its_link_shown_once(admin, client):
    response = admin.post(address(Invitation, "add"), {"note": "Cleo", "days": 3}, follow=True)

    path = link_in(response)
    invitation = Invitation.objects.get()
    assert (invitation.note, invitation.created_by.username) == ("Cleo", "admin")
    assert client.get(path).status_code == 200
    assert link_in(admin.get(address(Invitation, "changelist"))) is None


def test_a_lost_link_is_replaced(admin, client):
    invitation, old = services.invite(note="Cleo")
    used, _ = services.invite(note="Dora")
    Invitation.objects.filter(pk=used.pk).update(used_at=used.created_at)
    data = {"action": "replace_links", "_selected_action": [invitation.pk, used.pk]}

    response = admin.post(address(Invitation, "changelist"), data, follow=True)

    assert client.get(f"/join/{old}").status_code == 403
    assert client.get(link_in(response)).status_code == 200
    assert "has been used" in response.content.decode()


def test_a_token_is_revoked_and_its_hashes_are_not_shown(admin):
    token, _ = services.create_token(UserFactory(), name="widget", scope="read")

    page = admin.get(address(ApiToken, "change", token.pk)).content.decode()
    admin.post(address(ApiToken, "delete", token.pk), {"post": "yes"})

    assert token.key_hash not in page
    assert token.password_hash not in page
    assert not ApiToken.objects.exists()


def test_a_link_is_not_replaced_once_it_was_used(admin):
    invitation, _ = services.invite(note="Cleo")
    stale = Invitation.objects.get(pk=invitation.pk)
    Invitation.objects.filter(pk=invitation.pk).update(used_at=invitation.created_at)

    assert services.renew_invitation(stale) is None
    assert Invitation.objects.get().used_at is not None


@pytest.fixture
def helper(db):
    """Staff who may change and delete accounts, and nothing more."""
    staff = UserFactory(username="helper", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = Client()
    client.force_login(staff)
    return client


def test_staff_give_themselves_no_powers(helper):
    staff = User.objects.get(username="helper")
    page = helper.get(address(User, "change", staff.pk)).content.decode()

    helper.post(
        address(User, "change", staff.pk),
        {"username": "helper", "email": staff.email, "time_zone": "UTC", "visibility": "members", "is_superuser": "on"},
    )

    assert "is_superuser" not in page
    staff.refresh_from_db()
    assert not staff.is_superuser


@pytest.mark.parametrize(("zone", "has_moved"), [("UTC", False), ("Pacific/Kiritimati", True)])
def test_a_change_of_time_zone_is_remembered(helper, zone, has_moved):
    staff = User.objects.get(username="helper")
    data = {"username": "helper", "email": staff.email, "time_zone": zone, "visibility": "members"}

    helper.post(address(User, "change", staff.pk), data)

    staff.refresh_from_db()
    assert (staff.time_zone, staff.time_zone_changed_at is not None) == (zone, has_moved)


def test_staff_touch_no_other_staff(helper, admin):
    chief = User.objects.get(username="admin")

    answers = [
        helper.post(address(User, "change", chief.pk), {"username": "mine"}),
        helper.get(f"/admin/accounts/user/{chief.pk}/password/"),
        helper.post(address(User, "delete", chief.pk), {"post": "yes"}),
    ]
    data = {"action": "delete_selected", "_selected_action": [chief.pk], "post": "yes"}
    helper.post(address(User, "changelist"), data)

    assert [answer.status_code for answer in answers] == [403] * 3
    assert User.objects.filter(username="admin").exists()


@pytest.mark.parametrize("by", ["form", "action"])
def test_who_is_deleted_here_leaves_no_tokens(admin, by):
    user = UserFactory()
    session_of(user)

    if by == "form":
        admin.post(address(User, "delete", user.pk), {"post": "yes"})
    else:
        data = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        admin.post(address(User, "changelist"), data)

    assert not User.objects.filter(pk=user.pk).exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("rating", [3, None])
def test_a_rating_that_is_changed_here_is_remembered_too(admin, rating):
    opinion = MovieOpinionFactory(rating=rating, review="Hm.")
    data = {"user": opinion.user_id, "movie_pick": opinion.movie_pick_id, "rating": 9, "review": ""}
    inline = {"earlier_ratings-TOTAL_FORMS": 0, "earlier_ratings-INITIAL_FORMS": 0}

    admin.post(address(Opinion, "change", opinion.pk), data | inline)

    opinion.refresh_from_db()
    assert (opinion.rating, [earlier.rating for earlier in opinion.earlier_ratings.all()]) == (9, [rating])


def test_a_waiting_row_is_settled(admin, user):
    movie = MovieFactory(title="Dune", tmdb_id=841)
    said = {"place": "line 2", "kind": "movie", "title": "Dune", "week": [2024, 7], "rating": 7}
    row = ImportedRow.objects.create(user=user, fingerprint="a", kind="movie", state="review", reason="x", said=said)
    form = address(ImportedRow, "change", row.pk)

    bad = admin.post(form, {"choice": "nonsense", "week": "2024-W60"})
    admin.post(form, {"choice": "https://www.themoviedb.org/movie/841-dune", "week": "2024-W09"})

    assert b"no id or address" in bad.content
    assert b"Write an ISO week" in bad.content
    opinion = Opinion.objects.get()
    assert (opinion.rating, opinion.movie_pick.movie, opinion.movie_pick.week.name) == (7, movie, "2024-W09")
    assert ImportedRow.objects.get().state == "done"


def test_waiting_rows_are_left_out(admin, user):
    rows = [
        ImportedRow.objects.create(user=user, fingerprint=str(n), kind="movie", state="review", reason="x", said=said)
        for n, said in enumerate([{"place": "line 2", "kind": "movie", "title": "Dune", "week": [2024, 7]}] * 2)
    ]

    admin.post(
        address(ImportedRow, "changelist"), {"action": "leave_out", "_selected_action": [row.pk for row in rows]}
    )

    assert set(ImportedRow.objects.values_list("state", flat=True)) == {"skipped"}
