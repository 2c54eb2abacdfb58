"""From what the search found to a plan: costed anew, checked, with what it rests on."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from placer import __version__
from placer.api.answer import assembled
from placer.api.provenance import restrictions_of
from placer.cost.recorded import constant_records
from placer.errors import InternalError
from placer.plan.plan import Alternative, Bound, Candidates, Limits, PlanStatus, Provenance
from placer.report.loss import loss_between, why_not
from placer.search.result import SearchStatus

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.plan.plan import Plan
    from placer.search.options import SearchOptions
    from placer.search.result import FoundPlan, SearchResult

SOLVER: Final = "cp-sat"
INDISTINGUISHABLE: Final = "accuracy.indistinguishable"


def plan_of(question: Question, options: SearchOptions, result: SearchResult) -> Plan:
    """The search's answer as a plan, costed anew and checked."""
    threshold = question.constants.value(INDISTINGUISHABLE)
    best, proven = result.best, result.gap <= options.gap
    answer = assembled(
        question,
        status=PlanStatus.OPTIMAL if proven else PlanStatus.FEASIBLE,
        strategy=best.strategy,
        placement=best.placement,
        provenance=_provenance(question, options, result),
        bound=_bound(result),
        alternatives=tuple(
            _alternative(best, other, threshold, options.gap) for other in result.alternatives
        ),
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


def _alternative(best: FoundPlan, other: FoundPlan, threshold: float, gap: float) -> Alternative:
    """A next best plan, with what it loses; told apart where that exceeds ``threshold``."""
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
        distinguishable=other_s / step_time_s - 1.0 > threshold,
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
