"""Strategies with their bounds: what the search orders, and what it drops by name."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.search.bounds import (
    StageTime,
    StepBound,
    critical_s,
    layer_bound_s,
    layer_choices,
    may_fit,
    mean_stage_s,
    memory_room,
    most_spared_s,
)
from placer.search.generations import fastest_first, mix_of
from placer.search.instance import TrafficVariant, traffic_variants
from placer.search.model_units import ModelUnits, units_of
from placer.search.pods import Pods
from placer.search.spread import (
    aligned_hop_levels,
    aligned_spans,
    least_hop_levels,
    unit_cells,
)
from placer.search.stage_room import StageRooms
from placer.search.unit_costs import UnitCosts, least_of, unit_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.cost.model import CostModel
    from placer.cost.spans import AxisSpans
    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.search.space import Space

    FloatArray = NDArray[np.float64]

NO_MEMORY: Final = "memory"
NO_PLACES: Final = "too_few_places_for_cells"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFit:
    """How the cells of N strategies fill the pods, all (N,).

    ``stage_cells`` of one stage; ``total`` that fit in all pods, ``largest`` in the roomiest;
    ``whole_stages`` the pods can hold; ``pods_needed`` for whole stages at least. ``few`` (N, G - 1)
    stages that fit on the j + 1 fastest generations.
    """

    stage_cells: IntArray
    total: IntArray
    largest: IntArray
    whole_stages: IntArray
    pods_needed: IntArray
    few: IntArray

    def take(self, rows: IntArray) -> PodFit:
        """Rows picked by index."""
        return PodFit(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Lower bounds of N strategies: step time and critical stage time; infinite if pruned.

    ``reason`` (N,) indexes ``REASONS``; 0 for strategies that are kept. ``tight`` (N,) is False
    where more work would raise the bound.
    """

    step_s: FloatArray
    critical_s: FloatArray
    reason: IntArray
    tight: NDArray[np.bool_]


KEPT, LACKS_MEMORY, LACKS_PLACES = range(3)
REASONS: Final = ("", NO_MEMORY, NO_PLACES)
"""Names of the reasons in ``Bounds``, by number."""


class Costing:
    """The cost model seen from the search: one model, cluster and run, many strategies.

    Generations are ranked, fastest first (``order``); ``limits_bytes`` is the memory of each. With
    ``num_sites`` each holds whole replicas, and groups of replicas reach over one site only.
    """

    def __init__(
        self, cost_model: CostModel, memory_headroom: float = 0.0, num_sites: int = 1
    ) -> None:
        self.model = cost_model
        self.num_sites = num_sites
        self.topology = cost_model.topology
        self.units: ModelUnits = units_of(cost_model.model)
        self.pods = Pods(cost_model.topology)
        self.order = fastest_first(cost_model)
        kept = 1.0 - memory_headroom
        self.limits_bytes = tuple(kept * cost_model.memory_limit_bytes(g) for g in self.order)
        rank = np.argsort(np.array(self.order))
        self.part_rank: IntArray = rank[self.pods.part_generation]

    def costs(self, batch: StrategyBatch, spans: AxisSpans) -> tuple[UnitCosts, ...]:
        """Costs on each generation, fastest first."""
        return tuple(
            unit_costs(self.model.coefficients(batch, spans, generation), self.units)
            for generation in self.order
        )

    def best(self, batch: StrategyBatch, spans: AxisSpans) -> UnitCosts:
        """Each cost on the generation where it is least."""
        return least_of(self.costs(batch, spans))

    def spans(self, batch: StrategyBatch, chunk_cells: IntArray, num_pods: IntArray) -> AxisSpans:
        """Aligned spans on this cluster; see ``aligned_spans``."""
        return aligned_spans(
            batch,
            self.topology.levels,
            chunk_cells=chunk_cells,
            num_pods=num_pods,
            pod_level=self.pods.level,
        )

    def variant_spans(
        self, copies: StrategyBatch, variants: tuple[TrafficVariant, ...]
    ) -> AxisSpans:
        """Spans of one strategy, copied once per traffic variant, under each of them."""
        chunk = np.array([variant.widest for variant in variants], dtype=np.int64)
        pods = np.array([-(-v.pods // self.num_sites) for v in variants], dtype=np.int64)
        return self.spans(copies, chunk, pods)

    def cells_by_set(self, cells: IntArray) -> IntArray:
        """Of cells per part (R,), those on the j + 1 fastest generations; (G,)."""
        by_rank = np.bincount(self.part_rank, weights=cells, minlength=len(self.order))
        return np.cumsum(by_rank).astype(np.int64)


def family_bounds(space: Space, costing: Costing) -> Bounds:
    """L0 of every family, from what one layer of its key costs; (F,).

    The critical stage's bound is left at zero.
    """
    ones = np.ones_like(space.keys.tp)
    costs = costing.costs(space.keys, costing.spans(space.keys, ones, ones))
    units, families = costing.units, space.families
    most_bytes = max(costing.limits_bytes)
    choice = layer_choices(least_of(costs), units.num_body, most_bytes).take(space.key)
    places = _places(space.keys, costing)
    cells = places[space.key]
    stage_gpus = (families.tp * families.cp * families.dp)[:, None]
    few = cells[:, :-1] * families.cell_gpus[:, None] // stage_gpus
    mix = replace(mix_of(costs, places[:, :-1], units.num_body).take(space.key), few=few)
    bound = layer_bound_s(
        choice,
        units.num_units,
        pp=families.pp,
        num_microbatches=families.num_microbatches,
        most_chunks=space.most_chunks(),
        mix=mix,
    )
    fits = may_fit(
        choice, units.num_body, pp=families.pp, num_microbatches=families.num_microbatches
    )
    held = cells[:, -1] * families.cell_gpus
    reason = np.where(held >= families.num_gpus, KEPT, LACKS_PLACES)
    reason = np.where((reason == KEPT) & ~fits, LACKS_MEMORY, reason)
    return Bounds(
        step_s=np.where(reason == KEPT, bound, np.inf),
        critical_s=np.zeros_like(bound),
        reason=reason,
        tight=np.zeros(len(bound), dtype=np.bool_),
    )


def _places(batch: StrategyBatch, costing: Costing) -> IntArray:
    """Cells of each strategy that the j + 1 fastest generations can host; (N, G)."""
    kinds = np.stack([batch.cell_gpus, np.lcm(batch.tp, batch.etp)], axis=1)
    _, first, inverse = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    pods = costing.pods
    cells = [costing.cells_by_set(pods.capacity(pods.shape(batch, int(row)))) for row in first]
    return np.array(cells, dtype=np.int64)[inverse.ravel()]


def strategy_bounds(batch: StrategyBatch, costing: Costing, *, worth_s: float = np.inf) -> Bounds:
    """L1 of what has places and memory; tight only where the bound could stay below ``worth_s``."""
    fit = pod_fit(batch, costing)
    reason = np.where(fit.total >= fit.stage_cells * batch.pp, KEPT, LACKS_PLACES)
    ones = np.ones_like(batch.tp)
    chunk = -(-fit.stage_cells // costing.num_sites)
    whole_chunk = np.clip(chunk, 1, np.maximum(fit.largest, 1))
    costs = costing.costs(batch, costing.spans(batch, whole_chunk, ones))
    room = memory_room(
        costs,
        batch,
        num_stages=int(batch.pp.max()),
        num_body=costing.units.num_body,
        limits_bytes=costing.limits_bytes,
        few=fit.few,
    )
    has_memory = room.fits(costing.units.num_body)
    reason = np.where((reason == KEPT) & ~has_memory, LACKS_MEMORY, reason)
    bounds = Bounds(
        step_s=np.full(len(batch), np.inf),
        critical_s=np.full(len(batch), np.inf),
        reason=reason,
        tight=np.ones(len(batch), dtype=np.bool_),
    )
    kept = np.flatnonzero(reason == KEPT)
    if len(kept):
        taken = tuple(cost.take(kept) for cost in costs)
        few = _Kept(batch.take(kept), costing, fit.take(kept), taken, room.take(kept))
        bounds.step_s[kept], bounds.critical_s[kept], bounds.tight[kept] = few.bounds_s(worth_s)
    return bounds


class _Kept:
    """Strategies with places and memory, whose replicas never leave a pod.

    Leaving pods only adds to their bounds; see ``network_bound_s``.
    """

    def __init__(
        self,
        batch: StrategyBatch,
        costing: Costing,
        fit: PodFit,
        costs: tuple[UnitCosts, ...],
        room: StageRooms,
    ) -> None:
        self._batch = batch
        self._room = room
        self._num_body = costing.units.num_body
        may_split = (costing.pods.num_pods > 1) & (fit.stage_cells > 1)
        num_stages = room.by_generation[0].tail.shape[1]
        levels = np.where(
            may_split[:, None],
            near_levels(batch, costing, fit, num_stages=num_stages, split=True),
            near_levels(batch, costing, fit, num_stages=num_stages, split=False),
        )
        best = least_of(costs)
        hop_s, fill_s = _hop_times(batch, best, levels)
        mix = mix_of(costs, fit.few, costing.units.num_body)
        self._bound = StepBound(
            costs=best,
            batch=batch,
            hop_s=hop_s,
            fill_s=fill_s,
            num_body=self._num_body,
            mix=replace(mix, most_spared_s=most_spared_s(room, mix, batch)),
        )
        self._times = _stage_time(batch, costs, levels, self._num_body)
        self._possible = may_split | (fit.whole_stages >= batch.pp)

    def bounds_s(self, worth_s: float) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Bounds on step and critical stage, and where they are tight.

        The mean stage bounds the critical one; where that leaves the step below ``worth_s``, the
        fullest stage does.
        """
        bound = self._bound
        critical = mean_stage_s(bound.costs, self._batch, bound.hop_s, self._num_body, bound.mix)
        step = bound.at_least_s(critical)
        tight = step < worth_s
        rows = np.flatnonzero(tight)
        if len(rows):
            critical[rows] = critical_s(
                self._times.take(rows), self._room.take(rows), critical[rows]
            )
            step = bound.at_least_s(critical)
        return np.where(self._possible, step, np.inf), critical, tight


def network_bound_s(batch: StrategyBatch, critical: float, costing: Costing) -> float:
    """L2 of one strategy: the best of whole stages in pods and of every way to split them.

    Whole stages must leave pods between them where no pod holds all; split ones exchange
    gradients between pods, at each spread of ``traffic_variants``.
    """
    fit = pod_fit(batch, costing)
    variants = traffic_variants(int(fit.stage_cells[0]), int(fit.largest[0]), costing.pods.num_pods)
    rows = np.zeros(len(variants), dtype=np.int64)
    copies = batch.take(rows)
    by_generation = costing.costs(copies, costing.variant_spans(copies, variants))
    costs = least_of(by_generation)
    is_whole = np.array([variant.pods == 1 for variant in variants])
    num_stages = int(batch.pp[0])
    levels = np.where(
        is_whole[:, None],
        near_levels(batch, costing, fit, num_stages=num_stages, split=False),
        near_levels(batch, costing, fit, num_stages=num_stages, split=True),
    )
    hop_s, fill_s = _hop_times(copies, costs, levels)
    bound = StepBound(
        costs=costs,
        batch=copies,
        hop_s=hop_s,
        fill_s=fill_s,
        num_body=costing.units.num_body,
        mix=mix_of(by_generation, fit.take(rows).few, costing.units.num_body),
    )
    memory = memory_room(
        by_generation,
        copies,
        num_stages=num_stages,
        num_body=costing.units.num_body,
        limits_bytes=costing.limits_bytes,
        few=bound.mix.few,
    )
    times = _stage_time(copies, by_generation, levels, costing.units.num_body)
    step = bound.between_s(times, memory, critical)
    away = _leaving_pods_s(batch, costs, costing, fit.take(rows), hop_s) / batch.vpp[0]
    enough = bool(fit.whole_stages[0] >= batch.pp[0])
    step = np.where(is_whole, step + away if enough else np.inf, step)
    return float(step.min(initial=np.inf))


def pod_fit(batch: StrategyBatch, costing: Costing) -> PodFit:
    """Count what the pods hold of each strategy."""
    pods = costing.pods
    stage_cells = batch.tp * batch.cp * batch.dp // batch.cell_gpus
    kinds = np.stack([batch.cell_gpus, np.lcm(batch.tp, batch.etp), stage_cells, batch.pp], axis=1)
    _, first, inverse = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    rows = []
    for row in first:
        parts = pods.capacity(pods.shape(batch, int(row)))
        cells = pods.by_pod(parts)
        stages = cells // stage_cells[row]
        reached = np.cumsum(np.sort(stages)[::-1])
        needed = int(np.searchsorted(reached, batch.pp[row])) + 1
        few = costing.cells_by_set(parts)[:-1] // stage_cells[row]
        rows.append((cells.sum(), cells.max(), stages.sum(), needed, *few))
    table = np.array(rows, dtype=np.int64)[inverse.ravel()]
    return PodFit(
        stage_cells=stage_cells,
        total=table[:, 0],
        largest=table[:, 1],
        whole_stages=table[:, 2],
        pods_needed=table[:, 3],
        few=table[:, 4:],
    )


def near_levels(
    batch: StrategyBatch, costing: Costing, fit: PodFit, *, num_stages: int, split: bool
) -> IntArray:
    """Levels of hops inside pods, (N, S).

    As stages lie in a regular cluster of one pod; otherwise the least that two whole stages must
    cross, or two ``split`` ones, each spread over every pod.
    """
    held = unit_cells(batch, costing.topology.levels)
    if costing.pods.num_pods == 1 and costing.topology.is_regular:
        return aligned_hop_levels(batch, held, fit.total, num_stages)
    chunk = -(-fit.stage_cells // costing.pods.num_pods) if split else fit.stage_cells
    return np.repeat(least_hop_levels(chunk, held), num_stages, axis=1)


def _hop_times(
    batch: StrategyBatch, costs: UnitCosts, levels: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Seconds each stage waits for its two half hops (N, S); fill and drain together (N,)."""
    stage = np.arange(levels.shape[1])[None, :]
    exists = stage < batch.pp[:, None]
    wraps = stage == batch.pp[:, None] - 1
    vpp = batch.vpp[:, None]
    hops = exists & ((vpp > 1) | ~wraps)
    steady = np.where(hops, np.take_along_axis(costs.hop_steady_s, levels, axis=1), 0.0)
    before = np.roll(steady, 1, axis=1)
    last = np.take_along_axis(steady, batch.pp[:, None] - 1, axis=1)
    before[:, 0] = last[:, 0]
    hop_s = np.where(exists, 0.5 * (steady + before), 0.0)
    fill = np.take_along_axis(costs.hop_fill_s, levels, axis=1)
    crossings = np.where(exists, 2.0 * (vpp - wraps), 0.0)
    fill_s = (crossings * fill).sum(axis=1)
    return hop_s, fill_s


def _stage_time(
    batch: StrategyBatch, costs: Sequence[UnitCosts], levels: IntArray, num_body: int
) -> StageTime:
    hops = [_hop_times(batch, cost, levels)[0] for cost in costs]
    return StageTime(batch=batch, costs=costs, hops_s=hops, num_body=num_body)


def _leaving_pods_s(
    batch: StrategyBatch, costs: UnitCosts, costing: Costing, fit: PodFit, hop_s: FloatArray
) -> FloatArray:
    """What hops that must leave a pod add to all stages' times; (N,).

    Whole stages in k >= 2 pods leave a pod k times around the ring of interleaved stages, and
    k - 1 times along the chain of plain ones.
    """
    exits = fit.pods_needed - (batch.vpp == 1)
    far = min(costing.pods.level + 1, costs.hop_steady_s.shape[1] - 1)
    longer = np.maximum(costs.hop_steady_s[:, far] - hop_s.max(axis=1), 0.0)
    return np.where(fit.pods_needed > 1, exits * longer, 0.0)
