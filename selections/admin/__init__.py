"""Where a person keeps weeks, picks and opinions in order, and decides what an import could not."""

from selections.merging import admin as merges
from selections.opinions import admin as opinions
from selections.transfer import admin as imports

from . import picks, weeks

__all__ = ["imports", "merges", "opinions", "picks", "weeks"]
