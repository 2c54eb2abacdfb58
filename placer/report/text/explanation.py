"""The explanation of a plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.loss import signed_percent
from placer.report.text.alternatives import alternatives_table
from placer.report.text.breakdown import breakdown_table
from placer.report.text.canvas import WIDTH, lines, rendered, section, table
from placer.report.text.headline import headline
from placer.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from placer.report.explain import Explanation


def render_explanation(
    explanation: Explanation, *, colour: bool = False, width: int = WIDTH
) -> str:
    """The explanation as text of at most ``width`` columns."""
    return rendered(_parts(explanation), colour=colour, width=width)


def _parts(explanation: Explanation) -> Iterator[RenderableType]:
    plan = explanation.plan
    yield from headline(plan)
    yield section("Where the time goes", breakdown_table(plan.estimate))
    yield section("What binds", lines(explanation.findings))
    if plan.alternatives:
        yield section("Next best plans", alternatives_table(plan))
    note = "the same GPUs, ranks in order, layers split evenly; loss against the plan"
    yield section(f"One step along each axis ({note})", neighbours_table(explanation))


def neighbours_table(explanation: Explanation) -> Table:
    """One row per neighbour, in the order of the axes."""
    grid = table(("change", "left"), ("step", "right"), ("loss", "right"), ("because", "left"))
    chosen = explanation.plan.estimate.step_time_s
    for neighbour in explanation.neighbours:
        if neighbour.estimate is None:
            grid.add_row(neighbour.change, "-", "-", neighbour.obstacle)
            continue
        step = neighbour.estimate.step_time_s
        loss = signed_percent(step / chosen - 1.0)
        because = neighbour.obstacle or neighbour.reason
        grid.add_row(neighbour.change, format_time(step), loss, because)
    return grid
