"""What rows of an upstream have in common."""

from django.contrib import admin
from django.db.models import FETCH_PEERS


class FetchedAdmin(admin.ModelAdmin):
    """Rows that come from an upstream: looked at and searched here, neither added nor typed over."""

    def get_fields(self, request, obj=None):
        """What it is before when we asked."""
        return sorted(super().get_fields(request, obj), key=lambda name: name in {"fetched_at", "vanished_at"})

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class CreditInline(admin.TabularInline):
    """Credits, to look at: below the work, or below the person or artist."""

    extra = 0
    can_delete = False
    related: str  # what each row names first, loaded along

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(self.related).fetch_mode(FETCH_PEERS)
