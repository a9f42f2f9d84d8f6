"""What differs between movies and albums, once: all other code asks here, or the `kind` of a work, pick or opinion."""

from dataclasses import dataclass

from catalog.models import Album, Movie

from .models import WeekAlbum, WeekMovie


@dataclass(frozen=True)
class Kind:
    """A kind of work that can be picked."""

    name: str  # also what picks call their foreign key to the work
    works: type[Movie | Album]
    picks: type[WeekMovie | WeekAlbum]
    id_field: str  # of a work: its id at the source, and what the API calls it

    @property
    def source(self) -> str:
        """The service that knows such works, as people call it."""
        return self.works.source

    @property
    def opinion_field(self) -> str:
        """What opinions call their foreign key to a pick."""
        return f"{self.name}_pick"

    @property
    def related_picks(self) -> str:
        """What weeks call their picks of this kind."""
        return f"{self.name}_picks"


MOVIE = Kind("movie", Movie, WeekMovie, "tmdb_id")
ALBUM = Kind("album", Album, WeekAlbum, "musicbrainz_id")
KINDS = {kind.name: kind for kind in (MOVIE, ALBUM)}
