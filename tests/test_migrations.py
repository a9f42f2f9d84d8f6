"""Every migration goes forward and back again, with rows of every table, and of every choice, that there is then."""

import itertools
import uuid

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tests.conftest import analyze

OURS = ["accounts", "catalog", "integrations", "selections"]
FIRST = [(app, "0001_initial") for app in OURS if app != "integrations"] + [("integrations", "0001_upstreamstate")]
# What a row needs beyond what its fields say by themselves.
RULES = {
    "Week": {"year": 2025, "week_number": 7},
    "Opinion": {"rating": 7, "movie_pick": "required"},
    "EarlierRating": {"rating": 7},
    "ImportedRow": {"reason": "Two films have that title."},
    "Merge": {"movie": "required"},
}
numbers = itertools.count(100)


def value_of(field, state):
    """Something valid and dull, unlike all before."""
    number = next(numbers)
    match field:
        case models.ForeignKey():
            return make(state.get_model(field.related_model._meta.label), state)
        case models.UUIDField():
            return uuid.uuid4()
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return timezone.localdate()
        case models.IntegerField() | models.FloatField():
            return number
        case models.BooleanField():
            return True
        case models.JSONField():
            return {}
    return f"x{number}"


def make(model, state, /, **given):
    values = dict(given)
    rules = RULES.get(model.__name__, {})
    for field in model._meta.concrete_fields:
        is_optional = field.primary_key or field.null or field.blank or field.has_default()
        if field.name in values:
            continue
        if rules.get(field.name, "required") != "required":
            values[field.name] = rules[field.name]
        elif field.name in rules or not is_optional:
            values[field.name] = field.choices[0][0] if field.choices else value_of(field, state)
    return model._base_manager.bulk_create([model(**values)])[0]


def fill(state):
    for model in state.get_models():
        if model._meta.app_label not in OURS:
            continue
        make(model, state)
        for field in model._meta.concrete_fields:
            for choice, _ in field.choices or ():
                make(model, state, **{field.name: choice})


def rows(state):
    """How many of each table there are, and what they say."""
    return {
        model._meta.label: {row["id"]: row for row in model._base_manager.values()}
        for model in state.get_models()
        if model._meta.app_label in OURS and model._meta.pk.name == "id"
    }


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_all_migrations_go_back_with_data_and_forward_again():
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    fill(apps)
    before = rows(apps)
    try:
        first = migrate(FIRST)
        went_back = rows(first)
        fill(first)
        at_first = rows(first)
        migrate(newest)
        after = rows(apps)
    finally:
        migrate(newest)
        analyze()

    for label, then in went_back.items():
        assert then.keys() == before[label].keys(), label
    for label, then in at_first.items():
        for pk, row in then.items():
            assert {name: after[label][pk][name] for name in row if name in after[label][pk]} == row


@pytest.mark.django_db(transaction=True)
def test_empty_earlier_ratings_are_deleted_by_an_older_migration():
    model = apps.get_model("selections.EarlierRating")
    opinion = make(apps.get_model("selections.Opinion"), apps)
    for rating in (None, 7):
        model.objects.create(opinion=opinion, rating=rating)
    try:
        state = migrate([("selections", "0006_text_lengths")])
        kept = list(state.get_model("selections.EarlierRating").objects.values_list("rating", flat=True))
    finally:
        migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())
        analyze()

    assert kept == [7]
