"""Lines over a common axis, each named at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.elements import circle, joined, polyline, shortened, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.scales import Scale, bottom_axis, left_axis, spanning
from placer.report.svg.scatter import BOTTOM, TOP, Axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

HEIGHT: Final = 340.0
_NAME_PX: Final = 170.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line: its name, its points ascending in x, its colour."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str


def lines(drawn: Sequence[Line], width: float, axes: Axes) -> Drawing:
    """The lines with a disc at each point; names at the right ends."""
    height = HEIGHT if width > NARROW_PX else 0.8 * width
    points = [point for one in drawn for point in one.points]
    ys = spanning((y for _, y in points), height - BOTTOM, TOP, log=axes.log_y)
    left = max((text_width(axes.tell_y(t)) for t in ys.ticks()), default=0.0) + 32.0
    room = 0.3 * width if width <= NARROW_PX else _NAME_PX
    right = width - min(room, max((text_width(one.name) for one in drawn), default=0.0) + 12.0)
    xs = spanning((x for x, _ in points), left, right, log=axes.log_x)
    parts = [
        bottom_axis(xs, TOP, height - BOTTOM, axes.x, axes.tell_x),
        left_axis(ys, left, right, axes.y, axes.tell_y),
    ]
    parts += [_line(one, xs, ys, axes) for one in drawn]
    parts += _names(drawn, xs, ys, width)
    return Drawing(width=width, height=height, body=joined(parts))


def _line(one: Line, xs: Scale, ys: Scale, axes: Axes) -> Markup:
    corners = [(xs.pixel(x), ys.pixel(y)) for x, y in one.points]
    marks = [
        circle(
            place[0],
            place[1],
            3.5,
            fill=one.colour,
            css="edge",
            tip=f"{one.name}: {axes.tell_x(x)}, {axes.tell_y(y)}",
        )
        for place, (x, y) in zip(corners, one.points, strict=True)
    ]
    return joined([polyline(corners, stroke=one.colour), *marks])


def _names(drawn: Sequence[Line], xs: Scale, ys: Scale, width: float) -> list[Markup]:
    """Names where the lines end, moved apart."""
    ends = sorted((ys.pixel(one.points[-1][1]), one.name, one) for one in drawn if one.points)
    parts = []
    free = float("-inf")
    for y, name, one in ends:
        base = max(y + 4.0, free)
        free = base + 14.0
        x = xs.pixel(one.points[-1][0]) + 8.0
        parts.append(text(x, base, shortened(name, width - x)))
    return parts
