"""Finds which movie or album a title means: a clear winner, or candidates for a user to choose from.

A clear winner has that name, apart from case, accents and punctuation, or apart from a typing error, and came out in
that year, if one is known. Candidates are sorted by rapidfuzz' similarity of their sorted words:
https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#token-sort-ratio
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from uuid import UUID

from catalog.models import Album, Movie
from catalog.text import search_words
from integrations import musicbrainz, tmdb

from .readers.rows import Row

SLIP = 80  # of 100: how similar a word must be to another to be a mistyped one
LONG = 5  # letters of a word that can be mistyped: a shorter one would be another word, as in `Rocky II`, `Rocky III`
MAX_CANDIDATES = 5  # to choose from
HITS = 100  # releases of one search: an album may have dozens of editions
GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b.*", re.IGNORECASE)  # some lists name them, others do not
VARIOUS, VARIOUS_ARTISTS = {"va", "v a", "various"}, "Various Artists"


@dataclass(frozen=True)
class Candidate:
    """A movie, or an album with its most useful edition, as far as it is known."""

    id: str  # TMDB id, or MusicBrainz release id
    title: str
    artist: str = ""
    released: str = ""  # as precisely as known: YYYY, YYYY-MM, YYYY-MM-DD, or empty
    score: int = 0  # 0 to 100
    group: str = ""  # MusicBrainz release group id
    picture: str = ""  # TMDB's path of the poster

    def __str__(self) -> str:
        names = f"{self.artist}: {self.title}" if self.artist else self.title
        return f"{names} ({self.released[:4]})" if self.released else names


def work_of(stored: Movie | Album) -> Candidate:
    """A work of the catalog."""
    group = stored.release_group_id if isinstance(stored, Album) else None
    return Candidate(str(stored.external_id), str(stored), group=str(group or ""))


@dataclass(frozen=True)
class Offer:
    """A candidate with all its titles, and the years in which it, or an edition of it, came out."""

    candidate: Candidate
    titles: Collection[str]
    years: list[int]


@dataclass(frozen=True)
class Match:
    """The work that is meant, if that is clear; else the reason, and the candidates, the best first."""

    winner: Candidate | None
    candidates: list[Candidate] = field(default_factory=list)
    reason: str = ""
    details: tmdb.Movie | musicbrainz.Release | None = None  # of the work, if they were fetched


def find_movie(row: Row) -> Match:
    """TMDB's results for the row's title and year. Raises IntegrationError."""
    movies: dict[int, tmdb.MovieHit] = {}
    for year in (row.year, None) if row.year else (None,):  # a year that is not TMDB's finds nothing
        movies |= {hit.tmdb_id: hit for hit in tmdb.search_movies(row.title, premiere=year).results}
        match = choose(row, map(_movie, movies.values()))
        if match.winner:
            break
    return match


def _movie(hit: tmdb.MovieHit) -> Offer:
    candidate = Candidate(
        id=str(hit.tmdb_id),
        title=hit.title,
        released=hit.release_date.isoformat() if hit.release_date else "",
        picture=hit.poster_path,
    )
    return Offer(candidate, {hit.title, hit.original_title}, [hit.release_date.year] if hit.release_date else [])


def find_album(row: Row) -> Match:
    """MusicBrainz' results for the row's title and artist, one for each release group. Raises IntegrationError."""
    words = f"{_credit(row.artist)} {row.title}"
    found = musicbrainz.search_releases(words, limit=HITS).results
    if not found:
        found = musicbrainz.search_releases(words, limit=HITS, all_words=False).results
    groups: dict[UUID, list[musicbrainz.ReleaseHit]] = {}
    for hit in found:
        groups.setdefault(hit.release_group_id or hit.musicbrainz_id, []).append(hit)
    return choose(row, (_album(str(group), hits) for group, hits in groups.items()))


def _album(group: str, hits: list[musicbrainz.ReleaseHit]) -> Offer:
    best = min(hits, key=lambda hit: musicbrainz.usefulness(hit.status, has_cover=False, release_date=hit.release_date))
    # A hit does not have the group's own date: that of its earliest edition is the closest.
    released = min(
        (hit.release_date for hit in hits if hit.release_date), default="", key=lambda day: day.ljust(10, "~")
    )
    candidate = Candidate(
        id=str(best.musicbrainz_id), title=best.title, artist=best.artist, released=released, group=group
    )
    years = [int(hit.release_date[:4]) for hit in hits if hit.release_date]
    return Offer(candidate, {hit.title for hit in hits}, years)


def choose(row: Row, offers: Iterable[Offer]) -> Match:
    """The one candidate that is clearly meant by the row, if there is one."""
    judged = sorted(((_score(row, offer), offer) for offer in offers), key=lambda scored: scored[0], reverse=True)
    candidates = [replace(offer.candidate, score=score) for score, offer in judged[:MAX_CANDIDATES]]
    if not judged:
        return Match(None, [], "nothing was found")
    # A typing error in a movie's title is only safe with its year.
    for is_same in (str.__eq__, is_slip) if row.year or row.kind == "album" else (str.__eq__,):
        alike = [offer for _, offer in judged if _goes_by(row, offer, is_same) and _is_of_year(row, offer)]
        if len(alike) > 1:
            alike = [offer for offer in alike if row.year in offer.years] or alike
        if len(alike) == 1:
            return Match(alike[0].candidate, candidates)
        if alike:
            return Match(None, candidates, f"{len(alike)} go by that name")
    return Match(None, candidates, "nothing is similar enough")


def _goes_by(row: Row, offer: Offer, is_same: Callable[[str, str], bool]) -> bool:
    """Whether the offer has the row's title, and is by its artist: an album without an artist is not clear."""
    if offer.candidate.artist and not is_same(_name(row.artist), _name(offer.candidate.artist)):
        return False
    return any(is_same(plain(row.title), plain(title)) for title in offer.titles)


def _is_of_year(row: Row, offer: Offer) -> bool:
    """Whether it came out in the row's year, or a year apart: dates differ between festivals and countries."""
    if row.year is None:
        return True
    if not offer.years:
        return row.kind == "album"  # of which a third has no date
    return any(abs(row.year - year) <= 1 for year in offer.years)


def _score(row: Row, offer: Offer) -> int:
    """0 to 100, to sort candidates by."""
    from rapidfuzz.fuzz import token_sort_ratio  # here, as it takes long to load

    meant = plain(row.title)
    score = max([token_sort_ratio(meant, plain(title)) for title in offer.titles])
    if offer.candidate.artist and row.artist:
        score = min(score, token_sort_ratio(_name(row.artist), _name(offer.candidate.artist)))
    if row.year and offer.years:
        apart = min(abs(row.year - year) for year in offer.years)
        score -= 4 * apart if apart <= 1 else 30
    return max(0, round(score))


def is_slip(written: str, meant: str) -> bool:
    """Whether the words are the same, apart from typing errors in the long ones."""
    from rapidfuzz import fuzz

    words, others = written.split(), meant.split()
    return len(words) == len(others) and all(
        one == another
        or (len(one) >= LONG and len(another) >= LONG and one.isalpha() and fuzz.ratio(one, another) >= SLIP)
        for one, another in zip(words, others, strict=True)
    )


@lru_cache(1_000)  # the editions of an album have the same titles and artists
def _name(artist: str) -> str:
    """An artist credit for comparison: without guests, and regardless of the order of names."""
    return " ".join(sorted(plain(GUESTS.sub("", _credit(artist))).split()))


def _credit(artist: str) -> str:
    """The artist as MusicBrainz credits it."""
    return VARIOUS_ARTISTS if plain(artist) in VARIOUS else artist


@lru_cache(1_000)
def plain(text: str) -> str:
    """The words of a title or name, without letter case, accents and punctuation; just its signs if it has no words."""
    return " ".join(search_words(text.replace("&", " and "))) or text.strip().casefold()
