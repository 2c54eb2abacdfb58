"""The entrance of the search."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
    return _result(search, costing)


def _result(search: Search, costing: Costing) -> SearchResult:
    plans = search.alternatives()
    best = plans[0]
    pruned = search.pruned + Counter({SLOWER: search.slower_by_bound()})
    return SearchResult(
        best=_found(best, costing, named=True),
        alternatives=tuple(_found(plan, costing, named=False) for plan in plans[1:]),
        status=search.status,
        lower_bound_s=min(search.lower_bound_s, best.step_s),
        gap=search.gap,
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
