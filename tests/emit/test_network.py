"""NCCL's environment: written where a plan counts on it, and nowhere else."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plan_samples import NETWORK, plan_of

from placer.emit.files import emit_plan
from placer.emit.network import network_variables
from placer.plan.strategy import Strategy
from placer.spec.cluster import ClusterSpec


def cluster(accelerator: str = "h100_sxm", **fabric: Any) -> ClusterSpec:
    network = NETWORK | {"rails": 1} | fabric
    return ClusterSpec.model_validate(
        {"name": "fabric", "accelerator": accelerator, "scale_out": network}
    )


def variables(spec: ClusterSpec, **strategy: Any) -> dict[str, str]:
    given = {"dp": 64, "dp_shard": 64} | strategy
    plan = plan_of(Strategy(**given), cluster=spec)
    return {variable.name: variable.value for variable in network_variables(plan)}


def test_a_plain_fabric_needs_nothing() -> None:
    assert variables(cluster()) == {}


def test_rails_keep_rings_apart_once_a_group_leaves_its_domain() -> None:
    assert variables(cluster(rails=8)) == {"NCCL_CROSS_NIC": "0"}
    assert variables(cluster(rails=8), dp=8, dp_shard=8) == {}


@pytest.mark.parametrize(
    ("strategy", "counted_on"),
    [
        ({}, False),  # reduce-scatter and all-gather
        ({"zero_stage": 0}, True),
        ({"dp_shard": 16, "dp_replicate": 4}, True),  # replicas of a shard add up whole buffers
        ({"dp": 8, "tp": 8, "dp_shard": 8, "sequence_parallel": False}, False),  # tp stays inside
    ],
)
def test_switches_add_up_only_all_reduces(strategy: dict[str, Any], counted_on: bool) -> None:
    found = variables(cluster(in_network_reduction=True), **strategy)
    assert found == ({"NCCL_COLLNET_ENABLE": "1"} if counted_on else {})


def test_flows_are_split_where_the_plan_says_so() -> None:
    assert variables(cluster(link="roce", routing="qp_split")) == {
        "NCCL_IB_QPS_PER_CONNECTION": "16"
    }
    assert variables(cluster(link="efa", routing="qp_split")) == {}


def test_adaptive_routing_is_off_by_default_on_roce_only() -> None:
    wanted = {"NCCL_IB_ADAPTIVE_ROUTING": "1"}
    assert variables(cluster(link="roce")) == wanted
    assert variables(cluster(link="roce", routing="hashed")) == {}
    one_switch = cluster(
        link="roce", levels=[{"name": "leaf", "size": "16 hosts", "latency": "5 us"}]
    )
    assert variables(one_switch) == {}
    inside_a_leaf = {"dp": 32, "dp_shard": 32}
    assert variables(cluster(link="roce"), **inside_a_leaf) == {}


def test_a_domain_of_several_hosts_must_come_up() -> None:
    spec = {"name": "racks", "accelerator": "gb200", "scale_up": {"name": "rack", "size": 72}}
    levels = [{"name": "core", "size": "2 rack", "latency": "8 us"}]
    racks = ClusterSpec.model_validate(
        spec | {"scale_out": NETWORK | {"rails": 1, "levels": levels}}
    )
    assert variables(racks)["NCCL_MNNVL_ENABLE"] == "1"
    assert "NCCL_MNNVL_ENABLE" not in variables(racks, dp=4, dp_shard=4)


def test_other_libraries_have_other_variables() -> None:
    assert variables(cluster("gaudi3", rails=8)) == {}


def test_nemo_run_passes_the_variables_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emit_plan(
        plan_of(Strategy(dp=64, dp_shard=64), cluster=cluster(rails=8)),
        "megatron-bridge",
        "slurm",
        tmp_path,
    )
    monkeypatch.setitem(sys.modules, "nemo_run", SimpleNamespace(SlurmExecutor=dict))
    made = runpy.run_path(str(tmp_path / "nemo_run_executor.py"))["executor"]("a", "p")
    assert (
        made["env_vars"].items()
        >= {
            "SLURM_HOSTFILE": str(tmp_path / "hostfile_of_tasks"),
            "NCCL_CROSS_NIC": "0",
        }.items()
    )
