"""Cards of movies and albums to choose from: hits of a search, and candidates of an import."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from catalog import pictures, searching
from catalog.models import Album, Movie
from integrations import coverart, tmdb
from integrations.errors import NotFound

HITS = 24  # albums of one search: four rows of six cards


@dataclass(frozen=True)
class Card:
    """The values for templates/admin/includes/work_card.html. `id` is the TMDB id, or the MusicBrainz release id."""

    id: str
    picture: SafeString
    title: str
    by: str = ""
    facts: tuple[str, ...] = ()
    text: str = ""
    url: str = ""
    mark: str = ""


def find(kind: str, words: str) -> list[Card]:
    """Results from upstream, or else from the catalog, for these words, or for a pasted id or address.

    Raises IntegrationError.
    """
    words = words.strip()[:200]
    return _albums(words) if kind == "album" else _movies(words)


def _movies(words: str) -> list[Card]:
    cards = [movie_card(hit) for hit in searching.search_movies(words)[1].results]
    if words.isdecimal() and (tmdb_id := tmdb.read_address(words)):  # a title, or an id
        cards = [*_movie_at(tmdb_id), *(card for card in cards if card.id != str(tmdb_id))]
    return cards


def _movie_at(tmdb_id: int | str) -> list[Card]:
    try:
        return [movie_card(searching.look_up_movie(tmdb_id)[0])]
    except NotFound:
        return []


def _albums(words: str) -> list[Card]:
    return [album_card(hit) for hit in searching.search_albums(words, limit=HITS, offset=0)[1].results]


def movie_card(movie: Any) -> Card:
    """The card of a hit on TMDB, or of a movie in the catalog, which has the same fields and perhaps edits."""
    is_known = isinstance(movie, Movie)
    return Card(
        id=str(movie.tmdb_id),
        picture=pictures.picture_at("movie", movie.picture if is_known else movie.poster_path, "large"),
        title=movie.shown_title if is_known else movie.title,
        by=movie.original_title if movie.original_title != movie.title else "",
        facts=(str(movie.release_date or "no date"), f"TMDB {movie.tmdb_id}"),
        text=movie.overview,
        url=movie_url(movie.tmdb_id),
    )


def album_card(album: Any) -> Card:
    """The card of a hit on MusicBrainz, or of an album in the catalog, which has the same fields and perhaps edits."""
    is_known = isinstance(album, Album)
    facts = (album.release_date or "no date", album.country, album.status)
    return Card(
        id=str(album.musicbrainz_id),
        picture=pictures.picture_at("album", album.picture if is_known else album.cover_art_url, "large"),
        title=album.shown_title if is_known else album.title,
        by=album.artist,
        facts=tuple(filter(None, facts)),
        url=album_url(album.musicbrainz_id),
    )


def card_of(work: Movie | Album) -> Card:
    return movie_card(work) if isinstance(work, Movie) else album_card(work)


def candidate_cards(kind: str, candidates: Iterable[Mapping[str, Any]], chosen: str = "") -> list[Card]:
    """The card of an import's candidate; see matching.Candidate. The browser loads covers."""
    cards = []
    for number, candidate in enumerate(candidates, 1):
        facts = (candidate["released"] or "no date", f"{candidate['score']} of 100")
        mark = "chosen" if candidate["id"] == chosen else "best" if number == 1 else ""
        cards.append(
            Card(
                id=candidate["id"],
                picture=candidate_picture(kind, candidate, "large"),
                title=candidate["title"],
                by=candidate["artist"],
                facts=facts,
                url=movie_url(candidate["id"]) if kind == "movie" else album_url(candidate["id"]),
                mark=mark,
            )
        )
    return cards


def candidate_picture(kind: str, candidate: Mapping[str, Any], size: str = "small") -> SafeString:
    if kind == "movie":
        return pictures.picture_at("movie", candidate["picture"], size)
    group = candidate["group"]
    url = coverart.front_url("release-group" if group else "release", UUID(group or candidate["id"]))
    return pictures.picture_at("album", url, size)


def movie_url(tmdb_id: int | str) -> str:
    return f"https://www.themoviedb.org/movie/{tmdb_id}"


def album_url(musicbrainz_id: UUID | str) -> str:
    return f"https://musicbrainz.org/release/{musicbrainz_id}"


def search_words_of(row: Mapping[str, Any]) -> str:
    """The words to search for the work of an imported row or of a pick."""
    artist = re.sub(r"^Unknown Artist$", "", str(row.get("artist") or ""))
    return f"{artist} {row.get('title') or ''}".strip()
