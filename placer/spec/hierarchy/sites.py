"""Sites and the links between them: what must be stated, and what the worst pair of sites gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec, LinkSpec

FIBRE_DELAY_S_PER_M = 1.468 / 299_792_458
"""Light in standard single-mode fibre: group index 1.468 (ITU-T G.652), 4.9 us per km."""


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


def site_paths(spec: ClusterSpec) -> dict[tuple[int, int], SitePath]:
    """Widest route between each two sites; among equally wide ones, the shortest.

    Sites are numbered in file order, pairs ascending. Floyd-Warshall over (bandwidth, delay); at
    most 64 sites.
    """
    number = {site.name: index for index, site in enumerate(spec.sites)}
    best: dict[tuple[int, int], SitePath] = {}
    for link in spec.links:
        ends = (number[link.between[0]], number[link.between[1]])
        free = link.bandwidth * (1 - link.background_load)
        _keep_better(best, ends, SitePath(free, link_latency_s(link)))
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


def _keep_better(
    best: dict[tuple[int, int], SitePath], ends: tuple[int, int], path: SitePath
) -> None:
    known = best.get(_pair(*ends))
    rank = (path.bandwidth_bytes_per_s, -path.latency_s)
    if known is None or rank > (known.bandwidth_bytes_per_s, -known.latency_s):
        best[_pair(*ends)] = path


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
