from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.html import format_html_join

from catalog import pictures

from . import services
from .dashboard import is_half_filled, lacks
from .importing import STATES, Decision, settle
from .models import (
    EarlierRating,
    ImportedRow,
    Opinion,
    Week,
    WeekAlbum,
    WeekMovie,
    read_week_name,
    this_week,
    week_before,
)
from .review import read_choice


class HalfFilledFilter(admin.SimpleListFilter):
    """Weeks that are over where the one who looks lives, and have picks of one kind only."""

    title = "half filled"
    parameter_name = "half_filled"

    def lookups(self, request, model_admin):
        return [("either", "Movies or albums missing"), ("movie", "Movies missing"), ("album", "Albums missing")]

    def queryset(self, request, queryset):
        conditions = {"either": is_half_filled(), "movie": lacks("movie"), "album": lacks("album")}
        condition = conditions.get(self.value() or "")
        return queryset.filter(week_before(*this_week(request.user)), condition) if condition else queryset


class PickInline(admin.TabularInline):
    max_num = 2
    extra = 0

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.is_relation:
            field.widget.can_delete_related = False  # its red cross looks like removing the pick
        return field


class MoviePickInline(PickInline):
    model = WeekMovie
    fields = ["position", "movie", "added_at"]
    autocomplete_fields = ["movie"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("movie", "week__user")


class AlbumPickInline(PickInline):
    model = WeekAlbum
    fields = ["position", "album", "added_at"]
    autocomplete_fields = ["album"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("album", "week__user")


@admin.register(Week)
class WeekAdmin(admin.ModelAdmin):
    list_display = ["name", "user", "starts_on", "movies", "albums", "complete", "updated_at"]
    list_filter = [HalfFilledFilter, "user", "year"]
    search_fields = [
        "user__username",
        "notes",
        "movie_picks__movie__search_text",
        "album_picks__album__search_text",
    ]
    autocomplete_fields = ["user"]
    readonly_fields = ["created_at", "updated_at"]
    inlines = [MoviePickInline, AlbumPickInline]
    list_per_page = 53

    def get_autocomplete_fields(self, request):
        """Looking names up is for those who may see accounts; others choose from all names."""
        sees_people = self.admin_site.get_model_admin(get_user_model()).has_view_permission(request)
        return self.autocomplete_fields if sees_people else []

    def get_queryset(self, request):
        return Week.objects.with_picks().order_by("-year", "-week_number", "id")

    def save_model(self, request, obj, form, change):
        obj.updated_at = timezone.now()  # also when only its picks changed
        super().save_model(request, obj, form, change)

    def delete_model(self, request, obj):
        services.delete_week(obj)

    @admin.display(description="week", ordering="year")
    def name(self, week):
        return week.name

    @admin.display(description="movies")
    def movies(self, week):
        return ", ".join(str(pick.movie) for pick in week.movie_picks.all()) or "–"

    @admin.display(description="albums")
    def albums(self, week):
        return ", ".join(str(pick.album) for pick in week.album_picks.all()) or "–"

    @admin.display(description="complete", boolean=True)
    def complete(self, week):
        return week.is_complete


class PickAdmin(admin.ModelAdmin):
    list_filter = ["week__user", "week__year"]
    date_hierarchy = "added_at"

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        services.touch(obj.week)

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        services.touch(obj.week)

    def delete_queryset(self, request, queryset):
        weeks = list(Week.objects.filter(pk__in=queryset.values("week")))
        super().delete_queryset(request, queryset)
        for week in weeks:
            services.touch(week)


@admin.register(WeekMovie)
class WeekMovieAdmin(PickAdmin):
    list_display = ["movie", "week", "position", "added_at"]
    list_select_related = ["movie", "week__user"]
    search_fields = ["movie__search_text", "week__user__username"]
    autocomplete_fields = ["week", "movie"]


@admin.register(WeekAlbum)
class WeekAlbumAdmin(PickAdmin):
    list_display = ["album", "week", "position", "added_at"]
    list_select_related = ["album", "week__user"]
    search_fields = ["album__search_text", "week__user__username"]
    autocomplete_fields = ["week", "album"]


class EarlierRatingInline(admin.TabularInline):
    model = EarlierRating
    extra = 0
    can_delete = False
    fields = ["rating", "until_at"]
    readonly_fields = ["rating", "until_at"]

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Opinion)
class OpinionAdmin(admin.ModelAdmin):
    list_display = ["pick", "user", "rating", "contains_spoilers", "created_at"]
    list_filter = ["rating", "contains_spoilers", "user"]
    search_fields = ["user__username", "review", "movie_pick__movie__search_text", "album_pick__album__search_text"]
    autocomplete_fields = ["user", "movie_pick", "album_pick"]
    readonly_fields = ["created_at", "updated_at"]
    date_hierarchy = "created_at"
    inlines = [EarlierRatingInline]

    def get_queryset(self, request):
        return Opinion.objects.with_picks()

    def save_model(self, request, obj, form, change):
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)
        if "rating" in form.changed_data and form.initial.get("rating") is not None:
            obj.earlier_ratings.create(rating=form.initial["rating"])


class DecisionForm(forms.ModelForm):
    """What a person says about a row that an import could not place."""

    choice = forms.CharField(
        required=False, help_text="An id or address of TMDB, IMDb or MusicBrainz, such as one of the candidates'."
    )
    week = forms.CharField(required=False, help_text="Another ISO week, such as 2026-W07.")

    class Meta:
        model = ImportedRow
        fields: list[str] = []

    def clean_choice(self):
        choice = self.cleaned_data["choice"].strip()
        ids = read_choice(self.instance.kind, choice) if choice else {}
        if ids is None:
            raise forms.ValidationError("This is no id or address of a movie or album.")
        return ids

    def clean_week(self):
        name = self.cleaned_data["week"].strip()
        week = read_week_name(name) if name else None
        if name and week is None:
            raise forms.ValidationError("Write an ISO week as 2026-W07.")
        return week


@admin.register(ImportedRow)
class ImportedRowAdmin(admin.ModelAdmin):
    """The rows of files that wait for somebody's decision; what is done is there to look at."""

    form = DecisionForm
    list_display = ["__str__", "kind", "week", "user", "state", "reason"]
    list_filter = ["state", "kind", "user"]
    list_select_related = ["user"]
    search_fields = ["user__username", "said", "reason"]
    readonly_fields = ["user", "kind", "state", "reason", "said_in_file", "candidate_list"]
    fields = [*readonly_fields, "choice", "week"]
    actions = ["leave_out"]

    def has_add_permission(self, request):
        return False

    def get_fields(self, request, obj=None):
        waits = obj is not None and obj.state == ImportedRow.State.REVIEW and self.has_change_permission(request, obj)
        return self.fields if waits else self.readonly_fields

    def save_model(self, request, obj, form, change):
        """Settle the row; what cannot be placed goes on waiting, and is told why."""
        decision = Decision(form.cleaned_data.get("choice") or {}, form.cleaned_data.get("week"))
        if decision.ids or decision.week:
            outcome = settle(obj, decision)
            level = messages.SUCCESS if outcome.state in {"new", "there"} else messages.WARNING
            self.message_user(request, f"{outcome.work}: {outcome.sentence or STATES[outcome.state]}.", level)

    @admin.action(description="Leave the selected rows out")
    def leave_out(self, request, queryset):
        waiting = list(queryset.filter(state=ImportedRow.State.REVIEW).select_related("user"))
        for row in waiting:
            settle(row, Decision(skip=True))
        self.message_user(request, f"{len(waiting)} rows are left out.")

    @admin.display(description="week")
    def week(self, row):
        year, number = row.said.get("week") or (None, None)
        return f"{year}-W{number:02}" if year else "–"

    @admin.display(description="said in the file")
    def said_in_file(self, row):
        said = ((name.replace("_", " "), value) for name, value in row.said.items() if value)
        return format_html_join("", "<div>{}: {}</div>", said)

    @admin.display(description="candidates")
    def candidate_list(self, row):
        rows = []
        for candidate in row.candidates:
            names = f"{candidate['artist']}: {candidate['title']}" if candidate["artist"] else candidate["title"]
            picture = pictures.poster_at(candidate["picture"]) if row.kind == "movie" else pictures.framed("", "cover")
            rows.append((picture, candidate["id"], names, candidate["released"] or "no date", candidate["score"]))
        return format_html_join("", "<div>{} <code>{}</code> {}, {}, {} of 100</div>", rows) or "none"
