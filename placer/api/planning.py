"""``plan``: the fastest placement the search can prove."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from placer import __version__
from placer.api.answer import assembled
from placer.api.provenance import restrictions_of
from placer.api.question import Question, RunOptions, ask
from placer.cost.recorded import constant_records
from placer.errors import InternalError
from placer.plan.plan import (
    Alternative,
    Bound,
    Candidates,
    Limits,
    PlanStatus,
    Provenance,
    SimulatedStep,
)
from placer.report.loss import loss_between, why_not
from placer.search.find import find
from placer.search.options import SearchOptions
from placer.search.placement_builder import named as with_names
from placer.search.result import SearchStatus
from placer.simulate.simulation import simulate_plan

if TYPE_CHECKING:
    from pathlib import Path

    from placer.plan.plan import Plan
    from placer.search.result import FoundPlan, ProgressListener, SearchResult
    from placer.spec.cluster import ClusterSpec
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

SOLVER: Final = "cp-sat"
INDISTINGUISHABLE: Final = "accuracy.indistinguishable"


def plan(
    model: str | Path | ModelSpec,
    cluster: str | Path | ClusterSpec,
    run: RunOptions | RunSpec | None = None,
    options: SearchOptions | None = None,
    *,
    calibration: str | Path | None = None,
    simulate: int = 0,
    listener: ProgressListener | None = None,
) -> Plan:
    """Find the placement with the smallest step time.

    Parameters
    ----------
    model, cluster
        A name of the catalogue, a file, or the object itself.
    run
        Batch, sequence, precision, framework; placer's choice where None.
    options
        Limits and restrictions of the search.
    calibration
        A file of `placer calibrate`, whose constants replace those that travel with placer.
    simulate
        Play the steps of so many of the best plans, and choose by that; 0: by the estimate.
    listener
        Hears of progress while the search runs.

    Returns
    -------
    Plan
        Of status ``optimal`` when proven within the gap, else ``feasible``. An interrupt
        (Ctrl-C) during the search gives the best plan so far.

    Raises
    ------
    InputError
        When an input is wrong.
    InfeasibleError
        When no plan fits; says what binds and what would help.
    TimeLimitError
        When the time limit came before any plan.
    """
    options = options or SearchOptions()
    options = replace(options, top=max(options.top, simulate))
    question = ask(model, cluster, run or RunOptions(), options.max_gpus, calibration)
    result = find(question.cost_model, rules=question.rules, options=options, progress=listener)
    if simulate > 0:
        return simulated_plan(question, options, result, simulate)
    return plan_of(question, options, result)


def simulated_plan(
    question: Question, options: SearchOptions, result: SearchResult, count: int
) -> Plan:
    """The fastest of the ``count`` best plans when their steps are played event by event."""
    found = (result.best, *result.alternatives)
    played = [
        (simulate_plan(plan_of(question, options, _chosen(result, one, question))), one)
        for one in found[:count]
    ]
    played.sort(key=lambda pair: pair[0].step_time_s)
    winner = _chosen(result, played[0][1], question)
    answer = plan_of(question, options, winner)
    steps = tuple(
        SimulatedStep(
            strategy=one.strategy,
            estimate_s=one.estimate.step_time_s,
            simulated_s=simulation.step_time_s,
        )
        for simulation, one in played
    )
    return replace(answer, simulated=steps)


def _chosen(result: SearchResult, chosen: FoundPlan, question: Question) -> SearchResult:
    """The result as if this plan of it were the best; its gap grows by what it is slower."""
    others = tuple(one for one in (result.best, *result.alternatives) if one is not chosen)
    if chosen is result.best:
        return result
    placement = with_names(chosen.strategy, chosen.placement, question.topology)
    gap = (1.0 + result.gap) * chosen.estimate.step_time_s / result.best.estimate.step_time_s - 1.0
    best = replace(chosen, placement=placement)
    return replace(result, best=best, alternatives=others, gap=gap)


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
