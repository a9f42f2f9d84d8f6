from django.db import DEFAULT_DB_ALIAS, connections

from catalog.progress import Progress, QuietCommand
from wrong_opinions import copying


class Command(QuietCommand):
    help = (
        "Copy everything into another, empty database, and verify it by counts and checksums of all tables. Stop the "
        "server first: what it writes later is not copied. "
        "Example: manage.py copy_database postgres://user:password@host/name"
    )

    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("url", metavar="TARGET_URL", help="the address of the target, as in DATABASE_URL")

    def handle(self, *, url, **options):
        source = "direct" if "direct" in connections else DEFAULT_DB_ALIAS  # not through a pooler
        target = copying.connect(url)
        total = copying.count(source)
        copying.copy(source, target, Progress(self, "rows", total).step)
        self.say(f"Copied {total} rows of {len(copying.tables())} tables, and compared all of them.")
        self.say("Put the target's address into DATABASE_URL and restart the site and the job runner.")
