"""What an import of our own JSON has done, or would do."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """The result of an import, or of a dry run. `existing` counts data that is left unchanged."""

    applied: bool
    profile: list[str] = field(default_factory=list)  # the fields that were filled in
    weeks_created: int = 0
    weeks_existing: int = 0
    notes_filled: int = 0
    rewatches_filled: int = 0
    picks_created: int = 0
    picks_existing: int = 0
    picks_left_out: int = 0
    opinions_created: int = 0
    opinions_existing: int = 0
    opinions_left_out: int = 0
    shortlist_created: int = 0
    shortlist_existing: int = 0
    shortlist_left_out: int = 0
    opinions_of_others: int = 0  # in the file for reading only, and never imported
    movies_added: int = 0
    albums_added: int = 0
    remarks: list[str] = field(default_factory=list)  # a sentence for each item that was skipped

    def lines(self) -> list[tuple[str, int, int, int]]:
        """What was imported: the number of new ones, of those that exist, and of those that were skipped."""
        return [
            ("weeks", self.weeks_created, self.weeks_existing, 0),
            ("picks", self.picks_created, self.picks_existing, self.picks_left_out),
            ("opinions", self.opinions_created, self.opinions_existing, self.opinions_left_out),
            ("shortlist items", self.shortlist_created, self.shortlist_existing, self.shortlist_left_out),
        ]

    def add(self, counts: Counter[str], remarks: list[str]) -> None:
        """Add the counts of a week, by their names, and its remarks."""
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)
        self.remarks += remarks
