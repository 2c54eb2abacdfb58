"""The sites of a cluster and the links between them as a person would want to see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from placer.spec.cluster import Redundancy
from placer.spec.hierarchy.sites import link_latency_s, usable_bytes_per_s
from placer.spec.site_facts import draw_w, site_facts
from placer.units import format_bit_rate, format_percent, format_power, format_time

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec, LinkSpec, SiteSpec
    from placer.topology.tree import Topology


def site_rows(cluster: ClusterSpec, topology: Topology) -> Iterator[tuple[str, str]]:
    """Each site with what stands there, its budgets and what it draws at most."""
    if len(topology.sites) == 1:
        return
    level = len(topology.levels) - 2
    gpus = topology.sum_over_units(level, topology.domain_gpus).tolist()
    draws = _draws_w(topology, level)
    for index, site in enumerate(cluster.sites):
        limit_w = topology.sites[index].computers_w
        yield site.name, f"{gpus[index]:,} accelerators{_budget(site, limit_w, draws[index])}"


def link_rows(cluster: ClusterSpec) -> Iterator[tuple[str, str]]:
    """Each link: its rate, its length, what a plan may count on."""
    for link in cluster.links:
        name = (
            f"{link.name} ({' - '.join(link.between)})" if link.name else " - ".join(link.between)
        )
        yield name, ", ".join(_link_parts(link))


def _draws_w(topology: Topology, level: int) -> list[float | None]:
    """What the accelerators of each site draw at work with hosts and network, None if unknown."""
    draws: list[float | None] = []
    for unit in range(topology.num_units(level)):
        total: float | None = 0.0
        for domain in topology.unit_domains(level, unit):
            part = topology.accelerators[int(topology.domain_generation[domain])]
            each = draw_w(part)
            if each is None or total is None:
                total = None
                break
            total += each * int(topology.domain_gpus[domain])
        draws.append(total)
    return draws


def _budget(site: SiteSpec, limit_w: float | None, drawn_w: float | None) -> str:
    parts = []
    if site.power is not None:
        parts.append(f"{format_power(site.power)} in all at PUE {site.pue:g}")
    if site.cooling is not None:
        parts.append(f"cooling for {format_power(site.cooling)}")
    if site.racks is not None and site.hosts_per_rack is not None:
        parts.append(f"{site.racks:,} racks of {site.hosts_per_rack} hosts")
    if limit_w is not None and drawn_w is None:
        parts.append("what its accelerators draw is not published")
    elif limit_w is not None and drawn_w is not None:
        parts.append(
            f"{format_power(limit_w)} for computers, which draw {format_power(drawn_w)} at most "
            f"({format_percent(drawn_w / limit_w)})"
        )
        if drawn_w > limit_w:
            parts.append("so they cannot all run at once")
    return "".join(f", {part}" for part in parts)


def _link_parts(link: LinkSpec) -> Iterator[str]:
    yield f"{format_bit_rate(link.bandwidth)} each way"
    length = f"{link.distance / 1000:g} km, " if link.distance is not None else ""
    yield f"{length}{format_time(link_latency_s(link))} one way"
    if link.lines > 1:
        reserve = ", one in reserve" if link.redundancy is Redundancy.N_MINUS_1 else ""
        yield f"{link.lines} lines{reserve}"
    if link.background_load:
        yield f"{format_percent(link.background_load)} other traffic"
    kinds = [str(kind) for kind in (link.optics, link.router) if kind is not None]
    if kinds:
        yield " and ".join(kind.replace("_", " ") for kind in kinds)
    free = usable_bytes_per_s(link)
    if link.router is not None:
        free *= site_facts().router_goodput[link.router].value
    if free < link.bandwidth:
        yield f"{format_bit_rate(free)} left for a plan"
