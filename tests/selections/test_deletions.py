"""Rows that are deleted while other members, or the job runner, change what goes with them."""

import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from selections import services
from selections.kinds import MOVIE
from selections.models import Challenge, Event, Opinion, SharedYear, ShortlistItem, Week
from selections.opinions.services import delete_opinion, give_opinion
from selections.planning.services import (
    challenge_member,
    remove_from_shortlist,
    vote,
    withdraw_challenge,
    withdraw_vote,
)
from tests.conftest import just_before
from tests.factories import (
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekMovieFactory,
    share_year,
)
from wrong_opinions.models import Webhook
from wrong_opinions.webhooks import queue_events

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = {  # of what ben shares with ada, and the statement before which her account is deleted
    "opinion": (lambda ben, ada, pick: delete_opinion(ada, pick), "selections_opinion"),
    "pick": (lambda ben, ada, pick: services.remove_pick(MOVIE, pick.week, 1, force=True), "selections_opinion"),
    "week": (lambda ben, ada, pick: services.delete_week(pick.week, force=True), "selections_opinion"),
    "challenge": (lambda ben, ada, pick: withdraw_challenge(Challenge.objects.get(challenger=ben)), "selections_event"),
    "account": (lambda ben, ada, pick: accounts.delete_account(ben), "selections_opinion"),
    "shared year": (lambda ben, ada, pick: accounts.delete_account(ben), "selections_sharedyear"),
}


DELETIONS = {
    "opinion": lambda ben, ada, pick: delete_opinion(ada, pick),
    "pick": lambda ben, ada, pick: services.remove_pick(MOVIE, pick.week, 1, force=True),
    "week": lambda ben, ada, pick: services.delete_week(pick.week, force=True),
    "challenge": lambda ben, ada, pick: withdraw_challenge(Challenge.objects.get(challenger=ben)),
    "vote": lambda ben, ada, pick: withdraw_vote(ada, ben.shortlist.get()),
    "item": lambda ben, ada, pick: remove_from_shortlist(ben.shortlist.get()),
    "account": lambda ben, ada, pick: accounts.delete_account(ada),
}


def start(act, *arguments):
    """Call it in a thread, which may have to wait for this one."""

    def run():
        try:
            act(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.5)  # seconds
    return thread


@pytest.mark.parametrize("changed", CHANGES)
def test_an_account_and_what_another_member_shares_with_it_are_deleted_at_once(changed):
    change, table = CHANGES[changed]
    ada, ben = UserFactory(), UserFactory()
    opinion = MovieOpinionFactory(user=ada, movie_pick__week__user=ben)
    opinion.earlier_ratings.create(rating=3)
    challenge_member(ben, ada, MovieFactory(), note="")
    vote(ada, ShortlistItemFactory(user=ben, suggested_by=ada))
    if changed == "shared year":
        share_year(ada, ben)
        share_year(ben, ada)
        opinion.delete()
    threads = []

    with just_before(f'DELETE FROM "{table}"', lambda: threads.append(start(accounts.delete_account, ada))):
        change(ben, ada, opinion.movie_pick)
    threads[0].join()

    assert not User.objects.filter(pk=ada.pk).exists()
    for model in (Opinion, Challenge, SharedYear):
        assert not model.objects.exists()
    assert Week.objects.exists() is (changed not in {"week", "account", "shared year"})


@pytest.mark.parametrize("deleted", DELETIONS)
def test_what_is_queued_for_webhooks_meanwhile_does_not_stop_a_deletion(deleted):
    ada, ben = UserFactory(), UserFactory()
    pick = WeekMovieFactory(week__user=ben)
    Webhook.objects.create(name="club", url="https://hooks.example.org/")
    give_opinion(ada, pick, rating=7, review="", contains_spoilers=False)
    challenge_member(ben, ada, MovieFactory(), note="")
    vote(ada, ShortlistItemFactory(user=ben))
    threads = []

    with just_before('DELETE FROM "selections_event"', lambda: threads.append(start(queue_events))):
        DELETIONS[deleted](ben, ada, pick)
    threads[0].join()

    assert Event.objects.count() == (0 if deleted == "account" else 2)
    assert not Event.objects.filter(is_queued=False).exists()


@pytest.mark.parametrize("is_selected", [False, True])
@pytest.mark.parametrize("model", [Opinion, Challenge, ShortlistItem])
def test_nor_does_it_stop_a_deletion_in_the_admin(model, is_selected):
    ada, ben = UserFactory(), UserFactory()
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    Webhook.objects.create(name="club", url="https://hooks.example.org/")
    give_opinion(ada, WeekMovieFactory(week__user=ben), rating=7, review="", contains_spoilers=False)
    challenge_member(ben, ada, MovieFactory(), note="")
    vote(ada, ShortlistItemFactory(user=ben))
    row, options = model.objects.get(), model._meta
    page = f"admin:{options.app_label}_{options.model_name}"
    selected = {"action": "delete_selected", "_selected_action": [row.pk]} if is_selected else {}
    threads = []

    with just_before('DELETE FROM "selections_event"', lambda: threads.append(start(queue_events))):
        address = reverse(f"{page}_changelist") if is_selected else reverse(f"{page}_delete", args=[row.pk])
        response = client.post(address, {"post": "yes"} | selected, follow=True)
    threads[0].join()

    assert "deleted" in response.content.decode()
    assert not model.objects.exists()
