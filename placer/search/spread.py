"""How far the groups of strategies reach when their cells lie as well as they can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.spans import AxisSpans, contiguous_spans, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.topology.level import Level

    BoolArray = NDArray[np.bool_]


def aligned_spans(
    batch: StrategyBatch,
    levels: Sequence[Level],
    *,
    chunk_cells: IntArray,
    num_pods: IntArray,
    pod_level: int,
) -> AxisSpans:
    """Spans of stages whose widest chunk is ``chunk_cells`` (N,) in one of ``num_pods`` (N,) pods.

    Each cell and each chunk starts where a unit starts. Pods fill the units above them in order.
    """
    cell_gpus = batch.cell_gpus
    replicas = cell_gpus // (batch.tp * batch.cp)
    alone = replace(batch, pp=np.ones_like(batch.pp), dp=replicas)
    cell = contiguous_spans(alone, levels)
    chunk = contiguous_spans(replace(alone, dp=replicas * chunk_cells), levels)
    return AxisSpans(
        tp=cell.tp,
        cp=cell.cp,
        etp=cell.etp,
        ep=cell.ep,
        dp=_over_pods(chunk.dp, levels, num_pods, pod_level),
        dp_cp=_over_pods(chunk.dp_cp, levels, num_pods, pod_level),
        edp=_over_pods(chunk.edp, levels, num_pods, pod_level),
        hop_level=np.zeros_like(batch.pp),
    )


def _over_pods(
    spans: IntArray, levels: Sequence[Level], num_pods: IntArray, pod_level: int
) -> IntArray:
    """Spans with the pods on top: as many as fit in one unit, level by level."""
    wide = spans.copy()
    rest = num_pods
    for level in range(pod_level + 1, len(levels)):
        inside = levels[level - 1].num_accelerators
        children = max(1, levels[level].num_accelerators // inside)
        wide[:, level] = np.where(num_pods > 1, np.minimum(rest, children), 1)
        rest = -(-rest // children)
    return wide


def unit_cells(batch: StrategyBatch, levels: Sequence[Level]) -> IntArray:
    """Whole cells in one unit of each level of a regular cluster, 0 where a cell is larger; (N, L)."""
    packing = pack(batch, levels)
    return np.asarray(packing.unit_slots // packing.cell_slots[:, None])


def aligned_hop_levels(
    batch: StrategyBatch, held: IntArray, pod_cells: IntArray, num_stages: int
) -> IntArray:
    """Level the hop behind each stage crosses when stages are aligned in one pod; (N, S).

    ``held`` (N, L) is cells per unit of each level, nested; ``pod_cells`` (N,) of the pod. Stages
    fill the units of the innermost level that holds whole stages and enough of them, one after
    another, or else the pod without gaps. The last hop wraps to the first stage, and the worst
    replica counts.
    """
    cells = (batch.tp * batch.cp * batch.dp // batch.cell_gpus)[:, None]
    per_unit, unit = _stages_per_unit(batch.pp, held, cells[:, 0], pod_cells)
    stage = np.arange(num_stages + 1)[None, :]
    start = stage // per_unit[:, None] * unit[:, None] + stage % per_unit[:, None] * cells
    last_stage = np.minimum(batch.pp[:, None] - 1, num_stages)
    wraps = stage[:, :-1] == last_stage
    first = np.where(wraps, 0, start[:, :-1])
    end = np.where(wraps, np.take_along_axis(start, last_stage, axis=1), start[:, 1:]) + cells
    return _levels_apart(first, end - 1, held)


def _stages_per_unit(
    pp: IntArray, held: IntArray, cells: IntArray, pod_cells: IntArray
) -> tuple[IntArray, IntArray]:
    """Stages in each unit of the level stages are aligned to, and its cells; (N,) each."""
    per_unit, unit = pp.copy(), np.maximum(pod_cells, 1)
    open_rows = np.ones(len(pp), dtype=np.bool_)
    for level in range(held.shape[1]):
        room = np.maximum(held[:, level], 1)
        whole = room // cells
        enough = (whole > 0) & (pod_cells // room * whole >= pp) & (held[:, level] > 0)
        chosen = open_rows & enough
        per_unit, unit = np.where(chosen, whole, per_unit), np.where(chosen, room, unit)
        open_rows &= ~enough
    return per_unit, unit


def least_hop_levels(chunk_cells: IntArray, held: IntArray) -> IntArray:
    """Innermost level some replica of two neighbouring chunks must cross; (N, 1).

    Two disjoint blocks of w cells do not keep all their pairs inside units of fewer than 2 w.
    """
    last = 2 * chunk_cells[:, None] - 1
    return _levels_apart(np.zeros_like(last), last, held)


def _levels_apart(first: IntArray, last: IntArray, held: IntArray) -> IntArray:
    top = held.shape[1] - 1
    levels = np.zeros(np.broadcast_shapes(first.shape, last.shape), dtype=np.int64)
    for level in range(held.shape[1]):
        room = np.maximum(held[:, level], 1)[:, None]
        apart = (first // room != last // room) | (held[:, level] == 0)[:, None]
        levels = np.where(apart, min(level + 1, top), levels)
    return levels
