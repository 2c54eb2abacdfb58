"""From a plan to its ranks: which accelerator each rank runs on, and where that stands.

Everything is columns of N ranks; the plan alone is enough, for the cluster is rebuilt from the
specification inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from placer.errors import InputError, Problem
from placer.plan.coordinates import Coordinates, coordinates_of
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.plan.placement import Placement
    from placer.plan.plan import Plan
    from placer.plan.strategy import IntArray, Strategy
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTable:
    """Every rank's accelerator, place and coordinates.

    All arrays are (N,), indexed by rank. ``gpu`` numbers accelerators over the cluster,
    ``gpu_index`` inside the host. ``node_rank`` numbers hosts by their lowest rank, ``local_rank``
    counts ranks inside a host upwards; ``node_names`` belongs to ``node_rank``. ``site``, ``pod``
    and ``domain`` index the names beside them.
    """

    coordinates: Coordinates
    gpu: IntArray
    node_rank: IntArray
    local_rank: IntArray
    gpu_index: IntArray
    rail: IntArray
    site: IntArray
    pod: IntArray
    domain: IntArray
    node_names: tuple[str, ...]
    site_names: tuple[str, ...]
    pod_names: tuple[str, ...]
    domain_names: tuple[str, ...]
    gpus_per_host: int

    @property
    def ranks_per_node(self) -> int:
        """Ranks of every host when all hold as many, one after the other; else 0."""
        size = len(self.gpu) // len(self.node_names)
        consecutive = np.array_equal(self.node_rank, np.arange(len(self.gpu)) // size)
        return size if consecutive else 0

    @property
    def hosts_per_domain(self) -> int:
        """Hosts of every scale-up domain, when all hold as many and more than one; else 0."""
        pairs = np.unique(np.stack([self.domain, self.node_rank]), axis=1)
        hosts = np.bincount(pairs[0])
        return int(hosts[0]) if hosts[0] > 1 and np.all(hosts == hosts[0]) else 0

    @property
    def uses_gpus_in_order(self) -> bool:
        """Whether local rank i runs on accelerator i of its host, everywhere."""
        return np.array_equal(self.local_rank, self.gpu_index)

    @property
    def host_of_rank(self) -> tuple[str, ...]:
        """Name of each rank's host."""
        return tuple(self.node_names[node] for node in self.node_rank.tolist())


def expand_ranks(plan: Plan) -> RankTable:
    """All ranks of a plan.

    Raises
    ------
    InputError
        When the cells do not cover every rank once or name accelerators the cluster has not.
    """
    return rank_table(plan.strategy, plan.placement, build_topology(plan.cluster))


def rank_table(strategy: Strategy, placement: Placement, topology: Topology) -> RankTable:
    """All ranks of a strategy placed on a cluster; raises as ``expand_ranks`` does."""
    gpu = gpu_of_rank(strategy, placement)
    if int(gpu.max()) >= topology.num_accelerators:
        raise _wrong(
            f"accelerators below {topology.num_accelerators}", f"accelerator {int(gpu.max())}"
        )
    domain = topology.domain_of(gpu)
    level = topology.pod_level()
    site, sites = _named(_sites(topology)[domain], lambda i: topology.sites[i].name)
    pod, pods = _named(topology.domain_unit[domain, level], lambda i: topology.unit_name(level, i))
    domain_number, domains = _named(domain, topology.domain_name)
    node_rank, nodes = _nodes(topology, gpu)
    return RankTable(
        coordinates=coordinates_of(strategy),
        gpu=gpu,
        node_rank=node_rank,
        local_rank=_counted_within(node_rank),
        gpu_index=topology.gpu_index_in_host(gpu),
        rail=topology.rail_of(gpu),
        site=site,
        pod=pod,
        domain=domain_number,
        node_names=nodes,
        site_names=sites,
        pod_names=pods,
        domain_names=domains,
        gpus_per_host=topology.gpus_per_host,
    )


def reordered(ranks: RankTable, order: IntArray) -> RankTable:
    """The table of a framework that numbers ranks otherwise: its rank r is the plan's ``order[r]``.

    Hosts are numbered anew by their lowest rank, ranks inside a host anew upwards.
    """
    if np.array_equal(order, np.arange(len(order))):
        return ranks
    coordinates = ranks.coordinates
    columns = {f.name: getattr(coordinates, f.name)[order] for f in fields(coordinates)}
    hosts, first, positions = np.unique(
        ranks.node_rank[order], return_index=True, return_inverse=True
    )
    by_rank = np.argsort(first)
    node_rank = np.argsort(by_rank)[positions]
    return replace(
        ranks,
        coordinates=Coordinates(**columns),
        gpu=ranks.gpu[order],
        node_rank=node_rank,
        local_rank=_counted_within(node_rank),
        gpu_index=ranks.gpu_index[order],
        rail=ranks.rail[order],
        site=ranks.site[order],
        pod=ranks.pod[order],
        domain=ranks.domain[order],
        node_names=tuple(ranks.node_names[host] for host in hosts[by_rank].tolist()),
    )


def units_of_gpus(topology: Topology, gpu: IntArray) -> list[IntArray]:
    """The unit of each level that holds each accelerator, inner to outer."""
    domain = topology.domain_of(gpu)
    within = gpu - topology.domain_first_gpu[domain]
    generation = topology.domain_generation[domain]
    units = [topology.domain_unit[domain, level] for level in range(len(topology.levels))]
    for level in range(topology.domain_level):
        sizes = [levels[level].num_accelerators for levels in topology.generation_levels]
        units[level] = units[level] + within // np.array(sizes, dtype=np.int64)[generation]
    return units


def _named(numbers: IntArray, name: Callable[[int], str]) -> tuple[IntArray, tuple[str, ...]]:
    """Numbers renamed to positions in a list of the names that occur."""
    occurring, positions = np.unique(numbers, return_inverse=True)
    return positions, tuple(name(number) for number in occurring.tolist())


def _sites(topology: Topology) -> IntArray:
    """(D,) the site of each domain."""
    if len(topology.sites) == 1:
        return np.zeros(topology.num_domains, dtype=np.int64)
    return topology.domain_unit[:, -2]


def _nodes(topology: Topology, gpu: IntArray) -> tuple[IntArray, tuple[str, ...]]:
    """Each rank's host, hosts numbered by their lowest rank, and the hosts' names in that order."""
    hosts, first, positions = np.unique(
        topology.host_of(gpu), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    return np.argsort(order)[positions], topology.host_names(hosts[order].tolist())


def gpu_of_rank(strategy: Strategy, placement: Placement) -> IntArray:
    """(N,) the cluster-wide accelerator of each rank.

    Cell i of stage s holds the ranks ``s * gpus_per_stage + [i * c, (i + 1) * c)`` with c the GPUs
    of a cell.

    Raises
    ------
    InputError
        When some rank has no accelerator or two.
    """
    cell = strategy.cell_gpus
    gpu = np.full(strategy.num_gpus, -1, dtype=np.int64)
    for number, run in enumerate(placement.cells):
        parts = [np.arange(first, first + count) for first, count in run.gpu_ids]
        ids = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        start = run.stage * strategy.gpus_per_stage + run.first_replica * cell
        stop = start + run.num_cells * cell
        where = f"cells[{number}]"
        if len(ids) != run.num_cells * cell:
            raise _wrong(f"{run.num_cells} cells of {cell} GPUs", f"{len(ids)} accelerators", where)
        if run.stage >= strategy.pp or run.first_replica + run.num_cells > strategy.cells_per_stage:
            raise _wrong(
                f"{strategy.pp} stages of {strategy.cells_per_stage} cells",
                f"stage {run.stage}, cells up to {run.first_replica + run.num_cells - 1}",
                where,
            )
        if np.any(gpu[start:stop] >= 0):
            raise _wrong("each cell once", f"cells of stage {run.stage} given twice", where)
        gpu[start:stop] = ids
    missing = int(np.count_nonzero(gpu < 0))
    if missing:
        raise _wrong(f"accelerators for {strategy.num_gpus} ranks", f"{missing} ranks without one")
    return gpu


def _wrong(expected: str, found: str, where: str = "cells") -> InputError:
    remedy = "Plan again, and do not edit the file by hand."
    field = f"placement.{where}"
    return InputError(
        (Problem(source="plan", field=field, expected=expected, found=found, remedy=remedy),)
    )


def _counted_within(group: IntArray) -> IntArray:
    """(N,) how many earlier ranks have the same group."""
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    within = np.empty_like(group)
    within[order] = np.arange(len(group)) - starts
    return within
