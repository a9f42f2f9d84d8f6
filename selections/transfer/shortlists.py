"""Importing the shortlist of our own JSON: what is missing is added, as far as there is room."""

from collections import Counter
from itertools import batched
from typing import Any

from django.db import IntegrityError, transaction

from selections import services
from selections.models import ShortlistItem
from selections.models.plans import MAX_ITEMS

from .saved_works import SavedWorks

BATCH = 50  # items that are looked up together


def restore_shortlist(user, items: list[dict[str, Any]], works: SavedWorks) -> tuple[Counter[str], list[str]]:
    """Add the titles that are not on the user's shortlist, in any edition, and return counts and remarks for the
    Report."""
    counts, remarks = Counter[str](), []
    listed = ShortlistItem.objects.filter(user=user)
    room = MAX_ITEMS - listed.count()
    for some in batched(items, BATCH, strict=False):
        works.look_up(item["key"] for item in some)
        for item in some:
            work = works.found.get(item["key"])
            if work and listed.of_work(work).exists():
                counts["shortlist_existing"] += 1
                continue
            sentence = works.reason_against(item["key"])
            if not sentence and counts["shortlist_created"] >= room:
                sentence = f"it has {MAX_ITEMS:,} titles already, so {works.title_of(item['key'])} was skipped."
            if sentence:
                counts["shortlist_left_out"] += 1
                remarks.append(f"Shortlist: {sentence}")
            else:
                works.need([item["key"]])
                is_new = not works.apply or _add(user, item, works)
                counts["shortlist_created" if is_new else "shortlist_existing"] += 1
    return counts, remarks


def _add(user, item: dict[str, Any], works: SavedWorks) -> bool:
    """Whether the item was added; false if another request was faster."""
    kind = item["key"][0]
    values = {f"{kind}_id": works.known[item["key"]], "note": item["note"], "created_at": item["created_at"]}
    try:
        with transaction.atomic():
            services.lock_user(user)
            ShortlistItem.objects.create(user=user, **values)
    except IntegrityError:
        return False
    return True
