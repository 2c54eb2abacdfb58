"""One strategy of the merged sites put on real ones: who holds what, placed and costed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from placer.cost.across.pipelining import extra_in_flight
from placer.cost.sites import crossings
from placer.errors import InternalError
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import SiteShare
from placer.search.balance import Balance
from placer.search.inner import Candidate, Placed, instance_of, start
from placer.search.instance import Assignment, half_hops_s, problems_of, step_s
from placer.search.placement_builder import build_placement, unnamed_placement
from placer.search.space import strategy_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.estimate import Estimate
    from placer.plan.placement import PipelineLayout
    from placer.plan.strategy import CrossSite, IntArray, Strategy
    from placer.search.across.division import ReplicaDivision
    from placer.search.across.ground import Ground
    from placer.search.candidates import Costing
    from placer.search.instance import Instance

ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a strategy goes: its layers by stage, and rank r on accelerator ``gpu[r]``."""

    layout: PipelineLayout
    gpu: IntArray
    assignment: Assignment


class Realiser(Protocol):
    """Puts a strategy of the merged sites on them."""

    def __call__(self, candidate: Candidate, /) -> Placed | None:
        """Place and cost a strategy; None where the sites cannot hold it."""


class ByReplica:
    """Whole replicas at each site, of one strategy and one split of layers."""

    def __init__(
        self,
        ground: Ground,
        costings: Sequence[Costing],
        sites: Sequence[int],
        arranged: CrossSite,
        *,
        min_replicas_after_loss: int,
    ) -> None:
        self._ground = ground
        self._sites = tuple(sites)
        self._costings = tuple(costings)
        self._arranged = arranged
        self._divisions: dict[tuple[int, ...], ReplicaDivision | None] = {}
        self._min_replicas_after_loss = min_replicas_after_loss

    def __call__(self, candidate: Candidate, /) -> Placed | None:
        """Divide the replicas, place each site's share, put the shares together."""
        batch = candidate.batch
        division = self._division(candidate)
        if division is None:
            return None
        block = int(batch.cell_gpus[0] // (batch.tp[0] * batch.cp[0]))
        found: dict[tuple[int, int], tuple[Instance, Assignment]] = {}
        parts = []
        for index, (costing, blocks) in enumerate(
            zip(self._costings, division.blocks, strict=True)
        ):
            part = self._part(candidate, blocks * block, division.shard * block)
            key = (self._alike(index), blocks)
            if key not in found:
                instance, assignment = start(part, costing)
                if assignment is None:
                    return None
                found[key] = (instance, assignment)
            parts.append((part, costing, *found[key]))
        slowest = max(parts, key=lambda p: step_s(p[2], p[3]))
        units = slowest[3].units(slowest[2])
        columns = []
        layout = None
        for site, (part, costing, _, assignment) in zip(self._sites, parts, strict=True):
            strategy = strategy_at(part.batch, 0, self._modules)
            placement = build_placement(
                strategy=strategy,
                units=units,
                cells=assignment.cells,
                shape=costing.pods.shape(part.batch, 0),
                pods=costing.pods,
                model=costing.model.model,
            )
            layout = placement.pipeline_layout
            local = gpu_of_rank(strategy, placement).reshape(strategy.pp, -1)
            columns.append(self._ground.view((site,)).gpu[local])
        assert layout is not None
        strategy = self._whole(candidate, division, block)
        gpu = np.concatenate(columns, axis=1).ravel()
        seat = Seat(layout=layout, gpu=gpu, assignment=slowest[3])
        return placed_at(self._ground, candidate, strategy, seat)

    @property
    def _modules(self) -> tuple[str, ...]:
        return tuple(sorted(module.value for module in self._ground.model.modules()))

    def _division(self, candidate: Candidate) -> ReplicaDivision | None:
        """How many blocks of replicas each site gets."""
        from placer.search.across.division import divide_replicas

        batch = candidate.batch
        cell, pp, dp = int(batch.cell_gpus[0]), int(batch.pp[0]), int(batch.dp[0])
        block = cell // int(batch.tp[0] * batch.cp[0])
        if dp % block:
            return None
        room = tuple(
            self._ground.cells(site, costing.pods.shape(batch, 0), costing, cell) // pp
            for site, costing in zip(self._sites, self._costings, strict=True)
        )
        most = (dp - self._min_replicas_after_loss) // block
        key = (dp // block, most, *room)
        if key not in self._divisions:
            self._divisions[key] = divide_replicas(dp // block, room, most_at_one=most)
        return self._divisions[key]

    def _part(self, candidate: Candidate, dp: int, dp_shard: int) -> Candidate:
        """One site's share as a strategy of its own; it bounds nothing."""
        counts = {"dp": np.array([dp]), "dp_shard": np.array([dp_shard])}
        return Candidate(batch=replace(candidate.batch, **counts), bound_s=0.0, critical_s=0.0)

    def _whole(self, candidate: Candidate, division: ReplicaDivision, block: int) -> Strategy:
        strategy = strategy_at(candidate.batch, 0, self._modules)
        names = [self._ground.topology.sites[site].name for site in self._sites]
        shares = tuple(
            SiteShare(site=name, dp=blocks * block, pp=strategy.pp)
            for name, blocks in zip(names, division.blocks, strict=True)
        )
        shard = division.shard * block
        return replace(
            strategy,
            dp_shard=shard,
            dp_replicate=strategy.dp // shard,
            cross_site=replace(self._arranged, replicas=len(shares), shares=shares),
        )

    def _alike(self, index: int) -> int:
        """The first site that is built like this one."""
        builds = [self._ground.build_of(site) for site in self._sites]
        return builds.index(builds[index])


class ByStage:
    """A pipeline that runs through the sites, whole stages at each, in their order."""

    def __init__(
        self, ground: Ground, merged: Costing, order: Sequence[int], arranged: CrossSite
    ) -> None:
        self._ground = ground
        self._merged = merged
        self._order = tuple(order)
        self._arranged = arranged

    def __call__(self, candidate: Candidate, /) -> Placed | None:
        """Divide the stages, balance the layers, hold what covers the round trips."""
        instance = instance_of(candidate, self._merged)
        shape = self._merged.pods.shape(candidate.batch, 0)
        cells = self._cells(candidate, instance)
        if cells is None:
            return None
        kinds = _kinds_of(instance, cells[1])
        hops_s = half_hops_s(instance, cells[1], kinds)
        options = Balance(instance, kinds).options(hops_s)
        if options is None:
            return None
        assignment = Assignment(options=options, cells=cells[1])
        if problems_of(instance, assignment):
            return None
        modules = tuple(sorted(module.value for module in self._ground.model.modules()))
        strategy = strategy_at(candidate.batch, 0, modules)
        placement = build_placement(
            strategy=strategy,
            units=assignment.units(instance),
            cells=cells[1],
            shape=shape,
            pods=self._merged.pods,
            model=self._merged.model.model,
        )
        gpu = self._ground.view(self._order).gpu[gpu_of_rank(strategy, placement)]
        layout = placement.pipeline_layout
        names = [self._ground.topology.sites[site].name for site in self._order]
        shares = tuple(
            SiteShare(site=name, dp=strategy.dp, pp=stages)
            for name, stages in zip(names, cells[0], strict=True)
        )
        strategy = replace(strategy, cross_site=replace(self._arranged, replicas=1, shares=shares))
        seat = Seat(layout=layout, gpu=gpu, assignment=assignment)
        plain = placed_at(self._ground, candidate, strategy, seat)
        return self._covered(candidate, plain, seat)

    def _cells(
        self, candidate: Candidate, instance: Instance
    ) -> tuple[tuple[int, ...], IntArray] | None:
        """Stages of each site, and cells (R, S) of each stage in its site, in order."""
        from placer.search.across.division import divide_stages

        view, pods = self._ground.view(self._order), self._merged.pods
        first = [view.topology.unit_domains(pods.level, pod).start for pod in range(pods.num_pods)]
        part_site = view.domain_site[first][instance.part_pod]
        wide, cell = instance.cells_per_stage, int(candidate.batch.cell_gpus[0])
        room = [
            min(
                int(instance.part_cells[part_site == site].sum()),
                self._ground.power[site].fed // cell,
            )
            // wide
            for site in self._order
        ]
        stages = divide_stages(instance.pp, room)
        if stages is None:
            return None
        cells = np.zeros((instance.num_parts, instance.pp), dtype=np.int64)
        stage = 0
        for site, count in zip(self._order, stages, strict=True):
            mine = np.flatnonzero(part_site == site)
            free = instance.part_cells[mine].copy()
            for _ in range(count):
                rest = wide
                for at, part in enumerate(mine.tolist()):
                    taken = min(rest, int(free[at]))
                    cells[part, stage] += taken
                    free[at] -= taken
                    rest -= taken
                stage += 1
        return stages, cells

    def _covered(self, candidate: Candidate, plain: Placed, seat: Seat) -> Placed:
        """As many micro-batches in flight beyond the schedule's as help and fit."""
        strategy = plain.strategy
        cuts = crossings(self._ground.model, strategy.cross_site, strategy.micro_batch_size)
        stage_s = max(plain.estimate.stage_time_s)
        wanted = max(extra_in_flight(cut, stage_s) for cut in cuts)
        if wanted == 0:
            return plain
        full = self._holding(candidate, plain, seat, wanted)
        extra = min(wanted, self._room(plain.estimate, full.estimate, wanted))
        if extra == wanted:
            return full
        return self._holding(candidate, plain, seat, extra) if extra else plain

    def _holding(self, candidate: Candidate, plain: Placed, seat: Seat, extra: int) -> Placed:
        arranged = replace(plain.strategy.cross_site, extra_in_flight=extra)
        strategy = replace(plain.strategy, cross_site=arranged)
        return placed_at(self._ground, candidate, strategy, seat)

    def _room(self, plain: Estimate, full: Estimate, wanted: int) -> int:
        """Micro-batches every stage has memory for, were each as large as the mean of ``wanted``."""
        kept = 1.0 - self._ground.memory_headroom
        room = wanted
        limits = plain.memory_limit_bytes
        for before, after, limit in zip(plain.memory, full.memory, limits, strict=True):
            each = (after.total_bytes - before.total_bytes) / wanted
            if each > 0.0:
                room = min(room, int((kept * limit - before.total_bytes) / each))
        return max(room, 0)


def _kinds_of(instance: Instance, cells: IntArray) -> IntArray:
    """(S,) the first kind of each stage that may stand where its cells are."""
    allowed = instance.allowed
    used = cells > 0
    fitting = np.array(
        [[not (used[:, s] & ~row).any() for row in allowed] for s in range(instance.pp)]
    )
    return np.asarray(fitting.argmax(axis=1), dtype=np.int64)


def placed_at(ground: Ground, candidate: Candidate, strategy: Strategy, seat: Seat) -> Placed:
    """A strategy on accelerators of the whole cluster, costed.

    Raises
    ------
    InternalError
        When the cost model finds it faster than the search thinks possible.
    """
    placement = unnamed_placement(strategy, seat.layout, ground.topology, seat.gpu)
    estimate = ground.model.estimate(strategy, placement)
    if estimate.step_time_s < candidate.bound_s * (1.0 - ROUNDING):
        raise InternalError(
            f"{strategy} over sites costs {estimate.step_time_s} s, the search says at least"
            f" {candidate.bound_s} s"
        )
    return Placed(
        strategy=strategy, placement=placement, estimate=estimate, assignment=seat.assignment
    )
