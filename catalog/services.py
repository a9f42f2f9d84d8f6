"""Getting movies and albums: from the catalog if it has them in full, else from TMDB or MusicBrainz into it."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import batched, chain
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q, QuerySet
from django.utils import timezone

from integrations import coverart, deadline, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound

from . import merging
from .artists import store_artist_credits
from .fetching import find_all_known, find_known, is_stored, keep_fresh, not_found, store_people
from .models import Album, Movie, MovieAlias, MovieCast, MovieCrew, Person

FORGET_AFTER = timedelta(days=1)  # an import stores works before the weeks that pick them
KEEP_TEXTS = timedelta(days=170)  # TMDB allows six months; this leaves time until the next refresh_catalog
NO_TEXTS: dict[str, str | int] = {"overview": "", "overview_language": "", "tagline": ""}
NO_TEXTS |= {"poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}
EXTRA_WAIT = 1  # seconds for requests that only improve an answer
MAX_COVERS = coverart.MAX_CHECKS // 2  # albums: each is checked itself and by its release group
MAX_MARKED = 60  # albums of one run of the job, so that other jobs have their turn
COVERS_WAIT = 30  # seconds that the job waits for MAX_COVERS of them
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
    """TMDB's recommendations for each of these movies, if it answers within EXTRA_WAIT.

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
    movie: Movie = _store(Movie, [fetched])[tmdb_id]
    return movie


def _store(works: type[Movie | Album], details: Iterable[Any]) -> dict[Any, Any]:
    """Create or update these movies with their credits, or albums with their artists, all or nothing; by their external
    ids."""
    values_of, store_parts = (_columns, _store_credits) if works is Movie else (_album_values, store_artist_credits)
    fetched = {getattr(work, works.id_field): work for work in details}
    values = {known: values_of(work) for known, work in fetched.items()}
    with transaction.atomic():
        stored, is_new = _store_rows(works, values)
        store_parts({stored[known]: fetched[known] for known in is_new})
    return stored


def _columns(fetched: tmdb.Movie | musicbrainz.Release) -> dict[str, Any]:
    """The values that are stored in the row of a movie or an album."""
    elsewhere = {"cast", "crew", "artists", "has_front"}
    return {name: value for name, value in vars(fetched).items() if name not in elsewhere} | {"vanished_at": None}


def _store_rows(works: Any, fetched: Mapping[Any, dict[str, Any]]) -> tuple[dict[Any, Any], list[Any]]:
    """The movies or albums with these values by their external ids, and which of them were created or updated.

    Call this in a transaction. The order is fixed, so that transactions cannot deadlock.
    """
    # The lock makes simultaneous refreshes of a work take turns.
    has_id = {f"{works.id_field}__in": fetched}
    locked = works._default_manager.select_for_update().filter(**has_id).order_by(works.id_field)
    stored = {work.external_id: work for work in locked}
    due = [
        known
        for known, work in stored.items()
        if not (is_stored(work, fetched[known]["fetched_at"]) and getattr(work, "cover_known", True))
    ]
    for known in due:
        for name, value in fetched[known].items():
            setattr(stored[known], name, value)
        stored[known].save(update_fields=list(fetched[known]))
    if unknown := fetched.keys() - stored.keys():
        stored |= find_all_known(works, unknown)  # merged in the meantime, and not to be restored
    new = {known: works(**fetched[known]) for known in sorted(fetched.keys() - stored.keys())}
    if new:
        for work in new.values():
            work.set_keys()
        works._default_manager.bulk_create(  # another request may be faster
            list(new.values()),
            update_conflicts=True,
            unique_fields=[works.id_field],
            # A cover is kept where the archive has not answered.
            update_fields=[*set.intersection(*map(set, fetched.values())), "title_key", "search_text"],
        )
    return stored | new, [*due, *new]


def _store_credits(movies: Mapping[Movie, tmdb.Movie]) -> None:
    """Replace the cast and crew of these movies."""
    parts = [part for fetched in movies.values() for part in (*fetched.cast, *fetched.crew)]
    records = [{"tmdb_id": part.person_id, "name": part.name, "profile_path": part.profile_path} for part in parts]
    people = store_people(Person, "tmdb_id", records, update=True)
    tables: list[tuple[Any, str, list[str]]] = [
        (MovieCast, "cast", ["character"]),
        (MovieCrew, "crew", ["department", "job"]),
    ]
    for table, name, own in tables:
        table.objects.filter(movie__in=movies).delete()
        rows = [
            table(
                movie=movie,
                person=people[part.person_id],
                **{column: getattr(part, column) for column in ("credit_id", "order", *own)},
            )
            for movie, fetched in movies.items()
            for part in getattr(fetched, name)
        ]
        table.objects.bulk_create(rows)


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


def get_all(works: type[Movie | Album], wanted: Mapping[Any, Any]) -> dict[Any, Movie | Album | IntegrationError]:
    """Each of these movies or albums as in the catalog, at any age; the others are fetched, and stored together.

    `wanted` has their ids, each with the details that have just been fetched, or None. For an id that cannot be fetched
    the result is the error.
    """
    get: Any
    get, fetch = (get_movie, tmdb.fetch_movie) if works is Movie else (get_album, musicbrainz.fetch_release)
    found: dict[Any, Any] = find_all_known(works, wanted, own_first=True)
    new: list[Any] = []
    for external_id, details in wanted.items():
        known = found.get(external_id)
        if known and known.fetched_at:
            continue
        try:
            fetched = None if known else details or fetch(external_id)
            if fetched and getattr(fetched, works.id_field) == external_id:
                new.append(fetched)
            else:  # known from a file only, or merged into another
                found[external_id] = get(external_id)[0]
        except IntegrationError as error:
            found[external_id] = error
    return found | _store(works, new) if new else found


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
    is_merged = surviving_id != musicbrainz_id
    if is_merged and find_known(Album, surviving_id) is None:
        # Unless another request is storing the surviving one right now.
        with contextlib.suppress(IntegrityError), transaction.atomic():
            Album.objects.filter(musicbrainz_id=musicbrainz_id).update(musicbrainz_id=surviving_id)
    album: Album = _store(Album, [fetched])[surviving_id]
    if is_merged and album.musicbrainz_id != musicbrainz_id:
        merging.absorb(musicbrainz_id, album)
    return album


def _album_values(release: musicbrainz.Release) -> dict[str, Any]:
    """The columns of an album, with what the archive says of its cover."""
    values = _columns(release) | {"cover_asked_at": timezone.now()}
    if release.has_front:  # the flag of the lookup saves a request
        return values | {"cover_art_url": coverart.front_url("release", release.musicbrainz_id), "cover_known": True}
    url, is_known = _group_cover(release.release_group_id)
    # Else the known cover is kept until the archive answers.
    return values | ({"cover_art_url": url} if is_known else {}) | {"cover_known": is_known}


def find_covers(albums: list[Album], *, within: float = coverart.DEADLINE) -> dict[Album, bool | None]:
    """Ask the archive again for front covers of these albums or of their release groups: whether each has one now,
    None if the archive did not answer `within` these seconds.

    Up to MAX_COVERS at a time. Raises IntegrationError if the archive cannot be reached at all.
    """
    asked: dict[Album, list[coverart.Cover]] = {album: [("release", album.musicbrainz_id)] for album in albums}
    for album in albums:
        if album.release_group_id:
            asked[album].append(("release-group", album.release_group_id))
    fronts = coverart.find_fronts(chain.from_iterable(asked.values()), force_refresh=True, within=within)
    found: dict[Album, bool | None] = {}
    for album, covers in asked.items():
        url = next((coverart.front_url(what, which) for what, which in covers if fronts.get(which)), "")
        is_said = bool(url) or all(which in fronts for _, which in covers)
        found[album] = bool(url) if is_said else None
        if is_said:
            Album.objects.filter(pk=album.pk).update(cover_art_url=url, cover_known=True, cover_asked_at=timezone.now())
    return found


def find_marked_covers() -> tuple[int, int]:
    """Ask the archive about albums that it has not been asked about since they were marked, or never. Returns for how
    many it answered, and how many of these have a cover.

    Up to MAX_MARKED at a time. Albums that were never fetched are left to refresh_album(). Raises IntegrationError.
    """
    marked = Album.objects.filter(cover_asked_at=None, fetched_at__isnull=False).order_by("pk")
    answers: list[bool | None] = []
    for albums in batched(marked[:MAX_MARKED], MAX_COVERS, strict=False):
        answers += find_covers(list(albums), within=COVERS_WAIT).values()
    return len(answers) - answers.count(None), answers.count(True)


def _group_cover(release_group_id: UUID | None) -> tuple[str, bool]:
    """The address of the release group's front cover, or "" without one, and whether the archive answered in time."""
    if release_group_id is None:
        return "", True
    has = coverart.find_fronts([("release-group", release_group_id)]).get(release_group_id)
    url = coverart.front_url("release-group", release_group_id) if has else ""
    return url, has is not None
