"""The rows of an import with what becomes of them, and users' decisions about them."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from uuid import UUID

from catalog.models import Album, Movie
from integrations import musicbrainz, tmdb
from selections.models import ImportedRow
from selections.weeks import YearWeek, week_name

from .matching import Candidate, Match, work_of
from .readers.rows import Row

STATES = {
    "new": "picked",
    "planned": "put on the shortlist",
    "there": "existing",
    "before": "imported before",
    "notes": "notes of weeks",
    "review": "to be decided",
    "full": "skipped because their week is full",
    "skipped": "skipped",
    "failed": "failed",
}


@dataclass(frozen=True)
class Decision:
    """A user's decision about a row: the work that it means, the week that it belongs to, or to skip it.

    `ids` is one of a row's own fields: tmdb_id, imdb_id, musicbrainz_id or release_group_id.
    """

    ids: Mapping[str, int | str | UUID] = field(default_factory=dict)
    week: YearWeek | None = None
    skip: bool = False


@dataclass
class Outcome:
    """A row to import, and its outcome. `state` is one of STATES; `sentence` gives the reason if it is not obvious."""

    fingerprint: str
    row: Row
    decision: Decision
    remembered: ImportedRow | None  # from an earlier import
    own_week: YearWeek | None  # as the file or the user says
    answer: Future[Match] | None = None  # of an upstream, until it is used
    meant: Candidate | None = None  # the work, once it is known
    details: tmdb.Movie | musicbrainz.Release | None = None  # of the work, until it is stored
    stored: Movie | Album | None = None  # in the catalog, if the import is applied
    work: str = field(init=False)  # its title
    week: YearWeek | None = field(init=False)  # where it is placed
    state: str = ""
    position: int = 0
    sentence: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    has_opinion: bool = False  # whether the row's opinion is new
    is_settled: bool = False  # an earlier import has dealt with it, and it adds nothing

    def __post_init__(self) -> None:
        self.work, self.week = str(self.row), self.own_week

    @property
    def asked(self) -> Row:
        """The row, as if it had the id that was chosen for it."""
        ids = self.decision.ids
        if not ids:
            return self.row
        none = {"tmdb_id": None, "imdb_id": "", "musicbrainz_id": None, "release_group_id": None, "title": ""}
        return replace(self.row, **none | dict(ids))  # type: ignore[arg-type]

    @property
    def target(self) -> Candidate:
        """The work that is meant, as the catalog has it if it has been stored."""
        if self.stored is None:
            assert self.meant  # noqa: S101 - it is known
            return self.meant
        return work_of(self.stored)

    @property
    def is_reopened(self) -> bool:
        """Whether the row was imported before, and says more now."""
        return self.remembered is not None and self.remembered.state == "done"

    @property
    def is_planned(self) -> bool:
        """Whether it is for the shortlist: a title of a watchlist, unless the user has decided on a week."""
        return self.row.is_planned and self.own_week is None

    @property
    def is_placed(self) -> bool:
        return self.state in {"new", "there"} and not self.is_planned

    @property
    def week_name(self) -> str:
        """Where it is placed, in words."""
        if self.is_planned:
            return "shortlist"
        return week_name(*self.week) if self.week else "–"

    @property
    def words(self) -> str:
        """The outcome in words."""
        words = self.sentence or STATES[self.state]
        return f"{words} ({self.row.evidence})" if self.row.evidence else words

    def offer_meant(self) -> None:
        """Have the work among the candidates of a row that is to be decided."""
        if self.meant and all(candidate.id != self.meant.id for candidate in self.candidates):
            self.candidates = [replace(self.meant, score=100), *self.candidates]

    def become(self, state: str, sentence: str = "") -> "Outcome":
        self.state, self.sentence = state, sentence
        return self

    def leave(self, state: str, sentence: str = "") -> None:
        """Leave the row as an earlier import has left it."""
        self.is_settled = True
        self.become(state, sentence)
