"""A pipeline through the sites: who holds which stages, and what covers the way between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.across.pipelining import extra_in_flight
from placer.cost.sites import crossings, fill_waits_s, steady_waits_s
from placer.plan.held import held_beyond_schedule
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import SiteShare
from placer.search.across.realise import Seat, placed_at
from placer.search.balance import Balance
from placer.search.inner import instance_of
from placer.search.instance import Assignment, HopKind, half_hops_s, problems_of
from placer.search.placement_builder import build_placement
from placer.search.space import strategy_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.strategy import CrossSite, IntArray, Strategy, StrategyBatch
    from placer.search.across.ground import Ground
    from placer.search.candidates import Costing
    from placer.search.inner import Candidate, Placed
    from placer.search.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDivision:
    """Stages of each site in the pipeline's order, and cells (R, S) of each stage in its site."""

    stages: tuple[int, ...]
    cells: IntArray


class ByStage:
    """A pipeline that runs through the sites, whole stages at each, in their order."""

    def __init__(
        self,
        ground: Ground,
        merged: Costing,
        order: Sequence[int],
        arranged: CrossSite,
        *,
        may_hold_more: bool,
    ) -> None:
        self._ground = ground
        self._merged = merged
        self._order = tuple(order)
        self._arranged = arranged
        self._may_hold_more = may_hold_more

    def __call__(self, candidate: Candidate, /) -> Placed | None:
        """Divide the stages, balance the layers, hold what covers the round trips where it fits.

        What is held beyond the schedule takes memory, so layers are balanced anew with it.
        """
        instance = instance_of(candidate, self._merged)
        division = self._divided(candidate, instance)
        if division is None:
            return None
        plain = self._placed(candidate, instance, division, 0)
        if plain is None or not self._may_hold_more:
            return plain
        strategy = plain.strategy
        cuts = crossings(
            self._ground.model, strategy.cross_site, strategy.micro_batch_size, strategy.dp
        )
        stage_s = max(plain.estimate.stage_time_s)
        extra = max(extra_in_flight(cut, stage_s) for cut in cuts)
        while extra:
            covered = self._placed(candidate, instance, division, extra)
            if covered is not None:
                return min(plain, covered, key=lambda placed: placed.estimate.step_time_s)
            extra //= 2
        return plain

    def waits_s(self, batch: StrategyBatch, /) -> np.ndarray:
        """To fill and drain, and in between where 1F1B may hold no more than it does."""
        once = fill_waits_s(self._ground.model, self._arranged, batch)
        if self._may_hold_more:
            return once
        return once + steady_waits_s(self._ground.model, self._arranged, batch)

    def least_s(self, candidate: Candidate, /) -> float:
        """Either no micro-batch is held beyond the schedule, or memory must hold at least one.

        Without any it is what 1F1B waits; with one the critical stage is the longest of the best
        split of layers that memory then allows.
        """
        instance = instance_of(candidate, self._merged)
        room = self._room(candidate, instance)
        several = len(instance.kinds) > 1
        if several or not self._may_hold_more or sum(room) < instance.pp:
            return candidate.bound_s
        behind = [min(sum(room[cut:]), instance.pp - cut) for cut in range(1, len(room))]
        waits = steady_waits_s(self._ground.model, self._arranged, candidate.batch)
        without_s = candidate.bound_s + float(waits[0])
        return min(without_s, self._holding_one_s(candidate, instance, behind))

    def _holding_one_s(self, candidate: Candidate, instance: Instance, behind: list[int]) -> float:
        """Least step with a micro-batch more on every stage that is surely before a crossing."""
        ends = [instance.pp, *behind, 0]
        stages = tuple(before - after for before, after in pairwise(ends))
        holding = instance_of(candidate, self._merged, self._beyond(candidate, stages, 1))
        hops_s = holding.hops.steady_s[0, HopKind.NEAR]
        hops_s = 0.5 * (hops_s + np.roll(hops_s, 1))
        options = Balance(holding, np.zeros(holding.pp, dtype=np.int64)).options(hops_s)
        if options is None:
            return np.inf
        times = [t.time_s[i] for t, i in zip(holding.options, options, strict=True)]
        longer_s = max(0.0, float((times + hops_s).max()) * (1.0 - 1e-6) - candidate.critical_s)
        return (
            candidate.bound_s
            + max(instance.num_microbatches - 1.0 - instance.window, 0.0) * longer_s
        )

    def _placed(
        self, candidate: Candidate, instance: Instance, division: StageDivision, extra: int
    ) -> Placed | None:
        """The strategy with so many micro-batches held in addition; None where memory lacks."""
        if extra:
            beyond = self._beyond(candidate, division.stages, extra)
            instance = instance_of(candidate, self._merged, beyond)
        kinds = kinds_of(instance, division.cells)
        options = Balance(instance, kinds).options(half_hops_s(instance, division.cells, kinds))
        if options is None:
            return None
        assignment = Assignment(options=options, cells=division.cells)
        if problems_of(instance, assignment):
            return None
        strategy = self._strategy(candidate, division.stages, extra)
        placement = build_placement(
            strategy=strategy,
            units=assignment.units(instance),
            cells=division.cells,
            shape=self._merged.pods.shape(candidate.batch, 0),
            pods=self._merged.pods,
            model=self._merged.model.model,
        )
        gpu = self._ground.view(self._order).gpu[gpu_of_rank(strategy, placement)]
        seat = Seat(layout=placement.pipeline_layout, gpu=gpu, assignment=assignment)
        return placed_at(self._ground, candidate, strategy, seat)

    def _strategy(self, candidate: Candidate, stages: Sequence[int], extra: int) -> Strategy:
        modules = tuple(sorted(module.value for module in self._ground.model.modules()))
        strategy = strategy_at(candidate.batch, 0, modules)
        names = [self._ground.topology.sites[site].name for site in self._order]
        shares = tuple(
            SiteShare(site=name, dp=strategy.dp, pp=count)
            for name, count in zip(names, stages, strict=True)
        )
        arranged = replace(self._arranged, replicas=1, shares=shares, extra_in_flight=extra)
        return replace(strategy, cross_site=arranged)

    def _beyond(self, candidate: Candidate, stages: Sequence[int], extra: int) -> np.ndarray:
        """(S,) micro-batches each stage holds beyond its schedule's."""
        return held_beyond_schedule(self._strategy(candidate, stages, extra))

    def _room(self, candidate: Candidate, instance: Instance) -> list[int]:
        """Whole stages that each site can hold and feed, in the pipeline's order."""
        site, cell = self._part_site(instance), int(candidate.batch.cell_gpus[0])
        return [
            min(
                int(instance.part_cells[site == number].sum()),
                self._ground.power[number].fed // cell,
            )
            // instance.cells_per_stage
            for number in self._order
        ]

    def _part_site(self, instance: Instance) -> IntArray:
        """(R,) the site of each part of a pod."""
        view, pods = self._ground.view(self._order), self._merged.pods
        first = [view.topology.unit_domains(pods.level, pod).start for pod in range(pods.num_pods)]
        return view.domain_site[first][instance.part_pod]

    def _divided(self, candidate: Candidate, instance: Instance) -> StageDivision | None:
        """Stages of each site, each stage's cells in the parts of its site in order."""
        from placer.search.across.division import divide_stages

        stages = divide_stages(instance.pp, self._room(candidate, instance))
        if stages is None:
            return None
        part_site = self._part_site(instance)
        cells = np.zeros((instance.num_parts, instance.pp), dtype=np.int64)
        stage = 0
        for site, count in zip(self._order, stages, strict=True):
            mine = np.flatnonzero(part_site == site)
            free = instance.part_cells[mine].copy()
            for _ in range(count):
                before = np.cumsum(free) - free
                taken = np.clip(instance.cells_per_stage - before, 0, free)
                cells[mine, stage] = taken
                free -= taken
                stage += 1
        return StageDivision(stages=stages, cells=cells)


def kinds_of(instance: Instance, cells: IntArray) -> IntArray:
    """(S,) the first kind of each stage that may stand where its cells are."""
    allowed = instance.allowed
    used = cells > 0
    fitting = np.array(
        [[not (used[:, s] & ~row).any() for row in allowed] for s in range(instance.pp)]
    )
    return np.asarray(fitting.argmax(axis=1), dtype=np.int64)
