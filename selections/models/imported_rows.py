"""Rows of imported files."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ImportedRow(models.Model):
    """A row of an imported file, which is done, left out, or still to be decided.

    It is kept so that importing the same file again asks no upstream and changes nothing.
    """

    class State(models.TextChoices):
        DONE = "done", "done"
        REVIEW = "review", "to be decided"
        SKIPPED = "skipped", "skipped"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="imported_rows")
    fingerprint = models.CharField(max_length=32, help_text="Digest of what the row says was picked, and when.")
    kind = models.CharField(max_length=5, choices=[("movie", "movie"), ("album", "album")])
    said = models.JSONField(default=dict, help_text="The row as it was read.", encoder=DjangoJSONEncoder)
    state = models.CharField(max_length=10, choices=State)
    reason = models.TextField(blank=True, help_text="Why it needs a decision.")
    candidates = models.JSONField(default=list, blank=True, help_text="What upstream offers, the best first.")
    chosen = models.CharField(
        max_length=36, blank=True, help_text="TMDB id or MusicBrainz release id, once it is clear what is meant."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "fingerprint"],
                name="importedrow_unique",
                violation_error_message="This row has been imported already.",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "review", "skipped"]),
                name="importedrow_state",
                violation_error_message="A row is done, to be decided, or left out.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["movie", "album"]),
                name="importedrow_kind",
                violation_error_message="A row is about a movie or an album.",
            ),
            models.CheckConstraint(
                condition=~Q(state="review") | ~Q(reason=""),
                name="importedrow_reason",
                violation_error_message="Say what there is to decide.",
            ),
        ]

    def __str__(self) -> str:
        what = " by ".join(str(self.said[name]) for name in ("title", "artist") if self.said.get(name))
        return what or f"{self.kind} {self.chosen}"
