"""Bandwidth between sites for a share of time spent computing: the published table beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.cost.across.utilisation import BYTES_PER_GBIT
from placer.report.loss import signed_percent
from placer.report.text.canvas import WIDTH, lines, rendered, section, table
from placer.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from placer.cost.across.utilisation import BandwidthTable, Cell

WELL, NEAR = 0.15, 0.40


def render_utilisation(published: BandwidthTable, *, colour: bool = False) -> str:
    """The page: how many cells agree, every cell, real runs."""
    return rendered(_parts(published), colour=colour, width=WIDTH)


def _parts(published: BandwidthTable) -> Iterator[RenderableType]:
    cells = published.cells()
    errors = [abs(cell.error) for cell in cells]
    yield Text("Bandwidth between sites for a share of time spent computing", style="bold")
    fitted = published.simulated.bytes_per_parameter
    agreement = (
        f"{sum(e <= WELL for e in errors)} of {len(errors)} cells within {format_percent(WELL)},"
        f" {sum(e <= NEAR for e in errors)} within {format_percent(NEAR)}, worst"
        f" {format_percent(max(errors))}"
    )
    assumed = f"{fitted.value:g} bytes per parameter: {fitted.source}"
    step = 10.0 ** (1.0 / published.simulated.points_per_decade) - 1.0
    grid = (
        f"Theirs is the first point that suffices on a grid in steps of {format_percent(step)}; ours"
        " has half a step added."
    )
    yield lines([published.simulated.source, agreement, assumed, grid])
    yield section(
        "Gbit/s for a share of time computing, published > ours; steps 1: data parallel",
        _cells_table(published, cells),
    )
    yield section("Real runs, whose bandwidth nobody published", _runs_table(published))


def _cells_table(published: BandwidthTable, cells: Sequence[Cell]) -> Table:
    shares = [f"{u:.0%}".replace("%", " %") for u in published.simulated.utilisations]
    grid = table(
        ("model", "left"),
        ("steps", "right"),
        *((share, "right") for share in shares),
        ("worst", "right"),
    )
    for model in published.simulated.models:
        for row in model.rows:
            mine = [cell for cell in cells if cell.model is model and cell.row is row]
            texts = [f"{cell.published_gbps:g} > {cell.predicted_gbps:.3g}" for cell in mine]
            texts += ["over 1000"] * (len(shares) - len(mine))
            worst = max((cell.error for cell in mine), key=abs)
            first = model.name if row is model.rows[0] else ""
            grid.add_row(first, f"{row.inner_steps}", *texts, signed_percent(worst))
    return grid


def _runs_table(published: BandwidthTable) -> Table:
    grid = table(("run", "left"), ("computing", "right"), ("implies", "right"), ("told", "left"))
    for run in published.measured:
        implied = f"{run.implied_bytes_per_s / BYTES_PER_GBIT:.3g} Gbit/s"
        grid.add_row(run.name, format_percent(run.utilisation), implied, run.told)
    return grid
