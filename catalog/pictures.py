"""Posters, covers and portraits in the admin: a drawn frame with the picture in it, if there is one and it loads."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations import tmdb

from .models import Album, Movie, Person

WIDTHS = {"small": 46, "medium": 92, "large": 154}  # pixels, as in admin.css
POSTERS = {"small": "w92", "medium": "w154", "large": "w342"}  # TMDB's sizes for screens with two dots per pixel


def picture(work: Movie | Album, size: str = "small") -> SafeString:
    """The poster or cover of a work."""
    return picture_at(work.kind, work.picture, size)


def picture_at(kind: str, picture: str, size: str = "small") -> SafeString:
    """The poster at TMDB's path for a `movie`, or the cover at the address for an `album`, as in search hits."""
    if kind == "movie":
        return _framed(tmdb.image_url(picture, POSTERS[size]), "poster", size)
    return _framed(picture, "cover", size)


def portrait(person: Person, size: str = "small") -> SafeString:
    return _framed(tmdb.image_url(person.profile_path, "w185"), "portrait", size)


def _framed(url: str | None, frame: str, size: str) -> SafeString:
    """A `poster`, `cover` or `portrait`. The name beside it says the same, so it has no alternative text."""
    image = format_html('<img src="{}" alt="" width="{}" loading="lazy">', url, WIDTHS[size]) if url else ""
    return format_html('<span class="picture {} {}">{}</span>', frame, size, image)
