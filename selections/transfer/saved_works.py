"""The movies and albums of an export: found in the catalog, or stored there as the file describes them."""

from collections.abc import Iterable
from itertools import batched
from typing import Any

from catalog import portable
from catalog.fetching import find_all_known
from catalog.models import Album, Movie
from selections.kinds import KINDS

from .own_json import FileWorks, Key

WORKS = 25  # movies or albums that are stored together, each with up to some hundred credits


class SavedWorks:
    """The movies and albums of a file: as in the catalog, else as in the file."""

    def __init__(self, file: FileWorks, *, apply: bool, is_trusted: bool, room: float) -> None:
        self.file, self.apply, self.is_trusted = file, apply, is_trusted
        self.room = room  # the remaining number of works that are not in the catalog
        self.admitted: set[Key] = set()  # those of them that were admitted
        self.found: dict[Key, Movie | Album] = {}  # those of the catalog that were looked up
        self.known: dict[Key, int] = {}  # primary keys of those, and of works that have been stored since
        self.added: set[Key] = set()  # those that are stored, or would be

    def look_up(self, keys: Iterable[Key]) -> None:
        """Find those of the catalog, in four queries: by an id of their own, else by one that was merged into them, in
        the catalog or in the file. A week that has both works of a merge keeps both."""
        wanted = {key: self.file.key_of(key) for key in keys}
        found: dict[Key, Movie | Album] = {}
        for kind in KINDS.values():
            ids = {known for name, known in wanted.keys() | wanted.values() if name == kind.name}
            works: dict[Any, Movie | Album] = find_all_known(kind.works, ids, own_first=True)
            # Those that are kept are never replaced by the work that they were merged into.
            found |= {
                (kind.name, known): work
                for known, work in works.items()
                if work.external_id == known or (kind.name, known) not in self.file.kept
            }
        self.found = {key: found.get(key) or found[own] for key, own in wanted.items() if {key, own} & found.keys()}
        self.known = {key: work.pk for key, work in self.found.items()}

    def reason_against(self, key: Key) -> str:
        """A sentence on why the work cannot be used; empty if it can: it is in the catalog, or in the file while the
        limit of works that were never fetched leaves room for it."""
        own = self.file.key_of(key)
        if key in self.known or own in self.admitted:
            return ""
        if own not in self.file.records:
            return f"{key[0]} {key[1]} is neither in the catalog nor in the file."
        if len(self.admitted) >= self.room:
            return (
                f"{self.title_of(key)} exceeds the limit of unknown works. Import the file again once those in your "
                "weeks have been looked up."
            )
        self.admitted.add(own)
        return ""

    def identity(self, key: Key) -> int | Key:
        """The identity of a work, which is the same for all its ids."""
        return self.known.get(key) or self.file.key_of(key)

    def title_of(self, key: Key) -> str:
        """The title of a work in the file, or else in the catalog."""
        if record := self.file.records.get(self.file.key_of(key)):
            return record.get("own_title") or record["title"]
        return self.found[key].shown_title if key in self.found else f"{key[0]} {key[1]}"

    def is_merged(self, key: Key) -> bool:
        """Whether the id is that of another work that was merged into this one."""
        found = self.found.get(key)
        return key != ((found.kind, found.external_id) if found else self.file.key_of(key))

    def need(self, keys: Iterable[Key]) -> None:
        """Store the new works, if the import is applied."""
        new = {key: self.file.key_of(key) for key in keys if key not in self.known}
        self.added |= set(new.values())
        if self.apply and new:
            stored = self._store(set(new.values()))
            self.known |= {key: stored[own] for key, own in new.items()}

    def _store(self, keys: set[Key]) -> dict[Key, int]:
        stored: dict[Key, int] = {}
        for kind in KINDS.values():
            ids: list[Any] = sorted(known for name, known in keys if name == kind.name)
            for some in batched(ids, WORKS, strict=False):
                records = [self.file.records[kind.name, known] for known in some]
                pks = portable.store(kind.works, kind.id_field, records)
                stored |= {(kind.name, known): pk for known, pk in pks.items()}
        return stored
