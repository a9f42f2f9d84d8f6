"""Adding movies and albums by searching upstream: a page with what is found as cards, and one button each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR, SOURCE_MODEL_VAR, TO_FIELD_VAR
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import Album, Movie
from integrations.errors import IntegrationError

LAST_PAGE = 500
POPUP: tuple[str, ...] = (
    IS_POPUP_VAR,
    TO_FIELD_VAR,
    SOURCE_MODEL_VAR,
)  # by which a form that opened this page is told what was chosen


@dataclass(frozen=True)
class Hit:
    """A card: a movie or release that upstream knows, and the row of the catalog, where there is one."""

    id: str
    picture: SafeString
    title: str
    by: str
    facts: list[str]
    url: str
    known: Movie | Album | None
    editions: Sequence["Hit"] = ()


@dataclass(frozen=True)
class Found:
    """What a search found: `hits` of one page, `total` on `pages`, from `source`."""

    source: str = ""
    total: int = 0
    pages: int = 0
    hits: list[Hit] = field(default_factory=list)
    is_new: bool = False  # whether an address was pasted of what the catalog did not have


class SearchAdmin(admin.ModelAdmin):
    """Rows are added by searching upstream for them."""

    upstream: str
    example: str  # of what may be pasted

    def find(self, words: str, page: int) -> Found:
        """Raises IntegrationError."""
        raise NotImplementedError

    def read_id(self, text: str) -> Any:
        """Upstream's id that a card's button has; None of anything else."""
        raise NotImplementedError

    def get_work(self, external_id: Any) -> tuple[Movie | Album, bool]:
        """The row, and whether it was known; fetched if not. Raises IntegrationError."""
        raise NotImplementedError

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def address(self, page: str, *arguments: object) -> str:
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}", args=arguments)

    def get_urls(self):
        search = self.admin_site.admin_view(self.search_view)
        return [
            path("search/", search, name=f"{self.opts.app_label}_{self.opts.model_name}_search"),
            *super().get_urls(),
        ]

    def add_view(self, request, form_url="", extra_context=None):
        """Adding is searching."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        query = {name: request.GET[name] for name in POPUP if name in request.GET}
        return HttpResponseRedirect(f"{self.address('search')}{'?' if query else ''}{urlencode(query)}")

    def search_view(self, request):
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self.add(request)
        words = request.GET.get("q", "").replace("\0", "").strip()[:200]
        given = request.GET.get("page", "")
        page = int(given) if given.isdecimal() and given.isascii() and len(given) < 5 else 1
        page = min(max(page, 1), LAST_PAGE)
        found = None
        if words:
            try:
                found = self.find(words, page)
            except IntegrationError as error:
                self.message_user(request, str(error), messages.ERROR)
        if found and found.is_new and found.hits and (work := found.hits[0].known):
            self.tell_added(request, work, was_known=False)  # fetched by looking, as the API does: nobody has added it
        popup = {name: request.GET[name] for name in POPUP if name in request.GET}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Search {self.upstream}",
            "upstream": self.upstream,
            "example": self.example,
            "words": words,
            "as_id": self.as_id(words),
            "page": page,
            "found": found,
            "is_popup": IS_POPUP_VAR in popup,
            "popup": popup,
            "query": urlencode({"q": words} | popup),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/catalog/search.html", context)

    def as_id(self, words: str) -> str:
        """What to search for instead where the words may be meant as an id; empty where that is clear anyway."""
        return ""

    def add(self, request):
        """Fetch and store what somebody has chosen; simultaneous ones store one row."""
        self.refuse_odd_popup(request)
        back = f"{self.address('search')}?{request.GET.urlencode()}"
        external_id = self.read_id(request.POST.get("id", ""))
        if external_id is None:
            self.message_user(
                request, f"That is no id of {self.upstream}'s: search, and choose a card.", messages.ERROR
            )
            return HttpResponseRedirect(back)
        try:
            work, was_known = self.get_work(external_id)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(back)
        if not was_known:
            self.log_addition(request, work, [{"added": {}}])
        if IS_POPUP_VAR in request.POST:
            return self.response_add(request, work)
        self.tell_added(request, work, was_known=was_known)
        return HttpResponseRedirect(back)

    def refuse_odd_popup(self, request) -> None:
        """Raise SuspiciousOperation, a 400, where the window that is to get the choice is none of the admin's."""
        to_field, source = request.POST.get(TO_FIELD_VAR), request.POST.get(SOURCE_MODEL_VAR)
        if to_field and not self.to_field_allowed(request, to_field):
            raise SuspiciousOperation
        if source and source not in {model._meta.label_lower for model in self.admin_site._registry}:
            raise SuspiciousOperation

    def tell_added(self, request, work: Movie | Album, *, was_known: bool) -> None:
        words = "is in the catalog already." if was_known else "is in the catalog now."
        level = messages.INFO if was_known else messages.SUCCESS
        link = format_html('<a href="{}">{}</a> {}', self.address("change", work.pk), work, words)
        self.message_user(request, link, level)
