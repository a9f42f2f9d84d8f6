"""Forms that hold although others change the same at the same time."""

import contextlib

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from selections import services
from selections.models import Week

CHANGED = "Somebody else changed this in the meantime: look at it again, then make your change."


class CarefulForm(forms.ModelForm):
    def validate_constraints(self, exclude=frozenset()):
        """All of them, also those in which something has a part that is no field of the form."""
        try:
            self.instance.validate_constraints(exclude=exclude | set(self.errors))
        except ValidationError as error:
            self.add_error(None, error)


class CarefulAdmin(admin.ModelAdmin):
    """Whatever others do meanwhile, one gets a form or a sentence, never an error page."""

    form = CarefulForm

    def lock(self, request, object_id: str | None) -> None:
        """Let nobody else change what is about to be saved or deleted."""

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        def view() -> HttpResponse:
            return super(CarefulAdmin, self).changeform_view(request, object_id, form_url, extra_context)

        return self.carefully(request, object_id, view)

    def delete_view(self, request, object_id, extra_context=None):
        def view() -> HttpResponse:
            return super(CarefulAdmin, self).delete_view(request, object_id, extra_context)

        return self.carefully(request, object_id, view)

    def carefully(self, request, object_id: str | None, view) -> HttpResponse:
        """What the view answers; where a constraint of the database stops it, its second answer can tell why."""
        if request.method != "POST":
            return view()
        for _ in range(2):
            try:
                with transaction.atomic():
                    self.lock(request, object_id)
                    return view()
            except (IntegrityError, ObjectDoesNotExist):
                continue
        self.message_user(request, CHANGED, messages.ERROR)
        known = object_id and self.model._default_manager.filter(pk=number(object_id)).exists()
        return HttpResponseRedirect(self.address("change", object_id) if known else self.address("changelist"))

    def address(self, page: str, *arguments: object) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=arguments)

    def may_see(self, model: type[models.Model], request) -> bool:
        """Whether one may look at the pages of this model."""
        return self.admin_site.get_model_admin(model).has_view_permission(request)


class WeekLockAdmin(CarefulAdmin):
    """For what belongs to a week: that is locked first, as everywhere."""

    def lock(self, request, object_id):
        services.lock_user(request.user)  # their name goes into the history
        week = self.week_of(number(object_id))
        with contextlib.suppress(Week.DoesNotExist):
            if week:
                services.lock_week(week)

    def get_deleted_objects(self, objs, request):
        """Your own opinions, and what they go with, stay as long as they would in the API."""
        listed, counts, not_allowed, protected = super().get_deleted_objects(objs, request)
        reason = "you have read what others think, and it can be deleted once the week is over"
        staying = [f"{one}: {reason}" for one in objs if self.has_revealed(one, request.user)]
        return listed, counts, not_allowed, [*protected, *staying]

    def has_revealed(self, one, user) -> bool:
        """Whether an opinion that has revealed others' to the user, who owns what is deleted, would go with it."""
        raise NotImplementedError

    def week_of(self, pk: int) -> Week | None:
        """The week that what has this key belongs to, if any."""
        raise NotImplementedError


def number(object_id: object) -> int:
    """The key that an address has; 0, which nothing has, where it is none."""
    text = unquote(str(object_id or ""))
    return int(text) if text.isdecimal() and len(text) < 19 else 0
