"""Lists that go out as files, and come back after a look at what that would do."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.signing import BadSignature
from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from import_export.admin import ImportExportMixin
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm
from import_export.results import RowResult

from catalog.exchange import (
    MAX_BYTES,
    MAX_ROWS,
    CSVFile,
    CSVOrJSONFile,
    FileFault,
    JSONFile,
    Refused,
    SignedFile,
)

from .fetched import BUSY

MAX_UNCHANGED = 100  # rows that a preview shows although nothing comes of them
TOO_BIG = f"The file is larger than {MAX_BYTES / 1e6:g} MB: split it into several."
TOO_LATE = "This preview is too old, or was not made here: choose the file again."
CHANGED = "Somebody else has just changed the same, so nothing was imported: choose the file again."


class UploadForm(ImportForm):
    import_file = forms.FileField(
        label="File",
        help_text=f"CSV or JSON in UTF-8, up to {MAX_ROWS:,} rows and {MAX_BYTES / 1e6:g} MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.json,text/csv,application/json"}),
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )

    def __init__(self, formats, resources, **options: Any) -> None:
        super().__init__(formats, resources, **options)
        for name in ("format", "resource"):  # there is one of each
            del self.fields[name]

    @property
    def media(self):
        return forms.Media()

    def clean_import_file(self):
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(TOO_BIG)
        return file

    def clean(self):
        return super().clean() | {"format": "0", "resource": "0"}


class ConfirmForm(ConfirmImportForm):
    """Carries the file along, see SignedFile."""

    original_file_name = format = resource = None  # there is one of each

    def clean_import_file_name(self):
        """As it is: it is no name of any file."""
        return self.cleaned_data["import_file_name"]


class DownloadForm(ExportForm):
    resource = export_items = None  # all that the list has

    def _init_resources(self, resources: object) -> None:
        """There is one."""

    def _init_formats(self, formats: Any) -> None:
        field = forms.ChoiceField(
            label="Format",
            choices=[("0", "CSV, for spreadsheets"), ("1", "JSON, for programs")],
            initial="0",
            widget=forms.RadioSelect,
        )
        self.fields["format"] = field


class ExchangeAdmin(ImportExportMixin):
    """Export of what a list shows, and import of such a file with a preview."""

    import_template_name = "admin/exchange/import.html"
    export_template_name = "admin/exchange/export.html"
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    export_form_class = DownloadForm
    import_formats = [CSVOrJSONFile]
    export_formats = [CSVFile, JSONFile]
    tmp_storage_class = SignedFile
    ie_base_change_list_template = None

    def init_change_list_template(self):
        """Our lists have the links themselves, see templates/admin/exchange/links.html."""

    def has_export_permission(self, request):
        return self.has_view_permission(request)

    def get_tmp_storage_class_kwargs(self):
        return {"purpose": self.opts.label_lower}

    def add_data_read_fail_error_to_form(self, form, e):
        if not isinstance(e, FileFault):
            raise e
        form.add_error("import_file", str(e))

    def import_action(self, request, **kwargs):
        response = super().import_action(request, **kwargs)
        context = response.context_data
        context |= {"title": f"Import {self.opts.verbose_name_plural}", "resource": self.resource_classes[0]}
        result = context.pop("result", None)
        if result is None:
            return response
        for fault in result.base_errors:
            context["form"].add_error("import_file", str(fault.error))
        if result.base_errors:
            context["confirm_form"] = None
            return response
        columns = result.diff_headers[1:]
        refused = [_line(columns, row.values, row.error.messages) for row in result.invalid_rows]
        unchanged: list[dict[str, Any]] = []
        changes: list[dict[str, Any]] = []
        for row in result.valid_rows():
            kept = unchanged if row.import_type == RowResult.IMPORT_TYPE_SKIP else changes
            kept.append(_line(columns, row.diff, [row.object_repr]))
        context["looked"] = {
            "columns": columns,
            "refused": refused,
            "changes": changes,
            "unchanged": unchanged[:MAX_UNCHANGED],
            "unchanged_count": len(unchanged),
        }
        return response

    @method_decorator(require_POST)
    def process_import(self, request, **kwargs):
        """Do what the preview said, or nothing."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._refuse(request, TOO_LATE)
        try:
            file = SignedFile(name=form.cleaned_data["import_file_name"], **self.get_tmp_storage_class_kwargs())
            dataset = CSVOrJSONFile().create_dataset(file.read())
            with transaction.atomic():
                resource = self.resource_classes[0]()
                result = resource.import_data(dataset, user=request.user)
                for flag, rows, message in resource.written:
                    LogEntry.objects.log_actions(request.user.pk, rows, flag, message)
        except BadSignature:
            return self._refuse(request, TOO_LATE)
        except Refused as refused:
            return self._refuse(
                request, f"{refused} Nothing was imported: choose the file again to see what it can do."
            )
        except (IntegrityError, ObjectDoesNotExist):
            return self._refuse(request, CHANGED)
        except OperationalError:
            return self._refuse(request, BUSY)
        self.message_user(request, _counted(result.totals), messages.SUCCESS)
        return HttpResponseRedirect(self._address("changelist"))

    def _refuse(self, request, sentence: str) -> HttpResponseRedirect:
        self.message_user(request, sentence, messages.ERROR)
        return HttpResponseRedirect(self._address("import"))

    def export_action(self, request):
        try:
            response = super().export_action(request)
        except IncorrectLookupParameters:
            self.message_user(request, "The list cannot be narrowed by that: choose a filter here.", messages.ERROR)
            return HttpResponseRedirect(self._address("changelist"))
        if isinstance(response, TemplateResponse):
            columns = self.resource_classes[0]().get_export_headers()
            title = f"Export {self.opts.verbose_name_plural}"
            response.context_data = (response.context_data or {}) | {"title": title, "columns": columns}
        return response

    def get_export_filename(self, request, queryset, file_format):
        name = self.opts.verbose_name_plural.replace(" ", "-")
        return f"{name}-{timezone.localdate():%Y-%m-%d}.{file_format.get_extension()}"

    def _address(self, page: str) -> str:
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}")


def _line(columns: list[str], cells: list[str], words: list[str]) -> dict[str, Any]:
    """A row as a preview shows it: its number comes first, then what is to be said of it."""
    return {"number": cells[0], "words": words, "cells": list(zip(columns, cells[1:], strict=True))}


def _counted(totals: dict[str, int]) -> str:
    names = {"new": "new", "update": "changed", "skip": "without changes"}
    counts = [f"{totals[state]:,} {name}" for state, name in names.items() if totals[state]]
    return f"Imported: {', '.join(counts)}."
