from django.core.management import CommandError

from catalog.models import Album, Work
from catalog.progress import QuietCommand, counted
from selections.merging import duplicates


class Command(QuietCommand):
    help = (
        "List movies and albums that are probably the same, with how often each was picked and, for albums, the "
        "command that merges them. Changes nothing. Example: manage.py find_duplicates --kind albums"
    )

    def add_arguments(self, parser):
        parser.add_argument("--kind", choices=["movies", "albums"], help="search only these (default: both)")

    def handle(self, *, kind, **options):
        try:
            albums = duplicates.find_albums() if kind != "movies" else []
            movies = duplicates.find_movies() if kind != "albums" else []
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Nothing was changed.", returncode=130) from None
        for group in albums:
            self.list_works("Albums", group)
            keep, *others = [str(album.pk) for album in group.works]
            self.say(f"  manage.py merge_albums {keep} {' '.join(others)}")
        for group in movies:
            self.list_works("Movies", group)
        if not albums and not movies:
            self.say("No duplicates found.")

    def list_works(self, what: str, group: duplicates.Group) -> None:
        self.say(f"{what}, {group.reason}:")
        for work in group.works:
            picks = counted(work.pick_count, "pick")  # type: ignore[attr-defined]
            self.say(f"  {work.pk}: {describe(work)}, {picks}")


def describe(work: Work) -> str:
    known = ""
    if isinstance(work, Album):
        known = ", ".join(filter(None, [work.release_date, work.country, work.status]))
    return f"{work}{f' ({known})' if known else ''}, {work.source} {work.external_id}"
