"""Nested boxes with tiles in them, laid out in rows; each tile is split among what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from placer.report.svg.elements import (
    group,
    joined,
    number,
    path,
    rect,
    shortened,
    text,
    text_width,
)
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.ramp import ink_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.report.occupancy import Box, Tile

PAD: Final = 5.0
GAP: Final = 6.0
TITLE: Final = 17.0
SMALLEST: Final = 7
LARGEST: Final = 30
MOST_HEIGHT: Final = 720.0
_NUMBERED_FROM: Final = 20.0
"""Tiles this wide have room for the number of their stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """How a part of a tile looks: a colour, or a class where it has none."""

    colour: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class _Laid:
    """A box laid out at the origin."""

    width: float
    height: float
    body: Markup


def nested(root: Box, width: float, paint: Callable[[int], Paint]) -> Drawing:
    """Draw the boxes; ``paint`` says how each kind of place looks.

    Tiles are as large as lets the whole stay about as high as a screen.
    """
    most = MOST_HEIGHT if width > NARROW_PX else 2.0 * MOST_HEIGHT
    sides = (float(side) for side in range(LARGEST, SMALLEST, -1))
    fitting = (side for side in sides if _Sizes(side).of(root, width).height <= most)
    side = next(fitting, float(SMALLEST))
    laid = _Layout(side, paint).box(root, width)
    return Drawing(width=width, height=laid.height + 2.0, body=laid.body)


@dataclass(frozen=True, slots=True)
class _Size:
    width: float
    height: float


class _Sizes:
    """How large boxes come out with tiles of a size."""

    def __init__(self, side: float) -> None:
        self._side = side

    def of(self, box: Box, most: float) -> _Size:
        """A box that may be ``most`` wide."""
        pad = PAD if box.name else 0.0
        room = most - 2.0 * pad
        inner = self.grid(len(box.tiles), room) if box.tiles else self._rows(box.boxes, room)
        title = min(text_width(box.name) + 2.0 * pad, most)
        head = TITLE if box.name else 0.0
        return _Size(max(inner.width + 2.0 * pad, title), inner.height + 2.0 * pad + head)

    def grid(self, count: int, room: float) -> _Size:
        """Tiles in their columns."""
        across = columns_of(count, room, self._side)
        return _Size(across * self._side, ceil(count / across) * self._side)

    def places(self, boxes: tuple[Box, ...], room: float) -> list[tuple[float, float, _Size]]:
        """Boxes from left to right, then below."""
        places = []
        x = y = row = 0.0
        for box in boxes:
            size = self.of(box, room)
            if x > 0.0 and x + size.width > room + 0.5:
                x, y, row = 0.0, y + row + GAP, 0.0
            places.append((x, y, size))
            x += size.width + GAP
            row = max(row, size.height)
        return places

    def _rows(self, boxes: tuple[Box, ...], room: float) -> _Size:
        places = self.places(boxes, room)
        width = max((x + size.width for x, _, size in places), default=0.0)
        return _Size(width, max((y + size.height for _, y, size in places), default=0.0))


class _Layout:
    """One map: tiles of one size."""

    def __init__(self, side: float, paint: Callable[[int], Paint]) -> None:
        self._side = side
        self._sizes = _Sizes(side)
        self._paint = paint

    def box(self, box: Box, most: float) -> _Laid:
        """A titled frame around rows of boxes, or around a grid of tiles."""
        pad = PAD if box.name else 0.0
        room = most - 2.0 * pad
        body = self._tiles(box.tiles, room) if box.tiles else self._rows(box.boxes, room)
        size = self._sizes.of(box, most)
        if not box.name:
            return _Laid(size.width, size.height, body)
        frame = rect(0.5, 0.5, size.width - 1.0, size.height - 1.0, css="box")
        words = shortened(box.name, size.width - 2.0 * PAD)
        head = text(PAD, TITLE - 3.0, words, css="quiet")
        inside = joined((frame, head, _moved(PAD, PAD + TITLE, body)))
        return _Laid(size.width, size.height, inside)

    def _rows(self, boxes: tuple[Box, ...], room: float) -> Markup:
        places = self._sizes.places(boxes, room)
        return joined(
            _moved(x, y, self.box(box, room).body)
            for box, (x, y, _) in zip(boxes, places, strict=True)
        )

    def _tiles(self, tiles: tuple[Tile, ...], room: float) -> Markup:
        across = columns_of(len(tiles), room, self._side)
        parts = []
        for index, tile in enumerate(tiles):
            row, column = divmod(index, across)
            parts.append(self._tile(tile, column * self._side, row * self._side))
        parts.append(_cuts(tiles, across, self._side))
        return joined(part for part in parts if part)

    def _tile(self, tile: Tile, x: float, y: float) -> Markup:
        """One strip per part, the whole with one tooltip; a ring where replica 0 is."""
        size = self._side - 1.0
        if len(tile.parts) == 1:
            strips = [self._strip(tile.parts[0][0], x, y, size, tip=tile.tip)]
            if self._side >= _NUMBERED_FROM and tile.parts[0][0] >= 0:
                strips.append(self._number(tile.parts[0][0], x, y))
        else:
            strips = self._strips(tile, x, y, size)
        if tile.first_replica:
            ink = ink_on(self._paint(max(kind for kind, _ in tile.parts)).colour)
            strips.append(rect(x + 1.0, y + 1.0, size - 2.0, size - 2.0, css=f"ring {ink}"))
        return joined(strips)

    def _strips(self, tile: Tile, x: float, y: float, size: float) -> list[Markup]:
        total = sum(count for _, count in tile.parts)
        strips, done = [], 0
        for kind, count in tile.parts:
            left = size * done / total
            strips.append(self._strip(kind, x + left, y, size * count / total, tip="", tall=size))
            done += count
        return [group(strips, tip=tile.tip)]

    def _strip(
        self, kind: int, x: float, y: float, width: float, *, tip: str, tall: float = 0.0
    ) -> Markup:
        paint = self._paint(kind)
        return rect(x, y, width, tall or width, fill=paint.colour, css=paint.css, tip=tip)

    def _number(self, stage: int, x: float, y: float) -> Markup:
        middle = self._side / 2.0
        ink = ink_on(self._paint(stage).colour)
        return text(x + middle, y + middle + 3.5, str(stage), anchor="middle", css=f"{ink} in")


def columns_of(count: int, room: float, side: float) -> int:
    """Columns of a grid about twice as wide as high; without a last row cut short where possible."""
    most = max(int(room // side), 1)
    ideal = min(max(round(sqrt(2.0 * count)), 1), most)
    near = range(max(1, ceil(ideal * 0.6)), min(most, int(ideal * 1.7)) + 1)
    even = [columns for columns in near if count % columns == 0]
    return min(even, key=lambda columns: (abs(columns - ideal), columns)) if even else ideal


def _cuts(tiles: tuple[Tile, ...], across: int, side: float) -> Markup:
    """Wider gaps between tiles of different model-parallel groups, where groups are whole tiles."""
    if len({tile.cell for tile in tiles}) == len(tiles):
        return Markup("")
    steps = []
    for index, tile in enumerate(tiles):
        row, column = divmod(index, across)
        x, y = column * side, row * side
        right = index + 1 if column + 1 < across else -1
        below = index + across
        if 0 < right < len(tiles) and tiles[right].cell != tile.cell:
            steps.append(f"M{number(x + side - 0.5)} {number(y)}v{number(side)}")
        if below < len(tiles) and tiles[below].cell != tile.cell:
            steps.append(f"M{number(x)} {number(y + side - 0.5)}h{number(side)}")
    css = "cut" if side >= _NUMBERED_FROM else "cut fine"
    return path("".join(steps), css=css) if steps else Markup("")


def _moved(x: float, y: float, body: Markup) -> Markup:
    return Markup('<g transform="translate({} {})">{}</g>').format(number(x), number(y), body)
