"""Filling shortlists, voting for their items, drawing from them, and challenging other members."""

import random
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from catalog.models import Album, Movie
from selections.guards import Conflict, lock_user, lock_users, refuse_merged
from selections.kinds import ALBUM, KINDS, Kind
from selections.models import Challenge, Event, ShortlistItem, Week
from selections.models.plans import ShortlistQuerySet
from selections.recording import record
from selections.services import ANSWERED, add_items, place_pick, remove_items

MAX_PENDING = 10  # challenges of one member for another that wait for an answer


@dataclass(frozen=True)
class Draw:
    """What was drawn, and how likely that was."""

    item: ShortlistItem
    odds: float  # above 0, at most 1
    among: int  # items that could have been drawn, this one included


def add_to_shortlist(owner, work: Movie | Album, *, note: str, by) -> ShortlistItem:
    """Put a work on the owner's shortlist: their own idea, or a suggestion `by` another member.

    Raises Conflict if any edition of it is there already, or if there are MAX_ITEMS.
    """
    suggested_by = None if by == owner else by
    item = ShortlistItem(user=owner, suggested_by=suggested_by, note=note, **{work.kind: work})
    try:
        with transaction.atomic():
            lock_users(*{owner, by})
            add_items(owner, [item])
    except IntegrityError:
        refuse_merged(work)
        raise
    return item


def change_note(item: ShortlistItem, note: str) -> None:
    """Change the note. Raises ShortlistItem.DoesNotExist if it has just been removed."""
    if not ShortlistItem.objects.filter(pk=item.pk).update(note=note):
        raise ShortlistItem.DoesNotExist


def remove_from_shortlist(item: ShortlistItem) -> None:
    with transaction.atomic():
        remove_items(ShortlistItem.objects.filter(pk=item.pk))


def vote(user, item: ShortlistItem) -> None:
    """Vote for an item of another member's shortlist; nothing changes if the user has done so before.

    Raises Conflict for an item of their own, or ShortlistItem.DoesNotExist if it has just been removed.
    """
    if item.user_id == user.pk:
        raise Conflict("Others vote for your shortlist. You cannot vote for it yourself.", "own_item")
    with transaction.atomic():
        lock_user(user)
        stored = ShortlistItem.objects.select_for_update(no_key=True).get(pk=item.pk)
        given, is_new = stored.votes.get_or_create(user=user)
        if is_new:
            record(Event.Kind.VOTED, user, vote=given)


def withdraw_vote(user, item: ShortlistItem) -> None:
    """Take back the user's vote; without one nothing changes."""
    with transaction.atomic():
        lock_user(user)
        item.votes.filter(user=user).delete()


def draw(user, kind: Kind) -> Draw | None:
    """Choose an item of the user's shortlist at random, weighted by 1 + its votes; None if there is none that the user
    has not picked before."""
    items = list(never_picked(user, kind).with_votes(user).order_by("pk").values_list("pk", "vote_count"))
    if not items:
        return None
    weights = [1 + votes for _, votes in items]
    [(drawn, votes)] = random.choices(items, weights)  # noqa: S311 - no secret
    item = ShortlistItem.objects.for_list(user).get(pk=drawn)
    return Draw(item, odds=(1 + votes) / sum(weights), among=len(items))


def never_picked(user, kind: Kind) -> ShortlistQuerySet:
    """The items of the user's shortlist of which they have picked no edition."""
    items = ShortlistItem.objects.filter(user=user).on_kind(kind.name)
    picks: Any = kind.picks._default_manager.filter(week__user=user).order_by()
    items = items.exclude(Exists(picks.filter(**{kind.name: OuterRef(kind.name)})))
    if kind is ALBUM:
        items = items.exclude(Exists(picks.filter(album__release_group_id=OuterRef("album__release_group_id"))))
    return items


def challenge_member(challenger, member, work: Movie | Album, *, note: str) -> Challenge:
    """Propose a work to another member.

    Raises Conflict if the same proposal, or MAX_PENDING of them, wait for the member's answer.
    """
    challenge = Challenge(challenger=challenger, member=member, note=note, **{work.kind: work})
    try:
        with transaction.atomic():
            lock_users(challenger, member)
            pending = Challenge.objects.filter(challenger=challenger, member=member, state=Challenge.State.PENDING)
            if pending.filter(**{work.kind: work}).exists():
                raise Conflict(f"You have already proposed this {work.kind}. Wait for an answer.", "already_proposed")
            if pending.count() >= MAX_PENDING:
                message = f"{member} has {MAX_PENDING} of your challenges to answer. Try again later."
                raise Conflict(message, "too_many_pending")
            challenge.save(force_insert=True)
            record(Event.Kind.CHALLENGED, challenger, challenge=challenge)
    except IntegrityError:
        refuse_merged(work)
        raise
    return challenge


def withdraw_challenge(challenge: Challenge) -> None:
    """Delete a challenge that waits for an answer. Raises Conflict if it does so no longer."""
    with transaction.atomic():
        waiting = Challenge.objects.select_for_update().filter(pk=challenge.pk, state=Challenge.State.PENDING).first()
        if waiting is None:
            raise Conflict(*ANSWERED)
        waiting.delete()


def accept_challenge(challenge: Challenge, week: Week, position: int) -> None:
    """Pick what was proposed, for a week of the member. Raises Conflict, or Week.DoesNotExist."""
    if challenge.state != Challenge.State.PENDING:
        raise Conflict(*ANSWERED)
    pick = KINDS[challenge.kind].picks(week=week, position=position, **{challenge.kind: challenge.work})
    place_pick(pick, challenge=challenge)
