import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selections.insights.charts import (
    MIN_LENGTH,
    columns,
    mirrored,
    nice,
    rows,
    short,
)

COUNTS = st.lists(st.integers(0, 10**7), min_size=1, max_size=120)


@pytest.mark.parametrize(
    ("most", "axis"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (81, [0, 50, 100]),
        (100, [0, 50, 100]),
        (1500, [0, 500, 1000, 1500]),
    ],
)
def test_an_axis_has_round_figures(most, axis):
    assert nice(most) == axis


@given(st.integers(0, 10**9))
def test_an_axis_reaches_beyond_the_highest_and_has_five_figures_at_most(most):
    axis = nice(most)

    assert axis[0] == 0
    assert axis[-1] >= most
    assert 2 <= len(axis) <= 5
    assert len({later - sooner for sooner, later in itertools.pairwise(axis)}) == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1249, "1.2k"),
        (9_960, "10k"),
        (20_013, "20k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_500_000, "1.5M"),
    ],
)
def test_large_numbers_are_short(number, text):
    assert short(number) == text


def test_columns_are_as_tall_as_their_values():
    chart = columns([("1", 0, "none"), ("2", 5, "five"), ("3", 10, "ten")], height=100)

    assert [[bar.height for bar in place.bars] for place in chart.places] == [[], [50], [100]]
    assert [[bar.y for bar in place.bars] for place in chart.places] == [[], [50], [0]]
    assert [(tick.at, tick.label) for tick in chart.ticks] == [(16.666, "1"), (49.999, "2"), (83.334, "3")]
    assert [place.value for place in chart.places] == ["0", "5", "10"]


def test_pairs_go_up_and_down_on_one_scale():
    chart = mirrored([("a", 2, 4, "a"), ("b", 0, 1, "b"), ("c", 0, 0, "c")], [(1, "b")], half=80)

    first, second, third = (place.bars for place in chart.places)
    assert [(bar.side, bar.y, bar.height) for bar in first] == [("up", 40, 40), ("down", 80, 80)]
    assert [(bar.side, bar.y, bar.height) for bar in second] == [("down", 80, 20)]
    assert third == []
    assert {(line.at, line.label) for line in chart.lines} >= {(80, "0"), (0, "4"), (160, "4"), (60, "1"), (100, "1")}
    assert [(tick.at, tick.label) for tick in chart.ticks] == [(33.333, "b")]


def test_rows_stand_one_below_the_other():
    chart = rows([("Drama", 1200, "x"), ("War", 300, "x")], row=36)

    assert [(place.y, place.bars[0].width, place.value) for place in chart.places] == [
        (0, 100, "1,200"),
        (36, 25, "300"),
    ]
    assert chart.height == 72


@given(COUNTS)
def test_every_bar_is_inside_its_chart_and_seen(counts):
    charts = [
        columns([("x", count, "x") for count in counts]),
        mirrored([("x", count, other, "x") for count, other in zip(counts, reversed(counts), strict=True)], []),
        rows([("x", count, "x") for count in counts]),
    ]

    for chart in charts:
        for place in chart.places:
            assert 0 <= place.x <= place.x + place.width <= 100.1
            for bar in place.bars:
                assert place.x <= bar.x <= bar.x + bar.width <= place.x + place.width + 0.001
                assert -0.01 <= bar.y <= bar.y + bar.height <= chart.height + 0.01
                assert bar.height >= MIN_LENGTH
                assert bar.width > 0


@pytest.mark.parametrize("chart", [columns([]), mirrored([], []), rows([])])
def test_nothing_makes_a_chart_without_bars(chart):
    assert chart.places == []
