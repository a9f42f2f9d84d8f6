"""The differences between movies and albums, in one place: use KINDS, or the `kind` of a work, pick or opinion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog import services as catalog
from catalog.models import Album, Movie

from .models import AnyPick, PickQuerySet, WeekAlbum, WeekMovie


@dataclass(frozen=True)
class Kind:
    """A kind of work that can be picked."""

    name: str  # also the name of picks' foreign key to the work
    works: type[Movie | Album]
    picks: type[AnyPick]
    id_field: str  # of a work: its id at the source, and its name in the API
    id_name: str  # the label of that id
    get_work: Callable[[Any], tuple[Movie | Album, bool]]  # gets a work by that id, from the catalog or fetched into it

    @property
    def a_name(self) -> str:
        """Its name with an article."""
        return f"an {self.name}" if self.name[0] in "aeiou" else f"a {self.name}"

    @property
    def opinion_field(self) -> str:
        """The name of opinions' foreign key to a pick."""
        return f"{self.name}_pick"

    @property
    def related_picks(self) -> str:
        """The name of weeks' picks of this kind."""
        return f"{self.name}_picks"

    def picks_in(self, week: Any) -> PickQuerySet:
        """A week's picks of this kind."""
        return self.picks._default_manager.filter(week=week)


MOVIE = Kind("movie", Movie, WeekMovie, "tmdb_id", "TMDB id", catalog.get_movie)
ALBUM = Kind("album", Album, WeekAlbum, "musicbrainz_id", "MusicBrainz release id", catalog.get_album)
KINDS = {kind.name: kind for kind in (MOVIE, ALBUM)}
