"""``explain``: why a plan is as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.check.validator import check_plan
from placer.cost.recorded import recorded_constants
from placer.emit.registry import rules_of
from placer.errors import InputError, Problem
from placer.report.explain import explain_plan

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.report.explain import Explanation


def explain(plan: Plan) -> Explanation:
    """What binds a plan, what the next best lose, what a step along each axis does, what would help.

    Raises
    ------
    InputError
        When the plan contradicts itself, or its framework is unknown here.
    """
    found = check_plan(plan)
    if found:
        remedy = "Plan again, and do not edit the file by hand."
        raise InputError(
            Problem(source="plan", expected="a plan that holds", found=text, remedy=remedy)
            for text in found
        )
    return explain_plan(
        plan, rules_of(plan.run.framework), recorded_constants(plan.provenance.constants)
    )
