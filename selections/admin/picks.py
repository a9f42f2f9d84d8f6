from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from catalog import pictures
from catalog.admin.cards import Card, album_card, movie_card
from catalog.models import Album, Movie
from integrations.errors import IntegrationError
from selections import services
from selections.guards import Conflict, has_revealed, touch
from selections.kinds import KINDS, Kind
from selections.models import AnyPick, Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer.review import read_choice

from . import cards
from .careful import CarefulForm, WeekLockAdmin
from .searching import NameSearchAdmin

HIDDEN = (
    "Some opinions are hidden because you take part in their week. You can read them once you have given your own, or "
    "the week is over."
)
GONE = "This pick has been removed."


def opinions_address(pick: AnyPick) -> str:
    return reverse("admin:selections_opinion_changelist") + f"?{pick.kind}_pick__id__exact={pick.pk}"


def rematch_address(pick: AnyPick) -> str:
    return reverse(f"admin:selections_{pick._meta.model_name}_rematch", args=[pick.pk])


def fix_link(pick: AnyPick, text: str = "Fix a wrong match", style: str = "button fix-match"):
    """A link to the page that corrects the work of a pick."""
    return format_html(
        '<a class="{}" href="{}">{}<span class="visually-hidden"> of {}</span></a>',
        style,
        rematch_address(pick),
        text,
        pick.work,
    )


def count_opinions(kind: Kind) -> Coalesce:
    """The number of opinions on each pick of this kind, counted only for the rows that are loaded."""
    on = Opinion.objects.filter(**{kind.opinion_field: OuterRef("pk")}).order_by().values(kind.opinion_field)
    return Coalesce(Subquery(on.annotate(count=Count("pk")).values("count")), 0)


class MovableForm(CarefulForm):
    """A pick can swap its position with another pick."""

    def validate_constraints(self, exclude=frozenset()):
        super().validate_constraints(exclude | {"position"} if self.instance.pk else exclude)


class PickAdmin(NameSearchAdmin, WeekLockAdmin):
    """The position and time of a pick can be changed here, and its work by searching for the right one.

    Its week cannot be changed, as others' opinions on it may be hidden there.
    """

    form = MovableForm
    list_filter = ["week__year", "added_at", "rewatch"]
    ordering = ["-pk"]
    show_full_result_count = False
    list_per_page = 50
    search_fields = ["week__user"]

    class Media:
        css = {"all": ["selections/admin.css"]}

    @property
    def kind(self) -> Kind:
        return KINDS[self.model.kind]

    def get_list_display(self, request):
        columns = ["picture", self.kind.name, "week", "position", "opinions", "added_at"]
        return [*columns, "match"] if self.has_change_permission(request) else columns

    def get_list_display_links(self, request, list_display):
        return [self.kind.name]

    def get_search_fields(self, request):
        return [self.kind.name, *self.search_fields]

    def get_queryset(self, request):
        picks = super().get_queryset(request).select_related(self.kind.name, "week__user")
        return picks.annotate(opinions_count=count_opinions(self.kind))

    def get_urls(self):
        view = self.admin_site.admin_view(self.rematch_view)
        name = f"selections_{self.opts.model_name}_rematch"
        return [path("<int:pk>/rematch/", view, name=name), *super().get_urls()]

    def get_fields(self, request, obj=None):
        if obj is None:
            return ["week", self.kind.name, "position", "rewatch", "added_at"]
        work = "of" if self.has_change_permission(request, obj) else "work"
        return ["picture", work, "week", "position", "rewatch", "added_at", "opinions"]

    def get_readonly_fields(self, request, obj=None):
        return [] if obj is None else ["picture", "of", "work", "week", "opinions"]

    def get_autocomplete_fields(self, request):
        return ["week", self.kind.name]

    def has_revealed(self, row, user):
        return row.week.user == user and has_revealed(user, row)

    def week_of(self, pk):
        return Week.objects.filter(**{self.kind.related_picks: pk}).first()

    def save_model(self, request, obj, form, change):
        if not change:
            services.place_pick(obj)
            return
        if obj.position != form.initial["position"]:
            services.move_pick(self.kind, obj.week, form.initial["position"], obj.position)
        super().save_model(request, obj, form, change)
        touch(obj.week)

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        touch(obj.week)

    def delete_queryset(self, request, queryset):
        with transaction.atomic():
            weeks = Week.objects.filter(pk__in=list(queryset.values_list("week", flat=True))).order_by("pk")
            for week in weeks.select_for_update():
                touch(week)
            queryset.model._default_manager.filter(pk__in=list(queryset.values_list("pk", flat=True))).delete()

    @admin.display(description="picture")
    def picture(self, pick):
        return pictures.picture(pick.work)

    @admin.display(description="opinions", ordering="opinions_count")
    def opinions(self, pick):
        count = pick.opinions_count
        return format_html('<a href="{}">{}</a>', opinions_address(pick), count) if count else "–"

    @admin.display(description="match")
    def match(self, pick):
        return fix_link(pick, "Fix", "")

    @admin.display(description="work")
    def of(self, pick):
        return format_html("{} {}", pick.work, fix_link(pick))

    def rematch_view(self, request, pk):
        """Searches for the right movie or release of a pick, and corrects the pick."""
        pick = self.get_queryset(request).filter(pk=pk).first()
        if not self.has_change_permission(request, pick):
            raise PermissionDenied
        if pick is None:
            self.message_user(request, GONE, messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        if request.method == "POST":
            return self.rematch(request, pick)
        work = pick.work
        about = {"title": work.title, "artist": getattr(work, "artist", "")}
        words = request.GET.get("q", cards.search_words_of(about))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Fix the match of {work}",
            "opts": self.opts,
            "pick": pick,
            "words": words,
            "media": self.media,
            "current": album_card(work) if isinstance(work, Album) else movie_card(work),
            "found": self.find(request, words),
            "is_album": self.kind.name == "album",
        }
        return TemplateResponse(request, "admin/selections/rematch.html", context)

    def find(self, request, words: str) -> list[Card] | None:
        """The cards to choose from; None without words, or, with a message, if the search failed."""
        if not words.strip():
            return None
        try:
            return cards.find(self.kind.name, words)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    def rematch(self, request, pick: AnyPick):
        again = f"{rematch_address(pick)}?{urlencode({'q': request.POST.get('q', '')[:200]})}"
        chosen = read_choice(self.kind.name, request.POST.get("choice", "")[:300]) or {}
        before = pick.work
        if self.kind.id_field not in chosen:
            self.message_user(request, "Choose one of the cards.", messages.ERROR)
            return HttpResponseRedirect(again)
        try:
            pick = services.rematch(pick, chosen[self.kind.id_field])
        except (Conflict, IntegrationError) as error:
            self.message_user(request, f"{error}.".replace("..", "."), messages.ERROR)
            return HttpResponseRedirect(again)
        except ObjectDoesNotExist:
            self.message_user(request, GONE, messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        self.say_rematched(request, pick, before)
        if request.user.has_perm("selections.view_week"):
            return HttpResponseRedirect(reverse("admin:selections_week_change", args=[pick.week_id]))
        return HttpResponseRedirect(self.address("change", pick.pk))

    def say_rematched(self, request, pick: AnyPick, before: Movie | Album) -> None:
        after = pick.work
        if after == before:
            self.message_user(request, f"It already was {after}. Nothing has changed.")
            return
        sentence = f"Fixed a wrong match: {before} became {after}."
        self.log_change(request, pick, sentence)
        self.log_change(request, pick.week, sentence)
        self.message_user(request, f"{sentence} Its opinions and position were kept.", messages.SUCCESS)


admin.site.register([WeekMovie, WeekAlbum], PickAdmin)
