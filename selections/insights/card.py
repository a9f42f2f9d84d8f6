"""A year in opinions as a picture, of one member or of two, which templates/selections/year.svg draws.

Anyone may see it, so it shows nothing about other members, and no opinion on a week that is not over everywhere.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from selections.kinds import KINDS
from selections.models import MAX_RATING
from selections.weeks import LAST_ZONE, week_in, week_name, weeks_later

from .comparison import agreement_of
from .scope import Scope
from .statistics import totals

MAX_POSTERS = 3  # of each kind
# What XML does not allow, and what turns the direction of the text after it.
UNWANTED = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")

type Ratings = dict[Any, tuple[Any, int]]  # works with their rating, by what makes them the same work


@dataclass(frozen=True)
class Rated:
    """A work with its rating, and beside it the partner's, or that of TMDB's voters; None if there is none."""

    work: Any
    rating: int
    beside: float | None

    @property
    def gap(self) -> float:
        return 0 if self.beside is None else abs(self.rating - self.beside)


def draw(year: int, user: Any, partner: Any = None) -> str:
    """The picture as SVG."""
    running = week_in(LAST_ZONE, timezone.now())  # the first week that is not over everywhere
    before = running[1] if running[0] == year else 54 if running[0] > year else 0
    scopes = [Scope(user, person, year, before) for person in (user, partner) if person]
    names = [scope.person.get_full_name() for scope in scopes]
    ratings = [ratings_of(scope) for scope in scopes]
    if partner:
        mine, theirs = ratings
        rated = [Rated(*mine[key], theirs[key][1]) for key in mine if key in theirs]
        figures = figures_together(rated, names)
        rated.sort(key=lambda one: -(one.rating + (one.beside or 0)))
    else:
        rated = [Rated(work, rating, voters_of(work)) for work, rating in ratings[0].values()]
        figures = figures_alone(scopes[0], rated)
        rated.sort(key=lambda one: -one.rating)
    counts = [[value for _, value in of_person.values()].count for of_person in ratings]
    histogram = [[count(value) for count in counts] for value in range(1, MAX_RATING + 1)]
    context = {
        "year": year,
        "until": week_name(*weeks_later(running, -1)) if 1 < before < 54 else "",
        "names": [wrap(name, 11 if partner else 25)[0] for name in names],
        "figures": [(value, wrap(meaning, 15)[0]) for value, meaning in figures],
        "histogram": histogram,
        "most": max([1, *map(max, histogram)]),
        "posters": [
            poster(one) for kind in KINDS for one in [one for one in rated if one.work.kind == kind][:MAX_POSTERS]
        ],
        "verdict": verdict(rated, [*names, "TMDB’s voters"]),
    }
    return render_to_string("selections/year.svg", context)


def ratings_of(scope: Scope) -> Ratings:
    """Each movie and release group that the person has rated, with their latest rating."""
    found: Ratings = {}
    for kind in KINDS.values():
        rated = scope.opinions_given.on_kind(kind.name).filter(rating__isnull=False)
        for opinion in rated.select_related(f"{kind.opinion_field}__{kind.name}").order_by("updated_at", "pk"):
            work = opinion.pick.work
            key = kind.name, getattr(work, "release_group_id", None) or work.pk
            found[key] = work, opinion.rating or 0  # there is one
    return found


def voters_of(work: Any) -> float | None:
    """TMDB's average, of a movie with votes."""
    return work.vote_average if getattr(work, "vote_count", 0) else None


def figures_alone(scope: Scope, rated: list[Rated]) -> list[tuple[str, str]]:
    """Each figure with its meaning."""
    counted = totals(scope)
    mean = f"{sum(one.rating for one in rated) / len(rated):.1f}" if rated else "–"
    return [
        (counted["complete_weeks"], "complete weeks"),
        (counted["movies"], "movies"),
        (counted["albums"], "albums"),
        (mean, "mean rating"),
    ]


def figures_together(rated: list[Rated], names: list[str]) -> list[tuple[str, str]]:
    """Each figure with its meaning."""
    together = agreement_of([(one.rating, int(one.beside or 0)) for one in rated])
    gap, apart = together["harshness_gap"] or 0, together["mean_difference"]
    return [
        (str(together["n"]), "rated by both"),
        (str(sum(not one.gap for one in rated)), "same ratings"),
        ("–" if apart is None else f"{apart:.1f}", "points apart"),
        (f"{abs(gap):.1f}", f"harsher: {names[gap > 0]}" if gap else "equally harsh"),
    ]


def poster(one: Rated) -> dict[str, Any]:
    """A place for a picture of a work, whose title determines what is drawn there."""
    title, is_album = one.work.shown_title, one.work.kind == "album"
    lines, artist = wrap(title, 10, 2 if is_album else 3), wrap(one.work.shown_artist, 13)[0] if is_album else ""
    return {"one": one, "lines": lines, "artist": artist, "chance": zlib.crc32(title.encode()) % 3600}


def verdict(rated: list[Rated], names: list[str]) -> dict[str, Any] | None:
    """The wrong opinion of the year: the rating that is furthest from the one beside it; without any such, the lowest
    rating. None without ratings.
    """
    if not rated:
        return None
    furthest = max(rated, key=lambda one: one.gap)
    one = furthest if furthest.gap else min(rated, key=lambda one: one.rating)
    work, marks = one.work, [(wrap(names[0], 22)[0], one.rating), (wrap(names[1], 22)[0], one.beside)]
    credit = work.shown_artist if work.kind == "album" else str(work.release_date.year) if work.release_date else ""
    return {
        "lines": wrap(work.shown_title, 27, 2),
        "credit": wrap(credit, 40)[0],
        "marks": marks if one.gap else marks[:1],
    }


def wrap(text: str, width: int, max_lines: int = 1) -> list[str]:
    """The text in lines of about this many letters, of which Chinese or Japanese ones are worth two; what does not fit
    ends in an ellipsis.
    """
    from wcwidth import clip  # here, as it takes long to load
    from wcwidth import wrap as wrap_letters

    lines = wrap_letters(UNWANTED.sub("", text), width)
    if len(lines) > max_lines:
        lines[max_lines - 1 :] = [clip(lines[max_lines - 1], 0, width - 1).rstrip() + "…"]
    return lines or [""]
