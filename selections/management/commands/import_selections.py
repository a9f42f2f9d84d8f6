import argparse
import os
from collections import Counter
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError

from catalog.json_fields import InvalidValue
from catalog.progress import Progress, QuietCommand, counted, duration
from selections.transfer import own_json, readers, restoring, review
from selections.transfer.importing import Importer
from selections.transfer.kept_rows import fingerprints
from selections.transfer.outcomes import STATES, Outcome
from selections.transfer.readers import dates
from selections.transfer.readers.rows import FileError, Reading
from selections.weeks import read_week_name

WIDTH = 60  # columns for the work of a row


class Command(QuietCommand):
    help = (
        "Import a file into a user's weeks: our own JSON and CSV, any CSV with a week or date and an id or title, and "
        f"exports of {readers.PROGRAMS}, recognized by their content. Without --apply it "
        "only reports what would happen. It can be interrupted and run again at any time. "
        "Example: manage.py import_selections ada letterboxd-ada-2026.zip --apply"
    )

    def add_arguments(self, parser):
        parser.add_argument("user", help="a username or email address")
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true", help="import it")
        parser.add_argument(
            "--format", choices=[*readers.FORMATS, readers.JSON], help="default: recognized by the content"
        )
        parser.add_argument("--kind", choices=["movie", "album"], help="what a plain CSV lists, if it does not say so")
        parser.add_argument(
            "--dates", choices=[*dates.ORDERS], help="whether dates such as 1/2/2024 begin with the day or the month"
        )
        parser.add_argument(
            "--from",
            dest="first_week",
            type=week,
            metavar="WEEK",
            help="such as 2024-W01; rows without a week fill the free positions from there on",
        )
        parser.add_argument(
            "--overflow",
            choices=["next-free-week", "skip"],
            default="skip",
            help="what to do with a third movie or album of a week (default: skip)",
        )
        parser.add_argument(
            "--again", action="store_true", help="import again what was imported before and has been removed since"
        )
        parser.add_argument("--resolve", type=Path, metavar="FILE", help="the review file with your choices")
        parser.add_argument(
            "--review", type=Path, metavar="FILE", help="where to write the rows to decide (default: beside the file)"
        )

    def handle(self, *, user, file, **options):
        person = get_user_model().objects.known_as(user).first()
        if person is None:
            raise CommandError(f"There is no account called {user}.")
        try:
            if (options["format"] or readers.recognise(file)) == readers.JSON:
                self.refuse_options(options)
                failed = self.load_archive(person, file, apply=options["apply"])
            else:
                failed = self.import_rows(person, file, options)
        except (FileError, InvalidValue) as error:
            raise CommandError(str(error)) from None
        except type(person).DoesNotExist:
            raise CommandError(f"The account of {user} has just been deleted.") from None
        if not options["apply"]:
            self.say("Nothing was changed: this was a dry run. Add --apply to import.")
        if failed:
            raise CommandError(
                f"{counted(failed, 'row')} failed; the others are not affected. Fix the file and run the command again."
            )

    def refuse_options(self, options) -> None:
        """Refuse options that do not apply to our own JSON."""
        given = [name for name in ("resolve", "review", "first_week", "kind", "dates", "again") if options[name]]
        given += ["overflow"] if options["overflow"] != "skip" else []
        for name in given:
            option = name.replace("first_week", "from")
            raise CommandError(f"--{option} has no meaning for our own JSON. Leave it out.")

    def load_archive(self, person, file: Path, *, apply: bool) -> int:
        """Import our own JSON, as a whole. Raises FileError."""
        data = own_json.parse(file)
        progress = Progress(self, "weeks", 0)

        def step(done: int, total: int) -> None:
            progress.total = total
            progress.step(done)

        try:
            report = restoring.load(person, data, apply=apply, is_trusted=True, progress=step)
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Run the command again to continue.", returncode=130) from None
        for remark in report.remarks:
            self.say(remark)
        for what, new, existing, skipped in report.lines():
            self.say(f"{what.capitalize()}: {new} new, {existing} existing, {skipped} skipped.")
        if report.opinions_of_others:
            self.say(f"Opinions of other people, which are never imported: {report.opinions_of_others}.")
        self.say(
            f"New in the catalog: {counted(report.movies_added, 'movie')}, {counted(report.albums_added, 'album')}."
        )
        return 0

    def import_rows(self, person, file: Path, options) -> int:
        """Import any other file, and return the number of rows that failed. Raises FileError."""
        given = {name: options[name] or "" for name in ("format", "kind", "dates")}
        reading = readers.read(file, zone=person.zone, **given)
        decisions = review.read(options["resolve"]) if options["resolve"] else {}
        review_file = options["review"] or file.with_suffix(".review.csv")
        if review_file.is_dir():
            raise CommandError(f"{review_file} is a folder. Name a file with --review.")
        if not os.access(review_file.parent, os.W_OK):
            raise CommandError(f"{review_file.parent} cannot be written to. Choose another place with --review.")
        self.introduce(file, reading)
        weekless = sum(1 for row in reading.rows if row.kind and not (row.week or row.is_planned))
        if weekless and options["first_week"] is None:
            self.say(
                f"{counted(weekless, 'row')} without a week. Set the first week to fill with --from, such as 2024-W01."
            )
        how = {name: options[name] for name in ("apply", "overflow", "first_week", "again")}
        importer = Importer(person, fingerprints(reading.rows), decisions=decisions, **how)
        if unused := set(decisions) - {outcome.fingerprint for outcome in importer.outcomes}:
            raise CommandError(
                f"{options['resolve']} is about another file: {len(unused)} of its rows are not in this one."
            )
        self.say_time(importer)
        outcomes = self.run(importer)
        self.finish(reading, outcomes, is_applied=options["apply"])
        if undecided := [outcome for outcome in outcomes if outcome.state in {"review", "full"}]:
            self.write_review(undecided, review_file)
        return len(reading.failures) + sum(outcome.state == "failed" for outcome in outcomes)

    def introduce(self, file: Path, reading: Reading) -> None:
        self.say(f"{file.name}: {readers.FORMATS[reading.format].label}, {counted(len(reading.rows), 'row')}.")
        for remark in reading.remarks:
            self.say(remark)
        for place, sentence in reading.failures:
            self.warn(f"{file.name}, {place}: {sentence}")

    def say_time(self, importer: Importer) -> None:
        """Print how long it will take at the rate limits of upstreams."""
        to_ask = importer.to_ask()
        if to_ask.total():
            what = " and ".join(counted(number, kind) for kind, number in sorted(to_ask.items(), reverse=True))
            pace = f", as MusicBrainz allows one request in {settings.MUSICBRAINZ_INTERVAL:g} seconds"
            self.say(f"To ask about: {what}: {duration(importer.seconds())}{pace if to_ask['album'] else ''}.")

    def run(self, importer: Importer) -> list[Outcome]:
        outcomes: list[Outcome] = []
        progress = Progress(self, "rows", len(importer.outcomes))
        is_table = not importer.apply or self.verbosity > 1
        try:
            for outcome in importer.run():
                outcomes.append(outcome)
                if outcome.state == "failed":
                    self.warn(line_of(outcome))
                elif is_table or needs_attention(outcome):
                    self.say(line_of(outcome))
                progress.step(len(outcomes))
        except KeyboardInterrupt:
            done = "Run the command again to continue." if importer.apply else "Nothing was changed."
            raise CommandError(
                f"Interrupted after {len(outcomes)} of {len(importer.outcomes)} rows. {done}", returncode=130
            ) from None
        return outcomes

    def finish(self, reading: Reading, outcomes: list[Outcome], *, is_applied: bool) -> None:
        counts = Counter(outcome.state for outcome in outcomes)
        counts["failed"] += len(reading.failures)
        said = ", ".join(f"{counts[state]} {words}" for state, words in STATES.items() if counts[state])
        opinions = sum(outcome.has_opinion and outcome.state in {"new", "there"} for outcome in outcomes)
        given = f"; {counted(opinions, 'opinion')}" if opinions else ""
        self.say(f"{'Rows' if is_applied else 'Rows would be'}: {said or 'none'}{given}.")

    def write_review(self, undecided: list[Outcome], path: Path) -> None:
        written = write_new(path, review.write(undecided))
        self.say(
            f"To decide: {counted(len(undecided), 'row')}. In the column `choice` of {written}, enter the number of a "
            f"candidate, an id or address, or skip, and run the command again with --resolve {written}"
        )


def needs_attention(outcome: Outcome) -> bool:
    """Whether it is to be decided, was skipped, or moved to another week."""
    return outcome.state in {"review", "full"} or (outcome.state == "new" and bool(outcome.sentence))


def line_of(outcome: Outcome) -> str:
    """A row of the table."""
    place = f"{outcome.row.kind} {outcome.position}" if outcome.position else outcome.row.kind
    what = outcome.work if len(outcome.work) <= WIDTH else outcome.work[: WIDTH - 1] + "…"
    words = outcome.state if outcome.state in {"new", "skipped"} else STATES[outcome.state]
    if outcome.sentence:
        words = f"{words}: {outcome.sentence} ({outcome.row.place})"
    elif outcome.row.evidence:
        words = f"{words}: {outcome.row.evidence}"
    return f"{outcome.week_name:9} {place:7}  {what:{WIDTH}}  {words}".rstrip()


def write_new(path: Path, text: str) -> Path:
    """Write a file that only its owner can read, and return its path: with a number if one with other content exists,
    which may have been edited."""
    content = text.encode("utf-8-sig")
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    try:
        for free in chain([path], numbered):
            with suppress(FileExistsError):
                free.touch(mode=0o600, exist_ok=False)  # another import may write at the same time
                free.write_bytes(content)
            if free.read_bytes() == content:
                return free
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    raise AssertionError("there is always another number")


def week(text: str) -> tuple[int, int]:
    known = read_week_name(text)
    if known is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an ISO week such as 2024-W01")
    return known
