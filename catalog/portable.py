"""Movies and albums in our own JSON, with all their details in the catalog: the format, and how to store them.

Files are less reliable than upstreams, so existing rows are left unchanged. From a file that any member may have
written (`is_trusted=False`) we take only what identifies a work: its id, its title, and an album's artist. Such a work
counts as never fetched, so that the next request for it, or `refresh_catalog`, asks upstream; until then no lookup or
search returns it.
"""

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, Prefetch, QuerySet

from .fetching import store_people
from .json_fields import (
    Boolean,
    Day,
    Instant,
    Integer,
    InvalidValue,
    List,
    MusicBrainzId,
    Number,
    PartialDate,
    Record,
    Text,
    Unique,
)
from .models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    ArtistAlias,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    Person,
)

MAX_PARTS = (
    10_000  # the maximum length of a cast, a crew, an artist credit or a list of merged ids; upstreams have fewer
)
MAX_NAME = 500  # characters of titles and artists in a file that any member may have written
COVERS = ("https://coverartarchive.org/", "https://archive.org/")  # where curators' covers are
ADDRESS = re.compile(r"(?i:https?)://\S+")
RELATED = ("aliases", "cast", "crew", "artist_credit")  # the fields of a record that are stored in their own tables


def _texts(model: type[Model], *names: str) -> dict[str, Any]:
    """Optional texts, with the maximum lengths of their columns."""
    return {name: Text(getattr(model._meta.get_field(name), "max_length", None), null=True) for name in names}


def _check_movie(values: dict[str, Any], place: str) -> None:
    if values["own_cover"] and not values["own_cover"].startswith("/"):
        raise InvalidValue(f"{place}.own_cover", "Must be the path of a poster on TMDB.")


def _check_album(values: dict[str, Any], place: str) -> None:
    if values["own_cover"] and not values["own_cover"].startswith(COVERS):
        raise InvalidValue(f"{place}.own_cover", "Must be the address of a picture at the Cover Art Archive.")


def _check_artist(values: dict[str, Any], place: str) -> None:
    if not all(ADDRESS.fullmatch(link["url"]) for link in values["links"]):
        raise InvalidValue(f"{place}.links", "Must be web addresses, each with its type.")
    if values["end"] and not values["ended"]:
        raise InvalidValue(f"{place}.ended", "Must be true if there is an end.")


TMDB_ID = Integer(1, required=True)
MUSICBRAINZ_ID = MusicBrainzId(required=True)
ID_ONCE = Unique("", str, "Each id can be listed only once.")
MERGED_MOVIES = List(TMDB_ID, MAX_PARTS, ID_ONCE, attribute="tmdb_id")
MERGED = List(MUSICBRAINZ_ID, MAX_PARTS, ID_ONCE, attribute="musicbrainz_id")
ONE_ID_EACH = Unique("credit_id", itemgetter("credit_id"), "Each credit needs its own id.")
ONE_JOB_EACH = Unique(
    "job", lambda credit: (credit["person"]["tmdb_id"], credit["job"]), "Each job of a person can be listed only once."
)

PERSON = Record(tmdb_id=TMDB_ID, name=Text(), profile_path=Text(200, null=True))
CAST = Record(
    credit_id=Text(60, required=True), character=Text(null=True), order=Integer(0, required=True), person=PERSON
)
CREW = Record(
    credit_id=Text(60, required=True),
    department=Text(100, null=True),
    job=Text(100),
    order=Integer(0, required=True),
    person=PERSON,
)
MOVIE = Record(
    _check_movie,
    tmdb_id=TMDB_ID,
    title=Text(required=True),
    # Curators' edits that all members can read; their note is for staff, and is not exported.
    **_texts(Movie, "own_title", "own_cover"),
    **_texts(Movie, "imdb_id", "original_title", "original_language", "overview", "overview_language", "tagline"),
    **_texts(Movie, "status", "poster_path", "backdrop_path"),
    release_date=Day(null=True),
    runtime=Integer(1, null=True),
    vote_average=Number(0, 10, default=0),
    vote_count=Integer(0, default=0),
    genres=List(Text()),
    fetched_at=Instant(null=True),
    vanished_at=Instant(null=True),
    created_at=Instant(),
    aliases=MERGED_MOVIES,
    cast=List(CAST, MAX_PARTS, ONE_ID_EACH),
    crew=List(CREW, MAX_PARTS, ONE_ID_EACH, ONE_JOB_EACH),
)
ARTIST = Record(
    _check_artist,
    musicbrainz_id=MUSICBRAINZ_ID,
    name=Text(),
    **_texts(Artist, "sort_name", "disambiguation", "artist_type", "area", "country", "bio"),
    begin=PartialDate(null=True),
    end=PartialDate(null=True),
    ended=Boolean(null=True),
    genres=List(Text()),
    links=List(Record(type=Text(required=True), url=Text(required=True))),
    fetched_at=Instant(null=True),
    vanished_at=Instant(null=True),
    aliases=MERGED,
)
ALBUM = Record(
    _check_album,
    musicbrainz_id=MUSICBRAINZ_ID,
    release_group_id=MusicBrainzId(null=True),
    title=Text(required=True),
    **_texts(Album, "own_title", "own_cover", "artist", "country", "status", "primary_type", "cover_art_url"),
    release_date=PartialDate(null=True),
    genres=List(Text()),
    cover_known=Boolean(default=False),
    cover_asked_at=Instant(null=True),
    fetched_at=Instant(null=True),
    vanished_at=Instant(null=True),
    created_at=Instant(),
    aliases=MERGED,
    artist_credit=List(Record(name=Text(), join_phrase=Text(null=True), artist=ARTIST), MAX_PARTS),
)
RECORDS = {Movie: MOVIE, Album: ALBUM}
KEYS = {Movie: MOVIE.only("tmdb_id", "aliases"), Album: ALBUM.only("musicbrainz_id", "aliases")}
UNCONFIRMED = {Movie: MOVIE.only("tmdb_id", "title"), Album: ALBUM.only("musicbrainz_id", "title", "artist")}


def read_work(model: type[Movie | Album], data: dict[str, Any], place: str, *, is_trusted: bool) -> dict[str, Any]:
    """A work of a file. Raises InvalidValue, also if the database would refuse it."""
    if is_trusted:
        return RECORDS[model].read(data, place)
    values = UNCONFIRMED[model].read(data, place)
    return {name: value[:MAX_NAME] if isinstance(value, str) else value for name, value in values.items()}


def with_parts(works: QuerySet[Any]) -> QuerySet[Any]:
    """Movies or albums, each with its object for a file, in four queries."""
    if works.model is Movie:
        return works.prefetch_related(
            Prefetch("aliases", MovieAlias.objects.order_by("tmdb_id")),
            Prefetch("cast", MovieCast.objects.select_related("person")),
            Prefetch("crew", MovieCrew.objects.select_related("person")),
        )
    return works.prefetch_related(
        Prefetch("aliases", AlbumAlias.objects.order_by("musicbrainz_id")),
        Prefetch("artist_credit", AlbumArtist.objects.select_related("artist")),
        Prefetch("artist_credit__artist__aliases", ArtistAlias.objects.order_by("musicbrainz_id")),
    )


def store(model: type[Movie | Album], id_field: str, records: Iterable[dict[str, Any]]) -> dict[Any, int]:
    """Primary keys of these works by their external ids, which are in `id_field`. Existing ones are left unchanged."""
    by_id = {record[id_field]: record for record in records}
    tried: list[Any] = []
    while True:
        known = dict(model._default_manager.filter(**{f"{id_field}__in": by_id}).values_list(id_field, "pk"))
        # Always in the same order, so that two transactions cannot deadlock.
        new = sorted(by_id.keys() - known.keys())
        if not new:
            return known
        try:
            with transaction.atomic():
                works = _add(model, id_field, [by_id[external_id] for external_id in new])
        except IntegrityError:
            if tried == new:  # except any that another transaction has just stored
                raise
            tried = new
        else:
            return known | {work.external_id: work.pk for work in works}


def _add(model: type[Movie | Album], id_field: str, records: list[dict[str, Any]]) -> list[Movie] | list[Album]:
    works: Any = [model(**_columns(record)) for record in records]
    for work in works:
        work.set_keys()
    model._default_manager.bulk_create(works)
    described = list(zip(works, records, strict=True))
    if model is Movie:
        _add_cast_and_crew(described)
    else:
        _add_artist_credits(described)
    # Including the id of an existing album: it was merged, and kept for a week that has both.
    merged = {alias: work for work, record in described for alias in record.get("aliases", ())}
    aliases: Any = MovieAlias if model is Movie else AlbumAlias
    aliases.objects.bulk_create(
        [aliases(**{id_field: alias, merged[alias].kind: merged[alias]}) for alias in sorted(merged)],
        ignore_conflicts=True,
    )
    return works


def _add_cast_and_crew(movies: list[tuple[Movie, dict[str, Any]]]) -> None:
    tables: dict[str, Any] = {"cast": MovieCast, "crew": MovieCrew}
    parts = [
        (table, movie, part)
        for name, table in tables.items()
        for movie, record in movies
        for part in record.get(name, ())
    ]
    people = store_people(Person, "tmdb_id", [part["person"] for _, _, part in reversed(parts)], update=False)
    for table in tables.values():
        table._default_manager.bulk_create(
            table(movie=movie, **part | {"person": people[part["person"]["tmdb_id"]]})
            for of_table, movie, part in parts
            if of_table is table
        )


def _add_artist_credits(albums: list[tuple[Album, dict[str, Any]]]) -> None:
    parts = [
        (album, position, part)
        for album, record in albums
        for position, part in enumerate(record.get("artist_credit", ()))
    ]
    records = {part["artist"]["musicbrainz_id"]: part["artist"] for _, _, part in reversed(parts)}
    known = set(Artist.objects.filter(musicbrainz_id__in=records).values_list("musicbrainz_id", flat=True))
    artists = store_people(Artist, "musicbrainz_id", map(_columns, records.values()), update=False)
    AlbumArtist.objects.bulk_create(
        AlbumArtist(album=album, position=position, **part | {"artist": artists[part["artist"]["musicbrainz_id"]]})
        for album, position, part in parts
    )
    aliases = {alias: artists[new] for new in records.keys() - known for alias in records[new]["aliases"]}
    taken = set(Artist.objects.filter(musicbrainz_id__in=aliases).values_list("musicbrainz_id", flat=True))
    ArtistAlias.objects.bulk_create(
        [ArtistAlias(musicbrainz_id=alias, artist=aliases[alias]) for alias in sorted(aliases.keys() - taken)],
        ignore_conflicts=True,
    )


def _columns(record: dict[str, Any]) -> dict[str, Any]:
    """The values that are stored in the record's own row."""
    return {name: value for name, value in record.items() if name not in RELATED}
