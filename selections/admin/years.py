"""A person's year at a glance, and the weeks that they have not entered yet."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from selections import backfill as gaps
from selections import services
from selections.insights import statistics
from selections.models import Week
from selections.weeks import (
    FIRST_YEAR,
    LAST_YEAR,
    YearWeek,
    month_of,
    read_week_name,
    this_week,
    week_name,
    week_names,
    weeks_between,
)

WORDS = {"complete": "complete", "half": "half filled", "empty": "empty", "none": "no week"}


def state_of(movies: int, albums: int) -> str:
    """Of a week that there is."""
    if movies and albums:
        return "complete"
    return "half" if movies or albums else "empty"


class WeekNameField(forms.CharField):
    """An ISO year and week by their name."""

    def to_python(self, value):
        text = str(super().to_python(value)).upper()
        if not text:
            return None
        if name := read_week_name(text):
            return name
        raise ValidationError("Write an ISO week as 2026-W07.")


class PersonField(forms.ModelChoiceField):
    def __init__(self, **kwargs) -> None:
        people = get_user_model()._default_manager.order_by("username")
        wrong = {"invalid_choice": "There is no such person: choose one of the list."}
        super().__init__(people, error_messages=wrong, **kwargs)


class YearForm(forms.Form):
    user = PersonField(label="Person", empty_label=None)
    year = forms.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, label="ISO year")


class BackfillForm(forms.Form):
    user = PersonField(label="Person")
    first = WeekNameField(label="From", help_text="Such as 2024-W01.")
    last = WeekNameField(label="To", required=False, help_text="Empty: this week.")

    def clean(self):
        super().clean()
        said = self.cleaned_data
        if (person := said.get("user")) and (first := said.get("first")) and "last" in said:
            said["last"] = said["last"] or max(this_week(person), first)
            if first > said["last"]:
                self.add_error("last", "This is before the first week: swap them.")


@dataclass(frozen=True)
class Cell:
    """One week of a year; `state` is one of WORDS."""

    name: str
    number: int
    days: str
    state: str
    pk: int | None
    movies: int
    albums: int
    is_running: bool
    is_future: bool

    @property
    def words(self) -> str:
        """What somebody hears who does not see it."""
        what = WORDS[self.state]
        if self.movies or self.albums:
            what += f", {_count(self.movies, 'movie')}, {_count(self.albums, 'album')}"
        when = ", running now" if self.is_running else ", still to come" if self.is_future else ""
        return f"{self.name}, {self.days}: {what}{when}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def cells_of(person: Any, year: int) -> list[Cell]:
    """The 52 or 53 weeks of a person's year, in three queries: the running one is so where they live."""
    rows = statistics.calendar(statistics.Scope(viewer=person, person=person, year=year), year)
    return [
        Cell(
            name=week_name(year, row["week_number"]),
            number=row["week_number"],
            days=f"{row['starts_on']:%d %B} to {row['ends_on']:%d %B}",
            state=state_of(row["movies"], row["albums"]) if row["id"] else "none",
            pk=row["id"],
            movies=row["movies"],
            albums=row["albums"],
            is_running=row["is_running"],
            is_future=row["is_future"],
        )
        for row in rows
    ]


def grid(week_admin, request):
    """The weeks of a person's year; whoever chooses one that there is not yet creates it."""
    if not week_admin.has_view_permission(request):
        raise PermissionDenied
    person = _somebody(request.user)
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
        (date(year, month, 1), [cell for cell in cells if month_of((year, cell.number)) == month])
        for month in range(1, 13)
    ]
    context = {
        **week_admin.admin_site.each_context(request),
        "title": f"{year} of {person}",
        "opts": week_admin.opts,
        "media": week_admin.media,
        "form": form,
        "person": person,
        "year": year,
        "months": months,
        "counts": [(word, sum(cell.state == state for cell in cells), state) for state, word in WORDS.items()],
        "before": urlencode({"user": person.pk, "year": year - 1}) if year > FIRST_YEAR else "",
        "after": urlencode({"user": person.pk, "year": year + 1}) if year < LAST_YEAR else "",
        "may_add": week_admin.has_add_permission(request),
        "backfill_query": urlencode({"user": person.pk, "first": cells[0].name}),
        "weeks_query": urlencode({"user__id__exact": person.pk, "year": year}),
    }
    return TemplateResponse(request, "admin/selections/week/grid.html", context)


def _somebody(staff: Any) -> Any:
    """Whose year is shown first: one's own, if one has weeks, else that of who was here last."""
    if Week.objects.filter(user=staff).exists():
        return staff
    latest = Week.objects.select_related("user").order_by("-updated_at").first()
    return latest.user if latest else staff


def _open(week_admin, request, person):
    """Create the week, if somebody else has not done so just then, and open it."""
    if not week_admin.has_add_permission(request):
        raise PermissionDenied
    name = read_week_name(request.POST.get("week", ""))
    if name is None:
        week_admin.message_user(request, "Choose one of the weeks.", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
    year, number = name
    try:
        week = services.create_week(person, year=year, week_number=number)
    except services.Conflict as conflict:
        if conflict.code == "too_many_weeks":
            week_admin.message_user(request, f"{conflict}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        try:
            week = Week.objects.select_related("user").get(user=person, year=year, week_number=number)
        except Week.DoesNotExist:
            sentence = f"Somebody else has just deleted {week_name(year, number)}: choose it again."
            week_admin.message_user(request, sentence, messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        week_admin.message_user(request, f"{week} was there already.")
    except (IntegrityError, type(person).DoesNotExist):
        return _say_gone(week_admin, request, person)
    else:
        week_admin.log_addition(request, week, "Created in the year's grid.")
        week_admin.message_user(request, f"Created {week}.", messages.SUCCESS)
    return HttpResponseRedirect(week_admin.address("change", week.pk))


def _say_gone(week_admin, request, person):
    week_admin.message_user(request, f"{person} has just left.", messages.ERROR)
    return HttpResponseRedirect(week_admin.address("changelist"))


def backfill(week_admin, request):
    """Creates the weeks that somebody lacks between two, once one has seen which."""
    if not week_admin.has_add_permission(request):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    form = BackfillForm(asked if asked.get("first") else None, initial=asked)
    found = None
    if form.is_bound and form.is_valid():
        person, first, last = (form.cleaned_data[name] for name in ("user", "first", "last"))
        found = gaps.find_gaps(person, first, last)
        if request.method == "POST":
            return _fill(week_admin, request, person, found.missing)
    context = {
        **week_admin.admin_site.each_context(request),
        "title": "Create missing weeks",
        "opts": week_admin.opts,
        "media": week_admin.media,
        "form": form,
        "found": found,
    }
    if found:
        future = [name for name in found.missing if name > this_week(person)]
        context |= {"person": person, "missing": week_names(found.missing), "future": week_names(future)}
        context["total"] = len(weeks_between(first, last))
        context["last"] = week_name(*last)
    return TemplateResponse(request, "admin/selections/week/backfill.html", context)


def _fill(week_admin, request, person, missing: list[YearWeek]):
    year = max((name[0] for name in missing), default=this_week(person)[0])
    back = HttpResponseRedirect(
        f"{reverse('admin:selections_week_grid')}?{urlencode({'user': person.pk, 'year': year})}"
    )
    if not missing:
        week_admin.message_user(request, "Nothing to do: no week is missing.")
        return back
    now = timezone.now()
    try:
        count = gaps.create_weeks(person, missing)
    except IntegrityError:
        return _say_gone(week_admin, request, person)
    except services.Conflict as conflict:
        week_admin.message_user(request, f"{conflict}.", messages.ERROR)
        return back
    created = list(Week.objects.filter(user=person, created_at__gte=now).select_related("user"))
    LogEntry.objects.log_actions(request.user.pk, created, ADDITION, change_message="Created with others that lacked.")
    level = messages.SUCCESS if count == len(missing) else messages.WARNING
    faster = f" {len(missing) - count} of them somebody else created just then." if count < len(missing) else ""
    week_admin.message_user(request, f"Created {_count(count, 'week')}: {week_names(missing)}.{faster}", level)
    return back
