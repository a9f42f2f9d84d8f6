"""Posters, covers and faces in the admin: a drawn frame, and in it the picture, where there is one and it can load."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations import tmdb

from .models import Album, Movie, Person

WIDTHS = {"small": 46, "medium": 92, "large": 154}  # pixels, as in admin.css
POSTERS = {"small": "w92", "medium": "w154", "large": "w342"}  # TMDB's names, for screens with two dots a pixel


def poster(movie: Movie, size: str = "small") -> SafeString:
    return poster_at(movie.shown_poster_path, size)


def poster_at(path: str, size: str = "small") -> SafeString:
    """The poster at TMDB's path, as a hit of a search has it."""
    return framed(tmdb.image_url(path, POSTERS[size]), "poster", size)


def cover(album: Album, size: str = "small") -> SafeString:
    return framed(album.shown_cover_url, "cover", size)


def portrait(person: Person, size: str = "small") -> SafeString:
    return framed(tmdb.image_url(person.profile_path, "w185"), "portrait", size)


def framed(url: str | None, kind: str, size: str = "small") -> SafeString:
    """The frame of a `poster`, `cover` or `portrait`. It says no more than the name beside it, so it has no text."""
    image = format_html('<img src="{}" alt="" width="{}" loading="lazy">', url, WIDTHS[size]) if url else ""
    return format_html('<span class="picture {} {}">{}</span>', kind, size, image)
