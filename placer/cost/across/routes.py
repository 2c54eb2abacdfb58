"""Links between sites as a graph: the way traffic takes, and what shared links carry in sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, permutations
from types import MappingProxyType
from typing import Any

from placer.topology.tree import SiteLink

MAX_TRIED_ORDERS = 7
"""Sites up to which every order of the ring is tried: 6! / 2 rings of seven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Bytes that go from one site to another in some period; sites by number."""

    source: int
    target: int
    size_bytes: float
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLoad:
    """What one direction of one link carries: bytes of the flows ``whats``, seconds at its rate."""

    link: int
    forward: bool
    size_bytes: float
    time_s: float
    whats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The widest way from one site to another, among equally wide ones the shortest.

    ``hops`` are (link, whether in the link's stated direction), in order.
    """

    hops: tuple[tuple[int, bool], ...]
    bandwidth_bytes_per_s: float
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An all-reduce over sites as a ring in this order.

    ``s_per_byte`` are seconds per byte of payload on the busiest link, ``latency_s`` the delay of
    all steps; ``link_bytes`` what each (link, forward) carries per byte of payload.
    """

    order: tuple[int, ...]
    s_per_byte: float
    latency_s: float
    link_bytes: tuple[tuple[int, bool, float], ...]

    def time_s(self, payload_bytes: float) -> float:
        """Time of the whole exchange, nothing overlapped."""
        return self.s_per_byte * payload_bytes + self.latency_s


@dataclass(frozen=True, kw_only=True)
class SiteGraph:
    """The sites' links with what software gets out of them.

    ``efficiency`` is the share of a link's rate that a transfer reaches (constant
    ``links.dci.ring``); ``taken_bytes_per_s`` what other work already takes of (link, forward).
    """

    num_sites: int
    links: tuple[SiteLink, ...]
    efficiency: float = 1.0
    taken_bytes_per_s: Mapping[tuple[int, bool], float] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def free_bytes_per_s(self, link: int, *, forward: bool) -> float:
        """What is left of one direction of a link."""
        stated = self.links[link]
        rate = stated.bandwidth_bytes_per_s * stated.goodput * self.efficiency
        return max(0.0, rate - self.taken_bytes_per_s.get((link, forward), 0.0))

    def route(self, source: int, target: int) -> Route | None:
        """The widest way between two sites, None where there is none.

        The bottleneck of the widest way is the narrowest edge on the path in a maximum spanning
        tree (Hu, "The maximum capacity route problem", 1961); of the ways that wide, the one of
        least delay.
        """
        if (source, target) not in self._known:
            self._known[source, target] = self._widest(source, target)
        return self._known[source, target]

    def _widest(self, source: int, target: int) -> Route | None:
        import networkx as nx

        graph, tree = self._graph, self._tree
        if not nx.has_path(graph, source, target):
            return None
        inside = nx.shortest_path(tree, source, target)
        width = min((tree[a][b]["width"] for a, b in pairwise(inside)), default=float("inf"))
        wide = nx.subgraph_view(graph, filter_edge=lambda a, b: graph[a][b]["width"] >= width)
        sites = nx.dijkstra_path(wide, source, target, weight="latency")
        hops = tuple(self._hop(graph[a][b]["link"], a) for a, b in pairwise(sites))
        return Route(
            hops=hops,
            bandwidth_bytes_per_s=width,
            latency_s=sum(self.links[link].latency_s for link, _ in hops),
        )

    def loads(self, flows: Iterable[Flow]) -> tuple[LinkLoad, ...]:
        """What every link used carries, the sum of all flows, in link order.

        Raises
        ------
        ValueError
            When two sites of a flow are not connected.
        """
        carried: dict[tuple[int, bool], list[Flow]] = {}
        for flow in flows:
            for hop in self._route_of(flow.source, flow.target).hops:
                carried.setdefault(hop, []).append(flow)
        return tuple(self._load(hop, carried[hop]) for hop in sorted(carried))

    def transfer_s(self, flows: Iterable[Flow]) -> float:
        """Time until the busiest link has carried its share of all flows, without delay."""
        return max((load.time_s for load in self.loads(flows)), default=0.0)

    def exchange(self, sites: Sequence[int]) -> Exchange:
        """The ring over these sites that ends first; its order starts at the lowest number.

        Each site sends ``2 (s - 1) / s`` of the payload to the next; links that several hops of the
        ring share carry all of it. Up to seven sites every order is tried, beyond that the given
        one is taken.
        """
        first, *others = sorted(sites)
        if not others:
            return Exchange(order=(first,), s_per_byte=0.0, latency_s=0.0, link_bytes=())
        orders = permutations(others) if len(sites) <= MAX_TRIED_ORDERS else [tuple(others)]
        rings = (self._ring((first, *order)) for order in orders)
        return min(rings, key=lambda ring: (ring.s_per_byte, ring.latency_s, ring.order))

    def without(self, link: int) -> SiteGraph:
        """The graph after a link is lost; link numbers stay."""
        gone = {(link, True): float("inf"), (link, False): float("inf")}
        return self.with_taken(gone)

    def with_taken(self, rates: Mapping[tuple[int, bool], float]) -> SiteGraph:
        """The graph with these rates (bytes/s by link and direction) taken in addition."""
        taken = dict(self.taken_bytes_per_s)
        for hop, rate in rates.items():
            taken[hop] = taken.get(hop, 0.0) + rate
        return SiteGraph(
            num_sites=self.num_sites,
            links=self.links,
            efficiency=self.efficiency,
            taken_bytes_per_s=MappingProxyType(taken),
        )

    def critical_links(self) -> tuple[int, ...]:
        """Links whose loss cuts some site off (N-1 fails there)."""
        return tuple(
            link for link in range(len(self.links)) if self.without(link).num_parts > self.num_parts
        )

    @property
    def num_parts(self) -> int:
        """Groups of sites that reach each other; 1 where all do."""
        import networkx as nx

        return int(nx.number_connected_components(self._graph))

    def _ring(self, order: tuple[int, ...]) -> Exchange:
        share = 2.0 * (len(order) - 1) / len(order)
        hops = list(zip(order, (*order[1:], order[0]), strict=True))
        flows = [Flow(source=a, target=b, size_bytes=share) for a, b in hops]
        loads = self.loads(flows)
        slowest_s = max(self._route_of(a, b).latency_s for a, b in hops)
        return Exchange(
            order=order,
            s_per_byte=max(load.time_s for load in loads),
            latency_s=2.0 * (len(order) - 1) * slowest_s,
            link_bytes=tuple((load.link, load.forward, load.size_bytes) for load in loads),
        )

    def _load(self, hop: tuple[int, bool], flows: list[Flow]) -> LinkLoad:
        link, forward = hop
        size = sum(flow.size_bytes for flow in flows)
        return LinkLoad(
            link=link,
            forward=forward,
            size_bytes=size,
            time_s=size / self.free_bytes_per_s(link, forward=forward),
            whats=tuple(sorted({flow.what for flow in flows if flow.what})),
        )

    def _route_of(self, source: int, target: int) -> Route:
        route = self.route(source, target)
        if route is None:
            raise ValueError(f"expected a way from site {source} to site {target}, found none")
        return route

    def _hop(self, link: int, start: int) -> tuple[int, bool]:
        return link, self.links[link].sites[0] == start

    @cached_property
    def _known(self) -> dict[tuple[int, int], Route | None]:
        """Routes found so far."""
        return {}

    @cached_property
    def _tree(self) -> Any:
        import networkx as nx

        return nx.maximum_spanning_tree(self._graph, weight="width")

    @cached_property
    def _graph(self) -> Any:
        """An undirected graph; of several links between two sites the widest counts.

        A link is as wide as its narrower direction: traffic between sites goes both ways.
        """
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(range(self.num_sites))
        for number, link in enumerate(self.links):
            width = min(self.free_bytes_per_s(number, forward=way) for way in (True, False))
            known = graph.get_edge_data(*link.sites)
            rank = (width, -link.latency_s)
            if width > 0 and (known is None or rank > (known["width"], -known["latency"])):
                graph.add_edge(*link.sites, width=width, latency=link.latency_s, link=number)
        return graph
