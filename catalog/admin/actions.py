"""Actions of lists that the form of a row offers as buttons."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpResponseRedirect
from django.urls import reverse


class FormActionsAdmin(admin.ModelAdmin):
    """The buttons post to the list, as Django's form view would hold a transaction open while an action asks
    upstreams."""

    change_form_template = "admin/catalog/form_actions.html"
    form_actions: Sequence[str] = ()

    def get_form_actions(self, request, obj) -> Sequence[str]:
        """The names of the actions that make sense for this row."""
        return self.form_actions

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        known, names = self.get_actions(request), self.get_form_actions(request, obj) if obj else ()
        allowed = [(name, action.description) for name in names if (action := known.get(name))]
        context |= {"form_actions": allowed}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def back_to_form(self, request) -> HttpResponseRedirect | None:
        """Redirect to the form with the button; None, which leads to the list, if there was none or its row is gone."""
        pks = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if "from_form" not in request.POST or not self.model._default_manager.filter(pk__in=pks).exists():
            return None
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=pks[:1]))
