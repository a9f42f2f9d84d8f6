"""Features that works share, by which they are recommended: their makers, their genres and their decade."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, NullIf

from accounts.compiled import compiled
from catalog.models import Album, AlbumArtist, Movie, MovieCast, MovieCrew
from integrations.musicbrainz import usefulness
from integrations.tmdb import MovieHit
from selections.kinds import ALBUM, MOVIE, Kind

MAKERS = {"director", "writer", "cast", "artist"}
REASONS = ["director", "writer", "cast", "artist", "genre", "decade", "people", "tmdb"]

JOBS = {"Director": "director", "Writer": "writer", "Screenplay": "writer"}
LEADING = 5  # parts, from the top of the billing
FIRST_GENRES = 5  # per work: an album may have dozens
# MusicBrainz' Various Artists and [unknown]: they do not make two albums similar.
NOT_ARTISTS = [UUID("89ad4ac3-39f7-470e-963a-56509c546377"), UUID("125ec42a-7229-4250-afc5-e057484327fe")]

type Key = int | UUID  # the identity of a work: a movie; a release group, or a release if that is unknown
type Feature = tuple[str, int | str]  # a reason and its object, such as a director and the person's id
type Credit = tuple[int, Feature, str]  # the id of a work, one of its features, and its name


@dataclass(frozen=True)
class SourcePick:
    """A pick that led to a recommendation."""

    title: str
    week_id: int
    year: int
    week_number: int


class WorkFeatures:
    """The features of movies, or of albums, and how to query them."""

    kind: Kind
    maker: str  # the name of credits' foreign key
    key_fields: tuple[str, ...]  # of a work; the first that is not null is its key
    fields: tuple[str, ...]  # of a work, that its features and its order come from
    best_known: tuple[str, ...]  # the order of works that are recommended for what they are only

    def key(self, path: str) -> Coalesce | F:
        """The key of the work at this path, as an expression."""
        first, *more = [F(f"{path}__{name}") for name in self.key_fields]
        return Coalesce(first, *more) if more else first

    def key_of(self, work: Any) -> Key:
        """The key of a row with an id and the fields."""
        return next(value for name in self.key_fields if (value := getattr(work, name)))

    def source_pick(self, path: str = "") -> list[Any]:
        """The fields of a SourcePick, of a pick, or of an opinion on the pick at this path."""
        work = f"{path}{self.kind.name}"
        shown_title = Coalesce(NullIf(F(f"{work}__own_title"), Value("", TextField())), F(f"{work}__title"))
        return [shown_title, "week_id", "week__year", "week__week_number"]

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        """The keys by the ids of all works that have one of them."""
        raise NotImplementedError

    def credits(self, column: str, ids: Collection[int]) -> list[Credit]:
        """The makers of these works, or the works of these makers."""
        return self.read_credits(compiled(self.select_credits, column)([*ids]) if ids else [])

    def select_credits(self, column: str, ids: int) -> QuerySet[Any, Any]:
        raise NotImplementedError

    def read_credits(self, rows: list[Any]) -> list[Credit]:
        raise NotImplementedError

    def order(self, work: Any) -> tuple[Any, ...]:
        """The order among equals: the first of several is recommended."""
        raise NotImplementedError

    def decade(self, work: Any) -> int | None:
        raise NotImplementedError

    def traits(self, work: Any) -> list[Feature]:
        """The features of a work itself: its genres and its decade."""
        found: list[Feature] = [("genre", name) for name in dict.fromkeys(work.genres[:FIRST_GENRES])]
        decade = self.decade(work)
        return found if decade is None else [*found, ("decade", f"{decade}s")]


class MovieFeatures(WorkFeatures):
    kind, maker, key_fields = MOVIE, "person", ("pk",)
    fields = ("tmdb_id", "genres", "release_date", "vote_count")
    best_known = ("-vote_count", "pk")

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        return {key: key for key in keys if isinstance(key, int)}

    def select_credits(self, column: str, ids: int) -> QuerySet[Any, Any]:
        crew = MovieCrew.objects.filter(**{f"{column}__in": [ids]}, job__in=JOBS).annotate(part=F("job"))
        cast = MovieCast.objects.filter(**{f"{column}__in": [ids]}, order__lt=LEADING).annotate(part=Value("Actor"))
        fields = ("movie_id", "person_id", "person__name" if column == "movie" else "person_id", "part")
        return crew.order_by().values_list(*fields).union(cast.order_by().values_list(*fields), all=True).order_by()

    def read_credits(self, rows: list[Any]) -> list[Credit]:
        found = {(movie, (JOBS.get(part, "cast"), person)): name for movie, person, name, part in rows}
        # A director who also wrote the movie, or acts in it, is one reason.
        return [
            (movie, feature, name)
            for (movie, feature), name in found.items()
            if feature[0] == "director" or (movie, ("director", feature[1])) not in found
        ]

    def decade(self, work: Movie | MovieHit) -> int | None:
        return work.release_date.year // 10 * 10 if work.release_date else None

    def order(self, work: Movie) -> tuple[Any, ...]:
        return -work.vote_count, 0, work.pk


class AlbumFeatures(WorkFeatures):
    kind, maker, key_fields = ALBUM, "artist", ("release_group_id", "musicbrainz_id")
    fields = (*key_fields, "genres", "release_date", "status", "cover_art_url")
    best_known = ("-pk",)

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        known = Album.objects.alias(key=Coalesce(*self.key_fields)).filter(key__in=keys).order_by()
        return dict(known.values_list("pk", Coalesce(*self.key_fields)))

    def select_credits(self, column: str, ids: int) -> QuerySet[Any, Any]:
        found = AlbumArtist.objects.filter(**{f"{column}__in": [ids]}).exclude(artist__musicbrainz_id__in=NOT_ARTISTS)
        return found.order_by().values_list("album_id", "artist_id", "artist__name").distinct()

    def read_credits(self, rows: list[Any]) -> list[Credit]:
        return [(album, ("artist", artist), name) for album, artist, name in rows]

    def decade(self, work: Album) -> int | None:
        return int(work.release_date[:4]) // 10 * 10 if work.release_date else None

    def order(self, work: Album) -> tuple[Any, ...]:
        useful = usefulness(work.status, has_cover=bool(work.cover_art_url), release_date=work.release_date)
        return *useful, work.pk


MOVIES, ALBUMS = MovieFeatures(), AlbumFeatures()
