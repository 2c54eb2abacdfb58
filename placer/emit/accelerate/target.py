"""Hugging Face Accelerate as a target of ``placer emit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.accelerate.rules import accelerate_rules
from placer.emit.argument import comment
from placer.emit.environment import torch_variables
from placer.emit.target import FrameworkFiles, Start
from placer.plan.strategy import RecomputeGranularity
from placer.spec.run import Precision

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray, Strategy

CONFIG_FILE: Final = "accelerate.yaml"
FULLY_SHARDED: Final = 3
_PROGRAM: Final = (
    f'accelerate launch --config_file "$HERE/{CONFIG_FILE}" --machine_rank "$NODE_RANK"'
    ' --main_process_ip "$MASTER_ADDR" --main_process_port "$MASTER_PORT"'
    ' "${TRAIN_SCRIPT:?set it to your training script}" "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerate:
    """The file of ``accelerate launch --config_file``."""

    name: str = "accelerate"

    def rules(self, release: str) -> FrameworkRules:
        """The legality rules of a release."""
        return accelerate_rules(release)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """The mesh [dp_replicate, dp_shard, cp, sp, tp] is the plan's own order."""
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The configuration file of a plan; ``accelerate launch`` starts the ranks of a host."""
        version = self.rules(release).release
        text = config_file(plan, len(ranks.node_names), version)
        return FrameworkFiles(
            files={CONFIG_FILE: text},
            sourced=(),
            program=_PROGRAM,
            environment=torch_variables(plan),
            start=Start.NODE,
        )


def config_file(plan: Plan, num_machines: int, version: str) -> str:
    """The YAML file."""
    strategy, run = plan.strategy, plan.run
    sharded = strategy.zero_stage > 0 and strategy.dp_shard * strategy.cp > 1
    many = strategy.num_gpus > 1
    kind = "FSDP" if sharded else "MULTI_GPU" if many else "'NO'"
    precision = "fp8" if run.precision is Precision.FP8 else "bf16"
    lines = [
        *(comment(line) for line in _about(plan, version)),
        "compute_environment: LOCAL_MACHINE",
        f"distributed_type: {kind}",
        f"mixed_precision: {precision}",
        f"num_machines: {num_machines}",
        f"num_processes: {strategy.num_gpus}",
        comment("The launcher gives the machine's number and the first machine's address."),
        "machine_rank: 0",
        comment("Static: c10d would ignore machine ranks and sort hosts by name."),
        "rdzv_backend: static",
        "same_network: true",
    ]
    if sharded:
        lines += _fsdp(strategy)
    if many:
        lines += _parallelism(strategy)
    return "\n".join([*lines, ""])


def _about(plan: Plan, version: str) -> list[str]:
    strategy, run = plan.strategy, plan.run
    lines = [
        f"{plan.model.name} on {plan.cluster.name}: configuration for accelerate {version},",
        f"{strategy.num_gpus} GPUs, {plan.estimate.step_time_s:.3f} s per step.",
        "",
        "Accelerate derives every group from the rank alone (mesh [dp_replicate, dp_shard, cp, tp],",
        "the last fastest): start the ranks on the hosts of rank_table.json, in that order.",
        (
            f"Your script sets the batch: {strategy.micro_batch_size} sequences of {run.seq_len} tokens"
            " per data-parallel rank and"
        ),
        (
            f"Accelerator(gradient_accumulation_steps={strategy.num_microbatches}):"
            f" {run.global_batch_size} sequences per step over dp {strategy.dp}."
        ),
    ]
    if strategy.num_microbatches > 1 and strategy.zero_stage == FULLY_SHARDED:
        lines += [
            "Pass GradientAccumulationPlugin(sync_each_batch=True) too: without it gradients stay",
            "whole until the last micro-batch, and the plan's memory does not hold.",
        ]
    return lines


def _fsdp(strategy: Strategy) -> list[str]:
    full = strategy.recompute.granularity is RecomputeGranularity.FULL
    reshard = strategy.zero_stage == FULLY_SHARDED
    why = "after every pass, as planned" if reshard else "when the step ends, as planned"
    return [
        "fsdp_config:",
        "  fsdp_version: 2",
        f"  {comment(f'Gathered parameters are let go {why}.')}",
        f"  fsdp_reshard_after_forward: {_yaml(reshard)}",
        f"  fsdp_activation_checkpointing: {_yaml(full)}",
        "  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP",
        "  fsdp_cpu_ram_efficient_loading: false",
        "  fsdp_offload_params: false",
        "  fsdp_state_dict_type: SHARDED_STATE_DICT",
    ]


def _parallelism(strategy: Strategy) -> list[str]:
    sharded = strategy.zero_stage > 0
    sizes = {
        "dp_replicate_size": strategy.dp_replicate if sharded else strategy.dp,
        "dp_shard_size": strategy.dp_shard if sharded else 1,
        "tp_size": strategy.tp,
        "cp_size": strategy.cp,
    }
    product = " * ".join(f"{name[:-5]} {size}" for name, size in sizes.items())
    return [
        "parallelism_config:",
        f"  {comment(f'{strategy.num_gpus} processes = {product}.')}",
        *(f"  parallelism_config_{name}: {size}" for name, size in sizes.items()),
        "  parallelism_config_cp_backend: torch",
    ]


def _yaml(value: bool) -> str:
    return "true" if value else "false"
