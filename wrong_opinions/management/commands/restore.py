from pathlib import Path

from django.core.management import BaseCommand, CommandError

from wrong_opinions import backup


class Command(BaseCommand):
    help = (
        "Put what a backup holds in the place of everything in the database, after checking that it is whole; where "
        "that fails, everything stays as it was. Example: manage.py restore backup-2026-02-11.db"
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="what backup wrote")
        parser.add_argument("--force", action="store_true", help="also where the database has accounts, which then go")

    def handle(self, *, file, force, verbosity, **options):
        if verbosity > 1:
            self.stdout.write(f"Checking {file}, and putting it in the place of the database.")
        try:
            contents, is_older = backup.restore(file, force=force)
        except backup.Unusable as error:
            raise CommandError(f"{error}".rstrip(".") + ".") from None
        if verbosity:
            self.stdout.write(f"Restored {contents}.")
        if is_older:
            self.stderr.write("The backup is from an older version: bring it up to date with manage.py migrate.")
