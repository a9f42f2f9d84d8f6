"""Weeks with their picks as a table: one row for each pick, and one for a week without any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.utils import timezone
from import_export.fields import Field
from import_export.instance_loaders import BaseInstanceLoader
from import_export.results import RowResult

from catalog import services as catalog
from catalog.exchange import CHUNK, ROW, Cell, Meant, Refused, TableResource, in_short
from catalog.models import Album, Movie
from integrations import musicbrainz, tmdb
from selections import backfill, services
from selections.models import Week, WeekAlbum, WeekMovie
from selections.weeks import read_week_name

from .readers import cells
from .readers.rows import RowError

type Place = tuple[int, tuple[int, int]]  # a user's id, with ISO year and week

NO_CHANGE = "No change"


@dataclass(frozen=True)
class PickRow:
    """A pick as its row says it, or a week without picks."""

    username: str
    week: str
    kind: str = ""
    position: int | None = None
    tmdb_id: int | None = None
    musicbrainz_id: object = None
    title: str = ""
    added_at: datetime | None = None
    notes: str = ""


@dataclass(frozen=True)
class Taken:
    """What has a position, and the row that puts it there; empty: it was there."""

    work: Movie | Album
    row: str = ""


def _column(name: str) -> Field:
    return Field(attribute=name, column_name=name, widget=Cell())


class WeekResource(TableResource):
    """Rows of picks: missing weeks and picks are created, and what is there stays as it is."""

    username = _column("username")
    week = _column("week")
    kind = _column("kind")
    position = _column("position")
    tmdb_id = _column("tmdb_id")
    musicbrainz_id = _column("musicbrainz_id")
    title = _column("title")
    added_at = _column("added_at")
    notes = _column("notes")

    about = (
        "Read are username, week, kind, position, tmdb_id or musicbrainz_id, added_at and notes: one row for each "
        "pick, with an empty kind for a week without any. Missing weeks and picks are created; what is there stays."
    )
    preview = ("username", "week", "kind", "position", "title", "added_at", "notes")
    needed = (("username",), ("week",), ("kind",), ("position",), ("tmdb_id", "musicbrainz_id"))

    class Meta:
        instance_loader_class = BaseInstanceLoader  # never asked: see mean()

    def get_queryset(self):
        return Week.objects.all()

    def iter_queryset(self, queryset):
        """A row for each pick; three queries for each chunk of weeks."""
        weeks = (
            queryset.select_related("user")
            .prefetch_related(None)
            .prefetch_related(
                Prefetch("movie_picks", WeekMovie.objects.select_related("movie").order_by("position")),
                Prefetch("album_picks", WeekAlbum.objects.select_related("album").order_by("position")),
            )
        )
        return chain.from_iterable(_rows(week) for week in weeks.iterator(chunk_size=CHUNK))

    def prepare(self, rows, user):
        self.rows_of_weeks: dict[Place, str] = {}  # the row that creates the week
        self.notes_of_weeks: dict[Place, tuple[str, str]] = {}  # what the week gets, and the row that says so
        self.new_picks: list[WeekMovie | WeekAlbum] = []
        self.places_of_picks: list[Place] = []
        names = {row["username"].strip().lower() for row in rows}
        people = get_user_model()._default_manager.filter(username__in=names)
        self.people = {person.username: person for person in people}
        self.years = {name[0] for row in rows if (name := _read_week(row))}
        if user:
            self._lock(user, rows)
        self.weeks = self._find_weeks()
        self.taken = self._find_taken()
        self.works: dict[str, dict[Any, Movie | Album]] = {
            "movie": dict(catalog.known_movies({known_as for row in rows if (known_as := _read_tmdb_id(row))})),
            "album": dict(catalog.known_albums({known_as for row in rows if (known_as := _read_musicbrainz_id(row))})),
        }

    def _find_weeks(self) -> dict[Place, Week]:
        weeks = Week.objects.filter(user__in=self.people.values(), year__in=self.years)
        return {(week.user_id, (week.year, week.week_number)): week for week in weeks}

    def _lock(self, user: Any, rows: list[dict[str, str]]) -> None:
        """People first, then weeks, as everywhere; each in the order of their keys."""
        for person in sorted({user, *self.people.values()}, key=lambda person: person.pk):
            services.lock_user(person)
        named = {(person.pk, _read_week(row)) for row in rows if (person := self._person(row))}
        ids = [week.pk for place, week in self._find_weeks().items() if place in named]
        list(Week.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))

    def _find_taken(self) -> dict[tuple[Place, str], dict[int, Taken]]:
        places = {week.pk: place for place, week in self.weeks.items()}
        taken: dict[tuple[Place, str], dict[int, Taken]] = {}
        theirs = {"week__user__in": self.people.values(), "week__year__in": self.years}
        movies = WeekMovie.objects.filter(**theirs).select_related("movie")
        albums = WeekAlbum.objects.filter(**theirs).select_related("album")
        for kind, picks in (("movie", movies), ("album", albums)):
            for pick in picks:
                if place := places.get(pick.week_id):
                    taken.setdefault((place, kind), {})[pick.position] = Taken(getattr(pick, kind))
        return taken

    def _person(self, row: dict[str, str]) -> Any:
        return self.people.get(row["username"].strip().lower())

    def mean(self, row):
        person, name = self._person(row), _read_week(row)
        if person is None:
            called = in_short(row["username"].strip())
            raise ValidationError(f"Nobody here is called {called}: correct the name, or create the account first.")
        if name is None:
            raise ValidationError(f"Write the ISO week as 2026-W07: {in_short(row['week'])} is none.")
        kind = row["kind"].strip().lower()
        if kind not in ("movie", "album", ""):
            raise ValidationError(f"The kind is movie or album: {in_short(kind)} is neither.")
        try:
            notes = cells.read_text(row.get("notes", ""))
            position = cells.read_position(row["position"].strip())
            added_at = cells.read_instant(row.get("added_at", "").strip(), person.zone)
        except RowError as error:
            raise ValidationError(str(error)) from None
        place = (person.pk, name)
        pick = self._mean_pick(row, place, kind, position, added_at)
        is_noted = self._mean_notes(row[ROW], place, notes)
        is_new_week = place not in self.weeks and self.rows_of_weeks.setdefault(place, row[ROW]) == row[ROW]
        words = _in_words(pick, is_new_week=is_new_week, is_noted=is_noted)
        state = RowResult.IMPORT_TYPE_NEW if pick or is_new_week else RowResult.IMPORT_TYPE_UPDATE
        if words == NO_CHANGE:
            state = RowResult.IMPORT_TYPE_SKIP
        work = self._work(row, kind) if kind else ""
        shown = [person.username, row["week"].strip(), kind, str(position or ""), str(work)]
        return Meant(state, words, [*shown, f"{pick.added_at:%Y-%m-%d %H:%M}" if pick else "", notes])

    def _mean_pick(
        self, row: dict[str, str], place: Place, kind: str, position: int | None, added_at: datetime | None
    ) -> WeekMovie | WeekAlbum | None:
        """The pick that the row adds; None where it is there, or where the row is just a week's."""
        if not kind:
            if position or _cell(row, "tmdb_id") or _cell(row, "musicbrainz_id"):
                raise ValidationError("Write movie or album in kind, so that it is known what is picked.")
            return None
        work = self._work(row, kind)
        if position is None:
            raise ValidationError("Write 1 or 2 as the position.")
        taken = self.taken.setdefault((place, kind), {})
        if there := taken.get(position):
            if there.work.pk == work.pk:
                return None
            by = f"is in row {there.row}" if there.row else "is there and stays"
            raise ValidationError(f"Position {position} is taken by {there.work}, which {by}: choose the other one.")
        for other, there in taken.items():
            if there.work.pk == work.pk:
                raise ValidationError(f"{work} is in this week already, at position {other}.")
        taken[position] = Taken(work, row[ROW])
        pick = WeekMovie(movie=work) if isinstance(work, Movie) else WeekAlbum(album=work)
        now = timezone.now()
        pick.position, pick.added_at = position, min(added_at or now, now)
        self.new_picks.append(pick)
        self.places_of_picks.append(place)
        return pick

    def _work(self, row: dict[str, str], kind: str) -> Movie | Album:
        column, service = {"movie": ("tmdb_id", "TMDB"), "album": ("musicbrainz_id", "MusicBrainz")}[kind]
        known_as = _read_tmdb_id(row) if kind == "movie" else _read_musicbrainz_id(row)
        if known_as is None:
            raise ValidationError(
                f"Write an id of {service} in {column}: {in_short(_cell(row, column))} is none of a {kind}."
            )
        if known_as not in self.works[kind]:
            raise ValidationError(f"{known_as} is not in the catalog: add it first by searching {service}.")
        return self.works[kind][known_as]

    def _mean_notes(self, number: str, place: Place, notes: str) -> bool:
        """Whether the week gets these notes; those that it has stay."""
        week = self.weeks.get(place)
        if not notes or (week and week.notes):
            return False
        said, earlier = self.notes_of_weeks.setdefault(place, (notes, number))
        if said != notes:
            raise ValidationError(f"Row {earlier} has other notes for this week: write the same, or none.")
        return earlier == number

    def store(self):
        now = timezone.now()
        people = {person.pk: person for person in self.people.values()}
        for pk, places in groupby(sorted(self.rows_of_weeks), key=lambda place: place[0]):
            try:
                backfill.create_weeks(people[pk], [name for _, name in places])
            except services.Conflict as conflict:
                raise Refused(f"{people[pk]}: {conflict}") from None
        changed = {*self.places_of_picks, *self.notes_of_weeks, *self.rows_of_weeks}
        weeks = self._find_weeks()
        if changed - weeks.keys():
            raise Refused("Somebody has just deleted one of the weeks.")
        for place, pick in zip(self.places_of_picks, self.new_picks, strict=True):
            pick.week = weeks[place]
        WeekMovie.objects.bulk_create([pick for pick in self.new_picks if isinstance(pick, WeekMovie)])
        WeekAlbum.objects.bulk_create([pick for pick in self.new_picks if isinstance(pick, WeekAlbum)])
        for place, (notes, _) in self.notes_of_weeks.items():
            weeks[place].notes = notes
            weeks[place].save(update_fields=["notes"])
        Week.objects.filter(pk__in=[weeks[place].pk for place in changed]).update(updated_at=now)
        for place in changed:
            weeks[place].user = people[place[0]]
        created = [weeks[place] for place in sorted(self.rows_of_weeks)]
        others = [weeks[place] for place in sorted(changed - self.rows_of_weeks.keys())]
        self.written = [(ADDITION, created, "Imported from a file."), (CHANGE, others, "Picks imported from a file.")]


def _rows(week: Week) -> Iterator[PickRow]:
    said: dict[str, Any] = {"username": week.user.username, "week": week.name, "notes": week.notes}
    picks: list[WeekMovie | WeekAlbum] = [*week.movie_picks.all(), *week.album_picks.all()]
    for pick in picks:
        said |= {"position": pick.position, "added_at": pick.added_at}
        if isinstance(pick, WeekMovie):
            yield PickRow(**said, kind="movie", tmdb_id=pick.movie.tmdb_id, title=str(pick.movie))
        else:
            yield PickRow(**said, kind="album", musicbrainz_id=pick.album.musicbrainz_id, title=str(pick.album))
    if not picks:
        yield PickRow(**said)


def _cell(row: dict[str, str], column: str) -> str:
    return row.get(column, "").strip()


def _read_week(row: dict[str, str]) -> tuple[int, int] | None:
    return read_week_name(row["week"].strip().upper())


def _read_tmdb_id(row: dict[str, str]) -> int | None:
    found = tmdb.read_address(_cell(row, "tmdb_id"))
    return found if isinstance(found, int) else None


def _read_musicbrainz_id(row: dict[str, str]) -> Any:
    found = musicbrainz.read_address(_cell(row, "musicbrainz_id"))
    return found[1] if found and found[0] != "release-group" else None


def _in_words(pick: object, *, is_new_week: bool, is_noted: bool) -> str:
    new = [name for name, is_new in (("week", is_new_week), ("pick", pick), ("notes", is_noted)) if is_new]
    return f"New {' and '.join(new)}" if new else NO_CHANGE
