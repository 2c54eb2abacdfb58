"""Where the time of a step goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.palette import COMPONENTS
from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.tabular import Table, columns
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from placer.plan.estimate import Estimate

_NAMED_FROM = 0.01


def breakdown_figure(estimate: Estimate) -> Figure:
    """One bar per component that takes any time."""
    step_s = estimate.step_time_s
    spent = [(c, c.seconds(estimate.breakdown)) for c in COMPONENTS]
    told = [(c, s, f"{format_time(s)}, {format_percent(s / step_s)}") for c, s in spent if s > 0.0]
    rows = [
        Bar(
            label=component.label,
            segments=(
                Segment(
                    value=seconds,
                    colour=component.colour,
                    tip=f"{component.phrase}: {words} of the step",
                ),
            ),
            told=words,
        )
        for component, seconds, words in told
    ]

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="time per step (s)", tell="{:g}".format)

    cells = [(c.label, format_time(s), format_percent(s / step_s)) for c, s, _ in told]
    return figure(
        "time",
        draw,
        finding=_finding(estimate),
        note="What the stage that takes longest spends in a step, exposed; what runs beside"
        " computation is not counted. The bars sum to the step.",
        table=Table(
            caption="Time of a step by component",
            columns=columns("component", "time>", "share>"),
            rows=(*cells, ("step", format_time(step_s), format_percent(1.0))),
        ),
    )


def _finding(estimate: Estimate) -> str:
    """``82.8 % of the step computes; tensor-parallel communication takes 7.6 %``."""
    step_s, parts = estimate.step_time_s, estimate.breakdown
    others = [(c.seconds(parts) / step_s, c) for c in COMPONENTS if c.field != "compute"]
    share, worst = max(others, key=lambda pair: pair[0])
    first = f"{format_percent(parts.compute / step_s)} of the step computes"
    if share < _NAMED_FROM:
        return first
    return f"{first}; most of the rest is {worst.phrase}, {format_percent(share)}"
