"""From what the search found to a plan: costed anew, checked, with what it rests on."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from placer import __version__
from placer.api.answer import assembled
from placer.api.provenance import restrictions_of
from placer.cost.recorded import constant_records
from placer.cost.stability import Contender, chances_faster
from placer.cost.uncertainty import load_uncertainty
from placer.errors import InternalError
from placer.plan.plan import Alternative, Bound, Candidates, Limits, PlanStatus, Provenance
from placer.report.loss import loss_between, why_not
from placer.search.result import SearchStatus

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.cost.model import CostModel
    from placer.plan.plan import Plan
    from placer.search.options import SearchOptions
    from placer.search.result import FoundPlan, SearchResult

SOLVER: Final = "cp-sat"
SELDOM: Final = 0.1
"""Plans that are faster less often are told apart from the chosen one."""


def plan_of(question: Question, options: SearchOptions, result: SearchResult) -> Plan:
    """The search's answer as a plan, costed anew and checked."""
    best, proven = result.best, result.gap <= options.gap
    answer = assembled(
        question,
        status=PlanStatus.OPTIMAL if proven else PlanStatus.FEASIBLE,
        strategy=best.strategy,
        placement=best.placement,
        provenance=_provenance(question, options, result),
        bound=_bound(result),
        alternatives=_alternatives(question.cost_model, result, options.gap),
    )
    if answer.estimate != best.estimate:
        raise InternalError(
            f"the search says {best.estimate.step_time_s} s of its plan, the cost model"
            f" {answer.estimate.step_time_s} s"
        )
    return answer


def _bound(result: SearchResult) -> Bound:
    return Bound(
        lower_bound_s=result.lower_bound_s,
        gap=result.gap,
        candidates=Candidates(
            considered=result.considered, pruned=dict(result.pruned), solved=result.solved
        ),
        deterministic_work=result.deterministic_work,
    )


def _alternatives(
    cost_model: CostModel, result: SearchResult, gap: float
) -> tuple[Alternative, ...]:
    """The next best plans, with how often each would be faster."""
    found = (result.best, *result.alternatives)
    plans = [Contender(one.strategy, one.placement, one.estimate.step_time_s) for one in found]
    chances = chances_faster(cost_model, plans[0], plans[1:], load_uncertainty())
    pairs = zip(result.alternatives, chances.tolist(), strict=True)
    return tuple(_alternative(result.best, other, chance, gap) for other, chance in pairs)


def _alternative(best: FoundPlan, other: FoundPlan, chance: float, gap: float) -> Alternative:
    """A next best plan, with what it loses; told apart where it is seldom faster."""
    step_time_s, other_s = best.estimate.step_time_s, other.estimate.step_time_s
    loss = loss_between(best.estimate.breakdown, other.estimate.breakdown)
    reason = why_not(best.strategy, step_time_s, other.strategy, loss)
    if other_s < step_time_s * (1.0 - gap):
        reason += "; slower in the simulation"
    elif other_s < step_time_s:
        reason += "; faster by less than the gap, but splits along more axes"
    return Alternative(
        strategy=other.strategy,
        step_time_s=other_s,
        why_not=reason,
        distinguishable=chance < SELDOM,
        chance_faster=chance,
        loss=loss,
    )


def _provenance(question: Question, options: SearchOptions, result: SearchResult) -> Provenance:
    return Provenance(
        placer_version=__version__,
        solver=SOLVER,
        solver_version=version("ortools"),
        seed=options.seed,
        limits=Limits(
            gap=options.gap,
            time_limit_s=options.time_limit_s,
            deterministic_limit=options.deterministic_limit,
            workers=options.workers,
            top=options.top,
            wall_clock_cut=result.wall_clock_cut or result.status is SearchStatus.INTERRUPTED,
        ),
        restrictions=restrictions_of(options),
        assumptions=question.assumptions,
        constants=constant_records(question.constants, question.topology.levels),
    )
