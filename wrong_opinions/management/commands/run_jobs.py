import logging
import signal
import time

from django.core.management import BaseCommand, CommandError
from django.db import Error, close_old_connections

from wrong_opinions import jobs, outages

logger = logging.getLogger(__name__)

INTERVAL = 60  # seconds


class Command(BaseCommand):
    help = (
        "Run the regular jobs whenever they are due, until SIGTERM or Ctrl-C: delete what has expired, back up into "
        "BACKUP_DIR, send notifications, shrink the cache, tell webhooks what happened, find covers, refresh the "
        "catalog. Several runners never run a job at the same time. "
        "Example for cron, every hour: manage.py run_jobs --once"
    )

    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="run what is due now, then exit")

    def handle(self, *, once, **options):
        handler = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does
        try:
            if once:
                if not jobs.run_due():
                    raise CommandError("A job failed; the lines above say why. It is tried again in an hour.")
                return
            while True:
                self.run_due()
                time.sleep(INTERVAL)
        except KeyboardInterrupt:
            logger.info("The job runner was stopped. A job that it interrupted is due again.")
        finally:
            signal.signal(signal.SIGTERM, handler)

    def run_due(self):
        """Run what is due now; outages of the database end before the next round, or the one after it."""
        close_old_connections()
        try:
            jobs.run_due()
        except Error as error:
            if not outages.is_outage(error):
                raise
            logger.error(outages.report(error))
