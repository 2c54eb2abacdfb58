"""Activations kept for the backward pass, tensor by tensor, and what recomputation removes.

Counting follows Korthikanti et al., "Reducing Activation Recomputation in Large Transformer
Models" (arXiv 2205.05198, section 4.1), extended to grouped-query and latent attention, gated and
expert MLPs. With GPT shapes, fused attention and no dropout masks it gives their 34 s b h less 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from placer.spec.model import AttentionKind, LayerClass, MlpKind, ModelSpec
from placer.spec.run import Features
from placer.workload.attention import projection_width
from placer.workload.mlp import routed_tokens
from placer.workload.operators import FloatArray, Shard

BF16 = 2.0
DROPOUT_MASK_BYTES = 1.0


class RecomputeModule(StrEnum):
    """Megatron-LM ``--recompute-modules``: what selective recomputation may drop."""

    CORE_ATTENTION = "core_attn"
    LAYERNORM = "layernorm"
    MLA_UP_PROJECTION = "mla_up_proj"
    MLP = "mlp"
    MOE_ACTIVATION = "moe_act"
    MOE = "moe"
    SHARED_EXPERTS = "shared_experts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTensor:
    """Bytes one layer keeps per micro-batch, and the modules whose recomputation drops them."""

    name: str
    size_bytes: FloatArray
    dropped_by: tuple[RecomputeModule, ...] = ()


def saved_tensors(
    model: ModelSpec,
    layer: LayerClass,
    shard: Shard,
    *,
    linear_input_bytes: float,
    fused_attention: bool,
    features: Features,
) -> tuple[SavedTensor, ...]:
    """What one decoder layer keeps without recomputation.

    ``linear_input_bytes`` is the width in which inputs of linear layers are kept (2 in bf16, 1 in
    the FP8 recipes). Plain modules gather a sequence-parallel input outside the product, which
    then keeps the gathered one (Aleph-Alpha/scaling ``core/nn/norm/rms_norm.py``); Megatron-LM keeps
    the local part and gathers it again.
    """
    hidden = model.hidden_size
    inputs = shard.tokens if features.eager_modules else shard.local_tokens
    norm_input = SavedTensor(name="norm_inputs", size_bytes=2 * BF16 * hidden * shard.local_tokens)
    normed = SavedTensor(
        name="norm_outputs",
        size_bytes=2 * linear_input_bytes * hidden * inputs,
        dropped_by=(RecomputeModule.LAYERNORM,),
    )
    tensors = [norm_input, normed]
    tensors.extend(_attention_tensors(model, shard, linear_input_bytes, fused_attention, features))
    if features.dropout:
        masks = 2 * DROPOUT_MASK_BYTES * hidden * shard.local_tokens
        tensors.append(SavedTensor(name="dropout_masks", size_bytes=masks))
    if layer.mlp is MlpKind.DENSE:
        width = model.mlp.ffn_hidden_size / shard.tp * shard.tokens
        tensors.extend(_mlp_tensors(model, width, linear_input_bytes, "mlp", features))
    else:
        tensors.extend(_moe_tensors(model, shard, linear_input_bytes, features))
    return tuple(tensors)


def _attention_tensors(
    model: ModelSpec, shard: Shard, linear_input_bytes: float, fused: bool, features: Features
) -> list[SavedTensor]:
    """Q, K, V, the output, latents and unfused scores.

    The policies of compiled frameworks keep what the output projection returns, which with the
    layer's input gives the second norm's, and not what it takes in.
    """
    attention = model.attention
    heads = attention.num_heads / shard.tp
    up = (RecomputeModule.MLA_UP_PROJECTION,) if attention.kind is AttentionKind.MLA else ()
    tensors = [
        SavedTensor(
            name="qkv",
            size_bytes=BF16 * projection_width(attention, shard) * shard.tokens,
            dropped_by=up,
        ),
        SavedTensor(
            name="attention_output",
            size_bytes=BF16 * heads * attention.v_head_dim * shard.tokens,
            dropped_by=(RecomputeModule.CORE_ATTENTION,) if features.compile else (),
        ),
    ]
    if attention.kind is AttentionKind.MLA:
        latent = (attention.q_lora_rank or 0) + (attention.kv_lora_rank or 0)
        latent_bytes = (BF16 + linear_input_bytes) * latent * shard.local_tokens
        tensors.append(SavedTensor(name="latents", size_bytes=latent_bytes))
    if not fused:
        scores = heads * shard.seq_len * shard.tokens
        masks = (2 * BF16 + DROPOUT_MASK_BYTES) * scores
        tensors.append(
            SavedTensor(
                name="scores", size_bytes=masks, dropped_by=(RecomputeModule.CORE_ATTENTION,)
            )
        )
    return tensors


def _mlp_tensors(
    model: ModelSpec,
    width_tokens: FloatArray,
    linear_input_bytes: float,
    prefix: str,
    features: Features,
) -> list[SavedTensor]:
    """Inputs of the activation function and of the down projection.

    A gated activation run in pieces also keeps what the gate multiplies (``silu(x) * gate``).
    """
    pieces = model.mlp.gated and features.eager_modules and not features.compile
    up = 1.0 + model.mlp.gated + pieces
    module = RecomputeModule.SHARED_EXPERTS if prefix == "shared" else RecomputeModule.MLP
    return [
        SavedTensor(
            name=f"{prefix}_hidden",
            size_bytes=BF16 * up * width_tokens,
            dropped_by=(module,),
        ),
        SavedTensor(
            name=f"{prefix}_activated",
            size_bytes=linear_input_bytes * width_tokens,
            dropped_by=(module,),
        ),
    ]


def _moe_tensors(
    model: ModelSpec, shard: Shard, linear_input_bytes: float, features: Features
) -> list[SavedTensor]:
    moe = model.moe
    assert moe is not None, "a MoE layer needs a MoE block"
    routed = routed_tokens(moe, shard) * features.expert_imbalance
    width = moe.ffn_hidden_size / shard.etp
    up = 2.0 if model.mlp.gated else 1.0
    whole = RecomputeModule.MOE
    tensors = [
        SavedTensor(
            name="expert_inputs",
            size_bytes=linear_input_bytes * model.hidden_size * routed,
            dropped_by=(whole,),
        ),
        SavedTensor(
            name="expert_hidden", size_bytes=BF16 * up * width * routed, dropped_by=(whole,)
        ),
        SavedTensor(
            name="expert_activated",
            size_bytes=linear_input_bytes * width * routed,
            dropped_by=(whole, RecomputeModule.MOE_ACTIVATION),
        ),
        SavedTensor(
            name="expert_outputs",
            size_bytes=BF16 * model.hidden_size * routed,
            dropped_by=(whole,),
        ),
        SavedTensor(
            name="router",
            size_bytes=(BF16 + 4.0) * moe.num_experts * shard.tokens / shard.tp,
            dropped_by=(whole,),
        ),
    ]
    if moe.shared_ffn_hidden_size:
        shared = moe.shared_ffn_hidden_size / shard.tp * shard.tokens
        tensors.extend(_mlp_tensors(model, shared, linear_input_bytes, "shared", features))
    return tensors


def kept_bytes(tensors: tuple[SavedTensor, ...], modules: frozenset[RecomputeModule]) -> FloatArray:
    """Bytes left when ``modules`` are recomputed."""
    kept = [t.size_bytes for t in tensors if not modules.intersection(t.dropped_by)]
    return np.asarray(sum(kept, start=np.zeros(1)))


def selective_modules(model: ModelSpec, fused_attention: bool) -> tuple[RecomputeModule, ...]:
    """The modules selective recomputation drops for this model: those cheap to run again.

    Unfused attention: the core (Korthikanti et al., section 5). Otherwise norms, the expert
    activation function and the latent up projections, as in Megatron-Core's DeepSeek-V3 recipes.
    """
    if not fused_attention:
        return (RecomputeModule.CORE_ATTENTION,)
    modules = [RecomputeModule.LAYERNORM]
    if model.attention.kind is AttentionKind.MLA:
        modules.append(RecomputeModule.MLA_UP_PROJECTION)
    if model.moe is not None:
        modules.append(RecomputeModule.MOE_ACTIVATION)
    return tuple(modules)
