"""From the accelerator of each rank to a placement: cells by pod, and how far the groups spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from placer.plan.crossings import axis_levels
from placer.plan.placement import CellRun, Placement
from placer.plan.ranks import units_of_gpus
from placer.spec.hierarchy.hostlist import compress_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.placement import PipelineLayout
    from placer.plan.strategy import IntArray, Strategy
    from placer.topology.tree import Topology

_LONGEST_EXPRESSION: Final = 900
"""Characters; readers of hostlists accept 1000."""
_NAMES_TOGETHER: Final = 50
"""Names that surely fit one expression, however scattered."""


def placement_of(
    strategy: Strategy,
    layout: PipelineLayout,
    topology: Topology,
    gpu: IntArray,
    *,
    named: bool = True,
) -> Placement:
    """The placement that puts rank r on accelerator ``gpu[r]``.

    Cells of one stage that follow each other in one pod form one run; without names of hosts and
    domains where it is only to be costed.
    """
    names = [level.name for level in topology.levels]
    return Placement(
        axis_levels=axis_levels(strategy, names, units_of_gpus(topology, gpu)),
        cells=tuple(_runs(strategy, topology, gpu, named=named)),
        pipeline_layout=layout,
        gpus_used=len(gpu),
        gpus_available=topology.num_usable,
        gpus_unusable=topology.num_unusable,
        spares=topology.num_spares,
    )


def _runs(
    strategy: Strategy, topology: Topology, gpu: IntArray, *, named: bool
) -> Iterator[CellRun]:
    """Runs of cells, stage by stage, in rank order."""
    cells = gpu.reshape(-1, strategy.cell_gpus)
    per_stage = strategy.cells_per_stage
    level = topology.pod_level()
    pod = topology.domain_unit[topology.domain_of(cells[:, 0]), level]
    stage = np.arange(len(cells)) // per_stage
    starts = np.flatnonzero(np.diff(pod, prepend=-1) | np.diff(stage, prepend=-1))
    for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(cells)], strict=True):
        ids = cells[first:last].ravel()
        domains = np.unique(topology.domain_of(ids))
        called = (topology.domain_name(d) for d in domains.tolist()) if named else ()
        yield CellRun(
            stage=int(stage[first]),
            first_replica=first % per_stage,
            num_cells=last - first,
            site=topology.sites[topology.site_of(int(domains[0]))].name,
            pod=topology.unit_name(level, int(pod[first])),
            domain=",".join(compress_names(called)),
            hosts=_host_expressions(topology, ids) if named else (),
            gpu_ids=_ranges(ids),
        )


def _host_expressions(topology: Topology, gpu: IntArray) -> tuple[str, ...]:
    """The hosts of some accelerators as hostlist expressions."""
    names = topology.host_names(np.unique(topology.host_of(gpu)).tolist())
    whole = compress_names(names)
    if max(map(len, whole)) <= _LONGEST_EXPRESSION:
        return whole
    parts = range(0, len(names), _NAMES_TOGETHER)
    return tuple(
        expression
        for start in parts
        for expression in compress_names(names[start : start + _NAMES_TOGETHER])
    )


def _ranges(gpu: IntArray) -> tuple[tuple[int, int], ...]:
    """Accelerators in order as (first, count) pairs."""
    starts = np.flatnonzero(np.diff(gpu, prepend=-2) != 1)
    counts = np.diff(np.append(starts, len(gpu)))
    return tuple(zip(gpu[starts].tolist(), counts.tolist(), strict=True))
