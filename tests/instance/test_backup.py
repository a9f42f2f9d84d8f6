"""manage.py backup and restore, for real, on whichever database the tests run."""

import os
import stat
import threading

import pytest
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from selections import services
from selections.models import EarlierRating, Week, WeekMovie
from tests.factories import MovieFactory, UserFactory, WeekFactory
from tests.instance.conftest import IS_SQLITE, rows
from wrong_opinions import backup

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_backup_is_restored(run, filled, tmp_path):
    before = rows()
    file = tmp_path / "a backup's file.db"

    said = run("backup", file)
    filled.user.delete()
    services.create_week(UserFactory(), year=2024, week_number=7)
    returned = run("restore", file, "--force")

    assert rows() == before
    assert Week.objects.mentioning("strasse").get() == filled
    assert said.out.startswith(f"{file}, 0.")
    assert said.out.endswith(" MB: 1 account, 1 week, 1 movie, 1 album.\n")
    assert returned.out == "Restored 1 account, 1 week, 1 movie, 1 album.\n"
    assert said.err == returned.err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    WeekFactory()  # new rows get new ids


def test_verbosity(run, tmp_path):
    file = tmp_path / "backup"

    assert run("backup", file, verbosity=0).out == run("restore", file, verbosity=0).out == ""
    assert len(run("backup", file, "--force", verbosity=2).out.splitlines()) == 2
    assert len(run("restore", file, verbosity=2).out.splitlines()) == 2


def test_a_file_is_only_overwritten_by_force(run, refusal, tmp_path):
    file = tmp_path / "backup"
    file.write_text("precious")

    assert refusal("backup", file) == f"{file} exists: choose another name, or use --force to overwrite it."
    assert file.read_text() == "precious"

    run("backup", file, "--force")
    run("restore", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("", "is a folder: name a file."), ("nowhere/backup", "cannot be written: No such file or directory.")],
)
def test_a_place_that_cannot_be_written(refusal, tmp_path, place, sentence):
    assert refusal("backup", tmp_path / place) == f"{tmp_path / place} {sentence}"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_backup_replaces_no_device(refusal, tmp_path, force):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert refusal("backup", pipe, *force) == f"{pipe} is not a file: choose another name."
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_accounts_are_only_overwritten_by_force(run, refusal, tmp_path, filled):
    run("backup", tmp_path / "backup")
    UserFactory()
    before = rows()

    said = refusal("restore", tmp_path / "backup")

    assert said == "The database has 2 accounts: use --force to replace all of its data."
    assert rows() == before


def test_a_backup_is_of_one_moment_while_others_write(run, tmp_path):
    user, movies, stop = UserFactory(), [MovieFactory() for _ in range(2)], threading.Event()

    def write():
        """Weeks that have two picks, both or neither."""
        number = 0
        try:
            while not stop.is_set() and number < 5000:
                number += 1
                with transaction.atomic():
                    week = services.create_week(user, year=1900 + number // 50, week_number=1 + number % 50)
                    for position, movie in enumerate(movies, 1):
                        WeekMovie.objects.create(week=week, movie=movie, position=position)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(2):
            while Week.objects.count() < 15 * (number + 1):
                pass
            run("backup", tmp_path / f"{number}")
    finally:
        stop.set()
        writer.join()
    in_the_end = Week.objects.count()

    counts = []
    for number in range(2):
        said = run("restore", tmp_path / f"{number}", "--force").out
        counts.append(Week.objects.count())
        assert f" {counts[-1]} weeks," in said
        assert WeekMovie.objects.count() == 2 * counts[-1]
    assert 15 <= counts[0] < counts[1] <= in_the_end


def test_other_connections_see_a_whole_restore_or_none(run, tmp_path):
    user, movie = UserFactory(), MovieFactory()
    weeks = Week.objects.bulk_create(Week(user=user, year=2024, week_number=number) for number in range(1, 41))
    WeekMovie.objects.bulk_create(WeekMovie(week=week, movie=movie, position=1) for week in weeks)
    run("backup", tmp_path / "backup")
    Week.objects.filter(week_number__gt=5).delete()
    seen, stop, failed = set(), threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                # One statement, and so one moment, also where transactions see what others commit.
                seen.add(Week.objects.values_list("user__weeks__movie_picks__week").count())
                with transaction.atomic():
                    services.touch(Week.objects.order_by("pk")[0])
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(2):
            run("restore", tmp_path / "backup", "--force")
            assert Week.objects.count() == 40
            Week.objects.filter(week_number__gt=5).delete()
    finally:
        stop.set()
        for reader in readers:
            reader.join()

    assert failed == []
    assert seen <= {5 * 5, 40 * 40}


def test_a_restore_does_not_wait_for_ever(run, refusal, tmp_path, filled, monkeypatch):
    run("backup", tmp_path / "backup")
    monkeypatch.setattr(backup, "LOCK_TIMEOUT", 0.5)
    holding, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            services.touch(filled)
            holding.set()
            release.wait(300)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(300)
    try:
        said = refusal("restore", tmp_path / "backup", "--force")
    finally:
        release.set()
        holder.join()

    assert "locked" in said or "lock timeout" in said or "others are writing" in said
    assert said.count("\n") == 0
    assert Week.objects.get() == filled


# Files that are not backups


def damage(file, kind):
    """Damages a backup, in a way of its `kind`."""
    whole = file.read_bytes()
    match kind:
        case "missing":
            file.unlink()
        case "folder":
            file.unlink()
            file.mkdir()
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("user,week\nada,2026-W07\n")
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "only a head":
            file.write_bytes(whole[:16])
        case "the other kind":
            file.write_bytes((b"PGDMP" if IS_SQLITE else b"SQLite format 3\0") + bytes(100))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "cannot be read: No such file or directory."),
        ("folder", "cannot be read: Is a directory."),
        ("empty", "is not a backup: neither an SQLite database nor a PostgreSQL dump in custom format."),
        ("text", "is not a backup: neither an SQLite database nor a PostgreSQL dump in custom format."),
        ("cut", ""),
        ("only a head", ""),
        ("the other kind", "use copy_database to move"),
    ],
)
def test_an_invalid_backup_changes_nothing(run, refusal, tmp_path, filled, kind, sentence):
    file = tmp_path / "backup"
    run("backup", file)
    damage(file, kind)
    before = rows()

    said = refusal("restore", file, "--force")

    assert sentence in said
    assert "\n" not in said
    assert said.endswith(".")
    assert rows() == before


@pytest.fixture
def seen_migrations():
    """Replaces the record of applied migrations, and restores it at the end."""
    recorder = MigrationRecorder(connection)
    true = list(recorder.migration_qs.values("app", "name", "applied"))
    yield recorder.migration_qs
    recorder.migration_qs.all().delete()
    recorder.migration_qs.bulk_create(recorder.Migration(**row) for row in true)


def test_a_backup_of_a_newer_version_is_refused(run, refusal, tmp_path, filled, seen_migrations):
    seen_migrations.create(app="selections", name="9999_to_come")
    run("backup", tmp_path / "backup")
    seen_migrations.filter(name="9999_to_come").delete()
    before = rows()

    said = refusal("restore", tmp_path / "backup", "--force")

    assert said == (
        "The backup is from a newer version, with migrations such as selections.9999_to_come: update the site."
    )
    assert rows() == before


def test_a_backup_with_an_app_that_has_left_since_is_of_an_older_version(run, tmp_path, filled, seen_migrations):
    seen_migrations.create(app="token_blacklist", name="0013_as_in_version_0_1")
    run("backup", tmp_path / "backup")
    Week.objects.all().delete()

    run("restore", tmp_path / "backup", "--force")

    assert Week.objects.get() == filled


def test_a_backup_of_an_older_version_comes_back(run, tmp_path, filled, seen_migrations):
    """Even if the newer version has tables that refer to tables in the backup."""
    with connection.schema_editor() as editor:
        editor.delete_model(EarlierRating)
    latest = seen_migrations.filter(app="selections").latest("id")
    latest.delete()
    try:
        run("backup", tmp_path / "backup")
        with connection.schema_editor() as editor:
            editor.create_model(EarlierRating)
        Week.objects.all().delete()

        said = run("restore", tmp_path / "backup", "--force")

        assert said.err == "The backup is from an older version. Run manage.py migrate.\n"
        assert Week.objects.get() == filled
        assert EarlierRating._meta.db_table not in connection.introspection.table_names()
    finally:
        if EarlierRating._meta.db_table not in connection.introspection.table_names():
            with connection.schema_editor() as editor:
                editor.create_model(EarlierRating)
