"""manage.py copy_database, from whichever database the tests run on into a new SQLite file, and back again."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from catalog.models import Movie
from catalog.search_index import search_index
from selections.models import Week
from tests.factories import MovieFactory
from tests.instance.conftest import IS_SQLITE, rows
from wrong_opinions import copying

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def target(tmp_path):
    """The address of an empty SQLite database, whose tables are made faster than by `migrate`."""
    url = f"sqlite:///{tmp_path}/target.db"
    (tmp_path / "target.db").touch()
    made = copying.connection_to(url)
    with made.schema_editor() as editor:
        for model in (*apps.get_models(), MigrationRecorder.Migration):
            editor.create_model(model)
    for table in ("catalog_movie", "catalog_album", "selections_week"):
        with made.schema_editor() as editor:
            search_index(table).code(apps, editor)
    applied = MigrationRecorder(connection).migration_qs
    MigrationRecorder(made).migration_qs.bulk_create(applied)
    made.close()
    yield url
    connections[copying.TARGET].close()
    del connections[copying.TARGET]


def execute(alias, statement, *values):
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, values)


def test_everything_is_copied_there_and_back_or_nothing(run, refusal, target, filled, search_index_agrees):
    group = Group.objects.create(name="editors")
    group.user_set.add(filled.user)
    group.permissions.add(Permission.objects.first())
    deleted = MovieFactory().pk
    Movie.objects.filter(pk=deleted).delete()
    before = rows()

    said = run("copy_database", target)

    assert re.match(r"Copied \d+ rows of \d+ tables, and compared all of them.\n", said.out)
    assert rows() == before
    assert Week.objects.using(copying.TARGET).mentioning("strasse").get() == filled
    connections[copying.TARGET].close()
    assert re.match(r"The target has rows in \w+: name an empty database\.", refusal("copy_database", target))

    # Back, first with a row that refers to a missing one.
    call_command("flush", interactive=False, verbosity=0)
    empty = rows()
    execute(copying.TARGET, "PRAGMA foreign_keys = OFF")
    execute(copying.TARGET, "UPDATE selections_week SET user_id = 99")
    with pytest.raises(copying.CopyError, match=r"^Rows cannot be copied: .*selections_week"):
        copying.copy(copying.TARGET, DEFAULT_DB_ALIAS, lambda copied: None)
    assert rows() == empty
    execute(copying.TARGET, "UPDATE selections_week SET user_id = %s", filled.user_id)
    copying.copy(copying.TARGET, DEFAULT_DB_ALIAS, lambda copied: None)
    assert rows() == before
    assert Week.objects.mentioning("strasse").get() == filled
    assert list(filled.user.groups.all()) == [group]
    assert group.permissions.count() == 1
    assert MovieFactory().pk == deleted + 1


def test_values_that_the_target_does_not_keep_are_noticed(filled):
    """Also where the database raises no error."""
    before = copying.checksum(Movie, DEFAULT_DB_ALIAS)
    Movie.objects.update(title="Changed")
    changed = copying.checksum(Movie, DEFAULT_DB_ALIAS)

    assert before[0] == changed[0] == 1
    assert before != changed


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgres://ada@/none?host=/nowhere", "The target cannot be used: .*/nowhere"),
        (None, "This is the database of the site itself: name another one."),
    ],
)
def test_targets_that_cannot_be_used(refusal, url, sentence, target):
    here = connection.settings_dict
    own = f"sqlite:///{here['NAME']}" if IS_SQLITE else f"postgres://postgres@/{here['NAME']}?host={here['HOST']}"

    assert re.match(sentence, refusal("copy_database", url or own))


def test_a_target_in_which_no_tables_can_be_made(refusal, target):
    connections[copying.TARGET].close()

    said = refusal("copy_database", "sqlite:////nowhere/target.db")

    assert re.match(r"The target cannot be used: .*No such file or directory\.", said)


def test_an_older_database_is_not_copied():
    recorder = MigrationRecorder(connection)
    newest = recorder.migration_qs.filter(app="selections").latest("id")
    newest.delete()
    try:
        with pytest.raises(copying.CopyError, match="The database is of an older version: run migrate there"):
            copying.copy(DEFAULT_DB_ALIAS, DEFAULT_DB_ALIAS, lambda copied: None)
    finally:
        recorder.record_applied(newest.app, newest.name)
