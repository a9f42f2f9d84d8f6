"""Choosing a movie or an album of the catalog by its name, with its picture."""

from django import forms
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect

from catalog import pictures
from catalog.models import Album, Movie

WORKS = ("movie", "album")  # the foreign keys of picks


class WorkSelect(AutocompleteSelect):
    """Django's field with suggestions, which show pictures: see works.js."""

    url_name = "%s:selections_week_works"

    @property
    def media(self):
        return super().media + forms.Media(js=["admin/js/autocomplete.js", "selections/works.js"])


class WorksView(AutocompleteJsonView):
    """Django's response with suggestions, each with its picture and details that distinguish it from others."""

    def serialize_result(self, obj, to_field_name):
        suggestion = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Movie):
            original = obj.original_title if obj.original_title != obj.shown_title else ""
            return suggestion | {"picture": pictures.picture(obj), "name": str(obj), "by": original}
        if isinstance(obj, Album):
            about = " · ".join(filter(None, (obj.artist, obj.release_date[:4], obj.country, obj.status)))
            return suggestion | {"picture": pictures.picture(obj), "name": obj.shown_title, "by": about}
        return suggestion
