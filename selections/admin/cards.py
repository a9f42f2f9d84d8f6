"""Cards of movies and albums to choose from: hits of a search, and candidates of an import."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from catalog import pictures, searching
from catalog.admin.cards import Card, album_card, movie_card
from catalog.models import UNKNOWN_ARTIST
from integrations import coverart, tmdb
from integrations.errors import NotFound
from selections.kinds import KINDS

HITS = 24  # albums of one search: four rows of six cards


def find(kind: str, words: str) -> list[Card]:
    """Results from upstream, or else from the catalog, for these words, or for a pasted id or address.

    Raises IntegrationError.
    """
    words = words.strip()[:200]
    if kind == "album":
        return [album_card(hit) for hit in searching.search_albums(words, limit=HITS, offset=0)[1].results]
    cards = [movie_card(hit) for hit in searching.search_movies(words)[1].results]
    if words.isdecimal() and (tmdb_id := tmdb.read_address(words)):  # a title, or an id
        with contextlib.suppress(NotFound):
            cards = [movie_card(searching.look_up_movie(tmdb_id)[0]), *(card for card in cards if card.id != words)]
    return cards


def candidate_cards(kind: str, candidates: Iterable[Mapping[str, Any]], chosen: str = "") -> list[Card]:
    """The card of an import's candidate; see matching.Candidate. The browser loads covers."""
    return [
        Card(
            id=candidate["id"],
            picture=candidate_picture(kind, candidate, "large"),
            title=candidate["title"],
            by=candidate["artist"],
            facts=(candidate["released"] or "no date", f"{candidate['score']} of 100"),
            url=KINDS[kind].works.page_address.format(candidate["id"]),
            mark="chosen" if candidate["id"] == chosen else "best" if number == 1 else "",
        )
        for number, candidate in enumerate(candidates, 1)
    ]


def candidate_picture(kind: str, candidate: Mapping[str, Any], size: str = "small") -> SafeString:
    if kind == "movie":
        return pictures.picture_at("movie", candidate["picture"], size)
    group = candidate["group"]
    url = coverart.front_url("release-group" if group else "release", UUID(group or candidate["id"]))
    return pictures.picture_at("album", url, size)


def search_words_of(row: Mapping[str, Any]) -> str:
    """The words to search for the work of an imported row or of a pick."""
    artist = row.get("artist") or ""
    return f"{'' if artist == UNKNOWN_ARTIST else artist} {row.get('title') or ''}".strip()
