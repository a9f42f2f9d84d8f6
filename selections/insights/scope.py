"""Whose picks and opinions figures are about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any

from django.db.models import QuerySet

from accounts.compiled import compiled
from selections.kinds import KINDS, Kind
from selections.models import Opinion, OpinionQuerySet, PickQuerySet, Week, WeekQuerySet
from selections.reads import compiled_for

type Select = Callable[..., QuerySet[Any, Any]]  # takes a scope, and perhaps a kind


@dataclass(frozen=True)
class Scope:
    """The scope of the figures for a `viewer`: a `person`, or all members that the viewer may see if that is None.

    With a `year` it covers only the weeks of that ISO year, with `before` only those before the week of this number.
    """

    viewer: Any
    person: Any = None
    year: int | None = None
    before: int | None = None
    found: dict[Any, list[Any]] = field(default_factory=dict, init=False, compare=False)  # what was read

    def of_year(self, week: str = "") -> dict[str, Any]:
        """The conditions on a row's `week`, of any user."""
        if self.year is None:
            return {}
        end = {} if self.before is None else {f"{week}week_number__lt": self.before}
        return {f"{week}year": self.year} | end

    def of_week(self, week: str = "") -> dict[str, Any]:
        """The conditions on a row's `week`."""
        return ({} if self.person is None else {f"{week}user": self.person}) | self.of_year(week)

    @property
    def weeks(self) -> WeekQuerySet:
        return Week.objects.visible_to(self.viewer).filter(**self.of_week()).order_by()

    @cached_property
    def picks(self) -> dict[Kind, PickQuerySet]:
        seen = {kind: kind.picks._default_manager.visible_to(self.viewer) for kind in KINDS.values()}
        return {kind: picks.filter(**self.of_week("week__")).order_by() for kind, picks in seen.items()}

    @property
    def opinions_given(self) -> OpinionQuerySet:
        """By these people, on any picks."""
        by_them = {} if self.person is None else {"user": self.person}
        return Opinion.objects.visible_to(self.viewer).filter(**by_them, **self.of_year("week__")).order_by()

    @property
    def opinions_on(self) -> OpinionQuerySet:
        """By anyone, on picks of these people."""
        return Opinion.objects.visible_to(self.viewer).filter(**self.of_week("week__")).order_by()

    def read(self, select: Select, *kind: Kind, timed: bool = False) -> Any:
        """The rows of a query of the scope, once; `timed` if what it finds depends on the time, as opinions do."""
        if (select, kind) not in self.found:
            has = tuple(name for name in ("person", "year", "before") if getattr(self, name) is not None)
            build = build_for(select_rows, select, kind, has)
            values = self.person.pk if self.person else 0, self.year or 0, self.before or 0
            query: Any = partial(compiled(build), self.viewer.pk)
            if timed:
                query = compiled_for(self.viewer, build) or partial(build, self.viewer)
            self.found[select, kind] = list(query(*values))
        return self.found[select, kind]


def select_rows(
    select: Select, kind: tuple[Kind, ...], has: tuple[str, ...], viewer: Any, person: int, year: int, before: int
) -> QuerySet[Any, Any]:
    """The query for a scope with those values that `has` names."""
    values = {"person": person, "year": year, "before": before}
    return select(Scope(viewer, **{name: values[name] for name in has}), *kind)


build_for = cache(partial)  # returns the same object for the same arguments, as compiled queries are cached by it
