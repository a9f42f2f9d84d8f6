"""What is stored: weeks with their picks, opinions, plans, events, shared years, and rows of imported files.

Every other module of selections imports from here; the querysets say who may see what.
"""

from .events import Event
from .imported_rows import ImportedRow
from .plans import Challenge, ShortlistItem, ShortlistVote
from .shared_years import SharedYear
from .weeks import (
    MAX_EARLIER,
    MAX_RATING,
    MAX_TEXT,
    POSITION_RULE,
    AnyPick,
    EarlierRating,
    Opinion,
    OpinionQuerySet,
    PickQuerySet,
    Position,
    Week,
    WeekAlbum,
    WeekMovie,
    WeekQuerySet,
    on_rated,
    revealed_to,
)

__all__ = [
    "MAX_EARLIER",
    "MAX_RATING",
    "MAX_TEXT",
    "POSITION_RULE",
    "AnyPick",
    "Challenge",
    "EarlierRating",
    "Event",
    "ImportedRow",
    "Opinion",
    "OpinionQuerySet",
    "PickQuerySet",
    "Position",
    "SharedYear",
    "ShortlistItem",
    "ShortlistVote",
    "Week",
    "WeekAlbum",
    "WeekMovie",
    "WeekQuerySet",
    "on_rated",
    "revealed_to",
]
