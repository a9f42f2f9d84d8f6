from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from catalog import pictures
from catalog.models import Album, Movie
from integrations.errors import IntegrationError
from selections import services
from selections.models import Week, WeekAlbum, WeekMovie
from selections.transfer.review import read_choice

from . import cards
from .careful import CarefulForm, WeekLockAdmin
from .works import WorkSelect

HIDDEN = (
    "Some opinions are hidden, as you take part in their week. You can read them once you have given your own, or the "
    "week is over."
)
KINDS: dict[type[WeekMovie | WeekAlbum], str] = {WeekMovie: "movie", WeekAlbum: "album"}


def work_of(pick: WeekMovie | WeekAlbum) -> Movie | Album:
    return pick.movie if isinstance(pick, WeekMovie) else pick.album


def picture_of(pick: WeekMovie | WeekAlbum, size: str = "small"):
    return pictures.picture(pick.work, size)


def opinions_address(pick: WeekMovie | WeekAlbum) -> str:
    kind = KINDS[type(pick)]
    return reverse("admin:selections_opinion_changelist") + f"?{kind}_pick__id__exact={pick.pk}"


def rematch_address(pick: WeekMovie | WeekAlbum) -> str:
    return reverse(f"admin:selections_{pick._meta.model_name}_rematch", args=[pick.pk])


class ChoiceForm(forms.Form):
    """Which movie or release a pick is of: an id, or an address."""

    choice = forms.CharField(max_length=300)

    def __init__(self, kind: str, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def clean_choice(self) -> int | UUID:
        found = read_choice(self.kind, self.cleaned_data["choice"]) or {}
        known_as = found.get("tmdb_id") or found.get("musicbrainz_id")
        if not isinstance(known_as, int | UUID):
            raise forms.ValidationError("Choose one of the cards.")
        return known_as


class MovableForm(CarefulForm):
    """A pick may take the position of the other one, which gets its own in exchange."""

    def validate_constraints(self, exclude=frozenset()):
        super().validate_constraints(exclude | {"position"} if self.instance.pk else exclude)


class PickAdmin(WeekLockAdmin):
    """Of a pick that is there, the place and time can be changed here, and what it is of by looking for the right one;
    which week it is in stays, as what others think of it may be secret there."""

    kind: str
    form = MovableForm
    list_filter = ["week__user", "week__year"]
    date_hierarchy = "added_at"
    list_per_page = 50

    class Media:
        css = {"all": ["selections/admin.css"]}

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(self.kind, "week__user").annotate(said=Count("opinions"))

    def get_urls(self):
        view = self.admin_site.admin_view(self.rematch_view)
        name = f"selections_{self.opts.model_name}_rematch"
        return [path("<int:pk>/rematch/", view, name=name), *super().get_urls()]

    def get_fields(self, request, obj=None):
        if obj is None:
            return ["week", self.kind, "position", "added_at"]
        return ["picture", "of", "week", "position", "added_at", "opinions"]

    def get_readonly_fields(self, request, obj=None):
        return [] if obj is None else ["picture", "of", "week", "opinions"]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == self.kind:
            kwargs["widget"] = WorkSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_revealed(self, one, user):
        return one.week.user == user and services.has_revealed(user, one)

    def week_of(self, pk):
        return Week.objects.filter(**{f"{self.kind}_picks": pk}).first()

    def save_model(self, request, obj, form, change):
        if not change:
            services.lock_week(obj.week)
        elif "position" in form.changed_data:
            services.swap_positions(type(obj), obj.week)
        super().save_model(request, obj, form, change)
        services.touch(obj.week)

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        services.touch(obj.week)

    def delete_queryset(self, request, queryset):
        with transaction.atomic():
            weeks = Week.objects.filter(pk__in=list(queryset.values_list("week", flat=True))).order_by("pk")
            for week in weeks.select_for_update():
                services.touch(week)
            queryset.model._default_manager.filter(pk__in=list(queryset.values_list("pk", flat=True))).delete()

    @admin.display(description="")
    def picture(self, pick):
        return picture_of(pick)

    @admin.display(description="opinions", ordering="said")
    def opinions(self, pick):
        return format_html('<a href="{}">{}</a>', opinions_address(pick), pick.said) if pick.said else "–"

    @admin.display(description="match")
    def match(self, pick):
        return format_html(
            '<a href="{}">Fix<span class="visually-hidden"> the match of {}</span></a>',
            rematch_address(pick),
            work_of(pick),
        )

    @admin.display(description="it is")
    def of(self, pick):
        return format_html(
            '{} <a class="button fix-match" href="{}">Fix a wrong match</a>', work_of(pick), rematch_address(pick)
        )

    def rematch_view(self, request, pk):
        """Looks for the movie or release that a pick should have been of, and makes it that."""
        pick = self.get_queryset(request).filter(pk=pk).first()
        if not self.has_change_permission(request, pick):
            raise PermissionDenied
        if pick is None:
            self.message_user(request, "This pick is gone: somebody has removed it.", messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        if request.method == "POST":
            return self.rematch(request, pick)
        work = work_of(pick)
        words = request.GET.get(
            "q", cards.search_words_of({"title": work.title, "artist": getattr(work, "artist", "")})
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Fix the match of {work}",
            "opts": self.opts,
            "pick": pick,
            "kind": self.kind,
            "words": words,
            "media": self.media,
            "current": cards.movie_card(work) if isinstance(work, Movie) else cards.album_card(work),
            "found": self.find(request, words),
            "is_album": self.kind == "album",
        }
        return TemplateResponse(request, "admin/selections/rematch.html", context)

    def find(self, request, words: str) -> list[cards.Card] | None:
        """What can be chosen instead; None where nobody could be asked, which a message says."""
        if not words.strip():
            return None
        try:
            return cards.find(self.kind, words)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    def rematch(self, request, pick: WeekMovie | WeekAlbum):
        again = f"{rematch_address(pick)}?{urlencode({'q': request.POST.get('q', '')[:200]})}"
        form, before = ChoiceForm(self.kind, request.POST), work_of(pick)
        if not form.is_valid():
            self.message_user(request, "Choose one of the cards.", messages.ERROR)
            return HttpResponseRedirect(again)
        try:
            pick = services.rematch(pick, form.cleaned_data["choice"])
        except (services.Conflict, IntegrationError) as error:
            self.message_user(request, f"{error}.".replace("..", "."), messages.ERROR)
            return HttpResponseRedirect(again)
        except ObjectDoesNotExist:
            self.message_user(request, "This pick is gone: somebody has removed it.", messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        self.say_rematched(request, pick, before)
        page = "week_change" if self.may_see(Week, request) else f"{self.opts.model_name}_change"
        return HttpResponseRedirect(
            reverse(f"admin:selections_{page}", args=[pick.week_id if page == "week_change" else pick.pk])
        )

    def say_rematched(self, request, pick: WeekMovie | WeekAlbum, before: Movie | Album) -> None:
        after = work_of(pick)
        if after == before:
            self.message_user(request, f"It was {after} already: nothing has changed.")
            return
        sentence = f"Fixed a wrong match: {before} became {after}."
        self.log_change(request, pick, sentence)
        self.log_change(request, pick.week, sentence)
        self.message_user(request, f"{sentence} Opinions and position stayed.", messages.SUCCESS)


@admin.register(WeekMovie)
class WeekMovieAdmin(PickAdmin):
    kind = "movie"
    list_display = ["picture", "movie", "week", "position", "opinions", "added_at", "match"]
    list_display_links = ["movie"]
    search_fields = ["movie__search_text", "week__user__username"]
    autocomplete_fields = ["week", "movie"]


@admin.register(WeekAlbum)
class WeekAlbumAdmin(PickAdmin):
    kind = "album"
    list_display = ["picture", "album", "week", "position", "opinions", "added_at", "match"]
    list_display_links = ["album"]
    search_fields = ["album__search_text", "week__user__username"]
    autocomplete_fields = ["week", "album"]
