"""A year of weeks and opinions of two made-up people, so that a fresh instance has something to show."""

import json
import random
import secrets
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from catalog import portable
from catalog.models import STALE_AFTER
from selections import services
from selections.kinds import KINDS, Kind
from selections.models import MAX_RATING, Opinion, Week

FILE = Path(__file__).parent / "sample_data.json"
PEOPLE = ["ada", "ben"]
WEEKS = 52


def load() -> dict[str, str]:
    """Store the sample catalog and people with their weeks up to today, and return their new passwords by name.

    Call it in a transaction, on an instance without these people. The catalog's rows are facts recorded from the
    upstreams, which count as stale and so are fetched again when needed.
    """
    data = json.loads(FILE.read_text(encoding="utf-8"))
    works = {name: _works(kind, data[f"{name}s"]) for name, kind in KINDS.items()}
    chance = random.Random(2026)  # noqa: S311 - the same year each time, not a secret
    passwords = {}
    for name in PEOPLE:
        passwords[name] = secrets.token_urlsafe(12)
        person = get_user_model().objects.create_user(name, f"{name}@example.org", passwords[name])
        _fill_year(person, works, data["notes"], chance)
    _disagree(data["reviews"], chance)
    return passwords


def _works(kind: Kind, rows: list[dict[str, Any]]) -> list[Any]:
    """The works of the file, in its order; existing ones are left unchanged."""
    stale = {"fetched_at": timezone.now() - 2 * STALE_AFTER}
    records = [portable.read_work(kind.works, row, kind.name, is_trusted=True) | stale for row in rows]
    pks = portable.store(kind.works, kind.id_field, records)
    works = kind.works._default_manager.in_bulk(pks.values())
    return [works[pks[record[kind.id_field]]] for record in records]


def _fill_year(person, works: dict[str, list[Any]], all_notes: list[str], chance: random.Random) -> None:
    """The last WEEKS weeks up to the current one: most complete, some with gaps, a few missing."""
    now = timezone.now()
    monday = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
    for back in range(WEEKS):
        is_current = back == 0
        if not is_current and chance.random() < 0.06:
            continue
        start = timezone.make_aware(datetime.combine(monday - timedelta(weeks=back), time(19, 30)))
        year, week_number, _ = start.isocalendar()
        notes = chance.choice(all_notes) if chance.random() < 0.25 else ""
        times = {"created_at": min(start, now), "updated_at": min(start, now)}
        week = Week.objects.create(user=person, year=year, week_number=week_number, notes=notes, **times)
        for later, kind in zip((0, 2), KINDS.values(), strict=True):
            count = 1 if is_current else chance.choices((0, 1, 2), (1, 5, 4))[0]
            for position, work in enumerate(chance.sample(works[kind.name], count), 1):
                added_at = min(start + timedelta(days=position + later), now)
                pick: Any = kind.picks(week=week, position=position, added_at=added_at, **{kind.name: work})
                services.place_pick(pick)
        Week.objects.filter(pk=week.pk).update(**times)


def _disagree(reviews: list[str], chance: random.Random) -> None:
    """Opinions of all people on most picks: they more or less agree on which works are good."""
    worth: dict[tuple[str, int], int] = {}
    given = []
    for person in get_user_model().objects.filter(username__in=PEOPLE).order_by("username"):
        for kind in KINDS.values():
            picks = kind.picks._default_manager.select_related("week", kind.name)
            for pick in picks.order_by("week__year", "week__week_number", "id"):
                if chance.random() > (0.9 if pick.week.user_id == person.pk else 0.65):
                    continue
                good = worth.setdefault((kind.name, pick.work.pk), chance.randint(3, 9))
                given_at = min(pick.added_at + timedelta(hours=chance.randint(2, 90)), timezone.now())
                given.append(
                    Opinion(
                        user=person,
                        rating=max(1, min(MAX_RATING, round(chance.gauss(good, 1.8)))),
                        review=chance.choice(reviews) if chance.random() < 0.2 else "",
                        created_at=given_at,
                        updated_at=given_at,
                        week=pick.week,
                        **{kind.opinion_field: pick},
                    )
                )
    Opinion.objects.bulk_create(given)
