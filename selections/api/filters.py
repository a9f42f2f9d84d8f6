import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from selections.models import FIRST_YEAR, LAST_YEAR, Week


class WholeNumberFilter(django_filters.Filter):
    field_class = forms.IntegerField


class WeekFilter(django_filters.FilterSet):
    year = WholeNumberFilter(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)], help_text="ISO year, 1900 to 2100."
    )

    class Meta:
        model = Week
        fields = ["year"]
