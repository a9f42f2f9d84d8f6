"""The progress of a command: one line that is updated on a terminal, or else a line from time to time."""

import time

from django.core.management import BaseCommand

INTERVAL = 30  # seconds between two lines without a terminal
WIDTH = 78  # columns of the line on a terminal


class Progress:
    """Progress through `total` items called `what`, written to the output of `command`."""

    def __init__(self, command: BaseCommand, what: str, total: int, verbosity: int) -> None:
        self.command, self.what, self.total, self.verbosity = command, what, total, verbosity
        self.begin = self.last = time.monotonic()
        self.is_live = command.stdout.isatty() and verbosity == 1

    def step(self, number: int) -> None:
        """Report that this many are done."""
        now = time.monotonic()
        if not self.is_live and (now - self.last < INTERVAL or number == self.total):
            return
        self.last = now
        each = max((now - self.begin) / number, 1e-6)
        left = duration((self.total - number) * each)
        line = f"{number} of {self.total} {self.what}, {1 / each:.1f} a second, {left} to go"
        if self.is_live:
            self.command.stdout.write(f"\r{line:<{WIDTH}}", ending="")
            self.command.stdout.flush()
        elif self.verbosity:
            self.command.stdout.write(f"{line}.")

    def complain(self, line: str) -> None:
        """Write an error below the line."""
        self.end()
        self.command.stderr.write(line)

    def end(self) -> None:
        """Clear the line for other output."""
        if self.is_live:
            self.command.stdout.write(f"\r{'':<{WIDTH}}\r", ending="")


def duration(seconds: float) -> str:
    """Such as `about 8 minutes`."""
    if seconds < 90:
        return f"about {counted(max(1, round(seconds)), 'second')}"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 120 else f"about {round(minutes / 60)} hours"


def counted(number: int, thing: str) -> str:
    """Such as `1 album` or `2 albums`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
