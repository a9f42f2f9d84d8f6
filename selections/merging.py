"""Making one album of two: their picks become picks of one of them."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog import services as catalog
from catalog.models import Album

from .models import Week, WeekAlbum


@dataclass(frozen=True)
class Merge:
    """What becomes of the picks of an album when it is merged into another."""

    moving: list[WeekAlbum]
    staying: list[WeekAlbum]  # of weeks that have both: two people's opinions may hang on each


def find_album(text: str) -> Album | None:
    """The album with this number of ours or this MusicBrainz id, its own rather than one that it has from another."""
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return Album.objects.filter(pk=int(text)).first()
    try:
        musicbrainz_id = UUID(text)
    except ValueError:
        return None
    return Album.objects.filter(musicbrainz_id=musicbrainz_id).first() or catalog.known_album(musicbrainz_id)


def plan_merge(kept: Album, merged: Album) -> Merge:
    """What would happen to each pick of `merged`, in one query."""
    both = WeekAlbum.objects.filter(week=OuterRef("week"), album=kept)
    picks = WeekAlbum.objects.filter(album=merged).annotate(stays=Exists(both)).select_related("week__user")
    found = list(picks.order_by("week__user__username", "week__year", "week__week_number", "position"))
    return Merge(
        moving=[pick for pick in found if not pick.stays],
        staying=[pick for pick in found if pick.stays],
    )


def merge_albums(kept: Album, merged: Album) -> Merge:
    """Give the picks of an album, with the opinions on them, to another, which is found under both ids from now on.

    The merged one goes, unless a week has both. Raises Album.DoesNotExist where one of them has just gone.
    """
    with transaction.atomic():
        # Weeks first, as whoever picks locks them; always in the same order, so that nobody locks another out.
        weeks = WeekAlbum.objects.filter(album=merged).values("week")
        list(Week.objects.select_for_update().filter(pk__in=weeks).order_by("pk").values_list("pk"))
        locked = Album.objects.select_for_update().filter(pk__in=[kept.pk, merged.pk]).order_by("pk")
        if len(locked) != 2:
            raise Album.DoesNotExist
        plan = plan_merge(kept, merged)
        catalog.merge_albums(merged.musicbrainz_id, kept)
        moved = [pick.week_id for pick in plan.moving]
        Week.objects.filter(pk__in=moved).update(updated_at=timezone.now())
    return plan
