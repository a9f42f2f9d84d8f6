"""Checks of a running deployment. Each yields sentences: what is wrong, and what to do about it."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core import checks, mail
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from integrations import status

from . import jobs, outages
from .health import folders

MIN_FREE = 500  # MB
MAX_OFFSET = 10  # seconds between two clocks, which tokens tolerate
MAX_AGE = timedelta(days=2)  # of the newest backup
TIMEOUT = 10  # seconds
PROXY = (
    "Let the proxy pass on Host with its port (nginx: $http_host) and set X-Forwarded-Proto to the scheme ($scheme); "
    "HTTPS=true trusts it, and SITE_URL is the address in the browser"
)

Check = Callable[[], Iterator[str]]


def check_settings() -> Iterator[str]:
    """What `check --deploy` says, which includes upstreams' refusals."""
    for message in checks.run_checks(include_deployment_checks=True):
        if message.is_serious(checks.WARNING) and not message.is_silenced():
            yield " ".join([message.msg, message.hint or ""]).strip()


def check_files() -> Iterator[str]:
    """Files with secrets that other users of this host can read."""
    files = [Path(os.environ.get("ENV_FILE") or settings.BASE_DIR / ".env")]
    if connection.vendor == "sqlite":
        files.append(Path(connection.settings_dict["NAME"]))
    files += [folder for folder in (settings.CACHE_DIR, settings.BACKUP_DIR) if folder]
    for file in files:
        if file.exists() and file.stat().st_mode & 0o077 and not file.is_char_device():
            yield f"Other users can read {file}: chmod {700 if file.is_dir() else 600} {file}"
        if file.exists() and not os.access(file, os.R_OK):
            yield f"This user cannot read {file}: run the doctor as the user that serves, or change the file's owner."


def check_disk() -> Iterator[str]:
    """Space on each disk that the site writes to."""
    disks = {place.stat().st_dev: place for place in (*folders().values(), Path(tempfile.gettempdir()))}
    for place in disks.values():
        if (free := shutil.disk_usage(place).free // 1_000_000) < MIN_FREE:
            yield f"The disk of {place} has only {free} MB left. Delete something, or move it to a larger disk."


def check_database() -> Iterator[str]:
    if not outages.is_writable():
        yield f"The database {connection.settings_dict['NAME']} is read-only: make it writable for this user."
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield f"{len(plan)} migrations are missing in the database, the first is {plan[0][0]}. Run manage.py migrate."


def check_static() -> Iterator[str]:
    """Static files that collectstatic has not copied, or that have changed since."""
    do = "Run manage.py collectstatic --no-input, and restart the server."
    if isinstance(staticfiles_storage, ManifestFilesMixin) and not staticfiles_storage.read_manifest():
        yield f"The static files have not been collected: pages of the admin fail. {do}"
        return
    outdated = [
        path
        for finder in get_finders()
        for path, storage in finder.list([])
        if not staticfiles_storage.exists(path)
        or staticfiles_storage.get_modified_time(path) < storage.get_modified_time(path).replace(microsecond=0)
    ]
    if outdated:
        yield f"{len(outdated)} static files are missing or outdated, such as {outdated[0]}. {do}"


def check_site() -> Iterator[str]:
    """What people get at SITE_URL, through the proxy: health, and whether they could sign in to the admin."""
    if not settings.SITE_URL:
        yield "SITE_URL is not set: put the public address of this site into .env."
        return
    opener = build_opener(HTTPCookieProcessor(jar := CookieJar()))
    try:
        version = json.loads(_read(opener, "/health"))["version"]
        if version != settings.VERSION:
            yield f"{_address()} serves version {version}, and this is {settings.VERSION}: restart the server."
        _read(opener, "/admin/login/")
        tokens = [cookie.value or "" for cookie in jar if cookie.name == settings.CSRF_COOKIE_NAME]
        if not tokens:
            yield f"{_address('/admin/login/')} sets no cookie. {PROXY}."
            return
        _read(opener, "/admin/login/", {"csrfmiddlewaretoken": tokens[0]})
    except HTTPError as error:
        error.close()
        if error.code in {301, 302, 307, 308}:
            yield f"{error.url} redirects to itself. {PROXY}."
        elif error.code == 403:
            yield f"{error.url} refuses to sign people in. {PROXY}."
        elif error.code == 400:
            yield f"{error.url} is refused: add {urlsplit(settings.SITE_URL).hostname} to ALLOWED_HOSTS."
        else:
            yield f"{error.url} answers {error.code}: look into the logs of the site and the proxy."
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", error)
        yield f"{_address()} is not this site ({reason}): start the server and the proxy, and check the address."


def _address(path: str = "") -> str:
    return f"{settings.SITE_URL}{settings.ROOT_PATH}{path}"


def _read(opener: OpenerDirector, path: str, form: dict[str, str] | None = None) -> bytes:
    headers = {"Origin": settings.SITE_URL, "Referer": _address(path)} if form else {}
    data = urlencode(form).encode() if form else None
    request = Request(_address(path), data, headers)  # noqa: S310 - http or https, by the settings
    with opener.open(request, timeout=TIMEOUT) as answer:
        body: bytes = answer.read()
        return body


def check_upstreams() -> Iterator[str]:
    """Whether they answer, and the clock of this host beside theirs."""
    for name, found in status.clock_offsets():
        if isinstance(found, Exception):
            yield f"{name} was asked without success: {found}"
        elif abs(found) > MAX_OFFSET:
            how = "behind" if found > 0 else "ahead of"
            yield f"The clock of this host is {abs(found):.0f} seconds {how} that of {name}: let NTP set it."


def check_jobs() -> Iterator[str]:
    states = jobs.states()
    if not any(job.started_at for job in states):
        yield "The job runner has never run: start manage.py run_jobs beside the server, or run_jobs --once from cron."
        return
    for job in states:
        if job.is_late:
            yield f"The job {job.name} has been due since {job.due_at:%Y-%m-%d %H:%M} UTC: start manage.py run_jobs."
        elif job.has_failed:
            yield f"The job {job.name} has failed: {job.outcome}"


def check_backups() -> Iterator[str]:
    if not settings.BACKUP_DIR:
        yield "BACKUP_DIR is not set, so run_jobs makes no backups: put a folder into .env, best on another disk."
        return
    written = [file.stat().st_mtime for file in jobs.backups(settings.BACKUP_DIR)]
    if not written:
        yield f"There is no backup in {settings.BACKUP_DIR}: start manage.py run_jobs, and see what it says."
    elif (age := timedelta(seconds=timezone.now().timestamp() - max(written))) > MAX_AGE:
        yield f"The newest backup in {settings.BACKUP_DIR} is {age.days} days old: see what run_jobs says."


def check_mail(to: str) -> Iterator[str]:
    backend = settings.MAILERS["default"]["BACKEND"]
    if backend.endswith("console.EmailBackend"):
        yield "Emails are printed to the log: set EMAIL_URL, or people cannot reset their passwords."
    elif to:
        text = f"If you read this, {settings.SITE_URL or 'the site'} can send email."
        try:
            mail.send_mail("Wrong Opinions: a test", text, None, [to])
        except OSError as error:
            yield f"No email can be sent to {to}: {error}. Check EMAIL_URL and MAIL_FROM."


CHECKS: dict[str, Check] = {
    "settings": check_settings,
    "files": check_files,
    "disk": check_disk,
    "database": check_database,
    "static": check_static,
    "site": check_site,
    "upstreams": check_upstreams,
    "jobs": check_jobs,
    "backups": check_backups,
}
