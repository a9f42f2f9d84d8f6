"""Giving and deleting opinions, and keeping those that other members have given."""

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from selections.kinds import KINDS, Kind
from selections.locks import Conflict, lock_user, lock_week
from selections.models import MAX_EARLIER, AnyPick, Opinion, OpinionQuerySet, PickQuerySet, Week, visible_to
from selections.weeks import over_for


def give_opinion(
    user, pick: AnyPick, *, rating: int | None, review: str, contains_spoilers: bool
) -> tuple[Opinion, bool]:
    """What the user thinks of a pick from now on, and whether they had no opinion before.

    A rating that changes is kept as an earlier one, also that there was none, up to MAX_EARLIER of them. Raises
    WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist or Week.DoesNotExist when the pick has just been removed.
    """
    with transaction.atomic():
        lock_user(user)
        lock_week(pick.week)
        pick.refresh_from_db(fields=["position"])
        known = own_opinion(user, pick)
        opinion = known or Opinion(user=user, **on_pick(pick))
        if known and known.rating != rating:
            known.earlier_ratings.create(rating=known.rating)
            for oldest in known.earlier_ratings.all()[MAX_EARLIER:]:
                oldest.delete()
        opinion.rating, opinion.review, opinion.contains_spoilers = rating, review, contains_spoilers
        opinion.updated_at = timezone.now()
        opinion.save()
    return opinion, known is None


def on_pick(pick: AnyPick) -> dict[str, AnyPick]:
    """What an opinion on this pick has in its foreign keys."""
    return {KINDS[pick.kind].opinion_field: pick}


def own_opinion(user, pick: AnyPick) -> Opinion | None:
    return pick.opinions.filter(user=user).first()


def delete_opinion(user, pick: AnyPick) -> bool:
    """Delete the user's opinion on a pick, with its history; returns whether there was one.

    Raises Conflict where it has revealed what others think before the week is over.
    """
    with transaction.atomic():
        lock_week(pick.week)
        if has_revealed(user, pick):
            raise Conflict(
                "Your opinion has revealed those of others on this pick. You can change it now, and delete it once the "
                "week is over.",
                "revealed",
            )
        deleted, _ = pick.opinions.filter(user=user).delete()
    return bool(deleted)


def has_revealed(user, pick: AnyPick) -> bool:
    """Whether the user can read what others think of a pick only because they have an opinion on it."""
    on = KINDS[pick.kind].opinion_field
    others = Opinion.objects.visible_to(user, on).filter(**on_pick(pick)).exclude(user=user)
    return settings.BLIND_REVEAL and others.exclude(over_for(user, f"{on}__week__")).exists()


def refuse_revealed(week: Week, picks: Iterable[AnyPick]) -> None:
    """Raise Conflict where these picks cannot go, as the opinion of the week's owner on one has revealed others'."""
    if any(has_revealed(week.user, pick) for pick in picks):
        raise Conflict(
            "You have read what others think of this, so your own opinion stays. Try again once the week is over.",
            "revealed",
        )


def refuse_discussed_pick(kind: Kind, picks: PickQuerySet, week: Week, what: str, *, force: bool) -> None:
    """Raise Conflict where these picks cannot go: refuse_revealed(), or without `force` for others' opinions."""
    refuse_revealed(week, picks)
    if not force:
        on_these = Opinion.objects.filter(Q(**{f"{kind.opinion_field}__in": picks}))
        _refuse_discussed(on_these, week, f"this pick. {what} it", "pick_discussed")


def refuse_discussed_week(week: Week) -> None:
    """Raise Conflict where others have opinions on the picks of a week."""
    _refuse_discussed(Opinion.objects.on_week(week), week, "your picks in this week. Deleting it", "week_discussed")


def _refuse_discussed(opinions: OpinionQuerySet, week: Week, what: str, code: str) -> None:
    given = list(
        by_others(opinions, week)
        .select_related("user")
        .only("rating", "user__username", "user__display_name")
        .order_by("created_at", "pk")
    )
    if given:
        lost = "opinion" if len(given) == 1 else "opinions"
        raise Conflict(f"{_who_said(given)} {what} also deletes their {lost}.", code)


def _who_said(opinions: list[Opinion]) -> str:
    """Such as "Ben and 3 others have already rated"."""
    first, *others = {opinion.user_id: opinion.user.get_full_name() for opinion in opinions}.values()
    who = f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}" if others else first
    verbs = {"reviewed" if opinion.rating is None else "rated" for opinion in opinions}
    return f"{who} {'have' if others else 'has'} already {' or '.join(sorted(verbs))}"


def by_others(opinions: OpinionQuerySet, week: Week) -> OpinionQuerySet:
    """Those by members other than the week's owner whom the owner may see."""
    return opinions.filter(visible_to(week.user_id, "user")).exclude(user=week.user_id)
