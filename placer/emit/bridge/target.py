"""Megatron-Bridge as a target of ``placer emit``: overrides of a recipe, and how NeMo-Run starts it.

The recipe is of the model; what the plan decides overrides it (``ConfigContainer``: model, train,
ddp, optimizer, dist, checkpoint). The rules are Megatron-LM's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.argument import comment, comment_lines
from placer.emit.megatron.arguments import sections
from placer.emit.megatron.fields import FieldValue, fields_of, yaml_lines
from placer.emit.megatron.rules import megatron_rules
from placer.emit.megatron.target import check_layout, megatron_environment
from placer.emit.target import FrameworkFiles
from placer.spec.hierarchy.hostlist import compress_names
from placer.spec.run import Precision

if TYPE_CHECKING:
    from placer.emit.target import EnvironmentVariable
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

OVERRIDE_FILE: Final = "bridge_overrides.yaml"
EXECUTOR_FILE: Final = "nemo_run_executor.py"
TASK_FILE: Final = "hostfile_of_tasks"
_PROGRAM: Final = (
    '"${BRIDGE_SCRIPT:?set it to your script that takes a recipe and --config-file}"'
    f' --config-file "$HERE/{OVERRIDE_FILE}" "$@"'
)
_SEGMENT: Final = """
        # Block topology: these many hosts share a scale-up domain.
        segment={},"""
_ARCHITECTURE: Final = ("Model", "Attention", "Experts")
_OF_ARCHITECTURE: Final = ("seq_length", "moe_token_dispatcher_type", "moe_flex_dispatcher_backend")
_ELSEWHERE: Final = {
    "micro_batch_size": "train",
    "global_batch_size": "train",
    "optimizer": "optimizer",
    "use_precision_aware_optimizer": "optimizer",
    "exp_avg_dtype": "optimizer",
    "exp_avg_sq_dtype": "optimizer",
    "use_distributed_optimizer": "ddp",
    "overlap_grad_reduce": "ddp",
    "overlap_param_gather": "ddp",
    "num_distributed_optimizer_instances": "ddp",
    "data_parallel_sharding_strategy": "ddp",
    "grad_reduce_in_bf16": "ddp",
    "check_for_nan_in_grad": "ddp",
    "overlap_moe_expert_parallel_comm": "comm_overlap",
    "tp_comm_overlap": "comm_overlap",
    "use_megatron_fsdp": "dist",
    "ckpt_format": "checkpoint",
}
_OTHER_NAMES: Final = {
    "num_virtual_stages_per_pipeline_rank": "virtual_pipeline_model_parallel_size",
    "microbatch_group_size_per_virtual_pipeline_stage": "microbatch_group_size_per_vp_stage",
    "check_for_nan_in_loss_and_grad": "check_for_nan_in_grad",
}
_OF_RECIPE: Final = ("bf16", "fp8_format", "fp8_recipe", "fp4_format", "fp4_recipe")
"""What Megatron-Bridge's precision recipes say."""
_RECIPES: Final = {
    Precision.BF16: "bf16_mixed",
    Precision.FP8: "bf16_with_fp8_current_scaling_mixed",
    Precision.MXFP8: "bf16_with_mxfp8_mixed",
    Precision.NVFP4: "bf16_with_nvfp4_mixed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MegatronBridge:
    """Override file, and a Slurm executor where every host holds as many ranks."""

    name: str = "megatron-bridge"

    def rules(self, release: str) -> FrameworkRules:
        """Megatron-LM's rules; the release is Megatron-LM's too."""
        return replace(megatron_rules(release), name=self.name)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """Megatron-LM's default order, which is the plan's."""
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The overrides of a plan."""
        check_layout(plan)
        files = {OVERRIDE_FILE: override_file(plan, release)}
        environment = megatron_environment(plan)
        if ranks.ranks_per_node:
            files[EXECUTOR_FILE] = executor_file(ranks, environment)
            files[TASK_FILE] = "".join(f"{host}\n" for host in ranks.host_of_rank)
        return FrameworkFiles(files=files, sourced=(), program=_PROGRAM, environment=environment)


def override_file(plan: Plan, release: str) -> str:
    """The YAML file, by part of ``ConfigContainer``."""
    about = (
        f"{plan.model.name} on {plan.cluster.name}: {plan.strategy.num_gpus} GPUs,"
        f" {plan.estimate.step_time_s:.3f} s per step."
    )
    lines = [
        comment(about),
        comment("Overrides of your model's recipe. Groups follow from the rank alone"),
        comment("(tp-cp-ep-dp-pp): start the ranks where rank_table.json says."),
    ]
    parts: dict[str, list[FieldValue]] = {"model": []}
    for entry in _decided(plan, release):
        parts.setdefault(_ELSEWHERE.get(entry.name, "model"), []).append(entry)
    for part, entries in parts.items():
        lines += [f"{part}:", *yaml_lines(entries, indent=2)]
    return "\n".join([*lines, f"mixed_precision: {_RECIPES[plan.run.precision]}", ""])


def _decided(plan: Plan, release: str) -> list[FieldValue]:
    """What the plan decides: of the architecture, only how tokens travel and how many there are."""
    found = []
    for section in sections(plan, release):
        fields = fields_of([section])
        if section.title in _ARCHITECTURE:
            fields = tuple(entry for entry in fields if entry.name in _OF_ARCHITECTURE)
        found += [
            replace(entry, name=_OTHER_NAMES.get(entry.name, entry.name))
            for entry in fields
            if entry.name not in _OF_RECIPE
        ]
    return found


def executor_file(ranks: RankTable, environment: tuple[EnvironmentVariable, ...]) -> str:
    """A NeMo-Run executor that keeps to the host file."""
    hosts, per_node = len(ranks.node_names), ranks.ranks_per_node
    space = " " * 12
    lines = [
        f'{space}"SLURM_HOSTFILE": str(HERE / "{TASK_FILE}"),',
        f"{space}# The host of rank 0, who listens; left alone, Slurm's first host by name is asked.",
        f'{space}"MASTER_ADDR": "{ranks.node_names[0]}",',
    ]
    for variable in environment:
        lines += comment_lines(variable.reason, space)
        lines.append(f"{space}{json.dumps(variable.name)}: {json.dumps(variable.value)},")
    variables = "\n".join(lines)
    segment = _SEGMENT.format(ranks.hosts_per_domain) if ranks.hosts_per_domain else ""
    return f'''"""A NeMo-Run executor for the plan; account, partition and container are yours."""

import pathlib

import nemo_run as run

HERE = pathlib.Path(__file__).resolve().parent


def executor(account, partition, **settings):
    """{hosts} hosts of {per_node} ranks, task k on the host in line k of {TASK_FILE}."""
    return run.SlurmExecutor(
        account=account,
        partition=partition,
        nodes={hosts},
        ntasks_per_node={per_node},
        gpus_per_node={ranks.gpus_per_host},{segment}
        # Exactly the hosts of the plan.
        additional_parameters={{"nodelist": "{",".join(compress_names(ranks.node_names))}"}},
        # Without it Slurm sorts hosts by name and undoes the placement.
        srun_args=["--distribution=arbitrary"],
        env_vars={{
{variables}
        }},
        **settings,
    )
'''
