"""Over how much of the cluster the groups of each parallel axis spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from placer.plan.placement import Placement
from placer.plan.strategy import IntArray, StrategyBatch
from placer.topology.level import Level, LevelKind

__all__ = ["AxisSpans", "IntArray", "Packing", "contiguous_spans", "pack", "spans_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisSpans:
    """Spread of every axis, widest group: N strategies on L levels, inner to outer.

    Each axis is (N, L): how many next-inner units (accelerators at level 0) the widest group covers
    in one unit of the level. ``dp_cp`` is the group that reduces dense gradients, ``edp`` expert
    gradients. ``hop_level`` (N,) is the innermost level that holds every pair of neighbouring
    pipeline stages.
    """

    tp: IntArray
    cp: IntArray
    dp: IntArray
    dp_cp: IntArray
    etp: IntArray
    ep: IntArray
    edp: IntArray
    hop_level: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Slots of the canonical placement: cells fill domains in order, what does not fit stays idle.

    ``unit_slots`` (N, L) is consecutive slots in one unit of each level; ``cell_gpus`` (N,) what a
    cell needs and ``cell_slots`` what it takes up (more when it cannot divide evenly over the
    domains it covers).
    """

    unit_slots: IntArray
    cell_gpus: IntArray
    cell_slots: IntArray

    def slots(self, gpus: IntArray) -> IntArray:
        """Slots taken by ``gpus`` consecutive ranks: whole cells, or a part of one; (N,)."""
        padded = np.flatnonzero(self.cell_slots != self.cell_gpus)
        slots = gpus.copy()
        cells, rest = np.divmod(gpus[padded], self.cell_gpus[padded])
        slots[padded] = np.where(rest == 0, cells * self.cell_slots[padded], gpus[padded])
        return slots


def pack(batch: StrategyBatch, levels: Sequence[Level]) -> Packing:
    """Packing of each strategy's cells on a regular cluster.

    A cell no larger than a domain shares it with floor(domain / cell) - 1 others; a larger one
    takes ceil(cell / domain) whole domains, evenly filled, inside one unit of the innermost level
    that can hold it.
    """
    domain = sum(level.kind is LevelKind.SCALE_UP for level in levels) - 1
    domain_gpus = levels[domain].num_accelerators
    cell = batch.cell_gpus
    spread = -(-cell // domain_gpus)
    filled = _even_fill(batch, cell, spread, domain_gpus)
    domain_slots = np.where(spread > 1, filled, domain_gpus // np.minimum(cell, domain_gpus) * cell)
    columns = [np.minimum(level.num_accelerators, domain_slots) for level in levels[:domain]]
    columns.append(domain_slots)
    held = np.where(spread > 1, 0, 1)
    for inner, level in zip(levels[domain:-1], levels[domain + 1 :], strict=True):
        widened = columns[-1] * (level.num_accelerators // inner.num_accelerators)
        cells = level.num_accelerators // domain_gpus // spread
        first = (held == 0) & (cells > 0)
        columns.append(np.where(first, cells * spread * domain_slots, widened))
        held = held + cells
    return Packing(
        unit_slots=np.stack(columns, axis=1),
        cell_gpus=cell,
        cell_slots=np.where(spread > 1, spread * domain_slots, cell),
    )


def contiguous_spans(batch: StrategyBatch, levels: Sequence[Level]) -> AxisSpans:
    """Spans of the canonical rank order on consecutive accelerators.

    Dense ranks are ordered [tp, cp, dp, pp], expert ranks [etp, ep, edp, pp], innermost first
    (Megatron-LM ``RankGenerator``). Exact for levels that nest evenly, otherwise at most one unit
    too wide.
    """
    packing = pack(batch, levels)
    model_gpus, expert_gpus = batch.tp * batch.cp, batch.etp * batch.ep
    stage_gpus = model_gpus * batch.dp
    one = np.ones_like(batch.tp)

    def spread(stride: IntArray, degree: IntArray) -> IntArray:
        return _axis_spans(packing, stride, degree, batch.num_gpus)

    return AxisSpans(
        tp=spread(one, batch.tp),
        cp=spread(batch.tp, batch.cp),
        dp=spread(model_gpus, batch.dp),
        dp_cp=spread(batch.tp, batch.cp * batch.dp),
        etp=spread(one, batch.etp),
        ep=spread(batch.etp, batch.ep),
        edp=spread(expert_gpus, batch.edp),
        hop_level=_innermost_holding(packing, stage_gpus * batch.pp),
    )


def spans_of(placement: Placement, level_names: Sequence[str]) -> AxisSpans:
    """Spans (N = 1) that a placement states for its axes; an axis it does not name has degree 1."""
    stated = {axis.axis: axis.levels for axis in placement.axis_levels}

    def row(axis: str) -> IntArray:
        units = stated.get(axis, {})
        return np.array([[units.get(name, 1) for name in level_names]], dtype=np.int64)

    crossed = np.flatnonzero(row("pp")[0] > 1)
    hop_level = crossed[-1:] if len(crossed) else np.zeros(1, dtype=np.int64)
    return AxisSpans(
        tp=row("tp"),
        cp=row("cp"),
        dp=row("dp"),
        dp_cp=row("dp_cp"),
        etp=row("etp"),
        ep=row("ep"),
        edp=row("edp"),
        hop_level=hop_level,
    )


def _even_fill(
    batch: StrategyBatch, cell: IntArray, spread: IntArray, domain_gpus: int
) -> IntArray:
    """Accelerators used in each of the domains a cell covers: whole tp and etp groups if they fit."""
    even = -(-cell // spread)
    block = np.lcm(batch.tp, batch.etp)
    whole = -(-even // block) * block
    return np.asarray(np.where(whole <= domain_gpus, whole, even), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comb:
    """Groups of ``degree`` ranks ``stride`` slots apart; stride of them fill one of the blocks.

    ``block`` is the slots of one block, ``blocks`` how many follow each other; ``restart`` after
    how many slots they start anew (0: never).
    """

    stride: IntArray
    degree: IntArray
    block: IntArray
    blocks: IntArray
    restart: IntArray

    def covered(self, child: IntArray, unit: IntArray) -> IntArray:
        """Most children of ``child`` slots that one group covers in one unit of ``unit``; (N,).

        The groups of a block together fill it, so with a stride of at least a child each rank of
        the block's best overlap with a unit has a child of its own, and with a smaller one the
        widest group touches every child its block touches.
        """
        children = -(-unit // child)
        count = -(-np.minimum(self.block, unit) // self.stride)
        close = np.flatnonzero((self.stride < child) & (count > 1))
        if len(close):
            touched = self.rows(close).touched(child[close], unit[close])
            count[close] = np.where(self.block[close] < unit[close], touched, children[close])
        most = np.minimum(np.minimum(count, self.degree), children)
        return np.asarray(np.maximum(most, 1), dtype=np.int64)

    def rows(self, rows: IntArray) -> _Comb:
        """The groups of these rows only."""
        return _Comb(
            stride=self.stride[rows],
            degree=self.degree[rows],
            block=self.block[rows],
            blocks=self.blocks[rows],
            restart=self.restart[rows],
        )

    def touched(self, child: IntArray, unit: IntArray) -> IntArray:
        """Most children one block touches inside a unit; (N,).

        Block j starts ``j * rest`` slots (modulo the child) into a child, and so crosses one more
        boundary than it must as soon as the rest does not divide the child and enough blocks
        exist. Units that are no multiple of their children shift this, as do restarts that are none;
        then one more is granted.
        """
        whole, rest = np.divmod(self.block, child)
        safe_rest = np.maximum(rest, 1)
        straddles = (child % safe_rest != 0) & (self.blocks > child // safe_rest)
        even = whole + (rest > 0) + straddles
        shifted = (unit % child != 0) & (unit % self.block != 0)
        safe_restart = np.maximum(self.restart, 1)
        shifted |= (self.restart % child != 0) & (child % safe_restart != 0)
        return np.asarray(np.where(shifted, (self.block - 2) // child + 2, even), dtype=np.int64)


def _axis_spans(
    packing: Packing, stride_gpus: IntArray, degree: IntArray, total_gpus: IntArray
) -> IntArray:
    """Spans (N, L) of groups of ``degree`` ranks that lie ``stride_gpus`` apart.

    Where cells are padded, the blocks inside a cell start anew with each cell.
    """
    block = packing.slots(stride_gpus * degree)
    padded = packing.cell_slots != packing.cell_gpus
    inside_cell = padded & (stride_gpus * degree % packing.cell_gpus != 0)
    room = np.where(inside_cell, packing.cell_gpus, packing.slots(total_gpus))
    comb = _Comb(
        stride=packing.slots(stride_gpus),
        degree=degree,
        block=block,
        blocks=room // block,
        restart=np.where(inside_cell, packing.cell_slots, 0),
    )
    units = packing.unit_slots.T
    children = (np.ones_like(degree), *units[:-1])
    spans = [comb.covered(child, unit) for child, unit in zip(children, units, strict=True)]
    return np.stack(spans, axis=1)


def _innermost_holding(packing: Packing, gpus: IntArray) -> IntArray:
    holds = packing.unit_slots >= packing.slots(gpus)[:, None]
    outermost = packing.unit_slots.shape[1] - 1
    return np.asarray(np.where(holds.any(axis=1), holds.argmax(axis=1), outermost), dtype=np.int64)
