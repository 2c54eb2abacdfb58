"""A step by two accounts: the estimate's formulas, and the simulation's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.report.strategy_text import strategy_line
from placer.report.tabular import Table, columns
from placer.units import format_time

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.simulate.result import Simulation

_MUCH: Final = 0.05
"""A difference as large as what the cost model cannot tell apart."""


def accounts_table(simulation: Simulation) -> Table:
    """One row per component that takes any time in either account."""
    estimated = simulation.plan.estimate.breakdown
    rows = []
    for component in COMPONENTS:
        played_s, before_s = component.seconds(simulation.breakdown), component.seconds(estimated)
        if played_s > 0.0 or before_s > 0.0:
            change = signed_percent((played_s - before_s) / simulation.plan.estimate.step_time_s)
            rows.append((component.label, format_time(before_s), format_time(played_s), change))
    before_s = simulation.plan.estimate.step_time_s
    total = signed_percent(simulation.relative_difference)
    rows.append(("step", format_time(before_s), format_time(simulation.step_time_s), total))
    return Table(
        caption=f"Both accounts of the step, on stage {simulation.critical_stage},"
        " which computes longest",
        columns=columns("component", "estimated>", "simulated>", "of the step>"),
        rows=tuple(rows),
    )


def simulated_table(plan: Plan) -> Table:
    """The best plans in the order of their simulated steps, beside what the estimate says."""
    has_experts = plan.model.moe is not None
    return Table(
        caption="The best plans, played event by event",
        columns=columns("simulated>", "estimated>", ">", "strategy"),
        rows=tuple(
            (
                format_time(step.simulated_s),
                format_time(step.estimate_s),
                signed_percent(step.simulated_s / step.estimate_s - 1.0),
                strategy_line(step.strategy, has_experts=has_experts),
            )
            for step in plan.simulated
        ),
    )


def doubt(simulation: Simulation) -> tuple[str, ...]:
    """What to make of accounts that differ much."""
    difference = simulation.relative_difference
    if abs(difference) < _MUCH:
        return ()
    changes = [(abs(c.seconds(simulation.difference)), c) for c in COMPONENTS]
    most = max(changes, key=lambda pair: pair[0])[1]
    told = (
        f"The two accounts differ by {signed_percent(difference)}, most in the {most.label}. The"
        " estimate is what runs were compared with; the simulation knows the order of passes and who"
        " waits for whom. Take the difference as doubt about this plan's step time."
    )
    return (told,)
