"""Works of the catalog that are probably the same, for a user to check: https://rapidfuzz.github.io/RapidFuzz/"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rapidfuzz import fuzz, process

from catalog.models import Album, Movie, Work
from catalog.text import search_words
from integrations import musicbrainz

from .picks import with_pick_count

NEAR = 90  # of 100: the minimum similarity of whole names
NEAR_PART = 80  # of 100: the minimum similarity of artist and of title
# Words that distinguish works with similar names, such as Volume 1, Part II, Side B.
DISTINGUISHING = re.compile(r"\d+|[ivxl]+|.")
ARTICLES = {"the", "a", "an", "and"}


@dataclass(frozen=True)
class Group:
    """Works that are probably the same, the best first, each with its `pick_count`; `reason` says why."""

    reason: str
    works: list[Work]


@dataclass(frozen=True)
class Name:
    """The words to compare: of the title, and for albums of the artist."""

    title: str
    artist: str = ""

    @property
    def whole(self) -> str:
        return f"{self.artist} {self.title}"

    def is_near(self, other: "Name") -> bool:
        """Whether each part of two similar names is similar as well."""
        return (
            fuzz.ratio(self.title, other.title) >= NEAR_PART
            and (not self.artist or fuzz.ratio(self.artist, other.artist) >= NEAR_PART)
            and _distinguishing_words(self.title) == _distinguishing_words(other.title)
        )


def find_albums() -> list[Group]:
    """Albums of the same release group, and albums of different ones with nearly the same artist and title."""
    albums = list(with_pick_count(Album.objects.fetched()).order_by("pk"))
    editions: dict[object, list[Work]] = defaultdict(list)
    for album in albums:
        editions[album.release_group_id or album.pk].append(album)
    by_name = _groups_by_name(
        _by_name(albums, _name_of_album),
        "artist and title",
        lambda one, other: one.release_group_id != other.release_group_id or one.release_group_id is None,
    )
    listed = [{work.pk for work in group.works} for group in by_name]
    rest = [
        works
        for works in editions.values()
        if len(works) > 1 and not any({work.pk for work in works} <= pks for pks in listed)
    ]
    return [*_groups("editions of one release group", rest), *by_name]


def _name_of_album(album: Album) -> Name:
    return Name(_words(album.title), _words(album.artist))


def look_alike(one: Album, other: Album) -> bool:
    """Whether find_albums() would list the two as the same."""
    if one.release_group_id and one.release_group_id == other.release_group_id:
        return True
    name, other_name = _name_of_album(one), _name_of_album(other)
    return name == other_name or (fuzz.ratio(name.whole, other_name.whole) >= NEAR and name.is_near(other_name))


def find_movies() -> list[Group]:
    """Movies with nearly the same title, from the same year or from neighboring ones."""
    movies = list(with_pick_count(Movie.objects.fetched()).order_by("pk"))
    return _groups_by_name(_by_name(movies, lambda movie: Name(_words(movie.title))), "title", _may_be_of_same_year)


def _may_be_of_same_year(one: Movie, other: Movie) -> bool:
    """Whether their years are at most one apart, as far as both are known."""
    if one.release_date is None or other.release_date is None:
        return True
    return abs(one.release_date.year - other.release_date.year) <= 1


def _words(text: str) -> str:
    """The words to compare; the text itself if it has none, such as `!!!`."""
    return " ".join(word for word in search_words(text) if word not in ARTICLES) or text.casefold()


def _distinguishing_words(text: str) -> list[str]:
    return sorted(word for word in text.split() if DISTINGUISHING.fullmatch(word))


def _by_name(works: Iterable[Work], name_of: Callable[[Any], Name]) -> dict[Name, list[Work]]:
    named: dict[Name, list[Work]] = defaultdict(list)
    for work in works:
        named[name_of(work)].append(work)
    return named


def _near_names(names: Iterable[Name]) -> Iterator[tuple[Name, Name]]:
    """Pairs of nearly the same names. Similar names have similar lengths, which saves most comparisons."""
    ordered = sorted(names, key=lambda name: len(name.whole))
    wholes = [name.whole for name in ordered]
    lengths = [len(whole) for whole in wholes]
    for start, (name, whole) in enumerate(zip(ordered, wholes, strict=True)):
        end = bisect_right(lengths, len(whole) * (200 - NEAR) / NEAR)
        alike = process.extract(
            whole, wholes[start + 1 : end], scorer=fuzz.ratio, processor=None, score_cutoff=NEAR, limit=None
        )
        for _, _, offset in alike:
            if name.is_near(other := ordered[start + 1 + offset]):
                yield name, other


def _groups_by_name(named: dict[Name, list[Work]], what: str, may_be_same: Callable[[Any, Any], bool]) -> list[Group]:
    """Groups of works with the same or nearly the same name, if `may_be_same` allows each pair."""
    pairs = [pair for works in named.values() for pair in combinations(works, 2) if may_be_same(*pair)]
    near = [
        (one, other)
        for name, other_name in _near_names(named)
        for one in named[name]
        for other in named[other_name]
        if may_be_same(one, other)
    ]
    near_ones = {work.pk for pair in near for work in pair}
    joined = _join([*pairs, *near])
    same = [group for group in joined if not near_ones & {work.pk for work in group}]
    others = [group for group in joined if near_ones & {work.pk for work in group}]
    return [*_groups(f"the same {what}", same), *_groups(f"nearly the same {what}", others)]


def _join(pairs: Iterable[tuple[Work, Work]]) -> list[list[Work]]:
    """The works in groups: those that any chain of pairs links are in one."""
    group_of: dict[int, dict[int, Work]] = {}
    for one, other in pairs:
        merged = group_of.get(one.pk, {one.pk: one}) | group_of.get(other.pk, {other.pk: other})
        for pk in merged:
            group_of[pk] = merged
    return [list(group.values()) for group in {id(group): group for group in group_of.values()}.values()]


def _groups(reason: str, groups: Iterable[list[Work]]) -> list[Group]:
    best_first = [Group(reason, sorted(works, key=_preference)) for works in groups]
    return sorted(best_first, key=lambda group: (group.works[0].title_key, group.works[0].pk))


def _preference(work: Work) -> tuple[Any, ...]:
    """Sort key: the most picked work first, then the most useful edition."""
    useful: tuple[Any, ...] = ()
    if isinstance(work, Album):
        useful = musicbrainz.usefulness(work.status, has_cover=bool(work.cover_art_url), release_date=work.release_date)
    return -work.pick_count, work.vanished_at is not None, useful, work.pk  # type: ignore[attr-defined]
