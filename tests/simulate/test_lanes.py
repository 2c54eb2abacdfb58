from __future__ import annotations

import numpy as np
import pytest
from plan_samples import DAMAGED_LAB, DENSE_MODEL, LAB, plan_of

from placer.cost.constants import load_constants
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import Strategy
from placer.simulate import lanes
from placer.simulate.lanes import lanes_of
from placer.simulate.link_table import LinkTable
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology


def lanes_on(cluster: ClusterSpec, strategy: Strategy) -> list[list[int]]:
    """Cells of each kind of lane."""
    plan = plan_of(strategy, DENSE_MODEL, cluster)
    table = LinkTable(build_topology(cluster), load_constants())
    found = lanes_of(strategy, gpu_of_rank(strategy, plan.placement), table)
    cells = np.concatenate([lane.cells for lane in found])
    assert sorted(cells.tolist()) == list(range(strategy.cells_per_stage))
    return [lane.cells.tolist() for lane in found]


def test_cells_that_sit_alike_are_one_lane() -> None:
    strategy = Strategy(tp=8, pp=4, dp=4, dp_shard=4, num_microbatches=4)
    assert lanes_on(LAB, strategy) == [[0, 1, 2, 3]]


def test_cells_that_reach_the_next_stage_over_other_levels_are_another() -> None:
    """16 hosts, 3 to a stage, 4 to a leaf: some cells find their next host in the leaf."""
    strategy = Strategy(tp=8, pp=5, dp=3, dp_shard=3, num_microbatches=5)
    assert lanes_on(LAB, strategy) == [[0], [1], [2]]


def test_too_many_kinds_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_LANES", 2)
    strategy = Strategy(tp=1, pp=7, dp=15, dp_shard=15, num_microbatches=7)
    assert lanes_on(DAMAGED_LAB, strategy) == [list(range(15))]


def test_generations_tell_lanes_apart() -> None:
    mixed = ClusterSpec.model_validate(
        {
            "name": "mixed",
            "accelerator": "h100_sxm",
            "pods": [
                {"name": "old", "size": "2 hosts", "accelerator": "a100_80g_sxm"},
                {"name": "new", "size": "2 hosts"},
            ],
            "scale_out": {
                "link": "infiniband",
                "nic": "200 Gbit/s",
                "levels": [{"name": "pod", "latency": "5 us"}, {"name": "core", "latency": "8 us"}],
            },
        }
    )
    strategy = Strategy(tp=8, dp=4, dp_shard=4, num_microbatches=4)
    assert lanes_on(mixed, strategy) == [[0, 1], [2, 3]]
