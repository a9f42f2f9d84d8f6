"""Finds which movie or album a title means: a clear winner, or candidates for a person to choose from.

Titles are compared folded; how near they are is rapidfuzz' normalized indel similarity of their sorted words:
https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#token-sort-ratio
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from rapidfuzz import fuzz

from catalog.models import search_words
from integrations import musicbrainz, tmdb

from .readers.rows import Row

CLEAR = 92  # of 100: below it nothing is taken for what was meant
AHEAD = 6  # how much better than the next one a near match must be
MOST_CANDIDATES = 5  # that somebody is asked to choose from
HITS = 100  # releases of one search: an album may have dozens of editions
NUMERAL = re.compile(r"\d+|[ivxlc]+")  # `Rocky II` and `Rocky III` are near in letters only
GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b.*", re.IGNORECASE)  # whom some lists name and others do not


@dataclass(frozen=True)
class Candidate:
    """A movie, or an album with its most useful edition; `score` is 0 to 100."""

    id: str  # TMDB id, or MusicBrainz release id
    title: str
    artist: str
    released: str  # as precisely as known: YYYY, YYYY-MM, YYYY-MM-DD, or empty
    score: int
    group: str = ""  # MusicBrainz release group id
    picture: str = ""  # TMDB's path of the poster
    is_exact: bool = False

    def __str__(self) -> str:
        names = f"{self.artist}: {self.title}" if self.artist else self.title
        return f"{names} ({self.released[:4]})" if self.released else names

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Match:
    """What is meant, if that is clear; else why not, and the candidates, the best first."""

    winner: Candidate | None
    candidates: list[Candidate]
    reason: str = ""


def find_movie(row: Row) -> Match:
    """What TMDB finds for the row's title and year. Raises IntegrationError."""
    movies: dict[int, tmdb.MovieHit] = {}
    if row.year:
        movies = _by_id(tmdb.search_movies(row.title, premiere=row.year))
        if (match := choose(row, map(_movie, movies.values()))).winner:
            return match
    # A year that is not TMDB's finds nothing.
    movies |= _by_id(tmdb.search_movies(row.title))
    return choose(row, map(_movie, movies.values()))


def _by_id(page: tmdb.MoviePage) -> dict[int, tmdb.MovieHit]:
    return {hit.tmdb_id: hit for hit in page.results}


def _movie(hit: tmdb.MovieHit) -> tuple[Candidate, list[str]]:
    candidate = Candidate(
        id=str(hit.tmdb_id),
        title=hit.title,
        artist="",
        released=hit.release_date.isoformat() if hit.release_date else "",
        score=0,
        picture=hit.poster_path,
    )
    return candidate, [hit.title, hit.original_title]


def find_album(row: Row) -> Match:
    """What MusicBrainz finds for the row's title and artist, one candidate a release group. Raises IntegrationError."""
    words = f"{row.artist} {row.title}"
    found = musicbrainz.search_releases(words, limit=HITS).results
    if not found:
        found = musicbrainz.search_releases(words, limit=HITS, every=False).results
    groups: dict[str, list[musicbrainz.ReleaseHit]] = {}
    for hit in found:
        groups.setdefault(str(hit.release_group_id or hit.musicbrainz_id), []).append(hit)
    return choose(row, (_album(group, hits) for group, hits in groups.items()))


def _album(group: str, hits: list[musicbrainz.ReleaseHit]) -> tuple[Candidate, list[str]]:
    def usefulness(hit: musicbrainz.ReleaseHit) -> tuple[int, bool, str]:
        return musicbrainz.usefulness(hit.status, has_cover=False, release_date=hit.release_date)

    best = min(hits, key=usefulness)
    # The group's own date is no part of a search's hit: its earliest edition is the nearest to it.
    released = min(
        (hit.release_date for hit in hits if hit.release_date), default="", key=lambda day: day.ljust(10, "~")
    )
    candidate = Candidate(
        id=str(best.musicbrainz_id), title=best.title, artist=best.artist, released=released, score=0, group=group
    )
    return candidate, [hit.title for hit in hits]


def choose(row: Row, offered: Iterable[tuple[Candidate, list[str]]]) -> Match:
    """The one candidate that is clearly meant by the row, if there is one; each comes with the titles it goes by."""
    judged = sorted(
        (_judge(row, candidate, titles) for candidate, titles in offered), key=lambda candidate: -candidate.score
    )
    if not judged:
        return Match(None, [], "nothing was found")
    best = judged[:MOST_CANDIDATES]
    exact = [candidate for candidate in judged if candidate.is_exact]
    if len(exact) > 1 and row.year:
        of_year = [candidate for candidate in exact if candidate.released[:4] == str(row.year)]
        exact = of_year or exact
    if len(exact) == 1:
        return Match(exact[0], best)
    if exact:
        return Match(None, best, f"{len(exact)} go by exactly that name")
    first, *others = judged
    is_ahead = not others or first.score - others[0].score >= AHEAD
    if first.score >= CLEAR and is_ahead and numerals(first.title) == numerals(row.title):
        return Match(first, best)
    return Match(None, best, "nothing is near enough" if is_ahead else "several are near")


def _judge(row: Row, candidate: Candidate, titles: list[str]) -> Candidate:
    """The candidate with its score, and whether it is what the row says to the letter, but for case and accents."""
    title = max(fuzz.token_sort_ratio(plain(row.title), plain(known)) for known in titles)
    is_exact = plain(row.title) in map(plain, titles)
    score = title
    if candidate.artist and row.artist:
        wanted, credited = (plain(GUESTS.sub("", name)) for name in (row.artist, candidate.artist))
        score = min(title, fuzz.token_sort_ratio(wanted, credited))  # a good title by somebody else is a wrong album
        is_exact = is_exact and wanted == credited
    elif candidate.artist:
        is_exact, score = False, score * 0.9  # whose album it is nobody said
    if row.year and row.kind == "movie":
        apart = abs(row.year - int(candidate.released[:4])) if candidate.released else 2
        is_exact = is_exact and apart <= 1  # festivals and countries are a year apart at times
        score -= min(apart * 4, 40)
    return replace(candidate, score=max(0, round(score)), is_exact=is_exact)


def plain(text: str) -> str:
    """The words of a title or name, without letter case, accents and punctuation; just the signs where it has none."""
    return " ".join(search_words(text.replace("&", " and "))) or text.strip().casefold()


def numerals(title: str) -> list[str]:
    """The words that count, such as `2` or `ii`, in order."""
    return sorted(word for word in plain(title).split() if NUMERAL.fullmatch(word))
