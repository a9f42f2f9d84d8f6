import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from catalog import services
from catalog.models import Album, Movie, Work
from catalog.progress import Progress, duration
from integrations.errors import IntegrationError, NotFound

GIVE_UP = 3  # failures in a row, after which an upstream counts as dead


class Command(BaseCommand):
    help = (
        "Ask TMDB and MusicBrainz again about what the catalog knows for long, or what it lacks of, the oldest first, "
        "blank what TMDB allows nobody to keep for more than six months, and first of all forget what only a file has "
        "told of and nobody picks. It may be interrupted: what is done stays done, and the next run goes on with the "
        "rest. Example: manage.py refresh_catalog --older-than 30d"
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--older-than",
            type=age,
            metavar="AGE",
            help="such as 30d or 8w; 0d is all (default: 30d, with --missing 1d: what was asked since then and lacks "
            "it still, is asked another time)",
        )
        parser.add_argument(
            "--missing",
            choices=["credits", "cover", "release-group"],
            help="only what lacks this: movies without cast and crew, albums without artists; movies without a "
            "poster, albums without a cover; albums without a release group",
        )
        parser.add_argument("--limit", type=count, metavar="N", help="at most N movies and N albums")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *, older_than, missing, limit, dry_run, verbosity, **options):
        self.verbosity, self.failed = verbosity, 0
        self.forget(dry_run=dry_run)
        older_than = older_than if older_than is not None else timedelta(days=1 if missing else 30)
        due_movies, due_albums = Movie.objects.due(older_than), Album.objects.due(older_than)
        if missing:
            due_movies, due_albums = due_movies.lacking(missing), due_albums.lacking(missing)
        movies, albums = list(islice(due_movies, limit)), list(islice(due_albums, limit))
        seconds = len(movies) * settings.TMDB_INTERVAL + len(albums) * settings.MUSICBRAINZ_INTERVAL
        time_needed = f": {duration(seconds)} or more" if seconds else ""
        self.say(f"{len(movies)} movies and {len(albums)} albums to refresh{time_needed}.")
        if dry_run:
            return
        try:
            self.refresh("movies", movies, lambda movie: services.refresh_movie(movie.tmdb_id, anew=True))
            # Others have not been tried.
            some = limit or missing
            tried = Movie.objects.filter(pk__in=[movie.pk for movie in movies]) if some else Movie.objects.all()
            if forgotten := services.forget_texts(tried):
                self.say(f"Not refreshed for six months, so that texts and images are blank now: {forgotten} movies.")
            self.refresh("albums", albums, lambda album: services.refresh_album(album.musicbrainz_id, anew=True))
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Run it again to go on.", returncode=130) from None
        if self.failed:
            raise CommandError(f"{self.failed} could not be refreshed. Run it again to try them once more.")

    def forget(self, *, dry_run: bool) -> None:
        if dry_run:
            movies, albums = (services.forgettable(works).count() for works in (Movie, Album))
        else:
            movies, albums = services.forget_unwanted()
        if movies or albums:
            words = "would be forgotten" if dry_run else "forgotten"
            self.say(f"Never fetched and in nobody's week, and so {words}: {movies} movies and {albums} albums.")

    def refresh[W: (Movie, Album)](self, what: str, works: list[W], act: Callable[[W], Work]) -> None:
        """Refresh one after the other, unless upstream turns out to be dead."""
        refreshed = vanished = in_a_row = 0
        progress = Progress(self, what, len(works), self.verbosity)
        for number, work in enumerate(works, 1):
            try:
                act(work)
            except NotFound:
                vanished += 1
                in_a_row = 0
                progress.complain(f"{work} is not known any more; it is marked, and stays.")
            except IntegrationError as error:
                self.failed += 1
                in_a_row += 1
                progress.complain(f"{work}: {error}")
                if in_a_row == GIVE_UP:
                    self.failed += len(works) - number
                    progress.complain(f"The other {len(works) - number} {what} are left for another time.")
                    break
            else:
                refreshed += 1
                in_a_row = 0
            progress.step(number)
        progress.end()
        if works:
            self.say(f"{refreshed} {what} refreshed, {vanished} vanished.")

    def say(self, line: str) -> None:
        if self.verbosity:
            self.stdout.write(line)


def age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([dw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no age such as 30d or 8w")
    return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


def count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)
