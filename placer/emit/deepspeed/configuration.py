"""A plan as DeepSpeed's JSON, the words that go with it, and the pipeline's stages in Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from placer.emit.argument import comment
from placer.plan.strategy import RecomputeGranularity
from placer.spec.run import GradientRecipe, MoeDispatcher, Optimizer

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

CONFIG_FILE: Final = "deepspeed.json"
ARGUMENT_FILE: Final = "deepspeed_args.sh"
PIPELINE_FILE: Final = "placer_deepspeed.py"
HOST_FILE: Final = "deepspeed_hostfile"
_OPTIMIZERS: Final = {
    Optimizer.ADAM: "AdamW",
    Optimizer.ADAM_8BIT: "AdamW",
    Optimizer.MUON: "Muon",
}
_FORMATS: Final = {
    GradientRecipe.FP32: ("fp32", "fp32"),
    GradientRecipe.NARROW: ("bf16", "bf16"),
    GradientRecipe.ACCUMULATED: ("bf16", "fp32"),
}


def json_file(plan: Plan) -> str:
    """The configuration; every top-level key is one DeepSpeed reads, for it checks none itself."""
    strategy, run = plan.strategy, plan.run
    sent, summed = _FORMATS[run.features.gradients]
    document: dict[str, object] = {
        "train_batch_size": run.global_batch_size,
        "train_micro_batch_size_per_gpu": strategy.micro_batch_size,
        "gradient_accumulation_steps": strategy.num_microbatches,
        "bf16": {"enabled": True},
        "communication_data_type": sent,
        "data_types": {"grad_accum_dtype": summed},
        "zero_optimization": {
            "stage": strategy.zero_stage,
            "overlap_comm": run.features.dp_overlap,
            "contiguous_gradients": True,
            "reduce_scatter": True,
        },
    }
    if run.optimizer is not Optimizer.ADAM_8BIT:
        document["optimizer"] = {"type": _OPTIMIZERS[run.optimizer], "params": {"lr": "auto"}}
    if strategy.pp == 1 and strategy.tp > 1:
        overlap = run.features.tp_comm_overlap
        document["tensor_parallel"] = {"autotp_size": strategy.tp, "tp_overlap_comm": overlap}
    if plan.model.moe is not None and strategy.ep > 1:
        backend = "deepep" if run.features.moe_dispatcher is MoeDispatcher.DEEPEP else "comm"
        document["expert_parallel"] = {
            "enabled": True,
            "autoep_size": strategy.ep,
            "comm_backend": backend,
        }
    if strategy.cp > 1:
        document["sequence_parallel_size"] = strategy.cp
    return json.dumps(document, indent=2) + "\n"


def argument_file(plan: Plan, version: str) -> str:
    """The words for the training script, under what JSON has no place for."""
    lines = [comment(line) for line in _about(plan, version)]
    lines.append(f'DEEPSPEED_ARGS=(--deepspeed --deepspeed_config "$HERE/{CONFIG_FILE}")')
    if plan.strategy.pp > 1:
        lines.append('export PYTHONPATH="$HERE${PYTHONPATH:+:$PYTHONPATH}"')
    return "\n".join([*lines, ""])


def _about(plan: Plan, version: str) -> list[str]:
    strategy, run = plan.strategy, plan.run
    lines = [
        f"{plan.model.name} on {plan.cluster.name}: DeepSpeed {version}, {strategy.num_gpus} GPUs,",
        f"{plan.estimate.step_time_s:.3f} s per step.",
        "",
        (
            f"{CONFIG_FILE}: {run.global_batch_size} sequences = {strategy.micro_batch_size} *"
            f" {strategy.num_microbatches} micro-batches * dp {strategy.dp}; the learning rate is yours."
        ),
        "DeepSpeed accepts top-level keys it does not know without a word: check what you add.",
        "Groups follow from the rank alone (model fastest, then data, then pipe): start the ranks on",
        "the hosts of rank_table.json, in that order.",
    ]
    if strategy.cp > 1:
        lines += [
            f"Ulysses: {strategy.cp} consecutive ranks share a sequence. It exchanges heads all to",
            "all; the plan reckons with context parallelism that passes keys and values around.",
        ]
    if plan.model.moe is not None and strategy.ep > 1:
        lines.append(
            f"AutoEP: experts over {strategy.ep} consecutive ranks, which may exceed data"
            f" parallelism ({strategy.dp})."
        )
    if strategy.recompute.granularity is RecomputeGranularity.FULL:
        lines.append("Recompute every layer: your model has to enable activation checkpointing.")
    if strategy.pp > 1:
        lines.append(f"The pipeline is told in Python: build your model with {PIPELINE_FILE}.")
    return lines


def pipeline_file(plan: Plan) -> str:
    """The topology, and a pipeline module with the plan's stages."""
    strategy = plan.strategy
    chunks = sorted(plan.placement.pipeline_layout.chunks, key=lambda c: c.stage)
    parts = [0, *(1 + chunk.first_layer + chunk.num_layers for chunk in chunks[:-1])]
    parts.append(plan.model.num_layers + 2)
    title = "The plan's pipeline for DeepSpeed: its topology, and which layers each stage holds."
    return f'''"""{title}"""

from deepspeed.pipe import PipelineModule
from deepspeed.runtime.pipe.topology import PipeModelDataParallelTopology

# Stage s holds layers PARTS[s] to PARTS[s + 1] of the list [embedding, {plan.model.num_layers} layers, norm and head];
# they need not divide evenly.
PARTS = {parts}


def topology():
    """Rank = model + {strategy.tp} * (data + {strategy.dp} * pipe)."""
    return PipeModelDataParallelTopology(
        num_pp={strategy.pp}, num_mp={strategy.tp}, num_dp={strategy.dp}
    )


class PlannedPipeline(PipelineModule):
    """A pipeline module split as planned: PlannedPipeline(layers, topology=topology(), ...)."""

    def _partition_layers(self, method="uniform"):
        stage = self._topo.get_coord(self.global_rank).pipe
        self.parts = PARTS
        self._set_bounds(start=PARTS[stage], stop=PARTS[stage + 1])
'''


def host_file(ranks: RankTable) -> str:
    """The hosts for DeepSpeed's own launcher, in rank order."""
    lines = [
        comment("For `deepspeed --hostfile`: the order of the lines is the order of the ranks."),
        *(f"{host} slots={ranks.ranks_per_node}" for host in ranks.node_names),
    ]
    return "\n".join([*lines, ""])
