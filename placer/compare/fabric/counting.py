"""From a cluster to its parts: what its network must be built of, level by level."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.compare.fabric.clos import Tier, Uplinks, down_ports, joining_tiers, leaf_tiers
from placer.compare.fabric.inventory import Accelerators, Inventory, LinkTier, SwitchTier
from placer.spec.hierarchy.layout import resolve_layout
from placer.spec.switch import Medium, SwitchSpec, fabric_facts, usual_switch
from placer.topology.build import gpu_states
from placer.topology.tree import GpuState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.spec.cluster import ClusterSpec, FabricLevelSpec, ScaleOutSpec
    from placer.spec.hierarchy.layout import ClusterLayout, UnitTable

HOSTS: Final = "hosts"


def inventory(spec: ClusterSpec) -> Inventory:
    """Count a cluster's accelerators, hosts, switches, links and optical modules.

    Links between sites are not counted.

    Raises
    ------
    InfeasibleError
        When its switches cannot join a level.
    """
    layout = resolve_layout(spec)
    counted = _Network(spec, layout) if spec.scale_out is not None else None
    return Inventory(
        num_gpus=layout.num_gpus,
        num_hosts=layout.num_hosts,
        accelerators=_accelerators(layout),
        switches=counted.switches() if counted else (),
        links=counted.links() if counted else (),
        pue=_pue(spec),
    )


def _accelerators(layout: ClusterLayout) -> tuple[Accelerators, ...]:
    """Each kind, in order of first appearance."""
    hosts = fabric_facts().hosts
    counts: Counter[str] = Counter()
    kinds = {}
    for run in layout.runs:
        hardware = layout.hardware[run.hardware]
        counts[hardware.accelerator.key] += run.num_domains * hardware.domain_gpus
        kinds[hardware.accelerator.key] = hardware.accelerator
    return tuple(
        Accelerators(
            key=key,
            count=count,
            power_w=kinds[key].power_w,
            host_w=hosts[key].value if key in hosts else None,
        )
        for key, count in counts.items()
    )


def _pue(spec: ClusterSpec) -> float:
    """Of the sites that state one, weighted alike; else what travels with placer."""
    stated = [site.pue for site in spec.sites if site.pue > 1.0]
    return sum(stated) / len(stated) if stated else fabric_facts().pue.value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """One unit of a level in one plane.

    Its host ports, units inside, the links that arrive from them, and those it sends up.
    """

    endpoints: int
    children: int
    arriving: int
    uplinks: Uplinks


class _Network:
    """Counts one cluster's network; the same arrangement in each plane."""

    def __init__(self, spec: ClusterSpec, layout: ClusterLayout) -> None:
        assert spec.scale_out is not None
        self.network: ScaleOutSpec = spec.scale_out
        self.layout = layout
        self.chosen = [self._switch(level) for level in self.network.levels]
        self.rates = [self._uplink_rate(index) for index in range(len(self.chosen))]
        spares = np.asarray(gpu_states(spec, layout)) == GpuState.SPARE
        self.gpus_before = np.concatenate([[0], np.cumsum(~spares)])
        self.tiers: dict[tuple[int, int], Tier] = {}
        for index, units in enumerate(self._units()):
            for unit in units:
                self._add(index, unit)

    def switches(self) -> tuple[SwitchTier, ...]:
        """Switches of each tier, inner to outer."""
        return tuple(
            SwitchTier(
                level=self.network.levels[index].name,
                tier=tier,
                switch=self.chosen[index],
                count=counted.num_switches * self.network.planes,
            )
            for (index, tier), counted in sorted(self.tiers.items())
        )

    def links(self) -> tuple[LinkTier, ...]:
        """Links up into each tier, inner to outer."""
        below, found = HOSTS, []
        for (index, tier), counted in sorted(self.tiers.items()):
            medium = self._medium(index, below)
            rate = self.network.nic if below == HOSTS else self.rates[index]
            name = self.network.levels[index].name
            found.append(
                LinkTier(
                    level=name,
                    tier=tier,
                    below=below,
                    count=counted.num_links * self.network.planes,
                    rate_bytes_per_s=rate,
                    medium=medium,
                    power_per_gbit_w=fabric_facts().media[medium].power_per_gbit.value,
                )
            )
            below = name
        return tuple(found)

    def _switch(self, level: FabricLevelSpec) -> SwitchSpec:
        chosen = level.switch or self.network.switch
        return chosen or usual_switch(self.network.link, self.network.nic)

    def _uplink_rate(self, index: int) -> float:
        """Rate of the links into a level: whole ports, split where only that joins its units."""
        if index == 0:
            return self.network.nic
        whole = min(self.chosen[max(index - 1, 0)].rate, self.chosen[index].rate)
        narrow = min(self.network.nic, whole)
        top = index == len(self.chosen) - 1
        ratio = None if top else max(self.layout.tables[index].oversubscription)
        room = down_ports(self.chosen[index].ports_at(whole), ratio)
        return whole if max(self._children(index)) <= room else narrow

    def _medium(self, index: int, below: str) -> Medium:
        """As the file says; else copper where the first switch stands in the hosts' rack."""
        stated = self.network.levels[index].medium or self.network.medium
        if stated is not None or below != HOSTS:
            return stated or Medium.DSP
        starts = [self.layout.host_at_domain(d) for d in self.layout.tables[0].first_domain]
        most = max(after - before for before, after in pairwise(starts))
        return Medium.COPPER if most <= fabric_facts().rack_hosts.value else Medium.DSP

    def _units(self) -> Iterator[list[_Unit]]:
        """Units of each level, inner to outer: uplinks carry the host ports over oversubscription.

        Spares have ports and send nothing while they wait.
        """
        below = [(1.0, 0)] * len(self.layout.tables[0])
        for index, table in enumerate(self.layout.tables):
            if index:
                below = self._joined(index, below)
            top = index == len(self.layout.tables) - 1
            rate = self.rates[min(index + 1, len(self.rates) - 1)]
            units, sent = [], []
            for number, children in enumerate(self._children(index)):
                ratio, arriving = below[number]
                gpus, busy = self._gpus(table, number)
                ratio *= table.oversubscription[number]
                up = 0 if top else self._links(busy * self.network.nic / rate / ratio)
                unit = _Unit(
                    endpoints=self._links(gpus),
                    children=children,
                    arriving=arriving,
                    uplinks=Uplinks(
                        count=up,
                        radix=self.chosen[index].ports_at(rate),
                        oversubscription=None if top else table.oversubscription[number],
                    ),
                )
                units.append(unit)
                sent.append((ratio, up))
            yield units
            below = sent

    def _joined(self, index: int, below: list[tuple[float, int]]) -> list[tuple[float, int]]:
        """Per unit of a level the least oversubscription inside, and all links that arrive."""
        table, inner = self.layout.tables[index], self.layout.tables[index - 1]
        joined = [(math.inf, 0)] * len(table)
        for domain, (ratio, sent) in zip(inner.first_domain, below, strict=False):
            unit = table.unit_of(domain)
            least, links = joined[unit]
            joined[unit] = (min(least, ratio), links + sent)
        return joined

    def _add(self, index: int, unit: _Unit) -> None:
        switch = self.chosen[index]
        radix = switch.ports_at(self.rates[index])
        if index == 0:
            found = leaf_tiers(
                unit.endpoints,
                self.network.rails,
                ports=switch.ports_at(self.network.nic),
                radix=radix,
                uplinks=unit.uplinks,
            )
        else:
            found = joining_tiers(unit.children, unit.arriving, radix=radix, uplinks=unit.uplinks)
        for number, tier in enumerate(found, start=1):
            before = self.tiers.get((index, number), Tier(num_switches=0, num_links=0))
            self.tiers[index, number] = Tier(
                num_switches=before.num_switches + tier.num_switches,
                num_links=before.num_links + tier.num_links,
            )

    def _gpus(self, table: UnitTable, unit: int) -> tuple[int, int]:
        """Accelerators of a unit, and those that are no spares."""
        first, last = (self.layout.gpu_at_domain(d) for d in table.first_domain[unit : unit + 2])
        return last - first, int(self.gpus_before[last] - self.gpus_before[first])

    def _links(self, gpus: float) -> int:
        """Links of so many accelerators in one plane."""
        return math.ceil(gpus * self.network.nics_per_accelerator / self.network.planes - 1e-9)

    def _children(self, index: int) -> list[int]:
        """Units of the level inside, in each unit of a level; none at the innermost."""
        table = self.layout.tables[index]
        if index == 0:
            return [0] * len(table)
        inner = self.layout.tables[index - 1].first_domain[:-1]
        counts = Counter(table.unit_of(domain) for domain in inner)
        return [counts[unit] for unit in range(len(table))]
