from django.db import models


class UpstreamState(models.Model):
    """When an upstream may next be asked, where several hosts share a PostgreSQL database: see database_state.py."""

    service = models.CharField(max_length=50, unique=True)
    free_at = models.DateTimeField(help_text="When the next slot is free, on the database's clock.")
    booked_at = models.DateTimeField(help_text="When a slot was last booked: tells a clock that was set back.")
    promised_at = models.DateTimeField(
        null=True, help_text="The slot that was last promised to a caller who was turned away."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(service=""), name="upstreamstate_service_present")]

    def __str__(self) -> str:
        return self.service
