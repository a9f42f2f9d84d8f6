from collections import Counter
from functools import partial

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from catalog.admin.cards import Card
from catalog.progress import counted
from integrations.errors import IntegrationError
from selections.admin import cards
from selections.admin.careful import number
from selections.admin.years import WeekNameField
from selections.kinds import KINDS
from selections.models import ImportedRow
from selections.weeks import week_name

from .import_page import import_view
from .importing import settle, settle_all
from .outcomes import STATES, Decision, Outcome
from .review import read_choice

WAITS = ImportedRow.State.REVIEW
MAX_ACCEPTED = 50  # at a time: upstreams may be asked about each
MAX_SKIPPED = 500
PLACED = {"new", "planned", "there"}
# The columns that help to decide; not the rating and the review, which may be hidden until the week is over.
SAID = ["place", "title", "artist", "year", "day", "position", "rewatch", "notes"]
SAID += ["tmdb_id", "imdb_id", "musicbrainz_id", "release_group_id", "added_at", "said_at"]
# Each by itself: SQLite has the whole row as JSON in ASCII, which does not contain "Amélie".
SEARCHED = ["place", "title", "artist", "notes", "tmdb_id", "imdb_id", "musicbrainz_id", "release_group_id"]


class DecisionForm(forms.Form):
    """The decision about a row that an import could not place."""

    choice = forms.CharField(
        required=False,
        max_length=300,
        label="Another id",
        help_text="An id or address of TMDB, IMDb or MusicBrainz, instead of a candidate.",
    )
    week = WeekNameField(
        required=False,
        max_length=20,
        label="Another week",
        help_text="Such as 2026-W07. Leave empty to use the week in the file, or the shortlist.",
    )

    def __init__(self, row: ImportedRow, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.row = row

    def clean_choice(self):
        choice = self.cleaned_data["choice"].strip()
        ids = read_choice(self.row.kind, choice) if choice else {}
        if ids is None:
            raise forms.ValidationError("Enter an id or address of a movie or album.")
        return ids

    def clean(self):
        super().clean()
        if self.errors or self.cleaned_data["choice"]:
            return
        if not self.cleaned_data["week"]:
            raise forms.ValidationError("Accept a candidate, or enter an id or address.")
        if not self.row.chosen:
            self.add_error("choice", "Accept a candidate as well, or enter an id or address.")


class QueueFilter(admin.SimpleListFilter):
    """Rows to decide, unless another state is chosen."""

    title = "state"
    parameter_name = "state__exact"

    def lookups(self, request, model_admin):
        return [*ImportedRow.State.choices, ("all", "all")]

    def value(self):
        return super().value() or WAITS.value

    def choices(self, changelist):
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": self.value() == value, "query_string": query, "display": title}

    def queryset(self, request, queryset):
        return queryset if self.value() == "all" else queryset.filter(state=self.value())


@admin.register(ImportedRow)
class ImportedRowAdmin(admin.ModelAdmin):
    """Imported rows to decide, one after the other; settled rows can be viewed."""

    list_display = ["best", "__str__", "kind", "week", "user", "state", "reason", "offer"]
    list_display_links = ["__str__"]
    list_filter = [QueueFilter, "kind"]
    list_select_related = ["user"]
    list_per_page = 50
    search_fields = ["user__username", *(f"said__{name}" for name in SEARCHED), "reason"]
    actions = ["accept_best", "skip_rows"]

    class Media:
        css = {"all": ["selections/admin.css"]}

    def has_add_permission(self, request):
        return False

    def lookup_allowed(self, lookup, value, request):
        """Not what a row says: an address with a rating or a word of a review would tell who gave it."""
        return not lookup.startswith("said") and super().lookup_allowed(lookup, value, request)

    def get_urls(self):
        view = self.admin_site.admin_view(partial(import_view, self))
        return [path("import/", view, name="selections_importedrow_import"), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = ImportedRow.objects.select_related("user").filter(pk=number(object_id)).first()
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        if row is None:
            self.message_user(request, "This row has been deleted.", messages.WARNING)
            return HttpResponseRedirect(self.address("changelist"))
        form = DecisionForm(row)
        if request.method == "POST":
            if not self.has_change_permission(request, row):
                raise PermissionDenied
            if row.state != WAITS:
                self.message_user(request, f"{row} has already been decided.", messages.WARNING)
                return self.open_next(row)
            decision, form = self.read_decision(row, request.POST)
            if decision:
                return self.decide(request, row, decision)
        return self.show(request, row, form)

    def read_decision(self, row: ImportedRow, said) -> tuple[Decision | None, DecisionForm]:
        """The decision, if it is complete; otherwise the form has the errors."""
        form = DecisionForm(row, said)
        if "_skip" in said:
            return Decision(skip=True), form
        if accepted := said.get("accept", ""):
            form = DecisionForm(row, {"choice": accepted, "week": said.get("week", "")})
        if not form.is_valid():
            return None, form
        return Decision(form.cleaned_data["choice"], form.cleaned_data["week"]), form

    def decide(self, request, row: ImportedRow, decision: Decision):
        outcome = settle(row, decision)
        sentence = in_words(outcome)
        if outcome.state in PLACED or outcome.state == "skipped":
            self.log_change(request, row, sentence)
            self.message_user(request, sentence, messages.SUCCESS)
            return self.open_next(row)
        self.message_user(request, sentence, messages.WARNING)
        if outcome.state == "before":
            return self.open_next(row)
        return HttpResponseRedirect(f"{self.address('change', row.pk)}?{urlencode({'q': request.POST.get('q', '')})}")

    def show(self, request, row: ImportedRow, form: DecisionForm):
        words = request.GET.get("q", "") or request.POST.get("q", "")
        waits = row.state == WAITS
        may_change = waits and self.has_change_permission(request, row)
        behind = ImportedRow.objects.filter(state=WAITS, pk__lt=row.pk).count()
        said = row.said.get("week")
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.opts,
            "media": self.media,
            "row": row,
            "original": row,
            "form": form,
            "waits": waits,
            "may_change": may_change,
            "may_delete": self.has_delete_permission(request, row),
            "place": behind + 1,
            "total": ImportedRow.objects.filter(state=WAITS).count(),
            "next": self.after(row),
            "said": [(name.replace("_", " "), row.said[name]) for name in SAID if row.said.get(name)],
            "week_name": self.week(row),
            "there": self.in_week(row) if said else None,
            "candidates": cards.candidate_cards(row.kind, row.candidates, row.chosen),
            "words": words or cards.search_words_of(row.said),
            "found": self.find(request, row, words) if words.strip() and may_change else None,
        }
        return TemplateResponse(request, "admin/selections/importedrow/change_form.html", context)

    def find(self, request, row: ImportedRow, words: str) -> list[Card] | None:
        """Hits to choose from besides the candidates; None, with a message, if the search failed."""
        try:
            return cards.find(row.kind, words)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    def in_week(self, row: ImportedRow) -> list[str]:
        """The picks of this kind that the row's week has."""
        kind, (year, week_number) = KINDS[row.kind], row.said["week"]
        picks = kind.picks._default_manager.select_related(kind.name).order_by("position")
        of_week = picks.filter(week__user=row.user, week__year=year, week__week_number=week_number)
        return [str(pick.work) for pick in of_week]

    def after(self, row: ImportedRow) -> ImportedRow | None:
        """The next row to decide; after the last one, the first."""
        waiting = ImportedRow.objects.filter(state=WAITS).exclude(pk=row.pk)
        return waiting.filter(pk__gt=row.pk).first() or waiting.first()

    def open_next(self, row: ImportedRow):
        following = self.after(row)
        return HttpResponseRedirect(self.address("change", following.pk) if following else self.address("changelist"))

    def address(self, page: str, *arguments: object) -> str:
        return reverse(f"admin:selections_importedrow_{page}", args=arguments)

    @admin.action(description="Accept the best candidate of the selected rows", permissions=["change"])
    def accept_best(self, request, queryset):
        waiting = queryset.filter(state=WAITS).select_related("user")
        offered = waiting.exclude(chosen="", candidates=[])
        total, count = waiting.count(), offered.count()
        decided = [
            (row, Decision(read_choice(row.kind, row.chosen or row.candidates[0]["id"]) or {}))
            for row in offered[:MAX_ACCEPTED]
            if not is_of_another_year(row)
        ]
        self.settle_many(request, decided, count, MAX_ACCEPTED)
        others = min(count, MAX_ACCEPTED) - len(decided)
        self.warn(request, others, "whose best candidate is of another year. Decide them one by one.")
        self.warn(request, total - count, "without a candidate. Search for them.")
        if not total:
            self.message_user(request, "None of these rows needs a decision.", messages.WARNING)

    @admin.action(description="Skip the selected rows", permissions=["change"])
    def skip_rows(self, request, queryset):
        waiting = queryset.filter(state=WAITS).select_related("user")
        skipped = [(row, Decision(skip=True)) for row in waiting[:MAX_SKIPPED]]
        self.settle_many(request, skipped, waiting.count(), MAX_SKIPPED)

    def settle_many(self, request, decided: list[tuple[ImportedRow, Decision]], total: int, most: int) -> None:
        """Settle these of `total` rows, of which at most `most` are handled, with a message for each result; rows that
        failed are still to be decided."""
        done, left = Counter[str](), Counter[str]()
        for row, outcome in settle_all(decided):
            if outcome.state in PLACED or outcome.state == "skipped":
                self.log_change(request, row, in_words(outcome))
                done[STATES[outcome.state]] += 1
            else:
                left[outcome.sentence or STATES[outcome.state]] += 1
        for state, count in done.items():
            self.message_user(request, f"{counted(count, 'row')} {state}.", messages.SUCCESS)
        for sentence, count in left.items():
            self.warn(request, count, f"not placed: {sentence}.".replace("..", "."))
        self.warn(request, total - most, f"not handled: the limit is {most} at a time. Select them again.")

    def warn(self, request, count: int, sentence: str) -> None:
        """Say what is left to do with so many rows, if there are any."""
        if count > 0:
            self.message_user(request, f"{counted(count, 'row')} {sentence}", messages.WARNING)

    @admin.display(description="week")
    def week(self, row):
        if row.said.get("is_planned"):
            return "shortlist"
        week = row.said.get("week")
        return week_name(*week) if week else "–"

    @admin.display(description="picture")
    def best(self, row):
        return cards.candidate_picture(row.kind, row.candidates[0]) if row.candidates else "–"

    @admin.display(description="best candidate")
    def offer(self, row):
        if not row.candidates:
            return "–"
        card = cards.candidate_cards(row.kind, row.candidates[:1])[0]
        return format_html(
            "{} <small>{}</small>", f"{card.by}: {card.title}" if card.by else card.title, card.facts[-1]
        )


def is_of_another_year(row: ImportedRow) -> bool:
    """Whether the best candidate came out more than a year before or after the year that the file says."""
    year, released = row.said.get("year"), "" if row.chosen else row.candidates[0]["released"][:4]
    return bool(year and released) and abs(year - int(released)) > 1


def in_words(outcome: Outcome) -> str:
    """The result for a row."""
    if outcome.state == "before":
        return f"{outcome.work} has already been decided."
    week = f" in {week_name(*outcome.week)}" if outcome.week and outcome.state in PLACED else ""
    return f"{outcome.work}: {outcome.sentence or STATES[outcome.state]}{week}.".replace("..", ".")
