"""Years that members share as a picture, for anyone who has the address."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone


class SharedYearQuerySet(models.QuerySet):
    def allowed(self) -> "SharedYearQuerySet":
        """Those that may be shown: alone, or with a partner who shares the same year with the user, too, while neither
        of them is private.
        """
        in_return = SharedYear.objects.filter(user=OuterRef("partner"), partner=OuterRef("user"), year=OuterRef("year"))
        seen = Q(user__visibility="members", partner__visibility="members", partner__is_active=True)
        return self.filter(Q(partner=None) | (seen & Q(Exists(in_return))), user__is_active=True)


class SharedYear(models.Model):
    """A member's consent to show the picture of their year, alone or together with a partner, who has to agree."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shared_years")
    partner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    year = models.PositiveSmallIntegerField(help_text="ISO year.")
    key_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 hash of the secret in its address.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SharedYearQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # the admin has no list of them
        constraints = [
            models.UniqueConstraint(fields=["user", "year"], condition=Q(partner=None), name="sharedyear_alone_unique"),
            models.UniqueConstraint(fields=["user", "year", "partner"], name="sharedyear_together_unique"),
            models.CheckConstraint(condition=~Q(partner=F("user")), name="sharedyear_another_partner"),
        ]

    def __str__(self) -> str:
        return f"{self.year} of {self.user}"
