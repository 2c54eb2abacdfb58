"""Levels crossed by groups, counted where the launcher's own files put their ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.plan.ranks import units_of_gpus
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.strategy import IntArray
    from placer.topology.tree import Topology
    from placer.verify.folder import EmittedFolder


def crossing_problems(folder: EmittedFolder, groups: dict[str, IntArray]) -> Iterator[str]:
    """Where the emitted host files put groups otherwise than the plan claims."""
    topology = build_topology(folder.plan.cluster)
    gpu = _accelerators(topology, folder)
    missing = int(np.count_nonzero(gpu < 0))
    if missing:
        yield f"{missing} ranks on hosts or accelerators the cluster has not"
        return
    if len(np.unique(gpu)) != len(gpu):
        yield f"{len(gpu)} ranks on {len(np.unique(gpu))} accelerators"
        return
    units = units_of_gpus(topology, gpu)
    claimed = {axis.axis: axis for axis in folder.plan.placement.axis_levels}
    for axis, members in sorted(groups.items()):
        for level, unit in zip(topology.levels, units, strict=True):
            where = unit[members]
            counted = int(np.count_nonzero((where != where[:, :1]).any(axis=1)))
            stated = claimed[axis].groups_crossing[level.name]
            if counted != stated:
                yield f"{axis}: {counted} groups leave a {level.name}, the plan says {stated}"


def _accelerators(topology: Topology, folder: EmittedFolder) -> IntArray:
    """(N,) cluster-wide accelerator of each rank by host name and place in the host; -1: none."""
    everything = np.arange(topology.num_accelerators)
    hosts = topology.host_of(everything)
    names = topology.host_names(np.unique(hosts).tolist())
    index = topology.gpu_index_in_host(everything)
    number = {
        (names[host], slot): gpu
        for gpu, (host, slot) in enumerate(zip(hosts.tolist(), index.tolist(), strict=True))
    }
    places = zip(folder.places.hosts, folder.places.gpu_index, strict=True)
    return np.array([number.get(place, -1) for place in places], dtype=np.int64)
