"""What a figure gains and loses when one thing is a little better or worse: bars around zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.bars import AXIS_PX, BAR_PX, GAP_PX, MOST_LABEL_PX
from placer.report.svg.elements import joined, line, rect, shortened, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.scales import LinearScale, bottom_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

BETTER: Final = "#009E73"
WORSE: Final = "#D55E00"
"""Of Okabe and Ito's palette, told apart by colour-blind readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A row: what changes, and what it does to the figure on either side of zero.

    ``better`` and ``worse`` are changes of the figure, such as of the step time, when the thing is
    improved and when it is worsened; ``told_better`` and ``told_worse`` say them.
    """

    label: str
    better: float
    worse: float
    told_better: str
    told_worse: str


def tornado(
    rows: Sequence[Swing], width: float, *, axis: str, tell: Callable[[float], str]
) -> Drawing:
    """Bars either side of zero, in the order given."""
    narrow = width <= NARROW_PX
    step, offset = (BAR_PX + 26.0, 18.0) if narrow else (BAR_PX + GAP_PX, GAP_PX / 2)
    label = min(max((text_width(r.label) for r in rows), default=0.0) + 12.0, MOST_LABEL_PX)
    told = [words for row in rows for words in (row.told_better, row.told_worse)]
    side = max((text_width(words) for words in told), default=0.0) + 8.0
    left = side if narrow else label + side
    values = [0.0, *(value for row in rows for value in (row.better, row.worse))]
    low, high = min(values), max(values)
    if low == high:
        low, high = -0.01, 0.01
    scale = LinearScale(low=low, high=high, start=left, end=width - side)
    bottom = 2.0 + len(rows) * step
    parts = [bottom_axis(scale, 2.0, bottom, axis, tell)]
    for index, row in enumerate(rows):
        y = 2.0 + index * step + offset
        if narrow:
            parts.append(text(0.0, y - 5.0, shortened(row.label, width), css="halo"))
        else:
            words = shortened(row.label, label - 8.0)
            parts.append(text(label - 8.0, y + 13.0, words, anchor="end"))
        parts += _swing(row, scale, y)
    zero = scale.pixel(0.0)
    parts.append(line(zero, 2.0, zero, bottom, css="axis"))
    return Drawing(width=width, height=bottom + AXIS_PX, body=joined(parts))


def _swing(row: Swing, scale: LinearScale, y: float) -> list[Markup]:
    """Both sides, each with its figure beyond its end."""
    sides = ((row.better, BETTER, row.told_better), (row.worse, WORSE, row.told_worse))
    parts = []
    for value, colour, words in sides:
        x, zero = scale.pixel(value), scale.pixel(0.0)
        tip = f"{row.label}: {words}"
        parts.append(rect(min(x, zero), y, abs(x - zero), BAR_PX, fill=colour, tip=tip))
        before = value < 0.0 or (value == 0.0 and colour == BETTER)
        place = x - 5.0 if before else x + 5.0
        parts.append(text(place, y + 13.0, words, anchor="end" if before else "start", css="halo"))
    return parts
