"""What is wrong with a plan, found without the solver and without the search.

Every answer of the search passes through here, and so does every plan file before it is emitted.
Each check states what must hold; together they need nothing but the plan itself, the legality rules
of a framework, and, to re-cost it, a function from plan to estimate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.check.costs import breakdown_problems, memory_problems, proof_problems, recost_problems
from placer.check.layers import layout_problems
from placer.check.places import accelerator_problems, cell_problems, level_problems
from placer.check.sites import site_problems
from placer.plan.legality import violations
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.plan.estimate import Estimate
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan

MAX_PROBLEMS: Final = 100


def check_plan(
    plan: Plan,
    *,
    rules: FrameworkRules = ANY_FRAMEWORK,
    recost: Callable[[Plan], Estimate] | None = None,
) -> tuple[str, ...]:
    """Everything wrong with a plan, one sentence each; empty when it holds.

    Parameters
    ----------
    plan
        The plan to judge.
    rules
        The framework's rules; arithmetic alone when not given.
    recost
        Costs the plan anew, to compare with what it states; not compared when None.
    """
    problems = [str(v) for v in violations(rules, plan.model, plan.run, plan.strategy)]
    if not problems:
        problems += _placement_problems(plan)
        problems += layout_problems(plan)
        problems += memory_problems(plan)
        problems += breakdown_problems(plan)
        problems += proof_problems(plan)
    if not problems and recost is not None:
        problems += recost_problems(plan.estimate, recost(plan))
    return tuple(problems[:MAX_PROBLEMS])


def _placement_problems(plan: Plan) -> list[str]:
    """Cells, accelerators, levels; each needs the one before to hold."""
    problems = list(cell_problems(plan))
    if problems:
        return problems
    topology = build_topology(plan.cluster)
    problems = list(accelerator_problems(plan, topology))
    return problems or [*level_problems(plan, topology), *site_problems(plan, topology)]
