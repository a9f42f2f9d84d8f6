import re

import pytest
from django.contrib.admin.sites import site
from django.db import connection

from accounts import services
from accounts.models import ApiToken, Invitation, Session, User
from selections.models import Opinion, Week
from tests.admin.everything import fill
from tests.admin.staff import address, client_with
from tests.conftest import session_of
from tests.factories import (
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekFactory,
)

OURS = [model for model in site._registry if model._meta.app_label in {"accounts", "catalog", "selections"}]


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
        "ShortlistItem",
        "Challenge",
    }


@pytest.mark.parametrize("model", OURS)
def test_searches_and_filters_work(admin_client, model):
    fill(1)
    page = admin_client.get(address(model, "changelist"))
    last = None if connection.vendor == "sqlite" else 2  # choices of a filter differ by values only

    searched = admin_client.get(address(model, "changelist"), {"q": "5"})
    filtered = [
        admin_client.get(address(model, "changelist") + choice["query_string"])
        for spec in page.context["cl"].filter_specs
        for choice in list(spec.choices(page.context["cl"]))[1:last]  # the first is the page itself: all
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


def test_constraints_have_messages(admin_client):
    week, movie = WeekFactory(), MovieFactory()

    twice = admin_client.post(address(Week, "change", week.pk), form_of(week, movie=[(movie, 1), (movie, 2)]))
    same = admin_client.post(address(Week, "change", week.pk), form_of(week, movie=[(movie, 1), (MovieFactory(), 1)]))
    impossible = admin_client.post(address(Week, "add"), form_of(Week(user=week.user, year=2025, week_number=53)))
    existing = admin_client.post(address(Week, "add"), form_of(week))

    assert [page.status_code for page in (twice, same, impossible, existing)] == [200] * 4
    assert "This movie is listed twice" in twice.content.decode()
    assert "Two picks have the same position" in same.content.decode()
    assert "That ISO year has no such week" in impossible.content.decode()
    assert "already exists" in existing.content.decode()


def test_an_account_is_made_and_its_name_lowered(admin_client):
    data = {"username": "Cleo", "email": "Cleo@example.org", "usable_password": "true"}
    data |= {"password1": "a-long-one-9", "password2": "a-long-one-9"}

    assert admin_client.post(address(User, "add"), data).status_code == 302
    assert User.objects.get(username="cleo").email == "Cleo@example.org"
    assert admin_client.post(address(User, "add"), data).status_code == 200  # the name is taken


def test_fetched_fields_are_read_only(admin_client):
    movie = MovieFactory(title="As TMDB says")

    admin_client.post(address(type(movie), "change", movie.pk), {"title": "Mine"})

    movie.refresh_from_db()
    assert movie.title == "As TMDB says"


def link_in(response):
    found = re.search(r"http://testserver/join/[\w-]+", response.content.decode())
    return found[0].removeprefix("http://testserver") if found else None


def test_an_invitation_is_made_and_its_link_shown_once(admin_client, client):
    response = admin_client.post(address(Invitation, "add"), {"note": "Cleo", "days": 3}, follow=True)

    path = link_in(response)
    invitation = Invitation.objects.get()
    assert (invitation.note, invitation.created_by.username) == ("Cleo", "admin")
    assert client.get(path).status_code == 200
    assert link_in(admin_client.get(address(Invitation, "changelist"))) is None


def test_a_lost_link_is_replaced(admin_client, client):
    invitation, old = services.invite(note="Cleo")
    used, _ = services.invite(note="Dora")
    Invitation.objects.filter(pk=used.pk).update(used_at=used.created_at)
    data = {"action": "replace_links", "_selected_action": [invitation.pk, used.pk]}

    response = admin_client.post(address(Invitation, "changelist"), data, follow=True)

    assert client.get(f"/join/{old}").status_code == 403
    assert client.get(link_in(response)).status_code == 200
    assert "has been used" in response.content.decode()


def test_a_token_is_revoked_and_its_hashes_are_not_shown(admin_client):
    token, _ = services.create_token(UserFactory(), name="widget", scope="read")

    page = admin_client.get(address(ApiToken, "change", token.pk)).content.decode()
    admin_client.post(address(ApiToken, "delete", token.pk), {"post": "yes"})

    assert token.key_hash not in page
    assert token.password_hash not in page
    assert not ApiToken.objects.exists()


def test_a_link_is_not_replaced_once_it_was_used(admin_client):
    invitation, _ = services.invite(note="Cleo")
    stale = Invitation.objects.get(pk=invitation.pk)
    Invitation.objects.filter(pk=invitation.pk).update(used_at=invitation.created_at)

    assert services.renew_invitation(stale) is None
    assert Invitation.objects.get().used_at is not None


@pytest.fixture
def helper(db):
    """A client of staff who may change and delete accounts, and nothing more."""
    return client_with("view_user", "change_user", "delete_user")


@pytest.mark.parametrize(("zone", "has_moved"), [("UTC", False), ("Pacific/Kiritimati", True)])
def test_staff_change_their_time_zone_but_not_their_rights(helper, zone, has_moved):
    staff = User.objects.get()
    form = address(User, "change", staff.pk)
    values = {"username": staff.username, "email": staff.email, "time_zone": zone, "visibility": "members"}

    page = helper.get(form).content.decode()
    helper.post(form, values | {"is_superuser": "on"})

    staff.refresh_from_db()
    assert "is_superuser" not in page
    assert not staff.is_superuser
    assert (staff.time_zone, staff.time_zone_changed_at is not None) == (zone, has_moved)


def test_staff_cannot_change_other_staff(helper, admin_user):
    answers = [
        helper.post(address(User, "change", admin_user.pk), {"username": "mine"}),
        helper.get(f"/admin/accounts/user/{admin_user.pk}/password/"),
        helper.post(address(User, "delete", admin_user.pk), {"post": "yes"}),
    ]
    delete_selected(helper, admin_user)

    assert [answer.status_code for answer in answers] == [403] * 3
    assert User.objects.filter(pk=admin_user.pk).exists()


def delete_selected(client, user):
    data = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
    return client.post(address(User, "changelist"), data)


@pytest.mark.parametrize("by", ["form", "action"])
def test_deleting_an_account_ends_its_sessions(admin_client, by):
    user = UserFactory()
    session_of(user)

    if by == "form":
        admin_client.post(address(User, "delete", user.pk), {"post": "yes"})
    else:
        delete_selected(admin_client, user)

    assert not User.objects.filter(pk=user.pk).exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("rating", [3, None])
def test_a_rating_that_is_changed_here_is_remembered_too(admin_client, rating):
    opinion = MovieOpinionFactory(rating=rating, review="Hm.")
    data = {"user": opinion.user_id, "movie_pick": opinion.movie_pick_id, "rating": 9, "review": ""}
    inline = {"earlier_ratings-TOTAL_FORMS": 0, "earlier_ratings-INITIAL_FORMS": 0}

    admin_client.post(address(Opinion, "change", opinion.pk), data | inline)

    opinion.refresh_from_db()
    assert (opinion.rating, [earlier.rating for earlier in opinion.earlier_ratings.all()]) == (9, [rating])


def test_an_old_form_does_not_undo_what_the_member_has_changed_since(admin_client):
    opinion = MovieOpinionFactory(rating=3, review="Hm.")
    shown = {"rating": 3, "review": "Hm.", "earlier_ratings-TOTAL_FORMS": 0, "earlier_ratings-INITIAL_FORMS": 0}
    Opinion.objects.update(rating=9)

    sent = {"initial-rating": 3, "initial-review": "Hm.", "initial-contains_spoilers": "False"}
    admin_client.post(address(Opinion, "change", opinion.pk), shown | sent | {"contains_spoilers": "on"})

    opinion.refresh_from_db()
    assert (opinion.rating, opinion.contains_spoilers, opinion.earlier_ratings.count()) == (9, True, 0)
