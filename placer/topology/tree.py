"""The cluster as arrays: which accelerators there are, where they sit, which can be used.

Domains (units of the outermost scale-up level) are numbered along the hierarchy, accelerators and
hosts domain by domain, so every unit of every level is a range of domains, hosts and accelerators.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from placer.spec.accelerator import Accelerator
from placer.spec.hierarchy.naming import ClusterNames
from placer.spec.site_facts import computers_w
from placer.topology.level import Level, LevelKind

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
StateArray = NDArray[np.int8]


class GpuState(IntEnum):
    """Whether an accelerator may be used, and why not."""

    USABLE = 0
    FAILED = 1
    DRAINED = 2
    EXCLUDED = 3
    SPARE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site; ``power_w`` is its whole budget, None where none is stated.

    ``cooling_w`` is the heat its cooling carries away, None where none is stated.
    """

    name: str
    power_w: float | None = None
    pue: float = 1.0
    cooling_w: float | None = None

    @property
    def computers_w(self) -> float | None:
        """What its computers may draw, None where no budget is stated; see ``spec.site_facts``."""
        return computers_w(self.power_w, self.pue, self.cooling_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLink:
    """A link between two sites, by number; bandwidth is one direction, what a plan may count on.

    Other traffic and the reserve are taken off. ``goodput`` is the share of it that its routers let
    through over the distance; link efficiency is in neither.
    """

    sites: tuple[int, int]
    bandwidth_bytes_per_s: float
    latency_s: float
    goodput: float = 1.0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topology:
    """A cluster of N accelerators in D domains on L levels (inner to outer), G generations.

    ``levels`` describe the slowest generation's way through the network; ``generation_levels`` the
    same for each generation. ``domain_gpus`` (D,) counts accelerators, ``domain_usable`` (D,) those
    that may be used, ``domain_first_gpu`` and ``domain_first_host`` (D,) where numbering starts,
    ``domain_generation`` (D,) indexes ``accelerators``, ``domain_gpus_per_host`` (D,).
    ``domain_unit`` (D, L) is the unit that holds the domain at each level: the domain itself at its
    own level, its first unit at scale-up levels inside it.
    ``domain_uplink_bytes_per_s`` (D, L) is what each accelerator can send out of its unit of a
    level, one direction, all oversubscription on the way counted; 0 where nothing is outside.
    ``unit_first_domain[l]`` (U_l + 1,) are the domains of each unit of level l, from the domain's
    level outwards (the domains themselves below it).
    ``gpu_state`` (N,) holds ``GpuState``.
    """

    name: str
    accelerators: tuple[Accelerator, ...]
    levels: tuple[Level, ...]
    generation_levels: tuple[tuple[Level, ...], ...]
    sites: tuple[Site, ...]
    site_links: tuple[SiteLink, ...]
    names: ClusterNames
    domain_gpus: IntArray
    domain_usable: IntArray
    domain_first_gpu: IntArray
    domain_first_host: IntArray
    domain_generation: IntArray
    domain_gpus_per_host: IntArray
    domain_unit: IntArray
    domain_uplink_bytes_per_s: FloatArray
    unit_first_domain: tuple[IntArray, ...]
    gpu_state: StateArray

    @property
    def num_domains(self) -> int:
        """Scale-up domains, usable or not."""
        return len(self.domain_gpus)

    @property
    def num_accelerators(self) -> int:
        """Accelerators, usable or not."""
        return len(self.gpu_state)

    @property
    def num_usable(self) -> int:
        """Accelerators that may be used."""
        return int(self.domain_usable.sum())

    @property
    def num_spares(self) -> int:
        """Accelerators held back."""
        return self.num_in_state(GpuState.SPARE)

    @property
    def num_unusable(self) -> int:
        """Accelerators failed, drained or excluded."""
        return self.num_accelerators - self.num_usable - self.num_spares

    @property
    def num_hosts(self) -> int:
        """Hosts, usable or not."""
        return int((self.domain_gpus // self.domain_gpus_per_host).sum())

    @property
    def domain_level(self) -> int:
        """Index of the outermost scale-up level."""
        return sum(level.kind is LevelKind.SCALE_UP for level in self.levels) - 1

    @property
    def domain_size(self) -> int:
        """Accelerators of the largest domain."""
        return int(self.domain_gpus.max())

    @property
    def gpus_per_host(self) -> int:
        """Accelerators of the largest host."""
        return int(self.domain_gpus_per_host.max())

    @property
    def is_regular(self) -> bool:
        """Whether all domains are alike and whole, and all units of each level equally large."""
        alike = all(len(np.unique(np.diff(first))) == 1 for first in self.unit_first_domain)
        whole = self.num_usable == self.num_accelerators
        return bool(whole and alike and len(np.unique(self.domain_generation)) == 1)

    def num_in_state(self, state: GpuState) -> int:
        """Accelerators in one state."""
        return int(np.count_nonzero(self.gpu_state == state))

    def num_units(self, level: int) -> int:
        """Units of a level; below the domain's level, domains."""
        return len(self.unit_first_domain[level]) - 1

    def unit_domains(self, level: int, unit: int) -> range:
        """Domains of one unit of a level."""
        first = self.unit_first_domain[level]
        return range(int(first[unit]), int(first[unit + 1]))

    def sum_over_units(self, level: int, per_domain: IntArray) -> IntArray:
        """Sum a figure per domain (D,) over each unit of a level; (U,)."""
        totals = np.concatenate([[0], np.cumsum(per_domain)])
        return np.asarray(np.diff(totals[self.unit_first_domain[level]]), dtype=np.int64)

    def usable_gpu_ids(self, domain: int) -> IntArray:
        """Cluster-wide numbers of the accelerators of a domain that may be used, ascending."""
        first = int(self.domain_first_gpu[domain])
        states = self.gpu_state[first : first + int(self.domain_gpus[domain])]
        return np.flatnonzero(states == GpuState.USABLE) + first

    def domain_of(self, gpu_ids: IntArray) -> IntArray:
        """The domain of each accelerator."""
        return np.searchsorted(self.domain_first_gpu, gpu_ids, side="right") - 1

    def host_of(self, gpu_ids: IntArray) -> IntArray:
        """The host of each accelerator."""
        domain = self.domain_of(gpu_ids)
        within = (gpu_ids - self.domain_first_gpu[domain]) // self.domain_gpus_per_host[domain]
        return np.asarray(self.domain_first_host[domain] + within, dtype=np.int64)

    def gpu_index_in_host(self, gpu_ids: IntArray) -> IntArray:
        """Position of each accelerator in its host, from 0."""
        domain = self.domain_of(gpu_ids)
        within = gpu_ids - self.domain_first_gpu[domain]
        return np.asarray(within % self.domain_gpus_per_host[domain], dtype=np.int64)

    def rail_of(self, gpu_ids: IntArray) -> IntArray:
        """The rail of each accelerator, 0 where the network has none."""
        return self.gpu_index_in_host(gpu_ids) % self.levels[-1].rails

    def site_of(self, domain: int) -> int:
        """Number of the site of a domain."""
        if len(self.sites) == 1:
            return 0
        return int(self.domain_unit[domain, len(self.levels) - 2])

    def host_name(self, host: int) -> str:
        """Name of a host."""
        return self.names.host_name(host)

    def host_names(self, hosts: Iterable[int]) -> tuple[str, ...]:
        """Names of hosts."""
        return tuple(self.names.host_name(host) for host in hosts)

    def domain_name(self, domain: int) -> str:
        """Name of a domain; its host's where it is one host."""
        return self.names.domain_name(domain)

    def unit_name(self, level: int, unit: int) -> str:
        """Name of one unit of a level, from the domain's level outwards."""
        if level <= self.domain_level:
            return self.names.domain_name(unit)
        tables = self.names.layout.tables
        outside = level - self.domain_level - 1
        return tables[outside].unit_name(unit) if outside < len(tables) else self.name

    def bottleneck_levels(self) -> tuple[int, ...]:
        """Network levels whose uplink, somewhere, is narrower than what is inside."""
        return tuple(
            level
            for level in range(self.domain_level + 1, len(self.levels) - 1)
            if np.any(
                self.domain_uplink_bytes_per_s[:, level]
                < self.domain_uplink_bytes_per_s[:, level - 1] * (1 - 1e-9)
            )
        )

    def pod_level(self) -> int:
        """The level whose units the solver counts cells in: the innermost bottleneck.

        Where nothing is narrower outside, the outermost level of one site.
        """
        bottlenecks = self.bottleneck_levels()
        if bottlenecks:
            return bottlenecks[0]
        sites = self.levels[-1].kind is LevelKind.SCALE_ACROSS
        return len(self.levels) - 2 if sites else len(self.levels) - 1

    def pod_of(self, domain: int) -> int:
        """The solver's pod that holds a domain."""
        return int(self.domain_unit[domain, self.pod_level()])

    def uplink_bytes_per_s(self, level: int) -> FloatArray:
        """What each unit of a level can send out, all its accelerators together; (U,)."""
        level = max(level, self.domain_level)
        per_domain = self.domain_uplink_bytes_per_s[:, level] * self.domain_gpus
        totals = np.concatenate([[0.0], np.cumsum(per_domain)])
        return np.asarray(np.diff(totals[self.unit_first_domain[level]]))
