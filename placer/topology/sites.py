"""Some sites of a cluster as a cluster of their own: what never crosses a link is planned there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from placer.topology.build import slowest_levels
from placer.topology.level import Level, LevelKind
from placer.topology.tree import IntArray, Topology


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteView:
    """Some sites of a cluster, the level between sites left out.

    ``topology`` numbers domains and accelerators anew; ``gpu`` (N,) is each accelerator's number in
    the whole cluster, ``domain_site`` (D,) the cluster's number of each domain's site. With several
    sites the top level has one unit per site, and nothing narrow between them.
    """

    topology: Topology
    sites: tuple[int, ...]
    gpu: IntArray
    domain_site: IntArray

    def local(self, gpu: IntArray) -> IntArray:
        """Numbers in this view of accelerators given by their numbers in the cluster."""
        return np.searchsorted(self.gpu, gpu)


def has_sites(topology: Topology) -> bool:
    """Whether the cluster spans several sites."""
    return topology.levels[-1].kind is LevelKind.SCALE_ACROSS


def site_of_domains(topology: Topology) -> IntArray:
    """(D,) the site of each domain."""
    if not has_sites(topology):
        return np.zeros(topology.num_domains, dtype=np.int64)
    return topology.domain_unit[:, -2]


def within_sites(topology: Topology, sites: Sequence[int]) -> SiteView:
    """The part of a cluster that stands at some of its sites, those in file order."""
    chosen = tuple(sorted(sites))
    site = site_of_domains(topology)
    domains = np.flatnonzero(np.isin(site, chosen))
    starts, sizes = topology.domain_first_gpu[domains], topology.domain_gpus[domains]
    first = _starts(sizes)
    gpu = np.repeat(starts - first, sizes) + np.arange(int(sizes.sum()))
    kinds, generation = np.unique(topology.domain_generation[domains], return_inverse=True)
    unit, unit_first_domain = _units(topology, domains)
    uplink = topology.domain_uplink_bytes_per_s[domains, : unit.shape[1]].copy()
    uplink[:, -1] = 0.0
    unit_gpus = [
        int(np.add.reduceat(sizes, edges[:-1]).max()) if level >= topology.domain_level else 0
        for level, edges in enumerate(unit_first_domain)
    ]
    generation_levels = tuple(
        _levels(topology.generation_levels[kind], uplink[generation == number], unit_gpus)
        for number, kind in enumerate(kinds.tolist())
    )
    local = replace(
        topology,
        accelerators=tuple(topology.accelerators[kind] for kind in kinds.tolist()),
        levels=slowest_levels(generation_levels),
        generation_levels=generation_levels,
        sites=(topology.sites[chosen[0]],),
        site_links=(),
        domain_gpus=sizes,
        domain_usable=topology.domain_usable[domains],
        domain_first_gpu=first,
        domain_first_host=_starts(sizes // topology.domain_gpus_per_host[domains]),
        domain_generation=generation.astype(np.int64),
        domain_gpus_per_host=topology.domain_gpus_per_host[domains],
        domain_unit=unit,
        domain_uplink_bytes_per_s=uplink,
        unit_first_domain=unit_first_domain,
        gpu_state=topology.gpu_state[gpu],
    )
    return SiteView(topology=local, sites=chosen, gpu=gpu, domain_site=site[domains])


def _units(topology: Topology, domains: IntArray) -> tuple[IntArray, tuple[IntArray, ...]]:
    """Units of every level inside a site, numbered anew from the domain's level on."""
    depth = len(topology.levels) - has_sites(topology)
    unit = topology.domain_unit[domains, :depth].copy()
    tables: list[IntArray] = []
    for level in range(depth):
        if level < topology.domain_level:
            tables.append(np.arange(len(domains) + 1))
            continue
        _, unit[:, level] = np.unique(unit[:, level], return_inverse=True)
        tables.append(np.searchsorted(unit[:, level], np.arange(unit[-1, level] + 2)))
    return unit, tuple(tables)


def _levels(
    levels: tuple[Level, ...], uplink: np.ndarray, unit_gpus: Sequence[int]
) -> tuple[Level, ...]:
    """Levels as one generation meets them at these sites, at its narrowest place."""
    found = []
    for index, gpus in enumerate(unit_gpus):
        level = levels[index]
        if level.kind is LevelKind.SCALE_OUT:
            rate = float(uplink[:, index - 1].min())
            level = replace(level, bandwidth_bytes_per_s=rate, num_accelerators=gpus)
        found.append(level)
    return tuple(found)


def _starts(sizes: IntArray) -> IntArray:
    return np.asarray(np.cumsum(sizes) - sizes)
