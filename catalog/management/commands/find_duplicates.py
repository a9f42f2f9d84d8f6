from django.core.management import BaseCommand

from catalog import duplicates
from catalog.models import Album, Movie, Work


class Command(BaseCommand):
    help = (
        "List movies and albums of the catalog that are probably the same, with how often each was picked, for albums "
        "with the command that makes one of them; it changes nothing. Example: manage.py find_duplicates --kind albums"
    )

    def add_arguments(self, parser):
        parser.add_argument("--kind", choices=["movies", "albums"], help="only these (default: both)")

    def handle(self, *, kind, verbosity, **options):
        albums = duplicates.find_albums() if kind != "movies" else []
        movies = duplicates.find_movies() if kind != "albums" else []
        if not verbosity:
            return
        for group in albums:
            self.list_works("Albums", group)
            keep, *others = [str(album.pk) for album in group.works]
            self.stdout.write(f"  manage.py merge_albums {keep} {' '.join(others)}")
        for group in movies:
            self.list_works("Movies", group)
        if not albums and not movies:
            self.stdout.write("No duplicates.")

    def list_works(self, what: str, group: duplicates.Group) -> None:
        self.stdout.write(f"{what}, {group.reason}:")
        for work in group.works:
            self.stdout.write(f"  {work.pk}: {describe(work)}, {work.pick_count} picks")  # type: ignore[attr-defined]


def describe(work: Work) -> str:
    if isinstance(work, Movie):
        return f"{work}, TMDB {work.tmdb_id}"
    assert isinstance(work, Album)  # noqa: S101 - there is no third kind
    known = ", ".join(filter(None, [work.release_date, work.country, work.status]))
    return f"{work}{f' ({known})' if known else ''}, MusicBrainz {work.musicbrainz_id}"
