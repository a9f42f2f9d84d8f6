"""A user's weeks as a calendar to subscribe to: https://www.rfc-editor.org/rfc/rfc5545"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db.models import FilteredRelation, Q, QuerySet, StringAgg, TextField, Value
from django.db.models.functions import Cast, JSONArray
from icalendar import Calendar, Event, vDuration, vText

from accounts.compiled import compiled

from .models import MAX_RATING, AnyPick, Week, WeekAlbum, WeekMovie

FORMAT = 1  # raise it when write_calendar() produces a different calendar from the same weeks
REFRESH = timedelta(hours=6)  # how often calendar programs should look again
LINE_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # in any calendar program


class Text(vText):
    """Icalendar's own class reads a backslash and an N as a line break."""

    def to_ical(self) -> bytes:
        escaped = str(self).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
        return escaped.replace("\n", "\\n").encode()


def write_calendar(user) -> bytes:
    """The user's weeks, each an all-day event from Monday to Sunday, with their picks, their own ratings of them, and
    their notes."""
    calendar = Calendar()
    calendar["VERSION"] = "2.0"
    calendar["PRODID"] = "-//Wrong Opinions//Weeks//EN"
    calendar["METHOD"] = "PUBLISH"
    calendar["X-WR-CALNAME"] = calendar["NAME"] = _line(f"Wrong Opinions of {user.display_name or user.username}")
    calendar["X-PUBLISHED-TTL"] = vDuration(REFRESH)
    calendar.add("refresh-interval", vDuration(REFRESH), {"VALUE": "DURATION"})
    for week in Week.objects.filter(user=user).for_page(user):
        calendar.add_component(_event(week))
    return calendar.to_ical(sorted=False)


def stamp(user) -> str:
    """A digest of all data that write_calendar() uses, at a fraction of its cost."""
    parts = [f"{FORMAT} {user.username} {user.display_name}"]
    for part in range(3):
        parts += [digest for (digest,) in compiled(_stamp_part, part)(user.pk)] or [""]
    return sha256("\n".join(parts).encode()).hexdigest()


def _stamp_part(part: int, user: int) -> QuerySet[Any, Any]:
    own = FilteredRelation("opinions", condition=Q(opinions__user=user))
    of_pick = ["pk", "week_id", "position", "own__rating", "own__updated_at"]
    movie = ["movie__own_title", "movie__title", "movie__release_date"]
    album = ["album__own_title", "album__title", "album__artist"]
    rows, owner, names = [
        (Week.objects.all(), "user", ["pk", "year", "week_number", "created_at", "updated_at"]),
        (WeekMovie.objects.annotate(own=own), "week__user", [*of_pick, *movie]),
        (WeekAlbum.objects.annotate(own=own), "week__user", [*of_pick, *album]),
    ][part]
    rows_as_text = StringAgg(Cast(JSONArray(*names), TextField()), Value("\n"))
    of_owner = rows.filter(**{owner: user}).order_by().values(owner).annotate(text=rows_as_text)
    return of_owner.values_list("text")


def _event(week: Week) -> Event:
    picks: list[AnyPick] = [*week.movies, *week.albums]
    changed_at = max([week.updated_at, *(pick.my_opinion.updated_at for pick in picks if pick.my_opinion)])
    event = Event()
    event["UID"] = f"week-{week.pk}-{week.created_at:%Y%m%d%H%M%S%f}@wrong-opinions"  # of this week wherever it moves
    event.add("DTSTAMP", changed_at)  # the time of the request would change each response
    event.add("LAST-MODIFIED", changed_at)
    event.add("DTSTART", week.starts_on)
    event.add("DTEND", week.ends_on + timedelta(days=1))  # the first day after it
    event["SUMMARY"] = _line(f"{week.name}: {' · '.join(_title(pick) for pick in picks) or 'nothing yet'}")
    if description := _text("\n".join(_describe(picks, week.notes))):
        event["DESCRIPTION"] = description
    event["TRANSP"] = "TRANSPARENT"  # a week does not make you busy
    return event


def _title(pick: AnyPick) -> str:
    return pick.work.shown_title if pick.kind == "movie" else str(pick.work)


def _describe(picks: Iterable[AnyPick], notes: str) -> Iterator[str]:
    """Lines: the picks, each with its rating, and the notes."""
    for pick in picks:
        opinion = pick.my_opinion
        rating = f" – {opinion.rating} of {MAX_RATING}" if opinion and opinion.rating else ""
        yield _line(str(pick.work)) + rating
    if notes:
        yield ""
        yield notes


def _line(text: str) -> Text:
    """The text in one line, as for names."""
    return Text(" ".join(_text(text).split()))


def _text(text: str) -> Text:
    """The text without control characters, which a calendar may not contain."""
    broken = LINE_BREAK.sub("\n", text)
    return Text("".join(sign for sign in broken if sign in "\n\t" or unicodedata.category(sign) != "Cc").strip())
