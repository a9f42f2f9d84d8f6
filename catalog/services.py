"""Getting movies, albums and artists: from the catalog where it has them in full, else from upstream into it."""

import contextlib
import math
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, OuterRef, ProtectedError, Q, QuerySet, When
from django.utils import timezone

from integrations import coverart, deadline, musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound

from . import merging
from .models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    ArtistAlias,
    Fetched,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    Person,
)

SEARCH_PAGE = 20  # movies, as at TMDB
FORGET_AFTER = timedelta(days=1)  # an import stores works before the weeks that pick them
KEEP_TEXTS = timedelta(days=170)  # TMDB allows six months; this leaves time until the next refresh_catalog
NO_TEXTS = {"overview": "", "tagline": "", "poster_path": "", "backdrop_path": "", "vote_average": 0, "vote_count": 0}
REFRESH_WAIT = 2  # seconds for an answer about what can be shown as it was
EXTRA_WAIT = 1  # seconds for what an answer is better with, and good without
MAX_COVERS = coverart.MAX_CHECKS // 2  # albums: each is asked for itself and for its release group
COVER_RETRY = timedelta(minutes=10)  # the archive is out of reach for days at times


def curate[W: (Movie, Album)](work: W, **values: str) -> W:
    """The work with these words of a curator's: `own_title`, `own_cover`, `note`; all else stays as it is stored.

    Raises Movie.DoesNotExist or Album.DoesNotExist when it has just been merged into another, or deleted.
    """
    with transaction.atomic():
        stored = type(work)._default_manager.select_for_update().get(pk=work.pk)
        for name, value in values.items():
            setattr(stored, name, value)
        stored.save(update_fields=list(values))
    return stored


def forgettable(works: type[Movie] | type[Album]) -> QuerySet[Any]:
    """Those that only a file has told us of, that nobody has picked within a day, and that no curator has touched."""
    since = timezone.now() - FORGET_AFTER
    return works.objects.unwanted().filter(created_at__lt=since, own_title="", own_cover="", note="", merges=None)


def forget_unwanted() -> tuple[int, int]:
    """Delete the forgettable() movies and albums, and say how many of each."""
    return _forget(Movie), _forget(Album)


def _forget(works: type[Movie] | type[Album]) -> int:
    count = 0
    for some in batched(list(forgettable(works).order_by("pk").values_list("pk", flat=True)), 500, strict=False):
        # Whoever picks one of them just then keeps all of these for another time.
        with contextlib.suppress(ProtectedError, IntegrityError), transaction.atomic():
            count += forgettable(works).filter(pk__in=some).delete()[1].get(works._meta.label, 0)
    return count


# Movies


def search_movies(query: str, *, page: int = 1, year: int | None = None) -> tuple[str, tmdb.MoviePage]:
    """Candidates for a title, and their source: `tmdb`, or `catalog` when that cannot be asked and we know some.

    A title may end with its year in brackets; an address of a movie finds just that. Raises IntegrationError where
    both fail.
    """
    if not query.isdecimal() and (address := tmdb.read_address(query)):  # numbers are titles, too
        return _page_of_one(address, page)
    if year is None and (found := re.fullmatch(r"(.*\S)\s*\((\d{4})\)", query)) and 1800 <= int(found[2]) <= 2100:
        query, year = found[1], int(found[2])
    try:
        found_page = tmdb.search_movies(query, page=page, year=year)
        return "tmdb", replace(found_page, results=_as_curated(found_page.results))
    except IntegrationError:
        known = Movie.objects.fetched().matching(query)
        if year:
            known = known.filter(release_date__year=year)
        total = known.count()
        if not total:
            raise
        start = (page - 1) * SEARCH_PAGE
        hits = [_movie_hit(movie) for movie in known[start : start + SEARCH_PAGE]]
        return "catalog", tmdb.MoviePage(page, math.ceil(total / SEARCH_PAGE), total, hits)


def _movie_hit(movie: Movie) -> tmdb.MovieHit:
    hit = tmdb.MovieHit(**{field.name: getattr(movie, field.name) for field in fields(tmdb.MovieHit)})
    return replace(hit, title=movie.shown_title, poster_path=movie.shown_poster_path)


def _as_curated(hits: list[tmdb.MovieHit]) -> list[tmdb.MovieHit]:
    """With the titles and posters that curators gave to those of them that the catalog has."""
    known = Movie.objects.filter(tmdb_id__in=[hit.tmdb_id for hit in hits]).curated()
    own = {movie.tmdb_id: movie for movie in known.only("tmdb_id", "own_title", "own_cover")}
    return [
        replace(
            hit,
            title=own[hit.tmdb_id].own_title or hit.title,
            poster_path=own[hit.tmdb_id].own_cover or hit.poster_path,
        )
        if hit.tmdb_id in own
        else hit
        for hit in hits
    ]


def _page_of_one(address: int | str, page: int) -> tuple[str, tmdb.MoviePage]:
    try:
        movie, cached = look_up_movie(address)
    except NotFound:
        return "tmdb", tmdb.MoviePage(page, 0, 0, [])
    hits = [_movie_hit(movie)] if page == 1 else []
    return "catalog" if cached else "tmdb", tmdb.MoviePage(page, 1, 1, hits)


def look_up_movie(address: int | str) -> tuple[Movie, bool]:
    """The movie with a TMDB id, or with an IMDb id such as tt0133093; all else as get_movie()."""
    if isinstance(address, int):
        return get_movie(address)
    if known := Movie.objects.fetched().filter(imdb_id=address).order_by("id").first():
        return get_movie(known.tmdb_id)
    try:
        return get_movie(tmdb.find_imdb(address))
    except NotFound:
        raise NotFound("Movie not found") from None


def get_movie(tmdb_id: int) -> tuple[Movie, bool]:
    """The movie, and whether it was known; if not, or from a file only, it is fetched.

    What is known but was not asked about for a month is fetched again, and shown as known where that fails or takes
    too long. An id that was merged into another gives the one that was kept. Raises IntegrationError when it is not
    known at all.
    """
    known = known_movie(tmdb_id)
    if known is None or known.fetched_at is None:
        try:
            return refresh_movie(known.tmdb_id if known else tmdb_id), False
        except NotFound:
            raise NotFound("Movie not found") from None
    if not known.is_due:
        return known, True
    with contextlib.suppress(IntegrationError), _little_patience(known):
        movie = refresh_movie(known.tmdb_id)
        if movie.fetched_at != known.fetched_at:  # where TMDB fails an old answer may serve again
            return movie, False
    if forget_texts(Movie.objects.filter(pk=known.pk)):
        known.refresh_from_db()
    return known, True


def known_movie(tmdb_id: int, *, own_first: bool = False) -> Movie | None:
    """The movie of the catalog with this id, now or before it was merged into another.

    A week that has both of a merge keeps both, and then there are two: who asks for a movie gets the one that was kept,
    and who brings such a week back, with `own_first`, the one that has the id itself.
    """
    merged = MovieAlias.objects.filter(tmdb_id=tmdb_id).values("movie")
    found = Movie.objects.filter(Q(tmdb_id=tmdb_id) | Q(pk__in=merged))
    return min(found, key=lambda movie: (movie.tmdb_id == tmdb_id) != own_first, default=None)


def known_movies(tmdb_ids: Iterable[int]) -> dict[int, Movie]:
    """The movies of the catalog by these ids, as known_movie() finds them; two queries."""
    ids = list(tmdb_ids)
    found = {movie.tmdb_id: movie for movie in Movie.objects.filter(tmdb_id__in=ids)}
    merged = MovieAlias.objects.filter(tmdb_id__in=ids).select_related("movie")
    return found | {alias.tmdb_id: alias.movie for alias in merged}


def movies_like(tmdb_ids: list[int]) -> dict[int, list[tmdb.MovieHit]]:
    """What TMDB recommends to those who like each of these movies, as far as it says so within EXTRA_WAIT.

    Of one that was merged into another, the one that was kept.
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


def _little_patience(known: Fetched) -> AbstractContextManager[None]:
    """For a row that can be shown as it is; one that was never fetched in full is worth a longer wait."""
    return deadline.at_most(REFRESH_WAIT) if known.fetched_at else nullcontext()


def refresh_movie(tmdb_id: int, *, anew: bool = False) -> Movie:
    """Fetch the movie with its credits from TMDB and store it, new or known; `anew` whatever the HTTP cache has.

    Raises IntegrationError. One that TMDB knows no more is marked and stays.
    """
    try:
        fetched = tmdb.fetch_movie(tmdb_id, force_refresh=anew)
    except NotFound:
        Movie.objects.filter(tmdb_id=tmdb_id).update(vanished_at=timezone.now())
        raise
    values = {name: value for name, value in asdict(fetched).items() if name not in {"tmdb_id", "cast", "crew"}}
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one movie follow each other.
        known = Movie.objects.select_for_update().filter(tmdb_id=tmdb_id).first()
        if known and _is_stored(known, fetched.fetched_at):
            return known
        if known is None and (kept := known_movie(tmdb_id)):
            return kept  # merged meanwhile, and not to come back
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


def has_outdated_texts() -> Q:
    """Whether a movie still has what forget_texts() blanks, and will not until it is called."""
    return Q(fetched_at__lt=timezone.now() - KEEP_TEXTS) & ~Q(**NO_TEXTS)


def forget_texts(movies: QuerySet[Movie]) -> int:
    """Blank, and say of how many movies, what TMDB allows nobody to keep for longer than six months.

    Ids, titles, dates and credits stay; pictures of people go with the last of their movies.
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
        # In the order in which others lock people, so that two transactions cannot lock each other out.
        locked = people.order_by("tmdb_id").select_for_update().values_list("pk", flat=True)
        Person.objects.filter(pk__in=list(locked)).update(profile_path="")
    return forgotten


def _is_stored(known: Fetched, fetched_at: datetime) -> bool:
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
    """A release as a search shows it, with the address of its front cover, empty where none is known in time.

    It may stand for others of its release group: `edition_ids` has it and them.
    """

    cover_art_url: str
    edition_ids: list[UUID]

    @property
    def editions(self) -> int:
        return len(self.edition_ids)


@dataclass(frozen=True)
class AlbumPage:
    count: int
    offset: int
    results: list[AlbumHit]


def search_albums(query: str, *, limit: int, offset: int, fold: bool = False) -> tuple[str, AlbumPage]:
    """Candidates for a title, an artist or both, and their source: `musicbrainz`, or `catalog` when that cannot be
    asked and we know some, which then score 100 each.

    With `fold` the most useful release of this page stands for all of its release group; `count` and `offset` go on
    counting releases. An address of a release or release group finds just that.

    Raises IntegrationError where both fail.
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
        page = AlbumPage(total, offset, [_album_hit(album) for album in albums])
        source = "catalog"
    else:
        covers = _covers_of(found.results)
        page = AlbumPage(
            found.count,
            offset,
            _as_curated_albums(
                [
                    AlbumHit(
                        **vars(hit), cover_art_url=covers.get(hit.musicbrainz_id, ""), edition_ids=[hit.musicbrainz_id]
                    )
                    for hit in found.results
                ]
            ),
        )
        source = "musicbrainz"
    return source, replace(page, results=_fold(page.results)) if fold else page


def _album_hit(album: Album) -> AlbumHit:
    names = {field.name for field in fields(AlbumHit)} - {"score", "edition_ids"}
    hit = AlbumHit(**{name: getattr(album, name) for name in names}, score=100, edition_ids=[album.musicbrainz_id])
    return replace(hit, title=album.shown_title, cover_art_url=album.shown_cover_url)


def _as_curated_albums(hits: list[AlbumHit]) -> list[AlbumHit]:
    """With the titles and covers that curators gave to those of them that the catalog has."""
    known = Album.objects.filter(musicbrainz_id__in=[hit.musicbrainz_id for hit in hits]).curated()
    own = {album.musicbrainz_id: album for album in known.only("musicbrainz_id", "own_title", "own_cover")}
    return [
        replace(
            hit,
            title=own[hit.musicbrainz_id].own_title or hit.title,
            cover_art_url=own[hit.musicbrainz_id].own_cover or hit.cover_art_url,
        )
        if hit.musicbrainz_id in own
        else hit
        for hit in hits
    ]


def _albums_at(address: tuple[str, UUID], offset: int) -> tuple[str, AlbumPage]:
    try:
        album, cached = look_up_album(address)
    except NotFound:
        return "musicbrainz", AlbumPage(0, offset, [])
    hits = [_album_hit(album)] if offset == 0 else []
    return "catalog" if cached else "musicbrainz", AlbumPage(1, offset, hits)


def editions(hits: list[AlbumHit]) -> list[list[AlbumHit]]:
    """The hits by release group, in the order of each one's first; in it the most useful first."""
    groups: dict[UUID, list[AlbumHit]] = {}
    for hit in hits:
        groups.setdefault(hit.release_group_id or hit.musicbrainz_id, []).append(hit)
    return [sorted(group, key=_usefulness) for group in groups.values()]


def _fold(hits: list[AlbumHit]) -> list[AlbumHit]:
    """One hit a release group, where its first one is, with the highest score of them."""
    return [
        replace(group[0], score=max(hit.score for hit in group), edition_ids=[hit.musicbrainz_id for hit in group])
        for group in editions(hits)
    ]


def _usefulness(hit: AlbumHit) -> tuple[int, bool, str]:
    return musicbrainz.usefulness(hit.status, has_cover=bool(hit.cover_art_url), release_date=hit.release_date)


def look_up_album(address: tuple[str, UUID]) -> tuple[Album, bool]:
    """The album of a release, or of a release group: the one that we know, else its most useful release.

    Of an id alone, both are tried. Raises IntegrationError.
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
    try:
        return get_album(musicbrainz.fetch_best_edition(musicbrainz_id))
    except NotFound:
        raise NotFound("Album not found") from None


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
    if known is None or known.fetched_at is None:
        try:
            return refresh_album(known.musicbrainz_id if known else musicbrainz_id), False
        except NotFound:
            raise NotFound("Album not found") from None
    if known.is_due:
        with contextlib.suppress(IntegrationError), _little_patience(known):
            album = refresh_album(known.musicbrainz_id)
            return album, album.fetched_at == known.fetched_at
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


def known_album(musicbrainz_id: UUID, *, own_first: bool = False) -> Album | None:
    """The album of the catalog with this id, now or before it was merged into another; all as known_movie()."""
    merged = AlbumAlias.objects.filter(musicbrainz_id=musicbrainz_id).values("album")
    found = Album.objects.filter(Q(musicbrainz_id=musicbrainz_id) | Q(pk__in=merged))
    return min(found, key=lambda album: (album.musicbrainz_id == musicbrainz_id) != own_first, default=None)


def known_albums(musicbrainz_ids: Iterable[UUID]) -> dict[UUID, Album]:
    """The albums of the catalog by these ids, as known_album() finds them; two queries."""
    ids = list(musicbrainz_ids)
    found = {album.musicbrainz_id: album for album in Album.objects.filter(musicbrainz_id__in=ids)}
    merged = AlbumAlias.objects.filter(musicbrainz_id__in=ids).select_related("album")
    return found | {alias.musicbrainz_id: alias.album for alias in merged}


def find_album(text: str) -> Album | None:
    """The album with this number of ours or this MusicBrainz id, its own rather than one that it has from another."""
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return Album.objects.filter(pk=int(text)).first()
    try:
        musicbrainz_id = UUID(text)
    except ValueError:
        return None
    return known_album(musicbrainz_id, own_first=True)


def refresh_album(musicbrainz_id: UUID, *, anew: bool = False) -> Album:
    """Fetch the release with its artists from MusicBrainz and store it, new or known; `anew` whatever the HTTP cache
    has.

    Raises IntegrationError. One that MusicBrainz knows no more is marked and stays; of one that was merged into
    another, the id is remembered, and what pointed at it points at the other.
    """
    try:
        fetched = musicbrainz.fetch_release(musicbrainz_id, force_refresh=anew)
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
    album = _store_album(musicbrainz_id, surviving_id, values, fetched)
    if album.musicbrainz_id != musicbrainz_id:
        merging.absorb(musicbrainz_id, album)
    return album


def _store_album(
    musicbrainz_id: UUID, surviving_id: UUID, values: dict[str, object], fetched: musicbrainz.Release
) -> Album:
    with transaction.atomic():
        # This locks the row, so that simultaneous refreshes of one album follow each other.
        known = Album.objects.select_for_update().filter(musicbrainz_id=surviving_id).first()
        if known is None and (kept := known_album(surviving_id)):
            return kept  # merged meanwhile, and not to come back
        if known is None and surviving_id != musicbrainz_id:
            # Unless somebody stores the surviving one just now.
            with contextlib.suppress(IntegrityError), transaction.atomic():
                Album.objects.filter(musicbrainz_id=musicbrainz_id).update(musicbrainz_id=surviving_id)
        if known and _is_stored(known, fetched.fetched_at) and known.cover_known:
            return known
        album, _ = Album.objects.update_or_create(musicbrainz_id=surviving_id, defaults=values)
        store_artist_credit(album, fetched.artists)
    return album


def find_covers(albums: list[Album]) -> dict[Album, bool | None]:
    """Ask the archive anew for the fronts of these albums, or of their release groups: whether each has one now, None
    where the archive did not say so in time.

    Up to MAX_COVERS at a time. Raises IntegrationError where the archive cannot be asked at all.
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


def get_artist(musicbrainz_id: UUID) -> tuple[Artist, bool]:
    """The artist, and whether they were known; if not, or from credits only, they are looked up, all as get_movie()
    does.

    An id that was merged into another gives the surviving artist.
    """
    merged = ArtistAlias.objects.filter(musicbrainz_id=musicbrainz_id).values("artist")
    # One that a credit has brought back under its old id counts before the one that it was merged into.
    found = Artist.objects.filter(Q(musicbrainz_id=musicbrainz_id) | Q(pk__in=merged))
    known = max(found, key=lambda artist: artist.musicbrainz_id == musicbrainz_id, default=None)
    if known is None:
        try:
            return refresh_artist(musicbrainz_id), False
        except NotFound:
            raise NotFound("Artist not found") from None
    if known.is_due:
        with contextlib.suppress(IntegrationError), _little_patience(known):
            artist = refresh_artist(known.musicbrainz_id)
            return artist, artist.fetched_at == known.fetched_at
    return known, True


def refresh_artist(musicbrainz_id: UUID, *, anew: bool = False) -> Artist:
    """Look the artist up at MusicBrainz and store them, new or known; `anew` whatever the HTTP cache has.

    Raises IntegrationError. One that MusicBrainz knows no more is marked and stays; one that was merged into another
    goes, and leaves the other all credits.
    """
    try:
        fetched = musicbrainz.fetch_artist(musicbrainz_id, force_refresh=anew)
    except NotFound:
        Artist.objects.filter(musicbrainz_id=musicbrainz_id).update(vanished_at=timezone.now())
        raise
    surviving_id = fetched.musicbrainz_id
    with transaction.atomic():
        # This locks the row, so that simultaneous lookups of one artist follow each other.
        known = Artist.objects.select_for_update().filter(musicbrainz_id=surviving_id).first()
        if known and _is_stored(known, fetched.fetched_at):
            artist = known
        else:
            values = asdict(fetched) | {"vanished_at": None}
            artist, _ = Artist.objects.update_or_create(musicbrainz_id=surviving_id, defaults=values)
    if surviving_id != musicbrainz_id:
        _merge_artists(musicbrainz_id, surviving_id)
    return artist


def _merge_artists(merged_id: UUID, surviving_id: UUID) -> None:
    """Remember the id that was merged, and give the credits of whom it is, if we know them, to the surviving one."""
    with transaction.atomic():
        # Locked in the order in which credits are stored, so that two transactions cannot lock each other out.
        ids = [merged_id, surviving_id]
        locked = Artist.objects.select_for_update().filter(musicbrainz_id__in=ids).order_by("musicbrainz_id")
        artists = {artist.musicbrainz_id: artist for artist in locked}
        if surviving := artists.get(surviving_id):
            ArtistAlias.objects.update_or_create(musicbrainz_id=merged_id, defaults={"artist": surviving})
            if merged := artists.get(merged_id):
                merged.credits.update(artist=surviving)
                merged.aliases.update(artist=surviving)
                merged.delete()
