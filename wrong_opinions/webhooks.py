"""Telling webhooks what happened.

Nothing is lost: an event is written in the transaction of the change that it reports, and is marked as queued in the
transaction that adds its deliveries. A runner claims a delivery by an UPDATE that moves `due_at` ahead, so that no
other sends it. If it dies, the delivery is soon due again, with the same id, so that a receiver can tell that it
already has it.
"""

import base64
import hashlib
import hmac
import json
import logging
import re
from datetime import timedelta
from typing import TextIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from accounts.models import User
from catalog.progress import counted
from integrations.webhooks import post
from selections.api.events import EventSerializer
from selections.models import Challenge, Event, ShortlistItem, Week
from selections.recording import record_due

from .models import Delivery, Webhook

logger = logging.getLogger(__name__)

HOLD = timedelta(minutes=5)  # after which the delivery of a runner that died is due again; no request takes as long
MIN_DELAY, MAX_DELAY = timedelta(minutes=1), timedelta(hours=6)  # before the next attempt; each is twice the one before
MAX_AGE = timedelta(days=3)  # after which a delivery that fails is given up
KEPT = timedelta(days=30)  # for which deliveries that are sent or given up can be sent again
BATCH = 500  # events that are queued together, and deliveries to a webhook in a round


def run(*, stdout: TextIO) -> None:
    """Record the events that are due, and send everything that is new or due to all active webhooks."""
    now, waiting = timezone.now(), Delivery.objects.filter(due_at__isnull=False)
    waiting.filter(webhook__is_active=False, created_at__lt=now - MAX_AGE).update(due_at=None)
    waiting.filter(due_at__gt=now + MAX_DELAY + HOLD).update(due_at=now)  # from when the clock was wrong
    Delivery.objects.filter(due_at=None, created_at__lt=now - KEPT).delete()
    record_due()
    while queue_events():
        pass
    rounds = [send_due(webhook) for webhook in Webhook.objects.filter(is_active=True)]
    sent, failed = sum(count for count, _ in rounds), sum(bool(error) for _, error in rounds)
    stdout.write(f"Sent {counted(sent, 'message')}; {counted(failed, 'webhook')} failed.")


def queue_events() -> bool:
    """Queue the oldest new events for all active webhooks, and return whether there may be more.

    Events that not every member may know of at that time are never sent.
    """
    with transaction.atomic():
        webhooks = list(Webhook.objects.select_for_update(no_key=True).filter(is_active=True).order_by("pk"))
        new = Event.objects.filter(is_queued=False).order_by("pk").values_list("pk", flat=True)
        found = list(new[:BATCH])
        lock_subjects(found)
        ids = list(new.filter(pk__in=found).select_for_update(no_key=True))  # some may have been deleted
        events = Event.objects.visible_to(None).filter(pk__in=ids)
        known = [(webhook, event) for event in events for webhook in webhooks if event.at >= webhook.created_at]
        Delivery.objects.bulk_create(Delivery(webhook=webhook, event=event) for webhook, event in known)
        Event.objects.filter(pk__in=ids).update(is_queued=True)
    return len(found) == BATCH


def lock_subjects(ids: list[int]) -> None:
    """Lock the rows that the deletion of one of these events locks first, in the same order: a delivery that is added
    while its event is being deleted would make the deletion fail."""
    events = Event.objects.filter(pk__in=ids).order_by()
    for key, model in (("user", User), ("week", Week), ("vote__item", ShortlistItem), ("challenge", Challenge)):
        rows = model._default_manager.filter(pk__in=events.values(key))
        list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def send_due(webhook: Webhook) -> tuple[int, str]:
    """Send the due deliveries in the order of events until one fails; return how many were sent, and what went wrong.

    After a failure the others wait for the next round, so that a failing receiver gets only one request per round.
    """
    sent, error = 0, None
    due = webhook.deliveries.filter(due_at__lte=timezone.now()).order_by("event_id")
    for pk in due.values_list("pk", flat=True)[:BATCH]:
        error = send(webhook, pk)
        if error:
            logger.warning("Webhook %s %s", webhook, error)
            break
        sent += error is not None
    return sent, error or ""


def send(webhook: Webhook, pk: UUID) -> str | None:
    """Send a delivery once; return what went wrong, "" if it was accepted, or None if there was nothing to send."""
    now = timezone.now()
    if not Delivery.objects.filter(pk=pk, due_at__lte=now).update(due_at=now + HOLD, attempts=F("attempts") + 1):
        return None  # another runner is sending it
    mine = Delivery.objects.filter(pk=pk, due_at=now + HOLD)
    delivery, event = mine.first(), Event.objects.visible_to(None).filter(deliveries=pk).for_list().first()
    if delivery is None or event is None:
        mine.delete()  # no longer an event that every member may know of
        return None
    error = post(webhook.url, *message(webhook, delivery, event))
    now = timezone.now()
    if not error:
        mine.update(error="", due_at=None, delivered_at=now)
    elif now - delivery.created_at > MAX_AGE:
        mine.update(error=error, due_at=None)
    else:
        delay = MIN_DELAY * 2 ** min(delivery.attempts - 1, 20)
        mine.update(error=error, due_at=now + min(delay, MAX_DELAY))
    return error


def message(webhook: Webhook, delivery: Delivery, event: Event) -> tuple[bytes, dict[str, str]]:
    """The body and the headers in the form of a webhook."""
    text, headers = sentence(event), {"User-Agent": f"WrongOpinions/{settings.VERSION}"}
    if webhook.form == Webhook.Form.NTFY:
        return text.encode(), headers | {"Content-Type": "text/plain; charset=utf-8", "Title": "Wrong Opinions"}
    headers["Content-Type"] = "application/json"
    if webhook.form == Webhook.Form.DISCORD:
        plain = re.sub(r"([\\*_~`|<>\[\]])", r"\\\1", text)
        return json.dumps({"content": plain, "allowed_mentions": {"parse": []}}).encode(), headers
    data = {**EventSerializer(event).data, "text": text}
    body = JSONRenderer().render({"type": event.kind, "timestamp": event.at, "data": data})
    return body, headers | signed(webhook.secret, str(delivery.pk), body)


def signed(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of https://www.standardwebhooks.com: an id, the time, and the signature of these and the body."""
    sent_at = str(int(timezone.now().timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{sent_at}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": sent_at, "webhook-signature": signature}


def sentence(event: Event) -> str:
    """What happened, in a sentence."""
    name, whose = event.user.get_full_name(), event.member and event.member.get_full_name()
    week = event.week.name if event.week else ""
    sentences = {
        "joined": f"{name} joined.",
        "week_completed": f"{name} completed {week}.",
        "opinion_given": f"{name} gave an opinion on {event.work}, which {whose} picked for {week}.",
        "week_revealed": f"The opinions on {name}'s picks for {week} are revealed.",
        "voted": f"{name} voted for {event.work} on {whose}'s shortlist.",
    }
    return sentences[event.kind]
