"""A sweep as text: the best layouts, what each value does, the front, what did not work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from placer.compare.sweep.effects import grids
from placer.report.sweep.tables import (
    axes_table,
    effects_table,
    front_table,
    gains_table,
    grid_table,
    headline,
    layouts_table,
    refusals_table,
)
from placer.report.tabular import Side
from placer.report.text.canvas import lines, rendered, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from placer.compare.sweep.result import Sweep
    from placer.report.tabular import Table

MOST_ROWS: Final = 15
MOST_COLUMNS: Final = 8
MOST_REASONS: Final = 5
MOST_GRIDS: Final = 3


def render_sweep(sweep: Sweep, *, colour: bool, width: int) -> str:
    """The whole answer as lines of at most ``width``."""
    return rendered(_parts(sweep), colour=colour, width=width)


def _parts(sweep: Sweep) -> Iterator[RenderableType]:
    yield lines([headline(sweep), *sweep.assumptions])
    if sweep.axes:
        yield _drawn(axes_table(sweep.axes))
    ranked = sweep.ranked()
    if ranked:
        title = "Best layouts, by tokens per second and GPU"
        yield _drawn(layouts_table(title, sweep.axes, ranked[:MOST_ROWS]))
        if len(ranked) > MOST_ROWS:
            yield lines([f"  ... {len(ranked) - MOST_ROWS:,} more; --json has all"])
    if len(ranked) > 1:
        yield _drawn(effects_table(sweep))
        yield from (_drawn(grid_table(grid, MOST_COLUMNS)) for grid in grids(sweep)[:MOST_GRIDS])
    for front in sweep.fronts():
        yield _drawn(front_table(sweep, replace(front, rows=front.rows[:MOST_ROWS])))
    if sweep.gains:
        yield _drawn(gains_table(sweep))
    if any(row.refusal for row in sweep.rows):
        yield _drawn(refusals_table(sweep, MOST_REASONS))


def _drawn(data: Table) -> RenderableType:
    """A table under its caption; an empty last column keeps the others from stretching."""
    sides = [(column.header, column.side.value) for column in data.columns]
    stretch = [("", "left")] if data.columns[-1].side is Side.RIGHT else []
    grid = table(*sides, *stretch)
    for row in data.rows:
        grid.add_row(*row, *("" for _ in stretch))
    return section(data.caption, grid)
