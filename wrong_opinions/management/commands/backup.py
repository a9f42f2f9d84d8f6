from pathlib import Path

from django.core.management import BaseCommand

from wrong_opinions import backup


class Command(BaseCommand):
    help = (
        "Write a snapshot of the whole database into one file while the site keeps running. It holds password "
        "hashes and tokens, so only its owner may read it. Example: manage.py backup backup-2026-02-11.db"
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="the file to write, for restore")
        parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")

    def handle(self, *, file, force, verbosity, **options):
        if verbosity > 1:
            self.stdout.write(f"Copying the database into {file}.")
        contents = backup.back_up(file, force=force)
        if verbosity:
            self.stdout.write(f"{file}, {file.stat().st_size / 1e6:.1f} MB: {contents}.")
