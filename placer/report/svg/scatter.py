"""Points in a plane with names at some of them, and the front of those that nothing beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.elements import circle, joined, path, polyline, shortened, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing
from placer.report.svg.scales import Scale, bottom_axis, left_axis, spanning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

TOP: Final = 12.0
BOTTOM: Final = 44.0
RADIUS: Final = 4.5
HEIGHT: Final = 420.0
_LABEL_PX: Final = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point: where, its colour, its name beside it where ``named``, its tooltip."""

    x: float
    y: float
    name: str
    tip: str
    colour: str
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the two axes measure (unit in the name), how values are written, which are logarithmic."""

    x: str
    y: str
    tell_x: Callable[[float], str]
    tell_y: Callable[[float], str]
    log_x: bool = False
    log_y: bool = False


def scatter(points: Sequence[Point], front: Sequence[Point], width: float, axes: Axes) -> Drawing:
    """Points, and ``front`` joined by a line in the order given."""
    height = HEIGHT if width > NARROW_PX else 0.9 * width
    ys = spanning((p.y for p in points), height - BOTTOM, TOP, log=axes.log_y)
    left = max((text_width(axes.tell_y(t)) for t in ys.ticks()), default=0.0) + 32.0
    xs = spanning((p.x for p in points), left, width - 12.0, log=axes.log_x)
    parts = [
        bottom_axis(xs, TOP, height - BOTTOM, axes.x, axes.tell_x),
        left_axis(ys, left, width - 12.0, axes.y, axes.tell_y),
    ]
    if len(front) > 1:
        corners = [(xs.pixel(p.x), ys.pixel(p.y)) for p in front]
        parts.append(polyline(corners, css="line axis"))
    parts += [_mark(point, xs, ys) for point in points]
    parts += _names([p for p in points if p.named], xs, ys, width)
    return Drawing(width=width, height=height, body=joined(parts))


def _mark(point: Point, xs: Scale, ys: Scale) -> Markup:
    x, y = xs.pixel(point.x), ys.pixel(point.y)
    return circle(x, y, RADIUS, fill=point.colour, css="edge", tip=point.tip)


def _names(points: list[Point], xs: Scale, ys: Scale, width: float) -> list[Markup]:
    """Names beside their points, moved down where they would cover one another."""
    parts = []
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda p: (ys.pixel(p.y), xs.pixel(p.x), p.name)):
        words = shortened(point.name, min(_LABEL_PX, 0.6 * width))
        wide = text_width(words)
        x, y = xs.pixel(point.x), ys.pixel(point.y)
        before = x + 10.0 + wide > width
        start = x - 10.0 - wide if before else x + 10.0
        base = y + 4.0
        while any(abs(base - b) < 14.0 and start < e and s < start + wide for s, e, b in taken):
            base += 14.0
        taken.append((start, start + wide, base))
        if base > y + 5.0:
            edge = x - 8.0 if before else x + 8.0
            parts.append(path(f"M{x:.1f} {y:.1f}L{edge:.1f} {base - 4.0:.1f}", css="axis"))
        parts.append(text(start, base, words, css="halo"))
    return parts


def pareto_front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other one beats in both, where small is good in both; ascending in x."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, p.y, p.name)):
        if not front or point.y < front[-1].y:
            front.append(point)
    return tuple(front)
