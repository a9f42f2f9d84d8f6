from django.core.management import BaseCommand, CommandError

from catalog import duplicates, merging
from catalog import services as catalog
from catalog.models import Album


class Command(BaseCommand):
    help = (
        "Make one album of several that are the same: picks, and opinions on them, become those of KEEP, which is "
        "found under the ids of the others, too, and the admin can undo it; without --apply it only says what it would "
        "do. Example: manage.py merge_albums 12 57 --apply"
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "keep", metavar="KEEP", help="the album that stays: its number, or a MusicBrainz release id"
        )
        parser.add_argument(
            "others", metavar="OTHER", nargs="+", help="albums that become it, as find_duplicates lists"
        )
        parser.add_argument("--apply", action="store_true", help="merge them")

    def handle(self, *, keep, others, apply, verbosity, **options):
        self.verbosity = verbosity
        kept = self.find(keep)
        merged = list(dict.fromkeys(self.find(other) for other in others))
        if kept in merged:
            raise CommandError(f"{kept} (album {kept.pk}) cannot be merged into itself.")
        for album in merged:
            if not apply:
                self.tell(f"Would merge {album} (album {album.pk}) into", kept, *merging.preview(kept, [album]))
                if not duplicates.look_alike(kept, album):
                    self.stderr.write("  These do not look like the same album: make sure before you merge them.")
                continue
            moving = merging.preview(kept, [album])
            try:
                merging.merge(kept, [album])
            except merging.CannotMerge as error:
                raise CommandError(str(error)) from None
            self.tell(f"Merged {album} (album {album.pk}) into", kept, *moving)
        if not apply:
            self.say("Run it with --apply to do so.")

    def find(self, text: str) -> Album:
        album = catalog.find_album(text)
        if album is None:
            raise CommandError(f"There is no album {text}: give its number, or its MusicBrainz release id.")
        return album

    def tell(self, what: str, kept: Album, merge: merging.Moving) -> None:
        self.say(f"{what} {kept} (album {kept.pk}):")
        for pick in merge.picks:
            self.say(f"  {pick.week}: moves")
        for pick in merge.staying:
            self.say(f"  {pick.week}: has both, and keeps both")
        if not merge.picks and not merge.staying:
            self.say("  nobody has picked it")

    def say(self, line: str) -> None:
        if self.verbosity:
            self.stdout.write(line)
