"""Arrays of small clusters against numbers worked out by hand."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from placer.topology.level import LevelKind, Routing
from placer.topology.tree import GpuState, Topology

Build = Callable[..., Topology]


def test_regular_cluster(build: Build) -> None:
    topology = build()
    assert [level.name for level in topology.levels] == ["nvlink", "leaf", "pod", "core"]
    assert [level.num_accelerators for level in topology.levels] == [8, 32, 64, 192]
    assert topology.num_domains == topology.num_hosts == 24
    assert topology.is_regular
    assert topology.domain_size == topology.gpus_per_host == 8
    assert topology.domain_unit[9].tolist() == [9, 2, 1, 0]
    assert [topology.num_units(level) for level in range(4)] == [24, 6, 3, 1]
    assert topology.unit_domains(2, 1) == range(8, 16)


def test_oversubscription_acts_above_the_level_that_has_it(build: Build) -> None:
    topology = build()
    assert [level.bandwidth_bytes_per_s / 1e9 for level in topology.levels] == [450, 50, 50, 25]
    assert topology.domain_uplink_bytes_per_s[0].tolist() == [50e9, 50e9, 25e9, 0]
    assert topology.bottleneck_levels() == (2,)
    assert topology.pod_level() == 2
    assert topology.uplink_bytes_per_s(2).tolist() == [64 * 25e9] * 3


def test_without_bottleneck_the_pod_is_everything(build: Build) -> None:
    levels = [
        {"name": "leaf", "size": 4, "latency": "3 us"},
        {"name": "core", "size": 2, "latency": "4 us"},
    ]
    topology = build(scale_out={"link": "roce", "nic": "50 GB/s", "levels": levels})
    assert topology.bottleneck_levels() == ()
    assert topology.unit_name(topology.pod_level(), 0) == "core"


def test_background_load_takes_its_share_of_one_level(build: Build) -> None:
    levels = [
        {"name": "leaf", "size": 4, "latency": "3 us", "background_load": "20 %"},
        {"name": "core", "size": 2, "latency": "4 us"},
    ]
    topology = build(scale_out={"link": "roce", "nic": "50 GB/s", "levels": levels})
    rates = [level.bandwidth_bytes_per_s for level in topology.levels]
    assert rates == pytest.approx([450e9, 40e9, 50e9])


def test_ports_of_an_accelerator_add_up(build: Build) -> None:
    fabric = {
        "link": "roce",
        "nic": "200 Gbit/s",
        "nics_per_accelerator": 2,
        "planes": 2,
        "routing": "qp_split",
        "levels": [{"name": "leaf", "size": 4, "latency": "3 us", "routing": "hashed"}],
    }
    leaf = build(scale_out=fabric).levels[1]
    assert leaf.bandwidth_bytes_per_s == pytest.approx(50e9)
    assert leaf.planes == 2
    assert leaf.routing is Routing.HASHED


def test_two_scale_up_levels(build: Build) -> None:
    optics = {"name": "optics", "size": 4, "bandwidth": "200 GB/s", "latency": "2 us"}
    topology = build(scale_up={"size": 8, "outer": optics})
    assert [level.num_accelerators for level in topology.levels] == [8, 32, 32, 64, 192]
    assert topology.levels[1].kind is LevelKind.SCALE_UP
    assert topology.domain_level == 1
    assert topology.domain_size == 32
    assert topology.domain_uplink_bytes_per_s[0, :2].tolist() == [200e9, 50e9]
    assert topology.domain_unit[1, :2].tolist() == [4, 1]
    assert topology.host_of(np.array([31, 32])).tolist() == [3, 4]


def test_racks_of_several_hosts(build: Build) -> None:
    levels = [{"name": "spine", "size": 2, "latency": "4 us"}]
    topology = build(
        accelerator="gb200",
        scale_up={"name": "rack", "size": 72},
        host_name="{rack}-n{index:02}",
        scale_out={"link": "infiniband", "nic": "400 Gbit/s", "levels": levels},
    )
    assert topology.num_hosts == 36
    assert topology.host_name(19) == "rack1-n01"
    assert topology.domain_name(1) == "rack1"
    assert topology.gpu_index_in_host(np.array([0, 5, 75])).tolist() == [0, 1, 3]


def test_pods_of_different_size_and_uplink(build_pods: Build) -> None:
    pods = [{"size": "3 leaf"}, {"count": 2, "size": "40 gpus", "oversubscription": 4}]
    topology = build_pods(pods)
    assert np.diff(topology.unit_first_domain[2]).tolist() == [12, 5, 5]
    assert np.diff(topology.unit_first_domain[1]).tolist() == [4, 4, 4, 4, 1, 4, 1]
    assert topology.uplink_bytes_per_s(2) == pytest.approx([96 * 25e9, 40 * 12.5e9, 40 * 12.5e9])
    assert topology.levels[3].bandwidth_bytes_per_s == pytest.approx(12.5e9)
    assert not topology.is_regular


def test_pods_of_another_generation(build_pods: Build) -> None:
    old = {"name": "old", "accelerator": "a100_80g_sxm", "nic": "200 Gbit/s", "size": "4 hosts"}
    topology = build_pods([{"size": "4 hosts"}, old])
    assert [part.key for part in topology.accelerators] == ["h100_sxm", "a100_80g_sxm"]
    assert topology.domain_generation.tolist() == [0] * 4 + [1] * 4
    rates = [[v.bandwidth_bytes_per_s / 1e9 for v in g] for g in topology.generation_levels]
    assert rates == [[450, 50, 50, 25], [300, 25, 25, 12.5]]
    assert [level.bandwidth_bytes_per_s / 1e9 for level in topology.levels] == rates[1]
    assert topology.host_name(7) == "old-n3"


def test_generations_with_domains_of_different_size(build_pods: Build) -> None:
    topology = build_pods(
        [{"size": "2 domains"}, {"accelerator": "gb200", "size": "2 domains"}], leaf="2 domains"
    )
    assert topology.domain_gpus.tolist() == [8, 8, 72, 72]
    assert topology.domain_first_gpu.tolist() == [0, 8, 16, 88]
    assert topology.domain_first_host.tolist() == [0, 1, 2, 20]
    assert topology.host_of(np.array([15, 16, 159])).tolist() == [1, 2, 37]
    assert topology.domain_of(np.array([15, 16, 88])).tolist() == [1, 2, 3]


def test_listed_leaves_and_hosts(build_pods: Build) -> None:
    leaves = [{"name": "sw1", "hosts": ["a[1-3]"]}, {"name": "sw2", "hosts": ["b[01-05]"]}]
    topology = build_pods([{"name": "hall", "units": leaves}, {"size": "1 leaf"}])
    names = " ".join(topology.host_names(range(9)))
    assert names == "a1 a2 a3 b01 b02 b03 b04 b05 pod1-n0"
    assert topology.unit_name(1, 1) == "sw2"
    assert topology.unit_name(2, 0) == "hall"


def test_outages_in_order_of_precedence(build: Build) -> None:
    topology = build(
        unavailable=["pod0-n1", "pod2-n[6-7]:[0-1]"],
        drained=["leaf1"],
        excluded=["pod0"],
        spares="1 host per pod",
    )
    states = topology.gpu_state.reshape(24, 8)
    assert (states[1] == GpuState.FAILED).all()
    assert (states[4:8] == GpuState.DRAINED).all()
    assert (states[[0, 2, 3]] == GpuState.EXCLUDED).all()
    assert states[22].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert topology.usable_gpu_ids(22).tolist() == list(range(178, 184))
    # Pod 0 has nothing left to hold back.
    assert np.flatnonzero((states == GpuState.SPARE).all(axis=1)).tolist() == [15, 21]


@pytest.mark.parametrize(
    ("outage", "lost"),
    [
        ({"every": 5, "of": "hosts"}, {4: 8, 9: 8, 14: 8, 19: 8}),
        ({"every": 10, "of": "host", "lose": "1 gpu"}, {9: 1, 19: 1}),
        ({"share": "25 %", "of": "leaf", "lose": "1 host"}, {15: 8}),
        ({"share": "3 %", "of": "gpus"}, {4: 1, 8: 1, 12: 1, 16: 1, 20: 1}),
        ({"every": 2, "of": "leaf", "within": ["pod1"], "lose": "9 gpus"}, {15: 8, 14: 1}),
        ({"every": 4, "of": "domain", "within": ["pod[0-1]"]}, {3: 8, 7: 8, 11: 8, 15: 8}),
    ],
)
def test_patterns(build: Build, outage: dict[str, Any], lost: dict[int, int]) -> None:
    topology = build(unavailable=[outage])
    missing = topology.domain_gpus - topology.domain_usable
    assert {int(d): int(missing[d]) for d in np.flatnonzero(missing)} == lost


def test_spares_are_whole_and_last(build: Build) -> None:
    topology = build(unavailable=["pod1-n7:3"], spares="2 hosts per pod")
    spares = np.flatnonzero((topology.gpu_state.reshape(24, 8) == GpuState.SPARE).all(axis=1))
    assert spares.tolist() == [6, 7, 13, 14, 22, 23]
    assert topology.num_spares == 48
    assert topology.num_unusable == 1


def test_sites(build: Build) -> None:
    levels = [
        {"name": "leaf", "size": 4, "latency": "3 us"},
        {"name": "hall", "latency": "4 us"},
    ]
    topology = build(
        scale_out={"link": "infiniband", "nic": "400 Gbit/s", "levels": levels},
        sites=[
            {"name": "east", "size": "3 leaf", "power": "1 MW", "pue": 1.2},
            {"name": "west", "pods": [{"count": 2, "size": "2 hosts"}]},
            {"name": "north", "size": "1 leaf", "accelerator": "h200_sxm"},
        ],
        links=[
            {"between": ["east", "west"], "bandwidth": "800 Gbit/s", "distance": "100 km"},
            {"between": ["west", "north"], "bandwidth": "400 Gbit/s", "rtt": "2 ms"},
        ],
    )
    across = topology.levels[-1]
    assert across.kind is LevelKind.SCALE_ACROSS
    assert across.latency_s == pytest.approx(100e3 * 1.468 / 299_792_458 + 1e-3)
    assert [topology.site_of(domain) for domain in (0, 11, 12, 15, 16)] == [0, 0, 1, 1, 2]
    assert topology.unit_name(2, 1) == "west"
    assert topology.unit_name(3, 0) == "test"
    assert topology.names.site_name(16) == "north"
    assert topology.unit_name(topology.pod_level(), 2) == "north"
    # West and north share 400 Gbit/s among the 32 accelerators of either; east is larger.
    assert across.bandwidth_bytes_per_s == pytest.approx(50e9 / 32)
    assert topology.sites[0].power_w == pytest.approx(1e6)


def test_accelerator_of_ones_own(build: Build) -> None:
    part = {
        "name": "Next",
        "architecture": "blackwell",
        "bf16": {"value": "4 PFLOP/s", "kind": "assumed"},
        "hbm": {"value": "288 GB", "kind": "assumed"},
        "hbm_usable": {"value": "280 GB", "kind": "assumed"},
        "hbm_bandwidth": {"value": "12 TB/s", "kind": "assumed"},
        "gpus_per_host": 4,
        "scale_up": {
            "link": "nvlink5",
            "type": "switched",
            "size": 16,
            "bandwidth": {"value": "1 TB/s", "kind": "assumed"},
            "latency": {"value": "1 us", "kind": "assumed"},
        },
    }
    topology = build(accelerator="next", accelerators={"next": part}, scale_up={})
    assert topology.accelerators[0].bf16_flops_per_s == pytest.approx(4e15)
    assert topology.domain_size == 16
    assert topology.gpus_per_host == 4


def test_131072_accelerators_build_in_time() -> None:
    """Milliseconds; the bound is wide because the machine may be busy."""
    from placer.spec.catalogue import CatalogueKind, resolve_input
    from placer.spec.cluster import ClusterSpec
    from placer.spec.yaml_source import load_document
    from placer.topology.build import build_topology

    path = resolve_input("multiplane-131k", CatalogueKind.CLUSTER).path
    cluster = load_document(path, ClusterSpec)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        build_topology(cluster)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05
