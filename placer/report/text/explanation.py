"""The explanation of a plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.explain import neighbours_table
from placer.report.text.alternatives import alternatives_table
from placer.report.text.breakdown import breakdown_table
from placer.report.text.canvas import WIDTH, drawn, lines, rendered, section
from placer.report.text.headline import headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

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
    yield section(f"One step along each axis ({note})", drawn(neighbours_table(explanation)))
