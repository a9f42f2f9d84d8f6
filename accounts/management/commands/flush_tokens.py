from django.core.management import BaseCommand
from django.template.defaultfilters import pluralize

from accounts import limits, services


class Command(BaseCommand):
    help = (
        "Delete what has expired: sessions of the API and the admin, counted attempts, "
        f"API tokens {services.KEEP_API_TOKENS.days} days and unused invitations {services.KEEP_INVITATIONS.days} days "
        f"after they expired, clients {limits.KEEP_KNOWN_CLIENTS.days} days after a user last signed in from them. "
        "Run it once a day. Example: manage.py flush_tokens"
    )

    def handle(self, *, verbosity, **options):
        counts = services.flush_tokens()
        if verbosity:
            deleted = [f"{count} {kind}{pluralize(count)}" for kind, count in counts.items() if count or verbosity > 1]
            self.stdout.write(f"Deleted {', '.join(deleted)}." if deleted else "Nothing has expired.")
