"""Targets beside Megatron-LM: golden texts, the order of ranks, and what each cannot run."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from plan_samples import DAMAGED_LAB, MOE_MODEL, plan_of, run_of

from placer.emit.files import emit_plan, emitted_files
from placer.emit.manifest import PLAN_FILE
from placer.emit.registry import LAUNCHERS, TARGETS, rules_of
from placer.errors import InfeasibleError, InputError
from placer.plan.crossings import axis_levels
from placer.plan.ranks import expand_ranks, reordered, units_of_gpus
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.spec.run import Features, MoeDispatcher, Optimizer
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from placer.plan.plan import Plan

GOLDEN = Path(__file__).parent / "golden_targets"
FULL = Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1)
EXPERTS = MOE_MODEL.model_copy(update={"mtp_layers": 0})


def sharded_plan() -> Plan:
    """Sharded parameters, replicas of them, full recomputation."""
    strategy = Strategy(
        dp=16, dp_shard=8, dp_replicate=2, zero_stage=3, num_microbatches=2, recompute=FULL
    )
    return plan_of(strategy)


def all_sharded_plan() -> Plan:
    """Parameters sharded over everybody."""
    return plan_of(Strategy(dp=16, dp_shard=16, zero_stage=3, num_microbatches=2))


def pipeline_plan() -> Plan:
    """Uneven interleaved stages over three pipeline ranks."""
    strategy = Strategy(
        tp=2,
        pp=3,
        vpp=2,
        dp=4,
        num_microbatches=6,
        dp_shard=4,
        schedule=Schedule.INTERLEAVED,
    )
    return plan_of(strategy)


def plain_pipeline_plan() -> Plan:
    """Uneven stages, one chunk each, no tensor parallelism."""
    return plan_of(Strategy(pp=3, dp=8, dp_shard=8, num_microbatches=6))


def experts_plan() -> Plan:
    """Experts over more ranks than there are replicas."""
    strategy = Strategy(tp=2, ep=16, dp=8, dp_shard=8, zero_stage=3, num_microbatches=2)
    return plan_of(strategy, EXPERTS)


def expert_tensor_plan() -> Plan:
    """Experts split like every other matrix, the expert axis among the sharded replicas."""
    strategy = Strategy(tp=2, etp=2, ep=4, dp=8, dp_shard=8, zero_stage=3, num_microbatches=2)
    return plan_of(strategy, EXPERTS)


def context_plan() -> Plan:
    """Long sequences over several ranks."""
    strategy = Strategy(cp=4, dp=8, dp_shard=8, zero_stage=3, num_microbatches=2)
    return plan_of(strategy)


# Folder of golden files: target, launcher, plan.
CASES = {
    "accelerate": ("accelerate", "torchrun", sharded_plan),
    "accelerate-context": ("accelerate", "slurm", context_plan),
    "deepspeed": ("deepspeed", "openmpi", all_sharded_plan),
    "deepspeed-pipeline": ("deepspeed", "slurm", plain_pipeline_plan),
    "maxtext": ("maxtext", "slurm", sharded_plan),
    "maxtext-experts": ("maxtext", "torchrun", expert_tensor_plan),
    "megatron-bridge": ("megatron-bridge", "slurm", pipeline_plan),
    "primus": ("primus", "slurm", pipeline_plan),
    "torchtitan": ("torchtitan", "jobset", pipeline_plan),
    "torchtitan-experts": ("torchtitan", "ray", experts_plan),
    "torchtitan-toml": ("torchtitan@0.2.2", "torchrun", pipeline_plan),
    "torchtitan-toml-experts": ("torchtitan@0.2.2", "openmpi", expert_tensor_plan),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_golden_files(case: str, request: pytest.FixtureRequest) -> None:
    """Review the whole output; `pytest tests/emit --snapshot-update` writes it anew."""
    framework, launcher, make = CASES[case]
    folder = GOLDEN / case
    if request.config.getoption("update_snapshots"):
        emit_plan(make(), framework, launcher, folder)
        (folder / PLAN_FILE).unlink()
    files = emitted_files(make(), framework, launcher)
    del files[PLAN_FILE]
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


@pytest.mark.parametrize("case", sorted(CASES))
def test_scripts_are_sound(case: str, tmp_path: Path) -> None:
    framework, launcher, make = CASES[case]
    for path in emit_plan(make(), framework, launcher, tmp_path):
        if path.suffix in {".sh", ".sbatch"}:
            subprocess.run(["bash", "-n", path], check=True)
        if path.suffix == ".py":
            compile(path.read_text(), path.name, "exec")


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
@pytest.mark.parametrize("case", sorted(CASES))
def test_launchers_put_every_rank_where_the_table_does(case: str, launcher: str) -> None:
    framework, _, make = CASES[case]
    plan = make()
    target = TARGETS[framework.partition("@")[0]]
    ranks = expand_ranks(plan)
    ranks = reordered(ranks, target.order(plan, ranks))
    files = emitted_files(plan, framework, launcher)
    places = LAUNCHERS[launcher].places(files, len(ranks.gpu))
    assert places.hosts == ranks.host_of_rank
    assert list(places.gpu_index) == ranks.gpu_index.tolist()


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
def test_launchers_on_damaged_hosts(launcher: str) -> None:
    plan = plan_of(Strategy(dp=16, dp_shard=16), cluster=DAMAGED_LAB)
    ranks = expand_ranks(plan)
    places = LAUNCHERS[launcher].places(emitted_files(plan, "megatron", launcher), 16)
    assert places.hosts == ranks.host_of_rank
    assert list(places.gpu_index) == ranks.gpu_index.tolist()


def test_a_starter_of_equal_hosts_says_so() -> None:
    plan = plan_of(Strategy(dp=16, dp_shard=16, zero_stage=3), cluster=DAMAGED_LAB)
    with pytest.raises(InputError, match="hosts with 1 to 8 ranks"):
        emitted_files(plan, "accelerate", "slurm")
    with pytest.raises(InputError, match="equal, aligned blocks of every mesh axis"):
        emitted_files(plan, "maxtext", "slurm")


def test_reordered_ranks_keep_their_places() -> None:
    """MaxText's order: the expert axis fastest, so ranks of a host change places."""
    plan = expert_tensor_plan()
    planned = expand_ranks(plan)
    order = TARGETS["maxtext"].order(plan, planned)
    ranks = reordered(planned, order)
    assert sorted(order.tolist()) == list(range(16))
    assert ranks.coordinates.ep[:8].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert ranks.coordinates.tp[:8].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert sorted(ranks.gpu.tolist()) == sorted(planned.gpu.tolist())
    assert np.array_equal(ranks.gpu, planned.gpu[order])
    topology = build_topology(plan.cluster)
    names = [level.name for level in topology.levels]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    units = units_of_gpus(topology, ranks.gpu[back])
    assert axis_levels(plan.strategy, names, units) == plan.placement.axis_levels


# Each row: target, what of the strategy is changed, of the run, the rule that must be named.
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("accelerate", {"pp": 2}, {}, "accelerate_no_pipeline"),
    ("accelerate", {"tp": 2}, {}, "accelerate_tp_without_sequence_parallel"),
    ("accelerate", {"zero_stage": 0, "cp": 2}, {}, "accelerate_context_shards"),
    ("accelerate", {"zero_stage": 1}, {}, "accelerate_shards_every_microbatch"),
    ("accelerate", {"dp_shard": 1, "dp_replicate": 8}, {}, "accelerate_nothing_to_shard"),
    ("deepspeed", {"pp": 2}, {}, "deepspeed_pipeline_zero"),
    ("deepspeed", {"zero_stage": 2}, {}, "deepspeed_zero2_every_microbatch"),
    ("deepspeed", {"dp_shard": 4, "dp_replicate": 2}, {}, "deepspeed_shards_over_all"),
    (
        "deepspeed",
        {"tp": 2, "cp": 2, "sequence_parallel": False},
        {},
        "deepspeed_ulysses_alone",
    ),
    ("deepspeed", {"pp": 2, "vpp": 2, "zero_stage": 1}, {}, "deepspeed_no_chunks"),
    ("maxtext", {"pp": 2, "zero_stage": 1}, {}, "maxtext_no_pipeline"),
    ("maxtext", {"zero_stage": 2}, {}, "maxtext_no_zero2"),
    ("maxtext", {"zero_stage": 1, "cp": 2}, {}, "maxtext_axes_shard"),
    ("torchtitan", {"pp": 2}, {}, "torchtitan_pipeline_shards_once"),
    ("torchtitan", {"zero_stage": 1}, {}, "torchtitan_shards_every_microbatch"),
    ("torchtitan", {"zero_stage": 0}, {}, "torchtitan_ddp_reduces_every_microbatch"),
    ("torchtitan", {"zero_stage": 0, "tp": 2}, {}, "torchtitan_ddp_alone"),
    ("torchtitan", {"zero_stage": 1, "pp": 4}, {}, "torchtitan_microbatches"),
    (
        "torchtitan",
        {"zero_stage": 1, "pp": 2, "vpp": 2, "num_microbatches": 5},
        {},
        "torchtitan_rounds",
    ),
    ("torchtitan", {"tp": 2, "sequence_parallel": False}, {}, ""),
    (
        "torchtitan@0.2.2",
        {"tp": 2, "sequence_parallel": False},
        {},
        "torchtitan_tp_has_sequence_parallel",
    ),
    ("torchtitan", {}, {"optimizer": Optimizer.MUON}, "torchtitan_optimizer"),
    ("torchtitan", {}, {"features": Features(ep_overlap=True)}, "torchtitan_ep_overlap"),
]


@pytest.mark.parametrize(("framework", "strategy", "run", "rule"), REFUSED)
def test_what_a_target_cannot_run(
    framework: str, strategy: dict[str, Any], run: dict[str, Any], rule: str
) -> None:
    base = Strategy(dp=8, dp_shard=8, zero_stage=3, num_microbatches=2)
    changed = replace(base, **strategy)
    if changed.vpp > 1:
        changed = replace(changed, schedule=Schedule.INTERLEAVED)
    plan = plan_of(changed, run=run_of(changed, **run))
    if not rule:
        assert emitted_files(plan, framework, "torchrun")
        return
    with pytest.raises(InfeasibleError, match=rule):
        emitted_files(plan, framework, "torchrun")


# Each row: target, what of the strategy of a model with experts is changed, the rule.
@pytest.mark.parametrize(
    ("framework", "strategy", "rule"),
    [
        ("accelerate", {}, "accelerate_no_expert_parallel"),
        ("accelerate", {"ep": 1, "etp": 1, "tp": 2}, "accelerate_experts_follow_tp"),
        ("deepspeed", {"tp": 2, "etp": 2, "sequence_parallel": False}, "deepspeed_etp"),
        (
            "deepspeed",
            {"ep": 1, "tp": 2, "etp": 2, "sequence_parallel": False},
            "deepspeed_experts_duplicated",
        ),
        ("deepspeed", {"pp": 2, "zero_stage": 1}, "deepspeed_experts_in_pipeline"),
        ("deepspeed", {"cp": 2}, "deepspeed_experts_sharded_with_ulysses"),
        ("maxtext", {"tp": 2}, "maxtext_experts_follow_tp"),
        ("maxtext", {"cp": 2}, "maxtext_experts_over_context"),
        ("maxtext", {"dp_shard": 2, "dp_replicate": 4}, "maxtext_experts_in_shard_group"),
        ("torchtitan", {"tp": 2, "etp": 2}, "torchtitan_etp"),
        ("torchtitan", {"dp_shard": 2, "dp_replicate": 4}, "torchtitan_experts_in_shard_group"),
        ("torchtitan@0.2.2", {"tp": 4, "etp": 2}, "torchtitan_etp"),
    ],
)
def test_what_a_target_cannot_do_with_experts(
    framework: str, strategy: dict[str, Any], rule: str
) -> None:
    base = Strategy(dp=8, dp_shard=8, ep=4, zero_stage=3, num_microbatches=2)
    plan = plan_of(replace(base, **strategy), EXPERTS)
    with pytest.raises(InfeasibleError, match=rule):
        emitted_files(plan, framework, "torchrun")


def test_unsupported_parts_of_releases() -> None:
    strategy = Strategy(dp=8, dp_shard=8, zero_stage=3)
    with pytest.raises(InfeasibleError, match="torchtitan_mtp"):
        emitted_files(plan_of(strategy, MOE_MODEL), "torchtitan@0.2.2", "slurm")
    with pytest.raises(InputError, match="torchtitan at one of"):
        rules_of("torchtitan@0.1")
    features = Features(moe_dispatcher=MoeDispatcher.DEEPEP)
    sparse = replace(strategy, ep=8)
    plan = plan_of(sparse, EXPERTS, run=run_of(sparse, features))
    toml = emitted_files(plan, "torchtitan@0.2.2", "slurm")["torchtitan.toml"]
    assert 'expert_parallel_comm_backend = "deepep"' in toml
