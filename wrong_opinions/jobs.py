"""Regular jobs, which `manage.py run_jobs` runs when they are due.

A row per job says when it is due. A runner claims the job by an UPDATE that moves this moment ahead, so that no other
runner starts it, and goes on moving it while the job runs. If the runner dies, the job is soon due again.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from catalog import services
from catalog.progress import counted
from integrations.errors import IntegrationError
from selections import notifications

from . import webhooks
from .models import Job

logger = logging.getLogger(__name__)

HOLD = timedelta(minutes=5)  # after which the job of a runner that died is due again
RETRY = timedelta(hours=1)  # after a failure; jobs that run more often are tried again when they are due
REFRESHED_AT_ONCE = 100  # albums, which take two of six minutes, so that other jobs soon have their turn
MAX_OUTCOME = 500  # characters
INTERRUPTED = 130  # the exit code of commands that were told to stop


@dataclass(frozen=True)
class Task:
    """What a job does (it writes its result to `stdout`), and how often."""

    act: Callable[..., object]
    every: timedelta


def tasks() -> dict[str, Task]:
    """The jobs of this site by their names, in the order in which they run."""
    refresh = partial(call_command, "refresh_catalog", limit=REFRESHED_AT_ONCE)
    found = {"flush_tokens": Task(partial(call_command, "flush_tokens"), timedelta(days=1))}
    if settings.BACKUP_DIR:
        found["backup"] = Task(partial(back_up, settings.BACKUP_DIR), timedelta(days=1))
    return found | {
        "notifications": Task(notifications.send_due, timedelta(minutes=15)),
        "purge_cache": Task(partial(call_command, "purge_cache"), timedelta(days=1)),
        "webhooks": Task(webhooks.run, timedelta(minutes=1)),
        "find_covers": Task(find_covers, timedelta(minutes=5)),
        "refresh_catalog": Task(refresh, timedelta(minutes=6)),
    }


def states() -> list[Job]:
    """Each job with its last run, by one query."""
    known = Job.objects.in_bulk()
    return [known.get(name) or Job(name=name) for name in tasks()]


def run_due() -> bool:
    """Run the jobs that are due and that no other runner has; return whether all of them succeeded."""
    Job.objects.bulk_create([Job(name=name) for name in tasks()], ignore_conflicts=True)
    succeeded = [
        _run(name, task, claimed_at) for name, task in tasks().items() if (claimed_at := _claim(name, task.every))
    ]
    return all(succeeded)


def _claim(name: str, every: timedelta) -> datetime | None:
    """The moment that identifies this run; None if the job is not due, or another runner has it.

    A job that is due later than it can be was last run when the clock was wrong: it is due now.
    """
    now = timezone.now()
    is_due = Q(due_at__lte=now) | Q(due_at__gt=now + every + HOLD)
    is_mine = Job.objects.filter(is_due, name=name).update(due_at=now + HOLD, started_at=now)
    return now if is_mine else None


def _run(name: str, task: Task, claimed_at: datetime) -> bool:
    """Run a job and store what came of it; return whether it succeeded. KeyboardInterrupt makes it due again."""
    row = Job.objects.filter(name=name, started_at=claimed_at)
    output = StringIO()
    has_failed = True
    try:
        with _held(row):
            task.act(stdout=output)
        has_failed, outcome = False, " ".join(output.getvalue().splitlines()[-2:])
        logger.log(logging.INFO if task.every >= RETRY else logging.DEBUG, "Job %s: %s", name, outcome)
    except CommandError as error:
        if error.returncode == INTERRUPTED:
            row.update(due_at=timezone.now())
            raise KeyboardInterrupt from None
        outcome = str(error)
        logger.error("Job %s failed: %s", name, outcome)
    except KeyboardInterrupt:
        row.update(due_at=timezone.now())
        raise
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
        logger.exception("Job %s failed", name)
    now = timezone.now()
    due_at = now + min(RETRY, task.every) if has_failed else max(now, claimed_at + task.every)
    row.update(due_at=due_at, ended_at=now, has_failed=has_failed, outcome=outcome[:MAX_OUTCOME])
    return not has_failed


@contextlib.contextmanager
def _held(row: QuerySet[Job]) -> Iterator[None]:
    """Keep a job from other runners, in a thread, for as long as it runs."""
    has_ended = threading.Event()

    def hold() -> None:
        while not has_ended.wait(HOLD.total_seconds() / 3):
            try:
                row.update(due_at=timezone.now() + HOLD)
            except Error as error:
                logger.warning("A running job cannot be kept from other runners: %s", error)
            finally:
                connection.close()

    thread = threading.Thread(target=hold, name="hold")
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def back_up(folder: Path, *, stdout: TextIO) -> None:
    """Write a backup into the folder, and delete the oldest ones there that are more than BACKUP_KEEP, and what runners
    that were killed have left."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CommandError(f"BACKUP_DIR {folder} cannot be made: {error.strerror}.") from None
    yesterday = (timezone.now() - timedelta(days=1)).timestamp()
    for part in folder.glob(".backup-????-??-??-*"):
        with contextlib.suppress(FileNotFoundError):  # it has just been finished
            if part.stat().st_mtime < yesterday:
                part.unlink()
    written = folder / f"backup-{timezone.now():%Y-%m-%d-%H%M%S}.db"
    call_command("backup", written, stdout=stdout)
    # First those with a later date, from when the clock was wrong.
    kept_last = sorted(backups(folder), key=lambda file: file <= written)
    for outdated in kept_last[: -settings.BACKUP_KEEP]:
        outdated.unlink(missing_ok=True)


def find_covers(*, stdout: TextIO) -> None:
    """Look for the covers of albums that curators have marked in the admin."""
    try:
        known, found = services.find_marked_covers()
    except IntegrationError as error:
        raise CommandError(str(error)) from None
    stdout.write(f"Covers found: {found} of {counted(known, 'album')}." if known else "No covers to look for.")


def backups(folder: Path) -> list[Path]:
    """The backups in a folder that back_up() wrote, oldest first."""
    return sorted(folder.glob("backup-????-??-??-??????.db"))
