import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import extend_schema_field

from catalog.models import search_words
from selections.models import (
    FIRST_YEAR,
    LAST_YEAR,
    MOST_RATING,
    Opinion,
    OpinionQuerySet,
    Week,
    WeekQuerySet,
    read_week_name,
)

MOST_WORDS = 10  # of a search: each costs a look at everything


def check_words(text: str) -> None:
    if len(search_words(text)) > MOST_WORDS:
        raise ValidationError(f"Search for {MOST_WORDS} words at most.", code="too_many_words")


class WholeNumberFilter(django_filters.Filter):
    field_class = forms.IntegerField


class WeekNameField(forms.CharField):
    """The year and number of a week by its ISO name."""

    def to_python(self, value):
        text = super().to_python(value)
        if not text:
            return None
        if week := read_week_name(text):
            return week
        raise ValidationError("Write an ISO week as 2026-W07.", code="invalid_week")


@extend_schema_field(
    {
        "type": "string",
        "pattern": "^[0-9]{4}-W[0-9]{2}$",
        "description": "An ISO week such as 2026-W07, itself included.",
    }
)
class WeekNameFilter(django_filters.Filter):
    field_class = WeekNameField


class WeekFilter(django_filters.FilterSet):
    owner = django_filters.CharFilter(
        method="of_owner", max_length=50, help_text="A username, or `me` for one's own weeks."
    )
    year = WholeNumberFilter(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)], help_text="ISO year, 1900 to 2100."
    )
    week_number = WholeNumberFilter(
        validators=[MinValueValidator(1), MaxValueValidator(53)], help_text="ISO week, 1 to 53."
    )
    complete = django_filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        method="as_complete",
        error_messages={"invalid_choice": "Write true or false."},
        help_text="Whether there is at least one movie and one album.",
    )
    search = django_filters.CharFilter(
        method="with_words",
        max_length=200,
        validators=[check_words],
        help_text="Words of the notes, or of titles and artists of what is picked.",
    )

    class Meta:
        model = Week
        fields = ["owner", "year", "week_number", "complete", "search"]

    def of_owner(self, weeks: WeekQuerySet, name, value):
        return weeks.filter(user=self.request.user) if value == "me" else weeks.filter(user__username=value.lower())

    def as_complete(self, weeks: WeekQuerySet, name, value):
        complete = {"has_movie": True, "has_album": True}
        return weeks.filter(**complete) if value == "true" else weeks.exclude(**complete)

    def with_words(self, weeks: WeekQuerySet, name, value):
        return weeks.mentioning(value)


# `from` is a word of Python's own.
WeekFilter.base_filters["from"] = WeekNameFilter(method=lambda weeks, name, week: weeks.since(*week))
WeekFilter.base_filters["to"] = WeekNameFilter(method=lambda weeks, name, week: weeks.until(*week))


class OpinionFilter(django_filters.FilterSet):
    user = django_filters.CharFilter(method="of_user", max_length=50, help_text="A username, or `me`.")
    kind = django_filters.ChoiceFilter(
        choices=[("movie", "movie"), ("album", "album")],
        method="of_kind",
        error_messages={"invalid_choice": "Write movie or album."},
        help_text="On movies, or on albums.",
    )
    min_rating = WholeNumberFilter(
        field_name="rating",
        lookup_expr="gte",
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RATING)],
        help_text="Rated so high or higher, from 1 to 10.",
    )

    class Meta:
        model = Opinion
        fields = ["user", "kind", "min_rating"]

    def of_user(self, opinions: OpinionQuerySet, name, value):
        return (
            opinions.filter(user=self.request.user) if value == "me" else opinions.filter(user__username=value.lower())
        )

    def of_kind(self, opinions: OpinionQuerySet, name, value):
        return opinions.on_movies() if value == "movie" else opinions.on_albums()
