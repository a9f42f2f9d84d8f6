from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from catalog import pictures
from catalog.admin.exchange import ExchangeAdmin
from selections import services
from selections.models import Opinion, Pick, Week, WeekAlbum, WeekMovie
from selections.transfer.resources import WeekResource
from selections.weeks import read_week_name

from . import years
from .careful import CHANGED, CarefulForm, WeekLockAdmin
from .picks import HIDDEN, opinions_address, picture_of, rematch_address, work_of
from .works import WORKS, WorkSelect, WorksView

PICKS: dict[str, type[WeekMovie | WeekAlbum]] = {"movie": WeekMovie, "album": WeekAlbum}
MAX_SAID = 10  # opinions below a pick in its week's form; its own list has them all


class StateFilter(admin.SimpleListFilter):
    """By what weeks have in them, whichever is running."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("complete", "complete"), ("half", "half filled"), ("empty", "empty")]

    def queryset(self, request, queryset):
        has_movie = Exists(WeekMovie.objects.filter(week=OuterRef("pk")))
        has_album = Exists(WeekAlbum.objects.filter(week=OuterRef("pk")))
        conditions = {
            "complete": Q(has_movie, has_album),
            "half": Q(has_movie, ~has_album) | Q(~has_movie, has_album),
            "empty": Q(~has_movie, ~has_album),
        }
        condition = conditions.get(self.value() or "")
        return queryset.filter(condition) if condition else queryset


class RangeFilter(admin.ListFilter):
    """From one ISO week to another, both included, and either may be left out."""

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
            self.error = "Write an ISO week as 2026-W07."
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


class PickFormSet(forms.BaseInlineFormSet):
    """The picks of one kind of a week, all of which it knows: what leaves makes room for what comes."""

    kind: str
    staff: Any  # who uses the form

    @property
    def picks(self):
        return PICKS[self.kind]._default_manager

    def clean(self):
        super().clean()
        forms_kept = [form for form in self.forms if form.is_valid() and form not in self.deleted_forms]
        shown = [form.instance.pk for form in self.initial_forms]
        others = [] if self.instance.pk is None else list(self.picks.filter(week=self.instance).exclude(pk__in=shown))
        for form in forms_kept:
            position = form.cleaned_data.get("position")
            work = form.cleaned_data.get(self.kind)
            if any(other.position == position for other in others):
                form.add_error("position", "That position is already occupied.")
            if work and any(getattr(other, f"{self.kind}_id") == work.pk for other in others):
                form.add_error(self.kind, f"This {self.kind} is already in this week.")
        leaving = [form.instance for form in self.deleted_forms if form.instance.pk]
        if self.staff == self.instance.user and any(services.has_revealed(self.staff, pick) for pick in leaving):
            raise ValidationError(
                f"You have read what others think of this {self.kind}. Remove it once the week is over."
            )

    def get_unique_error_message(self, unique_check):
        if self.kind in unique_check:
            return f"This {self.kind} is here twice: choose another one, or remove one."
        return "Two picks have the same position: make one the first and one the second."

    def get_form_error(self):
        return "This is said twice."

    def save_existing_objects(self, commit=True):
        """What leaves goes first, and makes room; two that change places do so at once."""
        leaving = [form.instance.pk for form in self.deleted_forms if form.instance.pk]
        self.picks.filter(pk__in=leaving).delete()
        moving = [form for form in self.initial_forms if "position" in form.changed_data]
        if len(moving) == len(Pick.Position) and not leaving:
            services.swap_positions(PICKS[self.kind], self.instance)
        return super().save_existing_objects(commit)


class PickForm(forms.ModelForm):
    """One pick in its week's form: what it is of can be chosen once; after that it is a wrong match to be fixed."""

    kind: str

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.kind in self.fields:
            self.fields[self.kind].disabled = True

    def validate_constraints(self):
        """What is taken the formset says, which knows what leaves; positions have no other choices."""


class MovieForm(PickForm):
    kind = "movie"


class AlbumForm(PickForm):
    kind = "album"


class MovieFormSet(PickFormSet):
    kind = "movie"


class AlbumFormSet(PickFormSet):
    kind = "album"


class PickInline(admin.StackedInline):
    kind: str
    max_num = 2
    extra = 0
    classes = ["picks"]
    readonly_fields = ["picture", "said", "counted"]

    def get_fields(self, request, obj=None):
        """What people think is for those who may look at opinions; others read how many there are."""
        return ["picture", self.kind, "position", "said" if self.may_read_opinions(request) else "counted"]

    def get_formset(self, request, obj=None, **kwargs):
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.staff = request.user
        return formset

    def may_read_opinions(self, request) -> bool:
        return self.admin_site.get_model_admin(Opinion).has_view_permission(request)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.is_relation:
            field.widget.can_delete_related = False  # its red cross looks like removing the pick
        return field

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name in WORKS:
            kwargs["widget"] = WorkSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_queryset(self, request):
        opinions = Opinion.objects.readable_by_staff(request.user).select_related("user")[:MAX_SAID]
        picks = super().get_queryset(request).select_related(self.kind, "week__user").annotate(count=Count("opinions"))
        if self.may_read_opinions(request):
            picks = picks.prefetch_related(Prefetch("opinions", opinions, to_attr="latest"))
        return picks.order_by("position")

    @admin.display(description="")
    def picture(self, pick):
        if pick.pk is None:
            return pictures.picture_at(self.kind, "", "medium")
        return picture_of(pick, "medium")

    @admin.display(description="opinions")
    def said(self, pick):
        """What people think of the pick, and what becomes of that."""
        if pick.pk is None:
            return "None yet: it is new."
        if not pick.count:
            return format_html("<p>None.</p>{}", fix_link(pick))
        rows = format_html_join(
            "",
            '<li><a href="{}">{}</a>: {}</li>',
            (
                (reverse("admin:selections_opinion_change", args=[opinion.pk]), opinion.user, in_short(opinion))
                for opinion in pick.latest
            ),
        )
        return format_html(
            '<ul class="said">{}</ul><p><a href="{}">All {}</a>. {}{}</p>{}',
            rows,
            opinions_address(pick),
            pick.count,
            f"{HIDDEN} " if len(pick.latest) < min(pick.count, MAX_SAID) else "",
            what_goes(pick.count),
            fix_link(pick),
        )

    @admin.display(description="opinions")
    def counted(self, pick):
        """How many opinions there are of the pick, and what becomes of them; not what they say."""
        if pick.pk is None:
            return "None yet: it is new."
        return format_html("<p>{}</p>{}", what_goes(pick.count) if pick.count else "None.", fix_link(pick))


def what_goes(count: int) -> str:
    """A warning to whoever may delete a pick with so many opinions."""
    opinions = "1 opinion goes" if count == 1 else f"{count} opinions go"
    return f"{opinions} with the pick when you delete it."


def fix_link(pick: WeekMovie | WeekAlbum) -> str:
    return format_html(
        '<a class="button fix-match" href="{}">Fix a wrong match<span class="visually-hidden"> of {}</span></a>',
        rematch_address(pick),
        work_of(pick),
    )


def in_short(opinion: Opinion) -> str:
    rated = f"{opinion.rating} of 10" if opinion.rating else "not rated"
    return f"{rated}, “{opinion.review[:80]}”" if opinion.review else rated


class MoviePickInline(PickInline):
    kind = "movie"
    model = WeekMovie
    form = MovieForm
    formset = MovieFormSet
    autocomplete_fields = ["movie"]


class AlbumPickInline(PickInline):
    kind = "album"
    model = WeekAlbum
    form = AlbumForm
    formset = AlbumFormSet
    autocomplete_fields = ["album"]


class WeekForm(CarefulForm):
    """Says so when somebody else has saved the week since the form was opened."""

    seen_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if "notes" in self.fields:
            self.fields["notes"].widget.attrs["rows"] = 3  # so that the picks are in sight
        if self.instance.pk:
            self.stored = (self.instance.updated_at, Week(**{name: getattr(self.instance, name) for name in WHERE}))
            self.stored[1].pk = self.instance.pk
            self.initial["seen_at"] = self.instance.updated_at.isoformat()

    def clean(self):
        super().clean()
        if not self.instance.pk:
            try:
                services.refuse_too_many_weeks(self.cleaned_data.get("user"))
            except services.Conflict as conflict:
                raise ValidationError(f"{conflict}.") from None
            return
        said, (updated_at, week) = self.cleaned_data, self.stored
        if said.get("seen_at") not in {None, "", updated_at.isoformat()}:
            raise ValidationError(CHANGED)
        if said.get("year") and said.get("week_number"):
            try:
                services.refuse_early_end(week, said["year"], said["week_number"])
            except services.Conflict as conflict:
                raise ValidationError(str(conflict)) from None


WHERE = ("user", "year", "week_number")


@admin.register(Week)
class WeekAdmin(ExchangeAdmin, WeekLockAdmin):
    form = WeekForm
    resource_classes = [WeekResource]
    list_display = ["name", "user", "state", "movies", "albums", "opinions", "updated_at"]
    list_filter = [StateFilter, RangeFilter, "user", "year"]
    search_fields = ["notes"]  # see get_search_results()
    search_help_text = "Words of titles, artists, notes and people's names, or a week such as 2026-W07."
    autocomplete_fields = ["user"]
    inlines = [MoviePickInline, AlbumPickInline]
    list_per_page = 53

    class Media:
        css = {"all": ["selections/admin.css"]}

    def get_urls(self):
        def wrap(view):
            return self.admin_site.admin_view(lambda request: view(self, request))

        works = WorksView.as_view(admin_site=self.admin_site)
        return [
            path("grid/", wrap(years.grid), name="selections_week_grid"),
            path("backfill/", wrap(years.backfill), name="selections_week_backfill"),
            path("works/", self.admin_site.admin_view(works), name="selections_week_works"),
            *super().get_urls(),
        ]

    def has_import_permission(self, request):
        """An import adds weeks and picks, and notes to weeks that have none."""
        wanted = ["add_week", "change_week", "add_weekmovie", "add_weekalbum"]
        return request.user.has_perms([f"selections.{code}" for code in wanted])

    def get_queryset(self, request):
        movies = WeekMovie.objects.select_related("movie").annotate(count=Count("opinions")).order_by("position")
        albums = WeekAlbum.objects.select_related("album").annotate(count=Count("opinions")).order_by("position")
        weeks = Week.objects.select_related("user").order_by("-year", "-week_number", "id")
        return weeks.prefetch_related(Prefetch("movie_picks", movies), Prefetch("album_picks", albums))

    def get_search_results(self, request, queryset, search_term):
        """Those that have every word somewhere, or are of the week that a word is the name of."""
        for word in search_term.split()[:10]:
            if name := read_week_name(word.upper()):
                queryset = queryset.filter(year=name[0], week_number=name[1])
            else:
                people = get_user_model()._default_manager.named_like(word)
                mentioned = Week.objects.mentioning(word)
                queryset = queryset.filter(Q(pk__in=mentioned.values("pk")) | Q(user__in=people.values("pk")))
        return queryset, False

    def get_fields(self, request, obj=None):
        dates = [] if obj is None else [("created_at", "updated_at"), "seen_at"]
        return ["user", ("year", "week_number"), "notes", *dates]

    def get_readonly_fields(self, request, obj=None):
        """Whose week it is stays: what others think of it was said to them."""
        return [] if obj is None else ["user", "created_at", "updated_at"]

    def get_autocomplete_fields(self, request):
        """Looking names up is for those who may see accounts; others choose from all names."""
        return self.autocomplete_fields if self.may_see(get_user_model(), request) else []

    def has_revealed(self, one, user):
        picks = (*one.movie_picks.all(), *one.album_picks.all())
        return one.user == user and any(services.has_revealed(user, pick) for pick in picks)

    def week_of(self, pk):
        return Week.objects.filter(pk=pk).first()

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if stored := obj and Week.objects.filter(pk=obj.pk).first():  # obj may have what was typed and refused
            context |= neighbours(stored)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request, obj, form, change):
        obj.updated_at = timezone.now()  # also when only its picks changed
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request, queryset):
        for week in list(queryset):
            try:
                with transaction.atomic():
                    services.lock_week(week).delete()
            except Week.DoesNotExist:
                self.message_user(request, f"{week} was gone already.", messages.WARNING)

    @admin.display(description="week", ordering="year")
    def name(self, week):
        return week.name

    @admin.display(description="state")
    def state(self, week):
        state = years.state_of(len(week.movie_picks.all()), len(week.album_picks.all()))
        return format_html('<span class="state {}">{}</span>', state, years.WORDS[state])

    @admin.display(description="movies")
    def movies(self, week):
        return shown(week.movie_picks.all()) or "no movie"

    @admin.display(description="albums")
    def albums(self, week):
        return shown(week.album_picks.all()) or "no album"

    @admin.display(description="opinions")
    def opinions(self, week):
        return sum(pick.count for pick in (*week.movie_picks.all(), *week.album_picks.all())) or "–"


def shown(picks):
    rows = ((picture_of(pick), work_of(pick)) for pick in picks)
    return format_html_join("", '<span class="pick">{} <span>{}</span></span>', rows)


def neighbours(week: Week) -> dict[str, object]:
    """The weeks of the same person before and after this one, and the address of their year."""
    theirs = Week.objects.filter(user=week.user_id).exclude(pk=week.pk)
    day = week.starts_on
    before, after = ((day + timedelta(weeks=step)).isocalendar()[:2] for step in (-1, 1))
    return {
        "week_before": theirs.until(*before).order_by("-year", "-week_number").first(),
        "week_after": theirs.since(*after).order_by("year", "week_number").first(),
        "grid_query": urlencode({"user": week.user_id, "year": week.year}),
    }
