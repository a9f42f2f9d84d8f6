"""Movies and albums as objects of a JSON file, with all that the catalog knows of them; and such objects back into it.

What a file says is worth less than what an upstream says: what we have stays as it is. Of a file that anybody may have
written (`is_trusted=False`) we take what people recognise a work by. Such a work counts as never fetched, so that the
next look at it, or `refresh_catalog`, asks upstream. Ids by which others are found, and addresses, are left out.
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Prefetch, QuerySet
from django.utils import timezone

from integrations import coverart

from .models import Album, AlbumAlias, AlbumArtist, Artist, ArtistAlias, Movie, MovieCast, MovieCrew, Person
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
CREDITED = ["musicbrainz_id", "name", "sort_name", "disambiguation", "artist_type"]  # what a credit says of an artist
MOST_PARTS = 1000  # of a cast, a crew, a credit, and ids of one work: no upstream has as many
IMAGE_PATH = re.compile(r"/[\w-]+\.(?:jpg|png|svg)", re.ASCII)  # as TMDB's are: no address of somebody else's choosing


@dataclass(frozen=True, slots=True)
class MovieRecord:
    """A movie of a file, checked: the values of its row, and of the rows of its credits, each with a person's."""

    values: dict[str, Any]
    cast: list[tuple[dict[str, Any], dict[str, Any]]]
    crew: list[tuple[dict[str, Any], dict[str, Any]]]

    @property
    def title(self) -> str:
        return self.values["title"]


@dataclass(frozen=True, slots=True)
class AlbumRecord:
    """An album of a file, checked: the values of its row, and of the rows of its credit, each with an artist's, which
    hold the artist's earlier ids, too."""

    values: dict[str, Any]
    aliases: list[UUID]
    artist_credit: list[tuple[dict[str, Any], dict[str, Any]]]

    @property
    def title(self) -> str:
        return self.values["title"]


# Out


def with_credits(movies: QuerySet[Movie]) -> QuerySet[Movie]:
    """With what describe_movie() needs, in three queries."""
    return movies.prefetch_related(
        Prefetch("cast", MovieCast.objects.select_related("person")),
        Prefetch("crew", MovieCrew.objects.select_related("person")),
    )


def describe_movie(movie: Movie) -> dict[str, Any]:
    return {
        "tmdb_id": movie.tmdb_id,
        "title": movie.title,
        **_texts(movie, MOVIE_TEXTS),
        "release_date": movie.release_date.isoformat() if movie.release_date else None,
        "runtime": movie.runtime,
        "vote_average": movie.vote_average,
        "vote_count": movie.vote_count,
        "genres": movie.genres,
        **{name: write_instant(getattr(movie, name)) for name in ("fetched_at", "vanished_at", "created_at")},
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
        **_texts(album, ALBUM_TEXTS),
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


def read_movie(entry: Entry) -> MovieRecord:
    """Raises Unfit, also where the database would refuse what it says."""
    return MovieRecord(
        {
            "tmdb_id": entry.whole("tmdb_id", 1),
            "title": entry.text("title", needed=True),
            **_read_texts(entry, Movie, MOVIE_TEXTS),
            "release_date": entry.maybe_day("release_date"),
            "runtime": entry.maybe_whole("runtime", 1),
            "vote_average": entry.fraction("vote_average", 10),
            "vote_count": entry.maybe_whole("vote_count", 0) or 0,
            "genres": entry.names("genres"),
            "fetched_at": entry.maybe_instant("fetched_at"),
            "vanished_at": entry.maybe_instant("vanished_at"),
            "created_at": entry.instant("created_at"),
        },
        _read_credits(entry, "cast", MovieCast, ["character"]),
        _read_credits(entry, "crew", MovieCrew, ["department", "job"]),
    )


def _read_credits(
    entry: Entry, key: str, model: type[MovieCast | MovieCrew], texts: list[str]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    parts = []
    ids, jobs = set(), set()
    for part in entry.entries(key, MOST_PARTS):
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


def read_album(entry: Entry) -> AlbumRecord:
    """Raises Unfit, also where the database would refuse what it says."""
    return AlbumRecord(
        {
            "musicbrainz_id": entry.mbid("musicbrainz_id"),
            "release_group_id": entry.maybe_mbid("release_group_id"),
            "title": entry.text("title", needed=True),
            **_read_texts(entry, Album, ALBUM_TEXTS),
            "release_date": entry.partial_date("release_date"),
            "genres": entry.names("genres"),
            "cover_known": bool(entry.maybe_switch("cover_known")),
            "cover_asked_at": entry.maybe_instant("cover_asked_at"),
            "fetched_at": entry.maybe_instant("fetched_at"),
            "vanished_at": entry.maybe_instant("vanished_at"),
            "created_at": entry.instant("created_at"),
        },
        entry.mbids("aliases", MOST_PARTS),
        [
            (
                {"name": part.text("name"), "join_phrase": part.text("join_phrase")},
                _read_artist(part.entry("artist")),
            )
            for part in entry.entries("artist_credit", MOST_PARTS)
        ],
    )


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
        "aliases": entry.mbids("aliases", MOST_PARTS),
    }
    if values["end"] and not values["ended"]:
        entry.refuse("ended", "say true where there is an end.")
    return values


def _read_texts(entry: Entry, model: type[Model], names: list[str]) -> dict[str, str]:
    return {name: entry.text(name, getattr(model._meta.get_field(name), "max_length", None)) for name in names}


def store_movie(record: MovieRecord, *, is_trusted: bool) -> Movie:
    """The movie as we know it, else as the file does."""
    values, cast, crew = record.values, record.cast, record.crew
    if not is_trusted:
        values = values | _unproven() | {"imdb_id": ""}
        for name in ("poster_path", "backdrop_path"):
            values[name] = _image_path(values[name])
    movie = Movie(**values)
    try:
        with transaction.atomic():
            movie.save(force_insert=True)
            people = _store_people([who for _, who in [*cast, *crew]], is_trusted=is_trusted)
            MovieCast.objects.bulk_create(
                MovieCast(movie=movie, person_id=people[who["tmdb_id"]], **part) for part, who in cast
            )
            MovieCrew.objects.bulk_create(
                MovieCrew(movie=movie, person_id=people[who["tmdb_id"]], **part) for part, who in crew
            )
    except IntegrityError:  # it is known, or somebody was faster
        return Movie.objects.filter(tmdb_id=movie.tmdb_id)[0]
    return movie


def _store_people(people: list[dict[str, Any]], *, is_trusted: bool) -> dict[int, int]:
    """The ids of our rows by TMDB's: whom we know stays as they are. Always in the same order, so that two transactions
    cannot lock each other out."""
    new = {who["tmdb_id"]: Person(**who) for who in reversed(people)}
    if not is_trusted:
        for person in new.values():
            person.profile_path = _image_path(person.profile_path)
    Person.objects.bulk_create([new[known] for known in sorted(new)], ignore_conflicts=True)
    return dict(Person.objects.filter(tmdb_id__in=new).values_list("tmdb_id", "id"))


def store_album(record: AlbumRecord, *, is_trusted: bool) -> Album:
    """The album as we know it, else as the file does."""
    values = record.values
    if not is_trusted:
        values = values | _unproven() | {"cover_known": False, "cover_asked_at": None}
        fronts = [coverart.front_url("release", values["musicbrainz_id"])]
        if values["release_group_id"]:
            fronts.append(coverart.front_url("release-group", values["release_group_id"]))
        if values["cover_art_url"] not in fronts:
            values["cover_art_url"] = ""
    album = Album(**values)
    try:
        with transaction.atomic():
            album.save(force_insert=True)
            artists = _store_artists([artist for _, artist in record.artist_credit], is_trusted=is_trusted)
            AlbumArtist.objects.bulk_create(
                AlbumArtist(album=album, artist_id=artists[artist["musicbrainz_id"]], position=position, **part)
                for position, (part, artist) in enumerate(record.artist_credit)
            )
            if is_trusted:
                known = set(Album.objects.filter(musicbrainz_id__in=record.aliases).values_list("musicbrainz_id"))
                AlbumAlias.objects.bulk_create(
                    [
                        AlbumAlias(album=album, musicbrainz_id=alias)
                        for alias in sorted(record.aliases)
                        if (alias,) not in known
                    ],
                    ignore_conflicts=True,
                )
    except IntegrityError:  # it is known, or somebody was faster
        return Album.objects.filter(musicbrainz_id=album.musicbrainz_id)[0]
    return album


def _store_artists(artists: list[dict[str, Any]], *, is_trusted: bool) -> dict[UUID, int]:
    """The ids of our rows by MusicBrainz': whom we know stays as they are. In the same order as people."""
    told = {artist["musicbrainz_id"]: artist for artist in reversed(artists)}
    known = set(Artist.objects.filter(musicbrainz_id__in=told).values_list("musicbrainz_id", flat=True))
    names = [name for name in next(iter(told.values()), {}) if name != "aliases"] if is_trusted else CREDITED
    Artist.objects.bulk_create(
        [Artist(**{name: told[new][name] for name in names}) for new in sorted(told) if new not in known],
        ignore_conflicts=True,
    )
    rows = dict(Artist.objects.filter(musicbrainz_id__in=told).values_list("musicbrainz_id", "id"))
    if is_trusted:
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


def _unproven() -> dict[str, Any]:
    """What is true of a work that no upstream has told us of."""
    return {"fetched_at": None, "vanished_at": None, "created_at": timezone.now()}


def _image_path(path: str) -> str:
    return path if IMAGE_PATH.fullmatch(path) else ""
