"""The entrance of the search."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from placer.errors import InfeasibleError
from placer.plan.contiguous import contiguous_placement
from placer.search.best_first import SLOWER, Search, without_gpu_share
from placer.search.candidates import Costing
from placer.search.placement_builder import named as with_names
from placer.search.result import FoundPlan, SearchResult

if TYPE_CHECKING:
    from placer.cost.model import CostModel
    from placer.plan.legality import FrameworkRules
    from placer.search.best_first import Solved
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener


def find(
    cost_model: CostModel,
    *,
    rules: FrameworkRules,
    options: SearchOptions,
    progress: ProgressListener | None = None,
) -> SearchResult:
    """Find the fastest plan for the cost model's question, with its proof.

    Raises
    ------
    InfeasibleError
        When no strategy fits, with what binds and what would help.
    TimeLimitError
        When a limit came before any plan.
    """
    costing = Costing(cost_model, options.memory_headroom)
    search = Search(costing, rules=rules, options=options, listener=progress)
    search.run()
    if search.best is None and options.min_gpu_share > 0.0:
        options = without_gpu_share(options)
        search = Search(costing, rules=rules, options=options, listener=progress)
        search.run()
    if search.best is None:
        from placer.search.explain import Question, infeasible

        question = Question(costing=costing, rules=rules, options=options)
        raise infeasible(question, search.pruned, search.failed)
    return _result(search, costing, options)


def _result(search: Search, costing: Costing, options: SearchOptions) -> SearchResult:
    plans = search.alternatives()
    best = _no_worse_than_default(_found(plans[0], costing, named=True), costing, options)
    step_s = best.estimate.step_time_s
    lower_s = min(search.lower_bound_s, step_s)
    pruned = search.pruned + Counter({SLOWER: search.slower_by_bound()})
    return SearchResult(
        best=best,
        alternatives=tuple(_found(plan, costing, named=False) for plan in plans[1:]),
        status=search.status,
        lower_bound_s=lower_s,
        gap=min(search.gap, step_s / lower_s - 1.0),
        considered=search.considered,
        pruned=dict(sorted(pruned.items())),
        solved=search.num_tried,
        deterministic_work=search.work,
        wall_clock_cut=search.wall_clock_cut,
    )


def _found(solved: Solved, costing: Costing, *, named: bool) -> FoundPlan:
    placed = solved.placed
    placement = placed.placement
    if named:
        placement = with_names(placed.strategy, placement, costing.topology)
    return FoundPlan(strategy=placed.strategy, placement=placement, estimate=placed.estimate)


def _no_worse_than_default(found: FoundPlan, costing: Costing, options: SearchOptions) -> FoundPlan:
    """The plan, or its strategy and layers in the framework's default rank order if that is faster."""
    strategy, layout = found.strategy, found.placement.pipeline_layout
    try:
        placement = contiguous_placement(strategy, layout, costing.topology, named=False)
    except InfeasibleError:
        return found
    estimate = costing.model.estimate(strategy, placement)
    kept = 1.0 - options.memory_headroom
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    fits = all(stage.total_bytes <= kept * limit for stage, limit in pairs)
    if not fits or estimate.step_time_s >= found.estimate.step_time_s:
        return found
    named = contiguous_placement(strategy, layout, costing.topology)
    return FoundPlan(strategy=strategy, placement=named, estimate=estimate)
