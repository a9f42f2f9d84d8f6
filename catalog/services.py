"""Getting movies and albums: from the catalog where it has them in full, else from upstream into the catalog."""

import contextlib
import math
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q, QuerySet
from django.utils import timezone

from integrations import coverart, musicbrainz, patience, tmdb
from integrations.errors import IntegrationError, NotFound

from .models import Album, AlbumAlias, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person, Work

SEARCH_PAGE = 20  # movies, as at TMDB
KEEP_TEXTS = timedelta(days=180)  # TMDB allows no copy to be older than six months
REFRESH_WAIT = 2  # seconds for an answer about what can be shown as it was
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
    """The movie, and whether it was known; if not it is fetched.

    What is known but was not asked about for a month is fetched again, and shown as known where that fails or takes
    too long. Raises IntegrationError when it is not known at all.
    """
    known = Movie.objects.filter(tmdb_id=tmdb_id).first()
    if known is None:
        try:
            return refresh_movie(tmdb_id), False
        except NotFound:
            raise NotFound("Movie not found") from None
    if not known.is_due:
        return known, True
    try:
        with _little_patience(known):
            return refresh_movie(tmdb_id), False
    except IntegrationError:
        if forget_texts(Movie.objects.filter(pk=known.pk)):
            known.refresh_from_db()
        return known, True


def _little_patience(known: Work) -> AbstractContextManager[None]:
    """For a row that can be shown as it is; one that was never fetched in full is worth a longer wait."""
    return patience.at_most(REFRESH_WAIT, turn=REFRESH_WAIT / 2) if known.fetched_at else nullcontext()


def refresh_movie(tmdb_id: int, *, anew: bool = False) -> Movie:
    """Fetch the movie with its credits from TMDB and store it, new or known; `anew` whatever the HTTP cache has.

    Raises IntegrationError. One that TMDB knows no more is marked and stays.
    """
    try:
        fetched = tmdb.fetch_movie(tmdb_id, anew=anew)
    except NotFound:
        Movie.objects.filter(tmdb_id=tmdb_id).update(vanished_at=timezone.now())
        raise
    values = {name: value for name, value in asdict(fetched).items() if name not in {"tmdb_id", "cast", "crew"}}
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one movie follow each other.
        known = Movie.objects.select_for_update().filter(tmdb_id=tmdb_id).first()
        if known and _is_stored(known, fetched.fetched_at):
            return known
        movie, _ = Movie.objects.update_or_create(tmdb_id=tmdb_id, defaults=values | {"vanished_at": None})
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


def forget_texts(movies: QuerySet[Movie]) -> int:
    """Blank, and say of how many movies, what TMDB allows nobody to keep for longer than six months.

    Ids, titles, dates and credits stay; pictures of people go with the last of their movies.
    """
    limit = timezone.now() - KEEP_TEXTS
    blank = {"overview": "", "tagline": "", "poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}
    forgotten = movies.filter(fetched_at__lt=limit).exclude(**blank).update(**blank)
    if forgotten:
        recent = {"person": OuterRef("pk"), "movie__fetched_at__gte": limit}
        Person.objects.exclude(
            Exists(MovieCast.objects.filter(**recent)) | Exists(MovieCrew.objects.filter(**recent))
        ).exclude(profile_path="").update(profile_path="")
    return forgotten


def _is_stored(known: Work, fetched_at: datetime) -> bool:
    """Whether the row has what upstream said then, as when several requests waited for the same answer."""
    return known.fetched_at is not None and known.fetched_at >= fetched_at and known.vanished_at is None


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
    """The album, and whether it was known; if not it is fetched, all as get_movie() does.

    An id that was merged into another gives the surviving release.
    """
    known = known_album(musicbrainz_id)
    if known is None:
        try:
            return refresh_album(musicbrainz_id), False
        except NotFound:
            raise NotFound("Album not found") from None
    if known.is_due:
        try:
            with _little_patience(known):
                return refresh_album(known.musicbrainz_id), False
        except IntegrationError:
            return known, True
    asked_at = known.cover_asked_at
    if not known.cover_known and (asked_at is None or asked_at < timezone.now() - COVER_RETRY):
        url, known.cover_known = _group_cover(known.release_group_id)
        if known.cover_known:
            known.cover_art_url = url
        known.cover_asked_at = timezone.now()
        Album.objects.filter(pk=known.pk, cover_known=False).update(
            cover_art_url=known.cover_art_url, cover_known=known.cover_known, cover_asked_at=known.cover_asked_at
        )
    return known, True


def known_album(musicbrainz_id: UUID) -> Album | None:
    """The album of the catalog with this id, now or before it was merged into another."""
    merged = AlbumAlias.objects.filter(musicbrainz_id=musicbrainz_id).values("album")
    found = Album.objects.filter(Q(musicbrainz_id=musicbrainz_id) | Q(pk__in=merged))
    return min(found, key=lambda album: album.musicbrainz_id == musicbrainz_id, default=None)


def refresh_album(musicbrainz_id: UUID, *, anew: bool = False) -> Album:
    """Fetch the release with its artists from MusicBrainz and store it, new or known; `anew` whatever the HTTP cache
    has.

    Raises IntegrationError. One that MusicBrainz knows no more is marked and stays; of one that was merged into
    another, the id is remembered, and what pointed at it points at the other.
    """
    try:
        fetched = musicbrainz.fetch_release(musicbrainz_id, anew=anew)
    except NotFound:
        Album.objects.filter(musicbrainz_id=musicbrainz_id).update(vanished_at=timezone.now())
        raise
    surviving_id = fetched.musicbrainz_id
    values = asdict(fetched) | {"cover_asked_at": timezone.now(), "vanished_at": None}
    for name in ("musicbrainz_id", "artists", "has_front"):
        del values[name]
    if fetched.has_front:  # the lookup's own flag saves a request
        values |= {"cover_art_url": coverart.front_url("release", surviving_id), "cover_known": True}
    else:
        url, values["cover_known"] = _group_cover(fetched.release_group_id)
        if values["cover_known"]:  # else what was known stays until the archive says something
            values["cover_art_url"] = url
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one album follow each other.
        known = Album.objects.select_for_update().filter(musicbrainz_id=surviving_id).first()
        if known is None and surviving_id != musicbrainz_id:
            Album.objects.filter(musicbrainz_id=musicbrainz_id).update(musicbrainz_id=surviving_id)
        if known and _is_stored(known, fetched.fetched_at) and known.cover_known:
            album = known
        else:
            album, _ = Album.objects.update_or_create(musicbrainz_id=surviving_id, defaults=values)
            store_artist_credit(album, fetched.artists)
        if surviving_id != musicbrainz_id:
            _merge(musicbrainz_id, album)
    return album


def _merge(musicbrainz_id: UUID, album: Album) -> None:
    """Remember an id that was merged into the album's; a row that has it gives all it can to the album's."""
    AlbumAlias.objects.update_or_create(musicbrainz_id=musicbrainz_id, defaults={"album": album})
    merged = Album.objects.filter(musicbrainz_id=musicbrainz_id).first()
    if merged is None:
        return
    merged.aliases.update(album=album)
    for relation in Album._meta.related_objects:
        if relation.related_model in {AlbumArtist, AlbumAlias}:
            continue
        name = relation.field.name
        for row in relation.related_model._base_manager.filter(**{name: merged}):
            # A week that has both keeps both: two people's opinions may hang on them.
            with contextlib.suppress(IntegrityError), transaction.atomic():
                relation.related_model._base_manager.filter(pk=row.pk).update(**{name: album})
    try:
        with transaction.atomic():
            merged.delete()
    except (ProtectedError, IntegrityError):
        Album.objects.filter(pk=merged.pk).update(vanished_at=timezone.now())


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
