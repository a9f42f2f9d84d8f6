import argparse

from django.conf import settings
from django.core.management import BaseCommand

from accounts import services


class Command(BaseCommand):
    help = (
        "Make links that let one person each register, also where registration is closed. Each is shown only now. "
        "Example: manage.py invite --note Cleo --days 14"
    )

    def add_arguments(self, parser):
        parser.add_argument("--note", default="", help="for whom it is; only staff read that")
        parser.add_argument(
            "--days",
            type=between(1, 365),
            default=services.INVITATION_DAYS,
            metavar="N",
            help=f"good for N days (default: {services.INVITATION_DAYS})",
        )
        parser.add_argument("--count", type=between(1, 100), default=1, metavar="N", help="make N of them (default: 1)")

    def handle(self, *, note, days, count, verbosity, **options):
        for _ in range(count):
            invitation, code = services.invite(note=note[:200], days=days)
            self.stdout.write(services.invitation_url(code))  # whatever the verbosity: nobody can be told again
            if verbosity > 1:
                self.stdout.write(f"  {invitation}")
        if verbosity and not settings.SITE_URL:
            self.stderr.write("The links begin as on this machine: set SITE_URL to where people reach this site.")


def between(least: int, most: int):
    def number(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")

    return number
