"""The catalog in the admin: viewed and searched, extended by searching TMDB and MusicBrainz, and curated."""

from . import people, works

__all__ = ["people", "works"]
