"""The list and form of accounts."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from zeal import zeal_ignore

from accounts import services
from accounts.errors import Refusal
from accounts.models import ApiToken, Session, User
from tests.admin.staff import address, client_with, history, said
from tests.conftest import at_once, session_of
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

LIST = address(User, "changelist")


def act(client, action, *users):
    return client.post(LIST, {"action": action, "_selected_action": [user.pk for user in users]})


def day(number):
    return datetime(2026, 1, number, tzinfo=UTC)


def test_the_list_shows_how_many_weeks_a_user_has(admin_client, user):
    week = WeekFactory(user=user)
    WeekMovieFactory(week=week)
    WeekAlbumFactory(week=week)
    WeekFactory(user=user)

    page = admin_client.get(LIST, {"q": "ada"}).content.decode()

    assert f'{reverse("admin:selections_week_changelist")}?user__id__exact={user.pk}">2</a>' in page
    assert f"{reverse('admin:selections_week_grid')}?user={user.pk}" in page
    assert '<td class="field-complete_weeks">1</td>' in page


@pytest.mark.parametrize(
    ("signed_in", "renewed", "token_used", "expected"),
    [
        (None, None, None, None),
        (day(1), None, None, day(1)),
        (day(1), day(3), day(2), day(3)),
        (day(1), day(2), day(4), day(4)),
        (None, day(2), None, day(2)),
    ],
)
def test_last_seen_is_the_latest_of_what_is_stored(user, signed_in, renewed, token_used, expected):
    User.objects.filter(pk=user.pk).update(last_login=signed_in)
    if renewed:
        for at in (day(1), renewed):
            Session.objects.filter(pk=session_of(user).pk).update(last_used_at=at)
    if token_used:
        services.create_token(user, name="widget", scope="read")
        ApiToken.objects.update(last_used_at=token_used)

    assert User.objects.with_last_seen().get(pk=user.pk).last_seen_at == expected


def test_the_list_can_be_ordered_by_last_seen(admin_client, user, other):
    User.objects.filter(pk=user.pk).update(last_login=day(5))

    response = admin_client.get(LIST, {"o": "-7", "is_superuser__exact": "0"})

    assert response.context["cl"].list_display[7] == "last_seen"
    assert response.context["cl"].result_list[0] == user


def test_a_form_summarizes_what_a_user_has(admin_client, user, admin_user):
    invitation, _ = services.invite(note="from the pub")
    invitation.created_by, invitation.used_by, invitation.used_at = admin_user, user, day(3)
    invitation.save()
    token, _ = services.create_token(user, name="widget", scope="read")
    MovieOpinionFactory(user=user)
    WeekFactory(user=user)

    page = admin_client.get(address(User, "change", user.pk)).content.decode()

    assert f"{reverse('admin:selections_opinion_changelist')}?user__id__exact={user.pk}" in page
    assert address(ApiToken, "delete", token.pk) in page
    assert token.key_hash not in page
    assert "by admin (from the pub), used 2026-01-03" in page


def test_an_old_form_neither_publishes_a_member_nor_gives_rights_back(admin_client, user):
    User.objects.filter(pk=user.pk).update(is_staff=True)
    page = admin_client.get(address(User, "change", user.pk))
    form = page.context["adminform"].form
    shown = {name: form[name].value() for name in ("username", "email", "time_zone", "visibility")}
    shown |= {"is_active": "on", "is_staff": "on"}
    User.objects.filter(pk=user.pk).update(is_staff=False, visibility="private")

    sent = {f"initial-{name}": value for name, value in shown.items()}
    admin_client.post(address(User, "change", user.pk), shown | sent | {"display_name": "Ada"})

    user.refresh_from_db()
    assert (user.display_name, user.visibility, user.is_staff) == ("Ada", "private", False)
    assert history(user) == ["Changed Display name."]
    assert 'name="initial-visibility"' in page.content.decode()
    assert 'name="initial-password"' not in page.content.decode()


def test_people_are_deactivated_and_let_in_again(admin_client, user, other):
    response = act(admin_client, "deactivate", user, other)
    user.refresh_from_db()
    assert not user.is_active
    assert said(response) == ["Deactivated ada, ben."]

    act(admin_client, "activate", user)
    user.refresh_from_db()
    assert user.is_active
    assert history(user) == ["Deactivated.", "Activated."]


def test_an_action_without_effect_is_not_logged(admin_client, user):
    response = act(admin_client, "activate", user)

    assert said(response) == ["No account was activated."]
    assert history(user) == []


def test_users_cannot_deactivate_themselves(admin_client, admin_user):
    UserFactory(is_superuser=True)

    response = act(admin_client, "deactivate", admin_user)

    assert said(response)[0] == "You cannot deactivate your own account."
    admin_user.refresh_from_db()
    assert admin_user.is_active


def test_the_last_superuser_stays(admin_user, admin_client):
    with pytest.raises(Refusal, match="is the last superuser"):
        services.set_active(admin_user, active=False, by=User(is_superuser=True, pk=0))
    page = admin_client.get(address(User, "change", admin_user.pk)).content.decode()

    assert 'name="is_superuser"' not in page
    assert 'name="is_active"' not in page


def test_staff_cannot_deactivate_staff(db, user, admin_user):
    helper = client_with("view_user", "change_user")
    colleague = UserFactory(is_staff=True)

    response = act(helper, "deactivate", user, colleague, admin_user)

    assert not User.objects.get(pk=user.pk).is_active
    assert User.objects.get(pk=colleague.pk).is_active
    assert User.objects.get(pk=admin_user.pk).is_active
    assert [sentence.partition(" ")[2] for sentence in said(response)[:2]] == ["is staff: ask a superuser."] * 2


def test_deactivating_needs_permission(db, user):
    act(client_with("view_user"), "deactivate", user)

    assert User.objects.get(pk=user.pk).is_active


def test_the_key_in_links_of_emails_is_not_found_by_filters(admin_client):
    query = {"unsubscribe_key__gt": "0" * 32}

    assert admin_client.get(LIST, query).status_code == 400


def test_the_list_links_to_invitations_for_those_who_may_invite(admin_client):
    link = reverse("admin:accounts_invitation_add")

    assert link in admin_client.get(LIST).content.decode()
    assert link not in client_with("view_user").get(LIST).content.decode()


@pytest.mark.parametrize("page", ["changelist", "change", "delete"])
def test_query_counts_do_not_grow(admin_client, user, page, django_assert_max_num_queries):
    url = address(User, page, *([] if page == "changelist" else [user.pk]))

    def fill(count):
        for _ in range(count):
            services.create_token(user, name="widget", scope="read")
            WeekFactory(user=UserFactory())
            for factory, pick in ((MovieOpinionFactory, "movie_pick"), (AlbumOpinionFactory, "album_pick")):
                factory(user=user)
                opinion = factory(**{f"{pick}__week__user": user})
                factory(user=user, **{pick: opinion.pick})

    def count_queries(most):
        with zeal_ignore(), django_assert_max_num_queries(most) as queries:  # zeal does not know of fetch modes
            admin_client.get(url)
        return len(queries.captured_queries)

    fill(1)
    count_queries(50)  # content types are asked for once
    few = count_queries(50)
    fill(14)

    assert count_queries(few) == few


@pytest.mark.django_db(transaction=True)
def test_two_superusers_cannot_deactivate_each_other():
    chiefs = [UserFactory(is_staff=True, is_superuser=True) for _ in range(2)]

    def deactivate(number):
        client = Client()
        client.force_login(chiefs[number])
        return act(client, "deactivate", chiefs[1 - number]).status_code

    assert at_once(2, deactivate)[0] == 302
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
