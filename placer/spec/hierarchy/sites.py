"""Sites and the links between them: what must be stated, and what the worst pair of sites gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.site_facts import computers_w, draw_w, site_facts
from placer.spec.suggest import did_you_mean
from placer.units import format_power, format_time

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec, LinkSpec, SiteSpec
    from placer.spec.hierarchy.hardware import Hardware
    from placer.spec.hierarchy.layout import ClusterLayout

FIBRE_DELAY_S_PER_M = 1.468 / 299_792_458
"""Light in standard single-mode fibre: group index 1.468 (ITU-T G.652), 4.9 us per km."""


RTT_TOLERANCE = 0.02
"""Round trips are told rounded, and fibre lengths too."""


@dataclass(frozen=True, slots=True)
class SitePath:
    """Best route between two sites: its narrowest link (bytes/s, one direction), one-way delay."""

    bandwidth_bytes_per_s: float
    latency_s: float


def link_latency_s(link: LinkSpec) -> float:
    """One-way delay: half the round trip where it is known, else the fibre's length."""
    if link.rtt is not None:
        return link.rtt / 2
    return (link.distance or 0.0) * FIBRE_DELAY_S_PER_M


def usable_bytes_per_s(link: LinkSpec) -> float:
    """What a plan may count on, one direction: other traffic and the reserve taken off.

    With ``n-1`` one of the link's lines is kept back.
    """
    kept = (link.lines - 1) / link.lines if link.redundancy == "n-1" else 1.0
    return link.bandwidth * kept * (1 - link.background_load)


def site_paths(spec: ClusterSpec) -> dict[tuple[int, int], SitePath]:
    """Widest route between each two sites; among equally wide ones, the shortest.

    Sites are numbered in file order, pairs ascending. Floyd-Warshall over (bandwidth, delay); at
    most 64 sites.
    """
    number = {site.name: index for index, site in enumerate(spec.sites)}
    best: dict[tuple[int, int], SitePath] = {}
    for link in spec.links:
        ends = (number[link.between[0]], number[link.between[1]])
        _keep_better(best, ends, SitePath(usable_bytes_per_s(link), link_latency_s(link)))
    for via in range(len(spec.sites)):
        for a in range(len(spec.sites)):
            for b in range(a):
                first, second = best.get(_pair(a, via)), best.get(_pair(via, b))
                if via not in (a, b) and first is not None and second is not None:
                    width = min(first.bandwidth_bytes_per_s, second.bandwidth_bytes_per_s)
                    _keep_better(best, (a, b), SitePath(width, first.latency_s + second.latency_s))
    return best


def check_sites(spec: ClusterSpec, findings: Findings) -> None:
    """Site names, the links' ends and lengths, and that every site can be reached."""
    names = [site.name for site in spec.sites]
    for index, name in enumerate(names):
        if name in names[:index]:
            remedy = "Rename one."
            findings.add(("sites", index, "name"), "a name no other site has", repr(name), remedy)
    if spec.links and not spec.sites:
        remedy = "List the sites, or remove links."
        findings.add(("links",), "sites to join", "none", remedy)
        return
    before = len(findings.items)
    for index, link in enumerate(spec.links):
        _check_link(link, names, ("links", index), findings)
    if len(findings.items) == before and len(set(names)) == len(names):
        reached = {b for a, b in site_paths(spec) if a == 0} | {0}
        for index in range(len(names)):
            if index not in reached:
                expected = f"a link, direct or not, to {names[0]}"
                remedy = "Add it under links, with its bandwidth and distance or rtt."
                findings.add(("sites", index), expected, "none", remedy)


def _check_link(link: LinkSpec, names: list[str], path: Path, findings: Findings) -> None:
    for end, name in enumerate(link.between):
        if name not in names:
            where = (*path, "between", end)
            findings.add(where, "a site", repr(name), did_you_mean(name, names))
    if link.between[0] == link.between[1]:
        remedy = "A link joins two sites."
        findings.add((*path, "between"), "two different sites", "the same twice", remedy)
    if link.distance is None and link.rtt is None:
        remedy = "Add distance: 80 km, or rtt: 1.2 ms."
        findings.add(path, "a distance or an rtt", "neither", remedy)
    if link.redundancy == "n-1" and link.lines == 1:
        remedy = "A single line leaves nothing when it fails: state its lines, or redundancy: none."
        findings.add((*path, "redundancy"), "at least 2 lines with n-1", "1", remedy)
    _check_lengths(link, path, findings)


def _check_lengths(link: LinkSpec, path: Path, findings: Findings) -> None:
    """Light is not outrun, and optics reach as far as the fibre."""
    if link.distance is not None and link.rtt is not None:
        least_s = 2 * link.distance * FIBRE_DELAY_S_PER_M
        if link.rtt < least_s * (1 - RTT_TOLERANCE):
            expected = f"at least {format_time(least_s)}, light there and back in this fibre"
            remedy = "One of rtt and distance is wrong."
            findings.add((*path, "rtt"), expected, format_time(link.rtt), remedy)
    reach = site_facts().optics_reach.get(link.optics) if link.optics is not None else None
    if reach is not None and link.distance is not None and link.distance > reach.value:
        expected = f"at most {reach.value / 1000:g} km with {link.optics} optics"
        remedy = "Use zr_plus up to 600 km, or long_haul."
        findings.add((*path, "distance"), expected, f"{link.distance / 1000:g} km", remedy)


def check_budgets(spec: ClusterSpec, layout: ClusterLayout, findings: Findings) -> None:
    """Space for all hosts of a site, power and cooling for at least one."""
    for index, site in enumerate(spec.sites):
        kinds, hosts = _standing_at(layout, index)
        where: Path = ("sites", index)
        if (site.racks is None) != (site.hosts_per_rack is None):
            missing = "racks" if site.racks is None else "hosts_per_rack"
            findings.add(where, "racks and hosts_per_rack together", f"no {missing}", "Add it.")
        elif site.racks is not None and site.hosts_per_rack is not None:
            places = site.racks * site.hosts_per_rack
            if hosts > places:
                expected = (
                    f"at most {places:,} hosts ({site.racks:,} racks of {site.hosts_per_rack})"
                )
                remedy = "Fewer hosts, more racks or more hosts per rack."
                findings.add((*where, "racks"), expected, f"{hosts:,} hosts", remedy)
        _check_power(site, kinds, where, findings)


def _check_power(site: SiteSpec, kinds: list[Hardware], where: Path, findings: Findings) -> None:
    """A budget feeds at least one host of the least hungry kind that stands there."""
    limit_w = computers_w(site.power, site.pue, site.cooling)
    draws = [(draw_w(kind.accelerator), kind) for kind in kinds]
    known = [(draw * kind.gpus_per_host, kind) for draw, kind in draws if draw is not None]
    if limit_w is None or not known:
        return
    host_w, kind = min(known, key=lambda pair: pair[0])
    if limit_w >= host_w:
        return
    part = kind.accelerator
    cooled = site.cooling is not None and limit_w == site.cooling
    field = "cooling" if cooled else "power"
    needed_w = host_w if cooled else host_w * site.pue
    expected = (
        f"at least {format_power(needed_w)}: one host of {kind.gpus_per_host} {part.key} at "
        f"{format_power(host_w)}" + ("" if cooled else f" and PUE {site.pue:g}")
    )
    stated = site.cooling if cooled else site.power
    remedy = "The budget runs nothing: raise it, or remove the site."
    findings.add((*where, field), expected, format_power(stated or 0.0), remedy)


def _standing_at(layout: ClusterLayout, site: int) -> tuple[list[Hardware], int]:
    """Kinds of hardware at a site, in file order, and its hosts."""
    first, last = layout.tables[-1].first_domain[site : site + 2]
    kinds = [
        layout.hardware[run.hardware]
        for run, start in zip(layout.runs, layout.first_domain, strict=False)
        if start < last and start + run.num_domains > first
    ]
    hosts = layout.host_at_domain(last) - layout.host_at_domain(first)
    return list(dict.fromkeys(kinds)), hosts


def _keep_better(
    best: dict[tuple[int, int], SitePath], ends: tuple[int, int], path: SitePath
) -> None:
    known = best.get(_pair(*ends))
    rank = (path.bandwidth_bytes_per_s, -path.latency_s)
    if known is None or rank > (known.bandwidth_bytes_per_s, -known.latency_s):
        best[_pair(*ends)] = path


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
