"""Searches in the lists of what belongs to works and people: by their names, as people type them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.text import smart_split

from catalog.search_index import Ids, UnionAll

MAX_WORDS = 10


class NameSearchAdmin(admin.ModelAdmin):
    """Each of `search_fields` leads to a work or a person, whose names are searched, or is a text."""

    def get_search_results(self, request, queryset, search_term):
        """The rows with each word, or each text in quotation marks, in one of the fields."""
        for word in list(smart_split(search_term))[:MAX_WORDS]:
            found = [self.rows_with(word.strip("\"'"), field) for field in self.get_search_fields(request)]
            # One list of ids, so that each index is used: an OR reads all rows.
            queryset = queryset.filter(pk__in=UnionAll(*(Ids(rows) for rows in found if rows is not None)))
        return queryset, False

    def rows_with(self, text: str, field: str) -> QuerySet | None:
        """The keys of the rows with this text in a field; None if nothing there can match, such as "?" in a name."""
        rows = self.model._default_manager.order_by().values("pk")
        related: Any = get_fields_from_path(self.model, field)[-1].related_model
        if related is None:
            return rows.filter(**{f"{field}__icontains": text})
        names = related._default_manager
        named = names.named_like(text) if related is get_user_model() else names.matching(text)
        return None if named.query.is_empty() else rows.filter(**{f"{field}__in": named.values("pk")})
