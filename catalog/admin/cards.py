"""Cards of movies and albums to choose from, at their source or in the catalog."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.safestring import SafeString

from catalog import pictures
from catalog.models import Album, Movie


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
    known: Movie | Album | None = None  # its row in the catalog, if a page marks those
    editions: tuple["Card", ...] = ()


def movie_card(movie: Any, size: str = "large") -> Card:
    """The card of a hit on TMDB, or of a movie in the catalog, which has the same fields and perhaps edits."""
    return Card(
        id=str(movie.tmdb_id),
        picture=pictures.picture_at("movie", getattr(movie, "picture", movie.poster_path), size),
        title=getattr(movie, "shown_title", movie.title),
        by=movie.original_title if movie.original_title != movie.title else "",
        facts=(str(movie.release_date or "no date"), f"TMDB {movie.tmdb_id}"),
        text=movie.overview,
        url=Movie.page_address.format(movie.tmdb_id),
    )


def album_card(album: Any, size: str = "large") -> Card:
    """The card of a hit on MusicBrainz, or of an album in the catalog, which has the same fields and perhaps edits."""
    facts = (album.release_date or "no date", album.country, album.status)
    return Card(
        id=str(album.musicbrainz_id),
        picture=pictures.picture_at("album", getattr(album, "picture", album.cover_art_url), size),
        title=getattr(album, "shown_title", album.title),
        by=album.artist,
        facts=tuple(filter(None, facts)),
        url=Album.page_address.format(album.musicbrainz_id),
    )


def with_editions(cards: list[Card]) -> Card:
    """The card of a release group: that of its first edition, with all of them."""
    return replace(cards[0], editions=tuple(cards) if len(cards) > 1 else ())
