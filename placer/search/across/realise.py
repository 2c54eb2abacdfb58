"""One strategy of the merged sites put on real ones: who holds what, placed and costed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from placer.errors import InternalError
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import SiteShare
from placer.search.inner import Candidate, Placed, start
from placer.search.instance import Assignment, step_s
from placer.search.placement_builder import build_placement, unnamed_placement
from placer.search.space import strategy_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.placement import PipelineLayout
    from placer.plan.strategy import CrossSite, IntArray, Strategy, StrategyBatch
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

    def waits_s(self, batch: StrategyBatch, /) -> np.ndarray:
        """What strategies wait between sites at least, where that depends on them; (N,)."""

    def least_s(self, candidate: Candidate, /) -> float:
        """A bound on the step of a strategy that was placed, no lower than its own."""


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

    def waits_s(self, batch: StrategyBatch, /) -> np.ndarray:
        """Nothing that the bounds do not know."""
        return np.zeros(len(batch))

    def least_s(self, candidate: Candidate, /) -> float:
        """What the search knows."""
        return candidate.bound_s

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
