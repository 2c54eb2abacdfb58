"""A comparison as tables of at most 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.comparison.wording import headline, question, ranking, times, why
from placer.report.strategy_text import strategy_line
from placer.report.text.canvas import WIDTH, lines, rendered, section, table
from placer.report.text.headline import proof
from placer.units import format_count, format_percent, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from placer.compare.comparison import Comparison, Row
    from placer.plan.plan import Plan


def render_comparison(comparison: Comparison, *, colour: bool = False, width: int = WIDTH) -> str:
    """The comparison as text."""
    return rendered(_parts(comparison), colour=colour, width=width)


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield Text(headline(comparison), style="bold")
    yield Text(question(comparison))
    yield Text(ranking(comparison))
    solved = [(row, row.layout.plan) for row in comparison.rows if row.layout.plan is not None]
    unsolved = [row for row in comparison.rows if row.layout.plan is None]
    if solved:
        yield section("Layouts", _layouts(solved))
        yield section("Where the difference lies", _differences(comparison, [r for r, _ in solved]))
        yield section("Plans", _plans(solved))
    if unsolved:
        yield section("Without a plan", _reasons(unsolved))
    if comparison.assumptions:
        taken = [f"left open: {assumption}" for assumption in comparison.assumptions]
        yield section("What was assumed", lines(taken))


def _layouts(solved: list[tuple[Row, Plan]]) -> Table:
    grid = table(
        ("", "right"),
        ("layout", "left"),
        ("GPUs", "right"),
        ("used", "right"),
        ("step", "right"),
        ("tokens/s", "right"),
        ("per GPU", "right"),
        ("MFU", "right"),
        ("", "right"),
    )
    for place, (row, plan) in enumerate(solved, start=1):
        used = plan.placement.gpus_used / row.layout.num_gpus
        grid.add_row(
            str(place),
            row.layout.name,
            f"{row.layout.num_gpus:,}",
            format_percent(used),
            format_time(plan.estimate.step_time_s),
            format_count(plan.estimate.tokens_per_s),
            f"{row.layout.tokens_per_s_per_gpu:,.1f}",
            format_percent(plan.estimate.mfu),
            times(row),
        )
    return grid


def _differences(comparison: Comparison, rows: list[Row]) -> Table:
    grid = table(("layout", "left"), (f"against {comparison.reference}", "left"))
    for row in rows:
        grid.add_row(row.layout.name, why(comparison, row))
    return grid


def _plans(solved: list[tuple[Row, Plan]]) -> Table:
    grid = table(("layout", "left"), ("plan", "left"))
    for row, plan in solved:
        strategy = strategy_line(plan.strategy, has_experts=plan.model.moe is not None)
        grid.add_row(row.layout.name, f"{strategy}; {proof(plan)}")
    return grid


def _reasons(rows: list[Row]) -> Table:
    grid = table(("layout", "left"), ("why", "left"))
    for row in rows:
        grid.add_row(row.layout.name, row.layout.reason)
    return grid
