"""SVG elements as safe markup: everything that is not a number or markup is escaped.

Ink, paper and rules are classes, so that one picture suits light and dark; data bring their colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

FONT_PX: Final = 12.0
CHARACTER_PX: Final = 7.3
"""Mean width of a character of the figures' text in a wide system font (DejaVu Sans)."""

LINE_PX: Final = 16.0


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements after each other, one per line."""
    return Markup("\n").join(parts)


def number(value: float) -> str:
    """A coordinate with one decimal, without what says nothing: ``12``, ``12.5``."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str = "",
    css: str = "",
    tip: str = "",
) -> Markup:
    """A rectangle; ``tip`` shows under the pointer."""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return _closed("rect", place, _paint(fill, css), tip)


def circle(
    x: float, y: float, radius: float, *, fill: str = "", css: str = "", tip: str = ""
) -> Markup:
    """A disc."""
    place = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
    return _closed("circle", place, _paint(fill, css), tip)


def path(commands: str, *, fill: str = "", css: str = "", tip: str = "") -> Markup:
    """A path by its commands."""
    return _closed("path", Markup('d="{}"').format(commands), _paint(fill, css), tip)


def polyline(
    points: Sequence[tuple[float, float]], *, stroke: str = "", css: str = "line"
) -> Markup:
    """A line through points."""
    told = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    colour = Markup(' stroke="{}"').format(stroke) if stroke else Markup("")
    return Markup('<polyline points="{}"{}{}/>').format(told, _class(css), colour)


def line(x1: float, y1: float, x2: float, y2: float, *, css: str = "grid") -> Markup:
    """A straight line."""
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return Markup("<line {}{}/>").format(Markup(ends), _class(css))  # noqa: S704 (numbers only)


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    css: str = "",
    fill: str = "",
    turned: bool = False,
) -> Markup:
    """Words at a baseline; ``anchor`` is start, middle or end; ``turned`` reads upwards."""
    place = f'x="{number(x)}" y="{number(y)}"'
    if anchor != "start":
        place += f' text-anchor="{anchor}"'
    if turned:
        place += f' transform="rotate(-90 {number(x)} {number(y)})"'
    return Markup("<text {}{}>{}</text>").format(Markup(place), _paint(fill, css), words)  # noqa: S704 (numbers only)


def group(parts: Iterable[Markup], *, css: str = "", tip: str = "") -> Markup:
    """Elements that share a class or a tooltip."""
    return Markup("<g{}>{}{}</g>").format(_class(css), _title(tip), joined(parts))


def text_width(words: str) -> float:
    """Pixels that words take, about and rather too many."""
    return len(words) * CHARACTER_PX


def shortened(words: str, width: float) -> str:
    """Words cut to a width, with an ellipsis where something is missing."""
    room = max(int(width / CHARACTER_PX), 1)
    return words if len(words) <= room else f"{words[: room - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def _closed(name: str, place: str, paint: Markup, tip: str) -> Markup:
    """An element, with its tooltip inside where it has one."""
    start = Markup(f"<{name} {place}") + paint  # noqa: S704 (numbers and escaped markup)
    if not tip:
        return start + Markup("/>")
    return start + Markup(">") + _title(tip) + Markup(f"</{name}>")  # noqa: S704 (an element's name)


def _title(tip: str) -> Markup:
    return Markup("<title>") + escape(tip) + Markup("</title>") if tip else Markup("")


def _paint(fill: str, css: str) -> Markup:
    colour = Markup(' fill="{}"').format(fill) if fill else Markup("")
    return colour + _class(css)


def _class(css: str) -> Markup:
    return Markup(' class="{}"').format(css) if css else Markup("")
