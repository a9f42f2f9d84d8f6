"""When regular jobs ran, and what came of them."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

LATE = timedelta(hours=1)


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
