import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import CommandError

from catalog.progress import QuietCommand
from selections.transfer import export

ENDINGS = {"json": ".json", "csv": ".csv", "letterboxd": ".csv"}


class Command(QuietCommand):
    help = (
        "Export all data of one user, or of all users, to files: as our JSON, which import_selections reads, "
        "as CSV for spreadsheets, or as Letterboxd imports it, in parts of up to 1 MB. "
        "Example: manage.py export_selections ada --format csv --output ada.csv"
    )

    def add_arguments(self, parser):
        parser.add_argument("user", nargs="?", metavar="USER", help="a username or email address (default: all users)")
        parser.add_argument("--format", choices=ENDINGS, default="json", help="default: json")
        parser.add_argument(
            "--output",
            type=Path,
            metavar="PATH",
            help="the file (default: standard output); for all users a directory with a file for each, except for csv",
        )
        parser.add_argument("--force", action="store_true", help="replace existing files")

    def handle(self, *, user, format, output, force, **options):  # noqa: A002 - as the option is called
        self.force = force
        people = find_people(user)
        if output is None:
            self.show(format, people, is_one=user is not None)
        elif user is not None or format == "csv":
            self.write(files_of(format, people, output))
        else:
            try:
                output.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise CommandError(f"{output} cannot be a directory for the files: {error.strerror}.") from None
            for person in people.iterator():
                self.write(files_of(format, [person], output / f"{person.username}{ENDINGS[format]}"))

    def show(self, format: str, people: Iterable, *, is_one: bool) -> None:  # noqa: A002
        """Write the one file to the standard output, in UTF-8 whatever the terminal's encoding is."""
        if not is_one and format != "csv":
            raise CommandError("Choose a directory for all users' files, such as --output exports, or name one user.")
        (_, pieces), *more = islice(files_of(format, people, Path("films.csv")), 2)
        if more:
            raise CommandError("That makes more than one file. Choose their name, such as --output films.csv")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        try:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            self.stdout.flush()
        except BrokenPipeError:  # the reader has closed the pipe, as `head` does
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python reports an error
            raise SystemExit(1) from None

    def write(self, files: Iterable[tuple[Path, Iterable[str]]]) -> None:
        for path, pieces in files:
            try:
                size = write_file(path, pieces, force=self.force)
            except OSError as error:
                raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
            self.say(f"{path}: {size:,} bytes.")


def find_people(name: str | None):
    """All users by name, or the one with this name. Raises CommandError."""
    people = get_user_model().objects
    if name is None:
        return people.order_by("username")
    if not (known := people.known_as(name)).exists():
        raise CommandError(f"There is no account called {name!r}.")
    return known


def files_of(format: str, people: Iterable, path: Path) -> Iterator[tuple[Path, Iterable[str]]]:  # noqa: A002
    """The content of each file: with more than one part, films.csv is written as films-1.csv and so on."""
    if format == "csv":
        yield path, export.to_csv(*people)
        return
    for person in people:
        if format == "json":
            yield path, export.to_json(person)
        else:
            for ending, text in export.letterboxd_files(person):
                yield path.with_stem(f"{path.stem}{ending}"), [text]


def write_file(path: Path, pieces: Iterable[str], *, force: bool) -> int:
    """Write a file that only its owner can read, completely or not at all, and return its size.

    Raises CommandError if the path exists, unless `force` replaces a file; and OSError.
    """
    if os.path.lexists(path) and not (force and path.is_file()):
        raise CommandError(
            f"{path} exists. Choose another name, or add --force to replace it."
            if path.is_file()
            else f"{path} exists and is not a file. Choose another name."
        )
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", prefix=f".{path.name}.", dir=path.parent, delete_on_close=False
    ) as file:
        file.writelines(pieces)
        file.close()
        return Path(file.name).replace(path).stat().st_size
