"""Some sites of a cluster as a cluster of their own."""

import numpy as np
import pytest
from site_samples import sites_cluster

from placer.topology.build import build_topology
from placer.topology.level import LevelKind
from placer.topology.sites import has_sites, within_sites
from placer.topology.tree import GpuState


def test_a_single_site_is_what_its_own_file_would_be() -> None:
    whole = build_topology(sites_cluster(2, 3))
    alone = build_topology(sites_cluster(3, sites=(), links=(), hosts=["n[0-2]"]))
    view = within_sites(whole, [1])
    assert view.gpu.tolist() == list(range(16, 40))
    for name in ("domain_gpus", "domain_usable", "domain_first_gpu", "domain_first_host"):
        assert np.array_equal(getattr(view.topology, name), getattr(alone, name)), name
    assert np.array_equal(view.topology.domain_unit, alone.domain_unit)
    assert view.topology.levels == alone.levels
    assert view.topology.is_regular
    assert not has_sites(view.topology)


def test_sites_together_have_one_top_unit_each_and_nothing_narrow_between() -> None:
    whole = build_topology(sites_cluster(2, 3, 1))
    view = within_sites(whole, [2, 0])
    assert view.sites == (0, 2)
    assert view.topology.num_accelerators == 24
    assert view.topology.num_units(view.topology.pod_level()) == 2
    assert view.domain_site.tolist() == [0, 0, 2]
    assert all(level.kind is not LevelKind.SCALE_ACROSS for level in view.topology.levels)
    assert view.local(view.gpu).tolist() == list(range(24))


def test_what_failed_stays_failed() -> None:
    whole = build_topology(sites_cluster(2, 2, unavailable=[{"every": 2, "of": "host"}]))
    view = within_sites(whole, [1])
    assert view.topology.num_usable == 8
    assert set(view.topology.gpu_state.tolist()) == {GpuState.USABLE, GpuState.FAILED}


@pytest.mark.parametrize("site", [0, 1])
def test_a_site_keeps_the_bandwidth_of_its_own_network(site: int) -> None:
    pods = [{"size": "1 hosts", "nic": f"{rate} Gbit/s"} for rate in (400, 200)]
    names = ["a", "b"]
    sites = [{"name": n, "pods": [p]} for n, p in zip(names, pods, strict=True)]
    levels = [{"name": "leaf", "latency": "3 us"}, {"name": "spine", "latency": "4 us"}]
    fabric = {"link": "infiniband", "nic": "400 Gbit/s", "levels": levels}
    whole = build_topology(sites_cluster(1, 1, sites=sites, scale_out=fabric))
    rate = within_sites(whole, [site]).topology.levels[1].bandwidth_bytes_per_s
    assert rate == (50e9, 25e9)[site]
