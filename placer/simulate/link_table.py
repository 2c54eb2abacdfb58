"""Every link a plan's ranks may use, with its capacity: ports, NICs, uplinks, lines between sites.

Links are full duplex; each direction is a link of its own. They are numbered in blocks, one block
per kind and direction, so that a link's number follows from the accelerator or unit it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from placer.cost.constants import Constants
from placer.cost.links import LevelLink, link_levels
from placer.plan.ranks import units_of_gpus
from placer.simulate.routes import SiteRoutes
from placer.topology.level import LevelKind
from placer.topology.tree import Topology

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBlock:
    """Links of one kind and direction: ``capacity_bytes_per_s`` (K,) numbered from ``first``."""

    name: str
    first: int
    capacity_bytes_per_s: FloatArray


class LinkTable:
    """The links of a cluster.

    Inside a scale-up domain every accelerator has a port at each level; outside, a NIC, and each
    unit of a network level an uplink that its members share: one per rail at the innermost network
    level of a rail-optimised fabric (each rail has its own leaf switches), one beyond. Sites are
    joined by their lines. Capacities are nominal; what software reaches is a property of a transfer.
    """

    def __init__(self, topology: Topology, constants: Constants) -> None:
        self.topology = topology
        self.domain_level = topology.domain_level
        self.links: tuple[LevelLink, ...] = link_levels(topology.levels, constants)
        self.routes = SiteRoutes(topology)
        self.blocks: list[LinkBlock] = []
        self._first: dict[tuple[str, bool], int] = {}
        self._add_ports()
        self._add_nics()
        self._add_uplinks()
        self._add_lines()

    @cached_property
    def capacity_bytes_per_s(self) -> FloatArray:
        """Of every link, in number order."""
        return np.concatenate([block.capacity_bytes_per_s for block in self.blocks])

    @cached_property
    def units(self) -> IntArray:
        """(L, N) the unit of each level that holds each accelerator, inner to outer."""
        every = np.arange(self.topology.num_accelerators)
        return np.stack(units_of_gpus(self.topology, every))

    def meeting_level(self, source: IntArray, target: IntArray) -> IntArray:
        """Innermost level one unit of which holds both accelerators."""
        together = self.units[:, source] == self.units[:, target]
        return np.asarray(np.argmax(together, axis=0), dtype=np.int64)

    def port(self, level: int, gpu: IntArray, *, out: bool) -> IntArray:
        """Number of an accelerator's port at a scale-up level."""
        return self._first[f"port{level}", out] + gpu

    def nic(self, gpu: IntArray, *, out: bool) -> IntArray:
        """Number of an accelerator's NIC."""
        return self._first["nic", out] + gpu

    def uplink(self, level: int, gpu: IntArray, *, out: bool) -> IntArray:
        """Number of the uplink by which an accelerator leaves its unit of a network level."""
        rails = self._rails(level)
        rail = self.topology.rail_of(gpu) % rails
        unit = np.asarray(self.units[level, gpu], dtype=np.int64)
        return self._first[f"up{level}", out] + unit * rails + rail

    def site(self, gpu: IntArray) -> IntArray:
        """The site of each accelerator."""
        if self.routes.num_sites == 1:
            return np.zeros_like(gpu)
        return np.asarray(self.units[-2, gpu], dtype=np.int64)

    def line(self, index: int, *, out: bool) -> int:
        """Number of a line between sites, in the direction it is stated or the other."""
        return self._first["line", out] + index

    @property
    def first_network_link(self) -> int:
        """Number of the first link outside the domains: ports come first."""
        return self.topology.num_accelerators * 2 * (self.domain_level + 1)

    @property
    def num_private(self) -> int:
        """Links that belong to one accelerator: ports and NICs, numbered first."""
        networked = self.domain_level < len(self.links) - 1
        return self.first_network_link + 2 * self.topology.num_accelerators * networked

    @property
    def sites_level(self) -> int:
        """The level at which sites meet; -1 where there is one."""
        return len(self.links) - 1 if self.routes.num_sites > 1 else -1

    @property
    def outermost_uplink(self) -> int:
        """The last level whose units have an uplink."""
        return self._uplink_levels().stop - 1

    def _rails(self, level: int) -> int:
        innermost = level == self.domain_level + 1
        return max(self.topology.levels[level].rails, 1) if innermost else 1

    def _add(self, key: str, name: str, capacity_bytes_per_s: FloatArray) -> None:
        for out in (True, False):
            first = sum(len(block.capacity_bytes_per_s) for block in self.blocks)
            self._first[key, out] = first
            self.blocks.append(
                LinkBlock(name=name, first=first, capacity_bytes_per_s=capacity_bytes_per_s)
            )

    def _per_gpu(self, per_domain: FloatArray) -> FloatArray:
        return np.repeat(per_domain, self.topology.domain_gpus)

    def _add_ports(self) -> None:
        topology = self.topology
        for level in range(self.domain_level + 1):
            rates = [levels[level].bandwidth_bytes_per_s for levels in topology.generation_levels]
            name = f"{topology.levels[level].name} port"
            self._add(
                f"port{level}", name, self._per_gpu(np.array(rates)[topology.domain_generation])
            )

    def _add_nics(self) -> None:
        if self.domain_level < len(self.topology.levels) - 1:
            rate = self.topology.domain_uplink_bytes_per_s[:, self.domain_level]
            self._add("nic", "NIC", self._per_gpu(rate))

    def _add_uplinks(self) -> None:
        topology = self.topology
        for level in self._uplink_levels():
            rails = self._rails(level)
            rates = np.repeat(topology.uplink_bytes_per_s(level) / rails, rails)
            self._add(f"up{level}", f"{topology.levels[level].name} uplink", rates)

    def _uplink_levels(self) -> range:
        """Network levels with something of the same site outside."""
        across = self.topology.levels[-1].kind is LevelKind.SCALE_ACROSS
        return range(self.domain_level + 1, len(self.topology.levels) - 1 - across)

    def _add_lines(self) -> None:
        if self.routes.num_sites > 1:
            rates = [link.bandwidth_bytes_per_s for link in self.topology.site_links]
            self._add("line", "site line", np.array(rates))
