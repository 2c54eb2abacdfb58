"""Which level a pipeline hop crosses, told from the accelerators themselves."""

from __future__ import annotations

import numpy as np
import pytest

from placer.cost.assembly import hop_levels
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

SPEC = {
    "name": "two-level",
    "accelerator": "trainium2",
    "scale_up": {
        "size": 16,
        "outer": {
            "name": "ring",
            "size": 4,
            "type": "torus",
            "dims": [4],
            "bandwidth": "128 GB/s",
            "latency": "1 us",
        },
    },
    "scale_out": {
        "link": "efa",
        "nic": "200 Gbit/s",
        "levels": [{"name": "spine", "size": "4 domains", "latency": "16 us"}],
    },
}
"""Domains of four instances of 16 chips, which a ring joins."""


@pytest.mark.parametrize(
    ("heads", "levels"),
    [
        ([0, 8], [0, 0]),  # two cells of one instance
        ([0, 16], [1, 1]),  # two instances of one domain: it was 0, as if they were one
        ([0, 16, 64], [1, 2, 2]),  # the third stage lies in the next domain; the last hop wraps
    ],
)
def test_hops_see_the_parts_of_a_two_level_domain(heads: list[int], levels: list[int]) -> None:
    topology = build_topology(ClusterSpec.model_validate(SPEC))
    found = hop_levels(np.array(heads, dtype=np.int64)[:, None], topology)
    assert found.tolist() == levels


def test_the_worst_replica_counts() -> None:
    topology = build_topology(ClusterSpec.model_validate(SPEC))
    heads = np.array([[0, 8], [16, 64]], dtype=np.int64)
    assert hop_levels(heads, topology).tolist() == [2, 2]
