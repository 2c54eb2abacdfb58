"""A plan as a YAML file over MaxText's ``base.yml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.emit.argument import comment
from placer.emit.diloco import OUTER_MOMENTUM, outer_rate
from placer.plan.strategy import CrossSiteMode, RecomputeGranularity
from placer.spec.model import AttentionKind
from placer.spec.run import Optimizer, Precision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.emit.maxtext.mesh import MeshSplit
    from placer.plan.plan import Plan
    from placer.plan.strategy import CrossSite
    from placer.spec.model import ModelSpec, MoE

CONFIG_FILE: Final = "maxtext.yml"
ENVIRONMENT_FILE: Final = "maxtext_env.sh"
_OPTIMIZERS: Final = {Optimizer.ADAM: "adamw", Optimizer.SGD: "sgd", Optimizer.MUON: "muon"}
_LEAST_RECOMPUTE: Final = "minimal_with_context"
"""Every matrix product is kept; MaxText always recomputes what lies between them."""


def config_file(plan: Plan, split: MeshSplit, version: str) -> str:
    """The YAML file, by concern."""
    lines = [comment(line) for line in _about(plan, split, version)]
    lines.append("base_config: base.yml")
    sections = {
        "Model": _model(plan.model),
        "Parallelism": _parallelism(plan, split),
        "Batch": _batch(plan),
        "Between sites": _between_sites(plan.strategy.cross_site),
        "Recomputation, precision, optimizer": _training(plan),
    }
    for title, pairs in sections.items():
        settings = [f"{key}: {value}" for key, value in pairs]
        lines += ["", comment(title), *settings] if settings else []
    return "\n".join([*lines, ""])


def environment_file() -> str:
    """What MaxText reads to find its place; a process has one GPU, so that any order can be said."""
    return """# MaxText on GPUs takes its number and its devices from here: one process per GPU, so that the order
# of the mesh is the order of the ranks whatever the host.
gpu="$LOCAL_RANK"
if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then
  IFS=, read -r -a gpus <<<"$CUDA_VISIBLE_DEVICES"
  gpu="${gpus[$LOCAL_RANK]}"
fi
# MaxText numbers devices among all of the host, so they must all be visible.
unset CUDA_VISIBLE_DEVICES
export SLURM_STEP_GPUS="$gpu"
export NNODES="$WORLD_SIZE" NODE_RANK="$RANK"
export JAX_COORDINATOR_IP="$MASTER_ADDR" JAX_COORDINATOR_PORT="$MASTER_PORT"
"""


def _about(plan: Plan, split: MeshSplit, version: str) -> list[str]:
    return [
        f"{plan.model.name} on {plan.cluster.name}: configuration for MaxText {version},",
        f"{plan.strategy.num_gpus} GPUs, {plan.estimate.step_time_s:.3f} s per step.",
        "",
        (
            f"{split.num_slices} slices of {split.devices_per_slice} devices each: ici factors stay inside"
            " a slice, dcn factors go between slices."
        ),
        "The mesh is filled in rank order, slice by slice, the expert axis fastest, then tensor,",
        "context, fsdp and data: start the ranks where rank_table.json says.",
        "Data set, tokenizer, run name, learning rate and steps are yours to add on the command line.",
    ]


def _model(model: ModelSpec) -> Iterator[tuple[str, object]]:
    attention, moe = model.attention, model.moe
    latent = attention.kind is AttentionKind.MLA
    block = "deepseek" if latent or model.first_dense_layers else "mixtral" if moe else "llama2"
    yield "decoder_block", block
    yield "base_emb_dim", model.hidden_size
    yield "base_num_decoder_layers", model.num_layers
    yield "base_num_query_heads", attention.num_heads
    yield "base_num_kv_heads", attention.num_heads if latent else attention.num_kv_heads
    yield "base_mlp_dim", model.mlp.ffn_hidden_size or (moe.ffn_hidden_size if moe else 0)
    yield "vocab_size", model.vocab_size
    yield "logits_via_embedding", _yaml(model.tied_embeddings)
    if latent:
        yield from _latent(model)
    else:
        yield "head_dim", attention.head_dim
    if moe is not None:
        yield from _experts(model, moe)
    if model.mtp_layers:
        yield "mtp_num_layers", model.mtp_layers


def _latent(model: ModelSpec) -> Iterator[tuple[str, object]]:
    attention = model.attention
    yield "attention_type", "mla"
    yield "q_lora_rank", attention.q_lora_rank or 0
    yield "kv_lora_rank", attention.kv_lora_rank
    yield "qk_nope_head_dim", attention.qk_nope_head_dim
    yield "qk_rope_head_dim", attention.qk_rope_head_dim
    yield "v_head_dim", attention.v_head_dim


def _experts(model: ModelSpec, moe: MoE) -> Iterator[tuple[str, object]]:
    yield "num_experts", moe.num_experts
    yield "num_experts_per_tok", moe.top_k
    yield "base_moe_mlp_dim", moe.ffn_hidden_size
    if model.first_dense_layers:
        yield "first_num_dense_layers", model.first_dense_layers
    if moe.shared_ffn_hidden_size:
        yield "shared_experts", -(-moe.shared_ffn_hidden_size // moe.ffn_hidden_size)
    if moe.num_groups > 1:
        yield "n_routing_groups", moe.num_groups
        yield "topk_routing_group", moe.topk_groups


def _parallelism(plan: Plan, split: MeshSplit) -> Iterator[tuple[str, object]]:
    """Every axis is written out: MaxText fills in what is missing, and checks no products."""
    yield "hardware", "gpu"
    factors = {"fsdp": (1, 1), "data": (1, 1)}
    factors |= {
        axis: (ici, dcn) for axis, ici, dcn in zip(split.axes, split.ici, split.dcn, strict=True)
    }
    for axis, (ici, dcn) in factors.items():
        if axis == "diloco" and ici * dcn == 1:
            continue
        yield f"ici_{axis}_parallelism", ici
        yield f"dcn_{axis}_parallelism", dcn
    if plan.strategy.zero_stage == 1:
        yield "shard_optimizer_over_data", "true"
    if plan.strategy.cp > 1:
        yield "context_parallel_strategy", "all_gather"


def _between_sites(cross_site: CrossSite) -> Iterator[tuple[str, object]]:
    """DiLoCo: slices of different sites take steps of their own and meet every so many."""
    if not cross_site.is_asynchronous:
        return
    yield "enable_diloco", "true"
    yield "diloco_sync_period", cross_site.inner_steps or 1
    yield "diloco_outer_lr", outer_rate(cross_site.replicas)
    yield "diloco_outer_momentum", OUTER_MOMENTUM
    if cross_site.mode is CrossSiteMode.STREAMING_DILOCO:
        yield "enable_streaming_diloco", "true"
        yield "num_diloco_fragments", cross_site.fragments or 1
        yield "num_communication_overlapping_steps", cross_site.overlap_steps or 0


def _batch(plan: Plan) -> Iterator[tuple[str, object]]:
    """Sequences per device and micro-batch; a fraction where devices share a sequence."""
    strategy = plan.strategy
    yield "per_device_batch_size", strategy.micro_batch_size / (strategy.tp * strategy.cp)
    yield "gradient_accumulation_steps", strategy.num_microbatches
    yield "max_target_length", plan.run.seq_len


def _training(plan: Plan) -> Iterator[tuple[str, object]]:
    full = plan.strategy.recompute.granularity is RecomputeGranularity.FULL
    yield "remat_policy", "full" if full else _LEAST_RECOMPUTE
    yield "dtype", "bfloat16"
    if plan.run.precision is Precision.FP8:
        yield "quantization", "fp8"
    yield "opt_type", _OPTIMIZERS[plan.run.optimizer]


def _yaml(value: bool) -> str:
    return "true" if value else "false"
