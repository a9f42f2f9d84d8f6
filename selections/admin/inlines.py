"""The picks in their week's form."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from catalog import pictures
from selections import services
from selections.guards import has_revealed
from selections.kinds import KINDS, Kind
from selections.models import Opinion, Position, WeekAlbum, WeekMovie

from .careful import SUGGESTIONS
from .picks import HIDDEN, fix_link, opinions_address

MAX_LISTED = 10  # opinions on a pick; the list of opinions shows them all


class PickFormSet(forms.BaseInlineFormSet):
    """All picks of one kind in a week: deleted ones make room for new ones."""

    staff: Any  # the user of the form

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        taken = {pick.position for pick in self.get_queryset()}
        self.initial_extra = [{"position": position} for position in Position if position not in taken]

    @property
    def kind(self) -> Kind:
        return KINDS[self.model.kind]  # type: ignore[union-attr]

    def clean(self):
        self.swap()
        super().clean()
        shown = [form.instance.pk for form in self.initial_forms]
        others = self.kind.picks_in(self.instance.pk).exclude(pk__in=shown).select_related(self.kind.name)
        deleted = self.deleted_forms  # none, once a form has an error
        for form in self.forms:
            if form.is_valid() and form not in deleted:
                self.refuse_taken(form, others)
        leaving = [form.instance for form in deleted if form.instance.pk]
        if leaving and self.staff == self.instance.user and any(has_revealed(self.staff, pick) for pick in leaving):
            raise ValidationError(
                f"You have read others' opinions on this {self.kind.name}. Remove it once the week is over."
            )

    def swap(self) -> None:
        """If the one pick that is moved goes to where another stays, that one takes its place, as in the API."""
        staying = [form for form in self.initial_forms if form.is_valid() and form not in self.deleted_forms]
        moved = [form for form in staying if "position" in form.changed_data]
        if len(moved) != 1:
            return
        for form in staying:
            if form is not moved[0] and form.instance.position == moved[0].instance.position:
                form.cleaned_data["position"] = form.instance.position = moved[0].initial["position"]
                form.changed_data.append("position")

    def refuse_taken(self, form, others) -> None:
        """Add errors for conflicts with picks that were added since the page was opened."""
        name = self.kind.name
        if any(other.position == form.cleaned_data.get("position") for other in others):
            form.add_error("position", "That position is already occupied.")
        if any(other.work == form.cleaned_data.get(name) for other in others):
            form.add_error(name, f"This {name} is already in this week.")

    def get_unique_error_message(self, unique_check):
        if self.kind.name in unique_check:
            return f"This {self.kind.name} is listed twice. Choose another, or remove one."
        return "Two picks have the same position. Give each its own."

    def get_form_error(self):
        return "Duplicate entry."

    def save_existing_objects(self, commit=True):
        """Deleted picks are removed first to make room; changed positions are swapped together."""
        leaving = [form.instance.pk for form in self.deleted_forms if form.instance.pk]
        self.kind.picks._default_manager.filter(pk__in=leaving).delete()
        moving = [form.instance for form in self.initial_forms if "position" in form.changed_data]
        positions = {pick.pk: pick.position for pick in moving if pick.pk not in leaving}
        services.set_positions(self.kind, self.instance, positions)
        return super().save_existing_objects(commit)

    def save_new(self, form, commit=True):
        form.instance.week = self.instance
        return services.place_pick(form.instance)[0]


class PickForm(forms.ModelForm):
    """The form of a pick: its work is chosen once; later it can only be changed by fixing a wrong match."""

    class Media:
        js = SUGGESTIONS

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.kind in self.fields:
            self.fields[self.instance.kind].disabled = True
            self.fields["position"].help_text = "If the other position is taken, the two picks swap."

    def has_changed(self) -> bool:
        """A place for another pick stays empty until a movie or an album is chosen."""
        return super().has_changed() and bool(self.instance.pk or self.instance.kind in self.changed_data)

    def validate_constraints(self):
        """Left to the formset, which knows the deleted picks; positions have no other choices."""


class PickInline(admin.StackedInline):
    form = PickForm
    formset = PickFormSet
    extra = max_num = len(Position)  # a form for each free position
    classes = ["picks"]
    readonly_fields = ["picture", "opinions"]
    may_fix = False  # set for each request, as inlines are made for each

    def get_fields(self, request, obj=None):
        return ["picture", self.model.kind, "position", "rewatch", "opinions"]

    def get_formset(self, request, obj=None, **kwargs):
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.staff = request.user
        return formset

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.is_relation:
            field.widget.can_delete_related = False  # its red cross looks like removing the pick
        return field

    def get_autocomplete_fields(self, request):
        return [self.model.kind]

    def get_queryset(self, request):
        """With the latest opinions for users who may see opinions, and only their number for others."""
        self.may_fix = self.has_change_permission(request)
        picks = super().get_queryset(request).select_related(self.model.kind, "week__user")
        if self.admin_site.get_model_admin(Opinion).has_view_permission(request):
            latest = Opinion.objects.readable_by_staff(request.user).select_related("user")[:MAX_LISTED]
            picks = picks.prefetch_related(Prefetch("opinions", latest, to_attr="latest"))
        return picks.annotate(opinions_count=Count("opinions")).order_by("position")

    @admin.display(description="picture")
    def picture(self, pick):
        return pictures.picture(pick.work, "medium") if pick.pk else pictures.picture_at(pick.kind, "", "medium")

    @admin.display(description="opinions")
    def opinions(self, pick):
        """Members' opinions on the pick, with a note that they are deleted with it."""
        if pick.pk is None:
            return "No opinions yet."
        count = pick.opinions_count
        parts = [
            list_opinions(pick) if count and hasattr(pick, "latest") else "",
            f"Deleting this pick also deletes {count} opinion{pluralize(count)}." if count else "No opinions yet.",
            fix_link(pick) if self.may_fix else "",
        ]
        return format_html("{}<p>{}</p>{}", *parts)


def list_opinions(pick) -> str:
    """The latest opinions, with a link to all of them."""
    rows = format_html_join(
        "",
        '<li><a href="{}">{}</a>: {}</li>',
        (
            (reverse("admin:selections_opinion_change", args=[opinion.pk]), opinion.user, summarize(opinion))
            for opinion in pick.latest
        ),
    )
    is_hidden = len(pick.latest) < min(pick.opinions_count, MAX_LISTED)
    return format_html(
        '<ul class="opinion-list">{}</ul><p><a href="{}">{} opinion{}</a>. {}</p>',
        rows,
        opinions_address(pick),
        pick.opinions_count,
        pluralize(pick.opinions_count),
        HIDDEN if is_hidden else "",
    )


def summarize(opinion: Opinion) -> str:
    rated = f"{opinion.rating} of 10" if opinion.rating else "not rated"
    return f"{rated}, “{opinion.review[:80]}”" if opinion.review else rated


class MoviePickInline(PickInline):
    model = WeekMovie


class AlbumPickInline(PickInline):
    model = WeekAlbum
