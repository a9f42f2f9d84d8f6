"""Every migration goes forward and back again, with rows of every table and every choice that exist at that point."""

import itertools
import uuid

import pytest
from django.apps import AppConfig, apps
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts import services
from accounts.models import ApiToken
from selections.models import Week
from tests.conftest import analyze, session_of
from tests.factories import MovieFactory, WeekFactory

OURS = ["accounts", "catalog", "integrations", "selections"]
FIRST = dict.fromkeys(OURS, "0001_initial") | {"integrations": "0001_upstreamstate"}
# What a row needs beyond what its fields say by themselves.
RULES = {
    "Week": {"year": 2025, "week_number": 7},
    "Opinion": {"rating": 7, "movie_pick": "required"},
    "EarlierRating": {"rating": 7},
    "ImportedRow": {"reason": "Two films have that title."},
    "Merge": {"movie": "required"},
    "ShortlistItem": {"movie": "required"},
    "Challenge": {"movie": "required"},
}
CHOICES = {  # what comes with it
    "accepted": {"answered_at": timezone.now()},
    "declined": {"answered_at": timezone.now()},
    "week_completed": {"week": "required"},
    "opinion_given": {"week": "required", "opinion": "required"},
    "week_revealed": {"week": "required"},
    "challenged": {"challenge": "required"},
    "voted": {"vote": "required"},
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
    rules = RULES.get(model.__name__, {}) | {name: rule for name, rule in given.items() if rule == "required"}
    values = {name: value for name, value in given.items() if name not in rules}
    for field in model._meta.concrete_fields:
        is_optional = field.primary_key or field.null or field.blank or field.has_default()
        if field.name in values:
            continue
        if rules.get(field.name, "required") != "required":
            values[field.name] = rules[field.name]
        elif field.name in rules or not is_optional:
            values[field.name] = field.choices[0][0] if field.choices else value_of(field, state)
    if model.__name__ == "Opinion" and "week" in values:
        values["week"] = values["movie_pick"].week
    return model._base_manager.bulk_create([model(**values)])[0]


def fill(state):
    for model in state.get_models():
        if model._meta.app_label not in OURS:
            continue
        make(model, state)
        for field in model._meta.concrete_fields:
            for choice, _ in field.choices or ():
                make(model, state, **{field.name: choice}, **CHOICES.get(choice, {}))


def rows(state):
    """The number of rows of each table, and their values."""
    return {
        model._meta.label: {row["id"]: row for row in model._base_manager.values()}
        for model in state.get_models()
        if model._meta.app_label in OURS and model._meta.pk.name == "id"
    }


def migrate(targets):
    """The models of these apps then."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state([target for target in targets if target[1]]).apps


@pytest.fixture
def newest(transactional_db):
    """The newest migrations, to which it returns after the test."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield newest
    migrate(newest)
    analyze()


def test_all_migrations_go_back_with_data_and_forward_again(newest):
    fill(apps)
    before = rows(apps)
    first = migrate(list(FIRST.items()))
    went_back = rows(first)
    fill(first)
    at_first = rows(first)
    migrate(newest)
    after = rows(apps)

    for label, then in went_back.items():
        assert then.keys() == before[label].keys(), label
    for label, then in at_first.items():
        for pk, row in then.items():
            assert {name: after[label][pk][name] for name in row if name in after[label][pk]} == row


def test_empty_earlier_ratings_are_deleted_by_an_older_migration(newest):
    model = apps.get_model("selections.EarlierRating")
    opinion = make(apps.get_model("selections.Opinion"), apps)
    for rating in (None, 7):
        model.objects.create(opinion=opinion, rating=rating)

    state = migrate([("selections", "0006_text_lengths")])

    assert list(state.get_model("selections.EarlierRating").objects.values_list("rating", flat=True)) == [7]


def test_opinions_get_the_weeks_of_their_picks(newest):
    made = [make(apps.get_model("selections.Opinion"), apps), make_on_album()]
    migrate([("selections", "0015_shared_years")])

    migrate(newest)

    for opinion in made:
        assert apps.get_model("selections.Opinion").objects.get(pk=opinion.pk).week == opinion.pick.week


def make_on_album():
    pick = make(apps.get_model("selections.WeekAlbum"), apps)
    user = make(apps.get_model("accounts.User"), apps)
    return apps.get_model("selections.Opinion").objects.create(user=user, album_pick=pick, rating=3)


def test_searches_find_movies_after_going_back(newest):
    movie = MovieFactory(title="The Wolf")

    state = migrate([("catalog", "0008_search_index")])

    found = state.get_model("catalog.Movie").objects.filter(search_text__mentions="wolf")
    assert list(found.values_list("pk", flat=True)) == [movie.pk]


EARLIER_INDEX = [
    "DROP TRIGGER selections_week_search_insert",
    "DROP TABLE selections_week_search",
    "CREATE VIRTUAL TABLE selections_week_search USING fts5"
    "(search_text, content=selections_week, content_rowid=id, tokenize='trigram case_sensitive 1')",
    "CREATE TRIGGER selections_week_search_insert AFTER INSERT ON selections_week BEGIN "
    "INSERT INTO selections_week_search (rowid, search_text) VALUES (new.id, new.search_text); END",
    "INSERT INTO selections_week_search (selections_week_search) VALUES ('rebuild')",
]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its index")
def test_the_index_of_earlier_releases_is_made_again(newest, user, search_index_agrees):
    week = WeekFactory(user=user, notes="wolf in 東京")
    migrate([("selections", "0015_shared_years")])
    with connection.cursor() as cursor:
        for statement in EARLIER_INDEX:
            cursor.execute(statement)
    migrate(newest)

    assert [Week.objects.mentioning(word).get() for word in ("wolf", "東京", "京")] == [week] * 3
    WeekFactory(user=user, notes="東")


OF_SIMPLEJWT = {"token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"}
INSERT_TOKENS = [
    "INSERT INTO token_blacklist_outstandingtoken (id, user_id, jti, token, created_at, expires_at)"
    " VALUES (1, %s, '00000000-0000-0000-0000-000000000001', 'a token', '2026-01-01 00:00Z', '2026-02-01 00:00Z')",
    "INSERT INTO token_blacklist_blacklistedtoken (id, token_id, blacklisted_at) VALUES (1, %s, '2026-01-01 00:00Z')",
]


def test_tokens_of_other_releases_and_sessions_are_deleted(newest, user, monkeypatch):
    services.renew_calendar_token(user)
    services.create_token(user, name="script", scope="read")
    session_of(user)
    config = AppConfig.create("rest_framework_simplejwt.token_blacklist")  # which earlier releases had installed
    config.apps, config.models = apps, {}

    def migrate_blacklist(name):
        with monkeypatch.context() as patch:
            patch.setitem(apps.app_configs, config.label, config)
            migrate([(config.label, name)])

    migrate([("accounts", "0004_reserved_usernames")])
    migrate_blacklist("0001_initial")
    with connection.cursor() as cursor:
        for statement, pk in zip(INSERT_TOKENS, [user.pk, 1], strict=True):
            cursor.execute(statement, [pk])
    migrate(newest)

    assert ApiToken.objects.get().name == "script"
    assert not user.sessions.exists()
    assert not OF_SIMPLEJWT & set(connection.introspection.table_names())
    user.delete()
    migrate_blacklist("0001_initial")  # in an earlier release
    assert set(connection.introspection.table_names()) >= OF_SIMPLEJWT
    migrate_blacklist(None)
