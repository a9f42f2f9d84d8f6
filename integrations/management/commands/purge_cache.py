import sqlite3

from django.core.management import BaseCommand, CommandError

from integrations import cache


class Command(BaseCommand):
    help = (
        "Make the cache of upstreams' answers smaller: forget what is too old to be of use, and give the space back. "
        "Harmless while the site serves. Example: manage.py purge_cache --all"
    )

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="forget everything, so that all is asked for anew")

    def handle(self, *, verbosity, **options):
        try:
            deleted, freed = cache.purge(everything=options["all"])
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"The cache is no use: {error}") from None
        if verbosity:
            self.stdout.write(f"Forgot {deleted} answers, which gave {freed / 1e6:.1f} MB back.")
        if verbosity > 1:
            self.stdout.write(f"They were in {cache.cache_file()}.")
