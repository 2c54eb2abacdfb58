"""A figure: its finding, two drawings (for a wide and a narrow page), and its text alternative."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from placer.report.svg.elements import CHARACTER_PX, LINE_PX, joined, number, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.report.tabular import Table

WIDE_PX: Final = 880.0
NARROW_PX: Final = 340.0
"""Widths that figures are drawn at: of a page on a screen, and of one on a telephone."""

MARGIN_PX: Final = 16.0
TITLE_PX: Final = 15.0

STYLE: Final = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
    "fill:var(--ink)}"
    ".title{font-size:15px;font-weight:600}.strong{font-weight:600}.quiet{fill:var(--quiet)}"
    ".grid{stroke:var(--rule)}.axis{stroke:var(--quiet);fill:none}"
    ".paper{fill:var(--paper)}.edge{stroke:var(--paper);stroke-width:1}"
    ".line{fill:none;stroke-width:2}.mark{stroke:var(--ink);stroke-width:2}"
    ".box{fill:none;stroke:var(--rule)}.empty{fill:none;stroke:var(--rule)}"
    ".gone{fill:var(--quiet);fill-opacity:.5}.shade{fill:var(--quiet);fill-opacity:.18}"
    ".ring{fill:none;stroke-width:1.5}.ring.onlight{stroke:#000}.ring.ondark{stroke:#fff}.cut{fill:none;stroke:var(--paper);stroke-width:3}.cut.fine{stroke-width:2}"
    ".halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px}"
    ".in{font-size:11px}text.onlight{fill:#000}text.ondark{fill:#fff}"
)
"""Classes of the elements; a page that shows figures sets the variables."""

THEME: Final = (
    ":root{color-scheme:light dark;--ink:#1c2127;--quiet:#59636e;--rule:#d5dae0;--paper:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--quiet:#a3adb8;--rule:#3a424c;"
    "--paper:#15191e}}"
    "@media print{:root{--ink:#000;--quiet:#444;--rule:#bbb;--paper:#fff}}"
)
"""The variables, for light, dark and paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Elements on a canvas of ``width`` x ``height`` pixels."""

    width: float
    height: float
    body: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One picture.

    ``name`` is its file's stem; ``finding`` its title, which states what is seen; ``note`` says how
    to read it; ``legend`` are pairs of colour and what it stands for; ``table`` tells the same in
    text.
    """

    name: str
    finding: str
    note: str
    wide: Drawing
    narrow: Drawing
    table: Table
    legend: tuple[tuple[str, str], ...] = ()


def figure(
    name: str,
    draw: Callable[[float], Drawing],
    *,
    finding: str,
    note: str,
    table: Table,
    legend: tuple[tuple[str, str], ...] = (),
) -> Figure:
    """Draw a figure at both widths."""
    return Figure(
        name=name,
        finding=finding,
        note=note,
        wide=draw(WIDE_PX),
        narrow=draw(NARROW_PX),
        table=table,
        legend=legend,
    )


def inline_svg(drawing: Drawing) -> Markup:
    """A drawing inside a page, whose figure names it; the page brings the style."""
    return _svg(drawing.width, drawing.height, drawing.body, Markup(' aria-hidden="true"'))


def standalone_svg(drawn: Figure) -> str:
    """A figure as a file of its own: title, note, legend, style; equal figures give equal bytes."""
    drawing = drawn.wide
    head = _head(drawn, drawing.width)
    width = drawing.width + 2 * MARGIN_PX
    height = head.height + drawing.height + 2 * MARGIN_PX
    style = Markup(f"<style>{THEME}{STYLE}</style>")  # noqa: S704 (our own constants)
    label = Markup("<title>{}</title><desc>{}</desc>").format(drawn.finding, drawn.note)
    paper = Markup('<rect class="paper" width="100%" height="100%"/>')
    moved = Markup('<g transform="translate({} {})">{}</g>')
    body = joined(
        (
            label,
            style,
            paper,
            moved.format(number(MARGIN_PX), number(MARGIN_PX), head.body),
            moved.format(number(MARGIN_PX), number(MARGIN_PX + head.height), drawing.body),
        )
    )
    return _svg(width, height, body, Markup(' role="img"')) + "\n"


def _svg(width: float, height: float, body: Markup, attributes: Markup) -> Markup:
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}"'
        f' width="{number(width)}" height="{number(height)}"'
    )
    return Markup(f"{opening}{attributes}>\n") + body + Markup("\n</svg>")  # noqa: S704 (numbers)


def _head(drawn: Figure, width: float) -> Drawing:
    """Title, note and legend above a picture that stands alone."""
    titles = textwrap.wrap(drawn.finding, int(width / CHARACTER_PX * 12.0 / TITLE_PX))
    notes = textwrap.wrap(drawn.note, int(width / CHARACTER_PX))
    parts = []
    y = TITLE_PX
    for words in titles:
        parts.append(text(0.0, y, words, css="title"))
        y += 20.0
    for words in notes:
        parts.append(text(0.0, y, words, css="quiet"))
        y += LINE_PX
    if drawn.legend:
        key = legend_row(drawn.legend, width)
        parts.append(Markup('<g transform="translate(0 {})">{}</g>').format(number(y), key.body))
        y += key.height
    return Drawing(width=width, height=y, body=joined(parts))


def legend_row(entries: tuple[tuple[str, str], ...], width: float) -> Drawing:
    """Swatches with their names, in as many rows as they need."""
    parts = []
    x, y = 0.0, 12.0
    for colour, name in entries:
        needed = 16.0 + len(name) * CHARACTER_PX + 14.0
        if x > 0.0 and x + needed > width:
            x, y = 0.0, y + LINE_PX + 2.0
        swatch = Markup('<rect x="{}" y="{}" width="11" height="11" rx="2" fill="{}"/>')
        parts += [swatch.format(number(x), number(y - 10.0), colour), text(x + 16.0, y, name)]
        x += needed
    return Drawing(width=width, height=y + 10.0, body=joined(parts))
