"""manage.py export_selections."""

import io
import json
import os
import stat
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from selections.transfer import export
from tests.factories import (
    WeekFactory,
    WeekMovieFactory,
)

from .exports import long_reviews, rows_of

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out = io.StringIO()
    call_command("export_selections", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.org"])
def test_the_command_writes_to_the_terminal(now, user, name):
    WeekMovieFactory(week__user=user)

    assert run(name) == "".join(export.to_json(user))
    assert run(name, "--format", "csv") == "".join(export.to_csv(user))
    assert run(name, "--format=letterboxd") == "".join(export.to_letterboxd(user))


def test_the_command_writes_a_file_that_only_its_owner_reads(now, user, tmp_path):
    file = tmp_path / "ada.json"

    said = run("ada", "--output", str(file))
    assert run("ada", "--output", str(file), "--force", verbosity=0) == ""

    assert file.read_text(encoding="utf-8") == "".join(export.to_json(user))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert said == f"{file}: {file.stat().st_size} bytes.\n"
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_replaces_nothing_unless_forced(now, user, tmp_path):
    file = tmp_path / "ada.json"
    file.write_text("Mine.")

    with pytest.raises(CommandError, match=r"ada.json exists. Choose another name, or add --force to replace it."):
        run("ada", "--output", str(file))
    assert file.read_text() == "Mine."

    run("ada", "--output", str(file), "--force")
    assert json.loads(file.read_text())["format"] == "wrong-opinions"


def test_the_command_replaces_nothing_but_files(user, tmp_path):
    with pytest.raises(CommandError, match="and is not a file"):
        run("ada", "--output", str(tmp_path), "--force")


def test_a_file_is_whole_or_not_there(now, user, tmp_path):
    WeekMovieFactory(week__user=user)

    def interrupt(execute, sql, *context):
        if 'FROM "catalog_movie"' in sql:
            raise KeyboardInterrupt
        return execute(sql, *context)

    with connection.execute_wrapper(interrupt), pytest.raises(KeyboardInterrupt):
        run("ada", "--output", str(tmp_path / "ada.json"))
    assert list(tmp_path.iterdir()) == []


def test_the_command_splits_what_is_too_large_for_letterboxd(now, user, tmp_path):
    long_reviews(user)

    with pytest.raises(CommandError, match="more than one file"):
        run("ada", "--format", "letterboxd")
    run("ada", "--format", "letterboxd", "--output", str(tmp_path / "films.csv"))

    assert sorted(file.name for file in tmp_path.iterdir()) == ["films-1.csv", "films-2.csv"]


@pytest.mark.parametrize(
    ("kind", "names"), [("json", ["ada.json", "ben.json"]), ("letterboxd", ["ada.csv", "ben.csv"])]
)
def test_each_user_gets_a_file(now, user, other, tmp_path, kind, names):
    run("--format", kind, "--output", str(tmp_path / "all"))

    assert sorted(file.name for file in (tmp_path / "all").iterdir()) == names
    assert stat.S_IMODE((tmp_path / "all").stat().st_mode) == 0o700


def test_the_csv_of_all_users_is_one_file(now, user, other, tmp_path):
    WeekFactory(user=user)
    WeekFactory(user=other)

    assert [row["username"] for row in rows_of(run("--format", "csv"))] == ["ada", "ben"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody"], "There is no account called 'nobody'."),
        ([], "Choose a directory for all users' files, such as --output exports, or name one user."),
        (["ada", "--output", "/no/such/ada.json"], "/no/such/ada.json cannot be written: No such file or directory."),
        (["--output", "/no/such/all"], "/no/such/all cannot be a directory for the files: No such file or directory."),
    ],
)
def test_what_the_command_cannot_do_is_one_sentence(user, arguments, sentence):
    with pytest.raises(CommandError) as caught:
        run(*arguments)

    assert str(caught.value) == sentence


def test_a_pipe_that_ends_early_is_no_error(user, monkeypatch):
    WeekFactory.create_batch(2, user=user)
    read_end, write_end = os.pipe()
    os.close(read_end)

    with open(write_end, "w") as stdout:  # noqa: PTH123 - of a handle
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(SystemExit) as caught:
            call_command("export_selections", "ada")

    assert caught.value.code == 1
