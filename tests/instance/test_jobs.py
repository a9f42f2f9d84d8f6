"""manage.py run_jobs: a due job runs once, even with several runners, and its result is stored."""

import logging
import os
import signal
import stat
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Session
from catalog.models import Album
from tests.conftest import at_once, just_before, land, session_of, wait_until
from tests.factories import AlbumFactory, MovieFactory, UserFactory
from wrong_opinions import jobs
from wrong_opinions.management.commands import run_jobs
from wrong_opinions.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.patient]


@pytest.fixture
def refreshing(upstream, settings):
    """Lets refresh_catalog call act() when it asks for a movie."""

    def register(act):
        movie = MovieFactory(fetched_at=timezone.now() - timedelta(days=99))

        def answer(request):
            act()
            return 404, {}, "{}"

        upstream.add_callback("GET", f"{settings.TMDB_BASE_URL}/movie/{movie.tmdb_id}", answer)

    yield register
    land()


def stop():
    os.kill(os.getpid(), signal.SIGTERM)  # SIGINT is ignored in what a shell starts in the background


def ended(name):
    job = Job.objects.get(name=name)
    return job.state, job.outcome


def test_each_job_runs_when_it_is_due_and_says_what_came_of_it(settings, tmp_path, user, time_machine):
    settings.BACKUP_DIR = tmp_path / "backups"
    Session.objects.filter(pk=session_of(user).pk).update(expires_at=timezone.now())
    assert {job.state for job in jobs.states()} == {"not run yet"}

    call_command("run_jobs", "--once")

    assert ended("flush_tokens") == ("done", "Deleted 1 session.")
    assert ended("purge_cache") == ("done", "Deleted 0 answers, which gave 0.0 MB back.")
    assert ended("webhooks") == ("done", "Sent 0 messages; 0 webhooks failed.")
    assert ended("refresh_catalog") == ("done", "0 movies and 0 albums to refresh.")
    assert ended("backup")[1].endswith(" MB: 1 account, 0 weeks, 0 movies, 0 albums.")
    assert all(job.is_well for job in jobs.states())
    before = {job.name: job.started_at for job in jobs.states()}
    time_machine.move_to(timezone.now() + timedelta(hours=1, minutes=30))
    call_command("run_jobs", "--once")
    assert [job.name for job in jobs.states() if job.started_at != before[job.name]] == [
        "notifications",
        "webhooks",
        "find_covers",
        "refresh_catalog",
    ]
    time_machine.move_to(timezone.now() + timedelta(days=2))
    assert {job.state for job in jobs.states()} == {"late"}


def test_covers_of_marked_albums_are_found(settings, upstream):
    albums = AlbumFactory.create_batch(3, release_group_id=None, fetched_at=timezone.now())
    Album.objects.update(cover_asked_at=None)
    for album, status in zip(albums, (307, 404, 500), strict=True):
        url = f"{settings.COVERART_BASE_URL}/release/{album.musicbrainz_id}/front-500"
        upstream.get(url, status=status, headers={"Location": "https://archive.org/x"})

    call_command("run_jobs", "--once")

    assert ended("find_covers") == ("done", "Covers found: 1 of 2 albums.")
    assert [bool(album.cover_art_url) for album in Album.objects.order_by("pk")] == [True, False, False]
    assert Album.objects.get(cover_asked_at=None) == albums[2]


def test_only_the_newest_backups_are_kept(settings, tmp_path, user):
    settings.BACKUP_DIR, settings.BACKUP_KEEP = tmp_path, 2
    names = [f"backup-2026-01-0{day}-040000.db" for day in range(1, 5)]
    for name in [*names, "precious.db"]:
        (tmp_path / name).touch()

    call_command("run_jobs", "--once")

    kept = sorted(file.name for file in tmp_path.iterdir() if file.is_file())
    assert len(kept) == 3
    assert {names[-1], "precious.db"} <= set(kept)
    assert {stat.S_IMODE(file.stat().st_mode) for file in jobs.backups(tmp_path)[1:]} == {0o600}


def test_what_a_killed_runner_has_left_of_a_backup_is_deleted(settings, tmp_path, user):
    settings.BACKUP_DIR = tmp_path
    old, new = (tmp_path / f".backup-2026-01-01-04.{name}" for name in ("old", "new"))
    old.touch()
    new.touch()
    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    os.utime(old, (yesterday.timestamp(), yesterday.timestamp()))

    call_command("run_jobs", "--once")

    assert [file.name for file in tmp_path.glob(".backup*")] == [new.name]


def test_after_the_clock_was_wrong_jobs_run_and_the_newest_backups_are_kept(settings, tmp_path, user, time_machine):
    settings.BACKUP_DIR, settings.BACKUP_KEEP = tmp_path, 2
    begin = timezone.now()
    for days in (400, 402, 1):
        time_machine.move_to(begin + timedelta(days=days))
        call_command("run_jobs", "--once")

    assert all(job.started_at <= timezone.now() and job.is_well for job in jobs.states())
    assert any(file.name.startswith(f"backup-{timezone.now():%Y-%m-%d}") for file in jobs.backups(tmp_path))


def test_a_failure_is_told_and_tried_again_within_hours(settings, tmp_path, upstream, caplog):
    settings.BACKUP_DIR = tmp_path / "missing" / "backups"

    with pytest.raises(CommandError, match="tried again in an hour"):
        call_command("run_jobs", "--once")

    assert ended("backup") == ("failed", f"BACKUP_DIR {settings.BACKUP_DIR} cannot be made: No such file or directory.")
    assert ended("purge_cache")[0] == "done"
    assert f"Job backup failed: BACKUP_DIR {settings.BACKUP_DIR}" in caplog.text
    assert Job.objects.get(name="backup").due_at < timezone.now() + timedelta(hours=2)


def test_a_bug_in_a_job_is_logged_and_told(refreshing, caplog):
    refreshing(lambda: 1 / 0)

    with pytest.raises(CommandError):
        call_command("run_jobs", "--once")

    assert ended("refresh_catalog") == ("failed", "ZeroDivisionError: division by zero")
    assert "Traceback" in caplog.text


def test_simultaneous_runners_run_each_job_once(caplog):
    caplog.set_level(logging.DEBUG, "wrong_opinions")

    assert at_once(4, lambda number: jobs.run_due()) == [True] * 4

    assert sorted(record.args[0] for record in caplog.records) == sorted(jobs.tasks())


def test_a_job_that_runs_is_kept_from_other_runners_however_long_it_takes(refreshing, monkeypatch):
    monkeypatch.setattr(jobs, "HOLD", timedelta(seconds=1))
    others = []

    def act():
        begin = Job.objects.get(name="refresh_catalog").due_at
        wait_until(lambda: Job.objects.get(name="refresh_catalog").due_at > begin)
        others.append(jobs.run_due())
        others.append(Job.objects.get(name="refresh_catalog").state)

    refreshing(act)

    assert jobs.run_due()
    assert others == [True, "running"]


def test_the_job_of_a_runner_that_died_is_run_by_another():
    jobs.run_due()
    started_at = timezone.now() - jobs.HOLD
    Job.objects.update(due_at=started_at + jobs.HOLD, started_at=started_at, ended_at=None)

    jobs.run_due()

    assert {job.state for job in jobs.states()} == {"done"}


def test_a_runner_stops_in_the_middle_of_the_catalog(refreshing):
    handler = signal.getsignal(signal.SIGTERM)
    refreshing(stop)

    call_command("run_jobs")

    job = Job.objects.get(name="refresh_catalog")
    assert job.due_at <= timezone.now()
    assert job.state == "running"  # as far as others can see
    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_runner_stops_in_the_middle_of_any_job_and_starts_no_other():
    with just_before('DELETE FROM "accounts_', stop):
        call_command("run_jobs")

    assert Job.objects.get(name="flush_tokens").due_at <= timezone.now()
    assert not Job.objects.filter(ended_at__isnull=False).exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "hold"]


def test_an_outage_of_the_database_does_not_end_the_runner(monkeypatch, refreshing, caplog):
    monkeypatch.setattr(run_jobs, "INTERVAL", 0)
    refreshing(stop)

    def refuse():
        raise OperationalError("away")

    with just_before("UPDATE", refuse):
        call_command("run_jobs")

    assert "cannot be used: away" in caplog.text
    assert ended("purge_cache")[0] == "done"


def test_superusers_see_the_jobs_on_the_admins_first_page(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    Job.objects.create(name="purge_cache", started_at=timezone.now(), ended_at=timezone.now(), outcome="Deleted 3.")

    page = client.get("/admin/").content.decode()

    assert '<span class="state well">done</span>' in page
    assert "<p>Deleted 3.</p>" in page
    assert "backup" not in page
