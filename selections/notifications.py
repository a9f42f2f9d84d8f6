"""Emails that members have chosen: on Sunday evening about their week, or when opinions were revealed to them."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any, TextIO
from urllib.parse import urlsplit
from uuid import uuid5

from django.core.mail import mailers
from django.core.management import CommandError
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.services import Notification, site_url
from catalog.progress import counted

from .kinds import KINDS
from .models import MAX_RATING, AnyPick, Opinion, Week, on_rated, revealed_to
from .weeks import LAST_ZONE, MONDAY, YearWeek, week_in, week_name, week_of

logger = logging.getLogger(__name__)

SUNDAY_EVENING = timedelta(days=6, hours=18)  # after Monday 0:00, where the member lives
LATEST = 12  # hours after that in which a weekly email is still sent
PAUSE = timedelta(hours=1)  # between two looks for what was revealed to a member, and so between two emails
MAX_UNANSWERED = 3  # attempts in a row, after which the others wait for the next run
TEMPLATE = "selections/notification.txt"


def send_due(*, stdout: TextIO) -> None:
    """Send each member the email that is due; what could not be sent stays due. Raises CommandError if none could.

    While the mail server does not answer, each attempt takes 20 seconds, for which the other jobs would wait.
    """
    sent = failed = unanswered = 0
    chosen = User.objects.filter(is_active=True).exclude(notifications=User.Notifications.OFF).exclude(email="")
    for user in chosen.order_by("pk"):
        try:
            if send_if_due(user, timezone.now()):
                sent, unanswered = sent + 1, 0
        except Exception as error:
            failed += 1
            is_answer = isinstance(error, (SMTPRecipientsRefused, SMTPResponseException))
            unanswered = unanswered + 1 if isinstance(error, OSError) and not is_answer else 0
            is_bug = not isinstance(error, OSError)  # SMTP's errors contain addresses, which are not logged
            logger.error("No notification for user %s: %s", user.pk, type(error).__name__, exc_info=is_bug)
            if unanswered == MAX_UNANSWERED:
                break
    outcome = f"Sent {counted(sent, 'email')}; {failed} could not be sent."
    if failed and not sent:
        raise CommandError(f"{outcome} Check EMAIL_URL; the log says more.")
    stdout.write(outcome)


def send_if_due(user: User, now: datetime) -> bool:
    """Send a member's email if it is due and there is something to say; returns whether it was sent.

    The claim is committed before the email is sent, so that no other runner sends it. If a runner is killed between the
    two, that email is lost, which is better than two of them. After a failure it is due again. If it was sent, and only
    the mail server's answer was lost, mailboxes can tell that the second email is the same: a week's always has the
    same Message-ID.
    """
    week = sunday_of(user, now)
    if user.notifications == User.Notifications.WEEKLY:
        is_due = week is not None and week_name(*week) != user.told_week
    else:
        # It is later than now if the clock was wrong.
        is_due, week = not now - PAUSE < user.told_until <= now, None
    before = {"told_until": user.told_until, "told_week": user.told_week}
    claim = {"told_until": now, "told_week": week_name(*week) if week else user.told_week}
    row = User.objects.filter(pk=user.pk, is_active=True, notifications=user.notifications)
    if not is_due or not row.filter(**before).update(**claim):
        return False
    try:
        message = write(user, week, now)
        if message:
            with mailers.default as server:
                server.send_messages([message])
    except Exception:
        row.filter(**claim).update(**before)
        raise
    return message is not None


def sunday_of(user: User, now: datetime) -> YearWeek | None:
    """The ISO week whose Sunday evening it is for the user, or was until LATEST; None at other times."""
    begun = now.astimezone(user.zone).replace(tzinfo=None) - SUNDAY_EVENING
    return week_of(begun) if begun.isoweekday() == MONDAY and begun.hour < LATEST else None


def write(user: User, week: YearWeek | None, now: datetime) -> Notification | None:
    """The email about a week or, if it is None, about what was revealed; None if there is nothing to say."""
    context: dict[str, Any] = {"revealed": revealed_since(user, user.told_until, now), "max_rating": MAX_RATING}
    if week is None:
        return Notification(user, "opinions were revealed", TEMPLATE, context) if context["revealed"] else None
    name = week_name(*week)
    context |= {"week": name, "missing": missing_from(user, week), "waiting": waiting_for(user, week)}
    message = Notification(user, f"your week {name}", TEMPLATE, context)
    message.extra_headers["Message-ID"] = f"<{uuid5(user.unsubscribe_key, name)}@{urlsplit(site_url()).hostname}>"
    return message


def missing_from(user: User, week: YearWeek) -> list[str]:
    """What the user's week lacks: of `a movie` and `an album`, in this order."""
    year, number = week
    own = Week.objects.filter(user=user, year=year, week_number=number)
    return [kind.a_name for kind in KINDS.values() if not own.filter(**{f"{kind.related_picks}__isnull": False})]


def waiting_for(user: User, week: YearWeek) -> list[AnyPick]:
    """The picks of this calendar week, of all whom the user may see, on which the user has no opinion."""
    found: list[AnyPick] = []
    for kind in KINDS.values():
        picks = kind.picks._default_manager.visible_to(user).filter(week__year=week[0], week__week_number=week[1])
        unrated = picks.with_opinions(user).filter(my_opinion__isnull=True)
        found += unrated.select_related("week__user").order_by("week__user__username", "position")
    return found


def revealed_since(user: User, then: datetime, now: datetime) -> list[Opinion]:
    """Others' opinions, on the user's picks and on those that they have rated, that they may read now and could not
    read then; the latest first.
    """
    running = Week.objects.since(*week_in(LAST_ZONE, then)).order_by().values("pk")
    # All others were revealed then. One list of ids, so that each index is used.
    given = Opinion.objects.filter(created_at__gt=then).order_by().values("pk")
    on_running = Opinion.objects.filter(week__in=running).order_by().values("pk")
    known = Q(created_at__lte=then) & revealed_to(user, at=then)
    readable = Opinion.objects.visible_to(user).filter(Q(week__user=user) | on_rated(user), created_at__lte=now)
    readable = readable.filter(~known, pk__in=given.union(on_running))
    return list(readable.exclude(user=user).with_picks())
