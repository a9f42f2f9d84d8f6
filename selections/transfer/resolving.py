"""Finding the work that a row means, in the catalog or at an upstream."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import batched
from math import inf
from uuid import UUID

from catalog.fetching import find_all_known
from catalog.models import Album, AlbumAlias, Movie, MovieAlias
from catalog.services import get_all
from integrations import coverart, deadline, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound
from selections.kinds import KINDS, MOVIE

from .matching import Candidate, Match, find_album, find_movie, work_of
from .outcomes import Outcome
from .readers.rows import Row

LOOK_UP = 500  # rows whose works are looked up together
SERVICES = {"movie": tmdb.SERVICE, "album": musicbrainz.SERVICE}


def known(rows: Iterable[Row]) -> Iterator[Candidate | None]:
    """The work that each row means, if the catalog has fetched the one with its id.

    A title is not enough: upstream may have others of that title.
    """
    for some in batched(rows, LOOK_UP, strict=False):
        movies = find_all_known(Movie, {row.tmdb_id for row in some if row.tmdb_id}, own_first=True)
        albums = find_all_known(Album, {row.musicbrainz_id for row in some if row.musicbrainz_id}, own_first=True)
        with_imdb_id = Movie.objects.fetched().filter(imdb_id__in={row.imdb_id for row in some if row.imdb_id})
        by_imdb_id = {movie.imdb_id: movie for movie in with_imdb_id.order_by("-id")}
        for row in some:
            stored: Movie | Album | None
            if row.kind == "movie":
                stored = movies.get(row.tmdb_id) if row.tmdb_id else by_imdb_id.get(row.imdb_id)
            else:
                stored = albums.get(row.musicbrainz_id)
            yield work_of(stored) if stored and stored.fetched_at else None


def merged_ids() -> set[str]:
    """The ids of movies and albums that were merged into others."""
    movies = MovieAlias.objects.values_list("tmdb_id", flat=True)
    albums = AlbumAlias.objects.values_list("musicbrainz_id", flat=True)
    return {str(known) for known in (*movies, *albums)}


def store(outcomes: Collection[Outcome]) -> Iterator[tuple[Outcome, Movie | Album | IntegrationError]]:
    """The work of each row in the catalog, or why it cannot be fetched; fetched details are good enough at any age."""
    for kind in KINDS.values():
        ids = {
            outcome.fingerprint: int(outcome.meant.id) if kind is MOVIE else UUID(outcome.meant.id)
            for outcome in outcomes
            if outcome.meant and outcome.row.kind == kind.name
        }
        stored = get_all(kind.works, {ids[row.fingerprint]: row.details for row in outcomes if row.fingerprint in ids})
        yield from ((outcome, stored[ids[outcome.fingerprint]]) for outcome in outcomes if outcome.fingerprint in ids)


def max_requests(row: Row, *, in_full: bool) -> int:
    """The number of requests that ask() usually sends to the row's upstream if nothing is cached."""
    if row.tmdb_id or row.musicbrainz_id:
        return 1
    return 2 if in_full or row.imdb_id or row.release_group_id else 1


def ask(row: Row, *, in_full: bool) -> Match:
    """The work that the row means, from upstream; `in_full` with all details that the catalog stores, which are cached.

    An id that upstream does not know is ignored if there is a title. Raises IntegrationError.
    """
    by_id, by_title, fetch = (
        (_movie_by_id, find_movie, _fetch_movie) if row.kind == "movie" else (_album_by_id, find_album, _fetch_release)
    )
    try:
        match = by_id(row)
    except NotFound:
        if not row.title:
            raise
        match = None
    match = match or by_title(row)
    if match.winner and in_full and not match.details:
        match = replace(match, details=fetch(match.winner.id).details)
    return match


def _movie_by_id(row: Row) -> Match | None:
    tmdb_id = row.tmdb_id or (tmdb.find_imdb(row.imdb_id) if row.imdb_id else None)
    return _fetch_movie(tmdb_id) if tmdb_id else None


def _fetch_movie(tmdb_id: int | str) -> Match:
    movie = tmdb.fetch_movie(int(tmdb_id))
    released = movie.release_date.isoformat() if movie.release_date else ""
    return Match(Candidate(str(tmdb_id), movie.title, released=released), details=movie)


def _album_by_id(row: Row) -> Match | None:
    group = row.release_group_id
    if row.musicbrainz_id:
        try:
            return _fetch_release(row.musicbrainz_id)
        except NotFound:
            group = group or row.musicbrainz_id  # users enter either of them
    return _fetch_release(musicbrainz.fetch_best_edition(group)) if group else None


def _fetch_release(musicbrainz_id: UUID | str) -> Match:
    release = musicbrainz.fetch_release(UUID(str(musicbrainz_id)))
    group = str(release.release_group_id or "")
    if not release.has_front and release.release_group_id:
        # To be cached when the album is stored: only then does a web request wait for it.
        within = 0 if deadline.is_set() else inf
        coverart.find_fronts([("release-group", release.release_group_id)], within=within)
    return Match(Candidate(str(release.musicbrainz_id), release.title, release.artist, group=group), details=release)
