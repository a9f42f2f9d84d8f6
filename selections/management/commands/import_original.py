from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import CommandError

from catalog.progress import QuietCommand, counted
from selections.transfer import original
from selections.transfer.readers.rows import FileError

STATES = {"new": "new account", "existing": "existing account", "": "not imported"}


class Command(QuietCommand):
    help = (
        "Import the SQLite file of the FastAPI version: its users, with their passwords, weeks and picks. Existing "
        "accounts, weeks and picks are left unchanged. Without --apply it only reports what would happen. "
        "Example: manage.py import_original wrong_opinions.db --owner ada --apply"
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true", help="import it")
        parser.add_argument("--owner", default="", metavar="NAME", help="the account that gets weeks without an owner")
        parser.add_argument(
            "--same",
            action="append",
            default=[],
            metavar="NAME",
            help="an existing account that belongs to the user of that name in the file",
        )

    def handle(self, *, file, apply, owner, same, **options):
        try:
            users, weeks = original.read(file)
            self.say(f"{file.name}: {counted(len(users), 'user')}, {counted(len(weeks), 'week')}.")
            outcomes = original.load(users, weeks, owner=owner, same={name.lower() for name in same}, apply=apply)
        except FileError as error:
            raise CommandError(str(error)) from None
        except get_user_model().DoesNotExist:
            raise CommandError(f"There is no account called {owner}, on this site or in the file.") from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Nothing was changed.", returncode=130) from None
        for outcome in outcomes:
            self.tell(outcome)
        if not apply:
            self.say("Nothing was changed: this was a dry run. Add --apply to import.")
        if failed := sum(not outcome.state for outcome in outcomes if outcome.name):
            raise CommandError(f"{counted(failed, 'user')} could not be imported; the others are not affected.")

    def tell(self, outcome: original.Outcome) -> None:
        if outcome.name:
            counts = [
                f" {what.capitalize()}: {new} new, {existing} existing, {skipped} skipped."
                for what, new, existing, skipped in (outcome.report.lines() if outcome.report else [])
                if what in {"weeks", "picks"}
            ]
            self.say(f"{outcome.name}: {STATES[outcome.state]}.{''.join(counts)}")
        for remark in outcome.remarks + (outcome.report.remarks if outcome.report else []):
            self.warn(f"  {remark}" if outcome.name else remark)
