"""The positions in one user's weeks, and the room on their shortlist, while an import fills them."""

from collections import Counter

from selections.kinds import ALBUM, KINDS
from selections.models import Opinion, Position, ShortlistItem
from selections.models.plans import MAX_ITEMS
from selections.weeks import YearWeek, this_week, weeks_between

from .matching import Candidate
from .readers.rows import Row

POSITIONS = Position.values


class Places:
    """Which positions of a user's weeks are occupied, by which work, and whether the user has an opinion on it.

    `planned` are the ids of what is on the shortlist, and of its release groups; `room` is how many more it takes.
    """

    def __init__(self, user) -> None:
        self.user = user
        self.waiting = Counter[tuple[YearWeek, str]]()  # rows to decide, which may need a position
        self.load()

    def load(self) -> None:
        """Load all weeks; call it again when another request has changed one."""
        self.taken: dict[tuple[YearWeek, str], dict[int, tuple[Candidate, bool]]] = {}
        self.weeks: dict[str, set[YearWeek]] = {}  # of each work, by its id and that of its release group
        for kind in KINDS.values():
            own = Opinion.objects.filter(**{"user": self.user, f"{kind.opinion_field}__isnull": False})
            rated = set(own.values_list(kind.opinion_field, flat=True))
            names = ["pk", "week__year", "week__week_number", "position", f"{kind.name}__{kind.id_field}"]
            names += ["album__release_group_id"] if kind is ALBUM else []
            picks = kind.picks._default_manager.filter(week__user=self.user)
            for pk, year, week_number, position, known, *group in picks.values_list(*names):
                work = Candidate(str(known), "", group=str(group[0] or "") if group else "")
                self.take((year, week_number), kind.name, position, work, is_rated=pk in rated)
        ids = ("movie__tmdb_id", "album__musicbrainz_id", "album__release_group_id")
        items = ShortlistItem.objects.filter(user=self.user).values_list(*ids)
        self.planned = {str(known) for item in items for known in item if known}
        self.room = MAX_ITEMS - len(items)

    def find(self, week: YearWeek, row: Row, work: Candidate) -> tuple[int, bool] | None:
        """The position that has the work already, or a free one, and whether it has the work; None if there is neither.

        Another edition of an album is the same album, unless the file names the release.
        """
        occupied = self.taken.get((week, row.kind), {})
        for position, (other, _) in occupied.items():
            if other.id == work.id or (other.group and other.group == work.group and not row.musicbrainz_id):
                return position, True
        free = [position for position in (row.position, *POSITIONS) if position and position not in occupied]
        return (free[0], False) if free else None

    def has_room(self, week: YearWeek, row: Row, work: Candidate) -> bool:
        """Whether the week has the work, or a position that no row to decide may need."""
        found = self.find(week, row, work)
        if found is None:
            return False
        free = len(POSITIONS) - len(self.taken.get((week, row.kind), {}))
        return found[1] or free > self.waiting[week, row.kind]

    def first_free_week(self, first: YearWeek, row: Row, work: Candidate) -> YearWeek | None:
        """The first week from this one up to now that has the work, or room for it."""
        weeks = weeks_between(first, this_week(self.user))
        return next((week for week in weeks if self.has_room(week, row, work)), None)

    def is_rated(self, week: YearWeek, kind: str, position: int) -> bool:
        return self.taken.get((week, kind), {}).get(position, (None, False))[1]

    def take(self, week: YearWeek, kind: str, position: int, work: Candidate, *, is_rated: bool) -> None:
        occupied = self.taken.setdefault((week, kind), {})
        for its_id in filter(None, (work.id, work.group)):
            self.weeks.setdefault(its_id, set()).add(week)
        known, was_rated = occupied.get(position, (work, False))
        occupied[position] = (known, was_rated or is_rated)

    def is_picked(self, work: Candidate) -> bool:
        """Whether any week has the work, in any edition."""
        return not self.weeks.keys().isdisjoint({work.id, work.group})

    def is_planned(self, work: Candidate) -> bool:
        """Whether the shortlist has the work, in any edition."""
        return not self.planned.isdisjoint({work.id, work.group})

    def plan(self, work: Candidate) -> None:
        self.planned |= {work.id, work.group} - {""}
        self.room -= 1
