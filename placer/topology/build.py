"""From a cluster file to its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from placer.spec.accelerator import Accelerator
from placer.spec.cluster import ClusterSpec, FabricLevelSpec, ScaleOutSpec
from placer.spec.hierarchy.findings import Findings
from placer.spec.hierarchy.hardware import ScaleUpLevel
from placer.spec.hierarchy.layout import ClusterLayout, resolve_layout
from placer.spec.hierarchy.naming import cluster_names
from placer.spec.hierarchy.outages import OutageKind, find_outages
from placer.spec.hierarchy.sites import link_latency_s, site_paths, usable_bytes_per_s
from placer.spec.interconnect import DCI_LINK
from placer.spec.site_facts import site_facts
from placer.topology.level import Level, LevelKind
from placer.topology.tree import (
    FloatArray,
    GpuState,
    IntArray,
    Site,
    SiteLink,
    StateArray,
    Topology,
)

SITES_LEVEL = "sites"

_STATES = {
    OutageKind.FAILED: GpuState.FAILED,
    OutageKind.DRAINED: GpuState.DRAINED,
    OutageKind.EXCLUDED: GpuState.EXCLUDED,
    OutageKind.SPARE: GpuState.SPARE,
}


def build_topology(spec: ClusterSpec) -> Topology:
    """Build the arrays of a cluster; 131,072 accelerators take milliseconds.

    Domains, hosts and accelerators are numbered in file order.
    """
    layout = resolve_layout(spec)
    columns = _DomainColumns(spec, layout)
    state = gpu_states(spec, layout)
    accelerators = generations_of(layout)
    generations = tuple(
        _levels(spec, layout, columns, generation) for generation in range(len(accelerators))
    )
    return Topology(
        name=spec.name,
        accelerators=accelerators,
        levels=slowest_levels(generations),
        generation_levels=generations,
        sites=_sites(spec),
        site_links=_site_links(spec),
        names=cluster_names(spec, layout),
        domain_gpus=columns.gpus,
        domain_usable=np.add.reduceat(state == GpuState.USABLE, columns.first_gpu, dtype=np.int64),
        domain_first_gpu=columns.first_gpu,
        domain_first_host=columns.first_host,
        domain_generation=columns.generation,
        domain_gpus_per_host=columns.gpus_per_host,
        domain_unit=columns.unit,
        domain_uplink_bytes_per_s=columns.uplink_bytes_per_s,
        unit_first_domain=columns.unit_first_domain,
        gpu_state=state,
    )


def gpu_states(spec: ClusterSpec, layout: ClusterLayout) -> StateArray:
    """State of each accelerator; of several outages the first kind counts; (N,)."""
    states = np.full(layout.num_gpus, GpuState.USABLE, dtype=np.int8)
    for outage in find_outages(spec, layout, Findings()):
        part = states[outage.gpus.start : outage.gpus.stop]
        part[part == GpuState.USABLE] = _STATES[outage.kind]
    return states


class _DomainColumns:
    """Everything that is one figure per domain; names as in ``Topology``."""

    def __init__(self, spec: ClusterSpec, layout: ClusterLayout) -> None:
        kinds = np.array([run.hardware for run in layout.runs], dtype=np.int64)
        counts = np.array([run.num_domains for run in layout.runs], dtype=np.int64)
        self.hardware = np.repeat(kinds, counts)
        self.gpus = self._each([h.domain_gpus for h in layout.hardware])
        self.gpus_per_host = self._each([h.gpus_per_host for h in layout.hardware])
        self.first_gpu = _starts(self.gpus)
        self.first_host = _starts(self.gpus // self.gpus_per_host)
        keys = [accelerator.key for accelerator in generations_of(layout)]
        present = [h.accelerator.key for h in layout.hardware]
        self.generation = self._each([keys.index(k) if k in keys else 0 for k in present])
        self.unit_first_domain = self._unit_first_domain(spec, layout)
        self.unit = self._unit(layout)
        self.uplink_bytes_per_s = self._uplink(spec, layout)

    def _each(self, per_hardware: Sequence[int]) -> IntArray:
        """Give each domain its hardware's figure; (D,)."""
        return np.array(per_hardware, dtype=np.int64)[self.hardware]

    def _unit_first_domain(self, spec: ClusterSpec, layout: ClusterLayout) -> tuple[IntArray, ...]:
        num_domains = layout.num_domains
        inside = [np.arange(num_domains + 1)] * len(layout.hardware[0].scale_up)
        tables = [np.array(table.first_domain, dtype=np.int64) for table in layout.tables]
        across = [np.array([0, num_domains], dtype=np.int64)] if len(spec.sites) > 1 else []
        return (*inside, *tables, *across)

    def _unit(self, layout: ClusterLayout) -> IntArray:
        depth = len(layout.hardware[0].scale_up)
        sizes = [[h.scale_up[i].num_accelerators for h in layout.hardware] for i in range(depth)]
        inside = [_starts(self.gpus // self._each(size)) for size in sizes]
        tables = [
            np.repeat(np.arange(len(first) - 1), np.diff(first))
            for first in self.unit_first_domain[depth:]
        ]
        return np.column_stack([*inside, *tables])

    def _uplink(self, spec: ClusterSpec, layout: ClusterLayout) -> FloatArray:
        """Per accelerator, out of each level's unit; (D, L).

        Inside a domain that is the next scale-up level's link. The NIC is what leaves a domain;
        each unit passed divides it by its oversubscription, and other tenants of a level take
        their share there. Between sites, the widest route to the worst-connected other site is
        shared by the accelerators of the smaller of the two.
        """
        depth, num_levels = len(layout.hardware[0].scale_up), len(self.unit_first_domain)
        uplink = np.zeros((layout.num_domains, num_levels))
        for outer in range(1, depth):
            rates = [h.scale_up[outer].bandwidth_bytes_per_s for h in layout.hardware]
            uplink[:, outer - 1] = np.array(rates)[self.hardware]
        rate = np.array([h.nic_bytes_per_s for h in layout.hardware])[self.hardware]
        fabric = spec.scale_out.levels if spec.scale_out else ()
        for index, level in enumerate(fabric):
            uplink[:, depth + index - 1] = rate * (1 - level.background_load)
            table = layout.tables[index]
            ratios = np.array(table.oversubscription)
            rate = rate / np.repeat(ratios, np.diff(table.first_domain))
        if len(spec.sites) > 1:
            uplink[:, num_levels - 2] = np.minimum(rate, self._site_share(spec))
        return uplink

    def _site_share(self, spec: ClusterSpec) -> FloatArray:
        """Per accelerator, to the worst-connected other site; (D,)."""
        first = self.unit_first_domain[-2]
        gpus = np.diff(np.concatenate([[0], np.cumsum(self.gpus)])[first])
        share = np.full(len(spec.sites), np.inf)
        for (a, b), path in site_paths(spec).items():
            rate = path.bandwidth_bytes_per_s / min(gpus[a], gpus[b])
            share[[a, b]] = np.minimum(share[[a, b]], rate)
        return np.repeat(share, np.diff(first))


def generations_of(layout: ClusterLayout) -> tuple[Accelerator, ...]:
    """Accelerators present, in order of first appearance."""
    kinds = [layout.hardware[run.hardware].accelerator for run in layout.runs]
    return tuple({accelerator.key: accelerator for accelerator in kinds}.values())


def _starts(sizes: IntArray) -> IntArray:
    return np.cumsum(sizes) - sizes


def _levels(
    spec: ClusterSpec, layout: ClusterLayout, columns: _DomainColumns, generation: int
) -> tuple[Level, ...]:
    """Levels as one generation meets them, at its narrowest place."""
    mine = columns.generation == generation
    kinds = [layout.hardware[kind] for kind in np.unique(columns.hardware[mine])]
    depth = len(kinds[0].scale_up)
    levels = [_scale_up_level([kind.scale_up[i] for kind in kinds]) for i in range(depth)]
    uplink = columns.uplink_bytes_per_s[mine].min(axis=0)
    cumulative = np.concatenate([[0], np.cumsum(columns.gpus)])
    sizes = [int(np.diff(cumulative[first]).max()) for first in columns.unit_first_domain]
    if spec.scale_out is not None:
        levels += [
            _fabric_level(spec.scale_out, level, sizes[index], float(uplink[index - 1]))
            for index, level in enumerate(spec.scale_out.levels, start=depth)
        ]
    if len(spec.sites) > 1:
        latency_s = max(path.latency_s for path in site_paths(spec).values())
        levels.append(
            Level(
                name=SITES_LEVEL,
                kind=LevelKind.SCALE_ACROSS,
                num_accelerators=sizes[-1],
                bandwidth_bytes_per_s=float(uplink[len(sizes) - 2]),
                latency_s=latency_s,
                link=DCI_LINK,
            )
        )
    return tuple(levels)


def _scale_up_level(kinds: Sequence[ScaleUpLevel]) -> Level:
    narrowest = min(kinds, key=lambda level: level.bandwidth_bytes_per_s)
    return Level(
        name=kinds[0].name,
        kind=LevelKind.SCALE_UP,
        num_accelerators=max(level.num_accelerators for level in kinds),
        bandwidth_bytes_per_s=narrowest.bandwidth_bytes_per_s,
        latency_s=max(level.latency_s for level in kinds),
        link=narrowest.link.value,
        shape=narrowest.shape,
        in_network_reduction=all(level.in_network_reduction for level in kinds),
        dims=narrowest.dims,
    )


def _fabric_level(
    network: ScaleOutSpec, level: FabricLevelSpec, num_accelerators: int, rate_bytes_per_s: float
) -> Level:
    return Level(
        name=level.name,
        kind=LevelKind.SCALE_OUT,
        num_accelerators=num_accelerators,
        bandwidth_bytes_per_s=rate_bytes_per_s,
        latency_s=level.latency,
        link=network.link.value,
        in_network_reduction=network.in_network_reduction,
        routing=level.routing or network.routing,
        rails=network.rails,
        planes=network.planes,
    )


def slowest_levels(generations: tuple[tuple[Level, ...], ...]) -> tuple[Level, ...]:
    """Per level, the generation with the least bandwidth; the longest latency, the largest size."""
    return tuple(
        replace(
            min(alike, key=lambda level: level.bandwidth_bytes_per_s),
            name=alike[0].name,
            num_accelerators=max(level.num_accelerators for level in alike),
            latency_s=max(level.latency_s for level in alike),
        )
        for alike in zip(*generations, strict=True)
    )


def _sites(spec: ClusterSpec) -> tuple[Site, ...]:
    stated = tuple(
        Site(name=s.name, power_w=s.power, pue=s.pue, cooling_w=s.cooling) for s in spec.sites
    )
    return stated or (Site(name=spec.name),)


def _site_links(spec: ClusterSpec) -> tuple[SiteLink, ...]:
    number = {site.name: index for index, site in enumerate(spec.sites)}
    return tuple(
        SiteLink(
            sites=(number[link.between[0]], number[link.between[1]]),
            bandwidth_bytes_per_s=usable_bytes_per_s(link),
            latency_s=link_latency_s(link),
            goodput=1.0 if link.router is None else site_facts().router_goodput[link.router].value,
            name=link.name or "-".join(link.between),
        )
        for link in spec.links
    )
