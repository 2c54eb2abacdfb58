"""What a tenth more of each thing buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.sensitivity import (
    STEP,
    Sensitivity,
    sensitivity_table,
    told_better,
    told_worse,
)
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.svg.tornado import BETTER, WORSE, Swing, tornado
from placer.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence


def sensitivity_figure(found: Sequence[Sensitivity]) -> Figure:
    """Changes of the step time around zero."""
    rows = [
        Swing(
            label=one.thing,
            better=one.better,
            worse=one.worse or 0.0,
            told_better=told_better(one),
            told_worse=told_worse(one),
        )
        for one in found
    ]
    tenth = f"{100 * STEP:.0f} %"

    def draw(width: float) -> Drawing:
        axis = "change of the step time (%)"
        return tornado(rows, width, axis=axis, tell=_tell)

    return figure(
        "sensitivity",
        draw,
        finding=_finding(found),
        note=f"This plan costed again with {tenth} more and {tenth} less of one thing at a time."
        " Planning again can only do better, so gains are at least, losses at most, what is shown."
        " Memory is judged by the steps along one axis that begin or cease to fit.",
        table=sensitivity_table(found),
        legend=((BETTER, f"{tenth} more"), (WORSE, f"{tenth} less")),
    )


def _tell(share: float) -> str:
    """A change in percent with its sign; zero has none."""
    return f"{100 * share:+.3g}" if share else "0"


def _finding(found: Sequence[Sensitivity]) -> str:
    best = min(found, key=lambda one: (one.better, one.thing))
    if best.better >= 0.0:
        return "A tenth more of no single thing makes this plan faster"
    return f"A tenth more {best.thing} buys most: {format_percent(-best.better)} less time per step"
