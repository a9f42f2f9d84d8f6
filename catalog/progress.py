"""What commands say, and their progress: a line from time to time."""

import time
from typing import Any

from django.core.management import BaseCommand

from .text import printable

INTERVAL = 10  # seconds between two lines


class QuietCommand(BaseCommand):
    """A command that says nothing with `--verbosity 0`."""

    verbosity: int

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.verbosity = options["verbosity"]
        return super().execute(*args, **options)

    def say(self, line: str) -> None:
        if self.verbosity:
            self.stdout.write(printable(line))

    def warn(self, line: str) -> None:
        """Say it at any verbosity."""
        self.stderr.write(printable(line))


class Progress:
    """Progress through `total` items called `what`, written to the output of `command`."""

    def __init__(self, command: QuietCommand, what: str, total: int) -> None:
        self.command, self.what, self.total = command, what, total
        self.begin = self.last = time.monotonic()

    def step(self, number: int) -> None:
        """Report that this many are done."""
        now = time.monotonic()
        if now - self.last < INTERVAL or number == self.total:
            return
        self.last = now
        each = max((now - self.begin) / number, 1e-6)
        left = duration((self.total - number) * each)
        self.command.say(f"{number} of {self.total} {self.what}, {1 / each:.1f} a second, {left} to go.")


def duration(seconds: float) -> str:
    """Such as `about 8 minutes`."""
    if seconds < 90:
        return f"about {counted(max(1, round(seconds)), 'second')}"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 120 else f"about {round(minutes / 60)} hours"


def counted(number: int, thing: str) -> str:
    """Such as `1 album` or `2 albums`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
