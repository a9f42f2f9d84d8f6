"""What people do with weeks; the database's constraints decide, and are put into words here."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog import services as catalog
from integrations.errors import NotFound

from .models import Week, WeekAlbum, WeekMovie


class Conflict(Exception):
    """Something is there already; `str()` says what."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def create_week(user, *, year: int, week_number: int, notes: str = "") -> Week:
    """A new week of the user. Raises Conflict where one exists."""
    try:
        with transaction.atomic():
            return Week.objects.create(user=user, year=year, week_number=week_number, notes=notes)
    except IntegrityError:
        if not Week.objects.filter(user=user, year=year, week_number=week_number).exists():
            raise
        raise Conflict(f"Week {year}-W{week_number:02} already exists", "week_exists") from None


def current_week(user) -> Week:
    """The user's week that today, in their time zone, is part of; created if absent."""
    today = timezone.localdate(timezone=user.zone).isocalendar()
    week, _ = Week.objects.get_or_create(user=user, year=today.year, week_number=today.week)
    return week


def change_notes(week: Week, notes: str) -> None:
    """Raises Week.DoesNotExist when the week has just been deleted."""
    week.notes, week.updated_at = notes, timezone.now()
    if not Week.objects.filter(pk=week.pk).update(notes=week.notes, updated_at=week.updated_at):
        raise Week.DoesNotExist


def delete_week(week: Week) -> None:
    """Raises Week.DoesNotExist when somebody else was faster."""
    with transaction.atomic():
        _lock(week)
        week.delete()


def pick_movie(week: Week, *, tmdb_id: int, position: int) -> WeekMovie:
    """Put a movie into a free position of a week.

    Raises Conflict, IntegrationError, or Week.DoesNotExist when the week went while upstream was asked.
    """
    _refuse_taken(WeekMovie, week, position, movie__tmdb_id=tmdb_id)
    try:
        movie, _ = catalog.get_movie(tmdb_id)
    except NotFound:
        raise NotFound("Movie not found in TMDB") from None
    return _put(WeekMovie(week=week, movie=movie, position=position), movie=movie)


def pick_album(week: Week, *, musicbrainz_id: UUID, position: int) -> WeekAlbum:
    """Put an album into a free position of a week. Raises as pick_movie()."""
    _refuse_taken(WeekAlbum, week, position, album__musicbrainz_id=musicbrainz_id)
    try:
        album, _ = catalog.get_album(musicbrainz_id)
    except NotFound:
        raise NotFound("Album not found in MusicBrainz") from None
    return _put(WeekAlbum(week=week, album=album, position=position), album=album)


def _refuse_taken(model: type[WeekMovie | WeekAlbum], week: Week, position: int, **work: object) -> None:
    """Raise Conflict where the position is taken, or the work is in the week already."""
    picks = model._default_manager.filter(week=week)
    if picks.filter(position=position).exists():
        raise Conflict(f"Position {position} is already occupied", "position_occupied")
    if picks.filter(**work).exists():
        raise Conflict(f"This {next(iter(work)).partition('__')[0]} is already in this week", "already_picked")


def _put[P: (WeekMovie, WeekAlbum)](pick: P, **work: object) -> P:
    """Store a pick and move its week's `updated_at`, both or neither."""
    try:
        with transaction.atomic():
            _lock(pick.week)
            pick.save(force_insert=True)
            touch(pick.week)
    except IntegrityError:
        _refuse_taken(type(pick), pick.week, pick.position, **work)  # somebody was faster
        raise
    return pick


def remove_pick(model: type[WeekMovie | WeekAlbum], week: Week, position: int) -> bool:
    """Empty a position of a week, and say whether there was anything. Raises Week.DoesNotExist."""
    with transaction.atomic():
        _lock(week)
        removed, _ = model._default_manager.filter(week=week, position=position).delete()
        if removed:
            touch(week)
    return bool(removed)


def _lock(week: Week) -> None:
    """Let nobody else change the week or its picks until the transaction ends. Raises Week.DoesNotExist.

    It comes before anything that is done to picks: in another order two requests could lock each other out.
    """
    Week.objects.select_for_update().get(pk=week.pk)


def touch(week: Week) -> None:
    """Say that the week, or what is in it, has just changed."""
    Week.objects.filter(pk=week.pk).update(updated_at=timezone.now())
