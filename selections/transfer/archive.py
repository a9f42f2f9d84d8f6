"""Our JSON back in, as export.to_json() writes it: added to what is there, of which nothing is changed.

The file is checked as a whole before anything happens. Then some works, some weeks, and each opinion on somebody else's
pick are stored in a transaction of their own, so that nobody waits long, and an import that was interrupted can be run
again. What is there already is left alone; run twice, it does nothing the second time.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import reduce
from itertools import batched
from math import inf
from operator import or_
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from catalog import portable
from catalog.models import Album, AlbumAlias, Movie, MovieAlias
from selections import services
from selections.models import EarlierRating, Opinion, Pick, Week, WeekAlbum, WeekMovie
from selections.weeks import over_for, week_name

from .readers.archive import (
    PROFILE,
    Archive,
    GivenOpinion,
    Key,
    SavedOpinion,
    SavedPick,
    SavedWeek,
    UnfitArchive,
    read,
)

BATCH = 50  # weeks that are stored together, or opinions on others' picks that are looked up together
WORKS = 25  # movies or albums that are stored together, each with up to some hundred credits
TRIES = 3  # somebody may be at the same weeks
MAX_UNCONFIRMED = 4_000  # works of a user's picks that no upstream has told us of: upstreams are asked about each
KINDS: dict[str, type[WeekMovie | WeekAlbum]] = {"movie": WeekMovie, "album": WeekAlbum}


@dataclass(slots=True)
class Report:
    """What an import did, or would do. `existing` is what was there already, and stays as it is."""

    applied: bool
    profile: list[str] = field(default_factory=list)  # what of it was filled in
    weeks_created: int = 0
    weeks_existing: int = 0
    notes_filled: int = 0
    picks_created: int = 0
    picks_existing: int = 0
    picks_left_out: int = 0
    opinions_created: int = 0
    opinions_existing: int = 0
    opinions_left_out: int = 0
    opinions_of_others: int = 0  # in the file to be read, and never taken from it
    movies_added: int = 0
    albums_added: int = 0
    remarks: list[str] = field(default_factory=list)  # a sentence for each thing that was left out


def load(
    user,
    data: object,
    *,
    apply: bool,
    is_trusted: bool,
    with_profile: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Add what the file has to what the user has, or with `apply=False` say what that would do.

    Of a file that is not trusted the catalog takes less: see catalog/portable.py. `progress` is told how many weeks are
    done, of how many. Raises UnfitArchive, and then has changed nothing; and the user's DoesNotExist where the account
    is deleted meanwhile.
    """
    archive = read(data, is_trusted=is_trusted)
    _refuse_too_many_weeks(user, archive)
    report = Report(applied=apply, opinions_of_others=archive.opinions_of_others)
    if with_profile:  # first, as members who become private by it show nothing in between
        report.profile = _fill_profile(user, archive.profile, apply=apply)
    elif archive.profile:
        report.remarks.append(
            "An API token does not change the account: the profile was left out. Sign in to import it."
        )
    works = Works(archive, report, apply=apply, room=inf if is_trusted else _room_for_unconfirmed(user))
    done = 0
    for weeks in batched(archive.weeks, BATCH, strict=False):
        for plan in _import_weeks(user, weeks, works, apply=apply):
            plan.count(report)
        done += len(weeks)
        if progress:
            progress(done, len(archive.weeks))
    for opinions in batched(archive.given, BATCH, strict=False):
        works.look_up(given.key for given in opinions)
        _give(user, opinions, works, report, apply=apply)
    return report


def _refuse_too_many_weeks(user, archive: Archive) -> None:
    there = set(Week.objects.filter(user=user).values_list("year", "week_number"))
    try:
        services.refuse_too_many_weeks(user, len({week.place for week in archive.weeks} - there))
    except services.Conflict as conflict:
        raise UnfitArchive("weeks", str(conflict)) from None


def _room_for_unconfirmed(user) -> int:
    """How many more works that no upstream has confirmed the user may pick."""
    of_user = {"fetched_at": None, "picks__week__user": user}
    return MAX_UNCONFIRMED - sum(works.objects.filter(**of_user).distinct().count() for works in (Movie, Album))


def _import_weeks(user, weeks: Sequence[SavedWeek], works: "Works", *, apply: bool) -> list["Plan"]:
    """What was done, or would be, to each of the weeks."""
    works.look_up(pick.key for week in weeks for pick in week.picks)
    known = _known_weeks(user, weeks)
    plans = [_plan(week, known.get(week.place), works) for week in weeks]
    works.need(pick.key for plan in plans for pick, _ in plan.picks)
    if not apply:
        return plans
    changing = [week for week, plan in zip(weeks, plans, strict=True) if plan.changes]
    return [plan for plan in plans if not plan.changes] + (_store_weeks(user, changing, works) if changing else [])


def _fill_profile(user, profile: dict[str, str], *, apply: bool) -> list[str]:
    """What of the profile was as it is for everybody at first, and is now as the file says; nobody becomes visible."""
    defaults = {name: user._meta.get_field(name).get_default() for name in PROFILE}
    with transaction.atomic() if apply else nullcontext():
        if apply:
            services.lock_user(user)
        now = type(user)._default_manager.filter(pk=user.pk).values(*PROFILE).first() or {}
        filled = [name for name, value in profile.items() if now.get(name) == defaults[name] != value]
        if apply and filled:
            for name in filled:
                setattr(user, name, profile[name])
            user.save(update_fields=filled)
    return filled


class Works:
    """The movies and albums of a file: as the catalog knows them, else as the file does."""

    def __init__(self, archive: Archive, report: Report, *, apply: bool, room: float) -> None:
        self.archive, self.report, self.apply = archive, report, apply
        self.room = room  # for works that the catalog does not know
        self.admitted: set[Key] = set()  # those of them that have their place
        self.found: dict[Key, Found] = {}  # those that were looked up
        self.known: dict[Key, int] = {}  # our ids of those, and of what has been stored since
        self.added: set[Key] = set()

    def look_up(self, keys: Iterable[Key]) -> None:
        """Find those of the catalog: by an id of their own, else by one that was merged into them, there or in the
        file."""
        wanted = {key: self.archive.key_of(key) for key in keys}
        found = _find_works(wanted.keys() | wanted.values(), self.archive.kept)
        self.found = {key: one for key, own in wanted.items() if (one := found.get(key) or found.get(own))}
        self.known = {key: one.pk for key, one in self.found.items()}

    def has(self, key: Key) -> bool:
        return key in self.known or self.archive.find(key) is not None

    def admits(self, key: Key) -> bool:
        """Whether the catalog knows the work, or there is room for it among those that no upstream has confirmed."""
        own = self.archive.key_of(key)
        if key not in self.known and own not in self.admitted:
            if len(self.admitted) >= self.room:
                return False
            self.admitted.add(own)
        return True

    def identity(self, key: Key) -> int | Key:
        """What two ids of the same work have in common."""
        return self.known.get(key) or self.archive.key_of(key)

    def title_of(self, key: Key) -> str:
        """What the file calls a work, or else the catalog."""
        record = self.archive.find(key)
        if record:
            return record.title
        return self.found[key].title if key in self.found else f"{key[0]} {key[1]}"

    def is_merged(self, key: Key) -> bool:
        """Whether a work is known by the id of another that was merged into it."""
        return key != (self.found[key].key if key in self.found else self.archive.key_of(key))

    def need(self, keys: Iterable[Key]) -> None:
        """Store those works that are new, where the import is applied, and count them once."""
        new = {key: self.archive.key_of(key) for key in keys if key not in self.known}
        for own in set(new.values()) - self.added:
            self.added.add(own)
            self.report.movies_added += own[0] == "movie"
            self.report.albums_added += own[0] == "album"
        if self.apply and new:
            stored = self._store(set(new.values()))
            self.known |= {key: stored[own] for key, own in new.items()}

    def _store(self, keys: set[Key]) -> dict[Key, int]:
        stored: dict[Key, int] = {}
        movies = [self.archive.movies[known] for kind, known in keys if kind == "movie"]  # type: ignore[index]
        albums = [self.archive.albums[known] for kind, known in keys if kind == "album"]  # type: ignore[index]
        for some in batched(sorted(movies, key=_id_of_movie), WORKS, strict=False):
            stored |= {("movie", known): pk for known, pk in portable.store_movies(some).items()}
        for part in batched(sorted(albums, key=_id_of_album), WORKS, strict=False):
            stored |= {("album", known): pk for known, pk in portable.store_albums(part).items()}
        return stored


def _id_of_movie(movie: portable.MovieRecord) -> int:
    return movie.values["tmdb_id"]


def _id_of_album(album: portable.AlbumRecord) -> UUID:
    return album.values["musicbrainz_id"]


@dataclass(frozen=True, slots=True)
class Found:
    """A work of the catalog."""

    key: Key  # with its own id
    pk: int
    title: str


def _find_works(keys: set[Key], kept: set[Key]) -> dict[Key, Found]:
    """The works of the catalog by these ids, in four queries.

    A work's own id comes before one that was merged into another, as a week that has both keeps both; those that are
    `kept` are never taken for what they were merged into.
    """
    found: dict[Key, Found] = {}
    for kind, model, aliases, name in (
        ("movie", Movie, MovieAlias, "tmdb_id"),
        ("album", Album, AlbumAlias, "musicbrainz_id"),
    ):
        ids = {known for which, known in keys if which == kind}
        merged = ids - {known for _, known in kept}
        alias: Any
        for alias in aliases._default_manager.filter(**{f"{name}__in": merged}).select_related(kind):
            found[kind, getattr(alias, name)] = _found(getattr(alias, kind))
        work: Any
        for work in model._default_manager.filter(**{f"{name}__in": ids}):
            found[kind, work.external_id] = _found(work)
    return found


def _found(work: Movie | Album) -> Found:
    return Found((str(work._meta.model_name), work.external_id), work.pk, work.shown_title)


@dataclass(slots=True)
class Plan:
    """What is to be done to one week."""

    week: Week | None  # as it is stored
    notes: str = ""  # where it has none
    is_untouched: bool = False  # as it was made by looking at it: it takes the file's instants, too
    picks: list[tuple[SavedPick, int]] = field(default_factory=list)  # with their positions
    opinions: list[tuple[WeekMovie | WeekAlbum, SavedOpinion]] = field(default_factory=list)  # on picks that are there
    picks_existing: int = 0
    opinions_existing: int = 0
    left_out: list[tuple[SavedPick, str]] = field(default_factory=list)  # each with the sentence why

    @property
    def changes(self) -> bool:
        return bool(self.week is None or self.notes or self.is_untouched or self.picks or self.opinions)

    def count(self, report: Report) -> None:
        report.weeks_created += self.week is None
        report.weeks_existing += self.week is not None
        report.notes_filled += bool(self.week and self.notes)
        report.picks_created += len(self.picks)
        report.picks_existing += self.picks_existing
        report.picks_left_out += len(self.left_out)
        report.opinions_created += len(self.opinions) + sum(pick.opinion is not None for pick, _ in self.picks)
        report.opinions_existing += self.opinions_existing
        report.opinions_left_out += sum(pick.opinion is not None for pick, _ in self.left_out)
        report.remarks += [sentence for _, sentence in self.left_out]


def _with_own_opinions(weeks: QuerySet[Week], user) -> QuerySet[Week]:
    """With the picks, and the user's `own_opinions` on each, in five queries."""
    own = Opinion.objects.filter(user=user)
    return weeks.prefetch_related(
        "movie_picks",
        Prefetch("movie_picks__opinions", own, to_attr="own_opinions"),
        "album_picks",
        Prefetch("album_picks__opinions", own, to_attr="own_opinions"),
    )


def _known_weeks(user, weeks: Iterable[SavedWeek], *, lock: bool = False) -> dict[tuple[int, int], Week]:
    by_year: dict[int, list[int]] = {}
    for week in weeks:
        by_year.setdefault(week.year, []).append(week.week_number)
    these = reduce(or_, (Q(year=year, week_number__in=numbers) for year, numbers in by_year.items()))
    known = Week.objects.filter(these, user=user).order_by("pk")
    if lock:
        known = known.select_for_update()
    return {(week.year, week.week_number): week for week in _with_own_opinions(known, user)}


def _plan(saved: SavedWeek, week: Week | None, works: Works) -> Plan:
    plan = Plan(week, notes=saved.notes if not (week and week.notes) else "")
    there = {kind: _picks_of(week, kind) for kind in KINDS}
    if week and not week.notes and not any(there.values()):
        plan.is_untouched = saved.created_at < week.created_at
    for kind, picks in there.items():
        new: list[SavedPick] = []
        seen: set[int | Key] = set()  # two ids of the file may have become one work: what has it as its own comes first
        of_kind = [pick for pick in saved.picks if pick.key[0] == kind]
        for pick in sorted(of_kind, key=lambda pick: works.is_merged(pick.key)):
            identity, known = works.identity(pick.key), works.known.get(pick.key)
            if not works.has(pick.key):
                sentence = f"neither the catalog nor the file knows {kind} {pick.key[1]}."
                plan.left_out.append((pick, f"{saved.name}: {sentence}"))
            elif identity in seen:
                sentence = f"{works.title_of(pick.key)} is in this week already."
                plan.left_out.append((pick, f"{saved.name}: {sentence}"))
            elif not works.admits(pick.key):
                sentence = f"{works.title_of(pick.key)} is one of too many that the catalog does not know. Import the "
                sentence += "file once more when those that are in your weeks now have been looked up."
                plan.left_out.append((pick, f"{saved.name}: {sentence}"))
            elif known is not None and known in picks:
                _plan_opinion(plan, picks[known], pick)
            else:
                new.append(pick)
            seen.add(identity)
        _plan_positions(plan, saved, new, {pick.position for pick in picks.values()}, works)
    return plan


def _picks_of(week: Week | None, kind: str) -> dict[int, WeekMovie | WeekAlbum]:
    """The picks of a week by our ids of what is picked."""
    if week is None:
        return {}
    if kind == "movie":
        return {pick.movie_id: pick for pick in week.movie_picks.all()}
    return {pick.album_id: pick for pick in week.album_picks.all()}


def _plan_opinion(plan: Plan, pick: WeekMovie | WeekAlbum, saved: SavedPick) -> None:
    """What becomes of the opinion on a pick that is there."""
    plan.picks_existing += 1
    if saved.opinion is None:
        return
    if getattr(pick, "own_opinions", []):
        plan.opinions_existing += 1
    else:
        plan.opinions.append((pick, saved.opinion))


def _plan_positions(plan: Plan, saved: SavedWeek, picks: list[SavedPick], taken: set[int], works: Works) -> None:
    """Put each pick where it was, or where that is taken into the other place."""
    free = [position for position in Pick.Position.values if position not in taken]
    # Those that can be where they were come first.
    for pick in sorted(picks, key=lambda pick: (pick.position not in free, pick.position)):
        if not free:
            sentence = f"both places are taken, so there was none for {works.title_of(pick.key)}."
            plan.left_out.append((pick, f"{saved.name}: {sentence}"))
        else:
            position = pick.position if pick.position in free else free[0]
            free.remove(position)
            plan.picks.append((pick, position))


def _store_weeks(user, weeks: Sequence[SavedWeek], works: Works) -> list[Plan]:
    """Store what these weeks of the file add, all or nothing, and say what that was."""
    for _ in range(TRIES - 1):
        with suppress(IntegrityError):  # somebody made one of these weeks, or merged an album, just then
            return _store_locked(user, weeks, works)
        works.look_up(pick.key for week in weeks for pick in week.picks)
    return _store_locked(user, weeks, works)


def _store_locked(user, weeks: Sequence[SavedWeek], works: Works) -> list[Plan]:
    with transaction.atomic():
        services.lock_user(user)
        known = _known_weeks(user, weeks, lock=True)
        services.refuse_too_many_weeks(user, len(weeks) - len(known))
        plans = [_plan(saved, known.get(saved.place), works) for saved in weeks]
        works.need(pick.key for plan in plans for pick, _ in plan.picks)  # new, where a week has changed in between
        known |= _create_weeks(user, [saved for saved in weeks if saved.place not in known])
        for saved, plan in zip(weeks, plans, strict=True):
            if plan.week:
                _update(plan.week, saved, plan)
        _add_picks(user, [(known[saved.place], plan) for saved, plan in zip(weeks, plans, strict=True)], works)
        _add_opinions(user, [said for plan in plans for said in plan.opinions], works)
    return plans


def _create_weeks(user, weeks: list[SavedWeek]) -> dict[tuple[int, int], Week]:
    new = [
        Week(
            user=user,
            year=saved.year,
            week_number=saved.week_number,
            notes=saved.notes,
            created_at=saved.created_at,
            updated_at=saved.updated_at,
        )
        # In the order in which others make several: else the two could lock each other out.
        for saved in sorted(weeks, key=lambda saved: saved.place)
    ]
    for week in new:
        week.set_search_text()
    return {(week.year, week.week_number): week for week in Week.objects.bulk_create(new)}


def _update(week: Week, saved: SavedWeek, plan: Plan) -> None:
    """Say what becomes of a week that is there."""
    week.notes = week.notes or plan.notes
    if plan.is_untouched:
        week.created_at, week.updated_at = saved.created_at, saved.updated_at
    elif plan.notes or plan.picks:
        week.updated_at = timezone.now()
    if plan.is_untouched or plan.notes or plan.picks:
        week.save(update_fields=["notes", "created_at", "updated_at"])


def _add_picks(user, plans: list[tuple[Week, Plan]], works: Works) -> None:
    """Add the picks of each week's plan, with the opinions on them."""
    for kind, model in KINDS.items():
        new = [(week, pick, position) for week, plan in plans for pick, position in plan.picks if pick.key[0] == kind]
        rows: list[Any] = model._default_manager.bulk_create(
            model(week=week, position=position, added_at=pick.added_at, **{f"{kind}_id": works.known[pick.key]})  # type: ignore[misc]
            for week, pick, position in new
        )
        said = [(row, pick.opinion) for row, (_, pick, _) in zip(rows, new, strict=True) if pick.opinion is not None]
        _add_opinions(user, said, works)


def _add_opinions(user, said: list[tuple[WeekMovie | WeekAlbum, SavedOpinion]], works: Works) -> None:
    if not works.archive.is_trusted:
        said = _as_given_now(user, said)
    rows = Opinion.objects.bulk_create(
        Opinion(user=user, **{"movie_pick" if isinstance(pick, WeekMovie) else "album_pick": pick}, **opinion.values)
        for pick, opinion in said
    )
    EarlierRating.objects.bulk_create(
        EarlierRating(opinion=row, rating=rating, until_at=until_at)
        for row, (_, opinion) in zip(rows, said, strict=True)
        for rating, until_at in opinion.earlier_ratings
    )


def _as_given_now(
    user, said: list[tuple[WeekMovie | WeekAlbum, SavedOpinion]]
) -> list[tuple[WeekMovie | WeekAlbum, SavedOpinion]]:
    """Without the file's times and history in weeks that are not over: who said what first is no claim of a file."""
    weeks = Week.objects.filter(over_for(user), pk__in={pick.week_id for pick, _ in said})
    over = set(weeks.order_by().values_list("pk", flat=True)) if said else set()
    now = {"created_at": timezone.now(), "updated_at": timezone.now()}
    return [
        (pick, opinion if pick.week_id in over else SavedOpinion(opinion.values | now, [])) for pick, opinion in said
    ]


def _give(user, opinions: Iterable[GivenOpinion], works: Works, report: Report, *, apply: bool) -> None:
    """Add what the user thinks of picks of others, as far as they may see those."""
    picks = _picks_of_others(user, opinions, works)
    for given in opinions:
        pick = picks.get((given.owner, given.year, given.week_number, given.key[0], works.known.get(given.key)))
        is_new = None if pick is None else not getattr(pick, "own_opinions", [])
        if pick and is_new and apply:
            is_new = _store_given(user, pick, given.opinion, works)
        if is_new is None:
            report.opinions_left_out += 1
            title, week = works.title_of(given.key), week_name(given.year, given.week_number)
            report.remarks.append(f"{week} of {given.owner}: there is no pick of {title} that you may see.")
        else:
            report.opinions_created += is_new
            report.opinions_existing += not is_new


def _picks_of_others(
    user, opinions: Iterable[GivenOpinion], works: Works
) -> dict[tuple[str, int, int, str, int | None], WeekMovie | WeekAlbum]:
    """What others whom the user may see have picked, by name, week, kind and our id of it: these opinions' and more."""
    found = {}
    for kind, model in KINDS.items():
        on_these = [given for given in opinions if given.key[0] == kind]
        picks = (
            model._default_manager.visible_to(user)
            .exclude(week__user=user)
            .filter(
                week__user__username__in={given.owner for given in on_these},
                week__year__in={given.year for given in on_these},
                **{f"{kind}__in": {works.known[given.key] for given in on_these if given.key in works.known}},
            )
            .select_related("week__user")
            .prefetch_related(Prefetch("opinions", Opinion.objects.filter(user=user), to_attr="own_opinions"))
        )
        pick: Any
        for pick in picks:
            week = pick.week
            found[week.user.username, week.year, week.week_number, kind, getattr(pick, f"{kind}_id")] = pick
    return found


def _store_given(user, pick: WeekMovie | WeekAlbum, opinion: SavedOpinion, works: Works) -> bool | None:
    """Whether the user had no opinion on the pick until now; None where the pick has just gone."""
    with transaction.atomic():
        services.lock_user(user)
        list(Week.objects.select_for_update().filter(pk=pick.week_id).values_list("pk"))
        now = type(pick)._default_manager.filter(pk=pick.pk)
        if not now.exists():
            return None
        if now.filter(opinions__user=user).exists():
            return False
        _add_opinions(user, [(pick, opinion)], works)
    return True
