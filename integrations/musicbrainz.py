"""Albums of MusicBrainz, one request a second: https://musicbrainz.org/doc/MusicBrainz_API"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from requests_cache import CachedSession

from . import http
from .errors import NotFound, Unavailable
from .throttle import Schedule
from .values import integer, mapping, mbid, names, partial_date, rows, text

SERVICE = "MusicBrainz"
SEARCH_AGE = timedelta(hours=6)
DETAILS_AGE = timedelta(days=7)


@cache
def session() -> CachedSession:
    """The session of this process; its slots in time are those of the whole host."""
    try:
        settings.CACHE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        schedule = Schedule(settings.CACHE_DIR / "musicbrainz.slots", settings.MUSICBRAINZ_INTERVAL, SERVICE)
    except OSError:
        raise Unavailable(f"{SERVICE} cannot be asked: the operator has to make CACHE_DIR writable.",
                          status=HTTPStatus.SERVICE_UNAVAILABLE) from None  # fmt: skip
    adapter = http.UpstreamAdapter(
        SERVICE,
        schedule=schedule,
        max_wait=settings.MUSICBRAINZ_MAX_WAIT,
        max_waiting=max(1, settings.WEB_THREADS - 2),
    )
    return http.new_session(settings.MUSICBRAINZ_BASE_URL, adapter)


@dataclass(frozen=True)
class ArtistCredit:
    """An artist as credited; the join phrase stands between this name and the next, as in `JAY-Z & Kanye West`."""

    musicbrainz_id: UUID
    name: str  # as credited
    artist_name: str
    sort_name: str
    disambiguation: str
    artist_type: str
    join_phrase: str


@dataclass(frozen=True)
class ReleaseHit:
    """A release as a search finds it; `release_date` is partial, `score` is 0 to 100 against the best hit."""

    musicbrainz_id: UUID
    title: str
    artist: str
    release_date: str
    country: str
    release_group_id: UUID | None
    score: int

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**_common(row), score=integer(row.get("score"), most=100) or 0)


@dataclass(frozen=True)
class ReleasePage:
    count: int
    offset: int
    results: list[ReleaseHit]


@dataclass(frozen=True)
class Release:
    """One edition of a release group with everything that we keep of it; `has_front` as the lookup's own flag says."""

    musicbrainz_id: UUID
    title: str
    artist: str
    release_date: str
    country: str
    release_group_id: UUID | None
    status: str
    primary_type: str
    genres: list[str]
    has_front: bool
    artists: list[ArtistCredit]

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        group = mapping(row.get("release-group"))
        return cls(
            **_common(row),
            status=text(row.get("status"), 50),
            primary_type=text(group.get("primary-type"), 50),
            genres=names(row.get("genres")) or names(group.get("genres")),
            has_front=mapping(row.get("cover-art-archive")).get("front") is True,
            artists=_artists(row),
        )


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "musicbrainz_id": mbid(row.get("id")),
        "title": text(row.get("title"), 1000) or "[untitled]",  # as MusicBrainz itself spells it
        "artist": "".join(_credited(part) + text(part.get("joinphrase")) for part in rows(row.get("artist-credit"))),
        "release_date": partial_date(row.get("date")),
        "country": text(row.get("country"), 10),
        "release_group_id": mbid(mapping(row.get("release-group")).get("id")),
    }


def _credited(part: dict[str, Any]) -> str:
    """The name as credited; hits of 2014 only have the artist's."""
    return text(part.get("name")) or text(mapping(part.get("artist")).get("name"))


def _artists(row: dict[str, Any]) -> list[ArtistCredit]:
    artists = []
    for part in rows(row.get("artist-credit")):
        artist = mapping(part.get("artist"))
        if known := mbid(artist.get("id")):
            credit = ArtistCredit(
                musicbrainz_id=known,
                name=_credited(part),
                artist_name=text(artist.get("name")) or _credited(part),
                sort_name=text(artist.get("sort-name")),
                disambiguation=text(artist.get("disambiguation")),
                artist_type=text(artist.get("type"), 50),
                join_phrase=text(part.get("joinphrase")),
            )
            artists.append(credit)
    return artists


def lucene(words: str) -> str:
    """A query for releases that have each word in their title or in their artist's name.

    Each sign that Lucene takes for syntax is escaped, as in AC/DC or `Mission: Impossible`; the words are in lower
    case, as AND, OR and NOT are operators. Words without letters and digits only count when there are no others.
    """
    found = [_escape(word) for word in words.lower().split() if any(map(str.isalnum, word))]
    if not found:
        return f'"{_escape(words.lower())}"'
    return " AND ".join(f"(release:{word} OR artist:{word})" for word in found)


def _escape(word: str) -> str:
    return re.sub(r'([-+&|!(){}\[\]^"~*?:\\/])', r"\\\1", word)


def search_releases(query: str, *, limit: int = 25, offset: int = 0) -> ReleasePage:
    """Candidates for a title, an artist or both, best first, in one request. Raises RateLimited or Unavailable.

    No release comes twice, nor what the pages before this one of the same size had, as far as they are in the cache:
    MusicBrainz itself repeats hits of the same score.
    """
    body = _search(query, limit, offset)
    seen = set()
    for earlier in range(offset - limit, -1, -limit):
        try:
            seen |= {
                mbid(row.get("id")) for row in rows(_search(query, limit, earlier, only_if_cached=True)["releases"])
            }
        except (NotFound, KeyError):
            break
    hits: dict[UUID, ReleaseHit] = {}
    for hit in map(ReleaseHit.from_json, rows(body.get("releases"))):
        if hit.musicbrainz_id and hit.musicbrainz_id not in seen:
            hits.setdefault(hit.musicbrainz_id, hit)
    return ReleasePage(count=integer(body.get("count")) or 0, offset=offset, results=list(hits.values()))


def _search(query: str, limit: int, offset: int, *, only_if_cached: bool = False) -> dict[str, Any]:
    return http.get_json(
        session,
        f"{settings.MUSICBRAINZ_BASE_URL}/release",
        {"query": lucene(query), "limit": limit, "offset": offset, "fmt": "json"},
        service=SERVICE,
        expire_after=SEARCH_AGE,
        only_if_cached=only_if_cached,
    )


def fetch_release(musicbrainz_id: UUID) -> Release:
    """The release with its artists, genres and release group, in one request.

    A merged id answers with the surviving release, whose id is another. Raises NotFound, RateLimited or Unavailable.
    """
    body = http.get_json(
        session,
        f"{settings.MUSICBRAINZ_BASE_URL}/release/{musicbrainz_id}",
        {"inc": "artist-credits release-groups genres", "fmt": "json"},
        service=SERVICE,
        expire_after=DETAILS_AGE,
    )
    if not mbid(body.get("id")):
        raise Unavailable(f"{SERVICE} answered with something else; try again later.")
    return Release.from_json(body)
