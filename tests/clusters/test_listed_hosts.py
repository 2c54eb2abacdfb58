"""Host names in the file where the network has one level, or none."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

LEVEL: dict[str, Any] = {"name": "leaf", "latency": "3 us"}
NETWORK: dict[str, Any] = {"link": "infiniband", "nic": "400 Gbit/s", "levels": [LEVEL]}


def spec(**changes: Any) -> ClusterSpec:
    fields = {"name": "lab", "accelerator": "h100_sxm", "scale_out": NETWORK} | changes
    return ClusterSpec.model_validate({k: v for k, v in fields.items() if v is not None})


def names(cluster: ClusterSpec) -> list[str]:
    topology = build_topology(cluster)
    return [topology.host_name(host) for host in range(topology.num_hosts)]


def test_one_level_of_named_hosts() -> None:
    cluster = spec(hosts=["a[1-2]", "login-3"])
    assert names(cluster) == ["a1", "a2", "login-3"]
    assert build_topology(cluster).levels[-1].num_accelerators == 24


def test_one_domain_of_named_hosts() -> None:
    assert names(spec(scale_out=None, hosts=["dgx"])) == ["dgx"]
    rack = spec(accelerator="gb200", scale_out=None, scale_up={"size": 8}, hosts=["n[1-2]"])
    assert names(rack) == ["n1", "n2"]


def test_sites_of_named_hosts() -> None:
    link = {"between": ["p", "l"], "bandwidth": "1 Tbit/s", "distance": "80 km"}
    sites = [{"name": "p", "hosts": ["a1", "a2"]}, {"name": "l", "hosts": ["b1"]}]
    cluster = spec(sites=sites, links=[link])
    assert names(cluster) == ["a1", "a2", "b1"]
    assert build_topology(cluster).site_of(2) == 1


def test_outages_by_the_files_own_names() -> None:
    cluster = spec(hosts=["a[1-2]"], unavailable=["a2"])
    assert build_topology(cluster).num_usable == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale_out": None, "hosts": ["a1", "a2"]}, "the 1 host(s) of one domain"),
        ({"accelerator": "gb200", "hosts": ["a1"]}, "whole domains of 18 hosts"),
        ({"hosts": ["a1"], "sites": [{"name": "p", "hosts": ["b1"]}]}, "no hosts beside sites"),
        (
            {"hosts": ["a1"], "scale_out": NETWORK | {"levels": [LEVEL | {"size": "4 hosts"}]}},
            "no size, because the hosts are listed",
        ),
        ({"hosts": ["a1", "a1"]}, "each host once"),
        ({"hosts": ["a[1-"]}, "brackets in pairs"),
    ],
)
def test_what_listed_hosts_may_not(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**changes)
    assert message in str(caught.value)
