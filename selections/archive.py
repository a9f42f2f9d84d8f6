"""Our JSON back in, as export.to_json() writes it: added to what is there, of which nothing is changed.

The file is checked as a whole before anything happens. Then each work, each week, and each opinion on somebody else's
pick is stored in a transaction of its own, so that nobody waits long, and an import that was interrupted can be run
again. What is there already is left alone; run twice, it does nothing the second time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from catalog import portable
from catalog.models import Album, AlbumAlias, Movie

from . import services
from .models import MOST_TEXT, EarlierRating, Opinion, Pick, Week, WeekAlbum, WeekMovie
from .readers.archive import PROFILE, Archive, GivenOpinion, Key, SavedOpinion, SavedPick, SavedWeek, read

BATCH = 50  # weeks, or opinions on others' picks, that are looked up together
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
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Add what the file has to what the user has, or with `apply=False` say what that would do.

    Of a file that is not trusted the catalog takes less: see catalog/portable.py. `progress` is told how many weeks are
    done, of how many. Raises UnfitArchive, and then has changed nothing.
    """
    archive = read(data, most_text=None if is_trusted else MOST_TEXT)
    report = Report(applied=apply, opinions_of_others=archive.opinions_of_others)
    # First, as whoever becomes private by it shows nothing in between.
    report.profile = _fill_profile(user, archive.profile, apply=apply)
    works = Works(archive, report, apply=apply, is_trusted=is_trusted)
    done = 0
    for weeks in batched(archive.weeks, BATCH, strict=False):
        works.look_up(pick.key for week in weeks for pick in week.picks)
        known = _known_weeks(user, weeks)
        for week in weeks:
            plan = _plan(week, known.get((week.year, week.week_number)), works)
            for pick, _ in plan.picks:
                works.need(pick.key)
            if apply and plan.changes:
                plan = _store_week(user, week, works)
            plan.count(report)
            done += 1
            if progress:
                progress(done, len(archive.weeks))
    for opinions in batched(archive.given, BATCH, strict=False):
        works.look_up(given.key for given in opinions)
        _give(user, opinions, works, report, apply=apply)
    return report


def _fill_profile(user, profile: dict[str, str], *, apply: bool) -> list[str]:
    """What of the profile was as it is for everybody at first, and is now as the file says; nobody becomes visible."""
    defaults = {name: user._meta.get_field(name).get_default() for name in PROFILE}
    with transaction.atomic():
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

    def __init__(self, archive: Archive, report: Report, *, apply: bool, is_trusted: bool) -> None:
        self.archive, self.report = archive, report
        self.apply, self.is_trusted = apply, is_trusted
        self.known: dict[Key, int] = {}  # our ids of those that were looked up
        self.added: set[Key] = set()

    def look_up(self, keys: Iterable[Key]) -> None:
        """Find those of the catalog; an album also by an id that was merged into it."""
        wanted = set(keys)
        movies = Movie.objects.filter(tmdb_id__in=[known for _, known in wanted if isinstance(known, int)])
        ids = [known for _, known in wanted if isinstance(known, UUID)]
        albums = dict(Album.objects.filter(musicbrainz_id__in=ids).values_list("musicbrainz_id", "pk"))
        albums |= dict(AlbumAlias.objects.filter(musicbrainz_id__in=ids).values_list("musicbrainz_id", "album"))
        self.known = {("movie", known): pk for known, pk in movies.values_list("tmdb_id", "pk")}
        self.known |= {("album", known): pk for known, pk in albums.items()}

    def has(self, key: Key) -> bool:
        return key in self.known or self.archive.has(key)

    def need(self, key: Key) -> None:
        """Store a work that is new, where the import is applied, and count it once."""
        if key in self.known:
            return
        kind, known = key
        if key not in self.added:
            self.added.add(key)
            self.report.movies_added += kind == "movie"
            self.report.albums_added += kind == "album"
        if self.apply:
            self.known[key] = self._store(kind, known)

    def _store(self, kind: str, known: Any) -> int:
        if kind == "movie":
            return portable.store_movie(self.archive.movies[known], is_trusted=self.is_trusted).pk
        return portable.store_album(self.archive.albums[known], is_trusted=self.is_trusted).pk


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


def _known_weeks(user, weeks: Iterable[SavedWeek]) -> dict[tuple[int, int], Week]:
    years = {week.year for week in weeks}
    known = _with_own_opinions(Week.objects.filter(user=user, year__in=years), user)
    return {(week.year, week.week_number): week for week in known}


def _plan(saved: SavedWeek, week: Week | None, works: Works) -> Plan:
    plan = Plan(week, notes=saved.notes if not (week and week.notes) else "")
    there = {kind: _picks_of(week, kind) for kind in KINDS}
    if week and not week.notes and not any(there.values()):
        plan.is_untouched = saved.created_at < week.created_at
    for kind, picks in there.items():
        new = []
        for pick in (pick for pick in saved.picks if pick.key[0] == kind):
            known = works.known.get(pick.key)
            if known is not None and known in picks:
                _plan_opinion(plan, picks[known], pick)
            elif works.has(pick.key):
                new.append(pick)
            else:
                plan.left_out.append(
                    (pick, f"{saved.name}: neither the catalog nor the file knows {kind} {pick.key[1]}.")
                )
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
    placed: set[int] = set()  # our ids: two ids of the file may have become one album
    picks = sorted(picks, key=lambda pick: pick.position not in free)  # those that can be where they were come first
    for pick in picks:
        known = works.known.get(pick.key)
        title = works.archive.title_of(pick.key)
        if known is not None and known in placed:
            plan.left_out.append((pick, f"{saved.name}: {title} is in this week already."))
        elif not free:
            plan.left_out.append((pick, f"{saved.name}: both places are taken, so there was none for {title}."))
        else:
            position = pick.position if pick.position in free else free[0]
            free.remove(position)
            if known is not None:
                placed.add(known)
            plan.picks.append((pick, position))


def _store_week(user, saved: SavedWeek, works: Works) -> Plan:
    """Store what one week of the file adds, all or nothing, and say what that was."""
    try:
        return _store_locked(user, saved, works)
    except IntegrityError:  # somebody made this week, or merged an album, just then
        works.look_up(pick.key for pick in saved.picks)
        return _store_locked(user, saved, works)


def _store_locked(user, saved: SavedWeek, works: Works) -> Plan:
    with transaction.atomic():
        services.lock_user(user)
        same = Week.objects.filter(user=user, year=saved.year, week_number=saved.week_number)
        week = next(iter(_with_own_opinions(same.select_for_update(), user)), None)
        plan = _plan(saved, week, works)
        if week is None:
            week = Week(
                user=user,
                year=saved.year,
                week_number=saved.week_number,
                notes=saved.notes,
                created_at=saved.created_at,
                updated_at=saved.updated_at,
            )
            week.save(force_insert=True)
        else:
            _update(week, saved, plan)
        _add_picks(user, week, plan, works)
        _add_opinions(user, plan.opinions)
    return plan


def _update(week: Week, saved: SavedWeek, plan: Plan) -> None:
    """Say what becomes of a week that is there."""
    week.notes = week.notes or plan.notes
    if plan.is_untouched:
        week.created_at, week.updated_at = saved.created_at, saved.updated_at
    elif plan.notes or plan.picks:
        week.updated_at = timezone.now()
    if plan.is_untouched or plan.notes or plan.picks:
        week.save(update_fields=["notes", "created_at", "updated_at"])


def _add_picks(user, week: Week, plan: Plan, works: Works) -> None:
    for pick, _ in plan.picks:
        works.need(pick.key)  # which it was before, unless the week has changed in between
    for kind, model in KINDS.items():
        new = [(pick, position) for pick, position in plan.picks if pick.key[0] == kind]
        rows: list[Any] = model._default_manager.bulk_create(
            model(week=week, position=position, added_at=pick.added_at, **{f"{kind}_id": works.known[pick.key]})  # type: ignore[misc]
            for pick, position in new
        )
        _add_opinions(
            user, [(row, pick.opinion) for row, (pick, _) in zip(rows, new, strict=True) if pick.opinion is not None]
        )


def _add_opinions(user, said: list[tuple[WeekMovie | WeekAlbum, SavedOpinion]]) -> None:
    rows = Opinion.objects.bulk_create(
        Opinion(user=user, **{"movie_pick" if isinstance(pick, WeekMovie) else "album_pick": pick}, **opinion.values)
        for pick, opinion in said
    )
    EarlierRating.objects.bulk_create(
        EarlierRating(opinion=row, rating=rating, until_at=until_at)
        for row, (_, opinion) in zip(rows, said, strict=True)
        for rating, until_at in opinion.earlier_ratings
    )


def _give(user, opinions: Iterable[GivenOpinion], works: Works, report: Report, *, apply: bool) -> None:
    """Add what the user thinks of picks of others, as far as they may see those."""
    picks = _picks_of_others(user, opinions, works)
    for given in opinions:
        pick = picks.get((given.owner, given.year, given.week_number, given.key[0], works.known.get(given.key)))
        is_new = None if pick is None else not getattr(pick, "own_opinions", [])
        if pick and is_new and apply:
            is_new = _store_given(user, pick, given.opinion)
        if is_new is None:
            report.opinions_left_out += 1
            title, week = works.archive.title_of(given.key), f"{given.year}-W{given.week_number:02}"
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


def _store_given(user, pick: WeekMovie | WeekAlbum, opinion: SavedOpinion) -> bool | None:
    """Whether the user had no opinion on the pick until now; None where the pick has just gone."""
    with transaction.atomic():
        services.lock_user(user)
        list(Week.objects.select_for_update().filter(pk=pick.week_id).values_list("pk"))
        now = type(pick)._default_manager.filter(pk=pick.pk)
        if not now.exists():
            return None
        if now.filter(opinions__user=user).exists():
            return False
        _add_opinions(user, [(pick, opinion)])
    return True
