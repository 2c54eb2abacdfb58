"""From cells per pod and stage to the accelerator of each rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.plan.crossings import axis_levels
from placer.plan.placement import CellRun, Placement
from placer.plan.placing import placement_of
from placer.plan.ranks import gpu_of_rank, units_of_gpus
from placer.search.model_units import pipeline_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.placement import PipelineLayout
    from placer.plan.slots import CellShape
    from placer.plan.strategy import IntArray, Strategy
    from placer.search.pods import PartSlots, Pods
    from placer.spec.model import ModelSpec
    from placer.topology.tree import Topology


def build_placement(
    *,
    strategy: Strategy,
    units: Sequence[int],
    cells: IntArray,
    shape: CellShape,
    pods: Pods,
    model: ModelSpec,
) -> Placement:
    """Place ``cells`` (R, S) of each stage in each part of a pod, layers by ``units`` (S,).

    Each part's slots are filled in cluster order, stage after stage, aligned to the units inside
    the pod where there is room; the replicas of a stage are numbered part after part, so that they
    lie next to each other. Sites, pods, domains and hosts are
    left unnamed, which costing does not need; see ``named``.
    """
    topology, slots = pods.topology, pods.slots(shape)
    gpus = slots.slots.gpus(shape, topology)
    order = _slot_of_cell(cells, slots, topology, pods.level)
    layout = pipeline_layout(model, units, strategy.vpp)
    return unnamed_placement(strategy, layout, topology, gpus[order].ravel())


def named(strategy: Strategy, placement: Placement, topology: Topology) -> Placement:
    """The same placement with the names of what its cells stand on."""
    gpu = gpu_of_rank(strategy, placement)
    return placement_of(strategy, placement.pipeline_layout, topology, gpu)


def unnamed_placement(
    strategy: Strategy, layout: PipelineLayout, topology: Topology, gpu: IntArray
) -> Placement:
    """The placement that puts rank r on accelerator ``gpu[r]``, one run of cells per stage."""
    names = [level.name for level in topology.levels]
    return Placement(
        axis_levels=axis_levels(strategy, names, units_of_gpus(topology, gpu)),
        cells=tuple(
            CellRun(
                stage=stage,
                first_replica=0,
                num_cells=strategy.cells_per_stage,
                site="",
                pod="",
                domain="",
                hosts=(),
                gpu_ids=_ranges(ids),
            )
            for stage, ids in enumerate(gpu.reshape(strategy.pp, -1))
        ),
        pipeline_layout=layout,
        gpus_used=len(gpu),
        gpus_available=topology.num_usable,
        gpus_unusable=topology.num_unusable,
        spares=topology.num_spares,
    )


def _ranges(gpu: IntArray) -> tuple[tuple[int, int], ...]:
    """Accelerators in order as (first, count) pairs."""
    starts = np.flatnonzero(np.diff(gpu, prepend=-2) != 1)
    counts = np.diff(np.append(starts, len(gpu)))
    return tuple(zip(gpu[starts].tolist(), counts.tolist(), strict=True))


def _slot_of_cell(
    cells: IntArray, slots: PartSlots, topology: Topology, pod_level: int
) -> IntArray:
    """The slot of each cell, stage by stage and replica by replica; (S * R,)."""
    first = np.searchsorted(slots.part, np.arange(len(cells) + 1))
    starts = np.zeros_like(cells)
    for part in range(len(cells)):
        units = topology.domain_unit[slots.slots.domains[first[part] : first[part + 1], 0]]
        levels = range(topology.domain_level, pod_level)
        starts[part] = first[part] + _starts_in_part(cells[part], [units[:, at] for at in levels])
    counts = cells.T.ravel()
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(np.repeat(starts.T.ravel(), counts) + within)


def _starts_in_part(chunks: IntArray, units_by_level: Sequence[IntArray]) -> IntArray:
    """First slot of each stage's chunk in a part; (S,).

    Chunks are aligned to the units of the innermost level that has room for all of them that way,
    else they follow each other without gaps.
    """
    for units in units_by_level:
        aligned = _aligned(chunks, units)
        if aligned is not None:
            return aligned
    return np.cumsum(chunks) - chunks


def _aligned(chunks: IntArray, units: IntArray) -> IntArray | None:
    """Chunks in order, each inside one unit (``units`` (K,) of the slots); None if some does not fit."""
    _, begins = np.unique(units, return_index=True)
    ends = [*begins[1:].tolist(), len(units)]
    if not len(units) or int(chunks.max()) > max(np.diff([0, *ends])):
        return None
    starts = np.zeros_like(chunks)
    slot, unit = 0, 0
    for stage, chunk in enumerate(chunks.tolist()):
        while unit < len(ends) and slot + chunk > ends[unit]:
            slot, unit = ends[unit], unit + 1
        if unit == len(ends):
            return None
        starts[stage] = slot
        slot += chunk
    return starts
