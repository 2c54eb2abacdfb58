"""Which lines a transfer between two sites takes."""

from __future__ import annotations

import heapq

from placer.topology.tree import Topology


class SiteRoutes:
    """The widest route between each two sites; among equally wide ones the shortest.

    ``route(a, b)`` lists (line, whether it runs in the line's stated direction).
    """

    def __init__(self, topology: Topology) -> None:
        self.num_sites = len(topology.sites)
        self._links = topology.site_links
        self._routes = {site: self._from(site) for site in range(self.num_sites)}

    def route(self, source: int, target: int) -> tuple[tuple[int, bool], ...]:
        """The lines from one site to another, in order."""
        return self._routes[source].get(target, ())

    def latency_s(self, source: int, target: int) -> float:
        """One-way delay of the route."""
        return sum(self._links[line].latency_s for line, _ in self.route(source, target))

    def _from(self, source: int) -> dict[int, tuple[tuple[int, bool], ...]]:
        """Widest-path search from one site: the frontier widest first, then by delay."""
        found: dict[int, tuple[tuple[int, bool], ...]] = {}
        frontier: list[tuple[float, float, int, tuple[tuple[int, bool], ...]]] = [
            (-float("inf"), 0.0, source, ())
        ]
        while frontier:
            width, delay, site, lines = heapq.heappop(frontier)
            if site in found:
                continue
            found[site] = lines
            for number, link in enumerate(self._links):
                if site in link.sites:
                    forward = link.sites[0] == site
                    other = link.sites[1] if forward else link.sites[0]
                    narrower = max(width, -link.bandwidth_bytes_per_s)
                    step = (narrower, delay + link.latency_s, other, (*lines, (number, forward)))
                    heapq.heappush(frontier, step)
        return found
