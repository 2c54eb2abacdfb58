"""The entrance of the search over several sites: the answer, what stands beside it, the proof."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from placer.cost.across.quality import SYNCHRONOUS as AS_GOOD
from placer.cost.across.quality import Quality, quality_of
from placer.errors import TimeLimitError
from placer.search.across.every_arrangement import GROUPS, AcrossSearch
from placer.search.across.explain import nothing_fits
from placer.search.placement_builder import named
from placer.search.result import SearchResult, SearchStatus
from placer.workload.params import count_params

if TYPE_CHECKING:
    from placer.cost.model import CostModel
    from placer.plan.legality import FrameworkRules
    from placer.search.across.outcome import Outcome
    from placer.search.across.request import SiteRequest
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossResult:
    """The answer as of any search, and every arrangement with what became of it.

    ``chosen`` is the arrangement of the answer; ``quality`` what each outcome's steps are worth,
    ``competing`` the numbers of those the answer was chosen from.
    """

    result: SearchResult
    chosen: Outcome
    outcomes: tuple[Outcome, ...]
    quality: tuple[Quality, ...]
    competing: frozenset[int]


def find_across(
    model: CostModel,
    *,
    rules: FrameworkRules,
    options: SearchOptions,
    request: SiteRequest,
    progress: ProgressListener | None = None,
) -> AcrossResult:
    """Find the fastest plan over the sites of a cluster, with its proof over all arrangements.

    Plans of different statistical meaning compete only under ``request.quality_exchange``, by the
    time of a step that learns as much.

    Raises
    ------
    InputError
        When training apart is asked about beyond what was measured.
    InfeasibleError
        When no arrangement fits.
    TimeLimitError
        When the time limit came before any plan.
    """
    search = AcrossSearch(model, rules=rules, options=options, request=request, listener=progress)
    search.run()
    outcomes = search.outcomes
    quality = [_quality(model, outcome, request) for outcome in outcomes]
    factors = [one.compute_factor for one in quality]
    competing = _competing(outcomes, request)
    if not competing:
        if any(outcome.wall_clock_cut for outcome in outcomes):
            raise TimeLimitError(
                "no plan of any arrangement of the sites within the time limit. Allow more time"
                " with --time-limit."
            )
        raise nothing_fits(search.ground, outcomes, request, rules, options)
    best = min(competing, key=lambda i: (outcomes[i].step_s * factors[i], i))
    bound = min(outcomes[i].lower_bound_s * factors[i] for i in competing) / factors[best]
    outcomes[best] = search.extended(outcomes[best], options.top)
    return AcrossResult(
        result=_result(search, outcomes, best, bound),
        chosen=outcomes[best],
        outcomes=tuple(outcomes),
        quality=tuple(quality),
        competing=frozenset(competing),
    )


def _competing(outcomes: list[Outcome], request: SiteRequest) -> list[int]:
    """The outcomes the answer is chosen from: of the first meaning that has a plan, or of all."""
    groups = [tuple(mode for group in GROUPS for mode in group)] if request.quality_exchange else []
    for group in groups or GROUPS:
        mine = [i for i, outcome in enumerate(outcomes) if outcome.arrangement.mode in group]
        if any(outcomes[i].plans for i in mine):
            return mine
    return []


def _quality(model: CostModel, outcome: Outcome, request: SiteRequest) -> Quality:
    """What a step of an outcome is worth."""
    if not outcome.arranged.is_asynchronous:
        return AS_GOOD
    return quality_of(
        request.quality,
        num_parameters=count_params(model.model).total,
        replicas=outcome.arranged.replicas,
        inner_steps=request.inner_steps,
        extrapolate=request.extrapolate,
    )


def _result(
    search: AcrossSearch, outcomes: list[Outcome], best: int, bound_s: float
) -> SearchResult:
    chosen = outcomes[best]
    plans = [*chosen.plans]
    plan = plans[0]
    placement = named(plan.strategy, plan.placement, search.ground.topology)
    pruned: Counter[str] = Counter()
    for outcome in outcomes:
        pruned += Counter(outcome.pruned)
    bound_s = min(bound_s, chosen.step_s)
    order = list(SearchStatus)
    return SearchResult(
        best=replace(plan, placement=placement),
        alternatives=tuple(plans[1:]),
        status=max((outcome.status for outcome in outcomes), key=order.index),
        lower_bound_s=bound_s,
        gap=chosen.step_s / bound_s - 1.0,
        considered=sum(outcome.considered for outcome in outcomes),
        pruned=dict(sorted(pruned.items())),
        solved=sum(outcome.solved for outcome in outcomes),
        deterministic_work=sum(outcome.work for outcome in outcomes),
        wall_clock_cut=any(outcome.wall_clock_cut for outcome in outcomes),
    )
