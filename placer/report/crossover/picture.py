"""A crossover study as a map: bandwidth down, distance across, a colour for what wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.strategy import CrossSiteMode
from placer.report.crossover.terminal import about
from placer.report.crossover.words import (
    COLOURS,
    NAMES,
    RANKINGS,
    distance_text,
    finding,
    gain_text,
    told,
    why,
)
from placer.report.svg.elements import joined, rect, text, text_width
from placer.report.svg.figure import NARROW_PX, Drawing, figure, standalone_svg
from placer.report.svg.ramp import ink_on
from placer.report.tabular import Table, columns
from placer.units import format_bit_rate

if TYPE_CHECKING:
    from markupsafe import Markup

    from placer.compare.crossover import Crossover
    from placer.report.crossover.words import Ranking
    from placer.report.svg.figure import Figure

ROW_PX: Final = 38.0
HEAD_PX: Final = 62.0
BETWEEN_PX: Final = 28.0


def crossover_svg(crossover: Crossover) -> str:
    """The map as a file of its own."""
    return standalone_svg(crossover_figure(crossover))


def crossover_figure(crossover: Crossover) -> Figure:
    """Both rankings beside each other, below each other on a narrow page."""
    used = {
        winner.mode
        for cell in crossover.cells
        for ranking in RANKINGS
        if (winner := ranking.winner(cell)) is not None
    }
    return figure(
        "crossover",
        lambda width: _panels(crossover, width),
        finding=finding(crossover),
        note=f"{about(crossover)}. Figures: times the tokens per second of the best site alone.",
        table=_table(crossover),
        legend=tuple((COLOURS[mode], NAMES[mode]) for mode in CrossSiteMode if mode in used),
    )


def _panels(crossover: Crossover, width: float) -> Drawing:
    narrow = width <= NARROW_PX
    each = width if narrow else (width - BETWEEN_PX) / 2.0
    height = HEAD_PX + len(crossover.bandwidths) * ROW_PX + 8.0
    parts: list[Markup] = []
    for index, ranking in enumerate(RANKINGS):
        x = 0.0 if narrow else index * (each + BETWEEN_PX)
        y = index * height if narrow else 0.0
        parts += _panel(crossover, ranking, x, y, each)
    return Drawing(width=width, height=height * (2.0 if narrow else 1.0), body=joined(parts))


def _panel(
    crossover: Crossover, ranking: Ranking, x: float, y: float, width: float
) -> list[Markup]:
    """One map: title, distances across, bandwidths down, a cell each."""
    names = [format_bit_rate(bandwidth) for bandwidth in crossover.bandwidths]
    left = x + max(text_width(name) for name in names) + 10.0
    cell_px = (x + width - left) / len(crossover.distances)
    parts = [
        text(x, y + 13.0, ranking.title, css="strong"),
        text(x, y + HEAD_PX - 12.0, "link", css="quiet"),
        text(left, y + 32.0, "length of the fibre", css="quiet"),
    ]
    for column, metres in enumerate(crossover.distances):
        middle = left + (column + 0.5) * cell_px
        parts.append(text(middle, y + HEAD_PX - 12.0, distance_text(metres), anchor="middle"))
    for row, name in enumerate(names):
        top = y + HEAD_PX + row * ROW_PX
        parts.append(text(left - 8.0, top + ROW_PX / 2 + 4.0, name, anchor="end"))
        for column in range(len(crossover.distances)):
            parts += _cell(crossover, ranking, row, column, left + column * cell_px, top, cell_px)
    return parts


def _cell(  # noqa: PLR0917 (a place and a size)
    crossover: Crossover,
    ranking: Ranking,
    row: int,
    column: int,
    x: float,
    y: float,
    width: float,
) -> list[Markup]:
    cell = crossover.cell(row, column)
    winner = ranking.winner(cell)
    tip = f"{told(cell, ranking)}; waits: {why(crossover, row, column)}"
    if winner is None:
        return [rect(x + 1.0, y + 1.0, width - 2.0, ROW_PX - 2.0, css="empty", tip=tip)]
    colour, name = COLOURS[winner.mode], NAMES[winner.mode]
    ink, middle = ink_on(colour), x + width / 2.0
    box = rect(x, y, width, ROW_PX, fill=colour, css="edge", tip=tip)
    figures = text(middle, y + 31.0, gain_text(cell, ranking), anchor="middle", css=ink)
    if text_width(name) > width - 2.0:
        return [box, figures]
    return [box, text(middle, y + 16.0, name, anchor="middle", css=ink), figures]


def _table(crossover: Crossover) -> Table:
    rows = tuple(
        (
            format_bit_rate(cell.bandwidth_bytes_per_s),
            distance_text(cell.distance_m),
            *(told(cell, ranking) for ranking in RANKINGS),
        )
        for cell in crossover.cells
    )
    return Table(
        caption=finding(crossover),
        columns=columns("link>", "length>", *(ranking.title for ranking in RANKINGS)),
        rows=rows,
    )
