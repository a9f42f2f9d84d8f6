import sqlite3
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from integrations import cache


class Command(BaseCommand):
    help = (
        "Make the cache of upstreams' answers smaller: delete what is too old to be served, and give the space back. "
        "Harmless while the site serves. Example: manage.py purge_cache --all"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="delete everything; it is fetched again when needed")

    def handle(self, *, verbosity: int, **options: Any) -> None:
        try:
            deleted, freed = cache.purge(everything=options["all"])
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"Cannot open the cache: {error}") from None
        if verbosity:
            self.stdout.write(f"Deleted {deleted} answers, which gave {freed / 1e6:.1f} MB back.")
        if verbosity > 1:
            self.stdout.write(f"They were in {cache.cache_file()}.")
