from collections.abc import Sequence
from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Count, Window
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.text import search_words
from selections.kinds import KINDS
from selections.models import MAX_RATING, Opinion, OpinionQuerySet, Week, WeekQuerySet
from selections.weeks import FIRST_YEAR, LAST_YEAR, WEEK_NAME, read_week_name

COMPLETE = "Whether there is at least one movie and one album."
MAX_WORDS = 10  # in a search: each costs a list of all weeks that have it


def check_words(text: str) -> None:
    if len(search_words(text)) > MAX_WORDS:
        raise ValidationError(f"Search for {MAX_WORDS} words at most.", code="too_many_words")


class WholeNumberFilter(django_filters.Filter):
    field_class = forms.IntegerField


# The two below also state their limits in the OpenAPI document, which ignores validators.


def whole_number(least: int, most: int, help_text: str, **options: Any) -> WholeNumberFilter:
    schema = {"type": "integer", "minimum": least, "maximum": most, "description": help_text}
    validators = [MinValueValidator(least), MaxValueValidator(most)]
    return extend_schema_field(schema)(WholeNumberFilter(validators=validators, help_text=help_text, **options))


def words(most: int, help_text: str, **options: Any) -> django_filters.CharFilter:
    schema = {"type": "string", "maxLength": most, "description": help_text}
    return extend_schema_field(schema)(django_filters.CharFilter(max_length=most, help_text=help_text, **options))


class WeekNameField(forms.CharField):
    """The year and number of a week by its ISO name."""

    def to_python(self, value):
        text = super().to_python(value)
        if not text:
            return None
        if week := read_week_name(text):
            return week
        raise ValidationError("Enter an ISO week such as 2026-W07.", code="invalid_week")


@extend_schema_field(
    {
        "type": "string",
        "pattern": WEEK_NAME,
        "description": "An ISO week such as 2026-W07, itself included.",
    }
)
class WeekNameFilter(django_filters.Filter):
    field_class = WeekNameField


def choice(names: Sequence[str], **options: Any) -> django_filters.ChoiceFilter:
    """One of these names; for any other a message that lists them."""
    *others, last = names
    message = f"Enter {', '.join(others)} or {last}." if others else f"Enter {last}."
    choices = [(name, name) for name in names]
    return django_filters.ChoiceFilter(choices=choices, error_messages={"invalid_choice": message}, **options)


def find_member(username: str, user, field: str) -> Any:
    """The user with this name whom the user may see; `me` is the current user. Raises ValidationError."""
    if username.lower() == "me":
        return user
    found = get_user_model()._default_manager.visible_to(user).filter(username=username.lower()).first()
    if found is None:
        message = "There is no member of that name. Use me, or a username from GET /api/users."
        raise serializers.ValidationError({field: message}, code="unknown_member")
    return found


class WeekFilter(django_filters.FilterSet):
    owner = words(50, "A username, or `me` for your own weeks.", method="of_owner")
    year = whole_number(FIRST_YEAR, LAST_YEAR, "ISO year, 1900 to 2100.")
    week_number = whole_number(1, 53, "ISO week, 1 to 53.")
    complete = extend_schema_field({"type": "boolean", "description": COMPLETE})(
        choice(["true", "false"], method="as_complete", help_text=COMPLETE)
    )
    search = words(
        200,
        f"Words in the notes, or in titles and artists of the picks; {MAX_WORDS} at most.",
        method="with_words",
        validators=[check_words],
    )
    include = choice(
        ["picks"], method="unchanged", help_text="With `picks`, each result has its picks, as `GET /api/weeks/{id}`."
    )
    ordering = choice(
        ["newest", "oldest", "updated"],
        method="in_order",
        help_text="`newest` (the default) and `oldest` by calendar week, `updated` with the last changed first.",
    )

    class Meta:
        model = Week
        fields = ["owner", "year", "week_number", "complete", "search", "include", "ordering"]

    def of_owner(self, weeks: WeekQuerySet, name, value):
        return weeks.filter(user=find_member(value, self.request.user, name))

    def as_complete(self, weeks: WeekQuerySet, name, value):
        complete = {"has_movie": True, "has_album": True}
        return weeks.filter(**complete) if value == "true" else weeks.exclude(**complete)

    def with_words(self, weeks: WeekQuerySet, name, value):
        # Most of the time goes into finding the weeks, so this is done once for a page and the total.
        return weeks.mentioning(value).annotate(total=Window(Count("*")))

    def unchanged(self, weeks: WeekQuerySet, name, value):
        return weeks

    def in_order(self, weeks: WeekQuerySet, name, value):
        orders = {"oldest": ["year", "week_number", "id"], "updated": ["-updated_at", "id"]}
        return weeks.order_by(*orders[value]) if value in orders else weeks


# `from` is a keyword of Python.
WeekFilter.base_filters["from"] = WeekNameFilter(method=lambda weeks, name, week: weeks.since(*week))
WeekFilter.base_filters["to"] = WeekNameFilter(method=lambda weeks, name, week: weeks.until(*week))


class OpinionFilter(django_filters.FilterSet):
    user = words(50, "A username, or `me`.", method="of_user")
    kind = choice(list(KINDS), method="of_kind", help_text="Opinions on movies, or on albums.")
    min_rating = whole_number(
        1, MAX_RATING, "The minimum rating, from 1 to 10.", field_name="rating", lookup_expr="gte"
    )

    class Meta:
        model = Opinion
        fields = ["user", "kind", "min_rating"]

    def of_user(self, opinions: OpinionQuerySet, name, value):
        return opinions.filter(user=find_member(value, self.request.user, name))

    def of_kind(self, opinions: OpinionQuerySet, name, value):
        return opinions.on_kind(value)
