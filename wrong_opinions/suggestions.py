"""What the fields of forms suggest: movies and albums with their pictures, and people by their names."""

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import get_user_model

from catalog import pictures
from catalog.models import Album, Movie


class SuggestionsView(AutocompleteJsonView):
    """Django's response with suggestions, with the details that distinguish a work from others: see suggestions.js."""

    def has_perm(self, request, obj=None):
        """Anyone who may see or add rows that belong to people may see the people's names, as lists show them, too."""
        if self.model_admin.model is not get_user_model():
            return super().has_perm(request, obj)
        rows = self.model_admin.admin_site._registry.get(self.source_field.model)
        return rows is not None and (rows.has_view_permission(request) or rows.has_add_permission(request))

    def get_queryset(self):
        """People are found only by their names: staff who may only see other rows must not search email addresses."""
        people = get_user_model()
        if self.model_admin.model is people:
            return people._default_manager.named_like(self.term).order_by("username")
        return super().get_queryset()

    def serialize_result(self, obj, to_field_name):
        suggestion = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Movie):
            original = obj.original_title if obj.original_title != obj.shown_title else ""
            return suggestion | {"picture": pictures.picture(obj), "name": str(obj), "by": original}
        if isinstance(obj, Album):
            about = " · ".join(filter(None, (obj.artist, obj.release_date[:4], obj.country, obj.status)))
            return suggestion | {"picture": pictures.picture(obj), "name": obj.shown_title, "by": about}
        return suggestion
