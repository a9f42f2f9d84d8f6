"""Getting movies and albums: from the catalog where it has them in full, else from upstream into the catalog."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import coverart, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound

from .models import Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person

SEARCH_PAGE = 20  # movies, as at TMDB
COVER_RETRY = timedelta(minutes=10)  # the archive is out of reach for days at times

# Movies


def search_movies(query: str, *, page: int = 1, year: int | None = None) -> tuple[str, tmdb.MoviePage]:
    """Candidates for a title, and their source: `tmdb`, or `catalog` when that cannot be asked and we know some.

    Raises IntegrationError where both fail.
    """
    try:
        return "tmdb", tmdb.search_movies(query, page=page, year=year)
    except IntegrationError:
        known = Movie.objects.matching(query)
        if year:
            known = known.filter(release_date__year=year)
        total = known.count()
        if not total:
            raise
        start = (page - 1) * SEARCH_PAGE
        names = [field.name for field in fields(tmdb.MovieHit)]
        hits = [tmdb.MovieHit(**row) for row in known.values(*names)[start : start + SEARCH_PAGE]]
        return "catalog", tmdb.MoviePage(page, math.ceil(total / SEARCH_PAGE), total, hits)


def get_movie(tmdb_id: int) -> tuple[Movie, bool]:
    """The movie, and whether it was known in full; if not it is fetched, or shown as known where that fails.

    Raises IntegrationError when it is not known at all.
    """
    known = Movie.objects.filter(tmdb_id=tmdb_id).first()
    if known and known.fetched_at:
        return known, True
    try:
        return refresh_movie(tmdb_id), False
    except IntegrationError as error:
        if known:
            return known, True
        if isinstance(error, NotFound):
            raise NotFound("Movie not found") from None
        raise


def refresh_movie(tmdb_id: int) -> Movie:
    """Fetch the movie with its credits from TMDB and store it, new or known. Raises IntegrationError."""
    fetched = tmdb.fetch_movie(tmdb_id)
    values = {name: value for name, value in asdict(fetched).items() if name not in {"tmdb_id", "cast", "crew"}}
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one movie follow each other.
        movie, _ = Movie.objects.update_or_create(tmdb_id=tmdb_id, defaults=values)
        people = _store_people([*fetched.cast, *fetched.crew])
        movie.cast.all().delete()
        movie.crew.all().delete()
        MovieCast.objects.bulk_create(
            MovieCast(
                movie=movie,
                person_id=people[part.person_id],
                credit_id=part.credit_id,
                character=part.character,
                order=part.order,
            )
            for part in fetched.cast
        )
        MovieCrew.objects.bulk_create(
            MovieCrew(
                movie=movie,
                person_id=people[part.person_id],
                credit_id=part.credit_id,
                department=part.department,
                job=part.job,
                order=part.order,
            )
            for part in fetched.crew
        )
    return movie


def _store_people(parts: Iterable[tmdb.Credit | tmdb.CrewCredit]) -> dict[int, int]:
    """The ids of our rows by TMDB's. Always in the same order, so that two transactions cannot lock each other out."""
    people = {
        part.person_id: Person(tmdb_id=part.person_id, name=part.name, profile_path=part.profile_path) for part in parts
    }
    Person.objects.bulk_create(
        [people[known] for known in sorted(people)],
        update_conflicts=True,
        unique_fields=["tmdb_id"],
        update_fields=["name", "profile_path"],
    )
    return dict(Person.objects.filter(tmdb_id__in=people).values_list("tmdb_id", "id"))


# Albums


@dataclass(frozen=True)
class AlbumHit(musicbrainz.ReleaseHit):
    """A release as a search shows it: with the address of its front cover, empty where none is known in time."""

    cover_art_url: str


@dataclass(frozen=True)
class AlbumPage:
    count: int
    offset: int
    results: list[AlbumHit]


def search_albums(query: str, *, limit: int, offset: int) -> tuple[str, AlbumPage]:
    """Candidates for a title, an artist or both, and their source: `musicbrainz`, or `catalog` when that cannot be
    asked and we know some, which then score 100 each. Raises IntegrationError where both fail.
    """
    try:
        found = musicbrainz.search_releases(query, limit=limit, offset=offset)
    except IntegrationError:
        known = Album.objects.matching(query)
        total = known.count()
        if not total:
            raise
        names = [field.name for field in fields(AlbumHit) if field.name != "score"]
        hits = [AlbumHit(**row, score=100) for row in known.values(*names)[offset : offset + limit]]
        return "catalog", AlbumPage(total, offset, hits)
    covers = _covers_of(found.results)
    hits = [AlbumHit(**asdict(hit), cover_art_url=covers.get(hit.musicbrainz_id, "")) for hit in found.results]
    return "musicbrainz", AlbumPage(found.count, offset, hits)


def _covers_of(hits: list[musicbrainz.ReleaseHit]) -> dict[UUID, str]:
    """Addresses of the releases' own fronts: as the catalog knows them, else as the archive says in time."""
    ids = [hit.musicbrainz_id for hit in hits]
    known = dict(
        Album.objects.filter(musicbrainz_id__in=ids, cover_known=True).values_list("musicbrainz_id", "cover_art_url")
    )
    has_front = {release: url == coverart.front_url("release", release) for release, url in known.items()}
    has_front |= coverart.find_fronts(("release", release) for release in ids if release not in known)
    return {release: coverart.front_url("release", release) for release, has in has_front.items() if has}


def get_album(musicbrainz_id: UUID) -> tuple[Album, bool]:
    """The album, and whether it was known in full; if not it is fetched, or shown as known where that fails.

    A merged id gives the surviving release. Raises IntegrationError when it is not known at all.
    """
    known = Album.objects.filter(musicbrainz_id=musicbrainz_id).first()
    if known and known.fetched_at:
        asked_at = known.cover_asked_at
        if not known.cover_known and (asked_at is None or asked_at < timezone.now() - COVER_RETRY):
            known.cover_art_url, known.cover_known = _group_cover(known.release_group_id)
            known.cover_asked_at = timezone.now()
            Album.objects.filter(pk=known.pk, cover_known=False).update(
                cover_art_url=known.cover_art_url, cover_known=known.cover_known, cover_asked_at=known.cover_asked_at
            )
        return known, True
    try:
        return refresh_album(musicbrainz_id), False
    except IntegrationError as error:
        if known:
            return known, True
        if isinstance(error, NotFound):
            raise NotFound("Album not found") from None
        raise


def refresh_album(musicbrainz_id: UUID) -> Album:
    """Fetch the release with its artists from MusicBrainz and store it, new or known. Raises IntegrationError."""
    fetched = musicbrainz.fetch_release(musicbrainz_id)
    values = asdict(fetched) | {"cover_asked_at": timezone.now()}
    for name in ("musicbrainz_id", "artists", "has_front"):
        del values[name]
    if fetched.has_front:  # the lookup's own flag saves a request
        values |= {"cover_art_url": coverart.front_url("release", fetched.musicbrainz_id), "cover_known": True}
    else:
        values["cover_art_url"], values["cover_known"] = _group_cover(fetched.release_group_id)
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one album follow each other.
        album, _ = Album.objects.update_or_create(musicbrainz_id=fetched.musicbrainz_id, defaults=values)
        store_artist_credit(album, fetched.artists)
    return album


def _group_cover(release_group_id: UUID | None) -> tuple[str, bool]:
    """The address of the release group's front, empty if there is none, and whether the archive said so in time."""
    if release_group_id is None:
        return "", True
    has = coverart.find_fronts([("release-group", release_group_id)]).get(release_group_id)
    url = coverart.front_url("release-group", release_group_id) if has else ""
    return url, has is not None


def store_artist_credit(album: Album, artist_credit: list[musicbrainz.ArtistCredit]) -> None:
    """Replace the album's artist credit; call it in a transaction."""
    artists = {
        credit.musicbrainz_id: Artist(
            musicbrainz_id=credit.musicbrainz_id,
            name=credit.artist_name,
            sort_name=credit.sort_name,
            disambiguation=credit.disambiguation,
            artist_type=credit.artist_type,
        )
        for credit in artist_credit
    }
    Artist.objects.bulk_create(
        # Always in the same order, so that two transactions cannot lock each other out.
        [artists[known] for known in sorted(artists)],
        update_conflicts=True,
        unique_fields=["musicbrainz_id"],
        update_fields=["name", "sort_name", "disambiguation", "artist_type"],
    )
    rows = dict(Artist.objects.filter(musicbrainz_id__in=artists).values_list("musicbrainz_id", "id"))
    album.artist_credit.all().delete()
    AlbumArtist.objects.bulk_create(
        AlbumArtist(
            album=album,
            artist_id=rows[credit.musicbrainz_id],
            position=position,
            name=credit.name,
            join_phrase=credit.join_phrase,
        )
        for position, credit in enumerate(artist_credit)
    )
