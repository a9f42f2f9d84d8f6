from pathlib import Path

from django.core.management import BaseCommand

from wrong_opinions import backup


class Command(BaseCommand):
    help = (
        "Replace everything in the database with a backup, after verifying it. If that fails, the database stays as "
        "it was. Example: manage.py restore backup-2026-02-11.db"
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="a file that backup wrote")
        parser.add_argument("--force", action="store_true", help="also replace a database that has accounts")

    def handle(self, *, file, force, verbosity, **options):
        if verbosity > 1:
            self.stdout.write(f"Verifying {file} and replacing the database with it.")
        contents, is_older = backup.restore(file, force=force)
        if verbosity:
            self.stdout.write(f"Restored {contents}.")
        if is_older:
            self.stderr.write("The backup is from an older version. Run manage.py migrate.")
