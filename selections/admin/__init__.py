"""Where a person keeps weeks, picks and opinions in order, and decides what an import could not."""

from . import imports, opinions, picks, weeks

__all__ = ["imports", "opinions", "picks", "weeks"]
