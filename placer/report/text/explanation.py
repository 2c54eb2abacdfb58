"""The explanation of a plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.explain import neighbours_note, neighbours_table
from placer.report.sensitivity import sensitivity_table
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
    note = Text(neighbours_note(explanation), style="dim")
    yield section("One step along each axis", note, drawn(neighbours_table(explanation)))
    help_note = Text(
        "Change of the step time; planning again can only do better than what is told.", style="dim"
    )
    yield section("What would help", help_note, drawn(sensitivity_table(explanation.sensitivities)))
