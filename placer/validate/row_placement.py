"""Where the ranks of a measured run sat: nobody says, so in order, as launchers put them."""

from __future__ import annotations

import numpy as np

from placer.cost.spans import AxisSpans, Packing, contiguous_spans, pack
from placer.plan.layout import even_layout
from placer.plan.placement import AxisLevels, CellRun, PipelineLayout, Placement
from placer.plan.strategy import IntArray, Strategy, StrategyBatch
from placer.spec.model import ModelSpec
from placer.topology.tree import Topology
from placer.validate.cells import RowError


def placement_of(model: ModelSpec, strategy: Strategy, topology: Topology) -> Placement:
    """Ranks in order on consecutive accelerators, cells whole inside domains, layers even.

    ``uneven_stages`` of a row states that layers do not divide evenly over the stages, which their
    number shows already: embedding and loss then stand in for layers.

    Raises
    ------
    RowError
        When there are fewer layers than stages need.
    """
    batch = StrategyBatch.of((strategy,))
    packing = pack(batch, topology.levels)
    spans = contiguous_spans(batch, topology.levels)
    return Placement(
        axis_levels=_axis_levels(spans, strategy, topology),
        cells=_cells(packing, strategy, topology),
        pipeline_layout=_layout(model, strategy),
        gpus_used=strategy.num_gpus,
        gpus_available=topology.num_usable,
        gpus_unusable=0,
        spares=0,
    )


def _axis_levels(
    spans: AxisSpans, strategy: Strategy, topology: Topology
) -> tuple[AxisLevels, ...]:
    names = [level.name for level in topology.levels]
    stated = [
        (axis, dict(zip(names, getattr(spans, axis)[0].tolist(), strict=True)))
        for axis in ("tp", "cp", "dp", "dp_cp", "etp", "ep", "edp")
    ]
    if strategy.pp > 1:
        stated.append(("pp", {names[int(spans.hop_level[0])]: strategy.pp}))
    return tuple(
        AxisLevels(axis=axis, levels=levels, groups=1, groups_crossing={})
        for axis, levels in stated
    )


def _cells(packing: Packing, strategy: Strategy, topology: Topology) -> tuple[CellRun, ...]:
    """One run of cells per stage, as ranges of accelerators."""
    cell, cell_slots = strategy.cell_gpus, int(packing.cell_slots[0])
    domain_slots = int(packing.unit_slots[0, topology.domain_level])
    rank = np.arange(strategy.num_gpus)
    slot = rank // cell * cell_slots + rank % cell
    gpu = slot // domain_slots * topology.domain_size + slot % domain_slots
    return tuple(
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
    )


def _ranges(ids: IntArray) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as (first, count) pairs."""
    starts = np.flatnonzero(np.diff(ids, prepend=-2) != 1)
    counts = np.diff(starts, append=len(ids))
    return tuple(zip(ids[starts].tolist(), counts.tolist(), strict=True))


def _layout(model: ModelSpec, strategy: Strategy) -> PipelineLayout:
    try:
        return even_layout(model, strategy.pp, strategy.vpp)
    except ValueError as error:
        raise RowError(str(error)) from error
