"""Hosts kept free of training for the work beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.search.side_work import Place, place_side_work
from placer.spec.cluster import OutageSpec
from placer.spec.side_work import gpus_of
from placer.topology.tree import GpuState

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec
    from placer.spec.side_work import WorkSpec
    from placer.topology.tree import IntArray, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where work stands: ``sites`` by number and ``hosts`` by name, one entry per piece of work."""

    sites: tuple[int, ...]
    hosts: tuple[tuple[str, ...], ...]


def make_room(works: Sequence[WorkSpec], topology: Topology, distances: Sequence[int]) -> Room:
    """Choose sites and hosts: at each site the last whole ones, so that training keeps the first.

    Raises
    ------
    InfeasibleError
        When the sites have no room.
    """
    hosts = whole_hosts(topology)
    places = [
        Place(
            name=site.name,
            hosts=len(hosts[number]),
            gpus_per_host=topology.gpus_per_host,
            distance=distances[number],
        )
        for number, site in enumerate(topology.sites)
    ]
    sites = place_side_work(works, places)
    free = [list(names) for names in hosts]
    taken = []
    for work, site in zip(works, sites, strict=True):
        count = places[site].hosts_for(gpus_of(work))
        chosen = [free[site].pop() for _ in range(count)]
        taken.append(topology.host_names(sorted(chosen)))
    return Room(sites=sites, hosts=tuple(taken))


def whole_hosts(topology: Topology) -> list[list[int]]:
    """Of each site the hosts of full size with nothing out of use, ascending."""
    gpus = np.arange(topology.num_accelerators)
    host = topology.host_of(gpus)
    usable = np.bincount(host, topology.gpu_state == GpuState.USABLE, topology.num_hosts)
    whole = np.flatnonzero(usable == topology.gpus_per_host)
    site = _site_of_host(topology, host)
    return [whole[site[whole] == number].tolist() for number in range(len(topology.sites))]


def without_hosts(cluster: ClusterSpec, hosts: Mapping[str, Sequence[str]]) -> ClusterSpec:
    """The cluster with these hosts excluded from training, by the work that takes them."""
    outages = tuple(
        OutageSpec(units=tuple(names), reason=f"side work: {work}")
        for work, names in hosts.items()
        if names
    )
    return cluster.model_copy(update={"excluded": (*cluster.excluded, *outages)})


def _site_of_host(topology: Topology, host: IntArray) -> IntArray:
    """(hosts,) the site of each host."""
    sites = np.zeros(topology.num_hosts, dtype=np.int64)
    if len(topology.sites) > 1:
        domain = topology.domain_of(np.arange(topology.num_accelerators))
        sites[host] = topology.domain_unit[domain, len(topology.levels) - 2]
    return sites
