"""Every arrangement looked at in turn: searched, or left with a bound that says why."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.model import SiteTerms
from placer.cost.sites import (
    least_over_any_link_s,
    least_pipeline_s,
    needed_overlap_steps,
    outer_exchange,
    site_terms,
    tied_s,
)
from placer.errors import InfeasibleError, TimeLimitError
from placer.plan.legality import Choice, rules_over_sites, violations
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import CrossSiteMode, Strategy
from placer.search.across.arrangements import (
    SYNCHRONOUS,
    Arrangement,
    LeastSteps,
    arranged_as,
    arrangements,
    most_sites,
    site_sets,
)
from placer.search.across.by_stage import ByStage
from placer.search.across.ground import Ground
from placer.search.across.legal import LegalOnly, is_known
from placer.search.across.outcome import (
    NOTHING_FITS,
    OTHER_SETS,
    OUT_OF_TIME,
    SLOWER_AT_SIGHT,
    SLOWER_BY_BOUND,
    Outcome,
)
from placer.search.across.realise import ByReplica
from placer.search.across.site_search import SiteSearch
from placer.search.best_first import SLOWER, without_gpu_share
from placer.search.find import find
from placer.search.placement_builder import unnamed_placement
from placer.search.result import FoundPlan, SearchStatus
from placer.search.space import SpaceLimits, enumerate_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.cost.model import CostModel
    from placer.plan.legality import FrameworkRules
    from placer.plan.strategy import CrossSite
    from placer.search.across.realise import Realiser
    from placer.search.across.request import SiteRequest
    from placer.search.candidates import Costing
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener
    from placer.search.space import Space

GROUPS: Final = (SYNCHRONOUS, (CrossSiteMode.DILOCO,), (CrossSiteMode.STREAMING_DILOCO,))
"""Modes whose steps mean the same, and are ranked together."""


class AcrossSearch:
    """One search over arrangements; ``outcomes`` has one entry for each."""

    def __init__(
        self,
        model: CostModel,
        *,
        rules: FrameworkRules,
        options: SearchOptions,
        request: SiteRequest,
        listener: ProgressListener | None,
    ) -> None:
        self.ground = Ground(model, options.memory_headroom)
        self.request = request
        self.outcomes: list[Outcome] = []
        self._rules = rules
        self._options = options
        self._listener = listener
        self._began = time.monotonic()
        self._least: dict[object, LeastSteps] = {}

    def run(self) -> None:
        """Look at every arrangement, the synchronous ones first, those with most GPUs first.

        The first of each mode is always searched, so that its best plan can be told.
        """
        sets, all_of_them = site_sets(self.ground)
        everything = arrangements(self.ground, self.request, sets)
        for group in GROUPS:
            first: dict[CrossSiteMode, Arrangement] = {}
            for arrangement in everything:
                if arrangement.mode in group:
                    first.setdefault(arrangement.mode, arrangement)
            for arrangement in first.values():
                self._look_at(arrangement, self.best_s(group), told=True)
            for arrangement in everything:
                if arrangement.mode in group and arrangement not in first.values():
                    self._look_at(arrangement, self.best_s(group), told=False)
            for mode in first:
                if not all_of_them and mode is not CrossSiteMode.NONE:
                    self._leave(mode)

    def _leave(self, mode: CrossSiteMode) -> None:
        """Bound the sets of sites that were not looked at, all together.

        They have no more accelerators than the largest sites of as many as the mode may use, and
        what crosses takes at least as long as over the widest link.
        """
        most = most_sites(mode, self.ground, self.request)
        fed = [power.fed for power in self.ground.power]
        largest = sorted(range(len(fed)), key=lambda site: (-fed[site], site))[:most]
        gpus = sum(fed[site] for site in largest)
        everywhere = Arrangement(mode=mode, sites=tuple(sorted(largest)), gpus=gpus)
        arranged = arranged_as(self.ground, everywhere, self.request)
        inside_s = self._least_inside_s(everywhere)
        self.outcomes.append(
            Outcome(
                arrangement=replace(everywhere, sites=()),
                arranged=arranged,
                plans=(),
                lower_bound_s=least_over_any_link_s(self.ground.model, arranged, inside_s),
                reason=OTHER_SETS,
            )
        )

    def best_s(self, modes: tuple[CrossSiteMode, ...]) -> float:
        """The fastest step of some modes so far."""
        return min((o.step_s for o in self.outcomes if o.arrangement.mode in modes), default=np.inf)

    def _look_at(self, arrangement: Arrangement, best_s: float, *, told: bool) -> None:
        """Search an arrangement unless it is slower at first sight; ``told`` always searches."""
        arranged = arranged_as(self.ground, arrangement, self.request)
        cut_s = np.inf if told else best_s / (1.0 + self._options.gap)
        least_s = self._transform(arrangement, arranged)(self._least_inside_s(arrangement))
        left = Outcome(
            arrangement=arrangement,
            arranged=arranged,
            plans=(),
            lower_bound_s=least_s,
            reason=SLOWER_AT_SIGHT,
        )
        if arrangement.gpus == 0:
            left = replace(left, lower_bound_s=np.inf, reason=NOTHING_FITS)
        elif self._remaining_s() == 0.0:
            status = SearchStatus.LIMIT
            left = replace(left, reason=OUT_OF_TIME, status=status, wall_clock_cut=True)
        elif least_s < cut_s:
            if arrangement.mode is CrossSiteMode.NONE:
                left = self._alone(left)
            elif arrangement.mode is CrossSiteMode.STREAMING_DILOCO:
                left = self._streamed(left, cut_s)
            else:
                left = self._together(left, cut_s)
        self.outcomes.append(left)

    def _alone(self, left: Outcome) -> Outcome:
        """One site by itself: the search for a cluster without sites."""
        arrangement, ground = left.arrangement, self.ground
        view = ground.view(arrangement.sites)
        model = replace(ground.model, topology=view.topology)
        options = self._limited(arrangement.gpus)
        try:
            result = find(model, rules=self._rules, options=options, progress=self._listener)
        except InfeasibleError:
            return replace(left, lower_bound_s=np.inf, reason=NOTHING_FITS)
        except TimeLimitError:
            return self._cut_off(left)
        plans = tuple(
            self._at_site(plan, left.arranged, arrangement.sites)
            for plan in (result.best, *result.alternatives)
        )
        return replace(
            left,
            plans=plans,
            lower_bound_s=result.lower_bound_s,
            reason="",
            status=result.status,
            considered=result.considered,
            pruned=result.pruned,
            solved=result.solved,
            work=result.deterministic_work,
            wall_clock_cut=result.wall_clock_cut,
        )

    def _at_site(self, plan: FoundPlan, arranged: CrossSite, sites: tuple[int, ...]) -> FoundPlan:
        """A plan of one site by the numbers of the whole cluster."""
        ground = self.ground
        share = replace(arranged.shares[0], dp=plan.strategy.dp, pp=plan.strategy.pp)
        strategy = replace(plan.strategy, cross_site=replace(arranged, shares=(share,)))
        gpu = ground.view(sites).gpu[gpu_of_rank(plan.strategy, plan.placement)]
        placement = unnamed_placement(
            strategy, plan.placement.pipeline_layout, ground.topology, gpu
        )
        estimate = ground.model.estimate(strategy, placement)
        return FoundPlan(strategy=strategy, placement=placement, estimate=estimate)

    def _together(self, left: Outcome, cut_s: float) -> Outcome:
        """Several sites: strategies of the sites merged, each put on the real ones."""
        options = replace(self._limited(left.arrangement.gpus), top=1)
        try:
            search = self._searched(left, options, cut_s)
            if search.best is None and np.isinf(search.lower_bound_s):
                search = self._searched(left, without_gpu_share(options), cut_s)
        except TimeLimitError:
            return self._cut_off(left)
        return self._outcome_of(left, search)

    def extended(self, outcome: Outcome, top: int) -> Outcome:
        """An outcome with its next best plans."""
        if outcome.search is None:
            return outcome
        outcome.search.extend(top)
        return self._outcome_of(outcome, outcome.search)

    def _outcome_of(self, left: Outcome, search: SiteSearch) -> Outcome:
        plans = search.alternatives()
        reason = "" if plans else SLOWER_BY_BOUND
        if not plans and np.isinf(search.lower_bound_s):
            reason = NOTHING_FITS
        pruned = search.pruned + Counter({SLOWER: search.slower_by_bound()})
        return replace(
            left,
            plans=tuple(
                FoundPlan(
                    strategy=plan.placed.strategy,
                    placement=plan.placed.placement,
                    estimate=plan.placed.estimate,
                )
                for plan in plans
            ),
            lower_bound_s=min(search.lower_bound_s, plans[0].step_s if plans else np.inf),
            reason=reason,
            status=search.status,
            considered=search.considered,
            pruned=dict(sorted(pruned.items())),
            solved=search.num_tried,
            work=search.work,
            wall_clock_cut=search.wall_clock_cut,
            search=search,
        )

    def _searched(self, left: Outcome, options: SearchOptions, cut_s: float) -> SiteSearch:
        arrangement, arranged, ground = left.arrangement, left.arranged, self.ground
        terms = site_terms(ground.model, arranged)
        sites = arrangement.sites
        if arrangement.mode is CrossSiteMode.PIPELINE:
            merged = ground.costing(sites, terms)
            options = replace(options, fix={**options.fix, "vpp": 1})
            realise: Realiser = ByStage(
                ground, merged, sites, arranged, may_hold_more=self._may_hold_more(arranged)
            )
        else:
            merged = ground.costing(sites, terms, by_replica=True)
            costings = [ground.costing((site,), terms) for site in sites]
            realise = ByReplica(
                ground,
                costings,
                sites,
                arranged,
                min_replicas_after_loss=self.request.min_replicas_after_loss,
            )
        rules = self._rules
        if arranged.is_asynchronous and is_known(rules, ground.model, arranged):
            rules = rules_over_sites(rules, arranged.mode)
            realise = LegalOnly(realise, rules, ground.model)
        search = SiteSearch(
            merged,
            rules=rules,
            options=options,
            listener=self._listener,
            realise=realise,
            arranged_s=self._transform(arrangement, arranged),
            cut_s=cut_s,
            num_sites=len(sites),
            min_remaining=self.request.min_replicas_after_loss,
        )
        search.run()
        return search

    def _may_hold_more(self, arranged: CrossSite) -> bool:
        """Whether the framework's pipelines can be told to hold more micro-batches."""
        two = tuple(replace(share, dp=1, pp=1) for share in arranged.shares)
        deeper = replace(arranged, shares=two, extra_in_flight=1)
        choice = Choice(
            model=self.ground.model.model,
            run=self.ground.model.run,
            strategy=Strategy(pp=len(two), cross_site=deeper),
        )
        return not any(rule.refuses(choice) for rule in self._rules.choice_rules)

    def _streamed(self, left: Outcome, cut_s: float) -> Outcome:
        """Streaming changes nothing inside the sites: the plans of DiLoCo at the same ones."""
        sites = left.arrangement.sites
        for known in self.outcomes:
            same = known.arrangement.mode is CrossSiteMode.DILOCO
            if same and known.arrangement.sites == sites and known.plans:
                break
        else:
            return self._together(left, cut_s)
        outer_s = outer_exchange(self.ground.model, known.arranged).exposed_s(0.0)
        plans = tuple(self._streaming(plan, left.arranged) for plan in known.plans)
        model = self.ground.model
        if is_known(self._rules, model, left.arranged) and any(
            violations(self._rules, model.model, model.run, plan.strategy) for plan in plans
        ):
            return self._together(left, cut_s)
        arranged_s = self._transform(left.arrangement, left.arranged)
        return replace(
            known,
            arrangement=left.arrangement,
            arranged=left.arranged,
            plans=plans,
            lower_bound_s=arranged_s(known.lower_bound_s - outer_s),
            considered=0,
            pruned={},
            solved=0,
            work=0.0,
        )

    def _streaming(self, plan: FoundPlan, arranged: CrossSite) -> FoundPlan:
        """The same plan with fragments on their way for as few inner steps as hide them."""
        shares = plan.strategy.cross_site.shares
        inside_s = plan.estimate.step_time_s - plan.estimate.breakdown.cross_site
        most = arranged.overlap_steps or 1
        tau = needed_overlap_steps(self.ground.model, arranged, inside_s, most)
        cross_site = replace(arranged, shares=shares, overlap_steps=tau)
        strategy = replace(plan.strategy, cross_site=cross_site)
        estimate = self.ground.model.estimate(strategy, plan.placement)
        return FoundPlan(strategy=strategy, placement=plan.placement, estimate=estimate)

    def _transform(self, arrangement: Arrangement, arranged: CrossSite) -> Callable[[float], float]:
        """From a step inside the sites to one with what is between them; monotone."""
        model = self.ground.model
        if arranged.is_asynchronous:
            outer = outer_exchange(model, arranged)
            return lambda inside_s: inside_s + outer.exposed_s(inside_s)
        if arrangement.mode is CrossSiteMode.PIPELINE:
            tied, least_s = tied_s(model, arranged), least_pipeline_s(model, arranged)
            return lambda inside_s: max(inside_s, least_s) + tied
        exchanged_s = site_terms(model, arranged).exchanged_s
        return lambda inside_s: max(inside_s, exchanged_s)

    def _least_inside_s(self, arrangement: Arrangement) -> float:
        """Least step of that many accelerators, were all their sites one.

        Computed once for the largest set of sites with the same parts and network; smaller sets
        have fewer strategies.
        """
        view = self.ground.view(arrangement.sites)
        rates = tuple(
            (part.key, *((level.bandwidth_bytes_per_s, level.latency_s) for level in levels))
            for part, levels in zip(
                view.topology.accelerators, view.topology.generation_levels, strict=True
            )
        )
        if rates not in self._least:
            merged = self.ground.costing(arrangement.sites, SiteTerms())
            self._least[rates] = LeastSteps.of(self._space(merged), merged)
        most = min(arrangement.gpus, self._options.max_gpus or arrangement.gpus)
        return self._least[rates].within(most)

    def _space(self, merged: Costing) -> Space:
        options = without_gpu_share(self._options)
        usable = merged.topology.num_usable
        limits = SpaceLimits(
            max_gpus=usable,
            domain_gpus=merged.topology.domain_size,
            pod_gpus=merged.pods.largest_gpus,
        )
        return enumerate_space(
            model=merged.model.model,
            run=merged.model.run,
            rules=self._rules,
            limits=limits,
            options=options,
        )

    def _limited(self, gpus: int) -> SearchOptions:
        """The options with what is left of the time, and no more accelerators than are fed."""
        most = min(gpus, self._options.max_gpus or gpus)
        return replace(self._options, max_gpus=most, time_limit_s=self._remaining_s())

    def _remaining_s(self) -> float | None:
        limit = self._options.time_limit_s
        return None if limit is None else max(0.0, limit - (time.monotonic() - self._began))

    def _cut_off(self, left: Outcome) -> Outcome:
        status = SearchStatus.LIMIT
        return replace(left, reason=OUT_OF_TIME, status=status, wall_clock_cut=True)
