"""The catalog in the admin: looked at and searched, added to by searching upstream, curated and merged."""

from . import merges, people, works

__all__ = ["merges", "people", "works"]
