from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from catalog import pictures
from catalog.admin.exporting import ExportAdmin
from catalog.admin.filters import ConditionFilter
from selections import services
from selections.guards import Conflict, has_revealed, lock_week
from selections.kinds import KINDS
from selections.models import Week, WeekAlbum, WeekMovie
from selections.transfer import export
from selections.weeks import read_week_name, this_week, weeks_later

from . import years
from .careful import CHANGED, CarefulForm, WeekLockAdmin
from .inlines import AlbumPickInline, MoviePickInline


class StateFilter(ConditionFilter):
    """A filter by the picks of a week."""

    title = "state"
    parameter_name = "state"

    def conditions(self):
        has_movie, has_album = (Exists(picks.objects.filter(week=OuterRef("pk"))) for picks in (WeekMovie, WeekAlbum))
        found = {
            "complete": Q(has_movie, has_album),
            "half": Q(has_movie, ~has_album) | Q(~has_movie, has_album),
            "empty": Q(~has_movie, ~has_album),
        }
        return {state: (years.STATES[state], condition) for state, condition in found.items()}


class RangeFilter(admin.ListFilter):
    """A filter from one ISO week to another, both included; either may be omitted."""

    title = "weeks"
    template = "admin/selections/week/range_filter.html"

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        self.written = {name: (params.pop(name, [""])[-1] or "").strip() for name in self.expected_parameters()}
        asked = ((name, value) for name, values in request.GET.lists() for value in values)
        self.others = [(name, value) for name, value in asked if name not in {"from", "to", "p", "e"}]
        self.error = ""
        self.names = {name: read_week_name(text.upper()) for name, text in self.written.items()}
        if any(text and not self.names[name] for name, text in self.written.items()):
            self.error = "Enter an ISO week such as 2026-W07."
            messages.error(request, self.error)

    def expected_parameters(self):
        return ["from", "to"]

    def has_output(self):
        return True

    def choices(self, changelist):
        return []

    def queryset(self, request, queryset):
        first, last = self.names["from"], self.names["to"]
        queryset = queryset.since(*first) if first else queryset
        return queryset.until(*last) if last else queryset


class WeekForm(CarefulForm):
    """Refuses to save a week that was saved elsewhere since the form was opened."""

    seen_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if "notes" in self.fields:
            self.fields["notes"].widget.attrs["rows"] = 3  # so that the picks are visible without scrolling
        if self.instance.pk:
            self.initial["seen_at"] = self.instance.updated_at.isoformat()

    def clean(self):
        super().clean()
        data, week = self.cleaned_data, self.instance  # the stored week
        if week.pk and data.get("seen_at") not in {None, "", week.updated_at.isoformat()}:
            raise ValidationError(CHANGED)
        try:
            if not week.pk:
                services.refuse_too_many_weeks(data.get("user"))
            elif data.get("year") and data.get("week_number"):
                services.refuse_early_end(week, data["year"], data["week_number"])
        except Conflict as conflict:
            raise ValidationError(str(conflict)) from None


@admin.register(Week)
class WeekAdmin(ExportAdmin, WeekLockAdmin):
    form = WeekForm
    export_columns = export.CSV_COLUMNS
    actions = ["export_csv"]
    list_display = ["name", "user", "state", "movies", "albums", "opinions", "updated_at"]
    list_filter = [StateFilter, RangeFilter, "year"]
    search_fields = ["notes"]  # see get_search_results()
    search_help_text = "Words of titles, artists, notes and people's names, or a week such as 2026-W07."
    autocomplete_fields = ["user"]
    inlines = [MoviePickInline, AlbumPickInline]
    list_per_page = 53
    show_full_result_count = False

    class Media:
        css = {"all": ["selections/admin.css"]}

    def get_urls(self):
        def wrap(view):
            return self.admin_site.admin_view(lambda request: view(self, request))

        return [
            path("grid/", wrap(years.grid), name="selections_week_grid"),
            path("backfill/", wrap(years.backfill), name="selections_week_backfill"),
            *super().get_urls(),
        ]

    def export_rows(self, queryset):
        """A row for each pick, without opinions."""
        weeks = queryset.iterator(chunk_size=500)
        return (row for week in weeks for row in export.csv_rows(week, week.user))

    def get_queryset(self, request):
        counted = [
            Prefetch(
                kind.related_picks,
                kind.picks.objects.select_related(kind.name)
                .annotate(opinions_count=Count("opinions"))
                .order_by("position"),
            )
            for kind in KINDS.values()
        ]
        return Week.objects.select_related("user").order_by("-year", "-week_number", "id").prefetch_related(*counted)

    def get_search_results(self, request, queryset, search_term):
        """Weeks that contain each word, or the one week if the text is its ISO name."""
        for word in search_term.split()[:10]:
            if name := read_week_name(word.upper()):
                queryset = queryset.filter(year=name[0], week_number=name[1])
            else:
                people = get_user_model()._default_manager.named_like(word)
                mentioned = Week.objects.mentioning(word)
                queryset = queryset.filter(Q(pk__in=mentioned.values("pk")) | Q(user__in=people.values("pk")))
        return queryset, False

    def get_fields(self, request, obj=None):
        fields = [("year", "week_number"), "notes"]
        if obj is None:
            return ["user", *fields]
        return [self.user_field(request), *fields, ("created_at", "updated_at"), "seen_at"]

    def get_changeform_initial_data(self, request):
        year, week_number = this_week(request.user)
        return {"year": year, "week_number": week_number} | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request, obj=None):
        """The owner cannot be changed: others gave their opinions on this owner's picks."""
        return [] if obj is None else [self.user_field(request), "created_at", "updated_at"]

    def has_revealed(self, row, user):
        return row.user == user and any(has_revealed(user, pick) for pick in row.picks)

    def week_of(self, pk):
        return Week.objects.filter(pk=pk).first()

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if stored := obj and Week.objects.filter(pk=obj.pk).first():  # obj may have rejected input
            context |= neighbours(stored)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request, obj, form, change):
        obj.updated_at = timezone.now()  # also if only its picks changed
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request, queryset):
        for week in list(queryset):
            try:
                with transaction.atomic():
                    lock_week(week).delete()
            except Week.DoesNotExist:
                self.message_user(request, f"{week} had already been deleted.", messages.WARNING)

    @admin.display(description="week", ordering="year")
    def name(self, week):
        return week.name

    @admin.display(description="state")
    def state(self, week):
        state = years.state_of(len(week.movie_picks.all()), len(week.album_picks.all()))
        return format_html('<span class="state {}">{}</span>', state, years.STATES[state])

    @admin.display(description="movies")
    def movies(self, week):
        return shown(week.movie_picks.all()) or "no movie"

    @admin.display(description="albums")
    def albums(self, week):
        return shown(week.album_picks.all()) or "no album"

    @admin.display(description="opinions")
    def opinions(self, week):
        return sum(pick.opinions_count for pick in week.picks) or "–"


def shown(picks):
    rows = ((pictures.picture(pick.work), pick.work) for pick in picks)
    return format_html_join("", '<span class="pick">{} <span>{}</span></span>', rows)


def neighbours(week: Week) -> dict[str, object]:
    """The owner's previous and next week, and the address of the year."""
    theirs = Week.objects.filter(user=week.user_id)
    before, after = (weeks_later((week.year, week.week_number), count) for count in (-1, 1))
    return {
        "week_before": theirs.until(*before).order_by("-year", "-week_number").first(),
        "week_after": theirs.since(*after).order_by("year", "week_number").first(),
        "grid_query": urlencode({"user": week.user_id, "year": week.year}),
    }
