"""What changing a job would give: the best single step, and the best plan beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from placer.plan.plan import PlanStatus
from placer.report.loss import loss_between, why_not
from placer.report.strategy_text import strategy_line
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.report.neighbours import Neighbour

NOTICEABLE: Final = 0.005
"""Smaller gains are not worth a change."""


def best_step(plan: Plan, neighbours: Iterable[Neighbour]) -> str:
    """The one step along an axis that gains most, as a sentence.

    Parameters
    ----------
    plan
        What runs today.
    neighbours
        Its neighbours, each costed.
    """
    own_s = plan.estimate.step_time_s
    able = [(n.estimate.step_time_s, n) for n in neighbours if n.estimate and not n.obstacle]
    found = min(able, key=lambda pair: pair[0], default=None)
    fits = plan.estimate.fits
    if found is None or (fits and found[0] > own_s * (1 - NOTICEABLE)):
        return "No single step along one axis makes it faster."
    step_s, neighbour = found
    if not fits:
        return (
            f"It does not fit the memory; {neighbour.change} does: {format_time(step_s)} per step."
        )
    gain = format_percent(1 - step_s / own_s)
    return f"One step, {neighbour.change}: {format_time(step_s)} per step, {gain} less."


def beside_best(plan: Plan, best: Plan) -> tuple[str, ...]:
    """What runs today beside the best plan for the same GPUs and batch."""
    own_s, best_s = plan.estimate.step_time_s, best.estimate.step_time_s
    has_experts = plan.model.moe is not None
    found = "proven" if best.status is PlanStatus.OPTIMAL else "found"
    line = strategy_line(best.strategy, has_experts=has_experts)
    if plan.estimate.fits and own_s <= best_s * (1 + NOTICEABLE):
        return (f"Nothing better is {found}: the best plan takes {format_time(best_s)} per step.",)
    loss = loss_between(best.estimate.breakdown, plan.estimate.breakdown)
    times = f"{own_s / best_s:.2f} times as fast"
    return (
        f"The best plan, {found}, takes {format_time(best_s)} per step, {times}: {line}.",
        f"This one: {why_not(best.strategy, best_s, plan.strategy, loss)}.",
    )
