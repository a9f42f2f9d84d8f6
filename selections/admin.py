from django.contrib import admin
from django.utils import timezone

from . import services
from .models import EarlierRating, Opinion, Week, WeekAlbum, WeekMovie


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
    list_filter = ["user", "year"]
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
