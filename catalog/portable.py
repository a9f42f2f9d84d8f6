"""Movies and albums as objects of a JSON file, with all that the catalog knows of them; and such objects back into it.

What a file says is worth less than what an upstream says: what we have stays as it is. Of a file that anybody may have
written (`is_trusted=False`) we take only what people recognise a work by: its id, its title, and an album's artist.
Such a work counts as never fetched, so that the next look at it, or `refresh_catalog`, asks upstream, and until then it
answers no lookup and no search.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Prefetch, QuerySet

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
    Work,
)
from .objects import Entry, write_instant

MOVIE_TEXTS = [
    "imdb_id",
    "original_title",
    "original_language",
    "overview",
    "tagline",
    "status",
    "poster_path",
    "backdrop_path",
]
ALBUM_TEXTS = ["artist", "country", "status", "primary_type", "cover_art_url"]
ARTIST_TEXTS = ["name", "sort_name", "disambiguation", "artist_type", "area", "country", "bio"]
OWN = ["own_title", "own_cover"]  # a curator's words that everybody reads; the note is for staff, and goes nowhere
MAX_PARTS = 10_000  # of a cast, a crew, a credit, and earlier ids of one work: no upstream has as many
MAX_NAME = 500  # characters of titles and artists of a file that anybody may have written
COVERS = ("https://coverartarchive.org/", "https://archive.org/")  # where a curator's covers are


@dataclass(frozen=True, slots=True)
class MovieRecord:
    """A movie of a file, checked: the values of its row, its earlier ids, and the rows of its credits, each with a
    person's."""

    values: dict[str, Any]
    aliases: list[int]
    cast: list[tuple[dict[str, Any], dict[str, Any]]]
    crew: list[tuple[dict[str, Any], dict[str, Any]]]

    @property
    def title(self) -> str:
        return self.values.get("own_title") or self.values["title"]


@dataclass(frozen=True, slots=True)
class AlbumRecord:
    """An album of a file, checked: the values of its row, its earlier ids, and the rows of its credit, each with an
    artist's, which hold the artist's earlier ids, too."""

    values: dict[str, Any]
    aliases: list[UUID]
    artist_credit: list[tuple[dict[str, Any], dict[str, Any]]]

    @property
    def title(self) -> str:
        return self.values.get("own_title") or self.values["title"]


# Out


def with_credits(movies: QuerySet[Movie]) -> QuerySet[Movie]:
    """With what describe_movie() needs, in four queries."""
    return movies.prefetch_related(
        Prefetch("aliases", MovieAlias.objects.order_by("tmdb_id")),
        Prefetch("cast", MovieCast.objects.select_related("person")),
        Prefetch("crew", MovieCrew.objects.select_related("person")),
    )


def describe_movie(movie: Movie) -> dict[str, Any]:
    return {
        "tmdb_id": movie.tmdb_id,
        "title": movie.title,
        **_texts(movie, [*OWN, *MOVIE_TEXTS]),
        "release_date": movie.release_date.isoformat() if movie.release_date else None,
        "runtime": movie.runtime,
        "vote_average": movie.vote_average,
        "vote_count": movie.vote_count,
        "genres": movie.genres,
        **{name: write_instant(getattr(movie, name)) for name in ("fetched_at", "vanished_at", "created_at")},
        "aliases": [alias.tmdb_id for alias in movie.aliases.all()],
        "cast": [
            {"credit_id": part.credit_id, "character": part.character or None, "order": part.order}
            | {"person": _describe_person(part.person)}
            for part in movie.cast.all()
        ],
        "crew": [
            {"credit_id": part.credit_id, "department": part.department or None, "job": part.job, "order": part.order}
            | {"person": _describe_person(part.person)}
            for part in movie.crew.all()
        ],
    }


def _describe_person(person: Person) -> dict[str, Any]:
    return {"tmdb_id": person.tmdb_id, "name": person.name, "profile_path": person.profile_path or None}


def with_artists(albums: QuerySet[Album]) -> QuerySet[Album]:
    """With what describe_album() needs, in four queries."""
    return albums.prefetch_related(
        Prefetch("aliases", AlbumAlias.objects.order_by("musicbrainz_id")),
        Prefetch("artist_credit", AlbumArtist.objects.select_related("artist")),
        Prefetch("artist_credit__artist__aliases", ArtistAlias.objects.order_by("musicbrainz_id")),
    )


def describe_album(album: Album) -> dict[str, Any]:
    instants = ("cover_asked_at", "fetched_at", "vanished_at", "created_at")
    return {
        "musicbrainz_id": str(album.musicbrainz_id),
        "release_group_id": str(album.release_group_id) if album.release_group_id else None,
        "title": album.title,
        **_texts(album, [*OWN, *ALBUM_TEXTS]),
        "release_date": album.release_date or None,
        "genres": album.genres,
        "cover_known": album.cover_known,
        **{name: write_instant(getattr(album, name)) for name in instants},
        "aliases": [str(alias) for alias in album.aliases.all()],
        "artist_credit": [
            {"name": part.name, "join_phrase": part.join_phrase or None, "artist": _describe_artist(part.artist)}
            for part in album.artist_credit.all()
        ],
    }


def _describe_artist(artist: Artist) -> dict[str, Any]:
    return {
        "musicbrainz_id": str(artist.musicbrainz_id),
        **_texts(artist, ARTIST_TEXTS),
        "begin": artist.begin or None,
        "end": artist.end or None,
        "ended": artist.ended,
        "genres": artist.genres,
        "links": artist.links,
        "fetched_at": write_instant(artist.fetched_at),
        "vanished_at": write_instant(artist.vanished_at),
        "aliases": [str(alias) for alias in artist.aliases.all()],
    }


def _texts(row: Model, names: list[str]) -> dict[str, str | None]:
    return {name: getattr(row, name) or None for name in names}


# In


def read_movie(entry: Entry, *, is_trusted: bool) -> MovieRecord:
    """Raises Unfit, also where the database would refuse what it says."""
    if not is_trusted:
        return MovieRecord(_read_unconfirmed(entry, "tmdb_id", "title"), [], [], [])
    values: dict[str, Any] = {
        "tmdb_id": entry.whole("tmdb_id", 1),
        "title": entry.text("title", needed=True),
        **_read_texts(entry, Movie, [*OWN, *MOVIE_TEXTS]),
        "release_date": entry.maybe_day("release_date"),
        "runtime": entry.maybe_whole("runtime", 1),
        "vote_average": entry.fraction("vote_average", 10),
        "vote_count": entry.maybe_whole("vote_count", 0) or 0,
        "genres": entry.names("genres"),
        "fetched_at": entry.maybe_instant("fetched_at"),
        "vanished_at": entry.maybe_instant("vanished_at"),
        "created_at": entry.instant("created_at"),
    }
    if values["own_cover"] and not values["own_cover"].startswith("/"):
        entry.refuse("own_cover", "give the path of a poster at TMDB.")
    return MovieRecord(
        values,
        read_aliases(entry, "movie"),
        _read_credits(entry, "cast", MovieCast, ["character"]),
        _read_credits(entry, "crew", MovieCrew, ["department", "job"]),
    )


def read_album(entry: Entry, *, is_trusted: bool) -> AlbumRecord:
    """Raises Unfit, also where the database would refuse what it says."""
    if not is_trusted:
        return AlbumRecord(_read_unconfirmed(entry, "musicbrainz_id", "title", "artist"), [], [])
    values: dict[str, Any] = {
        "musicbrainz_id": entry.mbid("musicbrainz_id"),
        "release_group_id": entry.maybe_mbid("release_group_id"),
        "title": entry.text("title", needed=True),
        **_read_texts(entry, Album, [*OWN, *ALBUM_TEXTS]),
        "release_date": entry.partial_date("release_date"),
        "genres": entry.names("genres"),
        "cover_known": bool(entry.maybe_switch("cover_known")),
        "cover_asked_at": entry.maybe_instant("cover_asked_at"),
        "fetched_at": entry.maybe_instant("fetched_at"),
        "vanished_at": entry.maybe_instant("vanished_at"),
        "created_at": entry.instant("created_at"),
    }
    if values["own_cover"] and not values["own_cover"].startswith(COVERS):
        entry.refuse("own_cover", "give the address of a picture at the Cover Art Archive.")
    return AlbumRecord(
        values,
        read_aliases(entry, "album"),
        [
            (
                {"name": part.text("name"), "join_phrase": part.text("join_phrase")},
                _read_artist(part.entry("artist")),
            )
            for part in entry.entries("artist_credit", MAX_PARTS)
        ],
    )


def read_aliases(entry: Entry, kind: str) -> list[Any]:
    """The ids of what was merged into a `movie` or `album`."""
    return entry.numbers("aliases", MAX_PARTS) if kind == "movie" else entry.mbids("aliases", MAX_PARTS)


def _read_unconfirmed(entry: Entry, key: str, *names: str) -> dict[str, Any]:
    """What we take of a work from a file that anybody may have written: its id, and `names` to recognise it by."""
    external_id = entry.whole(key, 1) if key == "tmdb_id" else entry.mbid(key)
    return {key: external_id} | {name: entry.text(name, needed=name == "title")[:MAX_NAME] for name in names}


def _read_credits(
    entry: Entry, key: str, model: type[MovieCast | MovieCrew], texts: list[str]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    parts = []
    ids, jobs = set(), set()
    for part in entry.entries(key, MAX_PARTS):
        person = part.entry("person")
        row = _read_texts(part, model, ["credit_id", *texts]) | {"order": part.whole("order", 0)}
        who = {"tmdb_id": person.whole("tmdb_id", 1)} | _read_texts(person, Person, ["name", "profile_path"])
        job = (who["tmdb_id"], row["job"]) if "job" in row else row["credit_id"]
        if not row["credit_id"] or row["credit_id"] in ids or job in jobs:
            part.refuse("credit_id", "give each credit an id of its own, and each person a job once.")
        ids.add(row["credit_id"])
        jobs.add(job)
        parts.append((row, who))
    return parts


def _read_artist(entry: Entry) -> dict[str, Any]:
    values = {
        "musicbrainz_id": entry.mbid("musicbrainz_id"),
        **_read_texts(entry, Artist, ARTIST_TEXTS),
        "begin": entry.partial_date("begin"),
        "end": entry.partial_date("end"),
        "ended": entry.maybe_switch("ended"),
        "genres": entry.names("genres"),
        "links": entry.links("links"),
        "fetched_at": entry.maybe_instant("fetched_at"),
        "vanished_at": entry.maybe_instant("vanished_at"),
        "aliases": entry.mbids("aliases", MAX_PARTS),
    }
    if values["end"] and not values["ended"]:
        entry.refuse("ended", "say true where there is an end.")
    return values


def _read_texts(entry: Entry, model: type[Model], names: list[str]) -> dict[str, str]:
    return {name: entry.text(name, getattr(model._meta.get_field(name), "max_length", None)) for name in names}


def store_movies(records: Iterable[MovieRecord]) -> dict[int, int]:
    """Our ids of these movies by TMDB's: what we know stays as it is, the others are stored as the file has them."""
    return _store(Movie, "tmdb_id", records, _add_movies)


def store_albums(records: Iterable[AlbumRecord]) -> dict[UUID, int]:
    """Our ids of these albums by MusicBrainz', all as store_movies()."""
    return _store(Album, "musicbrainz_id", records, _add_albums)


def _store[R: (MovieRecord, AlbumRecord)](
    model: type[Work], name: str, records: Iterable[R], add: Callable[[list[R]], Sequence[Work]]
) -> dict[Any, int]:
    """The ids of the records' rows by the `name`d one, once those that are new have been added."""
    told = {record.values[name]: record for record in records}
    tried: set[Any] = set()
    while True:
        known = dict(model._default_manager.filter(**{f"{name}__in": told}).values_list(name, "pk"))
        # Always in the same order, so that two transactions cannot lock each other out.
        new = sorted(told.keys() - known.keys())
        if not new:
            return known
        try:
            with transaction.atomic():
                return known | {getattr(row, name): row.pk for row in add([told[one] for one in new])}
        except IntegrityError:
            if tried == set(new):  # it is not that somebody else was faster
                raise
            tried = set(new)


def _add_movies(records: list[MovieRecord]) -> list[Movie]:
    movies = _add_works(Movie, records)
    credited = list(zip(movies, records, strict=True))
    people = _store_people([who for record in records for _, who in [*record.cast, *record.crew]])
    MovieCast.objects.bulk_create(
        MovieCast(movie=movie, person_id=people[who["tmdb_id"]], **part)
        for movie, record in credited
        for part, who in record.cast
    )
    MovieCrew.objects.bulk_create(
        MovieCrew(movie=movie, person_id=people[who["tmdb_id"]], **part)
        for movie, record in credited
        for part, who in record.crew
    )
    aliases = {alias: movie for movie, record in credited for alias in record.aliases}
    MovieAlias.objects.bulk_create(
        [MovieAlias(tmdb_id=alias, movie=aliases[alias]) for alias in sorted(aliases)], ignore_conflicts=True
    )
    return movies


def _add_works[W: (Movie, Album)](model: type[W], records: Sequence[MovieRecord | AlbumRecord]) -> list[W]:
    works = [model(**record.values) for record in records]
    for work in works:
        work.set_keys()
    return model._default_manager.bulk_create(works)


def _store_people(people: list[dict[str, Any]]) -> dict[int, int]:
    """The ids of our rows by TMDB's: whom we know stays as they are. In the same order as works."""
    new = {who["tmdb_id"]: Person(**who) for who in reversed(people)}
    Person.objects.bulk_create([new[known] for known in sorted(new)], ignore_conflicts=True)
    return dict(Person.objects.filter(tmdb_id__in=new).values_list("tmdb_id", "id"))


def _add_albums(records: list[AlbumRecord]) -> list[Album]:
    albums = _add_works(Album, records)
    credited = list(zip(albums, records, strict=True))
    artists = _store_artists([artist for record in records for _, artist in record.artist_credit])
    AlbumArtist.objects.bulk_create(
        AlbumArtist(album=album, artist_id=artists[artist["musicbrainz_id"]], position=position, **part)
        for album, record in credited
        for position, (part, artist) in enumerate(record.artist_credit)
    )
    # Also an id that an album has of its own: that was merged, and stays for a week that has both.
    aliases = {alias: album for album, record in credited for alias in record.aliases}
    AlbumAlias.objects.bulk_create(
        [AlbumAlias(musicbrainz_id=alias, album=aliases[alias]) for alias in sorted(aliases)], ignore_conflicts=True
    )
    return albums


def _store_artists(artists: list[dict[str, Any]]) -> dict[UUID, int]:
    """The ids of our rows by MusicBrainz': whom we know stays as they are. In the same order as works."""
    told = {artist["musicbrainz_id"]: artist for artist in reversed(artists)}
    known = set(Artist.objects.filter(musicbrainz_id__in=told).values_list("musicbrainz_id", flat=True))
    Artist.objects.bulk_create(
        [
            Artist(**{name: value for name, value in told[new].items() if name != "aliases"})
            for new in sorted(told)
            if new not in known
        ],
        ignore_conflicts=True,
    )
    rows = dict(Artist.objects.filter(musicbrainz_id__in=told).values_list("musicbrainz_id", "id"))
    aliases = {alias: rows[new] for new in told if new not in known for alias in told[new]["aliases"]}
    taken = set(Artist.objects.filter(musicbrainz_id__in=aliases).values_list("musicbrainz_id", flat=True))
    ArtistAlias.objects.bulk_create(
        [
            ArtistAlias(musicbrainz_id=alias, artist_id=aliases[alias])
            for alias in sorted(aliases)
            if alias not in taken
        ],
        ignore_conflicts=True,
    )
    return rows
