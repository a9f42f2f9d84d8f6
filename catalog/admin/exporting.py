"""Lists of the admin as CSV files."""

from collections.abc import Iterable, Mapping, Sequence

from django.contrib import admin
from django.http import StreamingHttpResponse
from django.utils import timezone

from catalog.spreadsheets import write_csv

CHUNK = 500  # rows read at a time


class ExportAdmin(admin.ModelAdmin):
    """An action that exports the selected rows; select all rows to export the filtered list."""

    export_columns: Sequence[str]

    @admin.action(description="Export the selected %(verbose_name_plural)s as CSV", permissions=["view"])
    def export_csv(self, request, queryset):
        name = f"{self.opts.verbose_name_plural}-{timezone.localdate()}.csv"
        return StreamingHttpResponse(
            write_csv(self.export_columns, self.export_rows(queryset)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def export_rows(self, queryset) -> Iterable[Mapping[str, object]]:
        """The value of each column in a row of the file."""
        return queryset.values(*self.export_columns).iterator(chunk_size=CHUNK)
