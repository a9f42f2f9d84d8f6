"""Base classes for fetched rows in the admin."""

from django.contrib import admin
from django.db.models import FETCH_PEERS

BUSY = "The database is busy. Try again in a moment."


class FetchedAdmin(admin.ModelAdmin):
    """Rows that are fetched or recorded: they can be viewed and searched, but not added or edited."""

    def get_fields(self, request, obj=None):
        """The fields, with the fetch dates last."""
        return sorted(super().get_fields(request, obj), key=lambda name: name in {"fetched_at", "vanished_at"})

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class ReadOnlyInline(admin.TabularInline):
    """Rows that staff only look at, below the row that they belong to; one that has gone since does not matter."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).fetch_mode(FETCH_PEERS)
