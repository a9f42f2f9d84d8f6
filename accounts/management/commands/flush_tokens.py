from django.core.management import BaseCommand

from accounts import limits, services


class Command(BaseCommand):
    help = (
        "Forget what nobody can sign in with any more: expired sessions of the API and the admin, counted attempts, "
        f"API tokens {services.KEEP_API_TOKENS.days} days and unused invitations {services.KEEP_INVITATIONS.days} days "
        f"after they expired, clients {limits.KEEP_KNOWN_CLIENTS.days} days after a user last signed in from them. "
        "Once a day is enough. Example: manage.py flush_tokens"
    )

    def handle(self, *, verbosity, **options):
        flushed = services.flush_tokens()
        counts = {
            "sessions": flushed.sessions,
            "admin sessions": flushed.admin_sessions,
            "counted attempts": flushed.attempts,
            "API tokens": flushed.api_tokens,
            "invitations": flushed.invitations,
            "known clients": flushed.known_clients,
        }
        if verbosity:
            said = [f"{count} {what}" for what, count in counts.items() if count or verbosity > 1]
            self.stdout.write(f"Forgot {', '.join(said)}." if said else "Nothing has expired.")
