"""Albums and artists of MusicBrainz, one request a second: https://musicbrainz.org/doc/MusicBrainz_API"""

import html
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from . import cache
from .errors import NotFound
from .http import Request, Upstream
from .values import MAX_NAMES, MAX_TEXT, MBID, integer, mapping, mbid, names, partial_date, rows, text

SERVICE = "MusicBrainz"
SEARCH_AGE = timedelta(hours=6)
DETAILS_AGE = timedelta(days=7)
UNOFFICIAL = {"Bootleg", "Pseudo-Release", "Withdrawn", "Cancelled"}  # a pseudo-release is only a translation


class MusicBrainz(Upstream):
    service, name = "musicbrainz", SERVICE
    is_limited_across_hosts = True

    def is_answer(self, path: str, body: dict[str, Any]) -> bool:
        return isinstance(body.get("releases"), list) if path == "/release" else bool(mbid(body.get("id")))


upstream = MusicBrainz()


def usefulness(status: str, *, has_cover: bool, release_date: str) -> tuple[int, bool, str]:
    """Sorts the editions of one album: official ones first, then those with a cover, then the earliest."""
    rank = 2 if status in UNOFFICIAL else int(status != "Official")
    return rank, not has_cover, release_date.ljust(10, "~")  # a year alone sorts after a day in it


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
class Edition:
    """What search hits and lookups have in common; `release_date` is partial."""

    musicbrainz_id: UUID
    title: str
    artist: str
    release_date: str
    country: str
    release_group_id: UUID | None
    status: str


@dataclass(frozen=True)
class ReleaseHit(Edition):
    """A release as found by a search; `score` is 0 to 100, relative to the best hit."""

    score: int

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**_common(row), score=integer(row.get("score"), most=100) or 0)


@dataclass(frozen=True)
class ReleasePage[H: ReleaseHit]:
    count: int
    offset: int
    results: list[H]


@dataclass(frozen=True)
class Release(Edition):
    """One edition of a release group with everything that we keep of it; `has_front` as the lookup's own flag says."""

    fetched_at: datetime = field(
        compare=False
    )  # when MusicBrainz sent it; for a cached answer that is earlier than now
    primary_type: str
    genres: list[str]
    has_front: bool
    artists: list[ArtistCredit]

    @classmethod
    def from_json(cls, row: dict[str, Any], fetched_at: datetime) -> Self:
        group = mapping(row.get("release-group"))
        return cls(
            **_common(row),
            fetched_at=fetched_at,
            primary_type=text(group.get("primary-type"), 50),
            genres=names(row.get("genres")) or names(group.get("genres")),
            has_front=mapping(row.get("cover-art-archive")).get("front") is True,
            artists=_artists(row),
        )


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "musicbrainz_id": mbid(row.get("id")),
        "title": text(row.get("title")) or "[untitled]",  # as MusicBrainz itself spells it
        "artist": text("".join(_credited(part) + text(part.get("joinphrase")) for part in _credits(row))),
        "release_date": partial_date(row.get("date")),
        "country": text(row.get("country"), 10),
        "release_group_id": mbid(mapping(row.get("release-group")).get("id")),
        "status": text(row.get("status"), 50),
    }


def _credits(row: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(row.get("artist-credit"))[:MAX_NAMES]


def _credited(part: dict[str, Any]) -> str:
    """The name as credited; hits of 2014 only have the artist's."""
    return text(part.get("name")) or text(mapping(part.get("artist")).get("name"))


def _artists(row: dict[str, Any]) -> list[ArtistCredit]:
    artists = []
    for part in _credits(row):
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


@dataclass(frozen=True)
class Link:
    """An address that is related to an artist; the type is MusicBrainz' term for the relation."""

    type: str
    url: str


@dataclass(frozen=True)
class Artist:
    """An artist with everything that we keep of them; `begin` and `end` are partial, `ended` None if not known."""

    musicbrainz_id: UUID
    name: str
    sort_name: str
    disambiguation: str
    artist_type: str
    area: str
    country: str
    begin: str
    end: str
    ended: bool | None
    bio: str
    genres: list[str]
    links: list[Link]
    fetched_at: datetime = field(compare=False)  # as of a release

    @classmethod
    def from_json(cls, row: dict[str, Any], musicbrainz_id: UUID, fetched_at: datetime) -> Self:
        life_span = mapping(row.get("life-span"))
        end, ended = partial_date(life_span.get("end")), life_span.get("ended")
        return cls(
            musicbrainz_id=mbid(row.get("id")) or musicbrainz_id,
            name=text(row.get("name")) or "[unknown]",  # as MusicBrainz itself spells it
            sort_name=text(row.get("sort-name")),
            disambiguation=text(row.get("disambiguation")),
            artist_type=text(row.get("type"), 50),
            area=text(mapping(row.get("area")).get("name")),
            country=text(row.get("country"), 10),
            begin=partial_date(life_span.get("begin")),
            end=end,
            ended=True if end else ended if isinstance(ended, bool) else None,
            bio=without_markup(text(row.get("annotation"), MAX_TEXT)),
            genres=names(sorted(rows(row.get("genres")), key=lambda genre: -(integer(genre.get("count")) or 0))),
            links=_links(row),
            fetched_at=fetched_at,
        )


def _links(row: dict[str, Any]) -> list[Link]:
    """The artist's current web addresses: ended ones, and what is not a web address, are left out."""
    links = [
        Link(text(relation.get("type")), text(mapping(relation.get("url")).get("resource")))
        for relation in rows(row.get("relations"))
        if relation.get("ended") is not True
    ]
    links = [link for link in dict.fromkeys(links) if link.type and re.fullmatch(r"(?i:https?)://\S+", link.url)]
    return links[:MAX_NAMES]


def without_markup(annotation: str) -> str:
    """The text of an annotation: https://musicbrainz.org/doc/Annotation#Wiki_formatting"""
    labelled = re.sub(r"\[[^\[\]|\s]+\|([^\[\]|]+)\]", r"\1", annotation)
    lines = [
        line.strip("= ") if line.startswith("=") and line.endswith("=") else line for line in labelled.splitlines()
    ]
    return html.unescape(re.sub(r"'{2,}", "", "\n".join(lines))).strip()  # brackets are written as &#91; and &#93;


def lucene(words: str, *, all_words: bool = True) -> str:
    """A query for releases whose title or artist's name has all words or, without `all_words`, as many as possible.

    Each character that is syntax to Lucene is escaped, as in AC/DC or `Mission: Impossible`; the words are in lower
    case, as AND, OR and NOT are operators. Words without letters and digits only count when there are no others.
    """
    found = [_escape(word) for word in words.lower().split() if any(map(str.isalnum, word))]
    if not found:
        return f'"{_escape(words.lower())}"'
    return (" AND " if all_words else " OR ").join(f"(release:{word} OR artist:{word})" for word in found)


def _escape(word: str) -> str:
    return re.sub(r'([-+&|!(){}\[\]^"~*?:\\/])', r"\\\1", word)


def search_releases(query: str, *, limit: int = 25, offset: int = 0, all_words: bool = True) -> ReleasePage[ReleaseHit]:
    """Candidates for a title, an artist or both, in one request: best first, but bootlegs and other unofficial releases
    last.

    They contain all words, or with `all_words=False` as many as possible. Raises RateLimited or Unavailable.

    No release is repeated, neither within a page nor on other pages of the same query while these are cached:
    MusicBrainz itself repeats hits with equal scores.
    """
    words = lucene(query, all_words=all_words)
    asked = {"query": words, "fmt": "json", "limit": limit, "offset": offset}
    try:
        body = upstream.get(Request("/release", asked, SEARCH_AGE)).body
    except NotFound:  # a search finds nothing with a 200
        raise upstream.unavailable("has trouble answering") from None
    found: dict[UUID, tuple[int, ReleaseHit]] = {}
    for place, row in enumerate(rows(body["releases"]), offset):
        hit = ReleaseHit.from_json(row)
        if hit.musicbrainz_id:
            found.setdefault(hit.musicbrainz_id, (place, hit))
    count = integer(body.get("count")) or 0
    first = _first_places(words) if offset or count > limit else {}  # otherwise this page has all hits
    # Within this page a release may have moved, as MusicBrainz' index changes all the time.
    hits = [hit for known, (place, hit) in found.items() if offset <= first.get(known, place) < offset + limit]
    hits.sort(key=lambda hit: hit.status in UNOFFICIAL)
    return ReleasePage(count=count, offset=offset, results=hits)


def _first_places(query: str) -> dict[UUID, int]:
    """The position at which the cached pages of a search first showed each release; empty if there is only one page."""
    places: dict[UUID, int] = {}
    first = upstream.base_url + Request("/release", {"query": query, "fmt": "json"}, SEARCH_AGE).address + "&limit="
    keys = cache.keys(first, f"{first}~")
    pages = {key: answer for key in keys if (answer := cache.get(key)) and answer.is_fresh} if len(keys) > 1 else {}
    for key, answer in sorted(pages.items(), key=lambda page: page[1].said_at):
        offset = int(parse_qs(urlsplit(key).query)["offset"][0])
        for place, row in enumerate(rows(answer.body.get("releases")), offset):
            if known := mbid(row.get("id")):
                places.setdefault(known, place)
    return places


def fetch_best_edition(release_group_id: UUID) -> UUID:
    """The id of a release group's most useful release. Raises NotFound, RateLimited or Unavailable."""
    asked = {"release-group": str(release_group_id), "limit": 100, "fmt": "json"}
    editions = {
        usefulness(
            text(row.get("status")),
            has_cover=mapping(row.get("cover-art-archive")).get("front") is True,
            release_date=partial_date(row.get("date")),
        ): known
        for row in reversed(rows(upstream.get(Request("/release", asked, DETAILS_AGE)).body["releases"]))
        if (known := mbid(row.get("id")))
    }
    if not editions:
        raise NotFound(f"This release group has no releases on {SERVICE}.")
    return editions[min(editions)]


def read_address(text: str) -> tuple[str, UUID] | None:
    """`release` or `release-group`, and the id in an address; `""` and the id if the text is just an id; otherwise
    None."""
    site = r"(?:https?://)?(?:\w+\.)?(?:musicbrainz|coverartarchive)\.org/(release|release-group)/"
    found = re.fullmatch(rf"(?:{site})?({MBID.pattern})(?:[/?#.].*)?", text.strip(), re.ASCII | re.IGNORECASE)
    return ((found[1] or "").lower(), UUID(found[2])) if found else None


def fetch_release(musicbrainz_id: UUID, *, force_refresh: bool = False) -> Release:
    """The release with its artists, genres and release group, in one request; with `force_refresh`, the cache is
    ignored.

    A merged id answers with the surviving release, whose id is another. Raises NotFound, RateLimited or Unavailable.
    """
    asked = {"inc": "artist-credits release-groups genres", "fmt": "json"}
    answer = upstream.get(Request(f"/release/{musicbrainz_id}", asked, DETAILS_AGE, force_refresh))
    return Release.from_json(answer.body, answer.said_at)


def fetch_artist(musicbrainz_id: UUID, *, force_refresh: bool = False) -> Artist:
    """The artist with annotation, addresses and genres, in one request; with `force_refresh`, the cache is ignored.

    A merged id answers with the surviving artist, whose id is another. Raises NotFound, RateLimited or Unavailable.
    """
    asked = {"inc": "annotation url-rels genres", "fmt": "json"}
    answer = upstream.get(Request(f"/artist/{musicbrainz_id}", asked, DETAILS_AGE, force_refresh))
    return Artist.from_json(answer.body, musicbrainz_id, answer.said_at)
