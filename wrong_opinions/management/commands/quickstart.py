import errno
import os
import secrets
import socket
import sys

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import transaction

from integrations.status import check_upstreams
from selections.transfer import samples

ADDRESS = "127.0.0.1"
DEVELOPMENT = "http://localhost:5173,http://localhost:4173"  # `vite dev` and `vite preview` of a frontend


class Command(BaseCommand):
    help = (
        "Set up a fresh checkout and serve it: settings, database, sample data and an admin account. "
        "Run it again to serve the same data. Example: manage.py quickstart --port 8001"
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--empty", action="store_true", help="do not add sample data")
        parser.add_argument("--port", type=int, default=8000, help="serve on this port (default 8000)")
        parser.add_argument("--no-serve", action="store_true", help="set up without serving")

    def handle(self, *, empty, port, no_serve, **options):
        if not no_serve:
            refuse_taken(port)
        call_command("migrate", verbosity=0)
        try:
            call_command("collectstatic", interactive=False, verbosity=0)
        except OSError as error:
            if error.errno != errno.EROFS:  # a container, whose image has the files
                raise CommandError(f"Cannot write {settings.STATIC_ROOT}: {error.strerror}") from None
        passwords = self.make_accounts(empty=empty)
        self.report(passwords, (no_serve and settings.SITE_URL) or f"http://{ADDRESS}:{port}")
        if not no_serve:
            if not settings.SITE_URL:
                os.environ["SITE_URL"] = f"http://{ADDRESS}:{port}"  # for links in email
            if not settings.CORS_ALLOWED_ORIGINS:
                os.environ["CORS_ALLOWED_ORIGINS"] = DEVELOPMENT
            self.stdout.flush()
            serve(port)

    def make_accounts(self, *, empty: bool) -> dict[str, str]:
        """The passwords of new accounts by username: empty if there were accounts already."""
        users = get_user_model().objects
        with transaction.atomic():
            if users.exists():
                return {}
            passwords = {"admin": secrets.token_urlsafe(12)}
            users.create_superuser("admin", "admin@example.org", passwords["admin"])
            return passwords if empty else passwords | samples.load()

    def report(self, passwords: dict[str, str], site: str) -> None:
        self.stdout.write(self.style.SUCCESS(f"Wrong Opinions {settings.VERSION}"))
        for name, path in (("Home", "/"), ("API docs", "/api/docs"), ("Admin", "/admin/"), ("Health", "/health")):
            self.stdout.write(f"  {name:9} {site}{settings.ROOT_PATH}{path}")
        if passwords:
            self.stdout.write("Accounts, with passwords that are shown only once:")
            for name, password in passwords.items():
                self.stdout.write(f"  {name:9} {password}   {'for the admin' if name == 'admin' else 'sample member'}")
        else:
            self.stdout.write("There are accounts already. Set a password with manage.py changepassword NAME.")
        for warning in check_upstreams(None):
            self.stdout.write(self.style.WARNING(f"Missing: {warning.msg} {warning.hint}"))


def refuse_taken(port: int) -> None:
    """Raise CommandError if the port cannot be served on."""
    if not 0 < port < 2**16:
        raise CommandError(f"Invalid port {port}. Choose one from 1 to 65535, such as --port 8001")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise CommandError(f"Cannot serve on port {port}: {error.strerror}. Choose another: --port 8001") from None


def serve(port: int) -> None:
    """Replace this process with the production server that gunicorn.conf.py configures."""
    os.chdir(settings.BASE_DIR)
    server = [sys.executable, "-m", "gunicorn", "--bind", f"{ADDRESS}:{port}"]
    os.execv(sys.executable, server)  # noqa: S606 - no shell, and nothing in it from outside
