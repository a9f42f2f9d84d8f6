"""Adding movies and albums by searching TMDB or MusicBrainz: a page with a card and a button for each hit."""

from collections.abc import Callable
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

from catalog.models import Album, Movie
from integrations.errors import IntegrationError

from .cards import Card

LAST_PAGE = 500
# Parameters from a form that opened this page in a popup and waits for the choice.
POPUP: tuple[str, ...] = (IS_POPUP_VAR, TO_FIELD_VAR, SOURCE_MODEL_VAR)


@dataclass(frozen=True)
class Found:
    """The result of a search: the `hits` of one page, of `total` hits on `pages` pages, from `source`."""

    source: str = ""
    total: int = 0
    pages: int = 0
    hits: list[Card] = field(default_factory=list)
    is_new: bool = False  # whether looking up a pasted address has added it to the catalog


class SearchAdmin(admin.ModelAdmin):
    """Rows are added by searching for them at their source."""

    example: str  # an address to paste
    read_id: Callable[[str], Any]  # the external id in the value of a card's button; None if it is not one
    # The row with an external id, and whether it was in the catalog; otherwise it is fetched. Raises IntegrationError.
    get_work: Callable[[Any], tuple[Movie | Album, bool]]

    def find(self, words: str, page: int) -> Found:
        """Raises IntegrationError."""
        raise NotImplementedError

    def address(self, page: str, *arguments: object) -> str:
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}", args=arguments)

    def get_urls(self):
        search = self.admin_site.admin_view(self.search_view)
        return [
            path("search/", search, name=f"{self.opts.app_label}_{self.opts.model_name}_search"),
            *super().get_urls(),
        ]

    def add_view(self, request, form_url="", extra_context=None):
        """Redirect to the search, which is how rows are added."""
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
            self.tell_added(request, work, was_known=False)  # it was fetched by looking it up, as in the API
        popup = {name: request.GET[name] for name in POPUP if name in request.GET}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Search {self.model.source}",
            "source": self.model.source,
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
        """The address to search for if the words could be an id; otherwise empty."""
        return ""

    def add(self, request):
        """Fetch and store the chosen work; simultaneous requests for the same one store one row."""
        self.refuse_foreign_popup(request)
        back = f"{self.address('search')}?{request.GET.urlencode()}"
        external_id = self.read_id(request.POST.get("id", ""))
        if external_id is None:
            sentence = f"This is not an id of {self.model.source}. Search for a title and choose a card."
            self.message_user(request, sentence, messages.ERROR)
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

    def refuse_foreign_popup(self, request) -> None:
        """Raise SuspiciousOperation, which is a 400, if the popup was not opened by a form of the admin."""
        to_field, source = request.POST.get(TO_FIELD_VAR), request.POST.get(SOURCE_MODEL_VAR)
        if to_field and not self.to_field_allowed(request, to_field):
            raise SuspiciousOperation
        if source and source not in {model._meta.label_lower for model in self.admin_site._registry}:
            raise SuspiciousOperation

    def tell_added(self, request, work: Movie | Album, *, was_known: bool) -> None:
        words = "is already in the catalog." if was_known else "is now in the catalog."
        level = messages.INFO if was_known else messages.SUCCESS
        link = format_html('<a href="{}">{}</a> {}', self.address("change", work.pk), work, words)
        self.message_user(request, link, level)
