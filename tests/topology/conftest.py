"""Clusters written in a test's own words."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology
from placer.topology.tree import Topology

REGULAR = """
name: test
accelerator: h100_sxm
scale_up: {size: 8}
scale_out:
  link: infiniband
  nic: 400 Gbit/s
  rails: 8
  levels:
    - {name: leaf, size: 4 hosts, latency: 3 us}
    - {name: pod, size: 2 leaf, latency: 4 us, oversubscription: 2}
    - {name: core, size: 3 pod, latency: 5 us}
"""

Build = Callable[..., Topology]


@pytest.fixture
def build() -> Build:
    """Builds the regular cluster with fields changed: 3 pods of 2 leaves of 4 hosts of 8."""

    def make(text: str = REGULAR, **changes: Any) -> Topology:
        document = yaml.safe_load(text) | changes
        return build_topology(ClusterSpec.model_validate(document))

    return make


@pytest.fixture
def build_pods(build: Build) -> Build:
    """Builds the regular cluster with other pods."""

    def make(pods: list[dict[str, Any]], leaf: str = "4 hosts", **changes: Any) -> Topology:
        document = yaml.safe_load(REGULAR)
        document["scale_out"]["levels"][0]["size"] = leaf
        del document["scale_out"]["levels"][-1]["size"]
        return build(yaml.safe_dump(document), pods=pods, **changes)

    return make
