"""The attention block: grouped-query and multi-head latent attention as operators."""

from __future__ import annotations

import numpy as np

from placer.spec.model import Attention, AttentionKind, LayerClass
from placer.workload.operators import AttentionCore, FloatArray, Gemm, Shard

ACTIVATION_BYTES = 2


def attention_gemms(attention: Attention, hidden_size: int, shard: Shard) -> tuple[Gemm, ...]:
    """Projections around the attention core.

    GQA: one fused QKV of width (heads + 2 kv_heads) * head_dim over tp (key/value heads are
    replicated when tp exceeds them, Megatron-LM ``num_query_groups``) and one output projection.
    MLA (DeepSeek-V2, arXiv 2405.04434, section 2.1): the two down projections act on the local
    tokens and are not divided by tp; the up projections are.
    """
    tokens, tp = shard.tokens, shard.tp
    one = np.ones_like(tokens)
    heads = attention.num_heads / tp
    out = Gemm(
        name="attention_out",
        m=tokens,
        n=one * hidden_size,
        k=heads * attention.v_head_dim,
        copies=one,
    )
    if attention.kind is AttentionKind.GQA:
        kv_heads = np.maximum(attention.num_kv_heads / tp, 1.0)
        width = heads * attention.head_dim + kv_heads * (attention.head_dim + attention.v_head_dim)
        return (Gemm(name="qkv", m=tokens, n=width, k=one * hidden_size, copies=one), out)
    return (*_latent_gemms(attention, hidden_size, shard), out)


def _latent_gemms(attention: Attention, hidden_size: int, shard: Shard) -> tuple[Gemm, ...]:
    one = np.ones_like(shard.tokens)
    heads = attention.num_heads / shard.tp
    nope, rope = attention.qk_nope_head_dim or 0, attention.qk_rope_head_dim or 0
    kv_rank = attention.kv_lora_rank or 0
    q_in: FloatArray = one * hidden_size
    gemms: list[Gemm] = []
    if attention.q_lora_rank:
        rank = one * attention.q_lora_rank
        gemms.append(Gemm(name="q_down", m=shard.local_tokens, n=rank, k=q_in, copies=one))
        q_in = rank
    gemms.append(Gemm(name="q_up", m=shard.tokens, n=heads * (nope + rope), k=q_in, copies=one))
    gemms.append(
        Gemm(
            name="kv_down",
            m=shard.local_tokens,
            n=one * (kv_rank + rope),
            k=one * hidden_size,
            copies=one,
        )
    )
    gemms.append(
        Gemm(
            name="kv_up",
            m=shard.tokens,
            n=heads * (nope + attention.v_head_dim),
            k=one * kv_rank,
            copies=one,
        )
    )
    return tuple(gemms)


def mean_keys(layer: LayerClass, seq_len: int) -> float:
    """Keys a causal query sees, averaged over positions.

    (s + 1) / 2 without a window; w - w (w - 1) / (2 s) with a sliding window w <= s (exact mean);
    (w + 1) / 2 inside chunks of w.
    """
    reach = seq_len if layer.window is None else min(layer.window, seq_len)
    if layer.chunked:
        return (reach + 1) / 2
    return reach - reach * (reach - 1) / (2 * seq_len)


def attention_core(attention: Attention, layer: LayerClass, shard: Shard) -> AttentionCore:
    """Scores and weighted sum: 2 * tokens * mean keys * heads * (d_qk + d_v) FLOPs.

    Zigzag context parallelism balances the causal triangle over ranks (Llama 3, arXiv 2407.21783,
    section 3.3.2), so each rank runs the mean.
    """
    seq = shard.seq_len
    heads = attention.num_heads / shard.tp
    per_key = 2.0 * shard.tokens * heads * (query_key_dim(attention) + attention.v_head_dim)
    return AttentionCore(
        forward_flops=per_key * mean_keys(layer, seq),
        square_flops=per_key * seq,
        scores_bytes=shard.tokens * heads * seq * ACTIVATION_BYTES,
        head_dim=query_key_dim(attention),
    )


def query_key_dim(attention: Attention) -> int:
    """Width of one query or key head."""
    if attention.kind is AttentionKind.GQA:
        return attention.head_dim
    return (attention.qk_nope_head_dim or 0) + (attention.qk_rope_head_dim or 0)


def projection_width(attention: Attention, shard: Shard) -> FloatArray:
    """Elements per token of Q, K and V on one rank."""
    heads = attention.num_heads / shard.tp
    if attention.kind is AttentionKind.GQA:
        kv_heads = np.maximum(attention.num_kv_heads / shard.tp, 1.0)
    else:
        kv_heads = heads
    qk, v = query_key_dim(attention), attention.v_head_dim
    return np.asarray(heads * qk + kv_heads * (qk + v))


def key_value_width(attention: Attention, shard: Shard) -> FloatArray:
    """Elements per token of K and V on one rank, what context parallelism exchanges."""
    return projection_width(attention, shard) - attention.num_heads / shard.tp * query_key_dim(
        attention
    )
