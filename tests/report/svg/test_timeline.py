"""Rows of blocks over time."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from placer.report.svg.figure import NARROW_PX, WIDE_PX, Drawing, inline_svg
from placer.report.svg.timeline import Kind, Track, timeline

FORWARD = Kind(name="forward", colour="#66aad2")
REPLICAS = Kind(name="between replicas", colour="#009E73", strip=True)
SVG = "{http://www.w3.org/2000/svg}"


def tracks(count: int, stages: int = 2) -> tuple[Track, ...]:
    """So many blocks of one second in each row, with a strip below the last."""
    spans = tuple((float(i), i + 1.0) for i in range(count))
    strip = ((count - 1.0, float(count)),)
    return tuple(
        Track(name=str(stage), spans=((FORWARD, spans), (REPLICAS, strip)))
        for stage in range(stages)
    )


def draw(count: int, width: float = WIDE_PX) -> Drawing:
    return timeline(
        tracks(count), float(count), width, axis="time (s)", row_title="stage", tell="{:g}".format
    )


def blocks(drawing: Drawing, tip: str) -> list[tuple[float, float]]:
    """Left edges and widths of the blocks of a row."""
    root = ET.fromstring(inline_svg(drawing))
    paths = [p for p in root.iter(f"{SVG}path") if len(p) and p[0].text == tip]
    found = re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", paths[0].get("d", ""))
    return [(float(x), float(width)) for x, width in found]


def test_every_block_of_a_short_step_is_drawn_in_order() -> None:
    found = blocks(draw(10), "0: forward")

    assert len(found) == 10
    assert found == sorted(found)
    widths = [width for _, width in found]
    assert max(widths) - min(widths) <= 0.11


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_of_a_long_step_the_beginning_and_the_end_are_drawn(width: float) -> None:
    drawing = draw(20_000, width)
    found = blocks(drawing, "1: forward")

    assert len(found) <= 0.7 * width + 2
    assert found[-1][0] <= width
    words = [t.text for t in ET.fromstring(inline_svg(drawing)).iter(f"{SVG}text")]
    assert "\N{HORIZONTAL ELLIPSIS}" in words
    assert any(word and word.isdigit() and int(word) > 19_000 for word in words)


def test_a_strip_lies_at_the_foot_of_its_row() -> None:
    root = ET.fromstring(inline_svg(draw(3)))
    paths = {p[0].text: p.get("d", "") for p in root.iter(f"{SVG}path") if len(p)}
    tops = {
        name: float(commands.split("M")[1].split(" ")[1].split("h")[0])
        for name, commands in paths.items()
    }

    assert tops["0: between replicas"] > tops["0: forward"]
