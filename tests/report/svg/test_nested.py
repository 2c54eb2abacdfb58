"""Nested boxes with tiles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from placer.report.occupancy import Box, Tile
from placer.report.svg.figure import NARROW_PX, WIDE_PX, inline_svg
from placer.report.svg.nested import Paint, columns_of, nested

SVG = "{http://www.w3.org/2000/svg}"


def tile(
    number: int, *, parts: tuple[tuple[int, int], ...] = ((0, 8),), first: bool = False
) -> Tile:
    return Tile(
        name=f"n{number}", parts=parts, cell=number // 2, first_replica=first, tip=f"tip {number}"
    )


def paint(kind: int) -> Paint:
    return Paint(colour="#440154") if kind >= 0 else Paint(css="gone")


@pytest.mark.parametrize(
    ("count", "room", "columns"),
    [
        (8, 1000.0, 4),  # 4 x 2 is twice as wide as high
        (72, 1000.0, 12),  # 12 x 6
        (72, 50.0, 4),  # no wider than the room; 5 would leave a short row
        (7, 1000.0, 4),  # a prime has no even grid near
        (1, 1000.0, 1),
    ],
)
def test_grids_are_even_and_wide(count: int, room: float, columns: int) -> None:
    assert columns_of(count, room, 10.0) == columns


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_every_tile_lies_on_the_canvas_once(width: float) -> None:
    pods = tuple(
        Box(name=f"pod{p}", tiles=tuple(tile(n) for n in range(size)))
        for p, size in enumerate((5, 12, 3))
    )
    drawing = nested(Box(name="", boxes=pods), width, paint)
    root = ET.fromstring(inline_svg(drawing))
    tips = [title.text for title in root.iter(f"{SVG}title")]

    assert len(tips) == 20
    frames = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "box"]
    assert len(frames) == 3
    assert all(float(frame.get("width", "0")) <= width for frame in frames)
    assert drawing.height > 0.0


def test_boxes_with_the_same_name_and_no_end_do_not_overlap() -> None:
    boxes = tuple(Box(name="pod", tiles=(tile(0),)) for _ in range(60))
    drawing = nested(Box(name="", boxes=boxes), WIDE_PX, paint)
    root = ET.fromstring(inline_svg(drawing))
    places = {
        g.get("transform")
        for g in root.iter(f"{SVG}g")
        if any(child.get("class") == "box" for child in g)
    }

    assert len(places) == 60


def test_a_tile_is_split_among_what_is_in_it() -> None:
    mixed = tile(0, parts=((0, 6), (-3, 2)))
    drawing = nested(Box(name="", tiles=(mixed,)), WIDE_PX, paint)
    widths = [
        float(r.get("width", "0")) for r in ET.fromstring(inline_svg(drawing)).iter(f"{SVG}rect")
    ]

    assert widths[0] / widths[1] == pytest.approx(3.0, rel=0.05)


def test_replica_zero_is_ringed_and_groups_are_parted() -> None:
    tiles = (tile(0, first=True), tile(1), tile(2), tile(3))
    root = ET.fromstring(inline_svg(nested(Box(name="", tiles=tiles), WIDE_PX, paint)))

    assert sum(r.get("class", "").startswith("ring") for r in root.iter(f"{SVG}rect")) == 1
    assert sum(p.get("class", "").startswith("cut") for p in root.iter(f"{SVG}path")) == 1
