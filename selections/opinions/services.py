"""Giving and deleting opinions."""

from django.db import transaction
from django.utils import timezone

from selections.guards import Conflict, has_revealed, lock_user, lock_week
from selections.kinds import KINDS
from selections.models import MAX_EARLIER, AnyPick, Event, Opinion
from selections.recording import record


def give_opinion(
    user, pick: AnyPick, *, rating: int | None, review: str, contains_spoilers: bool
) -> tuple[Opinion, bool]:
    """Store the user's opinion on a pick; returns it, and whether they had none before.

    A rating that changes, or its absence, is kept as an earlier one, up to MAX_EARLIER of them. Raises
    WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist or Week.DoesNotExist when the pick has just been removed.
    """
    own = {"user": user, KINDS[pick.kind].opinion_field: pick}
    with transaction.atomic():
        lock_user(user)
        lock_week(pick.week)
        known = Opinion.objects.filter(**own).first()
        if known is None:
            pick.refresh_from_db(fields=["position"])  # it may have gone
        opinion = known or Opinion(**own)
        if known and known.rating != rating:
            known.earlier_ratings.create(rating=known.rating)
            for oldest in known.earlier_ratings.all()[MAX_EARLIER:]:
                oldest.delete()
        opinion.rating, opinion.review, opinion.contains_spoilers = rating, review, contains_spoilers
        opinion.updated_at = timezone.now()
        opinion.save()
        if known is None:
            record(Event.Kind.OPINION_GIVEN, user, week=pick.week, opinion=opinion)
    return opinion, known is None


def delete_opinion(user, pick: AnyPick) -> bool:
    """Delete the user's opinion on a pick, with its history; returns whether there was one.

    Raises Conflict if it has revealed others' opinions before the week is over.
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
