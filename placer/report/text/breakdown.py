"""Where the time goes: seconds and share of each component, with a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.palette import COMPONENTS
from placer.report.text.canvas import bar, table
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from rich.table import Table

    from placer.plan.estimate import Estimate


def breakdown_table(estimate: Estimate) -> Table:
    """One row per component that takes any time; they sum to the step time."""
    grid = table(("component", "left"), ("time", "right"), ("share", "right"), ("", "left"))
    longest = max(c.seconds(estimate.breakdown) for c in COMPONENTS)
    for component in COMPONENTS:
        seconds = component.seconds(estimate.breakdown)
        if seconds > 0.0:
            grid.add_row(
                component.label,
                format_time(seconds),
                format_percent(seconds / estimate.step_time_s),
                bar(seconds / longest, component.colour),
            )
    total = (format_time(estimate.step_time_s), format_percent(1.0), "")
    grid.add_row(Text("step"), *total, style="bold")
    return grid
