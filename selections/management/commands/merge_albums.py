from django.core.management import CommandError

from catalog import merging
from catalog.fetching import find_known
from catalog.models import Album
from catalog.progress import QuietCommand
from integrations.values import mbid
from selections.merging import duplicates
from selections.merging.picks import Moving, preview


class Command(QuietCommand):
    help = (
        "Merge albums that are the same into one: their picks with the opinions on them move to KEEP, and their ids "
        "lead to it. The admin can undo this. Without --apply, only report what would happen. "
        "Example: manage.py merge_albums 12 57 --apply"
    )

    def add_arguments(self, parser):
        parser.add_argument("keep", metavar="KEEP", help="album to keep: its number or MusicBrainz release id")
        parser.add_argument("others", metavar="OTHER", nargs="+", help="albums to merge into it, see find_duplicates")
        parser.add_argument("--apply", action="store_true", help="merge them")

    def handle(self, *, keep, others, apply, **options):
        kept = self.find(keep)
        merged = list(dict.fromkeys(self.find(other) for other in others))
        if kept in merged:
            raise CommandError(f"{kept} (album {kept.pk}) cannot be merged into itself.")
        for album in merged:
            if not apply:
                self.tell(f"Would merge {album} (album {album.pk}) into", kept, *preview(kept, [album]))
                if not duplicates.look_alike(kept, album):
                    self.stderr.write("  These do not look like the same album. Check them before you merge them.")
                continue
            moving = preview(kept, [album])
            try:
                merging.merge(kept, [album])
            except merging.CannotMerge as error:
                raise CommandError(str(error)) from None
            self.tell(f"Merged {album} (album {album.pk}) into", kept, *moving)
        if not apply:
            self.say("Run the command with --apply to do this.")

    def find(self, text: str) -> Album:
        album = None
        if text.isascii() and text.isdecimal() and len(text) <= 18:
            album = Album.objects.filter(pk=int(text)).first()
        elif musicbrainz_id := mbid(text):
            album = find_known(Album, musicbrainz_id, own_first=True)
        if album is None:
            raise CommandError(f"There is no album {text}. Enter its number or its MusicBrainz release id.")
        return album

    def tell(self, what: str, kept: Album, merge: Moving) -> None:
        self.say(f"{what} {kept} (album {kept.pk}):")
        for pick in merge.picks:
            self.say(f"  {pick.week}: moves")
        for pick in merge.staying:
            self.say(f"  {pick.week}: has both and keeps both")
        if not merge.picks and not merge.staying:
            self.say("  not picked by anyone")
