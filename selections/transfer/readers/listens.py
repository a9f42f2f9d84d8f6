"""Listens to single tracks, of which albums are made.

An album counts in a week when most of its tracks were heard within it: at least MIN_TRACKS different ones, and more
than half of those of the album in the whole file. How many tracks an album has in all is not known here.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from selections.weeks import YearWeek

from . import cells
from .rows import FileError, LeftOut, Reading, Row

MIN_TRACKS = 4  # of an album in a week
MAX_LISTENS = 2_000_000  # of one file
RULE = (
    f"An album counts in a week if at least {MIN_TRACKS} of its tracks were heard in it, and more than half of those "
    "that the file has of the album."
)


@dataclass(slots=True, kw_only=True)
class Listen:
    at: datetime
    artist: str
    album: str
    track: str
    release: UUID | None = None  # MusicBrainz id


@dataclass(slots=True)
class Album:
    """What was heard of an album."""

    artist: str
    title: str
    releases: Counter[UUID] = field(default_factory=Counter)
    weeks: dict[YearWeek, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))  # last time of tracks

    def rows(self) -> Iterator[tuple[int, Row]]:
        """A row for each week in which most of its tracks were heard, with their number."""
        whole = {track for tracks in self.weeks.values() for track in tracks}
        release = self.releases.most_common(1)
        for week, tracks in self.weeks.items():
            if len(tracks) >= MIN_TRACKS and len(tracks) * 2 > len(whole):
                evidence = f"{len(tracks)} of {len(whole)} tracks heard"
                yield (
                    len(tracks),
                    Row(
                        place=evidence,
                        kind="album",
                        week=week,
                        title=self.title,
                        artist=self.artist,
                        musicbrainz_id=release[0][0] if release else None,
                        added_at=max(tracks.values()),
                        evidence=evidence,
                    ),
                )


def collect[T](reading: Reading, entries: Iterable[tuple[str, T]], read_listen: Callable[[T], Listen]) -> None:
    """Add the albums that were heard; of those of one week the ones with most tracks come first. Raises FileError."""
    albums: dict[tuple[str, str], Album] = {}

    def add(entry: T) -> None:
        listen = read_listen(entry)
        week = cells.week_of(listen.at.astimezone(reading.zone).date())
        track = listen.track.casefold()
        if not (listen.artist and listen.album and track):
            raise LeftOut("Listens without an artist, album or track, not counted")
        key = cells.within(listen.artist).casefold(), cells.within(listen.album).casefold()
        album = albums.setdefault(key, Album(listen.artist, listen.album))
        album.weeks[week][track] = max(listen.at, album.weeks[week].get(track, listen.at))
        album.releases.update([listen.release] if listen.release else [])

    if reading.collect(islice(entries, MAX_LISTENS + 1), add) > MAX_LISTENS:
        raise FileError(f"The file has more than {MAX_LISTENS:,} listens. Split it into several.")
    found = [counted for album in albums.values() for counted in album.rows()]
    found.sort(key=lambda counted: (counted[1].week, -counted[0]))
    reading.rows += [row for _, row in found]
    reading.mark_rewatches()
    reading.remarks.append(f"{RULE} Albums heard: {len(albums):,}; weeks in which one counts: {len(found):,}.")
