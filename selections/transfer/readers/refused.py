"""Files that say nothing about movies or albums that were watched or heard, each refused in one sentence."""

from .rows import FileError
from .tables import Table

BOOKS = "This is a list of books, which are not imported."
GAMES = "This is a list of games, which are not imported."
TRACKS = "This is a list of tracks, not of albums. Import a list with one row for each album."
KINDS = [
    (("Title", "Author", "ISBN"), BOOKS),  # Goodreads
    (("Title", "Authors", "ISBN/UID"), BOOKS),  # StoryGraph
    (("Title", "Authors", "Read Status"), BOOKS),
    (("Title", "Platform"), GAMES),  # Backloggd, HowLongToBeat and others
    (("Game", "Platform"), GAMES),
    (("Name", "Platform"), GAMES),
    (("Artist", "Album", "Title"), TRACKS),
    (("Artist", "Album", "Track"), TRACKS),
]


def check(table: Table) -> None:
    """Raise FileError for such a file, by its columns."""
    for columns, sentence in KINDS:
        if table.has(*columns):
            raise FileError(sentence)
