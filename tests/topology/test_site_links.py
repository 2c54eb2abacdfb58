"""What a plan may count on between sites: traffic of others, reserve, routers, power."""

import pytest

from placer.cost.across.routes import SiteGraph
from placer.spec.accelerator import load_accelerator
from placer.spec.cluster import ClusterSpec
from placer.spec.site_facts import computers_w, draw_w
from placer.topology.build import build_topology
from placer.topology.tree import Topology


def topology_with(**link: object) -> Topology:
    document = {
        "name": "pair",
        "accelerator": "h100_sxm",
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [{"name": "hall", "size": "4 hosts", "latency": "3 us"}],
        },
        "sites": [{"name": "east", "power": "2 MW", "pue": 1.25}, {"name": "west"}],
        "links": [
            {"between": ["east", "west"], "bandwidth": "800 Gbit/s", "distance": "80 km"} | link
        ],
    }
    return build_topology(ClusterSpec.model_validate(document))


def test_other_traffic_and_a_reserve_are_taken_off() -> None:
    # 100 GB/s in eight lines, one in reserve, a fifth of the rest used by others: 70 GB/s.
    (link,) = topology_with(lines=8, redundancy="n-1", background_load=0.2).site_links
    assert link.bandwidth_bytes_per_s == pytest.approx(70e9)


def test_ordinary_routers_let_half_through() -> None:
    """NVIDIA: NCCL all-reduce up to 1.9 times that of off-the-shelf Ethernet."""
    (link,) = topology_with(router="ordinary").site_links
    graph = SiteGraph(num_sites=2, links=(link,), efficiency=0.9)
    assert graph.free_bytes_per_s(0, forward=True) == pytest.approx(100e9 * 0.53 * 0.9)


def test_a_link_is_named_after_its_ends() -> None:
    assert topology_with().site_links[0].name == "east-west"
    assert topology_with(name="rhine").site_links[0].name == "rhine"


def test_an_h100_draws_its_share_of_the_host() -> None:
    """DGX H100: 10.2 kW of eight; 100 W of network each."""
    drawn = draw_w(load_accelerator("h100_sxm"))
    assert drawn == pytest.approx(10_200 / 8 + 100)


def test_what_is_not_published_is_not_guessed() -> None:
    assert draw_w(load_accelerator("trainium2")) is None


def test_computers_get_what_pue_and_cooling_leave() -> None:
    assert topology_with().sites[0].computers_w == pytest.approx(1.6e6)
    assert topology_with().sites[1].computers_w is None
    assert computers_w(2e6, 1.25, 1e6) == 1e6
    assert computers_w(None, 1.25, 1e6) == 1e6
