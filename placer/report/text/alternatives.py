"""The next best plans, and what each loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.loss import signed_percent
from placer.report.text.canvas import table
from placer.units import format_time

if TYPE_CHECKING:
    from rich.table import Table

    from placer.plan.plan import Alternative, Plan


def doubt_of(alternative: Alternative) -> str:
    """``faster in 40 % of draws of the constants``."""
    return f"faster in {100 * alternative.chance_faster:.0f} % of draws of the constants"


def alternatives_table(plan: Plan) -> Table:
    """One row per alternative, in the plan's order (fastest first)."""
    grid = table(("plan", "right"), ("step", "right"), ("loss", "right"), ("why not", "left"))
    chosen = plan.estimate.step_time_s
    for place, alternative in enumerate(plan.alternatives, start=2):
        loss = alternative.step_time_s / chosen - 1.0
        doubt = "" if alternative.distinguishable else f" ({doubt_of(alternative)})"
        grid.add_row(
            str(place),
            format_time(alternative.step_time_s),
            signed_percent(loss),
            f"{alternative.why_not}{doubt}",
        )
    return grid
