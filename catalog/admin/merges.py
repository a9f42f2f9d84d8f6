"""Merging movies or albums in the admin: choose, look at what would happen, do it, undo it."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from catalog import merging
from catalog.merging import CannotMerge
from catalog.models import Album, Merge, Movie

from .fetched import FetchedAdmin

MAX_MERGED = 10  # at a time: as many as one can compare
MAX_OFFERED = 12  # of a search for the other one
BUSY = "The database is busy; try again in a moment."


class MergingAdmin(admin.ModelAdmin):
    """Rows may be merged into each other."""

    def address(self, page: str, *arguments: object) -> str:
        raise NotImplementedError

    def pages(self, work: Any) -> list[tuple[str, str]]:
        raise NotImplementedError

    def get_urls(self):
        view = self.admin_site.admin_view(self.merge_view)
        return [path("merge/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_merge"), *super().get_urls()]

    @admin.action(permissions=["change"], description="Merge the selected %(verbose_name_plural)s…")
    def merge(self, request, queryset):
        ids = list(queryset.values_list("pk", flat=True)[: MAX_MERGED + 1])
        if len(ids) > MAX_MERGED:
            self.message_user(request, f"Select at most {MAX_MERGED}.", messages.WARNING)
            return None
        return HttpResponseRedirect(self.merge_address(ids))

    def merge_address(self, ids: Iterable[int], **query: object) -> str:
        return f"{self.address('merge')}?{urlencode([('id', pk) for pk in ids] + list(query.items()))}"

    def merge_view(self, request):
        """What merging would do, or, with one row only, a search for the other one; a POST does it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        ids = list(dict.fromkeys(int(text) for text in asked.getlist("id") if is_key(text)))[:MAX_MERGED]
        known = self.get_queryset(request).in_bulk(ids)
        works = [known[pk] for pk in ids if pk in known]
        if not works:
            self.message_user(request, "Choose what to merge; what you chose is not there any more.", messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        if len(works) < len(ids):
            self.message_user(request, "One of these has just been merged or deleted.", messages.WARNING)
        given = asked.get("keep", "")
        best = max(works, key=lambda work: (work.pick_count, -work.pk))
        kept = known.get(int(given), best) if is_key(given) else best
        others = [work for work in works if work != kept]
        if request.method == "POST":
            return self.do_merge(request, kept, others)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"Merge {self.opts.verbose_name_plural}",
            "kept": kept,
        }
        if others:
            context |= {"sides": self.sides(works, kept), "moving": merging.preview(kept, others)}
        else:
            words = request.GET.get("q", kept.title).strip()[:200]
            found, _ = self.get_search_results(request, self.get_queryset(request).exclude(pk=kept.pk), words)
            offers = found.distinct().order_by("title_key", "id")[:MAX_OFFERED] if words else []
            context |= {
                "words": words,
                "offers": [self.side(work) | {"address": self.merge_address([kept.pk, work.pk])} for work in offers],
            }
        return TemplateResponse(request, "admin/catalog/merge.html", context)

    def sides(self, works: list[Any], kept: Any) -> list[dict[str, Any]]:
        """The rows beside each other, each with the address that keeps it instead."""
        ids = [work.pk for work in works]
        opinions = merging.count_opinions(self.model, ids)
        return [
            self.side(work)
            | {
                "opinions": opinions.get(work.pk, 0),
                "is_kept": work == kept,
                "address": self.merge_address(ids, keep=work.pk),
            }
            for work in works
        ]

    def side(self, work: Any) -> dict[str, Any]:
        picture = getattr(self, "large_poster" if isinstance(work, Movie) else "large_cover")(work)
        return {"work": work, "picture": picture, "pages": self.pages(work), "form": self.address("change", work.pk)}

    def do_merge(self, request, kept: Any, others: list[Any]):
        try:
            records = merging.merge(kept, others, by=request.user)
        except CannotMerge as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.merge_address([kept.pk, *(other.pk for other in others)], keep=kept.pk))
        except OperationalError:
            self.message_user(request, BUSY, messages.ERROR)
            return HttpResponseRedirect(self.merge_address([kept.pk, *(other.pk for other in others)], keep=kept.pk))
        for record, other in zip(records, others, strict=True):
            self.log_change(request, kept, f"Merged {record.name} ({record.external_id}) into it: {moved(record)}.")
            self.log_change(request, other, f"Merged into {kept} ({kept.external_id}): {moved(record)}.")
            undo = reverse(f"{self.admin_site.name}:catalog_merge_change", args=[record.pk])
            words = format_html(
                '{} is merged into <a href="{}">{}</a>: {}. <a href="{}">Look at it or undo it</a>',
                record.name,
                self.address("change", kept.pk),
                kept,
                moved(record),
                undo,
            )
            self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(self.address("change", kept.pk))


def moved(record: Merge) -> str:
    """What moved along, such as `2 album picks and 1 earlier id moved`."""
    counts = []
    for label, ids in record.moved.items():
        options = apps.get_model(label)._meta
        counts.append(f"{len(ids)} {options.verbose_name if len(ids) == 1 else options.verbose_name_plural}")
    return f"{' and '.join(counts)} moved" if counts else "nothing had to move"


def is_key(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 19


@admin.register(Merge)
class MergeAdmin(FetchedAdmin):
    """What was merged, to look at and to undo."""

    list_display = ["name", "into", "external_id", "what_moved", "doer", "created_at", "undone_at"]
    list_display_links = ["name"]
    list_filter = [("undone_at", admin.EmptyFieldListFilter), ("movie", admin.EmptyFieldListFilter)]
    list_select_related = ["movie", "album", "by"]
    search_fields = ["name", "external_id", "movie__search_text", "album__search_text"]
    fields = ["name", "external_id", "into", "what_moved", "words", "doer", "created_at", "undone_at"]
    readonly_fields = ["name", "external_id", "into", "what_moved", "words", "doer", "created_at", "undone_at"]
    change_form_template = "admin/catalog/merge_form.html"

    class Media:
        css = {"all": ["catalog/works.css"]}

    def has_delete_permission(self, request, obj=None):
        return False

    def may_undo(self, request, record: Merge) -> bool:
        """Who may change such works."""
        options = record.kept._meta
        return request.user.has_perm(f"{options.app_label}.{get_permission_codename('change', options)}")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("movie", "album", "by")

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.undo_view))
        return [path("<int:pk>/undo/", view, name="catalog_merge_undo"), *super().get_urls()]

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        may_undo = obj is not None and obj.undone_at is None and self.may_undo(request, obj)
        return super().render_change_form(request, context | {"may_undo": may_undo}, add, change, form_url, obj)

    def undo_view(self, request, pk):
        record = self.get_object(request, str(pk))
        if not self.has_view_permission(request, record) or (record and not self.may_undo(request, record)):
            raise PermissionDenied
        if record is None:
            self.message_user(request, "This merge is not known any more.", messages.ERROR)
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:catalog_merge_changelist"))
        back = reverse(f"{self.admin_site.name}:catalog_merge_change", args=[pk])
        try:
            undone = merging.undo(record)
        except CannotMerge as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(back)
        except OperationalError:
            self.message_user(request, BUSY, messages.ERROR)
            return HttpResponseRedirect(back)
        for row, words in (
            (record, "Undone."),
            (undone.work, f"Its merge into {record.kept} was undone."),
            (record.kept, f"The merge of {undone.work} into it was undone."),
        ):
            self.log_change(request, row, words)
        link = format_html('<a href="{}">{}</a> is there again.', self.work_address(undone.work), undone.work)
        self.message_user(request, link, messages.SUCCESS)
        for words in undone.left:
            self.message_user(request, words, messages.WARNING)
        return HttpResponseRedirect(back)

    def work_address(self, work: Movie | Album) -> str:
        return reverse(f"{self.admin_site.name}:catalog_{work._meta.model_name}_change", args=[work.pk])

    @admin.display(description="into")
    def into(self, record):
        return format_html('<a href="{}">{}</a>', self.work_address(record.kept), record.kept)

    @admin.display(description="what moved")
    def what_moved(self, record):
        return moved(record)

    @admin.display(description="words that it gave")
    def words(self, record):
        return ", ".join(f"{name.replace('_', ' ')}: {words}" for name, words in record.gave.items()) or "–"

    @admin.display(description="by", ordering="by")
    def doer(self, record):
        return record.by or "a command"
