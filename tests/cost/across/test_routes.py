"""Routes over links, shared links, rings; sites are numbered 0, 1, 2, ..."""

from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.across.routes import Flow, SiteGraph
from placer.topology.tree import SiteLink


def link(a: int, b: int, rate: float, latency_s: float = 0.001) -> SiteLink:
    return SiteLink(sites=(a, b), bandwidth_bytes_per_s=rate, latency_s=latency_s)


def graph_of(*links: SiteLink) -> SiteGraph:
    return SiteGraph(num_sites=1 + max(max(each.sites) for each in links), links=links)


def test_the_widest_way_wins_over_the_shortest() -> None:
    graph = graph_of(link(0, 1, 10.0), link(0, 2, 100.0, 0.005), link(2, 1, 50.0, 0.005))
    route = graph.route(0, 1)
    assert route is not None
    assert route.hops == ((1, True), (2, True))
    assert route.bandwidth_bytes_per_s == 50.0
    assert route.latency_s == pytest.approx(0.010)


def test_of_equally_wide_ways_the_shortest() -> None:
    graph = graph_of(link(0, 1, 50.0, 0.020), link(0, 2, 100.0, 0.005), link(2, 1, 50.0, 0.005))
    route = graph.route(1, 0)
    assert route is not None
    assert route.hops == ((2, False), (1, False))


def test_no_way() -> None:
    graph = SiteGraph(num_sites=3, links=(link(0, 1, 10.0),))
    assert graph.route(0, 2) is None
    with pytest.raises(ValueError, match="expected a way from site 0 to site 2"):
        graph.loads([Flow(source=0, target=2, size_bytes=1.0)])


def test_shared_links_carry_the_sum() -> None:
    # A star: traffic of 1 to 2 and 1 to 3 shares the link 0-1.
    graph = graph_of(link(0, 1, 10.0), link(0, 2, 10.0), link(0, 3, 10.0))
    flows = [
        Flow(source=1, target=2, size_bytes=20.0, what="gradients"),
        Flow(source=1, target=3, size_bytes=30.0, what="checkpoint"),
    ]
    busiest = max(graph.loads(flows), key=lambda load: load.time_s)
    assert (busiest.link, busiest.forward) == (0, False)
    assert busiest.size_bytes == 50.0
    assert busiest.whats == ("checkpoint", "gradients")
    assert graph.transfer_s(flows) == 5.0


def test_two_directions_do_not_add_up() -> None:
    graph = graph_of(link(0, 1, 10.0))
    flows = [Flow(source=a, target=1 - a, size_bytes=20.0) for a in (0, 1)]
    assert graph.transfer_s(flows) == 2.0


def test_two_sites_exchange_over_their_link() -> None:
    exchange = SiteGraph(num_sites=2, links=(link(0, 1, 10.0, 0.010),), efficiency=0.5).exchange(
        [0, 1]
    )
    assert exchange.s_per_byte == pytest.approx(1 / 5.0)
    assert exchange.latency_s == pytest.approx(0.020)
    assert exchange.time_s(50.0) == pytest.approx(10.02)


def test_three_sites_of_a_line_share_the_middle() -> None:
    # 0 - 1 - 2: the ring 0, 1, 2 closes over both links: each direction of each carries 4/3.
    exchange = graph_of(link(0, 1, 10.0), link(1, 2, 10.0)).exchange([0, 1, 2])
    assert exchange.s_per_byte == pytest.approx(4 / 3 / 10.0)
    assert {forward for _, forward, _ in exchange.link_bytes} == {True, False}


def test_one_site_exchanges_nothing() -> None:
    assert graph_of(link(0, 1, 10.0)).exchange([1]).time_s(1e12) == 0.0


def test_the_ring_avoids_the_thin_link() -> None:
    thick = [link(a, b, 100.0) for a, b in ((0, 2), (2, 1), (1, 3), (3, 0))]
    exchange = graph_of(link(0, 1, 1.0), *thick).exchange([0, 1, 2, 3])
    assert exchange.order == (0, 2, 1, 3)
    assert exchange.s_per_byte == pytest.approx(1.5 / 100.0)


def test_taken_bandwidth_is_gone() -> None:
    graph = graph_of(link(0, 1, 10.0))
    busy = graph.with_taken({(0, True): 6.0})
    assert busy.free_bytes_per_s(0, forward=True) == 4.0
    assert busy.free_bytes_per_s(0, forward=False) == 10.0


def test_links_without_a_detour_are_critical() -> None:
    ring = graph_of(link(0, 1, 1.0), link(1, 2, 1.0), link(2, 0, 1.0), link(2, 3, 1.0))
    assert ring.critical_links() == (3,)


@given(
    rates=st.lists(st.integers(1, 50), min_size=6, max_size=6),
    latencies=st.lists(st.integers(1, 50), min_size=6, max_size=6),
)
def test_routes_equal_brute_force(rates: list[int], latencies: list[int]) -> None:
    """Of all ways between two of four fully linked sites: widest, then shortest."""
    links = [
        link(a, b, float(rate), latency / 1000)
        for (a, b), rate, latency in zip(combinations(range(4), 2), rates, latencies, strict=True)
    ]
    by_ends = {each.sites: each for each in links}
    graph = graph_of(*links)
    ways = [(0, *middle, 3) for k in range(3) for middle in permutations((1, 2), k)]
    ranked = []
    for way in ways:
        used = [by_ends[min(a, b), max(a, b)] for a, b in pairwise(way)]
        width = min(each.bandwidth_bytes_per_s for each in used)
        ranked.append((-width, sum(each.latency_s for each in used)))
    route = graph.route(0, 3)
    assert route is not None
    best = min(ranked)
    assert route.bandwidth_bytes_per_s == -best[0]
    assert route.latency_s == pytest.approx(best[1])
