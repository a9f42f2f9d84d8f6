"""The geometry of charts, which templates/admin/overview/figure.html draws.

Horizontal values are percentages of the chart's width and vertical ones pixels, so that a chart fills the width of any
screen while its labels keep the size of other text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GAP = 0.2  # the share of a bar's slot that is left empty
MIN_LENGTH = 1.5  # pixels, so that any value above 0 can be seen


@dataclass(frozen=True)
class Bar:
    x: float  # per cent, as `width`
    y: float  # pixels, as `height`
    width: float
    height: float
    side: str = ""  # `up` or `down`, if there are both


@dataclass(frozen=True)
class Place:
    """A section of a chart with its bars and its description."""

    x: float  # per cent, as `width`
    y: float  # pixels, as `height`
    width: float
    height: float
    label: str
    value: str  # the text at the bar
    words: str
    bars: list[Bar]

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True)
class Tick:
    at: float  # per cent along, or pixels down
    label: str


@dataclass(frozen=True)
class Chart:
    shape: Literal["columns", "mirrored", "rows"]
    height: float  # pixels
    baseline: float  # pixels
    places: list[Place]
    lines: list[Tick]  # across
    ticks: list[Tick]  # along


def nice(most: int) -> list[int]:
    """The labels of an axis: up to five round figures from 0; the last is at least `most`."""
    if most < 4:
        return list(range(max(1, most) + 1))
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if 4 * step >= most)
    return list(range(0, most + step, step))


def short(number: int) -> str:
    """The number in about four characters: 950, 1.2k, 20k, 1.5M."""
    if number < 1000:
        return str(number)
    # Numbers that would round up to 1000k become 1M.
    size, sign = (1_000, "k") if number < 999_500 else (1_000_000, "M")
    value = number / size
    return f"{value:.0f}{sign}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0") + sign


def columns(values: Sequence[tuple[str, int, str]], *, height: float = 150) -> Chart:
    """A bar for each triple of label, value and description."""
    top = max([1, *(value for _, value, _ in values)])
    places = []
    for n, (label, value, words) in enumerate(values):
        x, width = _slot(n, len(values))
        tall = _length(value, top, height)
        bars = [Bar(*_inside(x, width, y=height - tall, height=tall))] if value else []
        places.append(Place(x, 0, width, height, label, short(value), words, bars))
    ticks = [Tick(place.middle, place.label) for place in places]
    return Chart("columns", height, height, places, lines=[], ticks=ticks)


def mirrored(
    values: Sequence[tuple[str, int, int, str]], ticks: Sequence[tuple[int, str]], *, half: float = 90
) -> Chart:
    """Two bars for each pair, the first up from the baseline and the second down, so that no colors need be told apart.

    `half` is the height of either side; `ticks` are the labels of the axis by the number of their pair.
    """
    axis = nice(max([1, *(max(up, down) for _, up, down, _ in values)]))
    top = axis[-1]
    places = []
    for n, (label, up, down, words) in enumerate(values):
        x, width = _slot(n, len(values))
        rise, fall = _length(up, top, half), _length(down, top, half)
        bars = [Bar(*_inside(x, width, y=half - rise, height=rise), "up")] if up else []
        bars += [Bar(*_inside(x, width, y=half, height=fall), "down")] if down else []
        places.append(Place(x, 0, width, 2 * half, label, "", words, bars))
    lines = [Tick(half, "0")]
    lines += [Tick(round(half + side * half * value / top, 2), short(value)) for value in axis[1:] for side in (-1, 1)]
    along = [Tick(_slot(n, len(values))[0], label) for n, label in ticks]
    return Chart("mirrored", 2 * half, half, places, lines=lines, ticks=along)


def rows(values: Sequence[tuple[str, int, str]], *, row: float = 36) -> Chart:
    """A bar for each value, one below the other, with room for its label above it."""
    top = max([1, *(value for _, value, _ in values)])
    places = []
    for n, (label, value, words) in enumerate(values):
        bar = Bar(0, n * row + row / 2, max(0.5, round(100 * value / top, 3)), 8)
        places.append(Place(0, n * row, 100, row, label, f"{value:,}", words, [bar]))
    return Chart("rows", len(values) * row, 0, places, lines=[], ticks=[])


def _slot(n: int, count: int) -> tuple[float, float]:
    """The position and width of the n-th of `count` places."""
    return round(100 * n / count, 3), round(100 / count, 3)


def _inside(x: float, width: float, *, y: float, height: float) -> tuple[float, float, float, float]:
    """The position and size of the bar in the place that begins at `x`."""
    return round(x + GAP / 2 * width, 3), round(y, 2), round((1 - GAP) * width, 3), height


def _length(value: int, top: int, room: float) -> float:
    return max(MIN_LENGTH, round(room * value / top, 2)) if value else 0
