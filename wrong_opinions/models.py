"""When regular jobs ran, and with what result; and webhooks with their deliveries."""

import base64
import re
import secrets
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.utils import timezone

from selections.models import Event

LATE = timedelta(hours=1)


def new_secret() -> str:
    """A key for signatures, written as https://www.standardwebhooks.com says."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Job(models.Model):
    """A regular job of jobs.tasks(), and its last run."""

    name = models.CharField(max_length=50, primary_key=True)
    due_at = models.DateTimeField(
        default=timezone.now,
        help_text="When a runner may start it. While it runs, this stays a few minutes ahead.",
    )
    started_at = models.DateTimeField(null=True, help_text="When it was last started; empty if never.")
    ended_at = models.DateTimeField(null=True, help_text="When it last ended; empty if never.")
    has_failed = models.BooleanField(default=False, help_text="Whether it failed when it last ended.")
    outcome = models.TextField(blank=True, help_text="What it said when it last ended.")

    class Meta:
        default_permissions = ()  # the admin has no list of them

    def __str__(self) -> str:
        return self.name

    @property
    def is_late(self) -> bool:
        """Whether no runner has started it for LATE after it was due."""
        return self.due_at < timezone.now() - LATE

    @property
    def is_well(self) -> bool:
        return not (self.has_failed or self.is_late)

    @property
    def state(self) -> str:
        """In a word or two, for people."""
        if self.is_late:
            return "late"
        if self.started_at is None:
            return "not run yet"
        if self.ended_at is None or self.ended_at < self.started_at:
            return "running"
        return "failed" if self.has_failed else "done"


def validate_address(url: str) -> None:
    """Refuse what is neither https nor, with DEBUG, http on this host."""
    is_local = settings.DEBUG and re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])[:/]", url)
    URLValidator(["http" if is_local else "https"], message="Enter an address that begins with https://.")(url)


class Webhook(models.Model):
    """An address that is sent the events that every member may know of."""

    class Form(models.TextChoices):
        JSON = "json", "JSON, signed"
        DISCORD = "discord", "Discord"
        NTFY = "ntfy", "ntfy"

    name = models.CharField(max_length=100, unique=True)
    form = models.CharField(max_length=10, choices=Form, default=Form.JSON)
    url = models.CharField(
        "address",
        max_length=500,
        validators=[validate_address],
        help_text="It begins with https://. It is not shown again, as it may be a secret.",
    )
    secret = models.CharField(max_length=100, editable=False, default=new_secret, help_text="It signs what is sent.")
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(form__in=["json", "discord", "ntfy"]), name="webhook_form")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """What may be shown of the address."""
        return urlsplit(self.url).hostname or ""


class Delivery(models.Model):
    """An event for a webhook: waiting to be sent, sent, or given up."""

    id = models.UUIDField(primary_key=True, default=uuid4, help_text="Receivers know by it what comes twice.")
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(
        null=True, default=timezone.now, help_text="When a runner may send it, again if it dies. Empty: not again."
    )
    delivered_at = models.DateTimeField(null=True, help_text="When it was last accepted.")
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True, help_text="What went wrong last.")

    class Meta:
        default_permissions = ()  # they are part of their webhook
        ordering = ["-event_id"]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="delivery_due")]
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="delivery_unique")]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}"

    @property
    def state(self) -> str:
        if self.due_at:
            return "waiting"
        return "sent" if self.delivered_at else "given up"
