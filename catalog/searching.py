"""Finding movies and albums: by words at TMDB and MusicBrainz, else in the catalog, and by a pasted address."""

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from django.db.models import Case, When

from integrations import coverart, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound

from .fetching import not_found
from .models import Album, Movie
from .services import get_album, get_movie

PAGE_SIZE = 20  # movies, as at TMDB


@dataclass(frozen=True)
class AlbumHit(musicbrainz.ReleaseHit):
    """A release as a search shows it, with the address of its front cover, empty if none is known in time.

    It may represent other releases of its release group: `edition_ids` has its own id and theirs.
    """

    cover_art_url: str
    edition_ids: list[UUID]

    @property
    def editions(self) -> int:
        return len(self.edition_ids)


AlbumPage = musicbrainz.ReleasePage[AlbumHit]


def search_movies(query: str, *, page: int = 1, year: int | None = None) -> tuple[str, tmdb.MoviePage]:
    """Candidates for a title, and their source: `tmdb`, or `catalog` if TMDB fails and the catalog has some.

    A title may end with its year in parentheses; the address of a movie finds only that movie. Raises IntegrationError
    if both fail.
    """
    if not query.isdecimal() and (address := tmdb.read_address(query)):  # a number is searched for as a title
        return _movies_at(address, page)
    if year is None and (found := re.fullmatch(r"(.*\S)\s*\((\d{4})\)", query)) and 1800 <= int(found[2]) <= 2100:
        query, year = found[1], int(found[2])
    try:
        found_page = tmdb.search_movies(query, page=page, year=year)
        return "tmdb", replace(found_page, results=_with_edits(Movie, found_page.results))
    except IntegrationError:
        known = Movie.objects.fetched().matching(query)
        if year:
            known = known.filter(release_date__year=year)
        total = known.count()
        if not total:
            raise
        start = (page - 1) * PAGE_SIZE
        hits = [_movie_hit(movie) for movie in known[start : start + PAGE_SIZE]]
        return "catalog", tmdb.MoviePage(page, math.ceil(total / PAGE_SIZE), total, hits)


def _movies_at(address: int | str, page: int) -> tuple[str, tmdb.MoviePage]:
    try:
        movie, cached = look_up_movie(address)
    except NotFound:
        return "tmdb", tmdb.MoviePage(page, 0, 0, [])
    hits = [_movie_hit(movie)] if page == 1 else []
    return "catalog" if cached else "tmdb", tmdb.MoviePage(page, 1, 1, hits)


def _movie_hit(movie: Movie) -> tmdb.MovieHit:
    hit = tmdb.MovieHit(**{field.name: getattr(movie, field.name) for field in fields(tmdb.MovieHit)})
    return replace(hit, title=movie.shown_title, poster_path=movie.picture)


def _with_edits(works: type[Movie | Album], hits: list[Any]) -> list[Any]:
    """The hits, with curators' titles and pictures for those in the catalog."""
    ids = [getattr(hit, works.id_field) for hit in hits]
    curated = works.objects.exclude(own_title="", own_cover="").in_bulk(ids, field_name=works.id_field)
    found = dict(zip(ids, hits, strict=True))
    for external_id, work in curated.items():
        hit = found[external_id]
        picture = {works.picture_field: work.own_cover or getattr(hit, works.picture_field)}
        found[external_id] = replace(hit, title=work.own_title or hit.title, **picture)
    return list(found.values())


def look_up_movie(address: int | str) -> tuple[Movie, bool]:
    """The movie with a TMDB id, or with an IMDb id such as tt0133093, as get_movie() gives it."""
    if isinstance(address, int):
        return get_movie(address)
    if known := Movie.objects.fetched().filter(imdb_id=address).order_by("id").first():
        return get_movie(known.tmdb_id)
    with not_found("Movie not found"):
        return get_movie(tmdb.find_imdb(address))


def search_albums(query: str, *, limit: int, offset: int, fold: bool = False) -> tuple[str, AlbumPage]:
    """Candidates for a title, an artist or both, and their source: `musicbrainz`, or `catalog` if MusicBrainz fails and
    the catalog has some, which then score 100 each.

    With `fold` the most useful release on this page represents its release group; `count` and `offset` still count
    releases. The address of a release or release group finds only that. Raises IntegrationError if both fail.
    """
    if address := musicbrainz.read_address(query):
        return _albums_at(address, offset)
    try:
        found = musicbrainz.search_releases(query, limit=limit, offset=offset)
    except IntegrationError:
        known = Album.objects.fetched().matching(query)
        total = known.count()
        if not total:
            raise
        is_unofficial = Case(When(status__in=musicbrainz.UNOFFICIAL, then=1), default=0)
        albums = known.order_by(is_unofficial, "title_key", "id")[offset : offset + limit]
        source, page = "catalog", AlbumPage(total, offset, [_album_hit(album) for album in albums])
    else:
        source, page = "musicbrainz", AlbumPage(found.count, offset, _with_covers(found.results))
    return source, replace(page, results=_fold(page.results)) if fold else page


def _albums_at(address: tuple[str, UUID], offset: int) -> tuple[str, AlbumPage]:
    try:
        album, cached = look_up_album(address)
    except NotFound:
        return "musicbrainz", AlbumPage(0, offset, [])
    hits = [_album_hit(album)] if offset == 0 else []
    return "catalog" if cached else "musicbrainz", AlbumPage(1, offset, hits)


def _album_hit(album: Album) -> AlbumHit:
    names = {field.name for field in fields(AlbumHit)} - {"score", "edition_ids"}
    hit = AlbumHit(**{name: getattr(album, name) for name in names}, score=100, edition_ids=[album.musicbrainz_id])
    return replace(hit, title=album.shown_title, cover_art_url=album.picture)


def _with_covers(hits: list[musicbrainz.ReleaseHit]) -> list[AlbumHit]:
    """With the front covers of these releases, from the catalog or else from the archive if it answers in time."""
    ids = [hit.musicbrainz_id for hit in hits]
    known = dict(
        Album.objects.filter(musicbrainz_id__in=ids, cover_known=True).values_list("musicbrainz_id", "cover_art_url")
    )
    has_front = {release: url == coverart.front_url("release", release) for release, url in known.items()}
    has_front |= coverart.find_fronts(("release", release) for release in ids if release not in known)
    covers = {release: coverart.front_url("release", release) for release, has in has_front.items() if has}
    found = [
        AlbumHit(**vars(hit), cover_art_url=covers.get(hit.musicbrainz_id, ""), edition_ids=[hit.musicbrainz_id])
        for hit in hits
    ]
    return _with_edits(Album, found)


def editions(hits: list[AlbumHit]) -> list[list[AlbumHit]]:
    """The hits grouped by release group, in the order in which each group first appears; most useful hit first."""
    groups: dict[UUID, list[AlbumHit]] = {}
    for hit in hits:
        groups.setdefault(hit.release_group_id or hit.musicbrainz_id, []).append(hit)
    return [sorted(group, key=_usefulness) for group in groups.values()]


def _fold(hits: list[AlbumHit]) -> list[AlbumHit]:
    """One hit for each release group, with the highest score in it."""
    return [
        replace(group[0], score=max(hit.score for hit in group), edition_ids=[hit.musicbrainz_id for hit in group])
        for group in editions(hits)
    ]


def _usefulness(hit: AlbumHit) -> tuple[int, bool, str]:
    return musicbrainz.usefulness(hit.status, has_cover=bool(hit.cover_art_url), release_date=hit.release_date)


def look_up_album(address: tuple[str, UUID]) -> tuple[Album, bool]:
    """The album of a release, or the known or else the most useful release of a release group.

    An id without its type is tried as both. Raises IntegrationError.
    """
    what, musicbrainz_id = address
    if what != "release-group":
        try:
            return get_album(musicbrainz_id)
        except NotFound:
            if what:
                raise
    known = list(Album.objects.fetched().filter(release_group_id=musicbrainz_id).order_by("id"))
    if known:
        best = min(known, key=lambda album: _usefulness(_album_hit(album)))
        return get_album(best.musicbrainz_id)
    with not_found("Album not found"):
        return get_album(musicbrainz.fetch_best_edition(musicbrainz_id))
