"""Horizontal bars, each of one or more segments, with an optional limit and its figure in text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.elements import joined, line, number, rect, shortened, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.scales import LinearScale, bottom_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

BAR_PX: Final = 18.0
GAP_PX: Final = 8.0
AXIS_PX: Final = 40.0
MOST_LABEL_PX: Final = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar: its length in the axis's unit, its colour, what the pointer is told."""

    value: float
    colour: str
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A row: its label, its segments, the text at its end.

    ``limit`` is a value marked across the row, None where there is none; ``strong`` sets the row
    apart from the others.
    """

    label: str
    segments: tuple[Segment, ...]
    told: str
    limit: float | None = None
    strong: bool = False

    @property
    def total(self) -> float:
        """The sum of the segments."""
        return sum(segment.value for segment in self.segments)

    @property
    def reach(self) -> float:
        """What the axis must cover for this row."""
        return max(self.total, self.limit or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Where the rows of a chart stand: label beside the bar, or above it on a narrow page."""

    left: float
    right: float
    step: float
    offset: float


def bars(rows: Sequence[Bar], width: float, *, axis: str, tell: Callable[[float], str]) -> Drawing:
    """Bars below each other from 0 on; ``axis`` names the unit, ``tell`` writes the axis's values."""
    rows_at = _layout(rows, width)
    top = 2.0
    bottom = top + len(rows) * rows_at.step
    reach = max((row.reach for row in rows), default=0.0) or 1.0
    scale = LinearScale(low=0.0, high=reach, start=rows_at.left, end=rows_at.right)
    parts = [bottom_axis(scale, top, bottom, axis, tell)]
    for index, row in enumerate(rows):
        parts.append(_bar(row, scale, rows_at, top + index * rows_at.step, width))
    return Drawing(width=width, height=bottom + AXIS_PX, body=joined(parts))


def _layout(rows: Sequence[Bar], width: float) -> _Rows:
    told = max((text_width(row.told) for row in rows), default=0.0) + 10.0
    if width <= NARROW_PX:
        return _Rows(left=4.0, right=width - told, step=BAR_PX + 26.0, offset=18.0)
    label = max((text_width(row.label) for row in rows), default=0.0) + 16.0
    left = min(label, MOST_LABEL_PX)
    return _Rows(left=left, right=width - told, step=BAR_PX + GAP_PX, offset=GAP_PX / 2)


def _bar(row: Bar, scale: LinearScale, at: _Rows, top: float, width: float) -> Markup:
    y = top + at.offset
    css = "strong halo" if row.strong else "halo"
    if width <= NARROW_PX:
        label = text(at.left, y - 5.0, shortened(row.label, width - at.left), css=css)
    else:
        words = shortened(row.label, at.left - 8.0)
        label = text(at.left - 8.0, y + 13.0, words, anchor="end", css=css)
    parts = [label]
    value = 0.0
    for segment in row.segments:
        x, value = scale.pixel(value), value + segment.value
        if segment.value > 0.0:
            parts.append(_segment(segment, x, scale.pixel(value), y))
    end = scale.pixel(row.total)
    if row.limit is not None:
        x = scale.pixel(row.limit)
        parts.append(line(x, y - 3.0, x, y + BAR_PX + 3.0, css="mark"))
        end = max(end, x)
    parts.append(text(end + 7.0, y + 13.0, row.told, css=css))
    return joined(parts)


def _segment(segment: Segment, x: float, end: float, y: float) -> Markup:
    """At least a pixel, so that nothing vanishes."""
    drawn = max(end - x, 1.0)
    css = "edge" if drawn > 4.0 else ""
    return rect(float(number(x)), y, drawn, BAR_PX, fill=segment.colour, css=css, tip=segment.tip)
