"""Writing events, each in the transaction of what happened."""

import contextlib
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.compiled import CompiledQuery

from .guards import lock_user, lock_week
from .models import Event, Opinion, Week, WeekQuerySet
from .models.conditions import visible_to
from .weeks import LAST_ZONE, MONDAY, day_of, week_in, weeks_later

RECENT = timedelta(days=7)  # after that, it is no longer news that a member has joined
LOCK = 0x3E7E  # of PostgreSQL, held while an event is written


def record(kind: str, user, **subject: Any) -> None:
    """Write an event. Call it at the end of a transaction, with the user, and any week or item, locked.

    On PostgreSQL only one transaction at a time writes events, so that they become visible in the order of their ids:
    otherwise a client that asks for those after the last one it knows would miss some. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    Event.objects.create(kind=kind, user=user, **subject)


def record_completed(week: Week) -> None:
    """Record that the week now has a movie and an album, once; but not of a week that ended more than a week ago."""
    is_recent = (week.year, week.week_number) >= weeks_later(week_in(LAST_ZONE, timezone.now()), -1)
    if is_recent and just_completed(week.pk):
        record(Event.Kind.WEEK_COMPLETED, week.user, week=week)


@CompiledQuery
def just_completed(week_id: int) -> WeekQuerySet:
    """The week, if it is complete and that was not recorded."""
    known = Event.objects.filter(week=OuterRef("pk"), kind=Event.Kind.WEEK_COMPLETED).order_by()
    return Week.objects.for_list().filter(~Exists(known), pk=week_id, has_movie=True, has_album=True)


def record_due() -> None:
    """Record the events that no request records: who has joined recently, and which weeks have just been revealed to
    all."""
    users = get_user_model()._default_manager.filter(is_active=True, date_joined__gt=timezone.now() - RECENT)
    for user in users.exclude(events__kind=Event.Kind.JOINED):
        _record_once(Event.Kind.JOINED, user)
    if settings.BLIND_REVEAL:
        for week in just_revealed().exclude(events__kind=Event.Kind.WEEK_REVEALED).select_related("user"):
            _record_once(Event.Kind.WEEK_REVEALED, week.user, week)


def just_revealed() -> WeekQuerySet:
    """The weeks that have last ended in all time zones, if they had opinions before that by members whom the owner may
    see. Other opinions do not count, as the event would reveal them: a reader who may not see the member of such an
    opinion may not see the owner either, or cannot tell that it was the only one."""
    running = week_in(LAST_ZONE, timezone.now())
    year, week_number = weeks_later(running, -1)
    over_at = datetime.combine(day_of(running, MONDAY), time(), LAST_ZONE)
    given = Opinion.objects.filter(visible_to(OuterRef("user"), "user"), created_at__lt=over_at).order_by()
    return Week.objects.filter(Exists(given.filter(week=OuterRef("pk"))), year=year, week_number=week_number)


def _record_once(kind: str, user, week: Week | None = None) -> None:
    with contextlib.suppress(ObjectDoesNotExist), transaction.atomic():  # it may just have been deleted
        lock_user(user)
        if week:
            lock_week(week)
        if not Event.objects.filter(kind=kind, user=user, week=week).exists():  # another runner was faster
            record(kind, user, week=week)
