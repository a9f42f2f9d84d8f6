"""What people do with weeks; the database's constraints decide, and are put into words here."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from catalog import services as catalog
from catalog.models import Album, Movie
from integrations.errors import NotFound

from .models import MAX_EARLIER, MAX_WEEKS, Opinion, OpinionQuerySet, Pick, Week, WeekAlbum, WeekMovie, visible_to
from .weeks import FIRST_ZONE, LAST_ZONE, over_for, settled_week, this_week, week_in

MAX_PREVIOUS = 50  # earlier picks that a pick is answered with


class Conflict(Exception):
    """Something is there already; `str()` says what."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def create_week(user, *, year: int, week_number: int, notes: str = "") -> Week:
    """A new week of the user. Raises Conflict where one exists, or where the user has MAX_WEEKS."""
    week = Week(user=user, year=year, week_number=week_number, notes=notes)
    _refuse_existing(week)
    try:
        with transaction.atomic():
            lock_user(user)
            refuse_too_many_weeks(user)
            week.save(force_insert=True)
    except IntegrityError:
        _refuse_existing(week)
        raise
    return week


def refuse_too_many_weeks(user, new: int = 1) -> None:
    """Raise Conflict where the user would have more than MAX_WEEKS with so many new ones. Lock the user before."""
    if new and (count := Week.objects.filter(user=user).count() + new) > MAX_WEEKS:
        raise Conflict(
            f"That makes {count:,} weeks, and an account can have {MAX_WEEKS:,}. Delete some weeks first",
            "too_many_weeks",
        )


def _refuse_existing(week: Week) -> None:
    same = Week.objects.filter(user=week.user_id, year=week.year, week_number=week.week_number)
    if same.exclude(pk=week.pk).exists():
        raise Conflict(f"Week {week.name} already exists", "week_exists") from None


def current_week(user) -> Week:
    """The user's week that today, in their time zone, is part of; created if absent. Raises Conflict."""
    year, week_number = this_week(user)
    return find_or_create_week(user, year, week_number)


def find_or_create_week(user, year: int, week_number: int) -> Week:
    """Raises Conflict where the user has MAX_WEEKS, and not this one."""
    weeks = Week.objects.filter(user=user, year=year, week_number=week_number)
    if week := weeks.first():
        return week
    with transaction.atomic():
        lock_user(user)
        if week := weeks.first():  # another request was faster
            return week
        refuse_too_many_weeks(user)
        return Week.objects.get_or_create(user=user, year=year, week_number=week_number)[0]


def change_week(week: Week, **values: str | int) -> None:
    """Change the `notes`, or move the week with its picks to another `year` and `week_number`.

    Raises Conflict where there is one already, or where that would reveal what others think before the week is over;
    and Week.DoesNotExist when the week has just been deleted.
    """
    for name, value in values.items():
        setattr(week, name, value)
    week.updated_at = timezone.now()
    try:
        with transaction.atomic():
            refuse_early_end(lock_week(week), week.year, week.week_number)
            week.save(update_fields=[*values, "updated_at"])
    except IntegrityError:
        _refuse_existing(week)
        raise


def refuse_early_end(week: Week, year: int, week_number: int) -> None:
    """Raise Conflict where a move of the week, as it is stored, to this one would reveal what others think of it."""
    now = timezone.now()
    ends = [min(settled_week(week.user), week_in(zone, now)) for zone in (FIRST_ZONE, LAST_ZONE)]  # for readers there
    moves_past = any((year, week_number) < end <= (week.year, week.week_number) for end in ends)
    if moves_past and _others_on(Opinion.objects.on_week(week), week).exists():
        what = "Other members have opinions on this week, which are hidden until it is over. Move it after that."
        raise Conflict(what, "week_discussed")


def delete_week(week: Week, *, force: bool = False) -> None:
    """Delete a week with its picks.

    Raises Conflict where others have opinions on these, unless `force` deletes them, too; where the owner's own have
    revealed some before the week is over; and Week.DoesNotExist when another request was faster.
    """
    with transaction.atomic():
        lock_week(week)
        _refuse_revealed(week, [*week.movie_picks.all(), *week.album_picks.all()])
        if not force:
            on_week = Opinion.objects.on_week(week)
            _refuse_discussed(on_week, week, "your picks in this week; deleting it would delete", "week_discussed")
        week.delete()


def pick_movie(
    week: Week, *, tmdb_id: int, position: int, replace: bool = False, force: bool = False
) -> tuple[WeekMovie, bool]:
    """Put a movie into a position of a week, and say whether that was free; if not, what is there must be
    `replace`d, with `force` also where others have opinions on it.

    Raises Conflict, IntegrationError, or Week.DoesNotExist when the week went while upstream was asked.
    """
    _refuse_taken(WeekMovie, week, position, replace=replace, force=force, movie__tmdb_id=tmdb_id)
    try:
        movie, _ = catalog.get_movie(tmdb_id)
    except NotFound:
        raise NotFound("Movie not found in TMDB") from None
    return place_pick(WeekMovie(week=week, movie=movie, position=position), replace=replace, force=force)


def pick_album(
    week: Week, *, musicbrainz_id: UUID, position: int, replace: bool = False, force: bool = False
) -> tuple[WeekAlbum, bool]:
    """Put an album into a position of a week, all as pick_movie()."""
    _refuse_taken(WeekAlbum, week, position, replace=replace, force=force, album__musicbrainz_id=musicbrainz_id)
    try:
        album, _ = catalog.get_album(musicbrainz_id)
    except NotFound:
        raise NotFound("Album not found in MusicBrainz") from None
    return place_pick(WeekAlbum(week=week, album=album, position=position), replace=replace, force=force)


def _refuse_taken(
    model: type[WeekMovie | WeekAlbum], week: Week, position: int, *, replace: bool, force: bool, **work: object
) -> None:
    """Raise Conflict where the position is taken, unless it is to be replaced, or the work is in another one; also
    where others have opinions on what would be replaced, unless with `force`."""
    picks = model._default_manager.filter(week=week)
    if replace:
        _refuse_discussed_pick(picks.filter(position=position).exclude(**work), week, "replacing", force=force)
        picks = picks.exclude(position=position)
    elif picks.filter(position=position).exists():
        raise Conflict(f"Position {position} is already occupied", "position_occupied")
    if picks.filter(**work).exists():
        raise Conflict(f"This {next(iter(work)).partition('__')[0]} is already in this week", "already_picked")


def place_pick[P: (WeekMovie, WeekAlbum)](pick: P, *, replace: bool = False, force: bool = False) -> tuple[P, bool]:
    """Store a new pick and move its week's `updated_at`, both or neither; every pick is written here,
    or by place_picks().

    Returns the pick at its position, and whether that was free. With `replace` the pick that is there gives way, with
    `force` also where other members have opinions on it; the same work stays as it is. Raises Conflict, or
    Week.DoesNotExist.
    """
    work = {pick.kind: pick.work}
    there = type(pick)._default_manager.filter(week=pick.week, position=pick.position)
    try:
        with transaction.atomic():
            lock_week(pick.week)
            if replace and (same := there.filter(**work).first()):
                return same, False
            if replace:
                _refuse_discussed_pick(there, pick.week, "replacing", force=force)
            replaced = there.delete()[0] if replace else 0
            pick.save(force_insert=True)
            touch(pick.week)
    except IntegrityError:
        _refuse_taken(type(pick), pick.week, pick.position, replace=replace, force=force, **work)  # somebody was faster
        for name, one in work.items():
            if not type(one)._default_manager.filter(pk=one.pk).exists():
                raise Conflict(f"This {name} has just been merged into another: pick it again", "just_merged") from None
        raise
    return pick, not replaced


def place_picks(picks: Iterable[WeekMovie | WeekAlbum]) -> list[WeekMovie | WeekAlbum]:
    """Store new picks of one kind as they are, many at a time, for a caller who has locked their weeks, or has created
    them in the same transaction, and who sets their `updated_at`. Raises IntegrityError."""
    rows: list[Any] = list(picks)
    return type(rows[0])._default_manager.bulk_create(rows) if rows else []


def rematch(pick: WeekMovie | WeekAlbum, known_as: int | UUID) -> WeekMovie | WeekAlbum:
    """The pick, of the movie with this TMDB id or of the release with this MusicBrainz id from now on.

    It is a correction of what was meant all along: position, time and opinions stay. Raises Conflict where the week has
    that already, IntegrationError, Week.DoesNotExist, or the DoesNotExist of a pick that has just been removed.
    """
    kind, work = _find_work(pick, known_as)
    picks = type(pick)._default_manager
    try:
        with transaction.atomic():
            lock_week(pick.week)
            corrected = picks.select_related(kind, "week__user").get(pk=pick.pk)
            if getattr(corrected, f"{kind}_id") != work.pk:
                setattr(corrected, kind, work)
                corrected.save(update_fields=[kind])
                touch(corrected.week)
    except IntegrityError:
        if picks.filter(week=pick.week, **{kind: work}).exists():
            raise Conflict(f"This {kind} is already in this week", "already_picked") from None
        raise Conflict(f"This {kind} has just gone from the catalog: choose again", "work_gone") from None
    return corrected


def _find_work(pick: WeekMovie | WeekAlbum, known_as: int | UUID) -> tuple[str, Movie | Album]:
    """What a pick is to be of, with the name of its field. Raises IntegrationError."""
    if isinstance(pick, WeekMovie):
        return "movie", catalog.get_movie(cast(int, known_as))[0]
    return "album", catalog.get_album(cast(UUID, known_as))[0]


def previous_picks(pick: WeekMovie | WeekAlbum, user) -> QuerySet[WeekMovie] | QuerySet[WeekAlbum]:
    """The latest picks, as far as the user may see them, of the same movie or of any edition of the same album in
    earlier weeks."""
    if isinstance(pick, WeekMovie):
        same = WeekMovie.objects.filter(movie=pick.movie_id)
        return same.before(pick.week).visible_to(user).latest_first()[:MAX_PREVIOUS]
    return WeekAlbum.objects.of_album(pick.album).before(pick.week).visible_to(user).latest_first()[:MAX_PREVIOUS]


def remove_pick(model: type[WeekMovie | WeekAlbum], week: Week, position: int, *, force: bool = False) -> bool:
    """Empty a position of a week, and say whether there was anything.

    Raises Conflict where others have opinions on the pick, unless `force` lets them go, too; where the owner's own has
    revealed them before the week is over; and Week.DoesNotExist.
    """
    with transaction.atomic():
        lock_week(week)
        picks = model._default_manager.filter(week=week, position=position)
        _refuse_discussed_pick(picks, week, "removing", force=force)
        removed, _ = picks.delete()
        if removed:
            touch(week)
    return bool(removed)


def move_pick(
    model: type[WeekMovie | WeekAlbum], week: Week, position: int, new_position: int
) -> WeekMovie | WeekAlbum | None:
    """The pick at a position of a week, moved to the new one, from which another pick moves here; None without one.

    Opinions stay with their pick. Raises Week.DoesNotExist.
    """
    with transaction.atomic():
        lock_week(week)
        pick = model._default_manager.filter(week=week, position=position).first()
        if pick and position != new_position:
            swap_positions(model, week)
            touch(week)
            pick.position = new_position
    return pick


def swap_positions(model: type[WeekMovie | WeekAlbum], week: Week) -> None:
    """Let the first pick of a week, which is locked, become the second, and the second the first.

    The constraint on positions is checked row by row, while foreign keys are checked when the transaction ends: until
    both picks have their new positions, they are in a week that does not exist.
    """
    picks = model._default_manager
    positions = dict(picks.filter(week=week).values_list("pk", "position"))
    picks.filter(pk__in=positions).update(week=-week.pk)
    for pk, position in positions.items():
        picks.filter(pk=pk).update(week=week, position=sum(Pick.Position.values) - position)


def _refuse_revealed(week: Week, picks: Iterable[WeekMovie | WeekAlbum]) -> None:
    """Raise Conflict where an opinion of the week's owner would go that has revealed others' on one of these picks."""
    if any(has_revealed(week.user, pick) for pick in picks):
        raise Conflict(
            "You have read what others think of this, so your own opinion stays. Try again once the week is over.",
            "revealed",
        )


def _refuse_discussed_pick(
    picks: QuerySet[WeekMovie] | QuerySet[WeekAlbum], week: Week, what: str, *, force: bool
) -> None:
    """Raise Conflict where people whom the week's owner may see have opinions on these picks, unless with `force`; and
    where the owner's own opinion has revealed those, also with it."""
    _refuse_revealed(week, picks)
    if force:
        return
    on_these = Q(movie_pick__in=picks) if picks.model is WeekMovie else Q(album_pick__in=picks)
    _refuse_discussed(Opinion.objects.filter(on_these), week, f"this pick; {what} it would remove", "pick_discussed")


def _refuse_discussed(opinions: OpinionQuerySet, week: Week, what: str, code: str) -> None:
    """Raise Conflict where people whom the week's owner may see are among those who gave these opinions."""
    given = list(
        _others_on(opinions, week)
        .select_related("user")
        .only("rating", "user__username", "user__display_name")
        .order_by("created_at", "pk")
    )
    if given:
        raise Conflict(f"{_who_said(given)} {what} that, too.", code)


def _who_said(opinions: list[Opinion]) -> str:
    """Such as "Ben and 3 others have already rated"."""
    first, *others = {opinion.user_id: opinion.user.get_full_name() for opinion in opinions}.values()
    who = f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}" if others else first
    kinds = {"reviewed" if opinion.rating is None else "rated" for opinion in opinions}
    return f"{who} {'have' if others else 'has'} already {' or '.join(sorted(kinds))}"


def _others_on(opinions: OpinionQuerySet, week: Week) -> OpinionQuerySet:
    """Those by people other than the week's owner whom they may see."""
    return opinions.filter(visible_to(week.user_id, "user")).exclude(user=week.user_id)


def give_opinion(
    user, pick: WeekMovie | WeekAlbum, *, rating: int | None, review: str, contains_spoilers: bool
) -> tuple[Opinion, bool]:
    """What the user thinks of a pick from now on, and whether they had no opinion before.

    A rating that changes is remembered, also that there was none, up to MAX_EARLIER of them. Raises
    WeekMovie.DoesNotExist, WeekAlbum.DoesNotExist or Week.DoesNotExist when the pick has just been removed.
    """
    with transaction.atomic():
        lock_user(user)
        lock_week(pick.week)
        pick.refresh_from_db(fields=["position"])
        mine = own_opinion(user, pick)
        opinion = mine or Opinion(user=user, **on_pick(pick))
        if mine and mine.rating != rating:
            mine.earlier_ratings.create(rating=mine.rating)
            for oldest in mine.earlier_ratings.all()[MAX_EARLIER:]:
                oldest.delete()
        opinion.rating, opinion.review, opinion.contains_spoilers = rating, review, contains_spoilers
        opinion.updated_at = timezone.now()
        opinion.save()
    return opinion, mine is None


def take_back_opinion(user, pick: WeekMovie | WeekAlbum) -> bool:
    """Delete what the user thinks of a pick, with its history, and say whether there was anything.

    Raises Conflict where it has revealed what others think before the week is over.
    """
    with transaction.atomic():
        lock_week(pick.week)
        if has_revealed(user, pick):
            raise Conflict(
                "Your opinion has revealed those of others on this pick. You can change it now, and delete it once the "
                "week is over.",
                "revealed",
            )
        deleted, _ = Opinion.objects.filter(user=user, **on_pick(pick)).delete()
    return bool(deleted)


def has_revealed(user, pick: WeekMovie | WeekAlbum) -> bool:
    """Whether the user reads what others think of a pick only because they have an opinion on it."""
    on = next(iter(on_pick(pick)))
    others = Opinion.objects.visible_to(user, on).filter(**on_pick(pick)).exclude(user=user)
    return settings.BLIND_REVEAL and others.exclude(over_for(user, f"{on}__week__")).exists()


def own_opinion(user, pick: WeekMovie | WeekAlbum) -> Opinion | None:
    return Opinion.objects.filter(user=user, **on_pick(pick)).first()


def on_pick(pick: WeekMovie | WeekAlbum) -> dict[str, WeekMovie | WeekAlbum]:
    return {"movie_pick": pick} if isinstance(pick, WeekMovie) else {"album_pick": pick}


def lock_user(user) -> None:
    """Nobody deletes the account until the transaction ends. Raises the DoesNotExist of a user who has just gone.

    It comes before any week, as with whoever leaves; in another order the two could lock each other out.
    """
    there = user._meta.default_manager.select_for_update(no_key=True).filter(pk=user.pk)
    if not list(there.values_list("pk")):
        raise user._meta.model.DoesNotExist


def lock_week(week: Week) -> Week:
    """The week as it is stored; nobody else changes it or its picks until the transaction ends. Raises
    Week.DoesNotExist.

    It comes before anything that is done to picks: in another order two requests could lock each other out.
    """
    return Week.objects.select_for_update().get(pk=week.pk)


def touch(week: Week) -> None:
    """Say that the week, or what is in it, has just changed."""
    Week.objects.filter(pk=week.pk).update(updated_at=timezone.now())
