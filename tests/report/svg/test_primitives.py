"""Scales, bars, maps, points and lines: what is drawn where."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import NASTY, bar_figure

from placer.report.svg.elements import number, shortened
from placer.report.svg.figure import NARROW_PX, WIDE_PX, Drawing, inline_svg, standalone_svg
from placer.report.svg.heat_map import Cell, HeatMap, heat_map
from placer.report.svg.lines import Line, lines
from placer.report.svg.ramp import contrast, ink_on, ramp_colour
from placer.report.svg.scales import LinearScale, LogScale, round_step, spanning
from placer.report.svg.scatter import Axes, Point, pareto_front, scatter
from placer.report.svg.tornado import Swing, tornado

AXES = Axes(x="cost (USD)", y="time (s)", tell_x="{:g}".format, tell_y="{:g}".format)
FINITE = st.floats(min_value=1e-6, max_value=1e9)


def parsed(drawing: Drawing) -> ET.Element:
    """The drawing as XML; its elements lie on the canvas."""
    root = ET.fromstring(inline_svg(drawing))
    for element in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, width = float(element.get("x", "0")), float(element.get("width", "0"))
        assert x >= -0.1
        assert width >= 0.0
        assert x + width <= drawing.width + 0.1
    return root


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_coordinates_are_short() -> None:
    assert [number(v) for v in (12.0, 12.54, -0.01, 0.0)] == ["12", "12.5", "0", "0"]


def test_long_words_end_in_an_ellipsis() -> None:
    assert shortened("superpod", 1000.0) == "superpod"
    assert shortened("superpod", 30.0) == "sup\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize(("raw", "step"), [(0.0, 1.0), (0.013, 0.02), (0.3, 0.5), (7.0, 10.0)])
def test_steps_are_round(raw: float, step: float) -> None:
    assert round_step(raw) == pytest.approx(step)


@given(low=FINITE, span=FINITE)
def test_ticks_lie_inside_in_order(low: float, span: float) -> None:
    scale = LinearScale(low=low, high=low + span, start=0.0, end=100.0)
    ticks = scale.ticks()

    assert len(ticks) <= scale.most + 2
    assert all(a < b for a, b in pairwise(ticks))
    assert all(-0.1 <= scale.pixel(tick) <= 100.1 for tick in ticks)


def test_logarithmic_scale_by_hand() -> None:
    scale = LogScale(low=1.0, high=100.0, start=0.0, end=200.0)

    assert scale.pixel(10.0) == pytest.approx(100.0)
    assert scale.ticks() == pytest.approx((1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0))


@given(st.lists(FINITE, min_size=1, max_size=9), st.booleans())
def test_a_scale_holds_all_its_values(values: list[float], log: bool) -> None:
    scale = spanning(values, 0.0, 100.0, log=log)

    assert all(-1e-6 <= scale.pixel(value) <= 100.0 + 1e-6 for value in values)


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_bars_lie_on_the_canvas(width: float) -> None:
    figure = bar_figure()
    root = parsed(figure.wide if width == WIDE_PX else figure.narrow)

    assert {"compute", "limit", "5.20 s", "time (s)"} <= set(texts(root))


def test_a_file_of_its_own_has_title_style_and_both_themes() -> None:
    svg = standalone_svg(bar_figure(NASTY))
    root = ET.fromstring(svg)

    assert root.get("role") == "img"
    assert root[0].text == f"{NASTY} takes longest"
    assert "prefers-color-scheme:dark" in svg
    assert "script>" not in svg.replace("&lt;/script&gt;", "").replace("&lt;script&gt;", "")


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_swings_stand_on_their_side_of_zero(width: float) -> None:
    rows = [
        Swing(label="NIC", better=-0.02, worse=0.03, told_better="-2 %", told_worse="+3 %"),
        Swing(label="HBM", better=0.0, worse=0.0, told_better="0 %", told_worse="0 %"),
    ]
    root = parsed(tornado(rows, width, axis="change (%)", tell=lambda v: f"{100 * v:g}"))
    better, worse = list(root.iter("{http://www.w3.org/2000/svg}rect"))[:2]
    edge = float(better.get("x", "0")) + float(better.get("width", "0"))

    assert edge == pytest.approx(float(worse.get("x", "0")), abs=0.11)
    share = float(worse.get("width", "0")) / float(better.get("width", "1"))
    assert share == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_heat_map_tells_small_from_large_and_leaves_gaps(width: float) -> None:
    data = HeatMap(
        row_title="domain (GPUs)",
        column_title="oversubscription",
        row_names=("8",),
        column_names=("1", "2", "4"),
        cells=(
            (
                Cell(value=1.0, told="1 s", tip="a"),
                Cell(value=2.0, told="2 s", tip="b"),
                Cell(value=None, told="-", tip="does not fit"),
            ),
        ),
    )
    root = parsed(heat_map(data, width))
    small, large, missing = root.iter("{http://www.w3.org/2000/svg}rect")

    assert (small.get("fill"), large.get("fill")) == ("#440154", "#fde725")
    assert missing.get("class") == "empty"
    assert missing[0].text == "does not fit"


@given(st.floats(min_value=0.0, max_value=1.0))
def test_text_on_the_ramp_is_readable(share: float) -> None:
    colour = ramp_colour(share)
    ink = "#000000" if ink_on(colour) == "onlight" else "#ffffff"

    assert contrast(colour, ink) >= 4.5


def test_contrast_by_hand() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


def point(x: float, y: float, *, named: bool = False) -> Point:
    return Point(x=x, y=y, name=f"{x:g}/{y:g}", tip="", colour="#0072B2", named=named)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=12))
def test_front_is_what_nothing_beats(places: list[tuple[int, int]]) -> None:
    points = [point(float(x), float(y)) for x, y in places]
    front = {(p.x, p.y) for p in pareto_front(points)}
    unbeaten = {
        (x, y)
        for x, y in places
        if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in places)
    }

    assert front == unbeaten


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_names_of_points_do_not_cover_each_other(width: float) -> None:
    points = [point(1.0, 1.0, named=True), point(1.01, 1.0, named=True), point(9.0, 5.0)]
    root = parsed(scatter(points, pareto_front(points), width, AXES))
    named = [e for e in root.iter("{http://www.w3.org/2000/svg}text") if e.get("class") == "halo"]
    heights = [float(e.get("y", "0")) for e in named]

    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) >= 13.9


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_lines_end_in_their_names(width: float) -> None:
    drawn = [Line(name=n, points=((1.0, 2.0), (4.0, 3.0)), colour="#0072B2") for n in ("a", "b")]
    root = parsed(lines(drawn, width, AXES))
    discs = list(root.iter("{http://www.w3.org/2000/svg}circle"))

    assert {"a", "b"} <= set(texts(root))
    assert len(discs) == 4
    assert re.fullmatch(r"a: 1, 2", discs[0][0].text or "")
