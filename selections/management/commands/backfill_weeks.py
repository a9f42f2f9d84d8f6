import argparse

from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import IntegrityError

from catalog.progress import QuietCommand
from selections import backfill
from selections.guards import Conflict
from selections.weeks import YearWeek, read_week_name, this_week, week_name, week_names


class Command(QuietCommand):
    help = (
        "Create a user's missing weeks, or list which are missing, empty and half filled. "
        "Without --apply nothing is created. "
        "Example: manage.py backfill_weeks ada --from 2024-W01 --to 2024-W52 --apply"
    )

    def add_arguments(self, parser):
        parser.add_argument("user", metavar="USER", help="a username or email address")
        parser.add_argument("--from", dest="first", type=week, metavar="WEEK", help="such as 2024-W01")
        parser.add_argument("--to", dest="last", type=week, metavar="WEEK", help="default: their current week")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--apply", action="store_true", help="create them")
        act.add_argument("--gaps", action="store_true", help="list gaps only, by default from their first week on")

    def handle(self, *, user, first, last, apply, gaps, **options):
        person = get_user_model()._default_manager.known_as(user).first()
        if person is None:
            raise CommandError(f"No user has the username or email address {user}.")
        if first is None and gaps:
            first = backfill.first_week(person) or this_week(person)
        if first is None:
            raise CommandError("--from is required, such as --from 2024-W01.")
        last = last or max(first, this_week(person)) if gaps else last or this_week(person)
        if first > last:
            raise CommandError(f"{week_name(*first)} is later than {week_name(*last)}. Swap them.")
        found = backfill.find_gaps(person, first, last)
        if gaps:
            self.list_gaps(found)
        else:
            self.fill(person, found.missing, apply=apply)

    def list_gaps(self, found: backfill.Gaps) -> None:
        kinds = {
            "Missing": found.missing,
            "Empty": found.empty,
            "Without a movie": found.without_movie,
            "Without an album": found.without_album,
        }
        for kind, names in kinds.items():
            if names or self.verbosity > 1:
                self.say(f"{kind}: {self.describe(names)}.")
        if not any(kinds.values()):
            self.say("No gaps.")

    def fill(self, person, missing: list[YearWeek], *, apply: bool) -> None:
        if not missing:
            self.say("No week is missing.")
            return
        if future := [name for name in missing if name > this_week(person)]:
            self.say(f"{len(future)} of them are in the future: {week_names(future)}.")
        if not apply:
            self.say(f"Would create {self.describe(missing)}. Run the command with --apply to create them.")
            return
        try:
            created = backfill.create_weeks(person, missing)
        except IntegrityError:
            raise CommandError(f"The account of {person} has just been deleted.") from None
        except Conflict as conflict:
            raise CommandError(str(conflict)) from None
        self.say(f"Created {self.describe(missing)}.")
        if len(created) < len(missing):
            self.say(f"{len(missing) - len(created)} of them had just been created by another request.")

    def describe(self, names: list[YearWeek]) -> str:
        return f"{len(names)} week{'s' if len(names) > 1 else ''} ({week_names(names)})" if names else "none"


def week(text: str) -> YearWeek:
    if name := read_week_name(text):
        return name
    raise argparse.ArgumentTypeError(f"{text!r} is not an ISO week such as 2024-W07")
