"""A user's data as a file: our JSON, which restoring.py imports, a CSV for spreadsheets, and a CSV that Letterboxd
imports (https://letterboxd.com/about/importing-data/).

Each is made of pieces of text, one year of the history after the other, so that memory does not grow with it. No query
is left open and no transaction is held in between: the client may be slow, or never read the rest.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, islice
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog import portable
from catalog.json_fields import Instant
from catalog.spreadsheets import csv_line, defuse, write_csv
from selections.kinds import ALBUM, KINDS, MOVIE, Kind
from selections.models import EarlierRating, Opinion, OpinionQuerySet, ShortlistItem, Week, WeekAlbum, WeekMovie
from selections.models.plans import ShortlistQuerySet
from selections.weeks import this_week, week_before

from . import own_json
from .readers.ours import COLUMNS as CSV_COLUMNS

WORKS = 25  # works at a time, each with up to a hundred credits
LETTERBOXD_COLUMNS = ["tmdbID", "Title", "Year", "Rating10", "WatchedDate", "Rewatch", "Tags", "Review"]
LETTERBOXD_MAX = 1_000_000  # bytes of a file that Letterboxd takes
LETTERBOXD_MAX_REVIEW = 490_000  # bytes, each of which may be a quotation mark, which is written twice


def file_name(user, ending: str) -> str:
    """Such as wrong-opinions-ada-2026-11-22.json."""
    return f"wrong-opinions-{user.username}-{timezone.localdate(timezone=user.zone)}{ending}"


def to_json(user, year: int | None = None) -> Iterator[str]:
    """The user's data, or that of one ISO year, without their shortlist; others' opinions on it as far as the user may
    read them; and the catalog's details of the works, so that an import needs no upstream. Each week, opinion and work
    is a line; own_json.py defines its fields.

    It contains no email address, no credentials, and no ids of our database.
    """
    head = {
        "format": own_json.FORMAT,
        "version": own_json.VERSION,
        "exported_at": Instant().write(timezone.now()),
        "user": own_json.USER.write(user),
    }
    yield _dumps(head)[:-1] + ',\n"weeks": ['
    yield from _lines(map(own_json.WEEK.write, _weeks(user, year)))
    yield '],\n"opinions_given": ['
    yield from _lines(map(own_json.GIVEN_OPINION.write, _opinions_given(user, year)))
    yield '],\n"shortlist": ['
    yield from _lines(map(own_json.SHORTLIST_ITEM.write, _shortlist(user, year)))
    yield '],\n"catalog": {"movies": ['
    yield from _lines(map(portable.MOVIE.write, _works(user, year, MOVIE)))
    yield '], "albums": ['
    yield from _lines(map(portable.ALBUM.write, _works(user, year, ALBUM)))
    yield "]}}\n"


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line for each row of a JSON list."""
    start = "\n"
    for row in rows:
        yield start + _dumps(row)
        start = ",\n"
    if start != "\n":
        yield "\n"


def _of_year(year: int | None, week: str = "") -> Q:
    return Q() if year is None else Q(**{f"{week}year": year})


def _weeks(user, year: int | None = None) -> Iterator[Week]:
    """The user's weeks, the earliest first, with the `readable_opinions` of each pick, in seven queries a year."""
    weeks = Week.objects.filter(_of_year(year), user=user)
    years = list(weeks.order_by("year").values_list("year", flat=True).distinct())
    opinions = _readable(user).order_by("-own", "created_at", "id")
    for kind in KINDS.values():
        picks = kind.picks._default_manager.select_related(kind.name).order_by("position")
        weeks = weeks.prefetch_related(
            Prefetch(kind.related_picks, picks),
            Prefetch(f"{kind.related_picks}__opinions", opinions, to_attr="readable_opinions"),
        )
    for year in years:
        yield from weeks.filter(year=year).order_by("week_number")


def _readable(user) -> OpinionQuerySet:
    """The opinions that the user may read, each with whether it is their `own`, and with earlier ratings if it is."""
    changed = EarlierRating.objects.filter(opinion__user=user).order_by("until_at", "id")
    readable = Opinion.objects.visible_to(user).annotate(own=Q(user=user)).select_related("user")
    return readable.prefetch_related(Prefetch("earlier_ratings", changed))


def _opinions_given(user, year: int | None) -> Iterator[Opinion]:
    """The user's opinions on picks of others whom they may see, by week, in two queries a year."""
    given = _readable(user).filter(_of_year(year, "week__"), user=user).exclude(week__user=user).with_picks()
    for of_year in sorted(given.order_by().values_list("week__year", flat=True).distinct()):
        # Sorted here, as databases differ in how they sort names.
        yield from sorted(given.filter(week__year=of_year), key=_place_of)


def _place_of(opinion: Opinion) -> tuple[int, str, str, int]:
    """The sort key of an opinion, which is unique."""
    return opinion.week.week_number, opinion.week.user.username, opinion.kind, opinion.pick.position


def _shortlist(user, year: int | None) -> ShortlistQuerySet:
    """The user's shortlist, the earliest first; it is of no year."""
    items = ShortlistItem.objects.filter(user=user).select_related("movie", "album").order_by("created_at", "id")
    return items if year is None else items.none()


def _works(user, year: int | None, kind: Kind) -> Iterator[Any]:
    """The works of the user's picks and shortlist, and of picks that they have an opinion on, by id, in batches."""
    picked = kind.picks._default_manager.filter(_of_year(year, "week__"), week__user=user).values(kind.name)
    given = Opinion.objects.visible_to(user).on_kind(kind.name).filter(_of_year(year, "week__"), user=user)
    works = portable.with_parts(
        kind.works._default_manager.filter(
            Q(pk__in=picked)
            | Q(pk__in=given.values(f"{kind.opinion_field}__{kind.name}"))
            | Q(pk__in=_shortlist(user, year).order_by().on_kind(kind.name).values(kind.name))
        ).order_by(kind.id_field)
    )
    after: dict[str, Any] = {}
    while part := list(works.filter(**after)[:WORKS]):
        yield from part
        after = {f"{kind.id_field}__gt": part[-1].external_id}


def to_csv(*users) -> Iterator[str]:
    """A line for each pick and opinion on it, of all the users. A pick without opinions has one line, and so has a week
    without picks, for its notes. Each user's lines contain only what that user may read."""
    rows = (row for user in users for week in _weeks(user) for row in csv_rows(week, user))
    return write_csv(CSV_COLUMNS, rows)


def csv_rows(week: Week, user) -> Iterator[dict[str, Any]]:
    """The lines of a week, by column, with opinions if `readable_opinions` of its picks were loaded."""
    start = {
        "format_version": own_json.VERSION,
        "username": user.username,
        "year": week.year,
        "week_number": week.week_number,
        "week_start": week.starts_on,
        "week_notes": week.notes,
    }
    for pick in week.picks:
        picked = start | _csv_pick(pick)
        opinions = getattr(pick, "readable_opinions", [])
        for opinion in opinions:
            yield picked | {
                "rating": opinion.rating or "",
                "review": opinion.review,
                "contains_spoilers": str(opinion.contains_spoilers).lower(),
                "opinion_by": opinion.user.username,
                "opinion_at": Instant().write(opinion.created_at),
            }
        if not opinions:
            yield picked
    if not week.picks:
        yield start


def _csv_pick(pick: WeekMovie | WeekAlbum) -> dict[str, Any]:
    names = ("title", "artist", "release_date", "release_group_id")
    return {name: getattr(pick.work, name, "") or "" for name in names} | {
        "kind": pick.kind,
        "position": pick.position,
        "added_at": Instant().write(pick.added_at),
        "rewatch": "" if pick.rewatch is None else str(pick.rewatch).lower(),
        KINDS[pick.kind].id_field: pick.work.external_id,
    }


def to_letterboxd(user) -> Iterator[str]:
    """The movies that the user picked up to this week, as one or more whole files of up to LETTERBOXD_MAX bytes.

    Titles that a spreadsheet would compute are defused, as Letterboxd knows a movie by its id. The user's own reviews
    stay as they are: Letterboxd would show what defuses them.
    """
    header = csv_line(LETTERBOXD_COLUMNS)
    room = LETTERBOXD_MAX - len(header)
    lines, left = [header], room
    for pick in _movies_watched(user):
        line = _letterboxd_line(pick, user)
        size = len(line.encode())
        if size > left:
            yield "".join(lines)
            lines, left = [header], room
        lines.append(line)
        left -= size
    yield "".join(lines)


def _movies_watched(user) -> Iterator[WeekMovie]:
    """The user's movies of all weeks that have begun, the earliest first, in two queries a year: with `own_opinions`,
    and whether it `was_seen` before: as the user says, else whether they picked it in an earlier week."""
    begun = Week.objects.filter(user=user).until(*this_week(user))  # in later ones nothing was watched yet
    picks = WeekMovie.objects.filter(week__in=begun)
    before = week_before(OuterRef("week__year"), OuterRef("week__week_number"), "week__")  # type: ignore[arg-type]
    seen = WeekMovie.objects.filter(before, week__user=user, movie=OuterRef("movie"))
    for year in list(picks.order_by("week__year").values_list("week__year", flat=True).distinct()):
        yield from (
            picks.filter(week__year=year)
            .annotate(was_seen=Coalesce("rewatch", Exists(seen)))
            .select_related("week", "movie")
            .order_by("week__week_number", "position")
            .prefetch_related(Prefetch("opinions", Opinion.objects.filter(user=user), to_attr="own_opinions"))
        )


def _letterboxd_line(pick: WeekMovie, user) -> str:
    opinion: Opinion | None = next(iter(getattr(pick, "own_opinions", [])), None)
    review = opinion.review if opinion else ""
    if len(review.encode()) > LETTERBOXD_MAX_REVIEW:
        review = review.encode()[:LETTERBOXD_MAX_REVIEW].decode(errors="ignore") + "…"
    return csv_line(
        [
            pick.movie.tmdb_id,
            defuse(pick.movie.title),
            pick.movie.release_date.year if pick.movie.release_date else "",
            (opinion.rating if opinion else None) or "",
            _watched_on(pick, user),
            "Yes" if getattr(pick, "was_seen", False) else "",
            f"wrong-opinions, {pick.week.name}",
            review,
        ]
    )


def _watched_on(pick: WeekMovie, user) -> date:
    """The day on which it was picked if that is in its week, else the week's last day, but never a future day."""
    day = pick.added_at.astimezone(user.zone).date()
    last = min(pick.week.ends_on, timezone.localdate(timezone=user.zone))
    return day if pick.week.starts_on <= day <= last else last


def letterboxd_files(user) -> Iterator[tuple[str, str]]:
    """The files for Letterboxd, each with what its name ends in: `-1`, `-2` and so on, or nothing if there is one."""
    parts = to_letterboxd(user)
    first, *second = islice(parts, 2)
    if second:
        yield from ((f"-{number}", part) for number, part in enumerate(chain([first], second, parts), 1))
    else:
        yield "", first


def zipped(files: Iterable[tuple[str, str]]) -> bytes:
    """A ZIP file of these, by name, one in memory at a time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(name, text.encode())
    return packed.getvalue()
