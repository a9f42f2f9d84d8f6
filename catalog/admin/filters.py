"""Filters of the lists of movies and albums."""

import json
from collections import Counter
from functools import reduce
from operator import or_

from django.contrib import admin
from django.db.models import Count, Max, Min, Q, TextField
from django.db.models.functions import Cast

from catalog import services
from catalog.models import Movie

MAX_GENRES = 200  # the most frequent ones; MusicBrainz has two thousand


class PresenceFilter(admin.EmptyFieldListFilter):
    """Whether a field is empty, in words for curators."""

    words: tuple[str, str, str]  # for the field, where it is empty, where it is not

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.title = self.words[0]

    def choices(self, changelist):
        _, empty, filled = self.words
        for choice in super().choices(changelist):  # perhaps with counts
            yield choice | {"display": choice["display"].replace("Not empty", filled).replace("Empty", empty)}


class PictureFilter(PresenceFilter):
    """Whether there is a picture, fetched or a curator's."""

    words = ("picture", "Missing", "Present")

    def get_lookup_condition(self):
        return super().get_lookup_condition() & Q(own_cover="")


class ReleaseGroupFilter(PresenceFilter):
    words = ("release group", "Unknown", "Known")


class FetchedFilter(PresenceFilter):
    words = ("details", "Never fetched", "Fetched")


class VanishedFilter(PresenceFilter):
    words = ("source", "Still there", "No longer there")


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values of a field, with a name for the empty one."""

    def choices(self, changelist):
        for choice in super().choices(changelist):
            has_name = choice["display"] and not choice["display"].startswith(" (")  # of " (3)", the count
            yield choice if has_name else choice | {"display": f"Unknown{choice['display']}"}


class ConditionFilter(admin.SimpleListFilter):
    """A filter with a condition for each of its choices."""

    def conditions(self) -> dict[str, tuple[str, Q]]:
        """The label and the condition of each value."""
        raise NotImplementedError

    def lookups(self, request, model_admin):
        return [(value, label) for value, (label, _) in self.conditions().items()]

    def queryset(self, request, queryset):
        _, condition = self.conditions().get(self.value() or "", ("", Q()))
        return queryset.filter(condition)


class AgeFilter(admin.SimpleListFilter):
    title = "last check"
    parameter_name = "asked"

    def lookups(self, request, model_admin):
        return [("due", "Not checked for 30 days")]

    def queryset(self, request, queryset):
        return queryset.due() if self.value() == "due" else queryset


class TextsFilter(ConditionFilter):
    title = "texts"
    parameter_name = "texts"

    def conditions(self):
        return {"outdated": ("Older than TMDB's terms allow", services.has_outdated_texts())}


class CuratedFilter(ConditionFilter):
    title = "curators' edits"
    parameter_name = "curated"

    def conditions(self):
        return {
            "title": ("Own title", ~Q(own_title="")),
            "cover": ("Own picture", ~Q(own_cover="")),
            "note": ("Note", ~Q(note="")),
            "nothing": ("None", Q(own_title="", own_cover="", note="")),
        }


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with many choices, as a drop-down list instead of links."""

    template = "admin/catalog/choice_filter.html"

    def choices(self, changelist):
        names = {name for name in changelist.filter_params if name not in {self.parameter_name, "p", "e"}}
        # The other active filters, which the form keeps.
        self.others = [(name, value) for name in sorted(names) for value in changelist.filter_params[name]]
        values = [None, *(value for value, _ in self.lookup_choices)]
        for value, choice in zip(values, super().choices(changelist), strict=True):
            yield choice | {"value": value or ""}


class DecadeFilter(ChoiceFilter):
    title = "decade of release"
    parameter_name = "decade"

    def unknown(self, works) -> Q:
        return Q(release_date=None) if works is Movie else Q(release_date="")

    def lookups(self, request, model_admin):
        """All decades from the earliest to the latest: looking for those in use would read every date."""
        works = model_admin.model
        dated = works._default_manager.exclude(self.unknown(works)).order_by()
        first, last = dated.aggregate(first=Min("release_date"), last=Max("release_date")).values()
        if not first:
            return []
        decades = range(int(str(last)[:3]), int(str(first)[:3]) - 1, -1)
        return [*((f"{decade}0", f"{decade}0s") for decade in decades), ("unknown", "Unknown")]

    def queryset(self, request, queryset):
        decade = self.value() or ""
        if decade == "unknown":
            return queryset.filter(self.unknown(queryset.model))
        if not (decade.isdecimal() and decade.isascii() and len(decade) == 4 and decade >= "1000"):
            return queryset
        first = int(decade) // 10 * 10
        if queryset.model is Movie:
            return queryset.filter(release_date__year__range=(first, first + 9))
        return queryset.filter(release_date__startswith=f"{first // 10:03}")


class GenreFilter(ChoiceFilter):
    title = "genre"
    parameter_name = "genre"

    def lookups(self, request, model_admin):
        counts: Counter[str] = Counter()
        works = model_admin.model._default_manager.order_by()
        for genres, count in works.values_list("genres").annotate(Count("pk")):  # many works have the same
            counts.update(dict.fromkeys(genres, count))
        return sorted((name, name) for name, _ in counts.most_common(MAX_GENRES))

    def queryset(self, request, queryset):
        if not (name := self.value()):
            return queryset
        # SQLite stores JSON with characters beyond ASCII escaped, PostgreSQL as they are.
        spellings = sorted({json.dumps(name), json.dumps(name, ensure_ascii=False)})
        has = reduce(or_, (Q(genre_names__contains=spelling) for spelling in spellings))
        return queryset.alias(genre_names=Cast("genres", TextField())).filter(has)
