from functools import partial

from django.core.management import BaseCommand, CommandError
from django.db import Error

from wrong_opinions import doctor, outages


class Command(BaseCommand):
    help = (
        "Check this deployment, and say what to do: settings, files, disks, database, static files, the site "
        "through its proxy, upstreams and clock, regular jobs, backups, mail. Fails if there is something to do. "
        "Example: manage.py doctor --mail you@example.org"
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--mail", default="", metavar="ADDRESS", help="send a test message to this address")
        names = [*doctor.CHECKS, "mail"]
        parser.add_argument("--skip", action="append", default=[], choices=names, help="leave out; may be repeated")

    def handle(self, *, mail, skip, verbosity, **options):
        count = 0
        for name, check in (doctor.CHECKS | {"mail": partial(doctor.check_mail, mail)}).items():
            if name in skip:
                continue
            try:
                problems = list(check())
            except Error as error:
                problems = [outages.report(error)]
            if not problems and verbosity:
                self.stdout.write(f"{self.style.SUCCESS('well')}    {name}")
            for problem in problems:
                self.stdout.write(f"{self.style.ERROR('problem')} {name}: {problem}")
            count += len(problems)
        if count:
            raise CommandError(f"Problems found: {count}.")
