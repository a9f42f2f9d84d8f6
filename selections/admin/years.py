"""A member's year at a glance, and creating weeks that are missing in it."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from catalog.progress import counted
from selections import backfill as gaps
from selections import services
from selections.guards import Conflict
from selections.insights import statistics
from selections.insights.rounds import state_of
from selections.insights.scope import Scope
from selections.models import Week
from selections.weeks import (
    FIRST_YEAR,
    LAST_YEAR,
    THURSDAY,
    YearWeek,
    day_of,
    read_week_name,
    this_week,
    week_name,
    week_names,
    weeks_between,
)

from .careful import number

STATES = {"complete": "complete", "half": "half filled", "empty": "empty", "none": "no week"}


class WeekNameField(forms.CharField):
    """An ISO year and week by their name."""

    def to_python(self, value):
        text = str(super().to_python(value)).upper()
        if not text:
            return None
        if name := read_week_name(text):
            return name
        raise ValidationError("Enter an ISO week such as 2026-W07.")


class PersonField(forms.ModelChoiceField):
    """A person, by their name: see SuggestionsView."""

    def __init__(self, **kwargs) -> None:
        super().__init__(
            get_user_model()._default_manager.all(),
            widget=AutocompleteSelect(Week._meta.get_field("user"), admin.site),
            error_messages={"invalid_choice": "There is no such user. Choose one from the list."},
            **kwargs,
        )

    def prepare_value(self, value):
        """The primary key; 0 for other text, which the widget could not look up."""
        return number(super().prepare_value(value))


class YearForm(forms.Form):
    user = PersonField(label="Person", empty_label=None)
    year = forms.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, label="ISO year")


class BackfillForm(forms.Form):
    user = PersonField(label="Person")
    first = WeekNameField(label="From", help_text="Such as 2024-W01.")
    last = WeekNameField(label="To", required=False, help_text="Leave empty for the current week.")

    def clean(self):
        super().clean()
        data = self.cleaned_data
        if (person := data.get("user")) and (first := data.get("first")) and "last" in data:
            data["last"] = data["last"] or max(this_week(person), first)
            if first > data["last"]:
                self.add_error("last", "This is before the first week. Swap them.")


def cells_of(person: Any, year: int) -> list[dict[str, Any]]:
    """The 52 or 53 weeks of a member's year, in three queries; the current one is that of their time zone."""
    cells = statistics.calendar(Scope(viewer=person, person=person, year=year), year)
    for cell in cells:
        cell["name"] = week_name(year, cell["week_number"])
        cell["state"] = state_of(cell["movies"], cell["albums"]) if cell["id"] else "none"
        cell["label"] = _label(cell)
    return cells


def _label(cell: dict[str, Any]) -> str:
    """The description of a week for screen readers, which begins with the number that the cell shows."""
    days = f"{cell['starts_on']:%d %B} to {cell['ends_on']:%d %B}"
    parts = [f"{cell['week_number']}: {cell['name']}, {days}, {STATES[cell['state']]}"]
    if cell["movies"] or cell["albums"]:
        parts += [counted(cell["movies"], "movie"), counted(cell["albums"], "album")]
    if cell["is_running"] or cell["is_future"]:
        parts.append("current week" if cell["is_running"] else "in the future")
    return ", ".join(parts)


def grid(week_admin, request):
    """The weeks of a member's year; choosing a missing week creates it."""
    if not week_admin.has_view_permission(request):
        raise PermissionDenied
    person = _first_shown(request.user)
    asked = {"user": person.pk, "year": this_week(person)[0]} | request.GET.dict()
    form = YearForm(asked)
    if form.is_valid():
        person, year = form.cleaned_data["user"], form.cleaned_data["year"]
        if request.method == "POST":
            return _open(week_admin, request, person)
    else:
        year = this_week(person)[0]
    cells = cells_of(person, year)
    months = [
        (date(year, month, 1), [cell for cell in cells if day_of((year, cell["week_number"]), THURSDAY).month == month])
        for month in range(1, 13)
    ]
    context = {
        **week_admin.admin_site.each_context(request),
        "title": f"{year} of {person}",
        "opts": week_admin.opts,
        "media": week_admin.media + form.media,
        "form": form,
        "person": person,
        "year": year,
        "months": months,
        "counts": [(word, sum(cell["state"] == state for cell in cells), state) for state, word in STATES.items()],
        "before": urlencode({"user": person.pk, "year": year - 1}) if year > FIRST_YEAR else "",
        "after": urlencode({"user": person.pk, "year": year + 1}) if year < LAST_YEAR else "",
        "may_add": week_admin.has_add_permission(request),
        "backfill_query": urlencode({"user": person.pk, "first": cells[0]["name"]}),
        "weeks_query": urlencode({"user__id__exact": person.pk, "year": year}),
    }
    return TemplateResponse(request, "admin/selections/week/grid.html", context)


def _first_shown(staff: Any) -> Any:
    """The member whose year is shown first: you if you have weeks, else the member who was active last."""
    if Week.objects.filter(user=staff).exists():
        return staff
    latest = Week.objects.select_related("user").order_by("-updated_at").first()
    return latest.user if latest else staff


def _open(week_admin, request, person):
    """Create the week if it is missing, and open it."""
    if not week_admin.has_add_permission(request):
        raise PermissionDenied
    back = HttpResponseRedirect(request.get_full_path())
    name = read_week_name(request.POST.get("week", ""))
    if name is None:
        week_admin.message_user(request, "Choose one of the weeks.", messages.ERROR)
        return back
    try:
        week, is_new = services.get_or_create_week(person, *name)
    except Conflict as conflict:
        week_admin.message_user(request, str(conflict), messages.ERROR)
        return back
    except (IntegrityError, type(person).DoesNotExist):
        return _say_gone(week_admin, request, person)
    if is_new:
        week_admin.log_addition(request, week, "Created in the year's grid.")
        week_admin.message_user(request, f"Created {week}.", messages.SUCCESS)
    else:
        week_admin.message_user(request, f"{week} already existed.")
    return HttpResponseRedirect(week_admin.address("change", week.pk))


def _say_gone(week_admin, request, person):
    week_admin.message_user(request, f"The account of {person} has just been deleted.", messages.ERROR)
    return HttpResponseRedirect(week_admin.address("changelist"))


def backfill(week_admin, request):
    """Creates a member's missing weeks from one week to another, after a preview."""
    if not week_admin.has_add_permission(request):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    form = BackfillForm(asked if asked.get("first") else None, initial=asked)
    found = None
    if form.is_bound and form.is_valid():
        person, first, last = (form.cleaned_data[field] for field in ("user", "first", "last"))
        found = gaps.find_gaps(person, first, last)
        if request.method == "POST":
            return _fill(week_admin, request, person, found.missing)
    context = {
        **week_admin.admin_site.each_context(request),
        "title": "Create missing weeks",
        "opts": week_admin.opts,
        "media": week_admin.media + form.media,
        "form": form,
        "found": found,
    }
    if found:
        future = [week for week in found.missing if week > this_week(person)]
        context |= {"person": person, "missing": week_names(found.missing), "future": week_names(future)}
        context["total"] = len(list(weeks_between(first, last)))
        context["last"] = week_name(*last)
    return TemplateResponse(request, "admin/selections/week/backfill.html", context)


def _fill(week_admin, request, person, missing: list[YearWeek]):
    year = max((year for year, _ in missing), default=this_week(person)[0])
    back = HttpResponseRedirect(
        f"{reverse('admin:selections_week_grid')}?{urlencode({'user': person.pk, 'year': year})}"
    )
    if not missing:
        week_admin.message_user(request, "No week is missing.")
        return back
    try:
        created = gaps.create_weeks(person, missing)
    except IntegrityError:
        return _say_gone(week_admin, request, person)
    except Conflict as conflict:
        week_admin.message_user(request, str(conflict), messages.ERROR)
        return back
    LogEntry.objects.log_actions(request.user.pk, created, ADDITION, change_message="Created with other missing weeks.")
    level = messages.SUCCESS if len(created) == len(missing) else messages.WARNING
    others = len(missing) - len(created)
    faster = f" {others} of them had just been created by another request." if others else ""
    week_admin.message_user(request, f"Created {counted(len(missing), 'week')}: {week_names(missing)}.{faster}", level)
    return back
