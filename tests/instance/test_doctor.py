"""manage.py doctor: it finds deliberate mistakes, and reports nothing if there are none."""

import os
import smtplib
import socket
import time
from datetime import timedelta

import pytest
from django.conf import settings as site_settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django.utils.http import http_date

from tests.conftest import just_before
from tests.payloads import COVERART, MUSICBRAINZ, TMDB
from wrong_opinions import doctor, jobs
from wrong_opinions.models import Job

pytestmark = [pytest.mark.django_db, pytest.mark.patient]


def found(check, *arguments):
    return "\n".join(check(*arguments))


def test_problems_are_sentences_and_the_exit_code_is_for_machines(capsys, settings, tmp_path):
    others = [f"--skip={name}" for name in (*doctor.CHECKS, "mail") if name != "backups"]
    settings.BACKUP_DIR = tmp_path

    with pytest.raises(CommandError, match="Problems found: 1") as failure:
        call_command("doctor", *others)
    (tmp_path / "backup-2026-02-11-040000.db").touch()
    call_command("doctor", *others)

    assert failure.value.returncode == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"problem backups: There is no backup in {tmp_path}: start manage.py run_jobs")
    assert second == "well    backups"


def test_an_outage_of_the_database_is_a_problem_and_no_traceback(capsys):
    def refuse():
        raise OperationalError("away")

    others = [f"--skip={name}" for name in (*doctor.CHECKS, "mail") if name != "jobs"]
    with just_before("SELECT", refuse), pytest.raises(CommandError):
        call_command("doctor", *others)

    said = capsys.readouterr().out
    assert said.startswith("problem jobs: ")
    assert said.endswith("cannot be used: away.\n")


def test_unsafe_settings(settings):
    settings.SECRET_KEY = "short"

    assert "SECRET_KEY is weak" in found(doctor.check_settings)


def test_files_that_others_can_read(settings, tmp_path, monkeypatch):
    file, settings.CACHE_DIR = tmp_path / "env", tmp_path / "cache"
    monkeypatch.setenv("ENV_FILE", str(file))
    file.touch(mode=0o600)
    settings.CACHE_DIR.mkdir(mode=0o700)
    assert str(tmp_path) not in found(doctor.check_files)

    file.chmod(0o644)
    settings.CACHE_DIR.chmod(0o755)

    assert f"Other users can read {file}: chmod 600 {file}" in found(doctor.check_files)
    assert f"chmod 700 {settings.CACHE_DIR}" in found(doctor.check_files)


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(doctor, "MIN_FREE", 10**9)

    assert " MB left. Delete something" in found(doctor.check_disk)


def test_missing_migrations():
    assert found(doctor.check_database) == ""
    MigrationRecorder(connection).migration_qs.filter(app="wrong_opinions").delete()

    assert found(doctor.check_database).endswith("wrong_opinions.0001_initial. Run manage.py migrate.")


def test_static_files_that_were_not_collected_or_have_changed(settings, tmp_path):
    settings.STORAGES = {"staticfiles": {"BACKEND": "wrong_opinions.compression.StaticFilesStorage"}}
    settings.STATIC_ROOT = tmp_path
    assert "have not been collected" in found(doctor.check_static)

    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    assert found(doctor.check_static) == ""
    (tmp_path / "selections/admin.css").unlink()
    os.utime(tmp_path / "catalog/admin.css", (0, 0))
    assert "2 static files are missing or outdated, such as" in found(doctor.check_static)


HEALTH = {"status": "healthy", "version": site_settings.VERSION}
COOKIE = {"Set-Cookie": "csrftoken=secret; Path=/"}


@pytest.mark.real_http
@pytest.mark.parametrize(
    ("health", "page", "signed_in", "sentence"),
    [
        ((HEALTH, 200), (200, COOKIE), 200, ""),
        (({"version": "0.9"}, 200), (200, COOKIE), 200, "serves version 0.9"),
        (({}, 400), (200, COOKIE), 200, "add localhost to ALLOWED_HOSTS"),
        (({}, 503), (200, COOKIE), 200, "/health answers 503: look into the logs"),
        (({}, 200), (200, COOKIE), 200, "is not this site"),
        (
            (HEALTH, 200),
            (301, {"Location": "/opinions/admin/login/"}),
            200,
            "/admin/login/ redirects to itself. Let the proxy",
        ),
        ((HEALTH, 200), (200, {}), 200, "sets no cookie. Let the proxy"),
        ((HEALTH, 200), (200, COOKIE), 403, "/admin/login/ refuses to sign people in. Let the proxy"),
    ],
)
def test_the_site_through_its_proxy(settings, httpserver, health, page, signed_in, sentence):
    settings.SITE_URL, settings.ROOT_PATH = httpserver.url_for("").rstrip("/"), "/opinions"
    httpserver.expect_request("/opinions/health").respond_with_json(health[0], health[1])
    httpserver.expect_request("/opinions/admin/login/", "POST").respond_with_data("", signed_in)
    httpserver.expect_request("/opinions/admin/login/", "GET").respond_with_data("", *page)

    said = found(doctor.check_site)

    assert sentence in said
    assert bool(sentence) == bool(said)


def test_a_site_that_is_not_there(settings, socket_enabled):
    settings.SITE_URL = ""
    assert "SITE_URL is not set" in found(doctor.check_site)

    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.SITE_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert "Connection refused): start the server" in found(doctor.check_site)


def test_clocks_and_upstreams(upstream):
    upstream.get(f"{TMDB}/configuration", json={}, headers={"Date": http_date(time.time() + 99)})
    upstream.get(f"{MUSICBRAINZ}{doctor.status.PROBES['musicbrainz']}", json={}, headers={"Date": http_date()})
    upstream.get(f"{COVERART}{doctor.status.PROBES['coverart']}", status=500)

    clock, covers = found(doctor.check_upstreams).splitlines()

    assert clock.startswith("The clock of this host is 9")
    assert " seconds behind that of TMDB: let NTP set it" in clock
    assert covers.startswith("The Cover Art Archive was asked without success: ")


def test_a_job_runner_that_is_not_there_or_fails():
    assert "has never run" in found(doctor.check_jobs)
    jobs.run_due()
    assert found(doctor.check_jobs) == ""

    Job.objects.filter(name="purge_cache").update(has_failed=True, outcome="Disk full.")
    Job.objects.filter(name="flush_tokens").update(due_at=timezone.now() - timedelta(hours=3))

    late, failed = found(doctor.check_jobs).splitlines()
    assert late.startswith("The job flush_tokens has been due since 20")
    assert failed == "The job purge_cache has failed: Disk full."


def test_backups_that_are_old_or_missing(settings, tmp_path):
    settings.BACKUP_DIR = None
    assert "BACKUP_DIR is not set" in found(doctor.check_backups)

    settings.BACKUP_DIR, file = tmp_path, tmp_path / "backup-2026-02-11-040000.db"
    file.touch()
    os.utime(file, (time.time() - 5 * 86400 - 9, time.time() - 5 * 86400 - 9))
    assert "is 5 days old" in found(doctor.check_backups)


def test_mail(settings, mailoutbox, socket_enabled):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
    assert "set EMAIL_URL" in found(doctor.check_mail, "")

    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    assert found(doctor.check_mail, "ada@example.org") == ""
    assert [message.to for message in mailoutbox] == [["ada@example.org"]]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    smtp = {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": {"host": "127.0.0.1", "port": port}}
    settings.MAILERS = {"default": smtp}
    assert "No email can be sent to ada@example.org: [Errno 111]" in found(doctor.check_mail, "ada@example.org")
    assert issubclass(smtplib.SMTPException, OSError)  # so that refusals of the server are told as well
