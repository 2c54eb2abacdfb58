"""``simulate``: a plan played through, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.check.validator import check_plan
from placer.errors import InputError, Problem
from placer.simulate.simulation import AS_PLANNED, simulate_plan

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.simulate.result import Simulation
    from placer.simulate.variation import Variation


def simulate(plan: Plan, variation: Variation = AS_PLANNED) -> Simulation:
    """Play one step of a plan: what the estimate says in formulas, told by events.

    Parameters
    ----------
    plan
        The plan; nothing else is read.
    variation
        Jitter and stragglers to sample; nothing varies when not given.

    Returns
    -------
    Simulation
        Step time by component beside the estimate, use of links, stages, and the events.

    Raises
    ------
    InputError
        When the plan contradicts itself.
    """
    found = check_plan(plan)
    if found:
        remedy = "Plan again, and do not edit the file by hand."
        raise InputError(
            Problem(source="plan", expected="a plan that holds", found=text, remedy=remedy)
            for text in found
        )
    return simulate_plan(plan, variation)
