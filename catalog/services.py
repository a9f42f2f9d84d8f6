"""Getting movies and albums: from the catalog if it has them in full, else from TMDB or MusicBrainz into it."""

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q, QuerySet
from django.utils import timezone

from integrations import coverart, deadline, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound

from . import merging
from .artists import store_artist_credit
from .fetching import find_known, is_stored, keep_fresh, not_found
from .models import Album, Movie, MovieAlias, MovieCast, MovieCrew, Person

FORGET_AFTER = timedelta(days=1)  # an import stores works before the weeks that pick them
KEEP_TEXTS = timedelta(days=170)  # TMDB allows six months; this leaves time until the next refresh_catalog
NO_TEXTS: dict[str, str | int] = {"overview": "", "overview_language": "", "tagline": ""}
NO_TEXTS |= {"poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}
EXTRA_WAIT = 1  # seconds for requests that only improve an answer
MAX_COVERS = coverart.MAX_CHECKS // 2  # albums: each is checked itself and by its release group
COVER_RETRY = timedelta(minutes=10)  # the archive is sometimes unavailable for days


def curate[W: (Movie, Album)](work: W, **values: str) -> W:
    """Store a curator's edits to fields of OWN_FIELDS and return the work; all other fields are left unchanged.

    Raises Movie.DoesNotExist or Album.DoesNotExist if it has just been merged into another or deleted.
    """
    with transaction.atomic():
        stored: W = type(work)._default_manager.select_for_update().get(pk=work.pk)
        for name, value in values.items():
            setattr(stored, name, value)
        stored.save(update_fields=list(values))
    return stored


def forgettable(works: type[Movie | Album]) -> QuerySet[Any]:
    """Works known only from a member's file, unused for a day, that no curator has edited or merged."""
    since = timezone.now() - FORGET_AFTER
    return works.objects.unused().filter(created_at__lt=since, own_title="", own_cover="", note="", merges=None)


def forget_unused(works: type[Movie | Album]) -> int:
    """Delete the forgettable() works of this kind. Returns how many there were."""
    count = 0
    for some in batched(list(forgettable(works).order_by("pk").values_list("pk", flat=True)), 500, strict=False):
        # If a user picks one of them right now, all of these are kept until the next time.
        with contextlib.suppress(ProtectedError, IntegrityError), transaction.atomic():
            count += forgettable(works).filter(pk__in=some).delete()[1].get(works._meta.label, 0)
    return count


def get_movie(tmdb_id: int) -> tuple[Movie, bool]:
    """The movie, and whether it was in the catalog; otherwise, or if known only from a file, it is fetched.

    A stale movie is fetched again, and returned as it is if that fails or takes too long. An id that was merged into
    another gives the movie that was kept. Raises IntegrationError if the movie cannot be found.
    """
    known = find_known(Movie, tmdb_id)
    if known is None or known.fetched_at is None:
        with not_found("Movie not found"):
            return refresh_movie(known.tmdb_id if known else tmdb_id), False
    movie, cached = keep_fresh(known, refresh_movie)
    if cached and movie.is_due and forget_texts(Movie.objects.filter(pk=movie.pk)):
        movie.refresh_from_db()
    return movie, cached


def movies_like(tmdb_ids: list[int]) -> dict[int, list[tmdb.MovieHit]]:
    """TMDB's recommendations for each of these movies, as far as it answers within EXTRA_WAIT.

    The id of a movie that was merged into another is replaced by that of the movie that was kept.
    """
    found: dict[int, list[tmdb.MovieHit]] = {}
    with contextlib.suppress(IntegrationError), deadline.at_most(EXTRA_WAIT):
        found = tmdb.fetch_recommendations(tmdb_ids)
    ids = {hit.tmdb_id for hits in found.values() for hit in hits}
    kept = dict(MovieAlias.objects.filter(tmdb_id__in=ids).values_list("tmdb_id", "movie__tmdb_id"))
    return {
        liked: [replace(hit, tmdb_id=kept.get(hit.tmdb_id, hit.tmdb_id)) for hit in hits]
        for liked, hits in found.items()
    }


def refresh_movie(tmdb_id: int, *, force_refresh: bool = False) -> Movie:
    """Fetch the movie with its credits from TMDB and create or update it; `force_refresh` bypasses the HTTP cache.

    Raises IntegrationError. A movie that is no longer on TMDB is marked and kept.
    """
    try:
        fetched = tmdb.fetch_movie(tmdb_id, force_refresh=force_refresh)
    except NotFound:
        Movie.objects.filter(tmdb_id=tmdb_id).update(vanished_at=timezone.now())
        raise
    values = {name: value for name, value in asdict(fetched).items() if name not in {"tmdb_id", "cast", "crew"}}
    with transaction.atomic():
        # The lock makes simultaneous refreshes of a movie take turns.
        known: Movie | None = Movie.objects.select_for_update().filter(tmdb_id=tmdb_id).first()
        if known and is_stored(known, fetched.fetched_at):
            return known
        if known is None and (kept := find_known(Movie, tmdb_id)):
            return kept  # merged in the meantime, and not to be restored
        movie, _ = Movie.objects.update_or_create(tmdb_id=tmdb_id, defaults=values | {"vanished_at": None})
        _store_credits(movie, fetched)
    return movie


def _store_credits(movie: Movie, fetched: tmdb.Movie) -> None:
    """Replace the movie's cast and crew."""
    people = _store_people([*fetched.cast, *fetched.crew])
    cast = [
        MovieCast(
            movie=movie,
            person_id=people[part.person_id],
            credit_id=part.credit_id,
            character=part.character,
            order=part.order,
        )
        for part in fetched.cast
    ]
    crew = [
        MovieCrew(
            movie=movie,
            person_id=people[part.person_id],
            credit_id=part.credit_id,
            department=part.department,
            job=part.job,
            order=part.order,
        )
        for part in fetched.crew
    ]
    movie.cast.all().delete()
    movie.crew.all().delete()
    MovieCast.objects.bulk_create(cast)
    MovieCrew.objects.bulk_create(crew)


def _store_people(parts: Iterable[tmdb.Credit]) -> dict[int, int]:
    """Primary keys of the people by their TMDB ids. The order is fixed, so that transactions cannot deadlock."""
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


def has_outdated_texts() -> Q:
    """The condition for movies with texts that forget_texts() clears."""
    return Q(fetched_at__lt=timezone.now() - KEEP_TEXTS) & ~Q(**NO_TEXTS)


def forget_texts(movies: QuerySet[Movie]) -> int:
    """Clear the texts of movies that TMDB does not allow to be kept for more than six months. Returns how many had any.

    Ids, titles, dates and credits stay. Pictures of people are cleared when none of their movies is recent.
    """
    limit = timezone.now() - KEEP_TEXTS
    outdated = list(movies.filter(has_outdated_texts()).order_by("tmdb_id").values_list("pk", flat=True))
    if not outdated:
        return 0
    with transaction.atomic():
        forgotten = Movie.objects.filter(pk__in=outdated, fetched_at__lt=limit).update(**NO_TEXTS)
        credit, recent = {"person": OuterRef("pk")}, {"movie__fetched_at__gte": limit}
        of_these = Q(parts__movie__in=outdated) | Q(jobs__movie__in=outdated)
        seen = Exists(MovieCast.objects.filter(**credit, **recent)) | Exists(
            MovieCrew.objects.filter(**credit, **recent)
        )
        people = Person.objects.filter(
            Q(pk__in=Person.objects.filter(of_these).values("pk")) & ~Q(profile_path="") & ~seen
        )
        # Locked in the order in which people are stored, so that transactions cannot deadlock.
        locked = people.order_by("tmdb_id").select_for_update().values_list("pk", flat=True)
        Person.objects.filter(pk__in=list(locked)).update(profile_path="")
    return forgotten


def get_album(musicbrainz_id: UUID) -> tuple[Album, bool]:
    """The album, and whether it was in the catalog; otherwise it is fetched, as get_movie() does.

    An id that was merged into another gives the surviving release.
    """
    known = find_known(Album, musicbrainz_id)
    if known is None or known.fetched_at is None:
        with not_found("Album not found"):
            return refresh_album(known.musicbrainz_id if known else musicbrainz_id), False
    album, cached = keep_fresh(known, refresh_album)
    if cached and not album.is_due and not album.cover_known:
        _find_missing_cover(album)
    return album, cached


def _find_missing_cover(album: Album) -> None:
    """Ask the archive about an album's cover again, but not more often than every COVER_RETRY."""
    if album.cover_asked_at and album.cover_asked_at >= timezone.now() - COVER_RETRY:
        return
    url, album.cover_known = _group_cover(album.release_group_id)
    if album.cover_known:
        album.cover_art_url = url
    album.cover_asked_at = timezone.now()
    Album.objects.filter(pk=album.pk, cover_known=False).update(
        cover_art_url=album.cover_art_url, cover_known=album.cover_known, cover_asked_at=album.cover_asked_at
    )


def refresh_album(musicbrainz_id: UUID, *, force_refresh: bool = False) -> Album:
    """Fetch the release with its artists from MusicBrainz and store it; `force_refresh` bypasses the HTTP cache.

    Raises IntegrationError. A release that is no longer on MusicBrainz is marked and kept. The id of one that was
    merged into another is remembered, and rows that pointed at it now point at the other.
    """
    try:
        fetched = musicbrainz.fetch_release(musicbrainz_id, force_refresh=force_refresh)
    except NotFound:
        Album.objects.filter(musicbrainz_id=musicbrainz_id).update(vanished_at=timezone.now())
        raise
    surviving_id = fetched.musicbrainz_id
    values = asdict(fetched) | {"cover_asked_at": timezone.now(), "vanished_at": None}
    for name in ("musicbrainz_id", "artists", "has_front"):
        del values[name]
    if fetched.has_front:  # the flag of the lookup saves a request
        values |= {"cover_art_url": coverart.front_url("release", surviving_id), "cover_known": True}
    else:
        url, values["cover_known"] = _group_cover(fetched.release_group_id)
        if values["cover_known"]:  # else the known cover is kept until the archive answers
            values["cover_art_url"] = url
    album = _store_album(musicbrainz_id, surviving_id, values, fetched)
    if album.musicbrainz_id != musicbrainz_id:
        merging.absorb(musicbrainz_id, album)
    return album


def _store_album(
    musicbrainz_id: UUID, surviving_id: UUID, values: dict[str, object], fetched: musicbrainz.Release
) -> Album:
    with transaction.atomic():
        # The lock makes simultaneous refreshes of an album take turns.
        known: Album | None = Album.objects.select_for_update().filter(musicbrainz_id=surviving_id).first()
        if known is None and (kept := find_known(Album, surviving_id)):
            return kept  # merged in the meantime, and not to be restored
        if known is None and surviving_id != musicbrainz_id:
            # Unless another request is storing the surviving one right now.
            with contextlib.suppress(IntegrityError), transaction.atomic():
                Album.objects.filter(musicbrainz_id=musicbrainz_id).update(musicbrainz_id=surviving_id)
        if known and is_stored(known, fetched.fetched_at) and known.cover_known:
            return known
        album, _ = Album.objects.update_or_create(musicbrainz_id=surviving_id, defaults=values)
        store_artist_credit(album, fetched.artists)
    return album


def find_covers(albums: list[Album]) -> dict[Album, bool | None]:
    """Ask the archive again for front covers of these albums or of their release groups: whether each has one now,
    None if the archive did not answer in time.

    Up to MAX_COVERS at a time. Raises IntegrationError if the archive cannot be reached at all.
    """
    of_groups: list[coverart.Cover] = [
        ("release-group", album.release_group_id) for album in albums if album.release_group_id
    ]
    wanted = [*(("release", album.musicbrainz_id) for album in albums), *of_groups]
    fronts = coverart.find_fronts(wanted, force_refresh=True)
    found: dict[Album, bool | None] = {}
    for album in albums:
        asked: list[tuple[coverart.Entity, UUID | None]] = [
            ("release", album.musicbrainz_id),
            ("release-group", album.release_group_id),
        ]
        url = next((coverart.front_url(what, which) for what, which in asked if which and fronts.get(which)), "")
        is_said = bool(url) or all(which is None or which in fronts for _, which in asked)
        found[album] = bool(url) if is_said else None
        if is_said:
            Album.objects.filter(pk=album.pk).update(cover_art_url=url, cover_known=True, cover_asked_at=timezone.now())
    return found


def _group_cover(release_group_id: UUID | None) -> tuple[str, bool]:
    """The address of the release group's front cover, or "" without one, and whether the archive answered in time."""
    if release_group_id is None:
        return "", True
    has = coverart.find_fronts([("release-group", release_group_id)]).get(release_group_id)
    url = coverart.front_url("release-group", release_group_id) if has else ""
    return url, has is not None
