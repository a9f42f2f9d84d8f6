"""What the tests of backups share."""

import os
import shutil
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import MovieOpinionFactory, WeekAlbumFactory, WeekFactory

IS_SQLITE = connection.vendor == "sqlite"
FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """PostgreSQL's programs, where tests need them."""
    if not IS_SQLITE:
        monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"], *FOLDERS]))
        if not shutil.which("pg_dump"):
            pytest.skip("pg_dump is not installed here")


@pytest.fixture
def run(capsys):
    """Runs a command and gives what it wrote."""

    def run(*arguments, **options):
        call_command(*map(str, arguments), **options)
        return capsys.readouterr()

    return run


@pytest.fixture
def filled():
    """A database with some rows of every kind."""
    week = WeekFactory(notes="Straße; “quoted”\n\ttwo lines \\N \\.")
    MovieOpinionFactory(user=week.user, movie_pick__week=week, review="🎬")
    WeekAlbumFactory(week=week)
    return week


def rows():
    """All that the database holds."""
    return {
        model._meta.label: sorted(map(str, model._base_manager.values()))
        for model in apps.get_models()
        if model._meta.managed
    }


@pytest.fixture
def refusal(run):
    """Runs a command that fails, and gives its message."""

    def refusal(*arguments, **options):
        with pytest.raises(CommandError) as refused:
            run(*arguments, **options)
        return str(refused.value)

    return refusal
