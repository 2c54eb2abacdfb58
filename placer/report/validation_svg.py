"""Predicted against measured step time as a picture: both axes logarithmic, one colour per group."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import cycle, product
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Final

from placer.report.validation_text import percent
from placer.units import format_time
from placer.validate.grouping import GroupedBy, family_accelerator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from placer.validate.predict import Outcome
    from placer.validate.validation import Validation

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#332288")
"""Okabe and Ito's palette without its yellow, and Tol's indigo: told apart by colour-blind readers."""

MARKERS: Final = ("circle", "square", "triangle", "diamond")
"""Groups beyond the colours repeat them with another marker."""

BAND: Final = 0.10
SIDE: Final = 560.0
LEFT, TOP, BOTTOM, LEGEND = 74.0, 62.0, 56.0, 330.0
RADIUS: Final = 4.0
LEGEND_STEP: Final = 19.0

STYLE: Final = (
    "text{font-family:system-ui,sans-serif;font-size:12px;fill:#222}"
    ".title{font-size:15px;font-weight:600}.grid{stroke:#ddd}.axis{stroke:#555;fill:none}"
    ".band{fill:#bbb;fill-opacity:.35}.even{stroke:#555;stroke-dasharray:5 4}"
    ".paper{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.paper{fill:#1b1b1b}"
    ".axis,.even{stroke:#aaa}.band{fill:#888}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogScale:
    """Seconds to pixels, the same on both axes; decades ``low`` to ``high``."""

    low: float
    high: float

    def pixels(self, seconds: float) -> float:
        """Distance from the corner."""
        return SIDE * (log10(seconds) - self.low) / (self.high - self.low)

    def x(self, seconds: float) -> float:
        """Column of a measured time."""
        return LEFT + self.pixels(seconds)

    def y(self, seconds: float) -> float:
        """Row of a predicted time."""
        return TOP + SIDE - self.pixels(seconds)

    def ticks(self) -> Iterator[float]:
        """1, 2 and 5 of every decade inside."""
        decades = range(floor(self.low), ceil(self.high) + 1)
        for decade, step in product(decades, (1.0, 2.0, 5.0)):
            if self.low <= log10(step) + decade <= self.high:
                yield step * 10.0**decade


def validation_svg(validation: Validation) -> str:
    """One self-contained SVG with a tooltip on each row."""
    costed = validation.costed
    scale = _scale(costed)
    names = [g.name for g in validation.groups if g.by is GroupedBy.FAMILY_ACCELERATOR]
    marks = dict(zip(names, cycle(product(MARKERS, COLOURS)), strict=False))
    width, height = LEFT + SIDE + LEGEND, TOP + SIDE + BOTTOM
    body = [
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="title" x="{LEFT:.0f}" y="26">{escape(_finding(validation))}</text>',
        f'<text x="{LEFT:.0f}" y="46">{escape(_detail(validation))}</text>',
        *_axes(scale),
        *_band(scale),
        *(_row(o, scale, *marks[family_accelerator(o.measured)]) for o in costed),
        *_legend(validation, marks),
    ]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}" role="img">'
    )
    return "\n".join([opening, f"<style>{STYLE}</style>", *body, "</svg>"]) + "\n"


def _finding(validation: Validation) -> str:
    """The title states what was found."""
    overall = validation.overall
    if not overall.rows:
        return "No row could be costed"
    typical = percent(overall.median_ape)
    return f"Half of {overall.rows} measured runs are predicted within {typical}"


def _detail(validation: Validation) -> str:
    overall = validation.overall
    return (
        f"mean absolute error {percent(overall.mape)}, bias {percent(overall.bias, signed=True)};"
        " the band is 10 % either way"
    )


def _scale(costed: Sequence[Outcome]) -> LogScale:
    """Both axes span all times, with a twentieth of a decade to spare."""
    times = [o.measured.measured_s for o in costed] + [o.estimate.step_time_s for o in costed]
    low, high = log10(min(times, default=0.1)), log10(max(times, default=10.0))
    return LogScale(low=low - 0.05, high=max(high, low + 0.5) + 0.05)


def _axes(scale: LogScale) -> Iterator[str]:
    right, floor_y = LEFT + SIDE, TOP + SIDE
    for tick in scale.ticks():
        x, y, label = scale.x(tick), scale.y(tick), _tick(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP:.0f}" x2="{x:.1f}" y2="{floor_y:.0f}"/>'
        yield f'<line class="grid" x1="{LEFT:.0f}" y1="{y:.1f}" x2="{right:.0f}" y2="{y:.1f}"/>'
        yield f'<text x="{x:.1f}" y="{floor_y + 17:.0f}" text-anchor="middle">{label}</text>'
        yield f'<text x="{LEFT - 7:.0f}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    middle = TOP + SIDE / 2.0
    yield f'<rect class="axis" x="{LEFT:.0f}" y="{TOP:.0f}" width="{SIDE:.0f}" height="{SIDE:.0f}"/>'
    yield (
        f'<text x="{LEFT + SIDE / 2:.0f}" y="{floor_y + 40:.0f}" text-anchor="middle">'
        "measured step time (s)</text>"
    )
    yield (
        f'<text x="20" y="{middle:.0f}" text-anchor="middle"'
        f' transform="rotate(-90 20 {middle:.0f})">predicted step time (s)</text>'
    )


def _tick(seconds: float) -> str:
    return f"{seconds:g}"


def _band(scale: LogScale) -> Iterator[str]:
    """Ten percent either way of equality, clipped to the frame by its own corners."""
    low, high = 10.0**scale.low, 10.0**scale.high
    up, down = 1.0 + BAND, 1.0 - BAND
    corners = [
        (low, low),
        (low, low * up),
        (high / up, high),
        (high, high),
        (high, high * down),
        (low / down, low),
    ]
    points = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in corners)
    yield f'<polygon class="band" points="{points}"/>'
    yield (
        f'<line class="even" x1="{scale.x(low):.1f}" y1="{scale.y(low):.1f}"'
        f' x2="{scale.x(high):.1f}" y2="{scale.y(high):.1f}"/>'
    )


def _row(outcome: Outcome, scale: LogScale, marker: str, colour: str) -> str:
    measured, predicted = outcome.measured.measured_s, outcome.estimate.step_time_s
    tip = (
        f"{outcome.measured.name}: measured {format_time(measured)}, predicted"
        f" {format_time(predicted)} ({percent(outcome.error, signed=True)})"
    )
    return _marker(scale.x(measured), scale.y(predicted), marker, colour, tip)


def _marker(x: float, y: float, marker: str, colour: str, tip: str) -> str:
    title = f"<title>{escape(tip)}</title>"
    paint = f'fill="{colour}" fill-opacity=".7" stroke="{colour}"'
    if marker == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}" {paint}>{title}</circle>'
    corners: dict[str, Iterable[tuple[float, float]]] = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)),
        "diamond": ((0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)),
    }
    points = " ".join(f"{x + RADIUS * a:.1f},{y + RADIUS * b:.1f}" for a, b in corners[marker])
    return f'<polygon points="{points}" {paint}>{title}</polygon>'


def _legend(validation: Validation, marks: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Groups with their rows and error; there are as many as there are marks."""
    x, y = LEFT + SIDE + 22.0, TOP + 4.0
    yield f'<text x="{x - 6:.0f}" y="{y:.0f}">group (rows, mean abs. error)</text>'
    groups = [g for g in validation.groups if g.by is GroupedBy.FAMILY_ACCELERATOR]
    for index, group in enumerate(groups, start=1):
        row = y + index * LEGEND_STEP
        text = f"{group.name} ({group.rows}, {percent(group.mape)})"
        yield _marker(x, row - 4.0, *marks[group.name], text)
        yield f'<text x="{x + 11:.0f}" y="{row:.0f}">{escape(text)}</text>'
