"""Stages on different accelerator generations: each pays for what it stands on."""

from __future__ import annotations

import numpy as np
import pytest
from cost_samples import cost_model, placed
from plan_samples import DENSE_MODEL

from placer.cost.touched import Touched
from placer.plan.estimate import Estimate
from placer.plan.strategy import Strategy
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

STRATEGY = Strategy(tp=8, pp=2, dp=4, num_microbatches=16, dp_shard=4)


def mixed_estimate(pods: tuple[str, str]) -> Estimate:
    """The strategy on two pods of four hosts: H100 on 400 Gbit/s, A100 on 200 Gbit/s."""
    ampere = {"accelerator": "a100_80g_sxm", "nic": "200 Gbit/s"}
    fields = {
        "name": "mixed",
        "accelerator": "h100_sxm",
        "scale_up": {"size": 8},
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [
                {"name": "pod", "latency": "4 us"},
                {"name": "core", "latency": "5 us"},
            ],
        },
        "pods": [
            {"name": f"{name}-{i}", "size": "4 hosts", **(ampere if name == "ampere" else {})}
            for i, name in enumerate(pods)
        ],
    }
    topology = build_topology(ClusterSpec.model_validate(fields))
    placement = placed(DENSE_MODEL, STRATEGY, topology)
    return cost_model(DENSE_MODEL, topology=topology).estimate(STRATEGY, placement)


def test_the_worst_of_a_stage_and_of_the_ends_of_a_hop_counts() -> None:
    touched = Touched(mask=np.array([[True, False], [True, True], [False, True]]))
    values = np.array([[1.0, 2.0, 3.0], [10.0, 0.5, 30.0]])
    np.testing.assert_array_equal(touched.worst(values), [1.0, 2.0, 30.0])
    np.testing.assert_array_equal(touched.slowest(values), [0, 0, 1])
    np.testing.assert_array_equal(touched.least(np.array([5.0, 7.0])), [5.0, 5.0, 7.0])
    np.testing.assert_array_equal(touched.at_hops(values), [10.0, 2.0, 30.0])


@pytest.mark.parametrize("order", [("hopper", "ampere"), ("ampere", "hopper")])
def test_a_stage_costs_what_its_generation_costs(order: tuple[str, str]) -> None:
    """As long, but for the shared hops, as on a cluster of that generation alone."""
    stated = mixed_estimate(order)
    for stage, generation in enumerate(order):
        alone = mixed_estimate((generation, generation))
        assert stated.stage_time_s[stage] == pytest.approx(alone.stage_time_s[stage], rel=0.02)
        assert stated.memory_limit_bytes[stage] == alone.memory_limit_bytes[stage]


def test_replicas_on_slower_ports_pay_for_them() -> None:
    """A stage on 200 Gbit/s ports makes the traffic longer, whichever generation is listed first."""
    fast = mixed_estimate(("hopper", "hopper")).breakdown
    for order in (("hopper", "ampere"), ("ampere", "hopper")):
        mixed = mixed_estimate(order).breakdown
        assert mixed.dp > 1.2 * fast.dp
        assert mixed.optimizer > fast.optimizer
