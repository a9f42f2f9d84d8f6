from django.contrib import admin, messages
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from catalog import pictures
from catalog.admin.fetched import ReadOnlyInline
from catalog.admin.filters import ConditionFilter
from selections.admin.careful import WeekLockAdmin
from selections.admin.picks import HIDDEN, fix_link
from selections.admin.searching import NameSearchAdmin
from selections.guards import has_revealed
from selections.models import MAX_RATING, EarlierRating, Event, Opinion, Week
from selections.recording import record


class EarlierRatingInline(ReadOnlyInline):
    model = EarlierRating
    fields = ["rating", "until_at"]


class RatingFilter(ConditionFilter):
    title = parameter_name = "rating"

    def conditions(self):
        ratings = {str(rating): (f"{rating} of 10", Q(rating=rating)) for rating in range(1, MAX_RATING + 1)}
        return ratings | {"none": ("Not rated", Q(rating=None))}


@admin.register(Opinion)
class OpinionAdmin(NameSearchAdmin, WeekLockAdmin):
    list_display_links = ["__str__"]
    list_filter = [RatingFilter, "contains_spoilers", "created_at"]
    list_per_page = 50
    search_fields = ["user", "review", "movie_pick__movie", "album_pick__album"]
    autocomplete_fields = ["user", "movie_pick", "album_pick"]
    show_full_result_count = False
    inlines = [EarlierRatingInline]

    class Media:
        css = {"all": ["selections/admin.css"]}

    def get_queryset(self, request):
        return Opinion.objects.exclude(pk__in=self.hidden_ids(request)).with_picks()

    def may_fix(self, request) -> bool:
        return request.user.has_perms(["selections.change_weekmovie", "selections.change_weekalbum"])

    def get_list_display(self, request):
        columns = ["picture", "__str__", "rating", "excerpt", "created_at"]
        return [*columns, "match"] if self.may_fix(request) else columns

    def hidden_ids(self, request) -> list[int]:
        """The opinions that are hidden from the user, looked up once for each request."""
        if not hasattr(request, "hidden_opinions"):
            hidden = Opinion.objects.hidden_from_staff(request.user).order_by()
            request.hidden_opinions = list(hidden.values_list("pk", flat=True))
        return request.hidden_opinions

    def changelist_view(self, request, extra_context=None):
        if request.method == "GET" and self.hidden_ids(request):
            messages.info(request, HIDDEN)
        return super().changelist_view(request, extra_context)

    def get_paginator(self, request, *args, **kwargs):
        """Without filters, all opinions less the hidden ones are counted, instead of comparing each with these."""
        paginator = super().get_paginator(request, *args, **kwargs)
        if not request.GET.keys() - {"p", "o"}:
            paginator.count = Opinion.objects.count() - len(self.hidden_ids(request))
        return paginator

    @admin.display(description="review")
    def excerpt(self, opinion):
        review = Truncator(opinion.review).chars(80)
        return f"{review} (contains spoilers)" if opinion.contains_spoilers else review or "–"

    def has_revealed(self, row, user):
        return row.user == user and has_revealed(user, row.pick)

    def get_fields(self, request, obj=None):
        content = ["rating", "review", "contains_spoilers"]
        if obj is None:
            return ["user", "movie_pick", "album_pick", *content]
        pick = "on" if self.may_fix(request) else "pick"
        return [self.user_field(request), "picture", pick, *content, "created_at", "updated_at"]

    def get_readonly_fields(self, request, obj=None):
        """The user and the pick cannot be changed: a wrong match is fixed in the pick."""
        return [] if obj is None else [self.user_field(request), "picture", "on", "pick", "created_at", "updated_at"]

    def week_of(self, pk):
        return Week.objects.filter(opinions=pk).first()

    def save_model(self, request, obj, form, change):
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)
        if change and obj.rating != form.initial["rating"]:
            obj.earlier_ratings.create(rating=form.initial["rating"])
        if not change:
            record(Event.Kind.OPINION_GIVEN, obj.user, week=obj.week, opinion=obj)

    @admin.display(description="picture")
    def picture(self, opinion):
        return pictures.picture(opinion.pick.work)

    @admin.display(description="on")
    def on(self, opinion):
        return format_html("{} {}", opinion.pick, fix_link(opinion.pick))

    @admin.display(description="match")
    def match(self, opinion):
        return fix_link(opinion.pick, "Fix", "")
