"""Forms that stay correct while other requests change the same rows."""

import contextlib
from functools import partial

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.old_forms import ChangedOnlyForm
from selections.guards import Conflict, lock_users, lock_week
from selections.models import Week

SUGGESTIONS = ["admin/js/jquery.init.js", "selections/suggestions.js"]
CHANGED = "This has been changed since you opened it. Check it, then make your change again."


class CarefulForm(ChangedOnlyForm):
    class Media:
        js = SUGGESTIONS

    def validate_constraints(self, exclude=frozenset()):
        """Validate all constraints, including those with fields that are not in the form."""
        try:
            self.instance.validate_constraints(exclude=exclude | set(self.errors))
        except ValidationError as error:
            self.add_error(None, error)


class CarefulAdmin(admin.ModelAdmin):
    """A change that conflicts with another request results in a form or a message, never in an error page."""

    form = CarefulForm

    def lock(self, request, object_id: str | None) -> None:
        """Lock the rows that are about to be saved or deleted."""

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        view = partial(super().changeform_view, request, object_id, form_url, extra_context)
        return self.carefully(request, object_id, view)

    def delete_view(self, request, object_id, extra_context=None):
        return self.carefully(request, object_id, partial(super().delete_view, request, object_id, extra_context))

    def response_action(self, request, *arguments, **options):
        """Also for the action that deletes the selected rows."""
        return self.carefully(request, None, partial(super().response_action, request, *arguments, **options))

    def carefully(self, request, object_id: str | None, view) -> HttpResponse:
        """The response of the view, which is called again if a database constraint fails, so that it can say why."""
        if request.method != "POST":
            return view()
        for _ in range(2):
            try:
                with transaction.atomic():
                    self.lock(request, object_id)
                    return view()
            except (IntegrityError, ObjectDoesNotExist, Conflict):
                continue
        self.message_user(request, CHANGED, messages.ERROR)
        known = object_id and self.model._default_manager.filter(pk=number(object_id)).exists()
        return HttpResponseRedirect(self.address("change", object_id) if known else self.address("changelist"))

    def user_field(self, request) -> str:
        """The field that shows the user: a link, or text where the link would be refused."""
        users = self.admin_site.get_model_admin(get_user_model())
        return "user" if users.has_view_permission(request) else "user_name"

    @admin.display(description="user")
    def user_name(self, row):
        return str(row.user)

    def address(self, page: str, *arguments: object) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=arguments)


class WeekLockAdmin(CarefulAdmin):
    """For rows that belong to a week: users are locked first, then the week, as everywhere."""

    def lock(self, request, object_id):
        week = self.week_of(number(object_id))
        lock_users(*{request.user, week.user if week else request.user})  # the first is recorded in the history
        with contextlib.suppress(Week.DoesNotExist):
            if week:
                lock_week(week)

    def get_deleted_objects(self, objs, request):
        """Your own opinions, and the rows that they belong to, can be deleted only when the API allows it."""
        listed, counts, not_allowed, protected = super().get_deleted_objects(objs, request)
        reason = "you have read others' opinions, and it can be deleted once the week is over"
        staying = [f"{row}: {reason}" for row in objs if self.has_revealed(row, request.user)]
        return listed, counts, not_allowed, [*protected, *staying]

    def has_revealed(self, row, user) -> bool:
        """Whether an opinion that has revealed others' to the user, who owns the row, would be deleted with it."""
        raise NotImplementedError

    def week_of(self, pk: int) -> Week | None:
        """The week that the row with this key belongs to, if any."""
        raise NotImplementedError


def number(object_id: object) -> int:
    """The primary key in an address; 0, which no row has, if it is not a number."""
    text = unquote(str(object_id or ""))
    return int(text) if text.isdecimal() and len(text) < 19 else 0
