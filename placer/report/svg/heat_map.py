"""A heat map: rows and columns by name, a value in each cell, dark for small and light for large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.elements import joined, rect, shortened, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.ramp import ink_on, ramp_colour

if TYPE_CHECKING:
    from markupsafe import Markup

ROW_PX: Final = 30.0
HEAD_PX: Final = 44.0
MOST_CELL_PX: Final = 130.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: its value, the text in it, what the pointer is told; no value leaves it empty."""

    value: float | None
    told: str
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """``cells[row][column]``; ``row_title`` and ``column_title`` say, with unit, what varies."""

    row_title: str
    column_title: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]


def heat_map(data: HeatMap, width: float) -> Drawing:
    """The map; a text too wide for its cell is left to the tooltip."""
    left = max(text_width(name) for name in (data.row_title, *data.row_names)) + 12.0
    if width <= NARROW_PX:
        left = min(left, width * 0.3)
    cell_px = min((width - left) / len(data.column_names), MOST_CELL_PX)
    values = [cell.value for row in data.cells for cell in row if cell.value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    middle = left + cell_px * len(data.column_names) / 2.0
    parts = [
        text(0.0, HEAD_PX - 10.0, shortened(data.row_title, left - 6.0), css="quiet"),
        text(middle, 13.0, data.column_title, anchor="middle", css="quiet"),
    ]
    for index, name in enumerate(data.column_names):
        x = left + (index + 0.5) * cell_px
        parts.append(text(x, HEAD_PX - 10.0, shortened(name, cell_px - 2.0), anchor="middle"))
    for index, (name, row) in enumerate(zip(data.row_names, data.cells, strict=True)):
        y = HEAD_PX + index * ROW_PX
        words = shortened(name, left - 12.0)
        parts.append(text(left - 8.0, y + ROW_PX / 2 + 4.0, words, anchor="end"))
        for column, cell in enumerate(row):
            x = left + column * cell_px
            parts += _cell(cell, x, y, cell_px, (low, high))
    height = HEAD_PX + len(data.row_names) * ROW_PX + 4.0
    return Drawing(width=width, height=height, body=joined(parts))


def _cell(cell: Cell, x: float, y: float, width: float, span: tuple[float, float]) -> list[Markup]:
    centre, base = x + width / 2.0, y + ROW_PX / 2 + 4.0
    if cell.value is None:
        empty = rect(x + 1.0, y + 1.0, width - 2.0, ROW_PX - 2.0, css="empty", tip=cell.tip)
        fits = text_width(cell.told) <= width - 4.0
        return (
            [empty, text(centre, base, cell.told, anchor="middle", css="quiet")]
            if fits
            else [empty]
        )
    low, high = span
    share = (cell.value - low) / (high - low) if high > low else 0.5
    colour = ramp_colour(share)
    box = rect(x, y, width, ROW_PX, fill=colour, css="edge", tip=cell.tip)
    if text_width(cell.told) > width - 4.0:
        return [box]
    return [box, text(centre, base, cell.told, anchor="middle", css=ink_on(colour))]
