"""From a strategy and a placement to a plan that has been costed anew and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.check.validator import check_plan
from placer.emit.registry import launchable_by
from placer.errors import InternalError
from placer.plan.plan import Plan, PlanStatus

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.plan.placement import Placement
    from placer.plan.plan import Alternative, Bound, Provenance
    from placer.plan.strategy import Strategy


def assembled(
    question: Question,
    *,
    status: PlanStatus,
    strategy: Strategy,
    placement: Placement,
    provenance: Provenance,
    bound: Bound | None = None,
    alternatives: tuple[Alternative, ...] = (),
) -> Plan:
    """The plan, costed by the cost model and checked.

    Raises
    ------
    InternalError
        When the plan does not hold: nothing that fails its check leaves placer.
    """
    plan = Plan(
        status=status,
        model=question.model,
        cluster=question.cluster,
        run=question.run,
        sources=question.sources,
        strategy=strategy,
        launchable_by=launchable_by(question.model, question.run, strategy),
        placement=placement,
        estimate=question.cost_model.estimate(strategy, placement),
        bound=bound,
        alternatives=alternatives,
        provenance=provenance,
    )
    problems = check_plan(plan, rules=question.rules)
    if problems:
        raise InternalError("the plan fails its own check: " + "; ".join(problems))
    return plan
