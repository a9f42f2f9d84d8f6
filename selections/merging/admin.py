"""Movies and albums in the admin with their picks; merging them, with a preview, and undoing a merge."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from catalog import merging
from catalog.admin.actions import FormActionsAdmin
from catalog.admin.fetched import BUSY, FetchedAdmin
from catalog.admin.filters import ConditionFilter
from catalog.admin.works import AlbumAdmin, MovieAdmin, WorkAdmin
from catalog.merging import CannotMerge
from catalog.models import Album, Merge, Movie
from selections.admin.careful import number
from selections.admin.searching import NameSearchAdmin
from selections.kinds import KINDS

from .picks import count_opinions, preview, with_pick_count

MAX_MERGED = 10  # at a time, as many as a user can compare
MAX_OFFERED = 12  # results of a search for the other entry
MAX_PICKS = 50  # on a form


class PickedFilter(ConditionFilter):
    title = "picks"
    parameter_name = "picked"

    def conditions(self):
        return {
            "never": ("Never picked", Q(pick_count=0)),
            "once": ("Picked once", Q(pick_count=1)),
            "often": ("Picked more often", Q(pick_count__gte=2)),
        }


class PickedWorkAdmin(WorkAdmin):
    """Works with the weeks that pick them, which can be merged."""

    change_list_template = "admin/selections/work_list.html"
    change_form_template = "admin/selections/work_form.html"
    shown_first = (*WorkAdmin.shown_first, "picked_in")

    def get_queryset(self, request):
        return with_pick_count(super().get_queryset(request))

    def get_fieldsets(self, request, obj=None):
        """Weeks are listed for those who may view them."""
        (_, first), *others = fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("selections.view_week"):
            return fieldsets
        return [(None, {"fields": [name for name in first["fields"] if name != "picked_in"]}), *others]

    def get_list_display(self, request):
        *columns, checked, links = super().get_list_display(request)
        return [*columns, "picked", checked, links]

    def get_list_filter(self, request):
        return [*super().get_list_filter(request), PickedFilter]

    @admin.display(description="picks", ordering="pick_count")
    def picked(self, work):
        return work.pick_count

    @admin.display(description="picked in")
    def picked_in(self, work):
        picks = work.picks.select_related("week__user").order_by("-week__year", "-week__week_number", "pk")
        shown = list(picks[:MAX_PICKS])
        if not shown:
            return "No week yet."
        rows = ((reverse("admin:selections_week_change", args=[pick.week_id]), pick.week) for pick in shown)
        links = format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>', rows)
        more = work.pick_count - len(shown)
        return format_html("{}<br>and {} more", links, more) if more > 0 else links

    def get_urls(self):
        view = self.admin_site.admin_view(self.merge_view)
        return [path("merge/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_merge"), *super().get_urls()]

    @admin.action(permissions=["change"], description="Merge the selected %(verbose_name_plural)s…")
    def merge(self, request, queryset):
        works = self.chosen(request, queryset, MAX_MERGED)
        return HttpResponseRedirect(self.merge_address(work.pk for work in works)) if works else None

    def merge_address(self, ids: Iterable[int], **query: object) -> str:
        return f"{self.address('merge')}?{urlencode([('id', pk) for pk in ids] + list(query.items()))}"

    def merge_view(self, request):
        """A preview of merging, or a search for the other entry if only one is given; a POST merges them."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        ids = list(dict.fromkeys(filter(None, map(number, asked.getlist("id")))))[:MAX_MERGED]
        known = self.get_queryset(request).in_bulk(ids)
        works = [known[pk] for pk in ids if pk in known]
        if not works:
            self.message_user(request, "Choose entries to merge. Those you chose no longer exist.", messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        if len(works) < len(ids):
            self.message_user(request, "One of these has just been merged or deleted.", messages.WARNING)
        kept = known.get(number(asked.get("keep")))
        if request.method == "POST" and kept is None:  # the user did not choose to keep another one
            return HttpResponseRedirect(self.merge_address(known))
        kept = kept or max(works, key=lambda work: (work.pick_count, -work.pk))
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
            context |= {"sides": self.sides(works, kept), "moving": preview(kept, others)}
        else:
            words = request.GET.get("q", kept.title).strip()[:200]
            found, _ = self.get_search_results(request, self.get_queryset(request).exclude(pk=kept.pk), words)
            offers = found.distinct().order_by("title_key", "id")[:MAX_OFFERED] if words else []
            context |= {
                "words": words,
                "offers": [self.side(work) | {"address": self.merge_address([kept.pk, work.pk])} for work in offers],
            }
        return TemplateResponse(request, "admin/selections/merge.html", context)

    def sides(self, works: list[Any], kept: Any) -> list[dict[str, Any]]:
        """The works to compare, each with the address of the preview that keeps it instead."""
        ids = [work.pk for work in works]
        opinions = count_opinions(works)
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
        form = self.address("change", work.pk)
        return {"work": work, "picture": self.large_picture(work), "pages": self.pages(work), "form": form}

    def do_merge(self, request, kept: Any, others: list[Any]):
        try:
            records = merging.merge(kept, others, by=request.user)
        except (CannotMerge, OperationalError) as error:
            self.message_user(request, sentence_of(error), messages.ERROR)
            return HttpResponseRedirect(self.merge_address([kept.pk, *(other.pk for other in others)], keep=kept.pk))
        for record, other in zip(records, others, strict=True):
            self.log_change(request, kept, f"Merged {record.name} ({record.external_id}) into it: {moved(record)}.")
            self.log_change(request, other, f"Merged into {kept} ({kept.external_id}): {moved(record)}.")
            message = format_html(
                'Merged {} into <a href="{}">{}</a>: {}. <a href="{}">View or undo</a>',
                quoted(other),
                self.address("change", kept.pk),
                quoted(kept),
                moved(record),
                reverse("admin:catalog_merge_change", args=[record.pk]),
            )
            self.message_user(request, message, messages.SUCCESS)
        return HttpResponseRedirect(self.address("change", kept.pk))


def quoted(work: Movie | Album) -> str:
    """The title with details that distinguish it from others of that title, such as `“X” (2016, GB)`."""
    facts = ", ".join(filter(None, [str(work.release_date or ""), getattr(work, "country", "")]))
    return f"“{work.shown_title}” ({facts})" if facts else f"“{work.shown_title}”"


def sentence_of(error: CannotMerge | OperationalError) -> str:
    return str(error) if isinstance(error, CannotMerge) else BUSY


def moved(record: Merge) -> str:
    """A description of the moved rows, such as `2 album picks and 1 earlier id moved`."""
    counts = []
    for label, ids in record.moved.items():
        options = apps.get_model(label)._meta
        counts.append(f"{len(ids)} {options.verbose_name if len(ids) == 1 else options.verbose_name_plural}")
    return f"{' and '.join(counts)} moved" if counts else "nothing had to move"


admin.site.unregister([Movie, Album])


@admin.register(Movie)
class PickedMovieAdmin(PickedWorkAdmin, MovieAdmin):
    actions = [*MovieAdmin.actions, "merge"]


@admin.register(Album)
class PickedAlbumAdmin(PickedWorkAdmin, AlbumAdmin):
    actions = [*AlbumAdmin.actions, "merge"]


@admin.register(Merge)
class MergeAdmin(NameSearchAdmin, FormActionsAdmin, FetchedAdmin):
    """Records of merges, which can be viewed and undone."""

    list_display = ["name", "into", "external_id", "what_moved", "doer", "created_at", "undone_at"]
    list_display_links = ["name"]
    list_filter = [("undone_at", admin.EmptyFieldListFilter), ("movie", admin.EmptyFieldListFilter)]
    list_select_related = ["movie", "album", "by"]
    search_fields = ["name", "external_id", "movie", "album"]
    fields = ("name", "external_id", "into", "what_moved", "edits", "doer", "created_at", "undone_at")
    readonly_fields = fields
    actions = ["undo"]

    class Media:
        css = {"all": ["catalog/works.css"]}

    def has_delete_permission(self, request, obj=None):
        return False

    def may_undo(self, request, record: Merge) -> bool:
        """Allowed for users who may change such works."""
        return request.user.has_perm(f"catalog.change_{record.kept.kind}")

    def has_undo_permission(self, request):
        return any(request.user.has_perm(f"catalog.change_{kind}") for kind in KINDS)

    def get_form_actions(self, request, obj):
        return [] if obj.undone_at or not self.may_undo(request, obj) else ["undo"]

    @admin.action(permissions=["undo"], description="Undo this merge", description_plural="Undo the selected merges")
    def undo(self, request, queryset):
        records = list(queryset.order_by("-pk"))  # later merges first, as these may have moved earlier ones along
        if not all(self.may_undo(request, record) for record in records):
            raise PermissionDenied
        for record in records:
            self.undo_one(request, record)
        return self.back_to_form(request)

    def undo_one(self, request, record: Merge) -> None:
        try:
            undone = merging.undo(record)
        except (CannotMerge, OperationalError) as error:
            self.message_user(request, sentence_of(error), messages.ERROR)
            return
        self.log_change(request, record, "Undone.")
        self.log_change(request, undone.work, f"Its merge into {record.kept} was undone.")
        self.log_change(request, record.kept, f"The merge of {undone.work} into it was undone.")
        link = format_html('Restored <a href="{}">{}</a>.', self.work_address(undone.work), undone.work)
        self.message_user(request, link, messages.SUCCESS)
        for sentence in undone.left:
            self.message_user(request, sentence, messages.WARNING)

    def work_address(self, work: Movie | Album) -> str:
        return reverse(f"admin:catalog_{work.kind}_change", args=[work.pk])

    @admin.display(description="into")
    def into(self, record):
        return format_html('<a href="{}">{}</a>', self.work_address(record.kept), record.kept)

    @admin.display(description="what moved")
    def what_moved(self, record):
        return moved(record)

    @admin.display(description="edits copied")
    def edits(self, record):
        return ", ".join(f"{name.replace('_', ' ')}: {text}" for name, text in record.gave.items()) or "–"

    @admin.display(description="by", ordering="by")
    def doer(self, record):
        return record.by or "a command"
