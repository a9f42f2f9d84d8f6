"""Finding the work that a row means, in the catalog or at an upstream."""

from uuid import UUID

from catalog.fetching import find_known
from catalog.models import Album, AlbumAlias, Movie, MovieAlias
from integrations import coverart, musicbrainz, tmdb
from integrations.errors import NotFound
from selections.kinds import KINDS

from .matching import Candidate, Match, find_album, find_movie
from .readers.rows import Row

SERVICES = {"movie": tmdb.SERVICE, "album": musicbrainz.SERVICE}


def work_of(stored: Movie | Album) -> Candidate:
    group = stored.release_group_id if isinstance(stored, Album) else None
    return Candidate(str(stored.external_id), str(stored), group=str(group or ""))


def known(row: Row) -> Candidate | None:
    """The work that the row means, if the catalog has fetched the one with its id.

    A title is not enough: upstream may have others of that title.
    """
    stored: Movie | Album | None = None
    if row.kind == "movie" and row.tmdb_id:
        stored = find_known(Movie, row.tmdb_id, own_first=True)
    elif row.kind == "movie" and row.imdb_id:
        stored = Movie.objects.fetched().filter(imdb_id=row.imdb_id).order_by("id").first()
    elif row.musicbrainz_id:
        stored = find_known(Album, row.musicbrainz_id, own_first=True)
    return work_of(stored) if stored and stored.fetched_at else None


def merged_ids() -> set[str]:
    """The ids of movies and albums that were merged into others."""
    movies = MovieAlias.objects.values_list("tmdb_id", flat=True)
    albums = AlbumAlias.objects.values_list("musicbrainz_id", flat=True)
    return {str(known) for known in (*movies, *albums)}


def stored(kind: str, work: Candidate) -> Movie | Album:
    """The movie or album in the catalog; fetched details are good enough at any age.

    Raises IntegrationError.
    """
    external_id = int(work.id) if kind == "movie" else UUID(work.id)
    known: Movie | Album | None = find_known(KINDS[kind].works, external_id, own_first=True)
    return known if known and known.fetched_at else KINDS[kind].get_work(external_id)[0]


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
        found = by_id(row)
    except NotFound:
        if not row.title:
            raise
        found = None
    match = Match(found) if found else by_title(row)
    if match.winner and in_full and not found:
        fetch(match.winner.id)
    return match


def _movie_by_id(row: Row) -> Candidate | None:
    tmdb_id = row.tmdb_id or (tmdb.find_imdb(row.imdb_id) if row.imdb_id else None)
    return _fetch_movie(tmdb_id) if tmdb_id else None


def _fetch_movie(tmdb_id: int | str) -> Candidate:
    movie = tmdb.fetch_movie(int(tmdb_id))
    return Candidate(str(tmdb_id), movie.title, released=movie.release_date.isoformat() if movie.release_date else "")


def _album_by_id(row: Row) -> Candidate | None:
    group = row.release_group_id
    if row.musicbrainz_id:
        try:
            return _fetch_release(row.musicbrainz_id)
        except NotFound:
            group = group or row.musicbrainz_id  # users enter either of them
    return _fetch_release(musicbrainz.fetch_best_edition(group)) if group else None


def _fetch_release(musicbrainz_id: UUID | str) -> Candidate:
    release = musicbrainz.fetch_release(UUID(str(musicbrainz_id)))
    if not release.has_front and release.release_group_id:
        coverart.find_fronts([("release-group", release.release_group_id)])
    return Candidate(
        str(release.musicbrainz_id), release.title, release.artist, group=str(release.release_group_id or "")
    )
