"""``plan``: the fastest placement the search can prove."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from placer.api.found_answer import plan_of
from placer.api.question import Question, RunOptions, ask
from placer.api.side_work import read_side_work, settled, with_room
from placer.api.sites import plan_over_sites
from placer.errors import InputError, Problem
from placer.plan.plan import SimulatedStep
from placer.search.across.request import SiteRequest
from placer.search.find import find
from placer.search.options import SearchOptions
from placer.search.placement_builder import named as with_names
from placer.simulate.simulation import simulate_plan
from placer.topology.sites import has_sites

if TYPE_CHECKING:
    from pathlib import Path

    from placer.plan.plan import Plan
    from placer.search.result import FoundPlan, ProgressListener, SearchResult
    from placer.spec.cluster import ClusterSpec
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec
    from placer.spec.side_work import SideWorkSpec


def plan(
    model: str | Path | ModelSpec,
    cluster: str | Path | ClusterSpec,
    run: RunOptions | RunSpec | None = None,
    options: SearchOptions | None = None,
    sites: SiteRequest | None = None,
    *,
    calibration: str | Path | None = None,
    simulate: int = 0,
    job: str | Path | SideWorkSpec | None = None,
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
    sites
        What may cross between the sites of a cluster that has several.
    calibration
        A file of `placer calibrate`, whose constants replace those that travel with placer.
    simulate
        Play the steps of so many of the best plans, and choose by that; 0: by the estimate.
    job
        A file that lists work beside the step (`spec.side_work`); it gets hosts of its own before
        training does, and its traffic is charged to the links.
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
    if job is None:
        return _planned(question, options, sites, simulate, listener)
    question, reserved = with_room(question, read_side_work(job))
    return settled(question, _planned(question, options, sites, simulate, listener), reserved)


def _planned(
    question: Question,
    options: SearchOptions,
    sites: SiteRequest | None,
    simulate: int,
    listener: ProgressListener | None,
) -> Plan:
    """The best plan of a question, over several sites where it has them."""
    if has_sites(question.topology):
        if simulate > 0:
            raise InputError((_no_simulation(),))
        return plan_over_sites(question, options, sites or SiteRequest(), listener)
    if sites is not None and sites != SiteRequest():
        raise InputError((_no_sites(question),))
    result = find(question.cost_model, rules=question.rules, options=options, progress=listener)
    if simulate > 0:
        return simulated_plan(question, options, result, simulate)
    return plan_of(question, options, result)


def _no_simulation() -> Problem:
    return Problem(
        source="--simulate",
        expected="a cluster of one site",
        found="several sites",
        remedy="Leave it out: what crosses between sites is estimated only.",
    )


def _no_sites(question: Question) -> Problem:
    return Problem(
        source="--cross-site and what goes with it",
        expected="a cluster with sites",
        found=f"{question.cluster.name}, which has one",
        remedy="Leave them out, or list sites and links in the cluster file.",
    )


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
