import argparse

from django.conf import settings
from django.core.management import BaseCommand

from accounts import services


class Command(BaseCommand):
    help = (
        "Create invitation links. Each lets one person register, even where registration is closed, and is shown only "
        "now. Example: manage.py invite --note Cleo --days 14"
    )

    def add_arguments(self, parser):
        parser.add_argument("--note", default="", help="who it is for; visible to staff only")
        parser.add_argument(
            "--days",
            type=between(1, 365),
            default=services.INVITATION_DAYS,
            metavar="N",
            help=f"valid for N days (default: {services.INVITATION_DAYS})",
        )
        parser.add_argument("--count", type=between(1, 100), default=1, metavar="N", help="create N (default: 1)")

    def handle(self, *, note, days, count, verbosity, **options):
        for _ in range(count):
            invitation, code = services.invite(note=note[:200], days=days)
            self.stdout.write(services.invitation_url(code))  # at any verbosity, as it cannot be shown again
            if verbosity > 1:
                self.stdout.write(f"  {invitation}")
        if verbosity and not settings.SITE_URL:
            self.stderr.write("These links lead to this machine. Set SITE_URL to the site's public address.")


def between(least: int, most: int):
    def number(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")

    return number
