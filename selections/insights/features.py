"""Features that works share, by which they are recommended: their makers, their genres and their decade."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from catalog.models import Album, AlbumArtist, Movie, MovieCast, MovieCrew, shown_title
from integrations.musicbrainz import usefulness
from integrations.tmdb import MovieHit
from selections.kinds import ALBUM, MOVIE, Kind

# The maximum points for a reason, which it has if the user rated all works with this feature 10.
POINTS = {
    "director": 1.8,
    "writer": 0.8,
    "cast": 0.6,
    "artist": 1.8,
    "genre": 1.2,
    "decade": 0.3,
    "people": 2.0,
    "tmdb": 0.6,
}
# The share of a reason's points that is left after each result that it led to.
REPEATED = {
    "director": 0.8,
    "writer": 0.85,
    "cast": 0.85,
    "artist": 0.7,
    "genre": 0.98,
    "decade": 0.98,
    "people": 0.99,
    "tmdb": 0.9,
}
VOTES = 0.08  # the maximum points for TMDB's votes, which rank works with the same reasons

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


@dataclass
class Candidate:
    """A work that might be recommended, with its points by feature."""

    work: Movie | Album | MovieHit
    key: Key
    order: tuple[Any, ...]  # the order among equals
    base: float = 0  # points without a reason that can be named
    points: dict[Feature, float] = field(default_factory=dict)

    def total(self, used: Counter[Feature]) -> float:
        """Its points after the results that its features have led to, by the number of results for each."""
        total = self.base
        for feature, points in self.points.items():
            total += points * REPEATED[feature[0]] ** used[feature] if points > 0 else points
        return total


class WorkFeatures:
    """The features of movies, or of albums, and how to query them."""

    kind: Kind
    key_fields: tuple[str, ...]  # of a work; the first that is not null is its key

    def key(self, path: str) -> Coalesce | F:
        """The key of the work at this path, as an expression."""
        first, *more = [F(f"{path}__{name}") for name in self.key_fields]
        return Coalesce(first, *more) if more else first

    def source_pick(self, path: str = "") -> list[Any]:
        """The fields of a SourcePick, of the pick at this path."""
        of_week = [f"{path}{name}" for name in ("week_id", "week__year", "week__week_number")]
        return [shown_title(f"{path}{self.kind.name}"), *of_week]

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        """The keys by the ids of all works that have one of them."""
        raise NotImplementedError

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        """The makers of these works, or the works of these makers, sorted: among equals the first is named."""
        raise NotImplementedError

    def released(self, decade: int) -> Q:
        raise NotImplementedError

    def candidate(self, work: Any) -> Candidate:
        raise NotImplementedError

    def decade(self, work: Any) -> int | None:
        raise NotImplementedError

    def traits(self, work: Any) -> list[Feature]:
        """The features of a work itself: its genres and its decade."""
        found: list[Feature] = [("genre", name) for name in dict.fromkeys(work.genres[:FIRST_GENRES])]
        decade = self.decade(work)
        return found if decade is None else [*found, ("decade", decade)]


class MovieFeatures(WorkFeatures):
    kind, key_fields = MOVIE, ("id",)

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        return {key: key for key in keys if isinstance(key, int)}

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        chosen = Q(movie__in=of) if by is None else Q(person__in=by)
        crew = MovieCrew.objects.filter(chosen, job__in=JOBS).order_by()
        cast = MovieCast.objects.filter(chosen, order__lt=LEADING).order_by()
        found: dict[tuple[int, Feature], str] = {}
        for movie, job, person, name in crew.values_list("movie_id", "job", "person_id", "person__name"):
            found[movie, (JOBS[job], person)] = name
        for movie, person, name in cast.values_list("movie_id", "person_id", "person__name"):
            found[movie, ("cast", person)] = name
        # A director who also wrote the movie, or acts in it, is one reason.
        return sorted(
            (movie, feature, name)
            for (movie, feature), name in found.items()
            if feature[0] == "director" or (movie, ("director", feature[1])) not in found
        )

    def released(self, decade: int) -> Q:
        return Q(release_date__range=(date(decade, 1, 1), date(decade + 9, 12, 31)))

    def decade(self, work: Movie | MovieHit) -> int | None:
        return work.release_date.year // 10 * 10 if work.release_date else None

    def candidate(self, work: Movie) -> Candidate:
        votes = work.vote_count / (work.vote_count + 50) * (work.vote_average - 6) / 4
        return Candidate(work, work.pk, (-work.vote_count, work.pk), base=VOTES * votes)


class AlbumFeatures(WorkFeatures):
    kind, key_fields = ALBUM, ("release_group_id", "musicbrainz_id")

    def editions(self, keys: Collection[Key]) -> dict[int, Key]:
        known = Album.objects.alias(key=Coalesce(*self.key_fields)).filter(key__in=keys).order_by()
        return dict(known.values_list("pk", Coalesce(*self.key_fields)))

    def credits(self, *, of: Collection[int] | None = None, by: Collection[int] | None = None) -> list[Credit]:
        chosen = Q(album__in=of) if by is None else Q(artist__in=by)
        found = AlbumArtist.objects.filter(chosen).exclude(artist__musicbrainz_id__in=NOT_ARTISTS).order_by()
        rows = found.values_list("album_id", "artist_id", "artist__name").distinct()
        return sorted((album, ("artist", artist), name) for album, artist, name in rows)

    def released(self, decade: int) -> Q:
        return Q(release_date__startswith=f"{decade // 10}")

    def decade(self, work: Album) -> int | None:
        return int(work.release_date[:4]) // 10 * 10 if work.release_date else None

    def candidate(self, work: Album) -> Candidate:
        useful = usefulness(work.status, has_cover=bool(work.cover_art_url), release_date=work.release_date)
        return Candidate(work, work.release_group_id or work.musicbrainz_id, (*useful, work.pk))


MOVIES, ALBUMS = MovieFeatures(), AlbumFeatures()
