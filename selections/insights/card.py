"""A year in opinions as a picture, of one member or of two: what is in it, and where templates/selections/year.svg
draws it.

Anyone may get to see it. So it shows nothing of other members, and no opinion on a week that is not over everywhere.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from selections.kinds import KINDS
from selections.models import MAX_RATING
from selections.weeks import LAST_ZONE, week_in, week_name, weeks_later

from .comparison import Agreement
from .statistics import Scope, totals

LEFT, WIDTH = 72, 936  # pixels: the margin, and the width between both margins
MAX_POSTERS = 3  # of each kind
SHAPES = 4  # drawings to choose from
BARS = (620, 38.8, 170)  # pixels: where the bars begin, the distance between them, and the height of the highest
# What XML does not allow, and what turns the direction of the text after it.
UNWANTED = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")

type Figure = tuple[str, str]  # a value, and what it is


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
    ratings = [ratings_of(scope) for scope in scopes]
    names = [plain(scope.person.get_full_name()) for scope in scopes]
    if partner:
        mine, theirs = ratings
        rated = [Rated(*mine[key], theirs[key][1]) for key in mine if key in theirs]
        figures, loved = figures_together(rated, names), lambda one: one.rating + one.beside
    else:
        rated = [Rated(work, rating, voters_of(work)) for work, rating in ratings[0].values()]
        figures, loved = figures_alone(scopes[0], rated), lambda one: one.rating
    rated.sort(key=lambda one: (-loved(one), one.work.shown_title, one.work.pk))
    return render_to_string(
        "selections/year.svg",
        {
            "year": year,
            "until": week_name(*weeks_later(running, -1)) if 1 < before < 54 else "",
            "names": names,
            "heading": [wrap(name, WIDTH / 54 / len(names) - 0.7)[0] for name in names],
            "figures": [(LEFT + n * WIDTH / 4, value, wrap(what, 9.2)[0]) for n, (value, what) in enumerate(figures)],
            "bars": list(bars([[rating for _, rating in of_person.values()] for of_person in ratings])),
            "posters": list(posters(rated, is_pair=bool(partner))),
            "wrong": verdict(rated, [*names, "TMDB’s voters"]),
        },
    )


def ratings_of(scope: Scope) -> dict[Any, tuple[Any, int]]:
    """Each movie and release group that the person has rated, with their latest rating."""
    found: dict[Any, tuple[Any, int]] = {}
    for kind in KINDS.values():
        rated = scope.opinions_given(kind).filter(rating__isnull=False)
        for opinion in rated.select_related(f"{kind.opinion_field}__{kind.name}").order_by("updated_at", "pk"):
            work = opinion.pick.work
            key = kind.name, getattr(work, "release_group_id", None) or work.pk
            found[key] = work, opinion.rating or 0  # there is one
    return found


def voters_of(work: Any) -> float | None:
    """TMDB's average, of a movie with votes."""
    return work.vote_average if getattr(work, "vote_count", 0) else None


def figures_alone(scope: Scope, rated: list[Rated]) -> list[Figure]:
    counted = totals(scope)
    mean = f"{sum(one.rating for one in rated) / len(rated):.1f}" if rated else "–"
    return [
        (str(counted["complete_weeks"]), "complete weeks"),
        (str(counted["movies"]), "movies"),
        (str(counted["albums"]), "albums"),
        (mean, "mean rating"),
    ]


def figures_together(rated: list[Rated], names: list[str]) -> list[Figure]:
    together = Agreement(tuple((one.rating, int(one.beside or 0)) for one in rated))
    gap = together.harshness_gap or 0
    same = sum(one.gap == 0 for one in rated)
    return [
        (str(together.n), "rated by both"),
        (str(same), "same ratings"),
        ("–" if together.mean_difference is None else f"{together.mean_difference:.1f}", "points apart"),
        (f"{abs(gap):.1f}", f"harsher: {names[gap > 0]}" if gap else "equally harsh"),
    ]


def bars(ratings: list[list[int]]) -> Iterator[dict[str, Any]]:
    """How often each person gave each rating; those of two people stand side by side."""
    left, step, height = BARS
    most = max([1, *(of_person.count(value) for of_person in ratings for value in of_person)])
    width = 0.8 * step / len(ratings)
    for value in range(1, MAX_RATING + 1):
        x = left + (value - 1) * step
        columns = []
        for n, of_person in enumerate(ratings):
            tall = max(2, round(height * of_person.count(value) / most, 1))
            columns.append({"x": round(x + n * width, 1), "y": round(300 - tall, 1), "height": tall})
        yield {"value": value, "middle": round(x + 0.4 * step, 1), "width": round(width - 1, 1), "columns": columns}


def posters(rated: list[Rated], *, is_pair: bool) -> Iterator[dict[str, Any]]:
    """The movies and albums that come first, each with a place that its title determines the drawing of."""
    slot = WIDTH / 2 / MAX_POSTERS
    for n, name in enumerate(KINDS):
        first = [one for one in rated if one.work.kind == name][:MAX_POSTERS]
        for place, one in enumerate(first, n * MAX_POSTERS):
            chance = zlib.crc32(one.work.shown_title.encode())
            lines = wrap(one.work.shown_title, 6.1, 3 if name == "movie" else 2)
            bottom = 198 if name == "movie" else 176  # above the artist
            yield {
                "x": round(LEFT + place * slot, 1),
                "is_movie": name == "movie",
                "hue": chance % 360,
                "other_hue": (chance % 360 + 30 + chance // 360 % 60) % 360,
                "shape": chance // 21600 % SHAPES,
                "shift": chance // 86400 % 60,
                "lines": [(bottom - 22 * (len(lines) - 1 - number), line) for number, line in enumerate(lines)],
                "artist": "" if name == "movie" else wrap(one.work.shown_artist, 8.2)[0],
                "rating": f"{one.rating} · {one.beside}" if is_pair else str(one.rating),
            }


def verdict(rated: list[Rated], names: list[str]) -> dict[str, Any] | None:
    """The wrong opinion of the year: the rating that is furthest from the one beside it; without any such, the lowest
    rating. None without ratings.
    """
    if not rated:
        return None
    furthest = max(rated, key=lambda one: one.gap)
    one = furthest if furthest.gap else min(rated, key=lambda one: one.rating)
    marks = [mark(names[0], one.rating)]
    if one.beside is not None and one.gap:
        marks.append(mark(names[1], one.beside))
    work = one.work
    credit = work.shown_artist if work.kind == "album" else str(work.release_date.year) if work.release_date else ""
    return {"lines": wrap(work.shown_title, 19, 2), "credit": wrap(credit, 32)[0], "marks": marks}


def mark(name: str, value: float) -> dict[str, Any]:
    """A place on the line from 1 to 10, with its label, which stays within the width."""
    share = (value - 1) / (MAX_RATING - 1)
    anchor = "start" if share < 0.35 else "end" if share > 0.65 else "middle"
    text = f"{value:.1f}".removesuffix(".0")
    return {"x": round(112 + 856 * share, 1), "anchor": anchor, "name": wrap(name, 20)[0], "value": text}


def plain(text: str) -> str:
    """The text in one line, without characters that a picture cannot have."""
    return " ".join(UNWANTED.sub("", text).split())


def wrap(text: str, width: float, max_lines: int = 1) -> list[str]:
    """The text in lines of about this width, in the size of the font; what does not fit ends in an ellipsis.

    It breaks between words, and in words that are longer than a line, as in Chinese or Japanese, between characters.
    """
    lines = [""]
    for word in re.findall(r"\S+\s?", plain(text)):
        for piece in characters(word) if measure(word) > width else [word]:
            if lines[-1] and measure((lines[-1] + piece).rstrip()) > width:
                lines.append("")
            lines[-1] += piece
    if len(lines) > max_lines:
        last = list(characters(lines[max_lines - 1].rstrip()))
        while last and measure("".join(last)) > width - 1:
            last.pop()
        lines[max_lines - 1 :] = ["".join(last).rstrip() + "…"]
    return [line.rstrip() for line in lines]


def characters(text: str) -> Iterable[str]:
    """The characters with the marks that belong to them, such as accents and parts of emoji."""
    found: list[str] = []
    for sign in text:
        is_mark = unicodedata.category(sign) in {"Mn", "Mc", "Me", "Cf"} or "\U0001f3fb" <= sign <= "\U0001f3ff"
        if found and (is_mark or found[-1].endswith("\u200d")):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def measure(text: str) -> float:
    """About how wide the text is in any font without serifs, in the size of the font."""
    return sum(width_of(character[0]) for character in characters(text))


def width_of(sign: str) -> float:
    if unicodedata.east_asian_width(sign) in {"W", "F"}:
        return 1
    if sign in " .,:;'!|()ijltfrI":
        return 0.38
    return 0.78 if sign.isupper() or sign in "mw@%&—…" else 0.62
