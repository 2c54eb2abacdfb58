"""The next best plans beside the chosen one, and which of them the model cannot tell apart."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.report.strategy_text import strategy_line
from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.tabular import Table, columns
from placer.units import format_time

if TYPE_CHECKING:
    from placer.plan.estimate import Breakdown
    from placer.plan.plan import Alternative, Plan

CHOSEN: Final = "this plan"


def alternatives_figure(plan: Plan) -> Figure:
    """One bar per plan, split into components."""
    own = plan.estimate
    rows = [_bar(CHOSEN, own.breakdown, format_time(own.step_time_s), strong=True)]
    for place, other in enumerate(plan.alternatives, start=2):
        loss = signed_percent(other.step_time_s / own.step_time_s - 1.0)
        doubt = "" if other.distinguishable else " (?)"
        told = f"{format_time(other.step_time_s)}, {loss}{doubt}"
        rows.append(_bar(f"plan {place}", _breakdown(plan, other), told))
    present = {part.colour for row in rows for part in row.segments if part.value > 0.0}

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="time per step (s)", tell="{:g}".format)

    return figure(
        "alternatives",
        draw,
        finding=_finding(plan),
        note="A question mark: the difference is within the cost model's own error, so either may be"
        " the faster one in truth.",
        table=alternatives_table(plan),
        legend=tuple((c.colour, c.label) for c in COMPONENTS if c.colour in present),
    )


def alternatives_table(plan: Plan) -> Table:
    """Every plan with its strategy and what it loses."""
    has_experts = plan.model.moe is not None
    rows = [
        (
            "1",
            format_time(plan.estimate.step_time_s),
            "",
            strategy_line(plan.strategy, has_experts=has_experts),
            CHOSEN,
        )
    ]
    for place, other in enumerate(plan.alternatives, start=2):
        doubt = "" if other.distinguishable else " (within the model's error)"
        rows.append(
            (
                str(place),
                format_time(other.step_time_s),
                signed_percent(other.step_time_s / plan.estimate.step_time_s - 1.0),
                strategy_line(other.strategy, has_experts=has_experts),
                f"{other.why_not}{doubt}",
            )
        )
    return Table(
        caption="The best plans",
        columns=columns("plan", "step>", "loss>", "strategy", "why not"),
        rows=tuple(rows),
    )


def _breakdown(plan: Plan, other: Alternative) -> Breakdown:
    own, loss = plan.estimate.breakdown, other.loss
    return replace(
        own, **{f.name: getattr(own, f.name) + getattr(loss, f.name) for f in fields(own)}
    )


def _bar(name: str, parts: Breakdown, told: str, *, strong: bool = False) -> Bar:
    segments = tuple(
        Segment(
            value=max(c.seconds(parts), 0.0),
            colour=c.colour,
            tip=f"{name}, {c.phrase}: {format_time(c.seconds(parts))}",
        )
        for c in COMPONENTS
    )
    return Bar(label=name, segments=segments, told=told, strong=strong)


def _finding(plan: Plan) -> str:
    close = sum(not other.distinguishable for other in plan.alternatives)
    total = len(plan.alternatives)
    if not close:
        return (
            f"The plan is told apart from the next {total}"
            if total > 1
            else "The next plan is slower beyond doubt"
        )
    if close == total:
        many = f"the next {total} plans" if total > 1 else "the next plan"
        return f"By this model's accuracy, {many} may be as fast"
    return f"{close} of the next {total} plans may be as fast, by this model's accuracy"
