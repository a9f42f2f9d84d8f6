import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db.models import Q, QuerySet

from catalog import services
from catalog.models import Album, Movie, Work
from catalog.progress import Progress, QuietCommand, counted, duration
from integrations.errors import IntegrationError, NotFound

MAX_FAILURES = 3  # in a row, after which a source is no longer asked
# The conditions for missing details, by kind; a kind without a condition cannot have them.
LACKS: dict[str, dict[type[Movie | Album], Q]] = {
    "credits": {Movie: Q(cast=None, crew=None), Album: Q(artist_credit=None)},
    "cover": {Movie: Q(poster_path=""), Album: Q(cover_art_url="")},
    "release-group": {Album: Q(release_group_id=None)},
}


class Command(QuietCommand):
    help = (
        "Refresh movies from TMDB and albums from MusicBrainz that are stale or incomplete, oldest first. Deletes "
        "unused works that are known only from a member's file, and clears texts that TMDB does not allow to be kept "
        "for more than six months. You can interrupt it: the next run continues with the rest. "
        "Example: manage.py refresh_catalog --older-than 30d"
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--older-than",
            type=age,
            metavar="AGE",
            help="refresh what was last fetched this long ago, such as 30d or 8w; 0d refreshes everything (default: "
            "30d, or 1d with --missing)",
        )
        parser.add_argument(
            "--missing",
            choices=LACKS,
            help="refresh only entries without it: movies without cast and crew and albums without artists; movies "
            "without a poster and albums without a cover; albums without a release group",
        )
        parser.add_argument("--limit", type=count, metavar="N", help="refresh at most N movies and N albums")
        parser.add_argument("--dry-run", action="store_true", help="only print how many there are")

    def handle(self, *, older_than, missing, limit, dry_run, **options):
        self.failed = 0
        older_than = older_than if older_than is not None else timedelta(days=1 if missing else 30)
        try:
            self.forget(dry_run=dry_run)
            movies, albums = (list(due(works, older_than, missing)[:limit]) for works in (Movie, Album))
            seconds = len(movies) * settings.TMDB_INTERVAL + len(albums) * settings.MUSICBRAINZ_INTERVAL
            time_needed = f": {duration(seconds)} or more" if seconds else ""
            self.say(f"{counted(len(movies), 'movie')} and {counted(len(albums), 'album')} to refresh{time_needed}.")
            if dry_run:
                return
            self.refresh("movie", movies, services.refresh_movie)
            self.forget_texts(movies if limit or missing else None)
            self.refresh("album", albums, services.refresh_album)
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Run the command again to continue.", returncode=130) from None
        if self.failed:
            raise CommandError(f"{self.failed} could not be refreshed. Run the command again to retry them.")

    def forget(self, *, dry_run: bool) -> None:
        if dry_run:
            movies, albums = (services.forgettable(works).count() for works in (Movie, Album))
        else:
            movies, albums = (services.forget_unused(works) for works in (Movie, Album))
        if movies or albums:
            verb = "would be deleted" if dry_run else "deleted"
            unused = f"{counted(movies, 'movie')} and {counted(albums, 'album')}"
            self.say(f"Never fetched and not in any week, so {verb}: {unused}.")

    def forget_texts(self, movies: list[Movie] | None) -> None:
        """Clear outdated texts of these movies after an attempt to refresh them; None means of all movies."""
        tried = Movie.objects.all() if movies is None else Movie.objects.filter(pk__in=[movie.pk for movie in movies])
        if forgotten := services.forget_texts(tried):
            self.say(
                f"Not refreshed for six months, so their texts and images were cleared: {counted(forgotten, 'movie')}."
            )

    def refresh(self, what: str, works: list[Any], refresh_work: Callable[..., Work]) -> None:
        """Refresh them one after the other, until the source fails MAX_FAILURES times in a row."""
        refreshed = removed = in_a_row = 0
        progress = Progress(self, f"{what}s", len(works))
        for number, work in enumerate(works, 1):
            try:
                refresh_work(work.external_id, force_refresh=True)
            except NotFound:
                removed += 1
                in_a_row = 0
                self.warn(f"{work} is no longer on {work.source}; marked and kept.")
            except IntegrationError as error:
                self.failed += 1
                in_a_row += 1
                self.warn(f"{work}: {error}")
                if in_a_row == MAX_FAILURES:
                    self.failed += len(works) - number
                    self.warn(f"Not tried any more: {counted(len(works) - number, what)}.")
                    break
            else:
                refreshed += 1
                in_a_row = 0
            progress.step(number)
        if works:
            self.say(f"{counted(refreshed, what)} refreshed, {removed} no longer on {works[0].source}.")


def due(works: type[Movie | Album], older_than: timedelta, missing: str | None) -> QuerySet[Any]:
    """The works to refresh, oldest first; with `missing` only those without it."""
    stale = works.objects.due(older_than)
    if missing:
        stale = stale.filter(LACKS[missing][works]) if works in LACKS[missing] else stale.none()
    return stale


def age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([dw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 30d or 8w")
    return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


def count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)
