"""Accounts that are deleted while other members change rows that go with them."""

import threading

import pytest
from django.db import connection

from accounts import services as accounts
from accounts.models import User
from selections import services
from selections.kinds import MOVIE
from selections.models import Challenge, Opinion, SharedYear, Week
from selections.opinions.services import delete_opinion
from selections.planning.services import challenge_member, vote, withdraw_challenge
from tests.conftest import just_before
from tests.factories import MovieFactory, MovieOpinionFactory, ShortlistItemFactory, UserFactory, share_year

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = {  # of what ben shares with ada, and the statement before which her account is deleted
    "opinion": (lambda ben, ada, pick: delete_opinion(ada, pick), "selections_opinion"),
    "pick": (lambda ben, ada, pick: services.remove_pick(MOVIE, pick.week, 1, force=True), "selections_opinion"),
    "week": (lambda ben, ada, pick: services.delete_week(pick.week, force=True), "selections_opinion"),
    "challenge": (lambda ben, ada, pick: withdraw_challenge(Challenge.objects.get(challenger=ben)), "selections_event"),
    "account": (lambda ben, ada, pick: accounts.delete_account(ben), "selections_opinion"),
    "shared year": (lambda ben, ada, pick: accounts.delete_account(ben), "selections_sharedyear"),
}


def start_deleting(user):
    """Delete the account in a thread, which may have to wait for this one."""

    def run():
        try:
            accounts.delete_account(user)
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

    with just_before(f'DELETE FROM "{table}"', lambda: threads.append(start_deleting(ada))):
        change(ben, ada, opinion.movie_pick)
    threads[0].join()

    assert not User.objects.filter(pk=ada.pk).exists()
    for model in (Opinion, Challenge, SharedYear):
        assert not model.objects.exists()
    assert Week.objects.exists() is (changed not in {"week", "account", "shared year"})
