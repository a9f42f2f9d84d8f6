"""The admin of weeks, picks, opinions, plans and imported rows."""

from selections.merging import admin as merges
from selections.opinions import admin as opinions
from selections.planning import admin as plans
from selections.transfer import admin as imports

from . import picks, weeks

__all__ = ["imports", "merges", "opinions", "picks", "plans", "weeks"]
